//! Volumes are made, used and removed, with the real service.

use super::*;

#[test]
fn an_empty_drive_becomes_a_volume_that_files_can_be_written_to() {
    let name = "making::an_empty_drive_becomes_a_volume_that_files_can_be_written_to";
    let Some(folder) = inside(name) else { return };
    let machine = Machine::start(&folder);
    run(async {
        let disks = machine.disks(&[]).await;
        machine.plug_in("disk", 100);
        let drive = disks.drive(&machine.key("disk")).await;
        assert_eq!((drive.size, drive.protected.as_deref(), drive.medium), (100 * MIB, None, true));
        assert!(disks.volumes(&drive.key).await.is_empty());

        let (made, said) = disks.create(&new(&drive.key, Some(40), "FILMS")).await;
        let key = made.unwrap();
        assert!(said.iter().any(|words| words == "making ext4"), "{said:?}");
        let volume = disks.volume(&key).await;
        assert_eq!((volume.filesystem.as_str(), volume.label.as_str()), ("ext4", "FILMS"));
        assert_eq!((volume.size, volume.drive.as_deref()), (40 * MIB, Some(drive.key.as_str())));
        assert!(volume.mounts.is_empty() && volume.protected.is_none() && !volume.encrypted);

        let place = disks.udisks.mount(&key).await.unwrap();
        assert!(place.starts_with("/media") || place.starts_with("/run/media"), "{place:?}");
        assert_eq!(disks.udisks.mount(&key).await.unwrap(), place);
        assert_eq!(disks.volume(&key).await.mounts, std::slice::from_ref(&place));
        std::fs::write(place.join("film"), "a film").unwrap();

        let file = std::fs::File::open(place.join("film")).unwrap();
        let text = refused(disks.udisks.unmount(&key).await);
        assert!(text.contains(&format!("({})", std::process::id())), "{text}");
        let text = refused(disks.udisks.delete(&key).await);
        assert!(text.contains("in use by"), "{text}");
        drop(file);

        disks.udisks.unmount(&key).await.unwrap();
        disks.udisks.unmount(&key).await.unwrap();
        disks.udisks.set_label(&key, "MUSIC").await.unwrap();
        assert_eq!(disks.until(|_, all| all.iter().find(|v| v.label == "MUSIC").cloned()).await.key, key);
        let again = disks.udisks.mount(&key).await.unwrap();
        assert_eq!(std::fs::read_to_string(again.join("film")).unwrap(), "a film");

        // It is unmounted with it.
        disks.udisks.delete(&key).await.unwrap();
        assert!(disks.volumes(&drive.key).await.is_empty());
        assert!(matches!(disks.udisks.delete(&key).await, Err(Failure::Gone(_))));
    });
}

#[test]
fn a_second_volume_takes_what_is_free_and_leaves_the_first_alone() {
    let name = "making::a_second_volume_takes_what_is_free_and_leaves_the_first_alone";
    let Some(folder) = inside(name) else { return };
    let machine = Machine::start(&folder);
    run(async {
        let disks = machine.disks(&[]).await;
        machine.plug_in("disk", 100);
        let drive = disks.drive(&machine.key("disk")).await;
        let first = disks.create(&new(&drive.key, Some(40), "ONE")).await.0.unwrap();
        let place = disks.udisks.mount(&first).await.unwrap();
        std::fs::write(place.join("file"), "kept").unwrap();

        let text = refused(disks.create(&new(&drive.key, Some(70), "TWO")).await.0);
        assert!(text.contains("are free in one piece"), "{text}");
        assert_eq!(disks.volumes(&drive.key).await.len(), 1);

        let second = disks.create(&new(&drive.key, None, "TWO")).await.0.unwrap();
        assert_ne!(first, second);
        let volume = disks.volume(&second).await;
        assert_eq!((volume.label.as_str(), volume.size), ("TWO", 58 * MIB));
        refused(disks.create(&new(&drive.key, None, "THREE")).await.0);
        assert_eq!(std::fs::read_to_string(place.join("file")).unwrap(), "kept");
        assert_eq!(disks.volumes(&drive.key).await.len(), 2);
    });
}

#[test]
fn a_drive_with_a_filesystem_of_its_own_is_not_partitioned() {
    let name = "making::a_drive_with_a_filesystem_of_its_own_is_not_partitioned";
    let Some(folder) = inside(name) else { return };
    let machine = Machine::start(&folder);
    run(async {
        let disks = machine.disks(&[]).await;
        let device = machine.plug_in("disk", 64);
        let drive = disks.drive(&machine.key("disk")).await;
        command(&format!("mkfs.ext4 -q -L WHOLE {device}"));
        // Nobody may have noticed yet: the drive is looked at afresh.
        let text = refused(disks.create(&new(&drive.key, None, "")).await.0);
        assert!(text.contains("something is on the whole drive"), "{text}");
        let whole = disks.until(|_, all| all.iter().find(|v| v.label == "WHOLE").cloned()).await;
        assert_eq!((whole.device.to_str(), whole.drive.as_ref()), (Some(device.as_str()), Some(&drive.key)));

        disks.udisks.delete(&whole.key).await.unwrap();
        assert!(disks.volumes(&drive.key).await.is_empty());
        disks.create(&new(&drive.key, None, "")).await.0.unwrap();
    });
}

#[test]
fn a_creation_that_nobody_wants_any_more_leaves_no_partition() {
    let name = "making::a_creation_that_nobody_wants_any_more_leaves_no_partition";
    let Some(folder) = inside(name) else { return };
    let machine = Machine::start(&folder);
    run(async {
        let disks = machine.disks(&[]).await;
        machine.plug_in("disk", 2_000);
        let drive = disks.drive(&machine.key("disk")).await;
        for words in ["making a partition table", "making a partition", "making ext4"] {
            let (reached, is_reached) = tokio::sync::oneshot::channel();
            let reached = RefCell::new(Some(reached));
            let progress = |_: Option<u16>, said: &str| {
                if let Some(reached) = reached.borrow_mut().take_if(|_| said == words) {
                    reached.send(()).unwrap();
                }
            };
            let wanted = new(&drive.key, None, "");
            tokio::select! {
                biased;
                _ = is_reached => {}
                result = disks.udisks.create(&wanted, None, &progress, &|_| {}) => panic!("{words}: {result:?}"),
            }
            // What was begun ends, and is taken back: then the whole drive is free again.
            disks.quiet().await;
            let left = disks.volumes(&drive.key).await;
            assert!(left.is_empty(), "{words}: {left:?}");
        }
        disks.create(&new(&drive.key, Some(1_990), "")).await.0.unwrap();
    });
}

#[test]
fn a_service_that_dies_while_it_formats_ends_the_creation_at_once() {
    let name = "making::a_service_that_dies_while_it_formats_ends_the_creation_at_once";
    let Some(folder) = inside(name) else { return };
    let machine = Machine::start(&folder);
    run(async {
        let disks = machine.disks(&[]).await;
        machine.plug_in("disk", 2_000);
        let drive = disks.drive(&machine.key("disk")).await;
        let progress = |_: Option<u16>, said: &str| {
            if said == "making ext4" {
                machine.kill_service();
            }
        };
        let result = disks.udisks.create(&new(&drive.key, None, ""), None, &progress, &|_| {}).await;
        assert_eq!(result, Err(Failure::Away("UDisks2")));
        assert_eq!(disks.udisks.look().await, Err(Failure::Away("UDisks2")));
        machine.start_service();
        // It is told that there is something to look at again.
        disks.drive(&drive.key).await;
    });
}

#[test]
fn what_cannot_be_made_is_said_before_anything_is_touched() {
    let name = "making::what_cannot_be_made_is_said_before_anything_is_touched";
    let Some(folder) = inside(name) else { return };
    let machine = Machine::start(&folder);
    run(async {
        let disks = machine.disks(&[]).await;
        machine.plug_in("disk", 64);
        let drive = disks.drive(&machine.key("disk")).await;
        let all = disks.udisks.filesystems().await.unwrap();
        assert!(all.contains(&"ext4".to_owned()) && !all.contains(&"swap".to_owned()), "{all:?}");
        for filesystem in ["swap", "gpt", "empty", "", "nilfs2", "-x"] {
            assert!(!all.contains(&filesystem.to_owned()), "{filesystem}");
            let wanted = NewVolume { filesystem: filesystem.to_owned(), ..new(&drive.key, None, "") };
            let (result, said) = disks.create(&wanted).await;
            assert!(matches!(result, Err(Failure::Impossible(_))), "{filesystem}: {result:?}");
            assert!(said.is_empty());
        }
        refused(disks.create(&new(&drive.key, None, "two\nlines")).await.0);
        let other = disks.create(&new("file:/nowhere", None, "")).await.0;
        assert_eq!(other, Err(Failure::Gone("file:/nowhere".to_owned())));
        let text = refused(disks.create(&new(&drive.key, None, &"x".repeat(17))).await.0);
        assert!(text.contains("at most 16"), "{text}");
        // This the program that makes it says: the partition is taken back.
        let small = NewVolume { filesystem: "xfs".to_owned(), ..new(&drive.key, None, "") };
        if all.contains(&small.filesystem) {
            refused(disks.create(&small).await.0);
        }
        assert!(disks.volumes(&drive.key).await.is_empty());
    });
}

#[test]
fn what_the_system_or_the_configuration_has_is_not_touched() {
    let name = "making::what_the_system_or_the_configuration_has_is_not_touched";
    let Some(folder) = inside(name) else { return };
    let machine = Machine::start(&folder);
    run(async {
        let disks = machine.disks(&[]).await;
        let device = machine.plug_in("disk", 100);
        let drive = disks.drive(&machine.key("disk")).await;
        let one = disks.create(&new(&drive.key, Some(20), "ONE")).await.0.unwrap();
        let two = disks.create(&new(&drive.key, Some(20), "TWO")).await.0.unwrap();

        let careful = machine.disks(&[&format!("{device}p1")]).await;
        let protected = careful.drive(&drive.key).await.protected;
        assert_eq!(protected, Some(format!("the configuration protects {device}p1")));
        for key in [&one, &two] {
            assert!(refused(careful.udisks.delete(key).await).contains("the configuration protects"));
            refused(careful.udisks.set_label(key, "OTHER").await);
        }
        refused(careful.create(&new(&drive.key, None, "")).await.0);

        // Mounted by somebody else than UDisks2, it is the system's; a file that the system is mounted from is no drive.
        command(&format!("mkdir /run/system; mount {device}p1 /run/system"));
        disks.until(|drives, _| drives.iter().all(|d| d.key != drive.key).then_some(())).await;
        for key in [&one, &two] {
            disks.udisks.delete(key).await.unwrap_err();
        }
        disks.udisks.unmount(&one).await.unwrap_err();
        assert_eq!(command("ls /run/system"), "lost+found");
        command("umount /run/system");
        disks.drive(&drive.key).await;
        disks.udisks.delete(&two).await.unwrap();
    });
}

#[test]
fn two_volumes_that_are_wanted_at_once_are_made_one_after_the_other() {
    let name = "making::two_volumes_that_are_wanted_at_once_are_made_one_after_the_other";
    let Some(folder) = inside(name) else { return };
    let machine = Machine::start(&folder);
    run(async {
        let disks = machine.disks(&[]).await;
        machine.plug_in("disk", 100);
        let drive = disks.drive(&machine.key("disk")).await;
        let (one, two) = (new(&drive.key, Some(40), "ONE"), new(&drive.key, Some(40), "TWO"));
        let (one, two) = tokio::join!(disks.create(&one), disks.create(&two));
        assert_ne!(one.0.unwrap(), two.0.unwrap());
        let mut labels: Vec<String> = disks.volumes(&drive.key).await.into_iter().map(|v| v.label).collect();
        labels.sort();
        assert_eq!(labels, ["ONE", "TWO"]);
    });
}

/// As when the power goes, or the service dies: what is left of it is known again.
#[test]
fn a_partition_that_was_left_half_made_is_removed_when_it_is_made_again_and_a_whole_one_is_taken() {
    let name = "making::a_partition_that_was_left_half_made_is_removed_when_it_is_made_again_and_a_whole_one_is_taken";
    let Some(folder) = inside(name) else { return };
    let machine = Machine::start(&folder);
    run(async {
        let disks = machine.disks(&[]).await;
        let device = machine.plug_in("disk", 200);
        let drive = disks.drive(&machine.key("disk")).await;
        let wanted = new(&drive.key, None, "DATA");
        let noted = RefCell::new(None);
        let note = |unfinished: Option<&Unfinished>| noted.replace(unfinished.cloned()).map_or((), drop);
        let whole = disks.udisks.create(&wanted, None, &|_, _| {}, &note).await.unwrap();
        let about = noted.borrow().clone().expect("it was noted before it was formatted");
        assert_eq!((about.key.as_str(), about.drive.as_str()), (whole.as_str(), drive.key.as_str()));

        // It is whole: the power went after its end.
        let again = disks.udisks.create(&wanted, Some(&about), &|_, _| {}, &note).await;
        assert_eq!(again, Ok(whole.clone()));

        // Somebody else's, though it is the same partition.
        disks.udisks.set_label(&whole, "PHOTOS").await.unwrap();
        disks.until(|_, all| all.iter().any(|v| v.label == "PHOTOS").then_some(())).await;
        refused(disks.udisks.create(&wanted, Some(&about), &|_, _| {}, &note).await);
        assert_eq!(disks.volume(&whole).await.label, "PHOTOS");
        assert_eq!(*noted.borrow(), None);

        // Nothing is on it: the power went in the middle.
        command(&format!("wipefs -aq {device}p1; udevadm settle || true"));
        disks.until(|_, all| all.iter().all(|v| v.filesystem.is_empty()).then_some(())).await;
        // Another one is not it, whatever is on it or is not.
        let other = Unfinished { offset: about.offset + 1, ..about.clone() };
        refused(disks.udisks.create(&wanted, Some(&other), &|_, _| {}, &note).await);
        let made = disks.udisks.create(&wanted, Some(&about), &|_, _| {}, &note).await.unwrap();
        assert_ne!(made, whole);
        assert_eq!(disks.volumes(&drive.key).await.len(), 1);
    });
}
