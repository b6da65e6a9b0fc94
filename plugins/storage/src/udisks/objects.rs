//! What UDisks2 says, as it says it: its objects with the properties that matter.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use zbus::zvariant::{Array, ObjectPath, Value};
use zbus::Message;

use crate::back_end::Failure;

/// What the service is called in messages for people.
pub(super) const SERVICE: &str = "UDisks2";
/// The most objects it may have.
pub(super) const MAX_OBJECTS: usize = 1_024;
/// The longest answer, in bytes.
pub(super) const MAX_ANSWER: usize = 4 * 1024 * 1024;
/// The longest text of a property that is of use, in characters.
pub(super) const MAX_TEXT: usize = 256;
/// The most members of a list.
pub(super) const MAX_LIST: usize = 256;

/// The interfaces of UDisks2, as they are called behind `org.freedesktop.UDisks2.`.
pub(super) mod interface {
    pub(in crate::udisks) const MANAGER: &str = "org.freedesktop.UDisks2.Manager";
    pub(in crate::udisks) const BLOCK: &str = "org.freedesktop.UDisks2.Block";
    pub(in crate::udisks) const DRIVE: &str = "org.freedesktop.UDisks2.Drive";
    pub(in crate::udisks) const PARTITION: &str = "org.freedesktop.UDisks2.Partition";
    pub(in crate::udisks) const TABLE: &str = "org.freedesktop.UDisks2.PartitionTable";
    pub(in crate::udisks) const FILESYSTEM: &str = "org.freedesktop.UDisks2.Filesystem";
    pub(in crate::udisks) const ENCRYPTED: &str = "org.freedesktop.UDisks2.Encrypted";
    pub(in crate::udisks) const SWAP: &str = "org.freedesktop.UDisks2.Swapspace";
    pub(in crate::udisks) const LOOP: &str = "org.freedesktop.UDisks2.Loop";
    pub(in crate::udisks) const JOB: &str = "org.freedesktop.UDisks2.Job";
}

/// All objects, by their paths, in the order of these.
pub(super) type Objects = BTreeMap<String, Object>;

/// One object.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Object {
    pub(super) block: Option<Block>,
    pub(super) drive: Option<DriveObject>,
    pub(super) partition: Option<Partition>,
    /// The kind of its partition table: `gpt`, `dos`.
    pub(super) table: Option<String>,
    /// Where its filesystem is mounted.
    pub(super) mounts: Option<Vec<PathBuf>>,
    pub(super) encrypted: bool,
    /// Whether it is used as swap.
    pub(super) swapping: bool,
    /// The file of a loop device.
    pub(super) file: Option<PathBuf>,
    pub(super) job: Option<JobObject>,
}

/// A block device.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Block {
    pub(super) device: PathBuf,
    pub(super) links: Vec<PathBuf>,
    pub(super) number: u64,
    pub(super) size: u64,
    pub(super) read_only: bool,
    /// The path of its drive.
    pub(super) drive: Option<String>,
    /// The path of what it is the plain text of.
    pub(super) backing: Option<String>,
    pub(super) usage: String,
    pub(super) kind: String,
    pub(super) label: String,
    pub(super) uuid: String,
    /// What `/etc/fstab` or `/etc/crypttab` has about it.
    pub(super) configured: Option<String>,
    pub(super) hint_system: bool,
    pub(super) hint_ignore: bool,
    /// The path of the RAID that it is a member of.
    pub(super) member: bool,
}

/// A drive.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct DriveObject {
    pub(super) vendor: String,
    pub(super) model: String,
    pub(super) serial: String,
    pub(super) revision: String,
    pub(super) wwn: String,
    pub(super) size: u64,
    pub(super) bus: String,
    pub(super) removable: bool,
    pub(super) media_removable: bool,
    pub(super) media_available: bool,
    pub(super) optical: bool,
    pub(super) rotation: i32,
}

/// A partition.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Partition {
    pub(super) number: u32,
    pub(super) offset: u64,
    pub(super) size: u64,
    pub(super) uuid: String,
    /// The path of what it is a part of.
    pub(super) table: String,
    /// Whether it is nothing but a place for others.
    pub(super) container: bool,
}

/// Something that is going on.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct JobObject {
    pub(super) operation: String,
    pub(super) objects: Vec<String>,
    /// In thousandths.
    pub(super) progress: Option<u16>,
}

/// Reads the answer to `GetManagedObjects`.
pub(super) fn read(answer: &Message) -> Result<Objects, Failure> {
    type Body<'a> = HashMap<ObjectPath<'a>, HashMap<&'a str, HashMap<&'a str, Value<'a>>>>;
    let body = answer.body();
    if body.len() > MAX_ANSWER {
        let text = format!("{} bytes of objects, more than {MAX_ANSWER}", body.len());
        return Err(Failure::Nonsense(SERVICE, text));
    }
    let all: Body<'_> =
        body.deserialize().map_err(|error| Failure::Nonsense(SERVICE, shown(&error.to_string())))?;
    if all.len() > MAX_OBJECTS {
        let text = format!("{} objects, more than {MAX_OBJECTS}", all.len());
        return Err(Failure::Nonsense(SERVICE, text));
    }
    Ok(all.into_iter().map(|(path, interfaces)| (path.to_string(), object(&interfaces))).collect())
}

/// The properties of one interface.
pub(super) struct Properties<'a>(&'a HashMap<&'a str, Value<'a>>);

fn object(interfaces: &HashMap<&str, HashMap<&str, Value<'_>>>) -> Object {
    let of = |name: &str| interfaces.get(name).map(Properties);
    Object {
        block: of(interface::BLOCK).map(|p| block(&p)),
        drive: of(interface::DRIVE).map(|p| drive(&p)),
        partition: of(interface::PARTITION).map(|p| Partition {
            number: p.number("Number").try_into().unwrap_or(0),
            offset: p.number("Offset"),
            size: p.number("Size"),
            uuid: p.text("UUID"),
            table: p.path("Table").unwrap_or_default(),
            container: p.flag("IsContainer"),
        }),
        table: of(interface::TABLE).map(|p| p.text("Type")),
        mounts: of(interface::FILESYSTEM).map(|p| p.files("MountPoints")),
        encrypted: interfaces.contains_key(interface::ENCRYPTED),
        swapping: of(interface::SWAP).is_some_and(|p| p.flag("Active")),
        file: of(interface::LOOP).map(|p| p.file("BackingFile")),
        job: of(interface::JOB).map(|p| job(&p)),
    }
}

fn block(p: &Properties<'_>) -> Block {
    Block {
        device: p.file("Device"),
        links: p.files("Symlinks"),
        number: p.number("DeviceNumber"),
        size: p.number("Size"),
        read_only: p.flag("ReadOnly"),
        drive: p.path("Drive"),
        backing: p.path("CryptoBackingDevice"),
        usage: p.text("IdUsage"),
        kind: p.text("IdType"),
        label: p.text("IdLabel"),
        uuid: p.text("IdUUID"),
        configured: p.configured(),
        hint_system: p.flag("HintSystem"),
        hint_ignore: p.flag("HintIgnore"),
        member: p.path("MDRaidMember").is_some(),
    }
}

fn drive(p: &Properties<'_>) -> DriveObject {
    DriveObject {
        vendor: p.text("Vendor"),
        model: p.text("Model"),
        serial: p.text("Serial"),
        revision: p.text("Revision"),
        wwn: p.text("WWN"),
        size: p.number("Size"),
        bus: p.text("ConnectionBus"),
        removable: p.flag("Removable"),
        media_removable: p.flag("MediaRemovable"),
        media_available: p.flag("MediaAvailable"),
        optical: p.texts("MediaCompatibility").iter().any(|medium| medium.starts_with("optical")),
        rotation: match p.0.get("RotationRate") {
            Some(Value::I32(rate)) => *rate,
            _ => -1,
        },
    }
}

/// Reads the properties of a job.
pub(super) fn job(p: &Properties<'_>) -> JobObject {
    JobObject {
        operation: p.text("Operation"),
        objects: p.paths("Objects"),
        progress: p.flag("ProgressValid").then(|| thousandths(p.0.get("Progress"))).flatten(),
    }
}

/// A part of the whole, in thousandths.
fn thousandths(value: Option<&Value<'_>>) -> Option<u16> {
    match value {
        // Between 0 and 1000 it is exact enough.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        Some(Value::F64(part)) if (0.0..=1.0).contains(part) => Some((part * 1000.0) as u16),
        _ => None,
    }
}

impl<'a> Properties<'a> {
    /// The properties in a signal.
    pub(super) fn of(all: &'a HashMap<&'a str, Value<'a>>) -> Self {
        Self(all)
    }

    fn flag(&self, name: &str) -> bool {
        matches!(self.0.get(name), Some(Value::Bool(true)))
    }

    fn number(&self, name: &str) -> u64 {
        match self.0.get(name) {
            Some(Value::U64(number)) => *number,
            Some(Value::U32(number)) => u64::from(*number),
            _ => 0,
        }
    }

    fn text(&self, name: &str) -> String {
        match self.0.get(name) {
            Some(Value::Str(text)) => shown(text),
            _ => String::new(),
        }
    }

    /// The path of an object; `/` is none.
    fn path(&self, name: &str) -> Option<String> {
        match self.0.get(name) {
            Some(Value::ObjectPath(path)) if path.as_str() != "/" => Some(path.to_string()),
            _ => None,
        }
    }

    fn list(&self, name: &str) -> impl Iterator<Item = &Value<'a>> {
        let list: &[Value<'a>] = match self.0.get(name) {
            Some(Value::Array(list)) => list.inner(),
            _ => &[],
        };
        list.iter().take(MAX_LIST)
    }

    fn texts(&self, name: &str) -> Vec<String> {
        let text = |value: &Value<'_>| match value {
            Value::Str(text) => Some(shown(text)),
            _ => None,
        };
        self.list(name).filter_map(text).collect()
    }

    fn paths(&self, name: &str) -> Vec<String> {
        let path = |value: &Value<'_>| match value {
            Value::ObjectPath(path) => Some(path.to_string()),
            _ => None,
        };
        self.list(name).filter_map(path).collect()
    }

    /// A file's name: bytes with a zero behind them.
    fn file(&self, name: &str) -> PathBuf {
        match self.0.get(name) {
            Some(Value::Array(bytes)) => file(bytes),
            _ => PathBuf::new(),
        }
    }

    fn files(&self, name: &str) -> Vec<PathBuf> {
        let one = |value: &Value<'_>| match value {
            Value::Array(bytes) => Some(file(bytes)),
            _ => None,
        };
        self.list(name).filter_map(one).filter(|file| !file.as_os_str().is_empty()).collect()
    }

    /// The file of `/etc` that has this device: `Configuration` is a list of pairs of its name and more.
    fn configured(&self) -> Option<String> {
        let kind = |value: &Value<'_>| match value {
            Value::Structure(pair) => match pair.fields().first() {
                Some(Value::Str(kind)) => Some(format!("/etc/{}", shown(kind))),
                _ => None,
            },
            _ => None,
        };
        self.list("Configuration").find_map(kind)
    }
}

/// The longest name of a file that the kernel takes.
const MAX_PATH: usize = 4_096;

fn file(bytes: &Array<'_>) -> PathBuf {
    let byte = |value: &Value<'_>| match value {
        Value::U8(byte) if *byte != 0 => Some(*byte),
        _ => None,
    };
    let bytes: Vec<u8> = bytes.inner().iter().map_while(byte).take(MAX_PATH).collect();
    PathBuf::from(OsStr::from_bytes(&bytes))
}

/// A text of the outside as it may be shown: on one line, with an end.
pub(super) fn shown(text: &str) -> String {
    let clean = text.trim().chars().take(MAX_TEXT);
    clean.map(|c| if c.is_control() { ' ' } else { c }).collect::<String>().trim_end().to_owned()
}
