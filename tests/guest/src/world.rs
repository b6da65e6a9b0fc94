//! A box, and what is around it.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use cwmp_e2e::{binary, Bus};

use crate::{control, inside, Daemon, Namespace, Radio};

/// Where an image has its own, besides those of Debian: the program that starts services is found by its name.
const WPA_SUPPLICANT: &str = "wpa_supplicant";

/// A box in a namespace: radios, a system bus, and the services that its image starts.
#[derive(Debug)]
pub struct World {
    radios: Vec<Radio>,
    namespace: Namespace,
    /// Its system bus.
    pub bus: Bus,
    folder: tempfile::TempDir,
    medium: u64,
}

impl World {
    /// A box with so many radios, on which nothing runs yet. `None` outside of the guest, where it says so.
    #[track_caller]
    pub fn new(radios: usize) -> Option<Self> {
        static MEDIA: AtomicU32 = AtomicU32::new(0);
        if !inside() {
            return None;
        }
        let medium = 1 << (MEDIA.fetch_add(1, Ordering::Relaxed) % 62);
        let namespace = Namespace::new("box");
        let folder = tempfile::tempdir().expect("a folder can be made");
        let bus = Bus::start(folder.path());
        let radios = (0..radios).map(|_| Radio::claim(&namespace, medium)).collect();
        Some(Self { radios, namespace, bus, folder, medium })
    }

    /// Its radios.
    pub fn radios(&self) -> &[Radio] {
        &self.radios
    }

    /// A file or folder of the box.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Another radio on the same medium, for somebody in another namespace.
    #[track_caller]
    pub(crate) fn radio_in(&self, namespace: &Namespace) -> Radio {
        Radio::claim(namespace, self.medium)
    }

    /// hostapd as an image starts it: `-g`, with a global socket and no network of its own.
    #[track_caller]
    pub fn hostapd(&self) -> Daemon {
        self.make("hostapd");
        let socket = self.path("hostapd/global");
        // A crash leaves its socket.
        let _ = std::fs::remove_file(&socket);
        let mut command = self.namespace.command("hostapd");
        let mut hostapd = Daemon::start("hostapd", command.arg("-g").arg(&socket), self.folder.path());
        hostapd.makes(&socket);
        hostapd
    }

    /// A command to the hostapd of the box about an interface, as `hostapd_cli` gives it.
    #[track_caller]
    pub fn hostapd_control(&self, interface: &str, command: &str) -> String {
        control::ask(&self.path("hostapd").join(interface), self.folder.path(), command)
    }

    /// wpa_supplicant as an image starts it: on the system bus, with no interface of its own.
    #[track_caller]
    pub fn supplicant(&self) -> Daemon {
        let mut command = self.namespace.command(WPA_SUPPLICANT);
        command.arg("-u").env("DBUS_SYSTEM_BUS_ADDRESS", self.bus.address());
        let supplicant = Daemon::start("wpa_supplicant", &mut command, self.folder.path());
        let client = cwmp_e2e::Client::connect(self.bus.address());
        crate::eventually("wpa_supplicant takes its name", || client.pid_of("fi.w1.wpa_supplicant1"));
        supplicant
    }

    /// A program that runs the host of a plugin in the box: its radios, and its system bus.
    #[track_caller]
    pub fn host(&self) -> PathBuf {
        let file = self.path("host");
        let text = format!(
            "#!/bin/sh\nexport DBUS_SYSTEM_BUS_ADDRESS='{}'\nexec ip netns exec {} {} \"$@\"\n",
            self.bus.address(),
            self.namespace.name(),
            binary("cwmp-plugin-host").display()
        );
        std::fs::write(&file, text).expect("our own folder");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).expect("our own file");
        file
    }

    /// What the kernel says of an interface: `iw dev NAME info`. Empty if there is none.
    pub fn air(&self, interface: &str) -> String {
        let output = self.namespace.command("iw").args(["dev", interface, "info"]).output();
        output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
    }

    /// A program in the box.
    #[track_caller]
    pub fn run(&self, program: &str, arguments: &[&str]) -> String {
        self.namespace.run(program, arguments)
    }

    fn make(&self, name: &str) {
        make(&self.path(name));
    }
}

fn make(folder: &Path) {
    std::fs::create_dir_all(folder).expect("our own folder");
}
