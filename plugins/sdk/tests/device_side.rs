//! The device itself changes settings, also in the middle of a transaction.

use cwmp_plugin_sdk::testing::{Harness, Step};
use cwmp_plugin_sdk::{declare, Config, Effect, Error, Host, Notice, Plugin, Row, Settings};

struct Talker(Settings);

const REFUSED: &str = "refused";

declare! {
    Talker, name: "talker", base: "Device.X_ACME_Talker.",
    nodes {
        object "";
        param "A" string [writable pushed];
        param "B" string [writable pushed];
        param "C" string [pushed];
        table "Port.{i}.";
        param "Port.{i}.Enable" boolean [writable pushed];
    }
}

impl Plugin for Talker {
    fn create(host: Host, _: &Config) -> Result<Self, Error> {
        Ok(Self(Settings::load(&host)?))
    }

    fn settings(&self) -> Option<&Settings> {
        Some(&self.0)
    }

    fn put_in_force(&mut self, names: &[String]) -> Result<Effect, Error> {
        if self.0.text("B").as_deref() == Some(REFUSED) {
            // The device has its own mind, in the middle of a commit that is about to fail.
            self.0.set("A", "device")?;
            self.0.set("C", "device")?;
            return Err(Error::internal(format!("{names:?} are refused")));
        }
        Ok(Effect::Now)
    }

    fn notice(&mut self, notice: Notice) -> Result<(), Error> {
        if notice == Notice::ClockTrusted {
            assert!(self.0.add_row("Port.").is_err());
            assert!(self.0.add_row("A").is_err());
            return self.0.add_row("Port.3.");
        }
        self.0.set("A", "device")
    }
}

const A: &str = "Device.X_ACME_Talker.A";
const B: &str = "Device.X_ACME_Talker.B";

#[test]
fn what_the_device_says_after_a_commit_outlives_the_rollback() {
    let mut talker = Harness::new(&PLUGIN, "");
    let txn = talker.stage(&[Step::set(A, "acs"), Step::set(B, "acs")]).unwrap();
    talker.commit(txn).unwrap();
    talker.notice(Notice::SessionEnd).unwrap();
    assert_eq!(talker.changed(), [A]);
    let talker = talker.power_cut();
    talker.rollback(txn).unwrap();
    assert_eq!(talker.get(A).unwrap(), "device");
    assert_eq!(talker.get(B).unwrap(), "");
}

#[test]
fn what_the_device_says_during_a_commit_outlives_its_failure() {
    let mut talker = Harness::new(&PLUGIN, "");
    talker.set(&[(A, "acs")]).unwrap();
    assert!(talker.set(&[(A, "new"), (B, REFUSED)]).is_err());
    let check = |talker: &Harness| {
        assert_eq!(talker.get(A).unwrap(), "device");
        assert_eq!(talker.get(B).unwrap(), "");
        assert_eq!(talker.get("Device.X_ACME_Talker.C").unwrap(), "device");
    };
    check(&talker);
    let mut talker = talker.power_cut();
    check(&talker);
    talker.set(&[(A, "acs")]).unwrap();
    assert_eq!(talker.power_cut().get(A).unwrap(), "acs");
}

#[test]
fn what_the_device_says_is_stored_and_announced_once() {
    let talker = Harness::new(&PLUGIN, "");
    talker.notice(Notice::SessionEnd).unwrap();
    talker.notice(Notice::SessionEnd).unwrap();
    assert_eq!(talker.changed(), [A]);
    assert_eq!(talker.power_cut().get(A).unwrap(), "device");
}

#[test]
fn a_value_that_cannot_be_stored_is_not_told() {
    let talker = Harness::new(&PLUGIN, "");
    talker.limit_store(0);
    assert!(matches!(talker.notice(Notice::SessionEnd), Err(Error::Resources(_))));
    assert_eq!((talker.get(A).unwrap().as_str(), talker.changed().len()), ("", 0));
}

#[test]
fn a_row_of_the_device_has_settings_and_cannot_be_deleted() {
    let mut talker = Harness::new(&PLUGIN, "");
    let (table, enable) = ("Device.X_ACME_Talker.Port.", "Device.X_ACME_Talker.Port.3.Enable");
    talker.notice(Notice::ClockTrusted).unwrap();
    talker.notice(Notice::ClockTrusted).unwrap();
    assert_eq!(talker.tables_changed(), [table]);
    talker.set(&[(enable, "true")]).unwrap();
    assert!(matches!(talker.delete("Device.X_ACME_Talker.Port.3."), Err(Error::NotWritable(_))));
    let talker = talker.power_cut();
    assert_eq!(talker.rows(table).unwrap(), [Row::numbered(3)]);
    assert_eq!(talker.get(enable).unwrap(), "true");
}
