//! A read of `Device.WiFi.` with the real services behind it, and what a slow one costs the others.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cwmp_acs::{Acs, Options, Session};
use cwmp_e2e::namespace::Process;
use cwmp_e2e::wifi::{SlowHostapd, World};
use cwmp_e2e::{eventually, Client, Device};

use crate::process::{cpu, memory};
use crate::{median, milliseconds, settle_all, RUNS};

/// Cables whose two ends have a network each.
const CABLES: usize = 4;
const WIFI: &str = "Device.WiFi.";
/// What is counted by hostapd alone, where the kernel knows of no radio.
const COUNTED: &str = "Device.WiFi.AccessPoint.1.AssociatedDevice.1.SignalStrength";
/// What another plugin serves.
const OTHER: &str = "Device.DeviceInfo.UpTime";
/// How long a call of the slow service takes.
const SLOW: Duration = Duration::from_secs(2);
/// How often something is read that a slow service is behind.
const SLOW_RUNS: usize = 5;

pub(crate) fn measure() {
    println!("## WiFi\n");
    let Some(world) = World::new() else { return };
    whole(&world);
    slow();
}

/// Networks of hostapd without a radio, and one on a cable with a station that is let in.
fn services(world: &World) -> (Process, Vec<String>) {
    world.ip("link add station type veth peer name port");
    world.ip("link set station up");
    world.ip("link set port up");
    let users = world.write("users", "\"user\" MD5 \"testing\"\n");
    let mut images = vec![format!(
        "interface=port\ndriver=wired\nieee8021x=1\neap_server=1\neap_user_file={}\nuse_pae_group_addr=1",
        users.display()
    )];
    for cable in 0..CABLES {
        let (one, other) = (format!("wlan{}", 2 * cable), format!("wlan{}", 2 * cable + 1));
        world.ip(&format!("link add {one} type veth peer name {other}"));
        images.extend([one, other].map(|name| {
            format!(
                "interface={name}\ndriver=none\nssid={name}\nchannel=1\nhw_mode=g\nwpa=2\nwpa_key_mgmt=WPA-PSK SAE\n\
                 rsn_pairwise=CCMP\nieee80211w=1\nwpa_passphrase=from the image"
            )
        }));
    }
    (world.hostapd(&images), images)
}

fn station(world: &World, bus: &str) -> Process {
    let profile = world.write(
        "station.conf",
        "ap_scan=0\nnetwork={\nkey_mgmt=IEEE8021X\neap=MD5\nidentity=\"user\"\npassword=\"testing\"\neapol_flags=0\n}\n",
    );
    let profile = profile.display().to_string();
    world.start("wpa_supplicant", &["-u", "-Dwired", "-istation", "-c", &profile], Some(bus))
}

fn start(world: &World, acs: &Acs) -> (Device, Client) {
    let device =
        world.device().acs(acs.url()).plugin("device_info", "").environment("CWMP_LOG", "error").start();
    device.ready("wifi");
    device.ready("device_info");
    let client = device.client();
    (device, client)
}

fn whole(world: &World) {
    let (_hostapd, images) = services(world);
    let acs = Acs::start(Options::default());
    let (device, client) = start(world, &acs);
    let _station = station(world, device.bus.address());
    let is = |name: &str, value: &str| {
        eventually(name, || (client.value(name).ok()? == value).then_some(()));
    };
    is("Device.WiFi.AccessPointNumberOfEntries", &images.len().to_string());
    is("Device.WiFi.EndPointNumberOfEntries", "1");
    let joined = || {
        let names = client.list("Device.WiFi.AccessPoint.", false).ok()?;
        names.iter().any(|(name, _)| name.ends_with(".MACAddress")).then_some(())
    };
    eventually("the station is let in", joined);
    let host = client.pid_of("org.cwmpd1.Provider.wifi").expect("the host is there");
    let pids = [device.pid(), host];
    let before = memory(host);
    let mut session = acs.session();
    let mut count = 0;
    let mut samples = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..=RUNS {
        // What was said a moment ago is good for a while, and not what is measured.
        std::thread::sleep(Duration::from_millis(60));
        let (used, began) = (pids.map(cpu), Instant::now());
        count = session.get(&[WIFI]).expect("it can be read").len();
        samples[0].push(milliseconds(began.elapsed()));
        settle_all(&pids);
        for (index, pid) in pids.iter().enumerate() {
            samples[index + 1].push(milliseconds(cpu(*pid).saturating_sub(used[index])));
        }
    }
    session.end();
    let [latency, agent, cpu] = samples.map(median);
    let after = memory(host);
    println!(
        "{} networks of the real hostapd (without radios, one on a cable), a station on that cable by the real wpa_supplicant.\n",
        images.len()
    );
    println!("| what | value |\n| --- | ---: |");
    println!("| GetParameterValues of `{WIFI}`, {count} values, ms | {latency:.2} |");
    println!("| agent CPU, ms | {agent:.2} |\n| host CPU, ms | {cpu:.2} |");
    println!(
        "| host, PSS before the first read, KB | {} |\n| private, KB | {} |",
        before.pss, before.private
    );
    println!("| host, PSS idle after the reads, KB | {} |\n| private, KB | {} |\n", after.pss, after.private);
}

/// One line of the comparison: how often, and what is read.
const READS: [(&str, usize, &str); 4] = [
    ("a value of another plugin", RUNS, OTHER),
    ("the objects of another plugin", RUNS, "Device.DeviceInfo."),
    ("the whole of `Device.WiFi.`", SLOW_RUNS, WIFI),
    ("everything", SLOW_RUNS, "Device."),
];

fn slow() {
    let Some(world) = World::new() else { return };
    let hostapd = SlowHostapd::start(&world);
    let acs = Acs::start(Options::default());
    let (device, client) = start(&world, &acs);
    eventually("its station is a row", || client.value(COUNTED).ok());
    let mut session = acs.session();
    let fast = READS.map(|(_, runs, path)| read(&mut session, runs, path));
    hostapd.delay(SLOW);
    let alone: Vec<f64> = (0..SLOW_RUNS)
        .map(|_| {
            // What was said a moment ago is good for a while.
            std::thread::sleep(Duration::from_millis(60));
            read(&mut session, 1, WIFI).1
        })
        .collect();
    let ends = Arc::new(AtomicBool::new(false));
    // The slow one is being asked all the time.
    let asks: Vec<_> = [COUNTED, "Device.WiFi.SSID.1.Status"]
        .into_iter()
        .map(|name| {
            let (ends, client) = (Arc::clone(&ends), device.client());
            std::thread::spawn(move || {
                while !ends.load(Ordering::Relaxed) {
                    // It is refused, or says what is known; that is not what is measured.
                    let _ = client.value(name);
                }
            })
        })
        .collect();
    eventually("it is slow", || {
        (client.value("Device.WiFi.SSID.1.Status").ok()? == "NotPresent").then_some(())
    });
    let slow = READS.map(|(_, runs, path)| read(&mut session, runs, path));
    ends.store(true, Ordering::Relaxed);
    for ask in asks {
        ask.join().expect("it ends");
    }
    session.end();
    println!("### A slow service\n");
    println!(
        "hostapd takes {} s for each call, and is being asked all the time by others.\n",
        SLOW.as_secs()
    );
    println!("| GetParameterValues of | at once: values, ms, at most | slow: values, ms, at most |\n| --- | ---: | ---: |");
    for (((what, ..), fast), slow) in READS.iter().zip(fast).zip(slow) {
        let [fast, slow] = [fast, slow].map(|(count, time, most)| format!("{count}, {time:.1}, {most:.1}"));
        println!("| {what} | {fast} | {slow} |");
    }
    let shown: Vec<String> = alone.iter().map(|time| format!("{time:.0}")).collect();
    println!(
        "\nThe first reads of `{WIFI}` that find it slow, while nobody else asks: {} ms.\n",
        shown.join(", ")
    );
}

/// How many values there are, and how long they take: the median and the longest.
fn read(session: &mut Session, runs: usize, path: &str) -> (usize, f64, f64) {
    let mut count = 0;
    let mut samples = Vec::new();
    for _ in 0..runs {
        let began = Instant::now();
        count = session.get(&[path]).expect("it can be read").len();
        samples.push(milliseconds(began.elapsed()));
    }
    let most = samples.iter().copied().fold(0.0, f64::max);
    (count, median(samples), most)
}
