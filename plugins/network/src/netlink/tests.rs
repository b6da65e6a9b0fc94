//! Messages that a kernel sent, and bytes that are none.

mod library;
mod second_opinion;

use proptest::prelude::*;

use super::attribute::written;
use super::*;
use crate::facts::{AddressSource, AddressState, Kind, Lifetime, LinkState, Mac, RouteKind};

/// The recorded messages, each with its name.
fn all_recorded() -> impl Iterator<Item = (&'static str, Vec<u8>)> {
    let lines = include_str!("tests/recorded.txt").lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| {
        let (name, hex) = line.split_once(' ').unwrap();
        let byte = |i: usize| u8::from_str_radix(&hex[i..i + 2], 16).unwrap();
        (name, (0..hex.len()).step_by(2).map(byte).collect())
    })
}

fn read_at(bytes: &[u8], now: Instant) -> Result<Vec<Update>, Error> {
    let mut updates = Vec::new();
    for message in messages(bytes) {
        message?.read(now, &mut updates);
    }
    Ok(updates)
}

/// What the message of this name says.
fn recorded(name: &str) -> Vec<Update> {
    let (_, bytes) = all_recorded().find(|(n, _)| *n == name).expect("recorded");
    read_at(&bytes, Instant::now()).unwrap()
}

fn one(name: &str) -> Update {
    let mut all = recorded(name);
    assert_eq!(all.len(), 1, "{name}: {all:?}");
    all.remove(0)
}

#[test]
fn a_device_is_read() {
    let Update::Link(link) = one("link") else { panic!() };
    assert_eq!((link.name.as_str(), link.kind, link.state), ("far", Kind::Cable, LinkState::Up));
    assert!(link.ethernet && link.up && !link.loopback && !link.no_arp && link.mac.is_some());
    assert_eq!((link.mtu, link.mtu_range), (1_500, (68, 65_535)));
    assert_eq!((link.permanent_mac, link.controller), (None, None));
    assert!(matches!(one("gone"), Update::NoLink(index) if index > 0));
}

#[test]
fn counters_are_read_as_far_as_a_kernel_has_them() {
    let numbers: Vec<u8> = (1..=8_u64).flat_map(u64::to_ne_bytes).collect();
    let header = [&[0; 4][..], &9_u32.to_ne_bytes(), &[0; 8]].concat();
    let stats = written(number::IFLA_STATS64, &numbers);
    let bytes = message(number::RTM_NEWLINK, &[header.clone(), stats].concat());
    let (index, counters) = messages(&bytes).next().unwrap().unwrap().counters().unwrap();
    assert_eq!((index, counters.received_packets, counters.sent_packets), (9, 1, 2));
    assert_eq!((counters.received_bytes, counters.sent_bytes), (3, 4));
    assert_eq!((counters.received_discards, counters.sent_discards), (7, 8));
    assert_eq!(counters.received_multicasts, 0, "its place is behind the end");
    // A device that does not count is not one that has counted nothing.
    let bytes = message(number::RTM_NEWLINK, &header);
    assert_eq!(messages(&bytes).next().unwrap().unwrap().counters(), None);
}

#[test]
fn addresses_are_read() {
    let Update::Address(v4) = one("addr") else { panic!() };
    assert_eq!((v4.ip.to_string().as_str(), v4.prefix, v4.permanent), ("192.0.2.2", 24, true));
    assert_eq!((v4.valid, v4.state), (Lifetime::Forever, AddressState::Preferred));
    assert!(matches!(one("deladdr"), Update::NoAddress(_, ip, 24) if ip == v4.ip));
    let Update::Address(v6) = one("addr6") else { panic!() };
    assert_eq!((v6.source, v6.state), (AddressSource::Router, AddressState::Tentative));
    assert!(matches!((v6.valid, v6.preferred), (Lifetime::Seconds(600, _), Lifetime::Seconds(300, _))));
}

#[test]
fn routes_are_read_hop_by_hop() {
    let all = recorded("replaced");
    let (Update::Replaced(place), Update::Route(route)) = (&all[0], &all[1]) else { panic!("{all:?}") };
    assert_eq!(place, &route.id);
    assert!(route.id.is_default());
    assert_eq!(route.id.gateway.unwrap().to_string(), "192.0.2.9");
    let hops = recorded("multi");
    let gateways: Vec<String> = hops
        .iter()
        .map(|hop| match hop {
            Update::Route(route) => route.id.gateway.unwrap().to_string(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(gateways, ["192.0.2.1", "192.0.2.9"]);
    let Update::Route(refused) = one("route6") else { panic!() };
    assert_eq!((refused.id.kind, refused.id.prefix), (RouteKind::Unreachable, 48));
}

#[test]
fn neighbours_are_read() {
    let Update::Neighbour(there) = one("neigh") else { panic!() };
    assert_eq!((there.reachable, there.mac), (true, Mac::parse("02:00:00:00:00:77")));
    let Update::Neighbour(away) = one("failed") else { panic!() };
    assert_eq!((away.reachable, away.mac, away.ip), (false, None, there.ip));
    assert!(matches!(one("delneigh"), Update::NoNeighbour(_, ip) if ip == there.ip));
}

/// A message of that kind with that body.
fn message(kind: u16, body: &[u8]) -> Vec<u8> {
    let mut bytes = Request::new(kind, 0, body).written(7);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

#[test]
fn an_answer_ends_well_or_with_what_the_kernel_has_against_the_question() {
    let end = |kind: u16, body: &[u8]| {
        let bytes = message(kind, body);
        let message = messages(&bytes).next().unwrap().unwrap();
        message.end()
    };
    let refused = (-(Errno::EPERM as i32)).to_ne_bytes();
    assert_eq!(end(number::NLMSG_ERROR, &[0; 20]), Some(Ok(())));
    assert_eq!(end(number::NLMSG_ERROR, &refused), Some(Err(Errno::EPERM)));
    assert_eq!(end(number::NLMSG_DONE, &[]), Some(Ok(())));
    assert_eq!(end(number::NLMSG_DONE, &refused), Some(Err(Errno::EPERM)));
    assert_eq!(end(number::NLMSG_ERROR, &i32::MIN.to_ne_bytes()), Some(Err(Errno::UnknownErrno)));
    assert_eq!(end(number::RTM_NEWLINK, &refused), None);
}

#[test]
fn what_is_read_before_an_impossible_length_is_not_all() {
    let whole = message(number::RTM_DELLINK, &[&[0; 4][..], &9_u32.to_ne_bytes(), &[0; 8]].concat());
    let now = Instant::now();
    assert_eq!(read_at(&whole, now).unwrap(), [Update::NoLink(9)]);
    assert_eq!(read_at(&[&whole[..], &whole[..], &[1; 15]].concat(), now).unwrap().len(), 2);
    for length in [0_u32, 15, 33, u32::MAX] {
        let mut bytes = [&whole[..], &whole[..]].concat();
        bytes[32..36].copy_from_slice(&length.to_ne_bytes());
        assert!(read_at(&bytes, now).is_err(), "{length}");
    }
}

/// News of a radio come as messages of its device, with little but its name in them.
#[test]
fn what_a_radio_tells_is_not_taken_for_its_device() {
    let name = written(number::IFLA_IFNAME, b"wlan0\0");
    let news = written(number::IFLA_WIRELESS, &[0; 8]);
    let now = Instant::now();
    let device = message(number::RTM_NEWLINK, &[&[0; 16][..], &name].concat());
    assert!(matches!(&read_at(&device, now).unwrap()[..], [Update::Link(link)] if link.name == "wlan0"));
    let radio = message(number::RTM_NEWLINK, &[&[0; 16][..], &name, &news].concat());
    assert_eq!(read_at(&radio, now).unwrap(), []);
}

/// Reads bytes in every way there is; they say no more than fits into them.
fn hurt(bytes: &[u8]) {
    if let Ok(updates) = read_at(bytes, Instant::now()) {
        assert!(updates.len() <= bytes.len() / 8);
    }
    for message in messages(bytes).flatten() {
        let _ = (message.counters(), message.end(), message.is_interrupted());
    }
}

/// A message of a kernel, of which a part is other than it should be.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let whole: Vec<Vec<u8>> = all_recorded().map(|(_, bytes)| bytes).collect();
    let damage = proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8);
    // Most damage in the first hundred bytes: there the lengths are.
    (prop::sample::select(whole), damage, any::<prop::sample::Index>(), any::<bool>()).prop_map(
        |(mut bytes, damage, end, cut)| {
            let front = bytes.len().min(100);
            for (place, byte) in damage {
                bytes[place.index(front)] = byte;
            }
            if cut {
                bytes.truncate(end.index(bytes.len()));
                let length = u32::try_from(bytes.len()).unwrap().to_ne_bytes();
                if let Some(head) = bytes.get_mut(..4) {
                    head.copy_from_slice(&length);
                }
            }
            bytes
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_bytes_hurt(kind in 16_u16..32, flags in any::<u16>(), body in proptest::collection::vec(any::<u8>(), 0..200)) {
        hurt(&body);
        hurt(&Request::new(kind, flags, &body).written(1));
    }

    #[test]
    fn no_damage_hurts(bytes in damaged()) {
        hurt(&bytes);
    }
}
