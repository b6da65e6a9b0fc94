//! Volumes that an ACS has made, mounted and removed.

use cwmp_plugin_sdk::testing::Step;
use cwmp_plugin_sdk::{Error, Notice};

use super::twin::{drive, part, Twin, MIB};
use super::{add_volume, begin, greet, row, until, volume, MEDIA, VOLUMES};
use crate::back_end::{Event, Failure};

const NEW: &str = "Device.Services.StorageService.1.LogicalVolume.7.";

#[test]
fn the_agent_says_which_drive_a_number_is_and_what_was_kept_is_for_when_there_is_none() {
    let (twin, config) = Twin::new();
    twin.scene().drives.push(drive("sdc"));
    let mut plugin = begin(&config);
    let number = plugin.number_of(MEDIA, "MODEL sdb");
    add_volume(&mut plugin, 7);
    let mut steps = volume(&plugin, 7, "MODEL sdb", "A", 64);
    let enable = steps.pop().unwrap();
    plugin.change(&steps).unwrap();
    // The agent has lost its store.
    plugin.give_number(MEDIA, "MODEL sdb", 99);
    plugin.give_number(MEDIA, "MODEL sdc", number);
    plugin.change(&[enable]).unwrap();
    until("it is made", || twin.scene().told.iter().any(|told| told.starts_with("create on")));
    let told = twin.scene().told.join("\n");
    assert!(told.contains("create on MODEL sdc"), "{told}");
    plugin.notice(Notice::FactoryReset).unwrap();
    plugin.set_agent(false);
    // Nothing is remembered, and there is nobody to ask.
    add_volume(&mut plugin, 7);
    let error = plugin.change(&steps[1..2]).unwrap_err();
    assert!(error.to_string().contains("there is no drive"), "{error}");
}

#[test]
fn a_row_that_is_enabled_on_a_drive_becomes_a_volume_and_stays_the_same_row() {
    let (twin, config) = Twin::new();
    let mut plugin = begin(&config);
    add_volume(&mut plugin, 7);
    assert_eq!(plugin.get(&format!("{NEW}Status")).unwrap(), "Offline");
    twin.scene().hold = true;
    plugin.change(&volume(&plugin, 7, "MODEL sdb", "DATA", 512)).unwrap();
    until("it is begun", || !twin.scene().told.is_empty());
    // While it is made, it is not there yet.
    assert_eq!(plugin.get(&format!("{NEW}Status")).unwrap(), "Offline");
    assert_eq!(plugin.get(&format!("{NEW}Capacity")).unwrap(), "512");
    plugin.changed();
    twin.scene().hold = false;
    until("it is online", || plugin.get(&format!("{NEW}Status")).unwrap() == "Online");
    assert!(plugin.changed().contains(&format!("{NEW}Status")));
    let mut told = twin.scene().told.clone();
    told.retain(|told| !told.starts_with("made"));
    assert_eq!(told, ["create on MODEL sdb label DATA size Some(536870912)", "mount uuid-sdb1"]);
    // What was made has no row of its own.
    assert_eq!(plugin.rows(VOLUMES).unwrap().len(), 2);

    // And so it is after a power cut.
    let plugin = plugin.power_cut();
    greet(&plugin);
    assert_eq!(plugin.rows(VOLUMES).unwrap().len(), 2);
    assert_eq!(plugin.get(&format!("{NEW}Status")).unwrap(), "Online");
    assert_eq!(plugin.get(&format!("{NEW}FileSystem")).unwrap(), "ext4");
    assert_eq!(twin.scene().told.iter().filter(|told| told.starts_with("create")).count(), 1);
}

#[test]
fn a_disk_that_is_pulled_out_while_it_is_formatted_is_an_error_and_the_row_can_be_read() {
    let (twin, config) = Twin::new();
    let mut plugin = begin(&config);
    add_volume(&mut plugin, 7);
    twin.scene().hold = true;
    plugin.change(&volume(&plugin, 7, "MODEL sdb", "DATA", 0)).unwrap();
    until("it is begun", || !twin.scene().told.is_empty());
    twin.change(Event::Disks, |scene| {
        scene.drives.pop();
        scene.end = Some(Failure::Gone("/dev/sdb".to_owned()));
        scene.hold = false;
    });
    until("it is an error", || plugin.get(&format!("{NEW}Status")).unwrap() == "Error");
    assert_eq!(plugin.get(&format!("{NEW}Name")).unwrap(), "DATA");
    assert_eq!(plugin.get(&format!("{NEW}Enable")).unwrap(), "true");
    assert!(plugin.logs().iter().any(|line| line.text.contains("/dev/sdb is gone")));
    assert_eq!(twin.scene().dropped, 0);
    // Nothing is tried again by itself; whoever sets it again has it tried.
    twin.change(Event::Disks, |scene| {
        scene.drives.push(drive("sdb"));
        scene.end = None;
    });
    until("the drive is there", || plugin.rows(MEDIA).unwrap().len() == 2);
    assert_eq!(plugin.get(&format!("{NEW}Status")).unwrap(), "Error");
    assert_eq!(twin.scene().told.len(), 1);
    plugin.set(&[(&format!("{NEW}Enable"), "true")]).unwrap();
    until("it is online", || plugin.get(&format!("{NEW}Status")).unwrap() == "Online");
}

#[test]
fn a_making_is_a_job_with_progress_that_ends_when_the_volume_is_online() {
    let (twin, config) = Twin::new();
    let mut plugin = begin(&config);
    add_volume(&mut plugin, 7);
    assert_eq!(plugin.jobs_begun(), 0);
    twin.scene().hold = true;
    plugin.change(&volume(&plugin, 7, "MODEL sdb", "DATA", 512)).unwrap();
    // It is there before who set it is answered.
    assert_eq!(plugin.jobs_begun(), 1);
    let job = plugin.job();
    assert_eq!((job.path.as_str(), job.text.as_str()), (NEW, "making a volume"));
    until("it tells how far it is", || job.progress() == (100, "formatting".to_owned()));
    assert!(!job.is_over());
    twin.scene().hold = false;
    assert_eq!(job.end().unwrap().len(), 0);
    assert_eq!(plugin.get(&format!("{NEW}Status")).unwrap(), "Online");
}

#[test]
fn a_making_that_fails_is_a_job_that_fails_with_the_reason() {
    let (twin, config) = Twin::new();
    let mut plugin = begin(&config);
    add_volume(&mut plugin, 7);
    twin.scene().end = Some(Failure::Gone("/dev/sdb".to_owned()));
    plugin.change(&volume(&plugin, 7, "MODEL sdb", "DATA", 512)).unwrap();
    let error = plugin.job().end().unwrap_err();
    assert!(error.to_string().contains("/dev/sdb is gone"), "{error}");
    assert_eq!(plugin.get(&format!("{NEW}Status")).unwrap(), "Error");
    // Another try is another job; one that is made and cannot be mounted has failed, too.
    let mut scene = twin.scene();
    scene.end = None;
    scene.unmountable.insert("uuid-sdb1".into(), Failure::Refused("bad superblock".into()));
    drop(scene);
    plugin.set(&[(&format!("{NEW}Enable"), "true")]).unwrap();
    let error = plugin.job().end().unwrap_err();
    assert!(error.to_string().contains("bad superblock"), "{error}");
    assert_eq!(plugin.get(&format!("{NEW}Status")).unwrap(), "Error");
}

#[test]
fn a_making_whose_job_is_cancelled_is_given_up_and_an_error_until_it_is_wanted_again() {
    let (twin, config) = Twin::new();
    let mut plugin = begin(&config);
    add_volume(&mut plugin, 7);
    twin.scene().hold = true;
    plugin.change(&volume(&plugin, 7, "MODEL sdb", "DATA", 512)).unwrap();
    let job = plugin.job();
    until("it is begun", || !twin.scene().told.is_empty());
    job.cancel();
    assert_eq!(job.end(), Err(Error::Cancelled));
    assert_eq!(twin.scene().dropped, 1);
    assert_eq!(plugin.get(&format!("{NEW}Status")).unwrap(), "Error");
    twin.scene().hold = false;
    plugin.set(&[(&format!("{NEW}Enable"), "true")]).unwrap();
    plugin.job().end().unwrap();
    assert_eq!(plugin.get(&format!("{NEW}Status")).unwrap(), "Online");
}

#[test]
fn a_making_that_nobody_wants_any_more_is_given_up() {
    let (twin, config) = Twin::new();
    let mut plugin = begin(&config);
    add_volume(&mut plugin, 7);
    twin.scene().hold = true;
    plugin.change(&volume(&plugin, 7, "MODEL sdb", "DATA", 0)).unwrap();
    until("it is begun", || !twin.scene().told.is_empty());
    plugin.delete(NEW).unwrap();
    until("it is dropped", || twin.scene().dropped == 1);
    assert_eq!(plugin.job().end(), Err(Error::Cancelled));
    assert_eq!(plugin.rows(VOLUMES).unwrap().len(), 1);
}

#[test]
fn a_volume_is_removed_with_its_row_and_never_a_protected_one() {
    let (twin, config) = Twin::new();
    twin.scene().volumes.push(part("sdb", "sdb1", 512 * MIB));
    let mut plugin = begin(&config);
    let (root, data) = (row(&plugin, VOLUMES, "uuid-sda1"), row(&plugin, VOLUMES, "uuid-sdb1"));
    let error = plugin.delete(&root).unwrap_err();
    assert!(matches!(&error, Error::Denied(text) if text.contains("the system is on it")), "{error:?}");
    for (name, value) in [("Enable", "false"), ("Capacity", "1")] {
        let error = plugin.set(&[(&format!("{root}{name}"), value)]).unwrap_err();
        assert!(matches!(error, Error::NotWritable(_)), "{name}: {error:?}");
    }
    assert_eq!(twin.scene().told, [""; 0]);
    assert!(plugin.rows(VOLUMES).unwrap().iter().all(|row| row.deletable));
    plugin.delete(&data).unwrap();
    assert_eq!(twin.scene().told, ["delete uuid-sdb1"]);
    assert_eq!(plugin.rows(VOLUMES).unwrap().len(), 1);
}

#[test]
fn a_volume_that_is_in_use_is_not_removed_and_its_row_stays() {
    let (twin, config) = Twin::new();
    {
        let mut scene = twin.scene();
        let mut data = part("sdb", "sdb1", 512 * MIB);
        data.mounts = vec!["/media/data".into()];
        scene.volumes.push(data);
        scene.busy.insert("uuid-sdb1".into(), Failure::Refused("target is busy".into()));
    }
    let mut plugin = begin(&config);
    let data = row(&plugin, VOLUMES, "uuid-sdb1");
    let error = plugin.delete(&data).unwrap_err();
    assert!(error.to_string().contains("target is busy"), "{error}");
    assert_eq!(plugin.rows(VOLUMES).unwrap().len(), 2);
    assert_eq!(twin.scene().told, ["unmount uuid-sdb1"]);
}

/// A row that comes back because its volume could not be removed is not made a second time.
#[test]
fn a_row_whose_volume_is_in_use_stays_bound_to_it() {
    let (twin, config) = Twin::new();
    let mut plugin = begin(&config);
    add_volume(&mut plugin, 7);
    plugin.change(&volume(&plugin, 7, "MODEL sdb", "DATA", 0)).unwrap();
    until("it is online", || plugin.get(&format!("{NEW}Status")).unwrap() == "Online");
    twin.scene().busy.insert("uuid-sdb1".into(), Failure::Refused("target is busy".into()));
    plugin.delete(NEW).unwrap_err();
    assert_eq!(plugin.get(&format!("{NEW}Status")).unwrap(), "Online");
    assert_eq!(plugin.rows(VOLUMES).unwrap().len(), 2);
    let made = |twin: &Twin| twin.scene().told.iter().filter(|told| told.starts_with("create")).count();
    assert_eq!(made(&twin), 1);
    // Nor one whose volume is gone, because a server complains afterwards.
    let mut scene = twin.scene();
    scene.busy.clear();
    drop(scene);
    plugin.delete(NEW).unwrap();
    assert_eq!(plugin.rows(VOLUMES).unwrap().len(), 1);
    assert_eq!(made(&twin), 1);
}

/// A name that the filesystem has no place for is the row's alone.
#[test]
fn a_long_name_does_not_keep_a_volume_from_being_made() {
    let (twin, config) = Twin::new();
    let mut plugin = begin(&config);
    add_volume(&mut plugin, 7);
    plugin.change(&volume(&plugin, 7, "MODEL sdb", "Photos of the summer", 0)).unwrap();
    until("it is online", || plugin.get(&format!("{NEW}Status")).unwrap() == "Online");
    assert_eq!(twin.scene().told[0], "create on MODEL sdb label  size None");
    assert_eq!(plugin.get(&format!("{NEW}Name")).unwrap(), "Photos of the summer");
}

#[test]
fn a_factory_reset_forgets_rows_and_removes_no_volume() {
    let (twin, config) = Twin::new();
    let mut plugin = begin(&config);
    add_volume(&mut plugin, 7);
    plugin.change(&volume(&plugin, 7, "MODEL sdb", "DATA", 0)).unwrap();
    until("it is online", || plugin.get(&format!("{NEW}Status")).unwrap() == "Online");
    plugin.notice(Notice::FactoryReset).unwrap();
    assert!(!twin.scene().told.iter().any(|told| told.starts_with("delete")));
    // It is one that the device has found.
    let rows = plugin.rows(VOLUMES).unwrap();
    assert!(rows.iter().any(|row| row.key == "uuid-sdb1" && row.number == 0));
    assert!(!plugin.store().keys().any(|key| key.starts_with("made/")));
}

#[test]
fn a_deletion_that_is_looked_at_and_not_committed_removes_nothing() {
    let (twin, config) = Twin::new();
    twin.scene().volumes.push(part("sdb", "sdb1", 512 * MIB));
    let mut plugin = begin(&config);
    let data = row(&plugin, VOLUMES, "uuid-sdb1");
    let txn = plugin.stage(&[Step::delete(&data)]).unwrap();
    plugin.rollback(txn).unwrap();
    plugin.notice(Notice::FactoryReset).unwrap();
    assert_eq!(twin.scene().told, [""; 0]);
    assert_eq!(plugin.rows(VOLUMES).unwrap().len(), 2);
}

#[test]
fn nothing_is_made_on_a_drive_that_is_protected_or_not_there() {
    let (twin, config) = Twin::new();
    let mut plugin = begin(&config);
    add_volume(&mut plugin, 7);
    let error = plugin.change(&volume(&plugin, 7, "MODEL sda", "DATA", 0)).unwrap_err();
    assert!(matches!(&error, Error::Value(text) if text.contains("the system is on it")), "{error:?}");
    let reference = format!("{NEW}PhysicalReference");
    let error = plugin.set(&[(&reference, &format!("{MEDIA}99"))]).unwrap_err();
    assert!(matches!(error, Error::Value(_)), "{error:?}");
    // Without a place it waits.
    plugin.set(&[(&format!("{NEW}Enable"), "true")]).unwrap();
    assert_eq!(plugin.get(&format!("{NEW}Status")).unwrap(), "Offline");
    assert_eq!(twin.scene().told, [""; 0]);
}

#[test]
fn a_volume_that_was_found_is_mounted_unmounted_and_named() {
    let (twin, config) = Twin::new();
    twin.scene().volumes.push(part("sdb", "sdb1", 512 * MIB));
    let mut plugin = begin(&config);
    let data = row(&plugin, VOLUMES, "uuid-sdb1");
    plugin.set(&[(&format!("{data}Enable"), "true"), (&format!("{data}Name"), "PHOTOS")]).unwrap();
    assert_eq!(plugin.get(&format!("{data}Status")).unwrap(), "Online");
    assert_eq!(twin.scene().told, ["label uuid-sdb1 PHOTOS", "mount uuid-sdb1"]);
    plugin.set(&[(&format!("{data}Enable"), "false")]).unwrap();
    assert_eq!(plugin.get(&format!("{data}Status")).unwrap(), "Offline");
    // Its size is what it is.
    plugin.set(&[(&format!("{data}Capacity"), "512")]).unwrap();
    let error = plugin.set(&[(&format!("{data}Capacity"), "100")]).unwrap_err();
    assert!(matches!(error, Error::NotWritable(_)), "{error:?}");
}

#[test]
fn a_volume_that_cannot_be_mounted_refuses_the_change_and_nothing_of_it_stays() {
    let (twin, config) = Twin::new();
    {
        let mut scene = twin.scene();
        scene.volumes.push(part("sdb", "sdb1", 512 * MIB));
        scene.unmountable.insert("uuid-sdb1".into(), Failure::Refused("bad superblock".into()));
    }
    let mut plugin = begin(&config);
    let data = row(&plugin, VOLUMES, "uuid-sdb1");
    let error = plugin.set(&[(&format!("{data}Enable"), "true")]).unwrap_err();
    assert!(error.to_string().contains("bad superblock"), "{error}");
    assert_eq!(plugin.get(&format!("{data}Enable")).unwrap(), "false");
    assert_eq!(plugin.get(&format!("{data}Status")).unwrap(), "Offline");
}

#[test]
fn a_volume_that_comes_back_is_mounted_again_and_one_that_cannot_be_is_an_error() {
    let (twin, config) = Twin::new();
    twin.scene().volumes.push(part("sdb", "sdb1", 512 * MIB));
    let mut plugin = begin(&config);
    let data = row(&plugin, VOLUMES, "uuid-sdb1");
    plugin.set(&[(&format!("{data}Enable"), "true")]).unwrap();
    twin.change(Event::Disks, |scene| {
        scene.volumes.pop();
    });
    until("it is gone", || plugin.rows(VOLUMES).unwrap().len() == 1);
    twin.change(Event::Disks, |scene| scene.volumes.push(part("sdb", "sdb1", 512 * MIB)));
    until("it is mounted", || plugin.get(&format!("{data}Status")).is_ok_and(|status| status == "Online"));
    twin.change(Event::Disks, |scene| {
        scene.volumes.last_mut().unwrap().mounts.clear();
        scene.unmountable.insert("uuid-sdb1".into(), Failure::Refused("bad superblock".into()));
    });
    until("it is an error", || plugin.get(&format!("{data}Status")).unwrap() == "Error");
    // It is not tried again and again.
    let before = twin.scene().told.len();
    twin.change(Event::Disks, |scene| scene.drives[1].revision = "1.1".into());
    let disk = row(&plugin, MEDIA, "MODEL sdb");
    until("it was looked", || plugin.get(&format!("{disk}FirmwareVersion")).unwrap() == "1.1");
    assert_eq!(twin.scene().told.len(), before);
}
