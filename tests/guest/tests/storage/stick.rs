//! A stick that is used, pulled out and plugged in again.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};

use cwmp_e2e::binary;

use crate::cabinet::{block, plug, run, usb, Cabinet, ACTIVE, MEDIA_COUNT, STICK};

/// What an ACS wants on the stick is made there. Pulled out, it is told; plugged in again, all is as it was.
///
/// C51, C134, C136
#[test]
fn a_stick_becomes_a_volume_goes_and_comes_back() {
    let Some(cabinet) = Cabinet::start() else { return };
    let mut session = cabinet.session();
    session.set_notifications(&[(MEDIA_COUNT, ACTIVE)]).unwrap();
    session.end();
    let medium = cabinet.medium(STICK);
    let row = cabinet.add_volume("FILMS", 64);
    let status = format!("{row}Status");
    cabinet.told(&status, "Online");
    let mut session = cabinet.session();
    for (name, wanted) in [
        ("Name", "FILMS"),
        ("FileSystem", "ext4"),
        ("Capacity", "64"),
        ("PhysicalReference", medium.trim_end_matches('.')),
    ] {
        assert_eq!(session.get_value(&format!("{row}{name}")).unwrap(), wanted, "{name}");
    }
    session.end();
    let device = block(STICK).unwrap();
    let partition = format!("{}1", device.display());
    let mounted = run("findmnt", &["-rno", "TARGET,FSTYPE,LABEL", &partition]);
    let (place, what) = mounted.trim().split_once(' ').unwrap();
    assert_eq!(what, "ext4 FILMS");
    std::fs::write(format!("{place}/film"), "a film").unwrap();
    run("sync", &[]);

    let stick = usb();
    plug(&stick, false);
    cabinet.told(MEDIA_COUNT, "2");
    cabinet.becomes(&status, "Offline");
    let mut session = cabinet.session();
    assert_eq!(session.get(&[&medium]).unwrap_err().code, 9005, "who left has no row");
    let values = session.get(&[&row]).unwrap();
    let value =
        |name: &str| values.iter().find(|(path, _)| *path == format!("{row}{name}")).map(|(_, v)| &*v.text);
    assert_eq!(
        (value("Status"), value("Name"), value("Enable")),
        (Some("Offline"), Some("FILMS"), Some("true"))
    );
    session.end();

    plug(&stick, true);
    cabinet.told(MEDIA_COUNT, "3");
    cabinet.becomes(&status, "Online");
    assert_eq!(cabinet.medium(STICK), medium, "it has the row that it had");
    let partition = format!("{}1", block(STICK).unwrap().display());
    let place = run("findmnt", &["-rno", "TARGET", &partition]);
    assert_eq!(std::fs::read_to_string(format!("{}/film", place.trim())).unwrap(), "a film");

    let mut session = cabinet.session();
    session.delete(&row, "key").unwrap();
    session.end();
    assert!(!std::path::Path::new(&partition).exists(), "its partition is gone");
}

/// A stick that is pulled out while it is formatted: the job fails and says why, and the row tells it, too.
#[test]
fn a_stick_that_is_pulled_out_while_it_is_formatted_is_an_error() {
    let Some(cabinet) = Cabinet::start() else { return };
    let row = cabinet.add_volume("FILMS", 0);
    let status = format!("{row}Status");
    let mut job = Command::new(binary("cwmpctl"))
        .args(["--bus", cabinet.device.bus.address(), "--long", "jobs", "--wait"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("cwmpctl is there");
    let mut said = BufReader::new(job.stderr.take().expect("it has a pipe"));
    let mut so_far = String::new();
    while !so_far.contains("making ext4") {
        assert!(said.read_line(&mut so_far).unwrap() > 0, "it ended before: {so_far}");
    }
    let device = block(STICK).unwrap();
    let stick = usb();
    plug(&stick, false);
    said.read_to_string(&mut so_far).unwrap();
    let ended = job.wait_with_output().unwrap();
    let listed = String::from_utf8_lossy(&ended.stdout);
    assert!(!ended.status.success(), "{so_far}{listed}");
    let reason = listed.lines().rev().find(|line| line.contains(row.as_str()) && line.contains("failed"));
    let names_it = |reason: &str| reason.contains(&*device.to_string_lossy()) && reason.contains("gone");
    assert!(reason.is_some_and(names_it), "{so_far}{listed}");

    cabinet.told(&status, "Error");
    let mut session = cabinet.session();
    let values = session.get(&[&row]).unwrap();
    let value =
        |name: &str| values.iter().find(|(path, _)| *path == format!("{row}{name}")).map(|(_, v)| &*v.text);
    assert_eq!(
        (value("Status"), value("Name"), value("Enable")),
        (Some("Error"), Some("FILMS"), Some("true"))
    );
    session.end();

    // What is not wanted any more is no error when the stick comes back.
    let mut session = cabinet.session();
    session.delete(&row, "key").unwrap();
    session.end();
    plug(&stick, true);
    cabinet.medium(STICK);
}
