//! What is told unasked, and what is asked for without need.

use super::twin::{part, Twin, MIB};
use super::{begin, row, until, SERVICE, VOLUMES};
use crate::back_end::{Event, State};

#[test]
fn a_limit_that_is_crossed_is_told_and_only_who_has_one_is_asked() {
    let (twin, config) = Twin::new();
    {
        let mut scene = twin.scene();
        let mut data = part("sdb", "sdb1", 1024 * MIB);
        data.mounts = vec!["/media/data".into()];
        scene.volumes.push(data);
        scene.used.insert("/".into(), 0);
        scene.used.insert("/media/data".into(), 100 * MIB);
    }
    let mut plugin = begin(&config);
    let data = row(&plugin, VOLUMES, "uuid-sdb1");
    twin.change(Event::Disks, |scene| scene.drives[1].revision = "1.1".into());
    assert_eq!(twin.scene().usages, 0);
    // Reached when what is left is no more than the limit.
    plugin.set(&[(&format!("{data}ThresholdLimit"), "924")]).unwrap();
    assert_eq!(plugin.get(&format!("{data}ThresholdReached")).unwrap(), "true");
    plugin.set(&[(&format!("{data}ThresholdLimit"), "923")]).unwrap();
    assert_eq!(plugin.get(&format!("{data}ThresholdReached")).unwrap(), "false");
    plugin.changed();
    twin.scene().used.insert("/media/data".into(), 101 * MIB);
    let mut told = Vec::new();
    until("it is told", || {
        told.extend(plugin.changed());
        told.contains(&format!("{data}ThresholdReached"))
    });
    twin.scene().used.insert("/media/data".into(), 50 * MIB);
    until("it is taken back", || plugin.changed().contains(&format!("{data}ThresholdReached")));
    // The clock goes on for the one that has a limit, and the one that has none is not asked.
    let root = row(&plugin, VOLUMES, "uuid-sda1");
    let limits = [(format!("{data}ThresholdLimit"), "0"), (format!("{root}ThresholdLimit"), "1")];
    plugin.set(&limits.each_ref().map(|(name, value)| (name.as_str(), *value))).unwrap();
    twin.scene().asked.clear();
    until("it was asked again and again", || twin.scene().asked.len() > 2);
    assert!(twin.scene().asked.iter().all(|place| place == std::path::Path::new("/")));
}

#[test]
fn a_server_that_fails_is_told_of_and_told_again_what_is_offered() {
    let (twin, config) = Twin::new();
    let mut plugin = begin(&config);
    plugin.set(&[(&format!("{SERVICE}FTPServer.Enable"), "true")]).unwrap();
    let status = format!("{SERVICE}FTPServer.Status");
    assert_eq!(plugin.get(&status).unwrap(), "Enabled");
    let before = twin.scene().offers["vsftpd"].len();
    twin.change(Event::Server("vsftpd"), |scene| {
        scene.states.insert("vsftpd", State::Failed);
    });
    until("it is told again", || twin.scene().offers["vsftpd"].len() > before);
    until("it works", || plugin.get(&status).unwrap() == "Enabled");
    twin.change(Event::Server("vsftpd"), |scene| {
        scene.states.insert("vsftpd", State::Failed);
        let refused = crate::back_end::Failure::Refused("no place".into());
        scene.refuse.insert("vsftpd", refused);
    });
    until("it is an error", || plugin.get(&status).unwrap() == "Error");
    plugin.changed();
    twin.scene().refuse.clear();
    until("it is tried again by itself", || plugin.get(&status).unwrap() == "Enabled");
    until("it is told", || plugin.changed().contains(&status));
}
