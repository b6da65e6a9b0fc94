//! GetParameterValues and GetParameterNames.

use std::collections::BTreeSet;

use cwmp_acs::{Acs, Options, Request, Session, ValueType};
use cwmp_e2e::Device;

use super::{another, refused, spoilt, start, DEMO};

/// The names of the values at these paths.
#[track_caller]
fn read(session: &mut Session, paths: &[&str]) -> Vec<String> {
    session.get(paths).unwrap().into_iter().map(|(name, _)| name).collect()
}

/// The names that are listed at a path.
#[track_caller]
fn listed(session: &mut Session, path: &str, next_level: bool) -> Vec<String> {
    session.names(path, next_level).unwrap().into_iter().map(|(name, _)| name).collect()
}

/// C116: full names, partial paths and the empty path give full names only.
#[test]
fn values_are_read_by_name_and_by_path() {
    let (_acs, _device, mut session) = start();
    let names = ["Device.X_CWMPD_Demo.Level", "Device.ManagementServer.PeriodicInformInterval"];
    let values = session.get(&names).unwrap();
    let found: Vec<_> = values.iter().map(|(n, v)| (n.as_str(), v.kind, v.text.as_str())).collect();
    assert_eq!(found.len(), 2);
    assert!(found.contains(&(names[0], ValueType::UnsignedInt, "50")), "{found:?}");
    assert!(found.contains(&(names[1], ValueType::UnsignedInt, "86400")), "{found:?}");
    let below = read(&mut session, &[DEMO]);
    assert!(below.iter().all(|n| n.starts_with(DEMO) && !n.ends_with('.')), "{below:?}");
    assert!(below.contains(&format!("{DEMO}Label")) && below.contains(&format!("{DEMO}LampNumberOfEntries")));
    let all = read(&mut session, &[""]);
    assert_eq!(all, read(&mut session, &["Device."]));
    for name in [
        "Device.RootDataModelVersion",
        "Device.DeviceInfo.SerialNumber",
        "Device.X_CWMPD_Demo.Mode",
        "Device.X_CWMPD_DemoC.Mode",
    ] {
        assert!(all.iter().any(|n| n == name), "{name} is not in {all:?}");
    }
    session.end();
}

/// C117, C149, C207: a name that does not exist fails the call; a table without rows is empty.
#[test]
fn what_does_not_exist_is_an_invalid_name() {
    let (_acs, _device, mut session) = start();
    for name in [
        "Device.X_CWMPD_Demo.Nothing",
        "Device.X_CWMPD_Demo.Nothing.",
        "Device.X_CWMPD_Demo",
        "Device.X_CWMPD_Demo.Level.",
        "Device.X_CWMPD_Demo.Lamp.1.",
        "Device.X_CWMPD_Demo.Lamp.1.Name",
        "Device.X_CWMPD_Demo.Lamp.1.Alias",
        "Device.X_CWMPD_Demo.Lamp.1.Schedule.",
        "Device.X_CWMPD_Demo.Lamp.1.ScheduleNumberOfEntries",
        "Device.X_CWMPD_Demo.Lamp.*.",
        "Device.X_CWMPD_Demo.Lamp.[cpe-1].",
        "Device.X_CWMPD_Demo.Lamp.01.",
        "Device.X_CWMPD_Demo.Lamp.{i}.Name",
        "InternetGatewayDevice.",
        "device.",
        ".",
    ] {
        assert_eq!(refused(session.get(&[name])), 9005, "{name}");
        // Together with a name that exists.
        assert_eq!(refused(session.get(&["Device.X_CWMPD_Demo.Level", name])), 9005, "{name}");
    }
    assert_eq!(session.get(&["Device.X_CWMPD_Demo.Lamp."]).unwrap(), []);
    assert_eq!(session.get(&["Device.X_CWMPD_Demo.Big."]).unwrap(), []);
    let long = Request::GetParameterValues { names: vec!["Device.NAME".to_owned()] };
    assert_eq!(spoilt(&mut session, &long, "NAME", &"x".repeat(250)).code, 9003);
    session.end();
}

/// C119: overlapping paths are no fault.
#[test]
fn paths_may_overlap() {
    let (_acs, _device, mut session) = start();
    let level = "Device.X_CWMPD_Demo.Level";
    let found = read(&mut session, &[level, DEMO, level, "", "Device.X_CWMPD_Demo.Lamp."]);
    assert!(found.iter().any(|n| n == level));
    assert!(found.iter().any(|n| n == "Device.DeviceInfo.SerialNumber"));
    session.end();
}

/// C33, C118, C146: a secret reads as empty, whoever keeps it, by name and by path.
#[test]
fn secrets_read_as_empty() {
    let (_acs, device, mut session) = start();
    let secrets = [
        "Device.X_CWMPD_Demo.Password",
        "Device.ManagementServer.Password",
        "Device.ManagementServer.ConnectionRequestPassword",
    ];
    let set: Vec<_> = secrets.iter().map(|name| (*name, ValueType::String, "very secret")).collect();
    assert_eq!(session.set(&set, "").unwrap(), 0);
    for name in secrets {
        assert_eq!(session.get_value(name).unwrap(), "");
        assert_eq!(device.client().value(name).unwrap(), "");
    }
    let all = session.get(&[""]).unwrap();
    assert!(secrets.iter().all(|s| all.iter().any(|(n, v)| n == s && v.text.is_empty())));
    let transcript = session.end();
    let answers = transcript.entries.iter().map(|e| String::from_utf8_lossy(&e.body).into_owned());
    assert!(!answers.collect::<String>().contains("very secret"));
    assert!(!device.log().contains("very secret"));
}

/// C118: an answer that would be too large is refused, and the session goes on.
#[test]
fn an_answer_has_a_largest_size() {
    let (acs, _device, mut session) = start();
    let url = "Device.ManagementServer.URL";
    let long = acs.url_of(&"x".repeat(2048 - acs.url().len() - 1));
    session.set(&[(url, ValueType::String, &long)], "").unwrap();
    assert_eq!(session.get(&vec![url; 1000]).unwrap().len(), 1000);
    assert_eq!(refused(session.get(&vec![url; 30_000])), 9004);
    assert_eq!(session.get_value(url).unwrap(), long);
    session.end();
}

/// C121: the root is at the top, and the empty path lists it or everything.
#[test]
fn the_empty_path_lists_the_root() {
    let (_acs, _device, mut session) = start();
    assert_eq!(session.names("", true).unwrap(), [("Device.".to_owned(), false)]);
    assert_eq!(listed(&mut session, "", false), listed(&mut session, "Device.", false));
    session.end();
}

/// C122, C123, C125: the next level has the children only, all levels have the object, those between and all below.
#[test]
fn names_are_listed_level_by_level_or_all_at_once() {
    let (_acs, _device, mut session) = start();
    session.add("Device.X_CWMPD_Demo.Lamp.", "").unwrap();
    session.add("Device.X_CWMPD_Demo.Lamp.", "").unwrap();
    session.add("Device.X_CWMPD_Demo.Lamp.1.Schedule.", "").unwrap();
    let top = listed(&mut session, "Device.", true);
    assert!(top.contains(&DEMO.to_owned()) && top.contains(&"Device.RootDataModelVersion".to_owned()));
    assert!(top.iter().all(|n| n != "Device." && !n.contains("Lamp")), "{top:?}");
    let lamps = "Device.X_CWMPD_Demo.Lamp.";
    assert_eq!(
        session.names(lamps, true).unwrap(),
        [(format!("{lamps}1."), true), (format!("{lamps}2."), true)]
    );
    let below = session.names(&format!("{lamps}1."), false).unwrap();
    for (name, writable) in [
        ("", true),
        ("Alias", true),
        ("Name", true),
        ("Switched", false),
        ("ScheduleNumberOfEntries", false),
        ("Schedule.", true),
        ("Schedule.1.", true),
        ("Schedule.1.Hour", true),
    ] {
        let entry = (format!("{lamps}1.{name}"), writable);
        assert!(below.contains(&entry), "{entry:?} is not in {below:?}");
    }
    assert_eq!(below.iter().map(|(n, _)| n).collect::<BTreeSet<_>>().len(), below.len(), "{below:?}");
    let demo = session.names(DEMO, true).unwrap();
    for (name, writable) in [("Level", true), ("Temperature", false), ("Lamp.", true), ("Big.", false)] {
        assert!(demo.contains(&(format!("{DEMO}{name}"), writable)), "{name}: {demo:?}");
    }
    let all = session.names(DEMO, false).unwrap();
    assert!(all.contains(&(DEMO.to_owned(), false)) && all.contains(&(format!("{lamps}2."), true)));
    session.end();
}

/// C124: a full name lists itself; an empty table lists nothing, or itself.
#[test]
fn odd_lists_have_the_answers_of_the_standard() {
    let (_acs, _device, mut session) = start();
    let level = "Device.X_CWMPD_Demo.Level";
    assert_eq!(session.names(level, false).unwrap(), [(level.to_owned(), true)]);
    assert_eq!(refused(session.names(level, true)), 9003);
    let lamps = "Device.X_CWMPD_Demo.Lamp.";
    assert_eq!(session.names(lamps, true).unwrap(), []);
    assert_eq!(session.names(lamps, false).unwrap(), [(lamps.to_owned(), true)]);
    for name in ["Device.X_CWMPD_Demo.Nothing", "Device.Nothing.", "Device.X_CWMPD_Demo.Lamp.1.", "Device"] {
        assert_eq!(refused(session.names(name, false)), 9005, "{name}");
        assert_eq!(refused(session.names(name, true)), 9005, "{name}");
    }
    session.end();
}

/// C126: what is listed can be read, what can be read is listed, and both have their attributes.
#[test]
fn lists_values_and_attributes_agree() {
    let acs = Acs::start(Options::default());
    let device = Device::builder()
        .acs(acs.url())
        .plugin("demo", "[config]\nbig_rows = 20")
        .plugin("demo_c", "")
        .start();
    device.ready("demo");
    device.ready("demo_c");
    let mut session = acs.session();
    for table in
        ["Device.X_CWMPD_Demo.Lamp.", "Device.X_CWMPD_Demo.Lamp.1.Schedule.", "Device.X_CWMPD_DemoC.Sensor."]
    {
        session.add(table, "").unwrap();
    }
    for path in
        ["", DEMO, "Device.X_CWMPD_Demo.Lamp.1.", "Device.ManagementServer.", "Device.X_CWMPD_Demo.Big.7."]
    {
        let listed = session.names(path, false).unwrap();
        let listed: BTreeSet<String> =
            listed.into_iter().map(|(n, _)| n).filter(|n| !n.ends_with('.')).collect();
        let read: BTreeSet<String> = read(&mut session, &[path]).into_iter().collect();
        assert_eq!(listed, read, "{path}");
        let attributes: BTreeSet<String> =
            session.attributes(&[path]).unwrap().into_iter().map(|(n, _, _)| n).collect();
        assert_eq!(listed, attributes, "{path}");
        for name in listed.iter().step_by(7) {
            assert_eq!(session.get(&[name]).unwrap().len(), 1, "{name}");
        }
    }
    session.end();
}

/// C119: rows that come during a session are seen by the next one, rows that go are gone at once; the bus sees both.
#[test]
fn lists_stay_as_they_are_for_a_session() {
    let (acs, device, mut session) = start();
    let client = device.client();
    let lamps = "Device.X_CWMPD_Demo.Lamp.";
    session.add(lamps, "").unwrap();
    assert_eq!(listed(&mut session, lamps, true), [format!("{lamps}1.")]);
    assert_eq!(client.add(lamps, &[]).unwrap().0, 2);
    assert_eq!(client.value("Device.X_CWMPD_Demo.LampNumberOfEntries").unwrap(), "2");
    assert_eq!(listed(&mut session, lamps, true), [format!("{lamps}1.")]);
    assert_eq!(session.get_value("Device.X_CWMPD_Demo.LampNumberOfEntries").unwrap(), "1");
    for path in [lamps, DEMO, ""] {
        assert!(read(&mut session, &[path]).iter().all(|n| !n.starts_with(&format!("{lamps}2."))), "{path}");
    }
    client.delete(&format!("{lamps}1.")).unwrap();
    assert_eq!(refused(session.get(&[&format!("{lamps}1.Name")])), 9005);
    session.end();
    let mut session = another(&acs, &device);
    assert_eq!(listed(&mut session, lamps, true), [format!("{lamps}2.")]);
    assert_eq!(session.get_value("Device.X_CWMPD_Demo.LampNumberOfEntries").unwrap(), "1");
    session.end();
}
