//! What was set, made and asked for is there after a restart, of whatever; and ends are in order.

use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cwmp_acs::{Acs, AttributeChange, ConnectionRequest, Options, Reply, Request, Session, ValueType};
use cwmp_e2e::{binary, eventually, is_gone, Bus, Client, Device, CONNECTION_REQUEST};

const DEMO: &str = "Device.X_CWMPD_Demo.";
const DEMO_C: &str = "Device.X_CWMPD_DemoC.";
const PASSWORD: &str = "Device.X_CWMPD_Demo.Password";
const URL: &str = "Device.ManagementServer.ConnectionRequestURL";
/// How an agent ends when the bus is gone, or its name taken.
const BUS_GONE: i32 = 70;

fn device(acs: &Acs) -> Device {
    let device = Device::builder().acs(acs.url()).plugin("demo", "").plugin("demo_c", "").start();
    ready(&device);
    device
}

fn ready(device: &Device) {
    device.ready("demo");
    device.ready("demo_c");
}

fn ask(acs: &Acs, client: &Client) -> Session {
    let (user, password) = CONNECTION_REQUEST;
    assert_eq!(acs.connection_request(&client.value(URL).unwrap(), user, password), 200);
    acs.session()
}

/// The processes of the hosts.
fn hosts(device: &Device) -> [u32; 2] {
    ["demo", "demo_c"].map(|name| device.host(name))
}

/// Names, notifications and access lists.
type Attributes = Vec<(String, u32, Vec<String>)>;

/// Everything that can be different: values and rows with their aliases, then attributes.
fn everything(session: &mut Session) -> (Vec<(String, String)>, Attributes) {
    let mut values = Vec::new();
    let mut attributes = Vec::new();
    for base in [DEMO, DEMO_C] {
        values.extend(session.get(&[base]).unwrap().into_iter().map(|(name, value)| (name, value.text)));
        attributes.extend(session.attributes(&[base]).unwrap());
    }
    values.sort();
    attributes.sort();
    (values, attributes)
}

fn fill(session: &mut Session, client: &Client) {
    let (lamp, _) = session.add(&format!("{DEMO}Lamp."), "").unwrap();
    let (hour, _) = session.add(&format!("{DEMO}Lamp.{lamp}.Schedule."), "").unwrap();
    let (sensor, _) = session.add(&format!("{DEMO_C}Sensor."), "").unwrap();
    let values = [
        (format!("{DEMO}Label"), ValueType::String, "a <b> & \"c\""),
        (format!("{DEMO}Level"), ValueType::UnsignedInt, "7"),
        (format!("{DEMO}Offset"), ValueType::Int, "-7"),
        (format!("{DEMO}Enable"), ValueType::Boolean, "false"),
        (format!("{DEMO}Mode"), ValueType::String, "Boost"),
        (format!("{DEMO}Since"), ValueType::DateTime, "2024-02-29T12:34:56Z"),
        (PASSWORD.to_owned(), ValueType::String, "open sesame"),
        (format!("{DEMO}Lamp.{lamp}.Name"), ValueType::String, "Kitchen"),
        (format!("{DEMO}Lamp.{lamp}.Alias"), ValueType::String, "kitchen"),
        (format!("{DEMO}Lamp.{lamp}.Schedule.{hour}.Hour"), ValueType::UnsignedInt, "22"),
        (format!("{DEMO_C}Label"), ValueType::String, "an\\other\nlabel"),
        (format!("{DEMO_C}Level"), ValueType::UnsignedInt, "8"),
        (format!("{DEMO_C}Enable"), ValueType::Boolean, "false"),
        (format!("{DEMO_C}Mode"), ValueType::String, "Eco"),
        (format!("{DEMO_C}Sensor.{sensor}.Name"), ValueType::String, "Door"),
        (format!("{DEMO_C}Sensor.{sensor}.Alias"), ValueType::String, "door"),
        (format!("{DEMO_C}Sensor.{sensor}.Threshold"), ValueType::Int, "-12"),
    ];
    let values: Vec<_> = values.iter().map(|(name, kind, value)| (name.as_str(), *kind, *value)).collect();
    assert_eq!(session.set(&values, "filled").unwrap(), 0);
    let change = |name: String, notification, access_list: Option<&[&str]>| AttributeChange {
        name,
        notification,
        access_list: access_list.map(|list| list.iter().map(|e| (*e).to_owned()).collect()),
    };
    let changes = [
        change(format!("{DEMO}Level"), Some(1), None),
        change(format!("{DEMO}Temperature"), Some(2), Some(&[])),
        change(format!("{DEMO}Lamp.{lamp}.Brightness"), Some(2), None),
        change(format!("{DEMO_C}Temperature"), Some(2), None),
        change(format!("{DEMO_C}Level"), None, Some(&[])),
    ];
    session.set_attributes(&changes).unwrap();
    assert_eq!(client.value(PASSWORD).unwrap(), "");
}

/// C111, C135, C139: rows, values, aliases and attributes of plugins; secrets too, which only the plugin knows.
#[test]
fn what_plugins_hold_survives_a_restart_of_the_hosts_of_the_agent_and_a_boot() {
    let acs = Acs::start(Options::default());
    let mut device = device(&acs);
    let client = device.client();
    let mut session = acs.session();
    fill(&mut session, &client);
    let before = everything(&mut session);
    session.end();
    for what in ["hosts", "agent", "crash", "boot"] {
        match what {
            "hosts" => {
                device.kill_host("demo");
                device.kill_host("demo_c");
            }
            "agent" => device.restart(),
            "crash" => {
                device.kill();
                device.start();
            }
            _ => device.reboot(),
        }
        ready(&device);
        let client = device.client();
        let mut session = if what == "boot" { acs.session() } else { ask(&acs, &client) };
        let expected = if what == "boot" { "1 BOOT" } else { "6 CONNECTION REQUEST" };
        assert_eq!(session.events(), [expected], "{what}");
        assert_eq!(everything(&mut session), before, "{what}");
        assert_eq!(session.get_value("Device.ManagementServer.ParameterKey").unwrap(), "filled", "{what}");
        session.end();
    }
    // The numbers of rows go on where they were.
    let client = device.client();
    assert_eq!(client.add(&format!("{DEMO}Lamp."), &[]).unwrap().0, 2);
    device.stop();
    let kept = device.path("state/plugins/demo/store.db");
    let mode = std::fs::metadata(&kept).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "{mode:o}");
    let kept: Vec<u8> = ["", "-wal"]
        .iter()
        .flat_map(|end| std::fs::read(format!("{}{end}", kept.display())).unwrap_or_default())
        .collect();
    assert!(kept.windows(11).any(|w| w == b"open sesame"), "the plugin does not keep its secret");
}

#[test]
fn the_end_of_the_bus_ends_agent_and_hosts_and_a_restart_brings_them_back() {
    let acs = Acs::start(Options::default());
    let mut device = device(&acs);
    acs.session().end();
    let pids = hosts(&device);
    device.bus.kill();
    assert_eq!(device.ended().code(), Some(BUS_GONE));
    for pid in pids {
        eventually("the hosts end", || is_gone(pid).then_some(()));
    }
    // A host that the agent told to end before it saw the end of the bus has nothing to say of it.
    let log = device.log();
    assert!(log.contains("the bus went away"), "{log}");
    // There is nothing to connect to: as its supervisor sees it, the agent ends again.
    device.start();
    assert_eq!(device.ended().code(), Some(BUS_GONE));
    device.bus = Bus::start(&device.path(""));
    device.start();
    ready(&device);
    let client = device.client();
    let session = ask(&acs, &client);
    assert_eq!(session.events(), ["6 CONNECTION REQUEST"]);
    session.end();
}

#[test]
fn a_second_agent_says_that_the_name_is_taken_and_touches_nothing() {
    let acs = Acs::start(Options::default());
    let device = device(&acs);
    acs.session().end();
    let pids = hosts(&device);
    // It would find that there was a boot.
    std::fs::write(device.path("boot_id"), "boot 2\n").unwrap();
    let second = Command::new(binary("cwmpd"))
        .arg("--config")
        .arg(device.path("cwmpd.toml"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(second.status.code(), Some(BUS_GONE));
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(said.contains("name already taken"), "{said}");
    assert_eq!(hosts(&device), pids);
    let client = device.client();
    assert_eq!(client.property::<Vec<(String, String)>>("PendingEvents"), []);
    let session = ask(&acs, &client);
    assert_eq!(session.events(), ["6 CONNECTION REQUEST"]);
    session.end();
}

#[test]
fn an_agent_that_is_stopped_ends_its_hosts_in_time_even_one_that_hangs() {
    let device = Device::builder()
        .plugin("demo", "[config]\nfailures = true\n")
        .manifest("demo", "[deadlines]\nget_ms = 300\n")
        .plugin("demo_c", "");
    let mut device = device.start();
    ready(&device);
    let client = device.client();
    client.set_value(&format!("{DEMO}Test.Fail"), "hang").unwrap();
    assert!(client.value(&format!("{DEMO}Level")).is_err());
    let pids = hosts(&device);
    let began = Instant::now();
    assert!(device.stop().success());
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert!(pids.iter().all(|pid| is_gone(*pid)), "{pids:?}");
}

/// Hosts outlive an agent that crashes, serve the next one, and end with it.
#[test]
fn hosts_of_an_agent_that_crashed_serve_the_next_and_end_with_it() {
    let mut device = Device::builder().plugin("demo", "").plugin("demo_c", "").start();
    ready(&device);
    let pids = hosts(&device);
    device.kill();
    assert!(!pids.iter().any(|pid| is_gone(*pid)));
    device.start();
    ready(&device);
    assert_eq!(hosts(&device), pids);
    assert_eq!(device.client().value(&format!("{DEMO}Level")).unwrap(), "50");
    // One that is lost now is started again.
    device.kill_host("demo");
    // The bus may still have the name of the one that is gone.
    eventually("another host", || (hosts(&device)[0] != pids[0]).then_some(()));
    device.ready("demo");
    let [other, same] = hosts(&device);
    assert!(other != pids[0] && same == pids[1]);
    assert!(device.stop().success());
    assert!([other, same].iter().all(|pid| is_gone(*pid)));
}

/// Spoils the store of a stopped device, and looks at what comes of that.
fn with_store(spoil: impl Fn(&Device), says: &str) -> (Acs, Device) {
    let acs = Acs::start(Options::default());
    let mut device = device(&acs);
    acs.session().end();
    device.stop();
    spoil(&device);
    device.start();
    ready(&device);
    // The ACS is reached, whatever is with the store, and sees a device that knows nothing.
    let mut session = acs.session();
    assert_eq!(session.events(), ["0 BOOTSTRAP", "1 BOOT"]);
    let level = [(&*format!("{DEMO}Level"), ValueType::UnsignedInt, "60")];
    assert_eq!(session.set(&level, "key").unwrap(), 0);
    assert_eq!(session.get_value(&format!("{DEMO}Level")).unwrap(), "60");
    assert_eq!(session.get_value("Device.ManagementServer.ParameterKey").unwrap(), "key");
    session.end();
    let store: String = device.client().property("Store");
    assert!(store.starts_with(says), "{store}");
    (acs, device)
}

fn remove_log(device: &Device) {
    for end in ["-wal", "-shm"] {
        // There is none after an end in order.
        let _ = std::fs::remove_file(device.path(&format!("state/cwmpd.db{end}")));
    }
}

#[test]
fn a_store_that_is_noise_is_replaced_and_named() {
    let (acs, mut device) = with_store(
        |device| {
            remove_log(device);
            std::fs::write(device.path("state/cwmpd.db"), "noise".repeat(5000)).unwrap();
        },
        "recovered: ",
    );
    assert!(device.path("state/cwmpd.db.corrupt-1").exists());
    // The new one is as good as any.
    device.restart();
    ready(&device);
    let client = device.client();
    assert_eq!(client.property::<String>("Store"), "ok");
    let session = ask(&acs, &client);
    assert_eq!(session.events(), ["6 CONNECTION REQUEST"]);
    assert_eq!(session.parameter("Device.ManagementServer.ParameterKey"), Some("key"));
    session.end();
}

#[test]
fn a_store_that_is_missing_is_made() {
    with_store(
        |device| {
            remove_log(device);
            std::fs::remove_file(device.path("state/cwmpd.db")).unwrap();
        },
        "ok",
    );
}

#[test]
fn a_store_that_cannot_be_a_file_is_replaced_by_memory() {
    let (_acs, device) = with_store(
        |device| {
            remove_log(device);
            std::fs::remove_file(device.path("state/cwmpd.db")).unwrap();
            std::fs::create_dir(device.path("state/cwmpd.db")).unwrap();
        },
        "memory only: ",
    );
    assert!(device.log().contains("store: memory only"), "{}", device.log());
}

/// A file system in a mount namespace, with this size, for the rest of this test in another process; false where that
/// cannot be had.
fn is_inside(test: &str, options: &str) -> bool {
    const INSIDE: &str = "CWMP_RESTARTS_INSIDE";
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let may = Command::new("unshare").args(["--mount", "true"]).status();
    if !may.is_ok_and(|status| status.success()) {
        println!("skipped: no mount namespace here");
        return false;
    }
    let folder = tempfile::tempdir().unwrap();
    let script = format!("mount -t tmpfs -o {options} none \"$0\" && exec \"$@\"");
    let output = Command::new("unshare")
        .args(["--mount", "sh", "-c", &script])
        .arg(folder.path())
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, folder.path())
        .env("CWMP_SMALL", folder.path())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    false
}

/// A device whose state is on the small file system.
fn device_on(small: &str, acs: &Acs) -> Device {
    let device = Device::builder()
        .acs(acs.url())
        .plugin("demo", "")
        .config(&format!("[store]\nfolder = '{small}'\n"))
        .start();
    device.ready("demo");
    device
}

#[test]
fn a_full_store_is_named_and_the_acs_is_obeyed_all_the_same() {
    if !is_inside("a_full_store_is_named_and_the_acs_is_obeyed_all_the_same", "size=2m,mode=700") {
        return;
    }
    let small = std::env::var("CWMP_SMALL").unwrap();
    let acs = Acs::start(Options::default());
    let device = device_on(&small, &acs);
    let mut session = acs.session();
    // Nothing is left for anybody.
    let filler = format!("{small}/filler");
    std::fs::write(&filler, vec![0; 4 * 1024 * 1024]).unwrap_err();
    let code = [("Device.DeviceInfo.ProvisioningCode", ValueType::String, "a")];
    let client = device.client();
    for n in 0.. {
        assert_eq!(session.set(&code, &format!("key {n}")).unwrap(), 0);
        if client.property::<String>("Store").starts_with("failing: ") {
            break;
        }
        assert!(n < 500, "the file system is never full");
    }
    assert_eq!(session.get_value(code[0].0).unwrap(), "a");
    std::fs::remove_file(&filler).unwrap();
    assert_eq!(session.set(&code, "room").unwrap(), 0);
    assert_eq!(client.property::<String>("Store"), "ok");
    session.end();
}

#[test]
fn a_store_on_a_read_only_file_system_is_read_and_then_kept_in_memory() {
    let test = "a_store_on_a_read_only_file_system_is_read_and_then_kept_in_memory";
    if !is_inside(test, "size=8m,mode=700") {
        return;
    }
    let small = std::env::var("CWMP_SMALL").unwrap();
    let acs = Acs::start(Options::default());
    let mut device = device_on(&small, &acs);
    let mut session = acs.session();
    let code = [("Device.DeviceInfo.ProvisioningCode", ValueType::String, "a")];
    assert_eq!(session.set(&code, "key").unwrap(), 0);
    let label = format!("{DEMO}Label");
    assert_eq!(session.set(&[(&label, ValueType::String, "kept")], "key").unwrap(), 0);
    session.end();
    device.stop();
    let remount = |how: &str| {
        let status = Command::new("mount").args(["-o", &format!("remount,{how}"), &small]).status().unwrap();
        assert!(status.success());
    };
    remount("ro");
    device.start();
    device.ready("demo");
    let client = device.client();
    let store = client.property::<String>("Store");
    assert!(store.starts_with("memory only: "), "{store}");
    // It knows what it knew, and tells its ACS no first contact.
    let mut session = ask(&acs, &client);
    assert_eq!(session.events(), ["6 CONNECTION REQUEST"]);
    assert_eq!(session.get_value(code[0].0).unwrap(), "a");
    // So do the plugins.
    assert_eq!(session.get_value(&label).unwrap(), "kept");
    assert_eq!(session.set(&[(&label, ValueType::String, "new")], "key").unwrap(), 0);
    assert_eq!(session.get_value(&label).unwrap(), "new");
    let other = [("Device.DeviceInfo.ProvisioningCode", ValueType::String, "b")];
    assert_eq!(session.set(&other, "key").unwrap(), 0);
    assert_eq!(session.get_value(code[0].0).unwrap(), "b");
    session.end();
    device.stop();
    remount("rw");
}

#[test]
fn a_store_of_an_older_agent_is_used() {
    let acs = Acs::start(Options::default());
    let mut device = device(&acs);
    let mut session = acs.session();
    session.set_notifications(&[(&format!("{DEMO}Level"), 1)]).unwrap();
    session.end();
    device.stop();
    {
        let file = rusqlite::Connection::open(device.path("state/cwmpd.db")).unwrap();
        // As it was before there were transactions.
        let older = "DROP TABLE transactions; DROP TABLE transaction_changes; DROP TABLE schedule;
                     PRAGMA user_version = 1;";
        file.execute_batch(older).unwrap();
    }
    device.start();
    ready(&device);
    let client = device.client();
    assert_eq!(client.property::<String>("Store"), "ok");
    let mut session = ask(&acs, &client);
    assert_eq!(session.events(), ["6 CONNECTION REQUEST"]);
    assert_eq!(session.attributes(&[&format!("{DEMO}Level")]).unwrap()[0].1, 1);
    let level = [(&*format!("{DEMO}Level"), ValueType::UnsignedInt, "60")];
    assert_eq!(session.set(&level, "key").unwrap(), 0);
    session.end();
}

/// C168: what was stored of it is done, even if the agent ends before it has begun, or between its halves.
#[test]
fn a_factory_reset_that_was_cut_off_is_done_after_the_restart() {
    for number in 1.. {
        if !is_reset_after(&format!("before-store:{number}")) {
            assert!(number > 4, "there are fewer writes than there should be");
            return;
        }
        assert!(is_reset_after(&format!("store:{number}")));
    }
}

/// Answers whether the point was reached.
fn is_reset_after(point: &str) -> bool {
    let acs = Acs::start(Options::default());
    let mut device = device(&acs);
    let client = device.client();
    let label = format!("{DEMO}Label");
    let mut session = acs.session();
    assert_eq!(session.set(&[(&label, ValueType::String, "mine")], "key").unwrap(), 0);
    session.end();
    device.kill();
    // The points are counted from the start of an agent, which has little else to store.
    device.start_with(&[("CWMPD_CUT", point)]);
    let mut session = loop {
        if device.try_ended().is_some() {
            // It had something to store before the session.
            return true;
        }
        let url: Option<String> = client.value(URL).ok().filter(|url| !url.is_empty());
        if url.is_some_and(|url| ConnectionRequest::new(url, "acs", "let me in").send().is_ok()) {
            break acs.session();
        }
    };
    session.accept();
    if session.next_post_or_gone().is_some() {
        let envelope = session.envelope(&Request::FactoryReset);
        session.send_raw_envelope(envelope);
        if session.next_post_or_gone().is_some() {
            session.reply(Reply::no_content());
            assert!(session.next_post_or_gone().is_none());
        }
    }
    drop(session);
    let ended = eventually("it is cut off, or done", || {
        device.try_ended().map(Some).or_else(|| (!device.actions().is_empty()).then_some(None))
    });
    if ended.is_none() {
        device.stop();
        return false;
    }
    let state = device.stored();
    let is_asked = state.meta.keys().any(|key| key.starts_with("factory_reset")) || state.settings.is_empty();
    device.start();
    if is_asked {
        device.acted("factory-reset", 1);
        device.restart();
    }
    ready(&device);
    if !is_asked {
        assert_eq!(client.value(&label).unwrap(), "mine", "{point}");
        return true;
    }
    let session = acs.session();
    assert_eq!(session.events(), ["0 BOOTSTRAP", "1 BOOT"], "{point}");
    session.end();
    assert_eq!(client.value(&label).unwrap(), "Demo", "{point}");
    assert_eq!(client.value("Device.ManagementServer.ParameterKey").unwrap(), "", "{point}");
    assert_eq!(device.actions(), ["factory-reset"], "{point}");
    true
}
