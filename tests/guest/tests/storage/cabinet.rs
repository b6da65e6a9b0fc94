//! A box with drives that an ACS manages.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use cwmp_acs::{Acs, Options, Session, ValueType};
use cwmp_e2e::{Client, Device};
use cwmp_guest::{eventually, inside, Daemon, Namespace, PATIENCE};

pub(crate) const MEDIA: &str = "Device.Services.StorageService.1.PhysicalMedium.";
pub(crate) const VOLUMES: &str = "Device.Services.StorageService.1.LogicalVolume.";
/// How many drives there are.
pub(crate) const MEDIA_COUNT: &str = "Device.Services.StorageService.1.PhysicalMediumNumberOfEntries";
pub(crate) const SATA: &str = "HD0001";
pub(crate) const NVME: &str = "NV0002";
pub(crate) const STICK: &str = "USB0003";
pub(crate) const ACTIVE: u32 = 2;

const UDISKSD: &str = "/usr/libexec/udisks2/udisksd";
const UDEVD: &str = "/lib/systemd/systemd-udevd";
/// What drives the drives.
const MODULES: [&str; 6] = ["ahci", "sd_mod", "nvme", "xhci_pci", "usb_storage", "ext4"];
/// Who makes the stick, as USB knows them.
const MAKER: &str = "46f4";

/// Between two looks at what is awaited.
const LOOK_AGAIN: Duration = Duration::from_millis(300);

/// The drives are there once: one test has them at a time.
static DRIVES: Mutex<()> = Mutex::new(());

/// A box with its agent, its ACS, UDisks2 and its drives. The first session is over.
pub(crate) struct Cabinet {
    // In the order of their end.
    pub(crate) client: Client,
    pub(crate) device: Device,
    pub(crate) acs: Acs,
    _udisksd: Daemon,
    _udevd: Daemon,
    _namespace: Namespace,
    _folder: tempfile::TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Cabinet {
    /// `None` outside of the guest. The stick is plugged in, and nothing is on it.
    #[track_caller]
    pub(crate) fn start() -> Option<Self> {
        if !inside() {
            return None;
        }
        let turn = DRIVES.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = tempfile::tempdir().expect("a folder can be made");
        for module in MODULES {
            // What is not there is missed below.
            let _ = Command::new("modprobe").arg(module).status();
        }
        plug(&usb(), true);
        let stick = eventually("all drives are there", || {
            let [_, _, stick] = [SATA, NVME, STICK].map(block);
            block(SATA).and(block(NVME)).and(stick)
        });
        run("wipefs", &["-qaf", &stick.display().to_string()]);
        eventually("the kernel forgets what was on the stick", || {
            let again = Command::new("blockdev").arg("--rereadpt").arg(&stick).status();
            again.is_ok_and(|status| status.success()).then_some(())
        });

        // udevd must not be told of anybody's network, and tells only those in the same one: that of UDisks2. All else is
        // shared, above all what is mounted.
        let namespace = Namespace::new("drives");
        let net = format!("--net=/run/netns/{}", namespace.name());
        // What another one left is no sign that this one listens.
        let _ = std::fs::remove_dir_all("/run/udev");
        let mut command = Command::new("nsenter");
        let mut udevd = Daemon::start("udevd", command.arg(&net).arg(UDEVD), folder.path());
        udevd.makes(Path::new("/run/udev/control"));
        run("udevadm", &["trigger", "--subsystem-match=block", "--subsystem-match=usb", "--action=add"]);
        run("udevadm", &["settle", "-t", "60"]);

        // Whatever is slow in the guest is not what is tested.
        let acs = Acs::start(Options { timeout: PATIENCE, ..Options::default() });
        let mut device = Device::builder()
            .acs(acs.url())
            .plugin("storage", "[config]\nbus = 'unix:path=DEVICE/bus'\n[config.servers]\nunits = false\n")
            .prepare();
        let mut command = Command::new("nsenter");
        command.arg(&net).arg(UDISKSD).env("DBUS_SYSTEM_BUS_ADDRESS", device.bus.address());
        let udisksd = Daemon::start("udisksd", &mut command, folder.path());
        device.start();
        let mut session = acs.session();
        session.accept();
        session.end();
        let client = device.client();
        eventually("the plugin is ready", || {
            client.provider("storage").filter(|(state, _)| state == "ready")
        });
        let new = Self {
            client,
            device,
            acs,
            _udisksd: udisksd,
            _udevd: udevd,
            _namespace: namespace,
            _folder: folder,
            _turn: turn,
        };
        for serial in [SATA, NVME, STICK] {
            new.medium(serial);
        }
        Some(new)
    }

    /// A session that the box is asked for; one that it opened by itself does as well.
    #[track_caller]
    pub(crate) fn session(&self) -> Session {
        self.client.inform().expect("the agent can be asked for a session");
        self.acs.session()
    }

    /// Sessions, until one tells this value.
    #[track_caller]
    pub(crate) fn told(&self, name: &str, value: &str) {
        let mut told = Vec::new();
        while let Some(mut session) = self.acs.try_session_within(PATIENCE) {
            session.accept();
            let found = session.parameter(name).map(str::to_owned);
            let changed = session.has_event("4 VALUE CHANGE");
            session.end();
            if changed && found.as_deref() == Some(value) {
                return;
            }
            told.push(found);
        }
        panic!("{name} is not told to be {value}, but {told:?}; it is {:?}", self.client.value(name));
    }

    /// Waits until a value is this.
    #[track_caller]
    pub(crate) fn becomes(&self, name: &str, value: &str) {
        let mut last = None;
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            let is = self.client.value(name);
            if is.as_deref() == Ok(value) {
                return;
            }
            last = Some(is);
            std::thread::sleep(LOOK_AGAIN);
        }
        panic!("{name} does not become {value}: {last:?}");
    }

    /// The row of a drive.
    #[track_caller]
    pub(crate) fn medium(&self, serial: &str) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let rows = self.client.list(MEDIA, true).unwrap_or_default();
            let rows =
                rows.into_iter().map(|(path, _)| path).filter(|path| path.ends_with('.') && path != MEDIA);
            let rows: Vec<_> =
                rows.map(|row| (self.client.value(&format!("{row}SerialNumber")).ok(), row)).collect();
            if let Some((_, row)) = rows.iter().find(|(told, _)| told.as_deref() == Some(serial)) {
                return row.clone();
            }
            assert!(Instant::now() < end, "there is no row for {serial}: {rows:?}");
            std::thread::sleep(LOOK_AGAIN);
        }
    }

    /// Has a volume of this many MB made on the stick, all that there is for 0, by an ACS; gives its row.
    #[track_caller]
    pub(crate) fn add_volume(&self, name: &str, capacity: u32) -> String {
        let drive = self.medium(STICK);
        let mut session = self.session();
        let (number, _) = session.add(VOLUMES, "key").expect("a row can be added");
        let row = format!("{VOLUMES}{number}.");
        let status = session.set(
            &[
                (&format!("{row}Name"), ValueType::String, name),
                (&format!("{row}PhysicalReference"), ValueType::String, drive.trim_end_matches('.')),
                (&format!("{row}Capacity"), ValueType::UnsignedInt, &capacity.to_string()),
                (&format!("{row}Enable"), ValueType::Boolean, "1"),
            ],
            "key",
        );
        status.expect("it can be set");
        session.set_notifications(&[(&format!("{row}Status"), ACTIVE)]).expect("it can be watched");
        session.end();
        row
    }
}

/// The device of a drive, from where the kernel has it.
pub(crate) fn block(serial: &str) -> Option<PathBuf> {
    let way = match serial {
        SATA => "/ata",
        NVME => "/nvme/",
        _ => "/usb",
    };
    let devices = std::fs::read_dir("/sys/class/block").expect("the kernel has such");
    let mut devices = devices.flatten().map(|device| device.path());
    let device = devices.find(|device| {
        let place = std::fs::canonicalize(device).unwrap_or_default();
        place.to_string_lossy().contains(way) && !place.join("partition").exists()
    })?;
    Some(Path::new("/dev").join(device.file_name()?))
}

/// The place of the stick in the tree of USB, whether it is plugged in or not.
#[track_caller]
pub(crate) fn usb() -> PathBuf {
    eventually("there is a stick", || {
        let devices = std::fs::read_dir("/sys/bus/usb/devices").ok()?;
        let mut devices = devices.flatten().map(|device| device.path());
        devices.find(|device| {
            std::fs::read_to_string(device.join("idVendor")).is_ok_and(|maker| maker.trim() == MAKER)
        })
    })
}

/// Plugs the stick in, or pulls it out: the kernel forgets the device, whoever has it open.
#[track_caller]
pub(crate) fn plug(stick: &Path, is_in: bool) {
    std::fs::write(stick.join("authorized"), if is_in { "1" } else { "0" }).expect("the kernel lets us");
}

/// Runs a program and gives what it says; panics if it fails.
#[track_caller]
pub(crate) fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap_or_else(|e| panic!("{program}: {e}"));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {error}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
