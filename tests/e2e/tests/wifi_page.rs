//! `docs/wifi.md` says what is so: its commands are run with the real services, and its limits are those of the sources.

use std::process::{Command, Stdio};

use cwmp_acs::{Acs, Options};
use cwmp_e2e::namespace::Process;
use cwmp_e2e::page::check_limits;
use cwmp_e2e::wifi::World;
use cwmp_e2e::{binary, eventually, Client, Device};

const PAGE: &str = include_str!("../../../docs/wifi.md");
const MODELS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../agent/model/models");
/// What only a radio can do: hostapd refuses it here, and `tests/guest` does it.
const ON_AIR: &str = "cwmpctl set Device.WiFi.AccessPoint.2.Enable=true";

/// A command of the page and what it prints.
struct Shown {
    command: String,
    output: Vec<&'static str>,
}

fn commands() -> Vec<Shown> {
    let mut all: Vec<Shown> = Vec::new();
    let mut is_output = false;
    for line in PAGE.lines() {
        if let Some(command) = line.strip_prefix("    $ ") {
            all.push(Shown { command: command.to_owned(), output: Vec::new() });
            is_output = true;
        } else if let (true, Some(output)) = (is_output, line.strip_prefix("    ")) {
            all.last_mut().expect("a command is above").output.push(output);
        } else {
            is_output = false;
        }
    }
    all
}

/// The box of the page.
fn device(world: &World, acs: &Acs) -> (Device, Client, [Process; 2]) {
    for (name, peer) in [("wlan0", "peer0"), ("wlan1", "peer1")] {
        world.ip(&format!("link add {name} type veth peer name {peer}"));
        world.ip(&format!("link set {name} up"));
    }
    let image =
        "interface=wlan0\ndriver=none\nssid=Home\nchannel=1\nhw_mode=g\nwpa=2\nwpa_key_mgmt=WPA-PSK\n\
                 rsn_pairwise=CCMP\nwpa_passphrase=from the image";
    let hostapd = world.hostapd(&[image.to_owned()]);
    let device = world.device().acs(acs.url()).start();
    device.ready("wifi");
    let client = device.client();
    let is = |name: &str, value: &str| {
        eventually(name, || (client.value(name).ok()? == value).then_some(()));
    };
    is("Device.WiFi.SSID.1.SSID", "Home");
    let profile = world.write("station.conf", "").display().to_string();
    let arguments = ["-u", "-Dnone", "-iwlan1", "-c", &profile];
    let station = world.start("wpa_supplicant", &arguments, Some(device.bus.address()));
    is("Device.WiFi.EndPointNumberOfEntries", "1");
    (device, client, [hostapd, station])
}

/// Runs a line as a person would; its exit code, and what it printed.
fn run(device: &Device, line: &str) -> (Option<i32>, String, String) {
    let programs = binary("cwmpctl").parent().expect("it is in a folder").display().to_string();
    let path = format!("{programs}:{}", std::env::var("PATH").unwrap());
    let line = line.replace("cwmpctl model", &format!("cwmpctl model --models '{MODELS}'"));
    let output = Command::new("sh")
        .args(["-e", "-c", &line])
        .env("PATH", path)
        .env("DBUS_SYSTEM_BUS_ADDRESS", device.bus.address())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

/// What an ACS does, step by step, and how much of the profiles is there.
#[test]
fn the_commands_of_the_page_on_wifi_work() {
    let Some(world) = World::new() else { return };
    let acs = Acs::start(Options::default());
    let (device, _client, _services) = device(&world, &acs);
    let shown = commands();
    assert!(shown.len() > 12, "the commands were not found");
    assert!(shown.iter().any(|shown| shown.command == ON_AIR));
    for Shown { command, output } in shown {
        let (code, printed, error) = run(&device, &command);
        if command == ON_AIR {
            assert!(error.contains("hostapd does not add the network"), "{command}: {error}");
            continue;
        }
        assert_eq!(code, Some(0), "{command}: {printed}{error}");
        // Columns are as wide as what is in them.
        let same = output.is_empty() || words(&printed) == words(&output.join("\n"));
        assert!(same, "{command} prints\n{printed}and the page says\n{}", output.join("\n"));
    }
    acs.session().end();
}

/// Of each limit the name and the value.
#[test]
fn the_limits_of_the_page_on_wifi_are_those_of_the_sources() {
    let count = check_limits(PAGE);
    assert!(count > 8, "only {count} limits were read");
}
