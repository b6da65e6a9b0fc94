//! Who may do what with the agent on a system bus: with the policy that is installed, and without, where the agent's own
//! check is all there is. By `busctl`, as the users that `tests/users` makes. Needs root to become them.

use std::process::Command;

use cwmp_acs::{Acs, Options};
use cwmp_e2e::{Device, Rights};

const NOBODY: &str = "nobody";
const READER: &str = "cwmp-test-read";
const ADMIN: &str = "cwmp-test-admin";
const ROOT: &str = "root";

const LEVEL: &str = "Device.X_CWMPD_Demo.Level";
const PASSWORD: &str = "Device.X_CWMPD_Demo.Password";
const CR_PASSWORD: &str = "Device.ManagementServer.ConnectionRequestPassword";

/// Whether this test cannot run here, which it says.
fn cannot_run() -> bool {
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|o| o.stdout == b"0\n");
    if !is_root {
        println!("skipped: needs root");
    }
    !is_root
}

/// What `busctl` says when a user calls this: the reply, or the error.
fn busctl(device: &Device, user: &str, words: &[&str]) -> Result<String, String> {
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap();
    let line = passwd.lines().find(|line| line.split(':').next() == Some(user));
    let ids: Vec<&str> =
        line.unwrap_or_else(|| panic!("no user {user}: run tests/users")).split(':').collect();
    let output = Command::new("setpriv")
        .args([&format!("--reuid={}", ids[2]), &format!("--regid={}", ids[3]), "--init-groups"])
        .args(["busctl", &format!("--address={}", device.bus.address())])
        .args(words)
        .env("LC_ALL", "C")
        .output()
        .expect("setpriv and busctl are there: the Debian packages util-linux and systemd have them");
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() {
        Ok(said(&output.stdout))
    } else {
        Err(said(&output.stderr))
    }
}

fn call<'a>(interface: &'a str, rest: &[&'a str]) -> Vec<&'a str> {
    [&["call", "org.cwmpd1", "/org/cwmpd1", interface], rest].concat()
}

/// The right that an action needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needs {
    Read,
    Change,
}

/// Everything that a person on the box can do, with the right that it needs.
fn actions() -> Vec<(Needs, Vec<&'static str>)> {
    use Needs::{Change, Read};
    let model = |rest: &[&'static str]| call("org.cwmpd1.DataModel", rest);
    let agent = |rest: &[&'static str]| call("org.cwmpd1.Agent", rest);
    vec![
        (Read, model(&["GetValue", "s", LEVEL])),
        (Read, model(&["Get", "asa{sv}", "1", "Device.DeviceInfo.", "0"])),
        (Read, model(&["List", "sb", "Device.", "true"])),
        (Read, model(&["Describe", "asa{sv}", "1", LEVEL, "0"])),
        (Read, model(&["GetAttributes", "as", "1", LEVEL])),
        (Read, vec!["get-property", "org.cwmpd1", "/org/cwmpd1", "org.cwmpd1.Agent", "State"]),
        (Read, call("org.freedesktop.DBus.Properties", &["GetAll", "s", "org.cwmpd1.Agent"])),
        (Change, model(&["SetValue", "ss", LEVEL, "60"])),
        (Change, model(&["Set", "a(ss)a{sv}", "1", LEVEL, "61", "0"])),
        (Change, model(&["Add", "sa(ss)", "Device.X_CWMPD_Demo.Lamp.", "0"])),
        (Change, model(&["Delete", "s", "Device.X_CWMPD_Demo.Lamp.1."])),
        (Change, model(&["SetAttributes", "a(sbubas)", "1", LEVEL, "true", "1", "false", "0"])),
        (Change, agent(&["Inform", "a{sv}", "0"])),
        (Change, agent(&["Reload"])),
    ]
}

fn device(acs: &Acs, rights: Rights) -> Device {
    let device = Device::builder().acs(acs.url()).bus(rights).plugin("demo", "").start();
    device.ready("demo");
    acs.session().end();
    device
}

/// Tries everything as everyone; `refused` tells how somebody is refused.
fn everyone_tries(rights: Rights, refused: &[&str]) {
    let acs = Acs::start(Options { lenient: true, ..Options::default() });
    let device = device(&acs, rights);
    for user in [NOBODY, READER, ADMIN, ROOT] {
        for (needs, words) in actions() {
            let may = match needs {
                Needs::Read => user != NOBODY,
                Needs::Change => user == ADMIN || user == ROOT,
            };
            let before = device.client().value(LEVEL).unwrap();
            let answer = busctl(&device, user, &words);
            match &answer {
                // Of all properties it is shown none.
                Ok(reply) => assert!(may || reply == "a{sv} 0", "{user} may {words:?}: {answer:?}"),
                // The row is gone when the second one deletes it.
                Err(why) if may => assert!(why.contains("no such"), "{user} may not {words:?}: {why}"),
                Err(why) => {
                    let is_refused = refused.iter().any(|text| why.contains(text));
                    assert!(is_refused, "{user}, {words:?}: {why}");
                    assert_eq!(device.client().value(LEVEL).unwrap(), before);
                }
            }
        }
    }
}

#[test]
fn groups_have_their_rights_where_the_policy_is_installed() {
    if !cannot_run() {
        everyone_tries(Rights::Policy, &["Access denied"]);
    }
}

#[test]
fn the_agent_refuses_by_itself_where_no_policy_is_installed() {
    if !cannot_run() {
        // This bus denies nothing; busctl has its own words for the error that a property is refused with.
        everyone_tries(Rights::Everyone, &["needs root or the group", "Access denied"]);
    }
}

/// Nobody reads a secret, whatever rights he has.
#[test]
fn a_secret_reads_as_empty_for_everyone() {
    if cannot_run() {
        return;
    }
    let acs = Acs::start(Options::default());
    let device = device(&acs, Rights::Policy);
    device.client().set_value(PASSWORD, "open sesame").unwrap();
    for user in [READER, ADMIN, ROOT] {
        for secret in [PASSWORD, CR_PASSWORD] {
            let words = call("org.cwmpd1.DataModel", &["GetValue", "s", secret]);
            assert_eq!(busctl(&device, user, &words).unwrap(), "s \"\"", "{user}: {secret}");
        }
        let everything = call("org.cwmpd1.DataModel", &["Get", "asa{sv}", "1", "Device.", "0"]);
        let everything = busctl(&device, user, &everything).unwrap();
        assert!(everything.contains(PASSWORD) && !everything.contains("open sesame"), "{user}");
        assert!(!everything.contains("let me in"), "{user}: {everything}");
    }
}

/// The owner of the name is the plugin: others say nothing in its place, even where the bus lets them through.
#[test]
fn nobody_speaks_for_a_plugin() {
    if cannot_run() {
        return;
    }
    for (rights, refused) in [(Rights::Policy, "Access denied"), (Rights::Everyone, "")] {
        let acs = Acs::start(Options::default());
        let device = device(&acs, rights);
        for user in [NOBODY, READER, ADMIN, ROOT] {
            for words in [
                &["Announce", "sa{sv}", "demo", "0"][..],
                &["Allocate", "sas", "Device.X_CWMPD_Demo.Lamp.", "1", "key"],
                &["Event", "sa{sv}", "X 00AABB Lie", "0"],
            ] {
                let why = busctl(&device, user, &call("org.cwmpd1.Registry", words)).unwrap_err();
                // Root comes to the agent in either case, which knows whose the name is.
                let own = why.contains("does not own") || why.contains("is no provider");
                assert!(own || why.contains(refused) && user != ROOT, "{user}, {words:?}: {why}");
            }
            // A signal to the agent has no answer; it is not believed.
            let _ = busctl(
                &device,
                user,
                &["emit", "/org/cwmpd1/Provider", "org.cwmpd1.Provider", "Changed", "as", "1", LEVEL],
            );
        }
        let client = device.client();
        assert_eq!(client.provider("demo").unwrap().0, "ready");
        assert_eq!(client.property::<Vec<(String, String)>>("PendingEvents"), []);
    }
}

/// The provider's own methods are for the agent.
#[test]
fn nobody_but_the_agent_calls_a_plugin() {
    if cannot_run() {
        return;
    }
    for (rights, refused) in [(Rights::Policy, "Access denied"), (Rights::Everyone, "only the agent")] {
        let acs = Acs::start(Options::default());
        let device = device(&acs, rights);
        for user in [NOBODY, READER, ADMIN, ROOT] {
            for words in [
                &["Get", "asa{sv}", "1", LEVEL, "0"][..],
                &["Commit", "t", "1"],
                &["Notice", "sa{sv}", "factory-reset", "0"],
            ] {
                let target =
                    ["call", "org.cwmpd1.Provider.demo", "/org/cwmpd1/Provider", "org.cwmpd1.Provider"];
                let why = busctl(&device, user, &[&target, words].concat()).unwrap_err();
                let by_host = why.contains("only the agent") && user == ROOT;
                assert!(by_host || why.contains(refused), "{user}, {words:?}: {why}");
            }
        }
        assert_eq!(device.client().value(LEVEL).unwrap(), "50");
    }
}
