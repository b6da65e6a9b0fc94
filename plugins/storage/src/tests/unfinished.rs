//! Volumes whose making was cut off: by a disk that was pulled out, by the power, by who wanted it no more.

use super::twin::{drive, part, Twin, MIB};
use super::{add_volume, begin, greet, row, until, volume, MEDIA, VOLUMES};
use crate::back_end::{Event, Failure};
use crate::facts::Volume;

const NEW: &str = "Device.Services.StorageService.1.LogicalVolume.7.";

/// A partition with nothing on it.
fn half(name: &str) -> Volume {
    let mut half = part("sdb", name, 512 * MIB);
    half.filesystem.clear();
    half
}

fn count(twin: &Twin, what: &str) -> usize {
    twin.scene().told.iter().filter(|told| told.starts_with(what)).count()
}

#[test]
fn a_volume_that_was_made_when_the_power_went_is_the_rows_and_no_second_one_is_made() {
    let (twin, config) = Twin::new();
    let mut plugin = begin(&config);
    add_volume(&mut plugin, 7);
    twin.scene().hold = true;
    plugin.change(&volume(&plugin, 7, "MODEL sdb", "DATA", 0)).unwrap();
    until("it is begun", || plugin.store().contains_key("unfinished/7"));
    let mut made = part("sdb", "sdb1", 512 * MIB);
    made.label = "DATA".into();
    twin.scene().volumes.push(made);
    let plugin = plugin.power_cut();
    greet(&plugin);
    until("it is online", || plugin.get(&format!("{NEW}Status")).unwrap() == "Online");
    assert_eq!(plugin.rows(VOLUMES).unwrap().len(), 2);
    assert_eq!(count(&twin, "create"), 1);
}

#[test]
fn a_stick_that_comes_back_half_formatted_is_an_error_until_it_is_tried_again_and_then_cleaned() {
    let (twin, config) = Twin::new();
    let mut plugin = begin(&config);
    add_volume(&mut plugin, 7);
    twin.scene().hold = true;
    plugin.change(&volume(&plugin, 7, "MODEL sdb", "DATA", 0)).unwrap();
    until("it is begun", || plugin.store().contains_key("unfinished/7"));
    twin.change(Event::Disks, |scene| {
        scene.drives.pop();
        scene.end = Some(Failure::Gone("/dev/sdb".to_owned()));
        scene.hold = false;
    });
    until("it is an error", || plugin.get(&format!("{NEW}Status")).unwrap() == "Error");
    assert!(plugin.logs().iter().any(|line| line.text.contains("/dev/sdb is gone")));
    // With what was made of it, and with something of somebody else.
    twin.change(Event::Disks, |scene| {
        scene.drives.push(drive("sdb"));
        scene.volumes.extend([half("sdb1"), half("sdb9")]);
        scene.end = None;
    });
    until("the drive is there", || plugin.rows(MEDIA).unwrap().len() == 2);
    until("the other half is there", || plugin.rows(VOLUMES).unwrap().len() == 3);
    assert_eq!(plugin.get(&format!("{NEW}Status")).unwrap(), "Error");
    // The half that was made is no row of its own; the other one is.
    let keys: Vec<String> = plugin.rows(VOLUMES).unwrap().into_iter().map(|row| row.key).collect();
    assert_eq!(keys, ["uuid-sda1", "uuid-sdb9", ""]);
    assert_eq!(count(&twin, "remove"), 0);
    plugin.set(&[(&format!("{NEW}Enable"), "true")]).unwrap();
    until("it is online", || plugin.get(&format!("{NEW}Status")).unwrap() == "Online");
    assert_eq!(count(&twin, "remove the unfinished uuid-sdb1"), 1);
    assert!(twin.scene().volumes.iter().any(|volume| *volume == half("sdb9")));
    assert!(!plugin.store().contains_key("unfinished/7"));
}

#[test]
fn what_somebody_made_of_a_half_formatted_partition_is_theirs() {
    let (twin, config) = Twin::new();
    let mut plugin = begin(&config);
    add_volume(&mut plugin, 7);
    twin.scene().hold = true;
    plugin.change(&volume(&plugin, 7, "MODEL sdb", "DATA", 0)).unwrap();
    until("it is begun", || plugin.store().contains_key("unfinished/7"));
    twin.change(Event::Disks, |scene| {
        scene.end = Some(Failure::Gone("/dev/sdb".to_owned()));
        scene.hold = false;
    });
    until("it is an error", || plugin.get(&format!("{NEW}Status")).unwrap() == "Error");
    let mut theirs = part("sdb", "sdb1", 512 * MIB);
    theirs.label = "PHOTOS".into();
    twin.change(Event::Disks, |scene| {
        scene.volumes.push(theirs.clone());
        scene.end = None;
    });
    until("it is a row", || plugin.rows(VOLUMES).unwrap().iter().any(|row| row.key == "uuid-sdb1"));
    plugin.set(&[(&format!("{NEW}Enable"), "true")]).unwrap();
    until("it is online", || plugin.get(&format!("{NEW}Status")).unwrap() == "Online");
    assert_eq!((count(&twin, "remove"), count(&twin, "create")), (0, 2));
    assert!(twin.scene().volumes.contains(&theirs));
}

/// What one row began and gave up says nothing of what another row, or somebody else, calls the same.
#[test]
fn a_making_that_was_given_up_takes_no_other_volume_of_its_name() {
    let (twin, config) = Twin::new();
    let mut plugin = begin(&config);
    add_volume(&mut plugin, 7);
    add_volume(&mut plugin, 8);
    twin.scene().hold = true;
    plugin.change(&volume(&plugin, 7, "MODEL sdb", "DATA", 512)).unwrap();
    until("it is begun", || count(&twin, "create") == 1);
    plugin.set(&[(&format!("{NEW}Enable"), "false")]).unwrap();
    until("it is given up", || twin.scene().dropped == 1);
    let mut theirs = part("sdb", "sdb9", 512 * MIB);
    theirs.label = "DATA".into();
    twin.change(Event::Disks, |scene| {
        scene.hold = false;
        scene.volumes.push(theirs.clone());
    });
    plugin.change(&volume(&plugin, 8, "MODEL sdb", "DATA", 512)).unwrap();
    let other = NEW.replace("7.", "8.");
    until("the other is online", || plugin.get(&format!("{other}Status")).unwrap() == "Online");
    plugin.set(&[(&format!("{NEW}Enable"), "true")]).unwrap();
    until("it is online", || plugin.get(&format!("{NEW}Status")).unwrap() == "Online");
    assert_eq!(count(&twin, "create"), 3);
    plugin.delete(NEW).unwrap();
    assert_eq!(plugin.get(&format!("{other}Status")).unwrap(), "Online");
    let theirs = row(&plugin, VOLUMES, "uuid-sdb9");
    assert_eq!(plugin.get(&format!("{theirs}Name")).unwrap(), "DATA");
}

/// A host discards what was stored while a commit was under way that failed.
#[test]
fn what_was_made_while_another_commit_failed_is_not_made_again() {
    let (twin, config) = Twin::new();
    let mut plugin = begin(&config);
    add_volume(&mut plugin, 7);
    twin.scene().hold = true;
    plugin.change(&volume(&plugin, 7, "MODEL sdb", "A name that is long", 0)).unwrap();
    until("it is begun", || count(&twin, "create") == 1);
    let data = row(&plugin, VOLUMES, "uuid-sda1");
    // The commit waits for the servers.
    twin.scene().wait = true;
    twin.scene().refuse.insert("smbd", Failure::Refused("no".into()));
    let smb = "Device.Services.StorageService.1.NetworkServer.SMBEnable";
    let txn = plugin.stage(&[cwmp_plugin_sdk::testing::Step::set(smb, "true")]).unwrap();
    let commit = plugin.begin_commit(txn).unwrap();
    until("it waits", || twin.scene().waiting > 0);
    twin.scene().hold = false;
    until("it is made", || {
        plugin.get(&format!("{NEW}Status")).unwrap() != "Error" && count(&twin, "made") == 1
    });
    twin.scene().wait = false;
    commit.end().unwrap_err();
    plugin.rollback(txn).unwrap();
    until("it is kept", || plugin.store().contains_key("made/7"));
    let plugin = plugin.restart();
    greet(&plugin);
    until("it is online", || plugin.get(&format!("{NEW}Status")).unwrap() == "Online");
    assert_eq!(count(&twin, "create"), 1);
    assert_eq!(plugin.get(&format!("{data}Status")).unwrap(), "Online");
}
