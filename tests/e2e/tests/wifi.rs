//! WiFi, from an ACS to the real hostapd and wpa_supplicant and back, in network namespaces. Radios are simulated in the guest;
//! here hostapd runs without one (`driver=none`), or on a cable (`driver=wired`).

use std::ops::Deref;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use cwmp_acs::{Acs, Options, ValueType};
use cwmp_e2e::namespace::Process;
use cwmp_e2e::{eventually, wifi, Client, Device};

const SSID: &str = "Device.WiFi.SSID.1.";
const AP: &str = "Device.WiFi.AccessPoint.1.";
const COUNT: &str = "Device.WiFi.AccessPoint.1.AssociatedDeviceNumberOfEntries";
/// hostapd's own words for an answer that is longer than any.
const MAX_ANSWER: usize = 65_536;

const IMAGE: &str =
    "interface=lo\ndriver=none\nssid=Image\nchannel=1\nhw_mode=g\nwpa=2\nwpa_key_mgmt=WPA-PSK\n\
                     rsn_pairwise=CCMP\nwpa_passphrase=from the image\n";

/// A network namespace with the services of WiFi.
struct World(wifi::World);

impl Deref for World {
    type Target = wifi::World;

    fn deref(&self) -> &wifi::World {
        &self.0
    }
}

impl World {
    /// `None` if nobody lets us make one.
    fn new() -> Option<Self> {
        wifi::World::new().map(Self)
    }

    /// hostapd, as an image with these lines starts it.
    fn hostapd(&self, lines: &str) -> Process {
        self.0.hostapd(&[lines.trim_end().to_owned()])
    }

    /// What a control socket answers, as hostapd_cli and wpa_cli ask it; nothing if nobody is there.
    fn ask(&self, socket: &str, question: &str) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let own = self.path(&format!("asks-{}", COUNT.fetch_add(1, Ordering::Relaxed)));
        let answer = || {
            let mine = UnixDatagram::bind(own)?;
            mine.set_read_timeout(Some(Duration::from_secs(5)))?;
            mine.connect(self.path(socket))?;
            mine.send(question.as_bytes())?;
            let mut answer = vec![0; MAX_ANSWER];
            let length = mine.recv(&mut answer)?;
            std::io::Result::Ok(String::from_utf8_lossy(&answer[..length]).into_owned())
        };
        answer().unwrap_or_default()
    }

    /// The name of the network that hostapd runs.
    fn ssid(&self) -> String {
        let config = self.ask("hostapd/lo", "GET_CONFIG");
        let line = config.lines().find_map(|line| line.strip_prefix("ssid=").map(str::to_owned));
        line.unwrap_or_default()
    }

    /// A device whose plugin is in here.
    fn device(&self, acs: &Acs) -> (Device, Client) {
        let device = self.0.device().acs(acs.url()).start();
        device.ready("wifi");
        let client = device.client();
        (device, client)
    }
}

/// Waits for a value.
#[track_caller]
fn value(client: &Client, name: &str, wanted: &str) {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let found = client.value(name);
        if found.as_ref().is_ok_and(|found| found == wanted) {
            return;
        }
        assert!(Instant::now() < end, "{name} is {found:?}, not {wanted}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// What an ACS sets is what hostapd has, and what the image configured is a row.
#[test]
fn an_acs_names_a_network_and_gives_it_a_passphrase() {
    let Some(world) = World::new() else { return };
    let _hostapd = world.hostapd(IMAGE);
    let acs = Acs::start(Options::default());
    let (device, client) = world.device(&acs);
    value(&client, &format!("{SSID}SSID"), "Image");
    let mut session = acs.session();
    assert_eq!(session.get_value("Device.WiFi.RadioNumberOfEntries").unwrap(), "1");
    assert_eq!(session.get_value(&format!("{SSID}LowerLayers")).unwrap(), "Device.WiFi.Radio.1");
    assert_eq!(session.get_value(&format!("{AP}SSIDReference")).unwrap(), "Device.WiFi.SSID.1");
    assert_eq!(session.get_value(&format!("{AP}Security.ModeEnabled")).unwrap(), "WPA2-Personal");
    let status = session.set(
        &[
            (&format!("{SSID}SSID"), ValueType::String, "Set by the ACS"),
            (&format!("{AP}Security.KeyPassphrase"), ValueType::String, "correct horse"),
            (&format!("{AP}Security.ModeEnabled"), ValueType::String, "WPA3-Personal-Transition"),
        ],
        "key 1",
    );
    assert_eq!(status.unwrap(), 0, "it is so now, not later");
    assert_eq!(world.ssid(), "Set by the ACS");
    assert!(
        world.ask("hostapd/lo", "GET_CONFIG").contains("key_mgmt=WPA-PSK"),
        "{}",
        world.ask("hostapd/lo", "GET_CONFIG")
    );
    assert!(
        world.ask("hostapd/lo", "GET_CONFIG").contains("SAE"),
        "{}",
        world.ask("hostapd/lo", "GET_CONFIG")
    );
    assert_eq!(session.get_value(&format!("{SSID}SSID")).unwrap(), "Set by the ACS");
    assert_eq!(session.get_value(&format!("{SSID}Status")).unwrap(), "Up");
    assert_eq!(session.get_value(&format!("{AP}Status")).unwrap(), "Enabled");
    assert_eq!(session.get_value(&format!("{AP}Security.KeyPassphrase")).unwrap(), "");
    let fault = session.set(
        &[
            (&format!("{SSID}SSID"), ValueType::String, "Not this one"),
            (&format!("{AP}Security.ModeEnabled"), ValueType::String, "WEP-64"),
        ],
        "key 2",
    );
    assert!(fault.is_err());
    assert_eq!(world.ssid(), "Set by the ACS");
    session.end();
    assert!(!device.log().contains("correct horse"), "secrets are not logged");
}

/// What an ACS set comes back: after a restart of the plugin, of hostapd, and of both.
#[test]
fn what_was_set_survives_restarts_of_service_and_plugin() {
    let Some(world) = World::new() else { return };
    let hostapd = world.hostapd(IMAGE);
    let acs = Acs::start(Options::default());
    let (device, client) = world.device(&acs);
    value(&client, &format!("{SSID}SSID"), "Image");
    client
        .set(&[(&format!("{SSID}SSID"), "Ours"), (&format!("{AP}Security.KeyPassphrase"), "correct horse")])
        .unwrap();
    assert_eq!(world.ssid(), "Ours");
    hostapd.kill();
    value(&client, &format!("{SSID}Status"), "NotPresent");
    value(&client, &format!("{AP}Status"), "Error");
    let hostapd = world.hostapd(IMAGE);
    eventually("hostapd is told again", || (world.ssid() == "Ours").then_some(()));
    value(&client, &format!("{SSID}Status"), "Up");
    device.kill_host("wifi");
    drop(hostapd);
    let _hostapd = world.hostapd(IMAGE);
    eventually("hostapd is told by the next plugin", || (world.ssid() == "Ours").then_some(()));
    device.ready("wifi");
    value(&client, &format!("{SSID}SSID"), "Ours");
    value(&client, &format!("{SSID}Status"), "Up");
    acs.session().end();
}

/// C51, C134: a real station, on a cable, is let in, is told of by an active notification, and leaves.
#[test]
fn a_station_that_is_let_in_is_an_associated_device_and_leaves_with_a_notification() {
    let Some(world) = World::new() else { return };
    world.ip("link add h0 type veth peer name h1");
    world.ip("link set h0 address 02:00:00:00:aa:00 up");
    world.ip("link set h1 up");
    let users = world.write("users", "\"user\" MD5 \"testing\"\n");
    let _hostapd = world.hostapd(&format!(
        "interface=h1\ndriver=wired\nieee8021x=1\neap_server=1\neap_user_file={}\nuse_pae_group_addr=1\n",
        users.display()
    ));
    let acs = Acs::start(Options::default());
    let (_device, client) = world.device(&acs);
    value(&client, COUNT, "0");
    let mut session = acs.session();
    session.set_notifications(&[(COUNT, 2)]).unwrap();
    session.end();
    client.settle();
    let profile = world.write(
        "station.conf",
        &"ctrl_interface=FOLDER/station\nap_scan=0\nnetwork={\nkey_mgmt=IEEE8021X\neap=MD5\nidentity=\"user\"\npassword=\"testing\"\neapol_flags=0\n}\n"
            .replace("FOLDER", &world.folder().display().to_string()),
    );
    let _station =
        world.start("wpa_supplicant", &["-Dwired", "-ih0", "-c", &profile.display().to_string()], None);
    let session = acs.session();
    assert_eq!(session.events(), ["4 VALUE CHANGE"]);
    assert_eq!(session.parameter(COUNT), Some("1"));
    session.end();
    let rows = client.list(&format!("{AP}AssociatedDevice."), true).unwrap();
    let row = rows.iter().map(|(path, _)| path).find(|path| path.ends_with("Device.1.")).expect("a row");
    assert_eq!(client.value(&format!("{row}MACAddress")).unwrap(), "02:00:00:00:AA:00");
    assert_eq!(client.value(&format!("{row}AuthenticationState")).unwrap(), "true");
    assert_eq!(client.value(&format!("{row}Active")).unwrap(), "true");
    assert!(client.value(&format!("{row}Stats.BytesReceived")).is_ok());
    assert_eq!(world.ask("station/h0", "LOGOFF").trim_end(), "OK");
    let session = acs.session();
    assert_eq!(session.events(), ["4 VALUE CHANGE"]);
    assert_eq!(session.parameter(COUNT), Some("0"));
    session.end();
}

/// hostapd stands still: a write ends in a fault and in time, reads are answered all the same, and when it goes on again
/// everything is as it was.
#[test]
fn a_hostapd_that_does_not_answer_costs_a_fault_and_nothing_else() {
    let Some(world) = World::new() else { return };
    let hostapd = world.hostapd(IMAGE);
    let acs = Acs::start(Options::default());
    let (_device, client) = world.device(&acs);
    value(&client, &format!("{SSID}SSID"), "Image");
    hostapd.signal("-STOP");
    let begin = Instant::now();
    let (_, faults) = client
        .set(&[(&format!("{SSID}SSID"), "Never")])
        .unwrap_or((0, vec![(String::new(), 9002, String::new())]));
    assert_eq!(faults.first().map(|fault| fault.1), Some(9002), "{faults:?}");
    assert!(begin.elapsed() < Duration::from_secs(25), "it took {:?}", begin.elapsed());
    let begin = Instant::now();
    assert!(client.value("Device.WiFi.Radio.1.Name").is_ok());
    assert!(begin.elapsed() < Duration::from_secs(2), "reads wait for nobody");
    hostapd.signal("-CONT");
    eventually("it is as it was", || (world.ssid() == "Image").then_some(()));
    value(&client, &format!("{SSID}SSID"), "Image");
    value(&client, &format!("{SSID}Status"), "Up");
    drop(hostapd);
    acs.session().end();
}

/// Something else is where hostapd was, and talks nonsense: rows stay, nothing is believed, and hostapd is welcome again.
#[test]
fn who_talks_nonsense_is_not_believed() {
    let Some(world) = World::new() else { return };
    let hostapd = world.hostapd(IMAGE);
    let acs = Acs::start(Options::default());
    let (_device, client) = world.device(&acs);
    value(&client, &format!("{SSID}SSID"), "Image");
    hostapd.kill();
    value(&client, &format!("{SSID}Status"), "NotPresent");
    let stop = nonsense(&world.path("hostapd"));
    let answer = client.set(&[(&format!("{SSID}SSID"), "Never")]);
    assert!(answer.is_err() || !answer.unwrap().1.is_empty(), "that cannot be true");
    assert_ne!(client.value(&format!("{SSID}Status")).unwrap(), "Up");
    drop(stop);
    let _hostapd = world.hostapd(IMAGE);
    value(&client, &format!("{SSID}Status"), "Up");
    assert_eq!(world.ssid(), "Image");
    acs.session().end();
}

/// Answers everything with bytes that mean nothing, until it is dropped.
struct Nonsense(std::sync::Arc<std::sync::atomic::AtomicBool>, Vec<std::thread::JoinHandle<()>>);

fn nonsense(folder: &Path) -> Nonsense {
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let answer = |name: &str| {
        let path = folder.join(name);
        let _ = std::fs::remove_file(&path);
        let socket = UnixDatagram::bind(path).expect("our own folder");
        socket.set_read_timeout(Some(Duration::from_millis(20))).expect("a time");
        let stop = std::sync::Arc::clone(&stop);
        std::thread::spawn(move || {
            let mut question = [0; 4096];
            while !stop.load(Ordering::Relaxed) {
                let Ok((_, from)) = socket.recv_from(&mut question) else { continue };
                if let Some(path) = from.as_pathname() {
                    let _ = socket.send_to(b"\xff\xfe=\n==\n\0state", path);
                }
            }
        })
    };
    let threads = vec![answer("lo"), answer("global")];
    Nonsense(stop, threads)
}

impl Drop for Nonsense {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
        for thread in self.1.drain(..) {
            let _ = thread.join();
        }
    }
}

/// FactoryReset of the ACS gives hostapd back what the image said.
#[test]
fn a_factory_reset_gives_hostapd_back_what_the_image_said() {
    let Some(world) = World::new() else { return };
    let _hostapd = world.hostapd(IMAGE);
    let acs = Acs::start(Options::default());
    let (_device, client) = world.device(&acs);
    value(&client, &format!("{SSID}SSID"), "Image");
    let mut session = acs.session();
    session.set(&[(&format!("{SSID}SSID"), ValueType::String, "Ours")], "").unwrap();
    assert_eq!(world.ssid(), "Ours");
    session.factory_reset().unwrap();
    session.end();
    eventually("it is the image's again", || (world.ssid() == "Image").then_some(()));
}

/// hostapd is killed while it is told something: that ends in a fault, and the next hostapd is as the image wants it.
#[test]
fn a_hostapd_that_is_killed_in_the_middle_of_a_write_costs_that_write() {
    let Some(world) = World::new() else { return };
    let hostapd = world.hostapd(IMAGE);
    let acs = Acs::start(Options::default());
    let (device, client) = world.device(&acs);
    value(&client, &format!("{SSID}SSID"), "Image");
    hostapd.signal("-STOP");
    let asked = || {
        let files = std::fs::read_dir(world.path("own")).expect("the plugin's folder");
        let names = files.filter_map(|file| file.ok()?.file_name().into_string().ok());
        names.filter(|name| name.starts_with("answers-")).count()
    };
    let before = asked();
    let other = device.client();
    let write = std::thread::spawn(move || other.set(&[(&format!("{SSID}SSID"), "Never")]));
    eventually("hostapd is asked", || (asked() > before).then_some(()));
    hostapd.kill();
    let answer = write.join().expect("no panic");
    assert!(answer.is_err() || !answer.expect("an answer").1.is_empty(), "that cannot be true");
    value(&client, &format!("{SSID}Status"), "NotPresent");
    let _hostapd = world.hostapd(IMAGE);
    value(&client, &format!("{SSID}Status"), "Up");
    assert_eq!(client.value(&format!("{SSID}SSID")).unwrap(), "Image");
    assert_eq!(world.ssid(), "Image");
    acs.session().end();
}

/// The station of the box: the ACS gives it a profile, which wpa_supplicant has then, and has again after it was killed.
#[test]
fn a_profile_of_the_acs_is_a_network_of_wpa_supplicant() {
    let Some(world) = World::new() else { return };
    world.ip("link add h0 type veth peer name h1");
    world.ip("link set h0 up");
    let acs = Acs::start(Options::default());
    let (device, client) = world.device(&acs);
    let bus = device.bus.address().to_owned();
    let busctl = |arguments: &str| {
        let address = format!("--address={bus}");
        let output = Command::new("busctl").arg(address).args(arguments.split(' ')).output();
        let output = output.expect("busctl is there: systemd");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    let service = "fi.w1.wpa_supplicant1 /fi/w1/wpa_supplicant1";
    let start = || {
        let process = world.start("wpa_supplicant", &["-u"], Some(&bus));
        let create = format!(
            "call {service} fi.w1.wpa_supplicant1 CreateInterface a{{sv}} 2 Ifname s h0 Driver s wired"
        );
        eventually("wpa_supplicant has its interface", || busctl(&create).starts_with("o ").then_some(()));
        process
    };
    let supplicant = start();
    value(&client, "Device.WiFi.EndPointNumberOfEntries", "1");
    let point = "Device.WiFi.EndPoint.1.";
    value(&client, &format!("{point}Status"), "Error_Misconfigured");
    let mut session = acs.session();
    let table = format!("{point}Profile.");
    let (number, _) = session.add(&table, "").unwrap();
    let row = format!("{table}{number}.");
    session
        .set(
            &[
                (&format!("{row}SSID"), ValueType::String, "Home"),
                // On a cable nothing else is possible.
                (&format!("{row}Security.ModeEnabled"), ValueType::String, "None"),
                (&format!("{row}Enable"), ValueType::Boolean, "true"),
            ],
            "",
        )
        .unwrap();
    session.end();
    // On a cable whoever wants to be is let in.
    value(&client, &format!("{row}Status"), "Active");
    value(&client, &format!("{point}ProfileReference"), row.trim_end_matches('.'));
    assert_eq!(client.value(&format!("{point}Status")).unwrap(), "Enabled");
    let networks = || {
        let interface = busctl(&format!("get-property {service} fi.w1.wpa_supplicant1 Interfaces"));
        let path = interface.split('"').nth(1).unwrap_or_default().to_owned();
        let all =
            format!("get-property fi.w1.wpa_supplicant1 {path} fi.w1.wpa_supplicant1.Interface Networks");
        busctl(&all).split(' ').nth(1).and_then(|count| count.parse::<u32>().ok())
    };
    assert_eq!(networks(), Some(1));
    supplicant.kill();
    value(&client, &format!("{point}Status"), "Error");
    let _supplicant = start();
    eventually("wpa_supplicant is told again", || (networks() == Some(1)).then_some(()));
    value(&client, &format!("{point}Status"), "Enabled");
    client.inform().unwrap();
    let mut session = acs.session();
    session.delete(&row, "").unwrap();
    session.end();
    eventually("the network is gone", || (networks() == Some(0)).then_some(()));
}
