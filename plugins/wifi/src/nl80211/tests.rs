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
