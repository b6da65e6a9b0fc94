//! Drives, volumes and their state, as an ACS reads them.

use std::time::{Duration, Instant};

use cwmp_plugin_sdk::Error;

use super::twin::{drive, part, Twin, MIB};
use super::{begin, row, until, MEDIA, SERVICE, VOLUMES};
use crate::back_end::{Event, Failure};
use crate::facts::{Connection, Health};

#[test]
fn drives_and_volumes_are_rows_with_what_the_system_says() {
    let (twin, config) = Twin::new();
    {
        let mut scene = twin.scene();
        let health = Health {
            capable: true,
            passed: Some(true),
            power_on_hours: Some(70),
            temperature: Some(41),
            ..Health::default()
        };
        scene.health.insert("/dev/sdb".into(), Ok(health));
        scene.used.insert("/".into(), 512 * MIB);
    }
    let plugin = begin(&config);
    assert_eq!(plugin.rows("Device.Services.StorageService.").unwrap()[0].number, 1);
    let disk = row(&plugin, MEDIA, "MODEL sdb");
    let get = |name: &str| plugin.get(name).unwrap();
    for (name, value) in [
        ("Name", "sdb"),
        ("Vendor", "ACME"),
        ("Model", "Disk"),
        ("SerialNumber", "SDB"),
        ("FirmwareVersion", "1.0"),
        ("ConnectionType", "SATA/600"),
        ("Removable", "false"),
        ("HotSwappable", "true"),
        ("Capacity", "4096"),
        ("Status", "Online"),
        ("Uptime", "70"),
        ("SMARTCapable", "true"),
        ("Health", "OK"),
        ("Type", "HDD"),
        ("SMART.Temperature", "41"),
        ("SMART.PowerOnHours", "70"),
    ] {
        assert_eq!(get(&format!("{disk}{name}")), value, "{name}");
    }
    let root = row(&plugin, VOLUMES, "uuid-sda1");
    let system = row(&plugin, MEDIA, "MODEL sda");
    assert_eq!(get(&format!("{system}SMARTCapable")), "false");
    for (name, value) in [
        ("Name", "root"),
        ("Enable", "true"),
        ("Status", "Online"),
        ("Capacity", "1024"),
        ("UsedSpace", "512"),
        ("FileSystem", "ext4"),
        ("Encrypted", "false"),
        ("ThresholdLimit", "0"),
        ("ThresholdReached", "false"),
        ("PhysicalReference", system.trim_end_matches('.')),
    ] {
        assert_eq!(get(&format!("{root}{name}")), value, "{name}");
    }
    assert_eq!(get(&format!("{SERVICE}Capabilities.SupportedFileSystemTypes")), "ext4,FAT32");
    assert_eq!(get(&format!("{SERVICE}Capabilities.SupportedNetworkProtocols")), "SMB,NFS");
    assert_eq!(get(&format!("{SERVICE}Capabilities.FTPCapable")), "true");
    assert_eq!(get(&format!("{SERVICE}NetInfo.HostName")), "box");
    // One question for all of a drive, however much of it is read.
    plugin.tree();
    assert_eq!(twin.scene().healths, 2);
}

#[test]
fn what_is_not_installed_is_not_there() {
    let (twin, config) = Twin::new();
    twin.scene().installed.clear();
    let plugin = begin(&config);
    let paths: Vec<String> = plugin.describe().into_iter().map(|node| node.path).collect();
    assert!(paths.iter().any(|path| path.ends_with("NetworkServer.AFPEnable")));
    for gone in ["FTPServer.", "SMBEnable", "NFSEnable", "AllowFTPAccess"] {
        assert!(!paths.iter().any(|path| path.contains(gone)), "{gone}");
    }
    assert_eq!(plugin.get(&format!("{SERVICE}Capabilities.FTPCapable")).unwrap(), "false");
    assert_eq!(plugin.get(&format!("{SERVICE}Capabilities.SupportedNetworkProtocols")).unwrap(), "");
}

#[test]
fn a_service_that_is_away_gives_no_old_values_and_its_rows_stay() {
    let (twin, config) = Twin::new();
    let plugin = begin(&config);
    let (disk, root) = (row(&plugin, MEDIA, "MODEL sdb"), row(&plugin, VOLUMES, "uuid-sda1"));
    plugin.changed();
    twin.change(Event::Disks, |scene| scene.away = true);
    until("the volume is in error", || plugin.get(&format!("{root}Status")).unwrap() == "Error");
    assert!(plugin.changed().contains(&format!("{root}Status")));
    assert_eq!(plugin.get(&format!("{disk}Status")).unwrap(), "Offline");
    for name in ["SMARTCapable", "Health", "Uptime", "SMART.Temperature"] {
        plugin.get(&format!("{disk}{name}")).unwrap_err();
    }
    for name in ["Capacity", "UsedSpace", "FileSystem", "Encrypted"] {
        plugin.get(&format!("{root}{name}")).unwrap_err();
    }
    for name in ["SupportedFileSystemTypes", "VolumeEncryptionCapable"] {
        plugin.get(&format!("{SERVICE}Capabilities.{name}")).unwrap_err();
    }
    assert_eq!(plugin.rows(VOLUMES).unwrap().len(), 1);
    twin.change(Event::Disks, |scene| scene.away = false);
    until("it is back", || plugin.get(&format!("{root}Status")).unwrap() == "Online");
}

#[test]
fn a_plugin_begins_while_the_service_is_away() {
    let (twin, config) = Twin::new();
    twin.scene().away = true;
    let plugin = begin(&config);
    assert_eq!(plugin.rows(MEDIA).unwrap().len(), 0);
    twin.change(Event::Disks, |scene| scene.away = false);
    until("the drives come", || plugin.rows(MEDIA).unwrap().len() == 2);
}

#[test]
fn a_disk_that_comes_and_goes_is_a_row_that_comes_and_goes() {
    let (twin, config) = Twin::new();
    let plugin = begin(&config);
    plugin.tables_changed();
    twin.change(Event::Disks, |scene| {
        let mut stick = drive("sdc");
        stick.connection = Connection::Usb(Some(480));
        scene.drives.push(stick);
        scene.volumes.push(part("sdc", "sdc1", 512 * MIB));
    });
    let mut told = Vec::new();
    until("both tables are told of", || {
        told.extend(plugin.tables_changed());
        [MEDIA, VOLUMES].iter().all(|table| told.iter().any(|other| other == table))
    });
    let (disk, volume) = (row(&plugin, MEDIA, "MODEL sdc"), row(&plugin, VOLUMES, "uuid-sdc1"));
    assert_eq!(plugin.get(&format!("{disk}ConnectionType")).unwrap(), "USB 2.0");
    assert_eq!(plugin.get(&format!("{volume}Status")).unwrap(), "Offline");
    assert_eq!(plugin.get(&format!("{volume}Name")).unwrap(), "sdc1");
    twin.change(Event::Disks, |scene| {
        scene.drives.pop();
        scene.volumes.pop();
    });
    until("it is gone", || plugin.rows(MEDIA).unwrap().len() == 2);
    assert_eq!(plugin.rows(VOLUMES).unwrap().len(), 1);
}

#[test]
fn a_filesystem_that_does_not_answer_costs_its_own_value() {
    let (_twin, config) = Twin::new();
    let plugin = begin(&config);
    let root = row(&plugin, VOLUMES, "uuid-sda1");
    let all = plugin.get_all(&[&format!("{root}UsedSpace"), &format!("{root}Name")]);
    all[0].as_ref().unwrap_err();
    assert_eq!(all[1].as_ref().unwrap().1, "root");
}

/// A disk that dies has whoever asks about it stand still: the service, a thread of the kernel. An agent waits two seconds for
/// all that it asks for.
#[test]
fn what_never_answers_costs_its_own_values_and_no_others() {
    let (twin, config) = Twin::new();
    let plugin = begin(&config);
    let root = row(&plugin, VOLUMES, "uuid-sda1");
    let able = |name: &str| format!("{SERVICE}Capabilities.{name}");
    let paths = [
        able("SupportedFileSystemTypes"),
        able("VolumeEncryptionCapable"),
        format!("{root}UsedSpace"),
        able("FTPCapable"),
        format!("{root}Name"),
    ];
    {
        let mut scene = twin.scene();
        scene.deaf = true;
        scene.hung.insert("/".into());
    }
    let began = Instant::now();
    let all = plugin.get_all(&paths.each_ref().map(String::as_str));
    assert!(began.elapsed() < Duration::from_millis(1_900), "{:?}", began.elapsed());
    for answer in &all[..3] {
        assert!(matches!(answer, Err(Error::Internal(_))), "{answer:?}");
    }
    assert_eq!(all[3].as_ref().unwrap().1, "true");
    assert_eq!(all[4].as_ref().unwrap().1, "root");
    // What is known to be away is not even asked.
    twin.change(Event::Disks, |scene| scene.away = true);
    until("it is away", || plugin.get(&format!("{root}Status")).unwrap() == "Error");
    let began = Instant::now();
    plugin.get(&paths[0]).unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
}

#[test]
fn a_drive_that_takes_its_time_costs_its_own_values_and_its_answer_is_there_next_time() {
    let (twin, config) = Twin::new();
    {
        let mut scene = twin.scene();
        scene.slow = Duration::from_secs(2);
        let good = Health { capable: true, passed: Some(false), ..Health::default() };
        scene.health.insert("/dev/sdb".into(), Ok(good));
        scene.health.insert("/dev/sda".into(), Err(Failure::Away("smartctl")));
    }
    let plugin = begin(&config);
    let disk = row(&plugin, MEDIA, "MODEL sdb");
    let began = Instant::now();
    // What is not known is a fault of its own, and not a value that is left out.
    let slow = ["SMARTCapable", "Health", "Uptime", "SMART.Temperature"].map(|name| format!("{disk}{name}"));
    let model = format!("{disk}Model");
    let all = plugin.get_all(&[&slow[0], &slow[1], &slow[2], &slow[3], &model]);
    for answer in &all[..4] {
        assert!(matches!(answer, Err(Error::Internal(_))), "{answer:?}");
    }
    assert_eq!(all[4].as_ref().unwrap().1, "Disk");
    assert!(began.elapsed() < Duration::from_millis(1_900), "{:?}", began.elapsed());
    assert_eq!(plugin.get(&format!("{disk}Model")).unwrap(), "Disk");
    until("the answer comes", || plugin.get(&format!("{disk}SMARTCapable")).is_ok());
    assert_eq!(plugin.get(&format!("{disk}Health")).unwrap(), "Failing");
    assert_eq!(twin.scene().healths, 2);
    let system = row(&plugin, MEDIA, "MODEL sda");
    plugin.get(&format!("{system}SMARTCapable")).unwrap_err();
}

/// One that stood still and goes on says nothing of it.
#[test]
fn a_service_that_goes_on_without_a_word_is_found_again() {
    let (twin, config) = Twin::new();
    let plugin = begin(&config);
    let root = row(&plugin, VOLUMES, "uuid-sda1");
    twin.change(Event::Disks, |scene| scene.away = true);
    until("it is an error", || plugin.get(&format!("{root}Status")).unwrap() == "Error");
    twin.scene().away = false;
    until("it is back", || plugin.get(&format!("{root}Status")).unwrap() == "Online");
}
