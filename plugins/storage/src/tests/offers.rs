//! Folders, accounts and servers: what an ACS sets becomes one offer.

use std::collections::BTreeMap;

use cwmp_plugin_sdk::testing::{Harness, Step};
use cwmp_plugin_sdk::Notice;

use super::twin::{part, Twin, MIB};
use super::{add, begin, greet, row, until, SERVICE, VOLUMES};
use crate::back_end::{Event, Failure, State};
use crate::plan::{Permissions, Share};

const READ: Permissions = Permissions { read: true, write: false, execute: false };
const ALL: Permissions = Permissions { read: true, write: true, execute: true };
const NONE: Permissions = Permissions { read: false, write: false, execute: false };

/// A mounted volume that the device has found, with a place of its own.
struct Stage {
    twin: Twin,
    plugin: Harness,
    volume: String,
    place: tempfile::TempDir,
}

impl Stage {
    fn new() -> Self {
        let (twin, config) = Twin::new();
        let place = tempfile::tempdir().unwrap();
        let mut data = part("sdb", "sdb1", 512 * MIB);
        data.mounts = vec![place.path().into()];
        twin.scene().volumes.push(data);
        let plugin = begin(&config);
        let volume = row(&plugin, VOLUMES, "uuid-sdb1");
        Self { twin, plugin, volume, place }
    }

    fn account(&mut self, number: u32, name: &str, password: &str, groups: &str) {
        let account = format!("{SERVICE}UserAccount.{number}.");
        let defaults = [
            ("Enable", "true"),
            ("Username", name),
            ("Password", password),
            ("UserGroupParticipation", groups),
            ("AllowFTPAccess", "true"),
        ];
        add(&mut self.plugin, &account, &defaults);
    }

    fn folder(&mut self, number: u32, name: &str, access: u32) -> String {
        let folder = format!("{}Folder.{number}.", self.volume);
        let access = access.to_string();
        let defaults = [("Enable", "true"), ("Name", name), ("UserAccountAccess", access.as_str())];
        add(&mut self.plugin, &folder, &defaults);
        folder
    }

    fn access(&mut self, folder: &str, number: u32, account: u32, permissions: u32) {
        let reference = format!("{SERVICE}UserAccount.{account}");
        let permissions = permissions.to_string();
        let defaults = [("Enable", "true"), ("UserReference", &reference), ("Permissions", &permissions)];
        add(&mut self.plugin, &format!("{folder}UserAccess.{number}."), &defaults);
    }

    fn shares(&self) -> BTreeMap<String, Share> {
        let offer = self.twin.offered("smbd").unwrap();
        offer.shares.into_iter().map(|share| (share.name.clone(), share)).collect()
    }
}

#[test]
fn as_long_as_nothing_is_set_the_servers_are_left_alone() {
    let mut stage = Stage::new();
    stage.plugin.set(&[(&format!("{}ThresholdLimit", stage.volume), "1")]).unwrap();
    stage.twin.change(Event::Disks, |scene| scene.drives[1].revision = "1.1".into());
    assert!(stage.twin.scene().offers.is_empty());
}

#[test]
fn a_folder_is_made_on_the_volume_and_offered_to_whom_the_acs_says() {
    let mut stage = Stage::new();
    stage.plugin.set(&[(&format!("{SERVICE}NetworkServer.SMBEnable"), "true")]).unwrap();
    stage.account(1, "anna", "secret", "");
    stage.account(2, "bert", "hidden", "");
    let folder = stage.folder(1, "Filme & Serien", 3);
    stage.access(&folder, 1, 1, 7);
    stage.access(&folder, 2, 2, 4);
    assert!(stage.place.path().join("Filme & Serien").is_dir());
    let offer = stage.twin.offered("smbd").unwrap();
    assert!(offer.smb && !offer.nfs && offer.ftp.is_none());
    assert_eq!((offer.host_name.as_str(), offer.domain.as_str()), ("box", "WORKGROUP"));
    let accounts: Vec<_> =
        offer.accounts.iter().map(|a| (a.name.as_str(), a.password.reveal(), a.ftp)).collect();
    assert_eq!(accounts, [("anna", "secret", true), ("bert", "hidden", true)]);
    let share = &stage.shares()["Filme___Serien"];
    assert_eq!(share.path, stage.place.path().join("Filme & Serien"));
    assert_eq!(share.access, [("anna".to_owned(), ALL), ("bert".to_owned(), READ)]);
    assert_eq!((share.accounts, share.guests), (NONE, NONE));
    assert_eq!(stage.plugin.get(&format!("{SERVICE}UserAccount.1.Password")).unwrap(), "");

    // One row says less, and all servers hear it at once.
    stage.plugin.set(&[(&format!("{folder}UserAccess.1.Permissions"), "4")]).unwrap();
    assert_eq!(stage.shares()["Filme___Serien"].access[0], ("anna".to_owned(), READ));
    stage.plugin.set(&[(&format!("{SERVICE}UserAccount.1.Enable"), "false")]).unwrap();
    assert_eq!(stage.twin.offered("vsftpd").unwrap().accounts.len(), 1);
    assert_eq!(stage.shares()["Filme___Serien"].access, [("bert".to_owned(), READ)]);
    // A folder that is deleted is not offered; what is in it stays.
    stage.plugin.delete(&folder).unwrap();
    assert!(stage.shares().is_empty());
    assert!(stage.place.path().join("Filme & Serien").is_dir());
}

#[test]
fn the_members_of_a_group_may_what_the_group_may() {
    let mut stage = Stage::new();
    stage.plugin.set(&[(&format!("{SERVICE}NetworkServer.SMBEnable"), "true")]).unwrap();
    let group = format!("{SERVICE}UserGroup.3.");
    add(&mut stage.plugin, &group, &[("Enable", "true"), ("GroupName", "family")]);
    stage.account(1, "anna", "secret", &format!("{SERVICE}UserGroup.3"));
    stage.account(2, "bert", "hidden", "");
    let folder = stage.folder(1, "media", 2);
    let defaults =
        [("Enable", "true"), ("GroupReference", group.trim_end_matches('.')), ("Permissions", "4")];
    add(&mut stage.plugin, &format!("{folder}GroupAccess.1."), &defaults);
    assert_eq!(stage.shares()["media"].access, [("anna".to_owned(), READ)]);
    stage.plugin.set(&[(&format!("{group}Enable"), "false")]).unwrap();
    assert_eq!(stage.shares()["media"].access, []);
}

#[test]
fn guests_come_in_only_where_no_account_is_asked_for() {
    let mut stage = Stage::new();
    stage.plugin.set(&[(&format!("{SERVICE}NetworkServer.SMBEnable"), "true")]).unwrap();
    for (number, name, access) in [(1, "none", 0), (2, "ftp", 1), (3, "net", 2), (4, "both", 3)] {
        stage.folder(number, name, access);
    }
    let guests = |stage: &Stage| {
        let shares = stage.shares();
        ["none", "ftp", "net", "both"].map(|name| shares[name].guests == ALL)
    };
    assert_eq!(guests(&stage), [true, true, false, false]);
    stage.plugin.set(&[(&format!("{SERVICE}NetworkServer.NetworkProtocolAuthReq"), "false")]).unwrap();
    assert_eq!(guests(&stage), [true; 4]);
}

#[test]
fn ftp_is_as_it_was_set_with_a_place_for_those_without_an_account() {
    let mut stage = Stage::new();
    let folder = stage.folder(1, "pub", 2);
    let ftp = format!("{SERVICE}FTPServer.");
    let set = [
        ("Enable", "true"),
        ("PortNumber", "2121"),
        ("MaxNumUsers", "3"),
        ("IdleTime", "60"),
        ("AnonymousUser.Enable", "true"),
        ("AnonymousUser.StartingFolder", folder.trim_end_matches('.')),
    ];
    let set: Vec<Step> = set.iter().map(|(name, value)| Step::set(&format!("{ftp}{name}"), value)).collect();
    stage.plugin.change(&set).unwrap();
    let offered = stage.twin.offered("vsftpd").unwrap().ftp.unwrap();
    assert_eq!((offered.port, offered.max_users, offered.idle), (2121, 3, 60));
    assert_eq!(offered.anonymous, Some((stage.place.path().join("pub"), true)));
    assert_eq!(stage.plugin.get(&format!("{ftp}Status")).unwrap(), "Enabled");
    stage.plugin.set(&[(&format!("{ftp}AnonymousUser.ReadOnlyAccess"), "false")]).unwrap();
    let offered = stage.twin.offered("vsftpd").unwrap().ftp.unwrap();
    assert_eq!(offered.anonymous, Some((stage.place.path().join("pub"), false)));
    stage.plugin.set(&[(&format!("{ftp}Enable"), "false")]).unwrap();
    assert!(stage.twin.offered("vsftpd").unwrap().ftp.is_none());
    assert_eq!(stage.plugin.get(&format!("{ftp}Status")).unwrap(), "Disabled");
}

#[test]
fn by_ftp_a_folder_is_for_everybody_who_comes_in_only_if_it_says_so_itself() {
    let mut stage = Stage::new();
    stage.plugin.set(&[(&format!("{SERVICE}NetworkServer.SMBEnable"), "true")]).unwrap();
    for (number, name, access) in [(1, "none", 0), (2, "ftp", 1), (3, "net", 2), (4, "both", 3)] {
        stage.folder(number, name, access);
    }
    let all = |stage: &Stage| {
        let shares = stage.shares();
        ["none", "ftp", "net", "both"].map(|name| (shares[name].guests == ALL, shares[name].ftp == ALL))
    };
    assert_eq!(all(&stage), [(true, true), (true, false), (false, true), (false, false)]);
    // That is about protocols of the network.
    stage.plugin.set(&[(&format!("{SERVICE}NetworkServer.NetworkProtocolAuthReq"), "false")]).unwrap();
    assert_eq!(all(&stage), [(true, true), (true, false), (true, true), (true, false)]);
}

#[test]
fn those_without_an_account_get_no_folder_that_asks_for_one() {
    let mut stage = Stage::new();
    let (open, shut) = (stage.folder(1, "open", 2), stage.folder(2, "shut", 1));
    let ftp = format!("{SERVICE}FTPServer.");
    let start = format!("{ftp}AnonymousUser.StartingFolder");
    let on = [(format!("{ftp}Enable"), "true"), (format!("{ftp}AnonymousUser.Enable"), "true")];
    stage.plugin.set(&[(&on[0].0, on[0].1), (&on[1].0, on[1].1)]).unwrap();
    let offered = |stage: &Stage| stage.twin.offered("vsftpd").unwrap().ftp.unwrap().anonymous;
    // It leads nowhere: nothing is offered, and that is said.
    assert_eq!(offered(&stage), None);
    let told = |stage: &Stage| stage.plugin.logs().iter().any(|line| line.text.contains("StartingFolder"));
    assert!(told(&stage));
    let error = stage.plugin.set(&[(&start, shut.trim_end_matches('.'))]).unwrap_err();
    assert!(error.to_string().contains("asks for an account"), "{error}");
    assert_eq!(offered(&stage), None);
    stage.plugin.set(&[(&start, open.trim_end_matches('.'))]).unwrap();
    assert!(offered(&stage).is_some());
    // It begins to ask for one.
    stage.plugin.set(&[(&format!("{open}UserAccountAccess"), "3")]).unwrap();
    assert_eq!(offered(&stage), None);
}

#[test]
fn afp_can_only_be_off() {
    let mut stage = Stage::new();
    let afp = format!("{SERVICE}NetworkServer.AFPEnable");
    let error = stage.plugin.set(&[(&afp, "true")]).unwrap_err();
    assert!(error.to_string().contains("no server for AFP"), "{error}");
    stage.plugin.set(&[(&afp, "false")]).unwrap();
    assert_eq!(stage.plugin.get(&afp).unwrap(), "false");
}

#[test]
fn what_a_server_refuses_is_taken_back_everywhere() {
    let mut stage = Stage::new();
    stage.plugin.set(&[(&format!("{SERVICE}NetworkServer.SMBEnable"), "true")]).unwrap();
    let before = stage.twin.offered("smbd").unwrap();
    stage.twin.scene().refuse.insert("ganesha", Failure::Refused("no rights".into()));
    let error = stage.plugin.set(&[(&format!("{SERVICE}NetworkServer.NFSEnable"), "true")]).unwrap_err();
    assert!(error.to_string().contains("no rights"), "{error}");
    assert_eq!(stage.plugin.get(&format!("{SERVICE}NetworkServer.NFSEnable")).unwrap(), "false");
    assert_eq!(stage.twin.offered("smbd").unwrap(), before);
}

#[test]
fn nothing_is_offered_of_a_volume_that_goes_before_it_goes() {
    let mut stage = Stage::new();
    stage.plugin.set(&[(&format!("{SERVICE}NetworkServer.SMBEnable"), "true")]).unwrap();
    stage.folder(1, "media", 0);
    assert_eq!(stage.shares().len(), 1);
    // As the servers hold what they offer.
    stage.twin.scene().busy.insert("uuid-sdb1".into(), Failure::Refused("busy".into()));
    stage.plugin.delete(&stage.volume.clone()).unwrap_err();
    // It was not offered for a moment, and is again.
    let shares: Vec<usize> =
        stage.twin.scene().offers["smbd"].iter().map(|offer| offer.shares.len()).collect();
    assert_eq!(shares, [0, 1, 0, 1]);
    stage.twin.scene().busy.clear();
    stage.plugin.delete(&stage.volume.clone()).unwrap();
    assert_eq!(stage.shares().len(), 0);
}

#[test]
fn what_was_set_is_put_in_force_again_after_a_power_cut_and_forgotten_by_a_factory_reset() {
    let mut stage = Stage::new();
    stage.plugin.set(&[(&format!("{SERVICE}NetworkServer.SMBEnable"), "true")]).unwrap();
    stage.account(1, "anna", "secret", "");
    stage.folder(1, "media", 0);
    let before = stage.twin.offered("smbd").unwrap();
    stage.twin.scene().offers.clear();
    let plugin = stage.plugin.power_cut();
    until("it is offered", || stage.twin.offered("smbd").is_some());
    assert_eq!(stage.twin.offered("smbd").unwrap(), before);
    greet(&plugin);
    plugin.notice(Notice::FactoryReset).unwrap();
    let offer = stage.twin.offered("smbd").unwrap();
    assert!(offer.accounts.is_empty() && offer.shares.is_empty());
}

#[test]
fn names_that_would_lead_elsewhere_are_refused() {
    let mut stage = Stage::new();
    let folder = stage.folder(1, "media", 0);
    for bad in ["../etc", "a/b", ".", "..", ".hidden", "a\nb"] {
        stage.plugin.set(&[(&format!("{folder}Name"), bad)]).unwrap_err();
    }
    stage.account(1, "anna", "secret", "");
    for bad in ["root:x", "root", "anonymous", "-a", "a b"] {
        stage.plugin.set(&[(&format!("{SERVICE}UserAccount.1.Username"), bad)]).unwrap_err();
    }
    stage.plugin.set(&[(&format!("{SERVICE}UserAccount.1.Password"), "a\nb")]).unwrap_err();
    stage.plugin.set(&[(&format!("{SERVICE}NetInfo.HostName"), "a b")]).unwrap_err();
    stage.plugin.set(&[(&format!("{SERVICE}FTPServer.PortNumber"), "0")]).unwrap_err();
}

#[test]
fn the_whole_service_is_switched_off_and_on() {
    let mut stage = Stage::new();
    stage.plugin.set(&[(&format!("{SERVICE}NetworkServer.SMBEnable"), "true")]).unwrap();
    stage.folder(1, "media", 0);
    stage.plugin.set(&[(&format!("{SERVICE}Enable"), "false")]).unwrap();
    let offer = stage.twin.offered("smbd").unwrap();
    assert!(!offer.smb && offer.shares.is_empty());
    stage.plugin.set(&[(&format!("{SERVICE}Enable"), "true")]).unwrap();
    assert_eq!(stage.shares().len(), 1);
}

/// What nobody sets is as the image made it, also when what was set is taken back.
#[test]
fn what_is_taken_back_leaves_the_servers_as_the_image_made_them() {
    let mut stage = Stage::new();
    stage.twin.change(Event::Server("smbd"), |scene| {
        scene.states.insert("smbd", State::On);
    });
    let get = |stage: &Stage, name: &str| stage.plugin.get(&format!("{SERVICE}{name}")).unwrap();
    until("it is seen", || get(&stage, "NetworkServer.SMBEnable") == "true");
    let txn = stage
        .plugin
        .stage(&[
            Step::set(&format!("{SERVICE}FTPServer.Enable"), "true"),
            Step::set(&format!("{SERVICE}NetworkServer.SMBEnable"), "false"),
        ])
        .unwrap();
    stage.plugin.commit(txn).unwrap();
    assert_eq!(get(&stage, "FTPServer.Status"), "Enabled");
    assert_eq!(get(&stage, "NetworkServer.SMBEnable"), "false");
    stage.plugin.rollback(txn).unwrap();
    assert_eq!(get(&stage, "FTPServer.Enable"), "false");
    assert_eq!(get(&stage, "FTPServer.Status"), "Disabled");
    assert_eq!(get(&stage, "NetworkServer.SMBEnable"), "true");
    assert!(stage.twin.offered("smbd").unwrap().smb);
    let plugin = stage.plugin.power_cut();
    greet(&plugin);
    assert_eq!(plugin.get(&format!("{SERVICE}NetworkServer.SMBEnable")).unwrap(), "true");
}

/// A stick with a link where the folder should be: nothing behind it is offered, and everything else is.
#[test]
fn a_folder_that_is_a_link_is_refused_and_keeps_nobody_from_the_others() {
    let mut stage = Stage::new();
    stage.plugin.set(&[(&format!("{SERVICE}NetworkServer.SMBEnable"), "true")]).unwrap();
    let bad = stage.folder(1, "bad", 0);
    stage.folder(2, "good", 0);
    std::fs::remove_dir(stage.place.path().join("bad")).unwrap();
    std::os::unix::fs::symlink("/etc", stage.place.path().join("bad")).unwrap();
    stage.twin.change(Event::Server("smbd"), |scene| {
        scene.processes.insert("smbd", 7);
    });
    until("it is not offered", || stage.shares().keys().eq(["good"]));
    // Whoever sets something else is not told of it; whoever offers another such folder is.
    stage.plugin.set(&[(&format!("{SERVICE}NetInfo.HostName"), "other")]).unwrap();
    std::os::unix::fs::symlink("/etc", stage.place.path().join("worse")).unwrap();
    let error = stage.plugin.set(&[(&format!("{bad}Name"), "worse")]).unwrap_err();
    assert!(error.to_string().contains("something else has this name"), "{error}");
    std::fs::remove_file(stage.place.path().join("bad")).unwrap();
    stage.plugin.set(&[(&format!("{SERVICE}NetInfo.HostName"), "another")]).unwrap();
    assert!(stage.shares().keys().eq(["bad", "good"]));
}

/// A volume that is broken, and a server that is, are no reason to leave somebody who must not come in his rights.
#[test]
fn what_was_broken_before_refuses_no_change_of_something_else() {
    let mut stage = Stage::new();
    stage.plugin.set(&[(&format!("{SERVICE}NetworkServer.SMBEnable"), "true")]).unwrap();
    stage.plugin.set(&[(&format!("{SERVICE}NetworkServer.NFSEnable"), "true")]).unwrap();
    stage.account(1, "anna", "secret", "");
    stage.twin.scene().volumes.push(part("sdb", "sdb2", 512 * MIB));
    stage.twin.scene().unmountable.insert("uuid-sdb2".into(), Failure::Refused("bad superblock".into()));
    stage.twin.change(Event::Disks, |_| {});
    until("it is a row", || stage.plugin.rows(VOLUMES).unwrap().len() == 3);
    let broken = row(&stage.plugin, VOLUMES, "uuid-sdb2");
    let error = stage.plugin.set(&[(&format!("{broken}Enable"), "true")]).unwrap_err();
    assert!(error.to_string().contains("bad superblock"), "{error}");
    // One that breaks later: it is wanted all the same.
    stage.twin.scene().unmountable.clear();
    stage.plugin.set(&[(&format!("{broken}Enable"), "true")]).unwrap();
    stage.twin.change(Event::Disks, |scene| {
        scene.volumes.last_mut().unwrap().mounts.clear();
        scene.unmountable.insert("uuid-sdb2".into(), Failure::Refused("bad superblock".into()));
    });
    until("it is an error", || stage.plugin.get(&format!("{broken}Status")).unwrap() == "Error");
    stage.twin.change(Event::Server("ganesha"), |scene| {
        scene.states.insert("ganesha", State::Failed);
        scene.refuse.insert("ganesha", Failure::Refused("it does not serve".into()));
    });
    until("it is refused", || stage.plugin.logs().iter().any(|line| line.text.contains("it does not serve")));
    let account = format!("{SERVICE}UserAccount.1.");
    stage.plugin.set(&[(&format!("{account}Password"), "another")]).unwrap();
    assert_eq!(stage.twin.offered("smbd").unwrap().accounts[0].password.reveal(), "another");
    stage.plugin.set(&[(&format!("{account}Enable"), "false")]).unwrap();
    assert_eq!(stage.twin.offered("smbd").unwrap().accounts.len(), 0);
    // What it is about itself is refused.
    let nfs = format!("{SERVICE}NetworkServer.NFSEnable");
    let error = stage.plugin.set(&[(&nfs, "true")]).unwrap_err();
    assert!(error.to_string().contains("it does not serve"), "{error}");
    stage.plugin.set(&[(&nfs, "false")]).unwrap();
}

/// To take away from somebody is done as far as it can be, though a server that worked until now cannot.
#[test]
fn less_is_never_taken_back_because_a_server_fails() {
    let mut stage = Stage::new();
    stage.plugin.set(&[(&format!("{SERVICE}NetworkServer.SMBEnable"), "true")]).unwrap();
    stage.plugin.set(&[(&format!("{SERVICE}FTPServer.Enable"), "true")]).unwrap();
    stage.account(1, "anna", "secret", "");
    stage.twin.scene().refuse.insert("vsftpd", Failure::Refused("no place".into()));
    stage.plugin.set(&[(&format!("{SERVICE}UserAccount.1.Enable"), "false")]).unwrap();
    assert_eq!(stage.twin.offered("smbd").unwrap().accounts.len(), 0);
    stage.twin.scene().refuse.clear();
    until("it is told again", || stage.twin.offered("vsftpd").unwrap().accounts.is_empty());
}

#[test]
fn a_share_keeps_its_name_whatever_comes_and_goes_and_none_is_a_servers_own() {
    let mut stage = Stage::new();
    stage.plugin.set(&[(&format!("{SERVICE}NetworkServer.SMBEnable"), "true")]).unwrap();
    let place = tempfile::tempdir().unwrap();
    let mut first = part("sdb", "a", 512 * MIB);
    first.mounts = vec![place.path().into()];
    stage.folder(1, "media", 0);
    stage.folder(2, "homes", 0);
    stage.twin.change(Event::Disks, |scene| scene.volumes.insert(0, first.clone()));
    until("it is a row", || stage.plugin.rows(VOLUMES).unwrap().len() == 3);
    let other = row(&stage.plugin, VOLUMES, "uuid-a");
    let defaults = [("Enable", "true"), ("Name", "media"), ("UserAccountAccess", "0")];
    add(&mut stage.plugin, &format!("{other}Folder.9."), &defaults);
    let of = |stage: &Stage| -> Vec<(String, std::path::PathBuf)> {
        stage.shares().into_iter().map(|(name, share)| (name, share.path)).collect()
    };
    let (old, new) = (stage.place.path().join("media"), place.path().join("media"));
    let homes = ("homes_".to_owned(), stage.place.path().join("homes"));
    let all = [homes.clone(), ("media".to_owned(), old.clone()), ("media_2".to_owned(), new.clone())];
    assert_eq!(of(&stage), all);
    // The first one is away for a while, also over a restart: the second one is not called as it was.
    let gone = stage.twin.scene().volumes.remove(2);
    stage.twin.change(Event::Disks, |_| {});
    until("it is gone", || of(&stage) == [("media_2".to_owned(), new.clone())]);
    stage.plugin = stage.plugin.restart();
    greet(&stage.plugin);
    stage.twin.change(Event::Disks, |scene| scene.volumes.push(gone));
    until("it is back", || of(&stage) == all);
}
