//! What an image starts beside the agent, under the units that Debian brings and with the drop-ins that the pages show: an ACS
//! has folders on the network by Samba, vsftpd and NFS-Ganesha, a network on the air by hostapd, and the box named by
//! systemd-hostnamed.

use std::path::Path;

use cwmp_acs::{Acs, ValueType};
use cwmp_e2e::Client;

use crate::{active, asked, eventually, fine, passed, run, show, BUS};

const STORAGE: &str = "Device.Services.StorageService.1.";
/// The drive that is none of the system's.
const DRIVE: &str = "NV0002";
const RADIOS: &str = "Device.WiFi.Radio.";
const NETWORK: &str = "made by the ACS";
const PASSPHRASE: &str = "correct horse battery";
const HOST_NAME: &str = "Device.DeviceInfo.HostName";
const NEW_NAME: &str = "named-by-the-acs";
const ZONE: &str = "Device.Time.LocalTimeZone";
const NEW_ZONE: &str = "CET-1CEST,M3.5.0,M10.5.0/3";
const PASSWORD: &str = "right one";
const SERVERS: [&str; 3] = ["smbd.service", "vsftpd.service", "nfs-ganesha.service"];
const TEXT: &str = "of anna\n";

/// The row of a table that has this value.
fn row(client: &Client, table: &str, leaf: &str, value: &str) -> String {
    eventually(&format!("a row of {table} with {leaf} {value}"), || {
        let rows = client.list(table, true).ok()?;
        let mut rows =
            rows.into_iter().map(|(path, _)| path).filter(|path| path.ends_with('.') && path != table);
        rows.find(|row| client.value(&format!("{row}{leaf}")).is_ok_and(|is| is == value))
    })
}

fn becomes(client: &Client, name: &str, value: &str) {
    eventually(&format!("{name} becomes {value}"), || client.value(name).ok().filter(|is| is == value));
}

/// What a client of SMB does, and hears.
fn smb(password: &str, what: &str) -> (bool, String) {
    let client = format!(
        "PASSWD='{password}' smbclient //127.0.0.1/media -s /dev/null -U anna -c '{what}' </dev/null"
    );
    run("sh", &["-c", &client])
}

/// What the kernel says of the interface that is on the air with this name.
fn on_air(ssid: &str) -> Option<String> {
    let all = fine("iw", &["dev"]);
    let named = |part: &&str| part.lines().any(|line| line.trim() == format!("ssid {ssid}"));
    let found = all.split("\tInterface ").find(named).map(str::to_owned);
    found.filter(|part| part.contains("type AP"))
}

/// C134: an ACS has a drive formatted and two folders of it offered, one with an account; systemd runs the servers, as the
/// plugin asks it to.
pub(crate) fn folders_are_offered_by_servers_of_systemd(acs: &Acs) {
    let client = Client::connect(BUS);
    assert_eq!(show("smbd.service", "ActiveState"), "inactive");
    let drive = row(&client, &format!("{STORAGE}PhysicalMedium."), "SerialNumber", DRIVE);
    let mut session = asked(acs);
    session.ready();
    let (number, _) = session.add(&format!("{STORAGE}LogicalVolume."), "").unwrap();
    let volume = format!("{STORAGE}LogicalVolume.{number}.");
    let values = [
        (&*format!("{volume}Name"), ValueType::String, "DATA"),
        (&format!("{volume}PhysicalReference"), ValueType::String, drive.trim_end_matches('.')),
        (&format!("{volume}Capacity"), ValueType::UnsignedInt, "64"),
        (&format!("{volume}Enable"), ValueType::Boolean, "1"),
    ];
    session.set(&values, "").unwrap();
    session.end();
    becomes(&client, &format!("{volume}Status"), "Online");

    let mut session = asked(acs);
    session.ready();
    let (account, _) = session.add(&format!("{STORAGE}UserAccount."), "").unwrap();
    let (folder, _) = session.add(&format!("{volume}Folder."), "").unwrap();
    let (account, folder) = (format!("{STORAGE}UserAccount.{account}."), format!("{volume}Folder.{folder}."));
    let (access, _) = session.add(&format!("{folder}UserAccess."), "").unwrap();
    let (open, _) = session.add(&format!("{volume}Folder."), "").unwrap();
    let open = format!("{volume}Folder.{open}.");
    let access = format!("{folder}UserAccess.{access}.");
    let values = [
        (&*format!("{account}Username"), ValueType::String, "anna"),
        (&format!("{account}Password"), ValueType::String, PASSWORD),
        (&format!("{account}AllowFTPAccess"), ValueType::Boolean, "1"),
        (&format!("{account}Enable"), ValueType::Boolean, "1"),
        (&format!("{access}UserReference"), ValueType::String, account.trim_end_matches('.')),
        (&format!("{access}Permissions"), ValueType::UnsignedInt, "7"),
        (&format!("{access}Enable"), ValueType::Boolean, "1"),
        (&format!("{folder}Name"), ValueType::String, "media"),
        (&format!("{folder}UserAccountAccess"), ValueType::UnsignedInt, "3"),
        (&format!("{folder}Enable"), ValueType::Boolean, "1"),
        (&format!("{open}Name"), ValueType::String, "open"),
        (&format!("{open}UserAccountAccess"), ValueType::UnsignedInt, "0"),
        (&format!("{open}Enable"), ValueType::Boolean, "1"),
        (&format!("{STORAGE}NetworkServer.SMBEnable"), ValueType::Boolean, "1"),
        (&format!("{STORAGE}NetworkServer.NFSEnable"), ValueType::Boolean, "1"),
        (&format!("{STORAGE}FTPServer.Enable"), ValueType::Boolean, "1"),
    ];
    session.set(&values, "").unwrap();
    session.end();
    for unit in SERVERS {
        active(unit);
    }
    std::fs::write("/tmp/file", TEXT).unwrap();
    let (good, said) = smb(PASSWORD, "put /tmp/file file");
    assert!(good, "{said}");
    // It is on the drive, and everybody's view of the file system has the drive.
    let places = fine("findmnt", &["-rno", "TARGET", "-S", "/dev/nvme0n1p1"]);
    let text = |place: &&str| std::fs::read_to_string(Path::new(place).join("media/file")).ok();
    let drive = places.lines().find(|place| text(place).as_deref() == Some(TEXT)).expect("anna's file");
    std::fs::write(Path::new(drive).join("open/file"), TEXT).unwrap();
    is_offered();
    let (good, said) = smb("wrong one", "ls");
    assert!(!good && said.contains("NT_STATUS_LOGON_FAILURE"), "{said}");
    assert_eq!(show("cwmp-plugin@storage.service", "NRestarts"), "0");
    passed("folders are offered by servers of systemd");
}

/// Waits until anna reads by SMB and FTP what she has written, and everybody by NFS what is for everybody.
fn is_offered() {
    eventually("a file by SMB", || smb(PASSWORD, "get file /tmp/back").0.then_some(()));
    assert_eq!(std::fs::read_to_string("/tmp/back").unwrap(), TEXT);
    std::fs::remove_file("/tmp/back").unwrap();
    let who = format!("anna:{PASSWORD}");
    let by_ftp = ["-s", "--max-time", "60", "--user", &who, "ftp://127.0.0.1/media/file"];
    eventually("a file by FTP", || Some(run("curl", &by_ftp)).filter(|(_, text)| text == TEXT.trim_end()));
    let by_nfs = ["nfs://127.0.0.1/open/file?version=4"];
    eventually("a file by NFS", || Some(run("nfs-cat", &by_nfs)).filter(|(_, text)| text == TEXT.trim_end()));
    let main = show("smbd.service", "MainPID");
    let command = std::fs::read_to_string(format!("/proc/{main}/cmdline")).unwrap();
    assert!(command.contains("/run/cwmpd-storage/smb.conf"), "{command}");
}

/// C136: an ACS makes a network; hostapd, which the image starts, has it on the air for a plugin that is not root.
pub(crate) fn a_network_is_on_the_air_by_hostapd(acs: &Acs) {
    active("hostapd.service");
    let client = Client::connect(BUS);
    let radio = row(&client, RADIOS, "Name", "phy0");
    let mut session = asked(acs);
    session.ready();
    let (ssid, _) = session.add("Device.WiFi.SSID.", "").unwrap();
    let (point, _) = session.add("Device.WiFi.AccessPoint.", "").unwrap();
    let (ssid, point) = (format!("Device.WiFi.SSID.{ssid}."), format!("Device.WiFi.AccessPoint.{point}."));
    let values = [
        (&*format!("{ssid}LowerLayers"), ValueType::String, radio.trim_end_matches('.')),
        (&format!("{ssid}SSID"), ValueType::String, NETWORK),
        (&format!("{ssid}Enable"), ValueType::Boolean, "1"),
        (&format!("{point}SSIDReference"), ValueType::String, ssid.trim_end_matches('.')),
        (&format!("{point}Security.ModeEnabled"), ValueType::String, "WPA2-Personal"),
        (&format!("{point}Security.KeyPassphrase"), ValueType::String, PASSPHRASE),
        (&format!("{point}Enable"), ValueType::Boolean, "1"),
        (&format!("{radio}Channel"), ValueType::UnsignedInt, "6"),
    ];
    session.set(&values, "").unwrap();
    session.end();
    becomes(&client, &format!("{point}Status"), "Enabled");
    let air = eventually("the network is on the air", || on_air(NETWORK));
    assert!(air.contains("channel 6 "), "{air}");
    assert_eq!(show("cwmp-plugin@wifi.service", "NRestarts"), "0");
    passed("a network is on the air by hostapd");
}

/// The rule of the page for integrators lets the mapping name the box and set its clock's zone, and nobody else.
pub(crate) fn polkit_lets_the_mapping_do_what_it_has_to(acs: &Acs) {
    let hostnamed = ["org.freedesktop.hostname1", "/org/freedesktop/hostname1", "org.freedesktop.hostname1"];
    let users = |user: &str, name: &str| {
        let id = format!("--reuid={user}");
        let mut all = vec![&*id, "--regid=nogroup", "--clear-groups", "busctl", "--timeout=60", "call"];
        all.extend(hostnamed);
        all.extend(["SetStaticHostname", "sb", name, "false"]);
        run("setpriv", &all)
    };
    let (did, said) = users("cwmp-users", "nobodys");
    assert!(!did && said.contains("authentication required"), "{said}");
    // What the bus has to start first can take longer than a mapping waits.
    let timedated = ["org.freedesktop.timedate1", "/org/freedesktop/timedate1", "org.freedesktop.timedate1"];
    let zone = ["--timeout=60", "get-property", timedated[0], timedated[1], timedated[2], "Timezone"];
    fine("busctl", &zone);
    let mut session = asked(acs);
    session.ready();
    for (name, value) in [(HOST_NAME, NEW_NAME), (ZONE, NEW_ZONE)] {
        let mut set = || session.set(&[(name, ValueType::String, value)], "");
        eventually(&format!("{name} is set"), || set().inspect_err(|fault| println!("{fault:?}")).ok());
    }
    assert_eq!(session.get_value(HOST_NAME).unwrap(), NEW_NAME);
    assert_eq!(session.get_value(ZONE).unwrap(), NEW_ZONE);
    session.end();
    assert_eq!(std::fs::read_to_string("/etc/hostname").unwrap().trim(), NEW_NAME);
    passed("polkit lets the mapping do what it has to");
}

/// After a boot, of which nothing but the state is left, all of it is there again.
pub(crate) fn all_of_it_is_there_again() {
    for unit in SERVERS {
        active(unit);
    }
    is_offered();
    eventually("the network is on the air", || on_air(NETWORK));
    passed("all of it is there again");
}
