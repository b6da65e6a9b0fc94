//! Real drives, as far as a virtual machine has them: one on SATA, one on NVMe, one on USB.
//!
//! To be run in the guest, with `--ignored`; without these drives they are skipped.

use std::path::Path;

use super::*;
use crate::back_end::Gauges as _;
use crate::facts::{Connection, DriveKind};
use crate::gauges::Local;

/// Whether it is inside, and has the three drives.
fn with_drives(test: &str) -> Option<PathBuf> {
    // No module is loaded on anybody's machine.
    if !Path::new("/run/guest").exists() && std::env::var_os(INSIDE).is_none() {
        println!("skipped: this is not the guest");
        return None;
    }
    for module in ["loop", "ahci", "sd_mod", "nvme", "xhci_pci", "usb_storage"] {
        // One that is built in, or is not there, is found out about below.
        let _ = Command::new("modprobe").arg("-q").arg(module).status();
    }
    let end = std::time::Instant::now() + Duration::from_secs(20);
    let all = ["sda", "sdb", "nvme0n1"];
    while !all.iter().all(|name| Path::new("/sys/class/block").join(name).exists()) {
        if !Path::new("/sys/class/ata_port").exists() || std::time::Instant::now() > end {
            println!("skipped: this machine has not the drives of the guest");
            return None;
        }
        std::thread::yield_now();
    }
    inside(&format!("guest::{test}"))
}

/// Which one is on USB.
async fn stick(disks: &Disks) -> Drive {
    let usb = |drive: &&Drive| matches!(drive.connection, Connection::Usb(_));
    disks.until(|drives, _| drives.iter().find(usb).cloned()).await
}

/// Pulls the stick out: the kernel forgets the device, whoever has it open.
fn pull_out(drive: &Drive) -> PathBuf {
    let block = Path::new("/sys/class/block").join(drive.device.file_name().unwrap());
    let block = std::fs::canonicalize(block).unwrap();
    let usb = block.ancestors().find(|folder| folder.join("idVendor").exists()).unwrap().to_owned();
    std::fs::write(usb.join("authorized"), "0").unwrap();
    usb
}

#[test]
#[ignore = "needs the drives of the guest"]
fn guest_each_drive_tells_what_it_is_and_how_it_is() {
    let Some(folder) = with_drives("guest_each_drive_tells_what_it_is_and_how_it_is") else { return };
    let machine = Machine::start(&folder);
    machine.plug_in_all();
    run(async {
        let disks = machine.disks(&[]).await;
        let kinds: [fn(&Connection) -> bool; 3] = [
            |c| matches!(c, Connection::Sata(Some(_))),
            |c| *c == Connection::Nvme,
            |c| matches!(c, Connection::Usb(Some(_))),
        ];
        let gauges = Local::new("smartctl");
        for (is, capable) in kinds.iter().zip([true, true, false]) {
            let found = |drives: &[Drive], _: &[Volume]| drives.iter().find(|d| is(&d.connection)).cloned();
            let drive = disks.until(found).await;
            println!("{drive:?}");
            assert!(!drive.serial.is_empty() && drive.key.ends_with(&drive.serial) && drive.size > 0);
            assert!(drive.protected.is_none() && drive.medium);
            let usb = matches!(drive.connection, Connection::Usb(_));
            assert_eq!((drive.removable, drive.hot_swappable), (usb, usb));
            if drive.connection == Connection::Nvme {
                assert_eq!(drive.kind, Some(DriveKind::Ssd));
            }
            let health = gauges.health(&drive.device).await.unwrap();
            println!("{health:?}");
            assert_eq!(
                (health.capable, health.passed, health.standby),
                (capable, capable.then_some(true), false)
            );
            assert_eq!(health.temperature.is_some(), capable);
        }
    });
}

#[test]
#[ignore = "needs the drives of the guest"]
fn guest_a_stick_becomes_a_volume_goes_and_comes_again() {
    let Some(folder) = with_drives("guest_a_stick_becomes_a_volume_goes_and_comes_again") else { return };
    let machine = Machine::start(&folder);
    machine.plug_in_all();
    run(async {
        let disks = machine.disks(&[]).await;
        let drive = stick(&disks).await;
        for volume in disks.volumes(&drive.key).await {
            disks.udisks.delete(&volume.key).await.unwrap();
        }
        let key = disks.create(&new(&drive.key, Some(32), "STICK")).await.0.unwrap();
        let place = disks.udisks.mount(&key).await.unwrap();
        std::fs::write(place.join("file"), "kept").unwrap();
        disks.udisks.unmount(&key).await.unwrap();

        let usb = pull_out(&drive);
        disks.until(|drives, _| drives.iter().all(|d| d.key != drive.key).then_some(())).await;
        assert_eq!(disks.udisks.mount(&key).await, Err(Failure::Gone(key.clone())));

        std::fs::write(usb.join("authorized"), "1").unwrap();
        let volume = disks.volume(&key).await;
        assert_eq!((volume.label.as_str(), volume.drive.as_ref()), ("STICK", Some(&drive.key)));
        let place = disks.udisks.mount(&key).await.unwrap();
        assert_eq!(std::fs::read_to_string(place.join("file")).unwrap(), "kept");
        disks.udisks.delete(&key).await.unwrap();
    });
}

#[test]
#[ignore = "needs the drives of the guest"]
fn guest_a_stick_that_is_pulled_out_while_it_is_formatted_is_gone() {
    let name = "guest_a_stick_that_is_pulled_out_while_it_is_formatted_is_gone";
    let Some(folder) = with_drives(name) else { return };
    let machine = Machine::start(&folder);
    machine.plug_in_all();
    run(async {
        let disks = machine.disks(&[]).await;
        let drive = stick(&disks).await;
        for volume in disks.volumes(&drive.key).await {
            disks.udisks.delete(&volume.key).await.unwrap();
        }
        let usb = RefCell::new(None);
        let progress = |_: Option<u16>, words: &str| {
            if words == "making ext4" && usb.borrow().is_none() {
                *usb.borrow_mut() = Some(pull_out(&drive));
            }
        };
        let result = disks.udisks.create(&new(&drive.key, None, ""), None, &progress, &|_| {}).await;
        assert_eq!(result, Err(Failure::Gone(drive.device.display().to_string())));
        std::fs::write(usb.take().unwrap().join("authorized"), "1").unwrap();
        // Its partition was made before it was pulled out, and nobody could take it back.
        let on_it = |v: &&Volume| v.drive.as_ref() == Some(&drive.key);
        let half = disks.until(|_, volumes| volumes.iter().find(on_it).cloned()).await;
        disks.udisks.delete(&half.key).await.unwrap();
        let key = disks.create(&new(&drive.key, Some(32), "")).await.0.unwrap();
        disks.udisks.delete(&key).await.unwrap();
    });
}
