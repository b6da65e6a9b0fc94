//! Tests of the whole: on this machine, and on radios that a kernel makes up (`guest_*`).

mod guest;
mod machine;
mod recorded;

use std::time::Duration;

use tokio::sync::mpsc::{unbounded_channel, UnboundedReceiver};
use tokio::task::LocalSet;

use super::*;
use crate::back_end::Event;
use crate::facts::{Band, Ssid, Standard, Width};
use machine::{Daemon, Machine};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

fn run(test: impl std::future::Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, test);
}

#[test]
fn a_machine_without_wifi_has_no_radios() {
    run(async {
        let (events, _heard) = unbounded_channel();
        let air = Nl80211::open(events).unwrap();
        if air.connection.family().await.unwrap().is_some() {
            // This machine has.
            return;
        }
        assert_eq!(air.radios().await, Ok(Vec::new()));
        assert_eq!(air.interfaces().await, Ok(Vec::new()));
        for no in [air.stations(1).await.err(), air.country().await.err(), air.scan(1).await.err()] {
            assert_eq!(no, Some(Failure::Impossible("this kernel has no WiFi".to_owned())));
        }
    });
}

/// As many messages as one more than the limit.
fn many(limit: usize, message: impl Fn(u32) -> Vec<Vec<u8>>) -> Vec<Message> {
    let numbers = 0..=u32::try_from(limit).unwrap();
    numbers.map(|number| Message::of(Nl80211Command::NewInterface, &message(number).concat())).collect()
}

#[test]
fn there_is_no_more_of_anything_than_a_machine_can_have() {
    use attribute::written;
    let interfaces = many(interface::MAX_INTERFACES, |number| {
        let number = number.to_ne_bytes();
        vec![written(of::IFINDEX, &number), written(of::WIPHY, &number), written(of::IFNAME, b"wlan\0")]
    });
    let read = interface::interfaces(&interfaces, std::path::Path::new("/nowhere"));
    assert_eq!(read.len(), interface::MAX_INTERFACES);
    let stations = many(station::MAX_STATIONS, |_| vec![written(of::MAC, &[2; 6])]);
    assert_eq!(station::stations(&stations).len(), station::MAX_STATIONS);
    let surveys = many(station::MAX_SURVEYS, |number| {
        vec![written(of::SURVEY_INFO, &written(1, &number.to_ne_bytes()))]
    });
    assert_eq!(station::surveys(&surveys).len(), station::MAX_SURVEYS);
    // The weakest is left out.
    let neighbours = many(neighbour::MAX_NEIGHBOURS, |number| {
        let signal = -100 * i32::try_from(number).unwrap();
        let parts =
            [written(1, &[2; 6]), written(2, &2_412_u32.to_ne_bytes()), written(7, &signal.to_ne_bytes())];
        vec![written(of::BSS, &parts.concat())]
    });
    let read = neighbour::neighbours(&neighbours, PATIENCE);
    assert_eq!(read.len(), neighbour::MAX_NEIGHBOURS);
    assert_eq!((read[0].signal, read.last().unwrap().signal), (Some(0), Some(-511)));
}
