//! A UDisks2 that answers only what a test says, and signals when the test wants.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use cwmp_e2e::service::value;
use futures_util::StreamExt as _;
use zbus::message::Type;
use zbus::zvariant::{ObjectPath, OwnedValue, Value};
use zbus::{Connection, Message, MessageStream};

use super::super::objects::interface;
use super::super::service::{MANAGER, MANAGER_PATH, NAME, ROOT};
use super::MIB;

pub(super) const DISK: &str = "/org/freedesktop/UDisks2/block_devices/nbd0";
pub(super) const PART: &str = "/org/freedesktop/UDisks2/block_devices/nbd0p1";
pub(super) const JOB: &str = "/org/freedesktop/UDisks2/jobs/1";

/// The name of a file as UDisks2 has it.
pub(super) fn file(name: &str) -> OwnedValue {
    value(format!("{name}\0").into_bytes())
}

type Objects = BTreeMap<&'static str, BTreeMap<&'static str, HashMap<&'static str, OwnedValue>>>;

/// A service that answers only what a test says, and signals when the test wants.
pub(super) struct Fake {
    connection: Connection,
    objects: Arc<Mutex<Objects>>,
    pub(super) calls: Rc<RefCell<Vec<String>>>,
    /// What `Format` of the partition does.
    format: Format,
    /// Where a partition is made, instead of where it was wanted.
    pub(super) elsewhere: Option<u64>,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Format {
    /// It never ends, and no job tells of it.
    Forgotten,
    /// It goes on and on, until its job is cancelled.
    Works,
    /// The disk is pulled out, and nobody says anything any more.
    Pulled,
    /// The disk is pulled out, and an error comes.
    PulledAndTold,
    /// Another disk has come in its place.
    Swapped,
}

impl Fake {
    pub(super) async fn start(address: &str, format: Format) -> Self {
        let builder = zbus::connection::Builder::address(address).unwrap();
        let connection = builder.build().await.unwrap();
        let block = HashMap::from([
            ("Device", file("/dev/nbd0")),
            ("Size", value(64 * MIB)),
            ("DeviceNumber", value(43_u64)),
        ]);
        let table = HashMap::from([("Type", value("gpt"))]);
        let disk = BTreeMap::from([(interface::BLOCK, block), (interface::TABLE, table)]);
        let objects = Arc::new(Mutex::new(Objects::from([(DISK, disk)])));
        Self { connection, objects, calls: Rc::default(), format, elsewhere: None }
    }

    fn put(&self, path: &'static str, of: &'static str, all: HashMap<&'static str, OwnedValue>) {
        self.objects.lock().unwrap().entry(path).or_default().insert(of, all);
    }

    pub(super) fn put_partition(&self, offset: u64, uuid: &str) {
        let partition = HashMap::from([
            ("Offset", value(offset)),
            ("Size", value(62 * MIB)),
            ("Number", value(1_u32)),
            ("UUID", value(uuid)),
            ("Table", value(ObjectPath::try_from(DISK).unwrap())),
        ]);
        let block = HashMap::from([("Device", file("/dev/nbd0p1")), ("Size", value(62 * MIB))]);
        self.put(PART, interface::BLOCK, block);
        self.put(PART, interface::PARTITION, partition);
    }

    async fn pull_out(&self) {
        self.objects.lock().unwrap().clear();
        for path in [PART, DISK] {
            let body = (ObjectPath::try_from(path).unwrap(), vec![interface::BLOCK]);
            self.connection
                .emit_signal(None::<&str>, ROOT, MANAGER, "InterfacesRemoved", &body)
                .await
                .unwrap();
        }
    }

    /// Answers calls, for ever.
    pub(super) async fn serve(&self) {
        let mut messages = MessageStream::from(&self.connection);
        self.connection.request_name(NAME).await.unwrap();
        let mut formatting: Option<Message> = None;
        while let Some(Ok(call)) = messages.next().await {
            if call.message_type() != Type::MethodCall {
                continue;
            }
            let header = call.header();
            let (path, member) = (header.path().unwrap().as_str(), header.member().unwrap().as_str());
            self.calls.borrow_mut().push(format!("{path} {member}"));
            let bus = &self.connection;
            let done = match (path, member) {
                (MANAGER_PATH, "Get") => bus.reply(&header, &Value::from(vec!["ext4", "swap"])).await,
                (MANAGER_PATH, "CanFormat") => bus.reply(&header, &(true, "")).await,
                (ROOT, "GetManagedObjects") => {
                    let all = self.objects.lock().unwrap().clone_all();
                    bus.reply(&header, &all).await
                }
                (DISK, "CreatePartition") => {
                    let body = call.body();
                    let (offset, ..): (u64, u64, &str, &str, HashMap<&str, Value<'_>>) =
                        body.deserialize().unwrap();
                    self.put_partition(self.elsewhere.unwrap_or(offset), "new");
                    if self.format == Format::Swapped {
                        self.put_partition(offset, "");
                    }
                    bus.reply(&header, &ObjectPath::try_from(PART).unwrap()).await
                }
                (PART, "Format") => {
                    match self.format {
                        Format::Pulled => self.pull_out().await,
                        Format::PulledAndTold => {
                            self.pull_out().await;
                            let name = "org.freedesktop.UDisks2.Error.Failed";
                            bus.reply_error(&header, name, &"Error wiping device").await.unwrap();
                        }
                        Format::Works => self.work().await,
                        Format::Swapped => self.put_partition(MIB, "another"),
                        Format::Forgotten => {}
                    }
                    formatting = Some(call.clone());
                    Ok(())
                }
                (JOB, "Cancel") => {
                    self.objects.lock().unwrap().remove(JOB);
                    let call = formatting.take().expect("it is cancelled once");
                    let name = "org.freedesktop.UDisks2.Error.Cancelled";
                    bus.reply_error(&call.header(), name, &"cancelled").await.unwrap();
                    bus.reply(&header, &()).await
                }
                (PART, "Delete") => {
                    self.objects.lock().unwrap().remove(PART);
                    bus.reply(&header, &()).await
                }
                _ => panic!("{path} {member} is not expected"),
            };
            done.unwrap();
        }
    }

    /// A job begins, and is half done.
    async fn work(&self) {
        let about = vec![ObjectPath::try_from(PART).unwrap()];
        let job = || HashMap::from([("Operation", value("format-mkfs")), ("Objects", value(about.clone()))]);
        self.put(JOB, interface::JOB, job());
        let path = ObjectPath::try_from(JOB).unwrap();
        let added = (path, HashMap::from([(interface::JOB, job())]));
        self.connection.emit_signal(None::<&str>, ROOT, MANAGER, "InterfacesAdded", &added).await.unwrap();
        let half = HashMap::from([("Progress", value(0.5)), ("ProgressValid", value(true))]);
        let changed = (interface::JOB, half, Vec::<&str>::new());
        let fdo = "org.freedesktop.DBus.Properties";
        self.connection.emit_signal(None::<&str>, JOB, fdo, "PropertiesChanged", &changed).await.unwrap();
    }

    pub(super) fn called(&self, call: &str) -> bool {
        self.calls.borrow().iter().any(|called| *called == call)
    }
}

trait CloneAll {
    fn clone_all(
        &self,
    ) -> HashMap<ObjectPath<'static>, HashMap<&'static str, HashMap<&'static str, OwnedValue>>>;
}

impl CloneAll for Objects {
    fn clone_all(
        &self,
    ) -> HashMap<ObjectPath<'static>, HashMap<&'static str, HashMap<&'static str, OwnedValue>>> {
        let properties = |all: &HashMap<&'static str, OwnedValue>| -> HashMap<&'static str, OwnedValue> {
            all.iter().map(|(name, value)| (*name, value.try_clone().unwrap())).collect()
        };
        let object =
            |(path, object): (&&'static str, &BTreeMap<&'static str, HashMap<&'static str, OwnedValue>>)| {
                let all = object.iter().map(|(name, all)| (*name, properties(all))).collect();
                (ObjectPath::try_from(*path).unwrap(), all)
            };
        self.iter().map(object).collect()
    }
}
