//! What a transaction does to volumes, until it holds.

use cwmp_plugin_sdk::testing::{Harness, Step};
use cwmp_plugin_sdk::Notice;

use super::twin::{part, Twin, MIB};
use super::{add_volume, begin, greet, row, until, volume, SERVICE, VOLUMES};
use crate::back_end::{Event, Failure};

const NEW: &str = "Device.Services.StorageService.1.LogicalVolume.7.";

fn count(twin: &Twin, what: &str) -> usize {
    twin.scene().told.iter().filter(|told| told.starts_with(what)).count()
}

/// A volume that was found and is mounted, with a folder that is offered.
fn stage() -> (Twin, Harness, String) {
    let (twin, config) = Twin::new();
    let place = Box::leak(Box::new(tempfile::tempdir().unwrap())).path();
    {
        let mut scene = twin.scene();
        let mut data = part("sdb", "sdb1", 512 * MIB);
        scene.mounts = place.into();
        data.mounts = vec![place.join("uuid-sdb1")];
        data.label = "PHOTOS".into();
        scene.volumes.push(data);
    }
    std::fs::create_dir(place.join("uuid-sdb1")).unwrap();
    let mut plugin = begin(&config);
    let data = row(&plugin, VOLUMES, "uuid-sdb1");
    plugin.set(&[(&format!("{SERVICE}NetworkServer.SMBEnable"), "true")]).unwrap();
    let folder = format!("{data}Folder.1.");
    let defaults = [("Enable", "true"), ("Name", "media"), ("UserAccountAccess", "0")];
    super::add(&mut plugin, &folder, &defaults);
    (twin, plugin, data)
}

fn shares(twin: &Twin) -> usize {
    twin.offered("smbd").unwrap().shares.len()
}

/// Another provider of the transaction may refuse when this one has committed.
#[test]
fn a_volume_that_was_deleted_by_a_transaction_that_is_taken_back_is_there_with_all_that_is_on_it() {
    let (twin, mut plugin, data) = stage();
    let txn = plugin.stage(&[Step::delete(&data)]).unwrap();
    plugin.commit(txn).unwrap();
    // For everybody it is gone, but it is there.
    assert_eq!(plugin.rows(VOLUMES).unwrap().len(), 1);
    assert_eq!((shares(&twin), count(&twin, "unmount"), count(&twin, "delete")), (0, 1, 0));
    twin.change(Event::Disks, |scene| scene.drives[1].revision = "1.1".into());
    plugin.rollback(txn).unwrap();
    assert_eq!(plugin.get(&format!("{data}Status")).unwrap(), "Online");
    assert_eq!(plugin.get(&format!("{data}Enable")).unwrap(), "true");
    assert_eq!((shares(&twin), count(&twin, "delete"), count(&twin, "create")), (1, 0, 0));
    assert!(!plugin.store().contains_key("pending"));
}

#[test]
fn a_volume_that_was_made_for_a_row_outlives_its_deletion_that_is_taken_back() {
    let (twin, config) = Twin::new();
    let mut plugin = begin(&config);
    add_volume(&mut plugin, 7);
    plugin.change(&volume(&plugin, 7, "MODEL sdb", "DATA", 0)).unwrap();
    until("it is online", || plugin.get(&format!("{NEW}Status")).unwrap() == "Online");
    let txn = plugin.stage(&[Step::delete(NEW)]).unwrap();
    plugin.commit(txn).unwrap();
    assert_eq!(plugin.rows(VOLUMES).unwrap().len(), 1);
    plugin.rollback(txn).unwrap();
    until("it is online", || plugin.get(&format!("{NEW}Status")).unwrap() == "Online");
    assert_eq!((count(&twin, "create"), count(&twin, "delete")), (1, 0));
}

#[test]
fn a_deletion_is_taken_back_after_a_power_cut_too() {
    let (twin, mut plugin, data) = stage();
    let txn = plugin.stage(&[Step::delete(&data)]).unwrap();
    plugin.commit(txn).unwrap();
    let plugin = plugin.power_cut();
    greet(&plugin);
    assert_eq!(plugin.rows(VOLUMES).unwrap().len(), 1);
    plugin.rollback(txn).unwrap();
    let data = row(&plugin, VOLUMES, "uuid-sdb1");
    assert_eq!(plugin.get(&format!("{data}Status")).unwrap(), "Online");
    assert_eq!((shares(&twin), count(&twin, "delete")), (1, 0));
}

#[test]
fn a_volume_is_erased_when_its_deletion_holds() {
    let (twin, mut plugin, data) = stage();
    let txn = plugin.stage(&[Step::delete(&data)]).unwrap();
    plugin.commit(txn).unwrap();
    plugin.finish(txn).unwrap();
    assert_eq!((count(&twin, "delete uuid-sdb1"), twin.scene().volumes.len()), (1, 1));
    assert!(!plugin.store().contains_key("leaving"));
}

/// The agent was cut off before it could say so.
#[test]
fn a_deletion_whose_end_nobody_told_holds_with_the_next_transaction_or_session() {
    for by_session in [false, true] {
        let (twin, mut plugin, data) = stage();
        let txn = plugin.stage(&[Step::delete(&data)]).unwrap();
        plugin.commit(txn).unwrap();
        let mut plugin = if by_session { plugin.power_cut() } else { plugin };
        greet(&plugin);
        assert_eq!(count(&twin, "delete"), 0);
        if by_session {
            plugin.notice(Notice::SessionEnd).unwrap();
        } else {
            plugin.set(&[(&format!("{SERVICE}NetInfo.HostName"), "other")]).unwrap();
        }
        assert_eq!(count(&twin, "delete uuid-sdb1"), 1);
    }
}

#[test]
fn a_volume_that_cannot_be_erased_is_tried_again_after_a_restart_and_given_up_in_the_end() {
    let (twin, mut plugin, data) = stage();
    twin.scene().undeletable.insert("uuid-sdb1".into(), Failure::Away("udisks2"));
    let txn = plugin.stage(&[Step::delete(&data)]).unwrap();
    plugin.commit(txn).unwrap();
    plugin.finish(txn).unwrap();
    assert_eq!((twin.scene().volumes.len(), plugin.rows(VOLUMES).unwrap().len()), (2, 1));
    let plugin = plugin.restart();
    greet(&plugin);
    until("it is tried", || count(&twin, "delete") > 1);
    assert_eq!(plugin.rows(VOLUMES).unwrap().len(), 1);
    // Who says no goes on saying it: then it is a volume as before, with an error in the log.
    twin.scene().undeletable.insert("uuid-sdb1".into(), Failure::Refused("target is busy".into()));
    until("it is a row again", || {
        twin.change(Event::Disks, |_| {});
        plugin.rows(VOLUMES).unwrap().len() == 2
    });
    assert!(plugin.logs().iter().any(|line| line.text.contains("target is busy")));
}

/// What has come in the place of a volume that is to be erased is not that volume.
#[test]
fn a_volume_that_became_another_before_it_was_erased_stays() {
    let (twin, mut plugin, data) = stage();
    let txn = plugin.stage(&[Step::delete(&data)]).unwrap();
    plugin.commit(txn).unwrap();
    twin.scene().volumes[1].label = "OTHER".into();
    plugin.finish(txn).unwrap();
    assert_eq!((count(&twin, "delete"), twin.scene().volumes.len()), (0, 2));
    assert_eq!(plugin.rows(VOLUMES).unwrap().len(), 2);
}

#[test]
fn names_and_mounts_are_as_before_when_they_are_taken_back() {
    let (twin, mut plugin, data) = stage();
    let mut sdb2 = part("sdb", "sdb2", 512 * MIB);
    sdb2.label = "FILMS".into();
    twin.change(Event::Disks, |scene| scene.volumes.push(sdb2));
    until("it is a row", || plugin.rows(VOLUMES).unwrap().len() == 3);
    let other = row(&plugin, VOLUMES, "uuid-sdb2");
    let steps = [
        Step::set(&format!("{data}Name"), "HOLIDAY"),
        Step::set(&format!("{data}Enable"), "false"),
        Step::set(&format!("{other}Enable"), "true"),
    ];
    let txn = plugin.stage(&steps).unwrap();
    plugin.commit(txn).unwrap();
    assert_eq!(plugin.get(&format!("{other}Status")).unwrap(), "Online");
    assert_eq!(plugin.get(&format!("{data}Status")).unwrap(), "Offline");
    plugin.rollback(txn).unwrap();
    let labels: Vec<String> = twin.scene().volumes.iter().map(|volume| volume.label.clone()).collect();
    assert_eq!(labels, ["root", "PHOTOS", "FILMS"]);
    assert_eq!(plugin.get(&format!("{other}Enable")).unwrap(), "false");
    assert_eq!(plugin.get(&format!("{data}Status")).unwrap(), "Online");
}

#[test]
fn nothing_is_made_before_the_transaction_holds() {
    let (twin, config) = Twin::new();
    let mut plugin = begin(&config);
    add_volume(&mut plugin, 7);
    let txn = plugin.stage(&volume(&plugin, 7, "MODEL sdb", "DATA", 0)).unwrap();
    plugin.commit(txn).unwrap();
    assert_eq!(count(&twin, "create"), 0);
    plugin.rollback(txn).unwrap();
    assert_eq!(plugin.get(&format!("{NEW}Enable")).unwrap(), "false");
    plugin.change(&volume(&plugin, 7, "MODEL sdb", "DATA", 0)).unwrap();
    until("it is online", || plugin.get(&format!("{NEW}Status")).unwrap() == "Online");
    assert_eq!(count(&twin, "create"), 1);
}

/// A making goes on until the deletion of its row holds; then what it has made goes, too.
#[test]
fn what_is_made_for_a_row_whose_deletion_is_under_way_goes_with_it() {
    for holds in [false, true] {
        let (twin, config) = Twin::new();
        let mut plugin = begin(&config);
        add_volume(&mut plugin, 7);
        twin.scene().hold = true;
        plugin.change(&volume(&plugin, 7, "MODEL sdb", "DATA", 0)).unwrap();
        until("it is begun", || count(&twin, "create") == 1);
        let txn = plugin.stage(&[Step::delete(NEW)]).unwrap();
        plugin.commit(txn).unwrap();
        twin.scene().hold = false;
        until("it is made", || count(&twin, "made") == 1);
        until("it is noted", || plugin.store().contains_key("made/7"));
        if holds {
            twin.change(Event::Disks, |_| {});
            plugin.finish(txn).unwrap();
            until("it is erased", || twin.scene().volumes.len() == 1);
        } else {
            plugin.rollback(txn).unwrap();
            until("it is online", || plugin.get(&format!("{NEW}Status")).unwrap() == "Online");
        }
        assert_eq!(count(&twin, "create"), 1);
    }
}

#[test]
fn a_factory_reset_in_the_middle_of_a_deletion_erases_nothing() {
    let (twin, mut plugin, data) = stage();
    let txn = plugin.stage(&[Step::delete(&data)]).unwrap();
    plugin.commit(txn).unwrap();
    plugin.notice(Notice::FactoryReset).unwrap();
    plugin.notice(Notice::SessionEnd).unwrap();
    assert_eq!((count(&twin, "delete"), plugin.rows(VOLUMES).unwrap().len()), (0, 2));
}
