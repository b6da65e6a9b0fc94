//! Sessions that fail, and when they are tried again.

use std::time::Duration;

use cwmp_acs::{Acs, Options, Reply};
use cwmp_e2e::{Client, Device, CONNECTION_REQUEST};

const PROVISIONING: &str = "Device.DeviceInfo.ProvisioningCode";

/// A device whose waits are long enough that the time of a test does not matter: 1000 to 2000 s, 2000 to 4000 s, and so on.
fn device(acs: &Acs) -> Device {
    Device::builder()
        .acs(acs.url())
        .config("[acs]\nretry_minimum = 1000\nretry_multiplier = 2000\n[inform]\nperiodic = false\n")
        .start()
}

/// The wait that was drawn, which must be within these bounds.
#[track_caller]
fn wait(client: &Client, low: i64, high: i64) -> i64 {
    client.wait_for("waiting");
    let rest = client.next_inform().expect("a retry is planned");
    // A test may take some seconds.
    assert!(rest >= low - 10 && rest <= high, "{rest} is not in {low} to {high}");
    rest
}

/// Moves the clock just before the end of a wait, where nothing happens, and then to its end.
#[track_caller]
fn wait_out(acs: &Acs, client: &Client, rest: i64) {
    let informs = acs.informs();
    let rest = u64::try_from(rest).unwrap();
    client.advance(Duration::from_secs(rest - 20));
    client.settle();
    assert_eq!(acs.informs(), informs, "the retry comes too early");
    client.advance(Duration::from_secs(20));
}

/// C87, C74, C90, C83, C19: each wait is in its band, is counted, and a success ends it all.
#[test]
fn each_wait_is_in_its_band() {
    let acs = Acs::start(Options::default());
    let device = device(&acs);
    let client = device.client();
    for n in 0..11_u32 {
        let session = acs.session();
        assert_eq!((session.retry_count(), session.events()), (n, vec!["0 BOOTSTRAP", "1 BOOT"]));
        session.fail_with(Reply::status(503));
        let low = 1000 << n.min(9);
        let rest = wait(&client, low, 2 * low);
        assert_eq!(client.property::<u32>("RetryCount"), n + 1);
        wait_out(&acs, &client, rest);
    }
    let session = acs.session();
    assert_eq!(session.retry_count(), 11);
    session.end();
    client.wait_for("idle");
    client.set_value(PROVISIONING, "new").unwrap();
    let session = acs.session();
    assert_eq!(session.retry_count(), 0);
    session.fail_with(Reply::close());
    wait(&client, 1000, 2000);
}

/// C88: two devices do not draw the same waits.
#[test]
fn waits_differ() {
    let acs = Acs::start(Options::default());
    let device = device(&acs);
    let client = device.client();
    let mut waits = std::collections::BTreeSet::new();
    for _ in 0..3 {
        acs.session().fail_with(Reply::close());
        client.wait_for("waiting");
        let rest = client.next_inform().unwrap();
        waits.insert(rest % 997);
        wait_out(&acs, &client, rest);
    }
    acs.session().end();
    assert!(waits.len() > 1, "{waits:?}");
}

/// C91, C74: over a boot the count stays and the waits begin again; the boot itself opens a session at once.
#[test]
fn a_boot_keeps_the_count_and_starts_the_waits_over() {
    let acs = Acs::start(Options::default());
    let mut device = device(&acs);
    let client = device.client();
    for n in 0..3 {
        let session = acs.session();
        assert_eq!(session.retry_count(), n);
        session.fail_with(Reply::status(500));
        let low = 1000 << n;
        let rest = wait(&client, low, 2 * low);
        if n < 2 {
            wait_out(&acs, &client, rest);
        }
    }
    device.reboot();
    let client = device.client();
    let session = acs.session();
    assert_eq!((session.retry_count(), session.events()), (3, vec!["0 BOOTSTRAP", "1 BOOT"]));
    session.fail_with(Reply::status(500));
    let rest = wait(&client, 1000, 2000);
    wait_out(&acs, &client, rest);
    let session = acs.session();
    assert_eq!(session.retry_count(), 4);
    session.end();
}

/// C74, C83: a restart of the agent alone changes nothing: count, events, and what is left of the wait.
#[test]
fn a_restart_keeps_the_wait() {
    let acs = Acs::start(Options::default());
    let mut device = device(&acs);
    acs.session().fail_with(Reply::status(500));
    let before = wait(&device.client(), 1000, 2000);
    for crash in [false, true] {
        if crash {
            device.kill();
            device.start();
        } else {
            device.restart();
        }
        let client = device.client();
        let after = wait(&client, before - 10, before);
        assert!(after <= before && after >= before - 10, "{before} s became {after} s");
        assert_eq!(client.property::<u32>("RetryCount"), 1);
        client.settle();
        assert_eq!(acs.informs(), 1);
    }
    wait_out(&acs, &device.client(), before);
    let session = acs.session();
    assert_eq!((session.retry_count(), session.events()), (1, vec!["0 BOOTSTRAP", "1 BOOT"]));
    session.end();
}

/// C89, C83: something new is told at once, counts as a retry, and takes along what waits.
#[test]
fn news_end_the_wait() {
    let acs = Acs::start(Options::default());
    let device = device(&acs);
    let client = device.client();
    acs.session().fail_with(Reply::status(500));
    wait(&client, 1000, 2000);
    client.set_value(PROVISIONING, "new").unwrap();
    let session = acs.session();
    assert_eq!(session.retry_count(), 1);
    assert_eq!(session.events(), ["0 BOOTSTRAP", "1 BOOT", "4 VALUE CHANGE"]);
    session.fail_with(Reply::status(500));
    wait(&client, 2000, 4000);
    let url = client.value("Device.ManagementServer.ConnectionRequestURL").unwrap();
    assert_eq!(acs.connection_request(&url, CONNECTION_REQUEST.0, CONNECTION_REQUEST.1), 200);
    let session = acs.session();
    assert_eq!(session.retry_count(), 2);
    assert_eq!(session.events(), ["0 BOOTSTRAP", "1 BOOT", "4 VALUE CHANGE", "6 CONNECTION REQUEST"]);
    session.fail_with(Reply::status(500));
    wait(&client, 4000, 8000);
    client.inform().unwrap();
    let session = acs.session();
    // A connection request is not tried again.
    assert_eq!(session.events(), ["0 BOOTSTRAP", "1 BOOT", "4 VALUE CHANGE"]);
    assert_eq!(session.retry_count(), 3);
    session.end();
}

/// C93, C57: what the InformResponse delivered is not told again, although the session failed after it.
#[test]
fn what_was_delivered_is_not_told_again() {
    let acs = Acs::start(Options::default());
    let mut device = device(&acs);
    let client = device.client();
    let mut session = acs.session();
    session.ready();
    session.fail_with(Reply::status(500));
    let rest = wait(&client, 1000, 2000);
    wait_out(&acs, &client, rest);
    let session = acs.session();
    assert_eq!((session.retry_count(), session.events()), (1, vec![]));
    session.fail_with(Reply::status(500));
    wait(&client, 2000, 4000);
    device.restart();
    let client = device.client();
    wait(&client, 0, 4000);
    client.set_value(PROVISIONING, "new").unwrap();
    let session = acs.session();
    assert_eq!((session.retry_count(), session.events()), (2, vec!["4 VALUE CHANGE"]));
    session.end();
}

/// C57: 8005 asks for the same Inform again, but not for ever; any other fault fails the session.
#[test]
fn an_inform_is_sent_again_for_8005() {
    let acs = Acs::start(Options::default());
    let device = device(&acs);
    let client = device.client();
    let mut session = acs.session();
    for _ in 0..3 {
        // The ACS compares what comes with what came.
        session.fault(8005, "Retry request");
        session.next_post();
    }
    session.end();
    client.wait_for("idle");
    assert_eq!(client.property::<u32>("RetryCount"), 0);
    client.inform().unwrap();
    let mut session = acs.session();
    let mut resent = 0;
    loop {
        session.fault(8005, "Retry request");
        match session.next_post_or_gone() {
            Some(_) => resent += 1,
            None => break,
        }
        assert!(resent < 100, "the Inform comes for ever");
    }
    let rest = wait(&client, 1000, 2000);
    wait_out(&acs, &client, rest);
    for (code, n) in [(8000, 1), (8001, 2), (8002, 3), (8003, 4), (8004, 5), (8800, 6)] {
        let mut session = acs.session();
        assert_eq!(session.retry_count(), n);
        session.fault(code, "no");
        session.gone();
        client.wait_for("waiting");
        client.inform().unwrap();
    }
    acs.session().end();
}

/// C7, C2, C6: an ACS that does not know the version gets an older one, with the retries, down to the oldest.
#[test]
fn an_older_acs_gets_an_older_version() {
    let acs = Acs::start(Options::default());
    let device = device(&acs);
    let client = device.client();
    for (n, namespace) in [2, 1, 0, 2].into_iter().enumerate() {
        let mut session = acs.session();
        assert_eq!((session.namespace(), session.retry_count()), (namespace, u32::try_from(n).unwrap()));
        assert_eq!(session.offered_versions().is_some(), namespace == 2);
        session.fault(8006, "unknown version");
        session.gone();
        client.wait_for("waiting");
        client.inform().unwrap();
    }
    let mut session = acs.session();
    assert_eq!(session.namespace(), 1);
    assert_eq!(session.get_value("Device.RootDataModelVersion").unwrap(), "2.19");
    session.end();
}

/// C6: an ACS of the first version answers in its own namespace, and the session goes on in it.
#[test]
fn a_session_goes_on_in_the_namespace_of_the_acs() {
    for namespace in [0, 1] {
        let acs = Acs::start(Options { namespace: Some(namespace), ..Options::default() });
        let _device = device(&acs);
        let mut session = acs.session();
        assert_eq!(session.namespace(), 2);
        assert_eq!(session.get_value("Device.RootDataModelVersion").unwrap(), "2.19");
        assert_eq!(session.get_value("Device.Nothing").unwrap_err().code, 9005);
        session.end();
    }
}

/// C19, C87: a Retry-After puts off the retry, and never brings it nearer.
#[test]
fn retry_after_is_a_lower_bound() {
    let acs = Acs::start(Options::default());
    let device = device(&acs);
    let client = device.client();
    acs.session().fail_with(Reply::unavailable(Duration::from_secs(50_000)));
    let rest = wait(&client, 50_000, 50_000);
    wait_out(&acs, &client, rest);
    acs.session().fail_with(Reply::unavailable(Duration::from_secs(1)));
    wait(&client, 2000, 4000);
    client.inform().unwrap();
    acs.session().end();
}

/// C87: what the ACS sets of the waits counts for the next one.
#[test]
fn the_waits_are_those_of_the_settings() {
    let acs = Acs::start(Options::default());
    let device = device(&acs);
    let client = device.client();
    let mut session = acs.session();
    let minimum = "Device.ManagementServer.CWMPRetryMinimumWaitInterval";
    let multiplier = "Device.ManagementServer.CWMPRetryIntervalMultiplier";
    let kind = cwmp_acs::ValueType::UnsignedInt;
    for (name, bad) in [(minimum, "0"), (minimum, "65536"), (multiplier, "999"), (multiplier, "65536")] {
        assert_eq!(session.set(&[(name, kind, bad)], "").unwrap_err().parameters[0].1, 9007, "{name} {bad}");
    }
    session.set(&[(minimum, kind, "65535"), (multiplier, kind, "1000")], "").unwrap();
    session.fail_with(Reply::status(500));
    wait(&client, 65_535, 65_535);
    client.inform().unwrap();
    acs.session().fail_with(Reply::status(500));
    wait(&client, 65_535, 65_535);
}
