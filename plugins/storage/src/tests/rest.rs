//! Nothing is done without a reason: what a server says of itself because it was told something is none.

use std::time::Instant;

use super::twin::Twin;
use super::{begin, until, SERVICE};
use crate::back_end::{Event, Failure, State};

/// A server tells of itself, and the plugin has looked at it.
fn look(twin: &Twin, server: &'static str) {
    let count = || twin.scene().looked.get(server).copied().unwrap_or(0);
    let before = count();
    twin.change(Event::Server(server), |_| {});
    until("it was looked at", || count() > before);
}

fn told(twin: &Twin, server: &str) -> u32 {
    twin.scene().applied.get(server).copied().unwrap_or(0)
}

/// systemd tells of a unit whenever somebody asks for something, also when that was there already.
#[test]
fn a_server_that_tells_of_what_it_was_told_is_not_told_again() {
    let (twin, config) = Twin::new();
    let mut plugin = begin(&config);
    twin.scene().noisy = true;
    plugin.set(&[(&format!("{SERVICE}NetworkServer.SMBEnable"), "true")]).unwrap();
    let before = told(&twin, "smbd");
    // What comes of one look is done before the next.
    for _ in 0..5 {
        look(&twin, "smbd");
    }
    assert_eq!(told(&twin, "smbd"), before);
}

#[test]
fn a_server_that_is_another_process_now_is_told_again() {
    let (twin, config) = Twin::new();
    let mut plugin = begin(&config);
    twin.scene().processes.insert("smbd", 100);
    plugin.set(&[(&format!("{SERVICE}NetworkServer.SMBEnable"), "true")]).unwrap();
    let before = told(&twin, "smbd");
    twin.change(Event::Server("smbd"), |scene| {
        scene.processes.insert("smbd", 101);
    });
    until("it is told again", || told(&twin, "smbd") > before);
}

/// Each attempt begins it, and it ends, and says so: that is no reason for the next.
#[test]
fn a_server_that_ends_at_once_is_tried_again_after_a_while_and_not_whenever_it_says_so() {
    let (twin, config) = Twin::new();
    let mut plugin = begin(&config);
    plugin.set(&[(&format!("{SERVICE}NetworkServer.SMBEnable"), "true")]).unwrap();
    let (begun, before) = (Instant::now(), told(&twin, "smbd"));
    twin.change(Event::Server("smbd"), |scene| {
        scene.noisy = true;
        scene.states.insert("smbd", State::Failed);
        scene.refuse.insert("smbd", Failure::Refused("it ends".into()));
    });
    until("it is tried", || told(&twin, "smbd") > before);
    for _ in 0..5 {
        look(&twin, "smbd");
    }
    // The first time at once, and then not more often than every two seconds.
    let most = before + 1 + u32::try_from(begun.elapsed().as_secs() / 2).unwrap();
    assert!(told(&twin, "smbd") <= most, "{} times", told(&twin, "smbd") - before);
}
