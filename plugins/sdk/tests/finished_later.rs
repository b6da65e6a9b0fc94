//! An async plugin hears once that a transaction holds: what cannot be undone is done then.
#![cfg(feature = "tokio")]

use std::cell::RefCell;
use std::rc::Rc;

use cwmp_plugin_sdk::testing::{Harness, Step};
use cwmp_plugin_sdk::{declare, AsyncPlugin, Config, Error, Host, Settings};

struct Disk {
    host: Host,
    settings: Settings,
    held: RefCell<Vec<u64>>,
}

declare! {
    async Disk, name: "disk", base: "Device.X_ACME_Disk.",
    nodes {
        object "";
        param "Name" string [writable];
    }
}

impl AsyncPlugin for Disk {
    async fn create(host: Host, _: Config) -> Result<Self, Error> {
        Ok(Self { settings: Settings::load(&host)?, host, held: RefCell::default() })
    }

    fn settings(&self) -> Option<&Settings> {
        Some(&self.settings)
    }

    async fn finished(self: Rc<Self>, txn: u64) -> Result<(), Error> {
        self.held.borrow_mut().push(txn);
        let held: Vec<String> = self.held.borrow().iter().map(u64::to_string).collect();
        self.host.store_put("held", &held.join(","))?;
        Err(Error::internal("nobody is told of this but the log"))
    }
}

const NAME: &str = "Device.X_ACME_Disk.Name";

fn held(disk: &Harness) -> String {
    disk.store().get("held").cloned().unwrap_or_default()
}

#[test]
fn what_holds_is_told_once_and_what_is_taken_back_is_not() {
    let mut disk = Harness::new(&PLUGIN, "");
    let first = disk.stage(&[Step::set(NAME, "a")]).unwrap();
    disk.commit(first).unwrap();
    assert_eq!(held(&disk), "");
    disk.finish(first).unwrap();
    disk.finish(first).unwrap();
    assert_eq!(held(&disk), first.to_string());
    let second = disk.stage(&[Step::set(NAME, "b")]).unwrap();
    disk.commit(second).unwrap();
    disk.rollback(second).unwrap();
    disk.finish(second).unwrap();
    assert_eq!(held(&disk), first.to_string());
}

/// An agent that was cut off does not say it any more.
#[test]
fn what_nobody_told_holds_with_the_next_transaction_also_after_a_power_cut() {
    let mut disk = Harness::new(&PLUGIN, "");
    let first = disk.stage(&[Step::set(NAME, "a")]).unwrap();
    disk.commit(first).unwrap();
    let mut disk = disk.power_cut();
    assert_eq!(held(&disk), "");
    // The same again is no other.
    disk.prepare(first, &[Step::set(NAME, "a")]).unwrap();
    disk.commit(first).unwrap();
    assert_eq!(held(&disk), "");
    let next = first + 1;
    disk.prepare(next, &[Step::set(NAME, "b")]).unwrap();
    assert_eq!(held(&disk), first.to_string());
    disk.rollback(first).unwrap();
    assert_eq!(disk.get(NAME).unwrap(), "a");
    disk.rollback(next).unwrap();
    disk.set(&[(NAME, "c")]).unwrap();
}
