//! What a provider prepared is kept alive while others take their time.

use std::sync::{mpsc, Mutex};
use std::time::Duration;

use cwmp_e2e::native::{Native, PathIndexFaults, Serve, Step};
use cwmp_e2e::Device;
use tokio::sync::oneshot;

/// A daemon with one value, that tells the test each step of a transaction.
struct Told {
    value: &'static str,
    steps: mpsc::Sender<&'static str>,
    /// Commits when this comes.
    commits: Mutex<Option<oneshot::Receiver<()>>>,
    /// From the second time on, preparing is refused.
    fickle: bool,
    prepared: Mutex<u32>,
}

impl Serve for Told {
    fn nodes(&self) -> Vec<(String, u8, u32, String)> {
        vec![(object_of(self.value), 0, 1, String::new()), (self.value.to_owned(), 1, 1 << 2, String::new())]
    }

    fn prepare(&self, _: zbus::Connection, _: u64, _: Vec<String>) -> Step<PathIndexFaults> {
        let mut prepared = self.prepared.lock().unwrap();
        *prepared += 1;
        // Not every test listens.
        let _ = self.steps.send("prepare");
        let refused = self.fickle && *prepared > 1;
        Box::pin(
            async move { Ok(if refused { vec![(0, 9001, "no longer".to_owned())] } else { Vec::new() }) },
        )
    }

    fn commit(&self, _: u64) -> Step<u32> {
        let _ = self.steps.send("commit");
        let wait = self.commits.lock().unwrap().take();
        Box::pin(async move {
            if let Some(wait) = wait {
                // The test lets it go, or has failed.
                let _ = wait.await;
            }
            Ok(0)
        })
    }

    fn ends(&self, member: &'static str, _: u64) {
        let _ = self.steps.send(member);
    }
}

fn object_of(path: &str) -> String {
    path[..=path.rfind('.').expect("a path has a dot")].to_owned()
}

const FIRST: &str = "Device.X_TEST_First.Value";
const SECOND: &str = "Device.X_TEST_Second.Value";
/// More than half a lease.
const LONG: Duration = Duration::from_secs(31);

/// Writes to two providers, the first of which takes long to commit: how many faults there were, and what the second was
/// told until `Finish` or `Rollback`.
fn write_slowly(takes: Duration, fickle: bool) -> (usize, Vec<&'static str>) {
    let manifest = |name, object| format!("name = '{name}'\nroots = ['{object}']\n");
    let device = Device::builder()
        .manifest("first", &manifest("first", "Device.X_TEST_First."))
        .manifest("second", &manifest("second", "Device.X_TEST_Second."))
        .start();
    device.present();
    let (go, waits) = oneshot::channel();
    let (first_steps, first_told) = mpsc::channel();
    let (second_steps, second_told) = mpsc::channel();
    let told = |value, steps, commits, fickle| Told {
        value,
        steps,
        commits: Mutex::new(commits),
        fickle,
        prepared: Mutex::default(),
    };
    let address = device.bus.address();
    let (_first, announced) = Native::start(address, "first", told(FIRST, first_steps, Some(waits), false));
    announced.unwrap();
    let (_second, announced) = Native::start(address, "second", told(SECOND, second_steps, None, fickle));
    announced.unwrap();
    device.ready("first");
    device.ready("second");
    let client = device.client();
    let writer = device.client();
    let write = std::thread::spawn(move || writer.set(&[(FIRST, "a"), (SECOND, "b")]));
    let patience = Duration::from_secs(20);
    while first_told.recv_timeout(patience).expect("the first is asked to commit") != "commit" {}
    client.advance(takes);
    go.send(()).expect("the first still commits");
    let (_, faults) = write.join().unwrap().unwrap();
    let mut steps = Vec::new();
    while !steps.last().is_some_and(|step| ["Finish", "Rollback"].contains(step)) {
        steps.push(second_told.recv_timeout(patience).expect("the transaction ends"));
    }
    (faults.len(), steps)
}

/// The lease of 60 s is renewed when a commit before takes longer than half of it.
#[test]
fn a_lease_is_renewed_while_another_provider_commits() {
    assert_eq!(write_slowly(LONG, false), (0, vec!["prepare", "prepare", "commit", "Finish"]));
}

#[test]
fn a_lease_is_not_renewed_without_need() {
    assert_eq!(write_slowly(Duration::from_secs(1), false), (0, vec!["prepare", "commit", "Finish"]));
}

#[test]
fn a_provider_that_does_not_keep_what_it_prepared_takes_the_others_back() {
    assert_eq!(write_slowly(LONG, true), (1, vec!["prepare", "prepare", "Rollback"]));
}
