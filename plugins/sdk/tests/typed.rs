//! Typed objects, read through the exported table: one reading for all that is asked of an object.

use cwmp_plugin_sdk::testing::Harness;
use cwmp_plugin_sdk::{
    declare, Answer, Config, DateTime, Enumeration, Error, Host, Kind, Name, Object, Plugin, Row, Rows,
    Serve, Settings, Wanted,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Enumeration)]
enum Status {
    Up,
    Down,
    #[value("NotPresent")]
    Gone,
}

#[derive(Object)]
#[object("Device.Ethernet.Interface.{i}.")]
struct Interface {
    #[param(writable)]
    enable: bool,
    #[param(pushed)]
    status: Status,
    #[param(pushed)]
    name: String,
    mac_address: String,
    max_bit_rate: i32,
    #[param("X_ACME_Since")]
    since: DateTime,
    lower_layers: Vec<String>,
    current_bit_rate: Option<u32>,
}

#[derive(Object)]
#[object("Device.Ethernet.Interface.{i}.Stats.")]
struct Stats {
    #[param(writable)]
    reset: bool,
    bytes_sent: u64,
    bytes_received: Result<u64, Error>,
}

#[derive(Object)]
#[object("Device.X_ACME_House.")]
struct House {
    #[param(writable, "size=:32;default=home")]
    label: String,
    rooms: u32,
    #[param(writable, secret)]
    code: String,
}

#[derive(Object)]
#[object("Device.X_ACME_House.Room.{i}.", writable, "unique=Name")]
struct Room {
    #[param(writable, "default=room")]
    name: String,
    #[param(writable)]
    tags: Vec<String>,
}

#[derive(Object)]
#[object("Device.X_ACME_House.Room.{i}.Socket.{i}.")]
struct Socket {
    watts: u32,
}

struct Thing {
    host: Host,
    settings: Settings,
    readings: u32,
    broken: bool,
}

declare! {
    Thing, name: "thing", base: "Device.",
    objects { Interface, Stats, House, Room, Socket },
    nodes {
        param "X_ACME_Readings" unsigned_int;
    }
}

impl Plugin for Thing {
    fn create(host: Host, config: &Config) -> Result<Self, Error> {
        let broken = config.flag("broken")?.unwrap_or(false);
        Ok(Self { settings: Settings::load(&host)?, host, readings: 0, broken })
    }

    fn settings(&self) -> Option<&Settings> {
        Some(&self.settings)
    }

    fn start(&mut self) -> Result<(), Error> {
        if self.broken {
            return Ok(());
        }
        // There is no agent yet who could number rows; what has numbers is announced.
        let before = self.host.changed_in::<Interface>("eth0", &["Status"]);
        assert!(matches!(before, Err(Error::Busy(_))));
        self.host.changed_in::<Interface>(5, &["Status", "Name"])?;
        self.host.rows_changed_of::<Socket>(3)?;
        self.host.rows_changed_of::<Interface>(())
    }

    fn get(&mut self, names: &[Name<'_>], answer: &mut Answer<'_>) {
        for (i, name) in names.iter().enumerate() {
            match name.relative() {
                "X_ACME_Readings" => answer.value(i, self.readings),
                _ => answer.fault(i, &Error::name("what is typed does not come here")),
            }
        }
    }
}

impl Serve<Interface> for Thing {
    fn read(&mut self, kept: Rows<Interface>, wanted: &Wanted<'_>) -> Result<Rows<Interface>, Error> {
        if self.broken {
            return Err(Error::internal("netlink is gone"));
        }
        if wanted.has("MaxBitRate") || wanted.has("Status") {
            self.readings += 1;
        }
        let mut rows = Rows::new();
        for (key, status) in [("eth0", Status::Up), ("eth1", Status::Gone)] {
            let interface = Interface {
                status,
                name: key.to_owned(),
                mac_address: "00:11:22:33:44:55".to_owned(),
                max_bit_rate: -1,
                since: DateTime::from_unix(0),
                lower_layers: vec!["Device.A.".to_owned(), "Device.B.".to_owned()],
                current_bit_rate: (status == Status::Up).then_some(1000),
                ..kept.of(key)
            };
            rows.push(Row::keyed(key), interface);
        }
        Ok(rows)
    }
}

impl Serve<Stats> for Thing {
    fn read(&mut self, _: Rows<Stats>, wanted: &Wanted<'_>) -> Result<Rows<Stats>, Error> {
        self.readings += 1;
        let stats =
            |n| Stats { reset: true, bytes_sent: n, bytes_received: Err(Error::internal("no counter")) };
        assert!(wanted.row("eth1") && !wanted.only_rows());
        Ok([("eth0", stats(7)), ("eth1", stats(u64::MAX))].into_iter().collect())
    }
}

impl Serve<House> for Thing {
    fn read(&mut self, kept: House, _: &Wanted<'_>) -> Result<House, Error> {
        let rooms = self.settings.row_numbers("X_ACME_House.Room.").len();
        Ok(House { rooms: rooms.try_into().unwrap(), ..kept })
    }
}

impl Serve<Room> for Thing {}

impl Serve<Socket> for Thing {
    fn read(&mut self, _: Rows<Socket>, _: &Wanted<'_>) -> Result<Rows<Socket>, Error> {
        let mut rows = Rows::new();
        for room in self.settings.row_numbers("X_ACME_House.Room.") {
            rows.push((room, 9), Socket { watts: room * 10 });
            rows.push((room, "lamp"), Socket { watts: room });
        }
        Ok(rows)
    }
}

/// A model is chosen where several have an object: each has parameters that the other does not have.
#[derive(Object)]
#[object("Device.Services.VoiceService.{i}.Capabilities.", model = "VoiceService:1.1")]
#[allow(dead_code)] // only declared
struct OldVoice {
    max_profile_count: u32,
}

#[derive(Object)]
#[object("Device.Services.VoiceService.{i}.Capabilities.")]
#[allow(dead_code)] // only declared
struct Voice {
    network_connection_modes: Vec<String>,
}

#[derive(Object)]
#[object("Device.X_ACME_Deep.A.{i}.B.{i}.C.{i}.D.{i}.")]
#[allow(dead_code)] // only declared
struct Deep {
    on: bool,
}

fn facets_of(plugin: &Harness, path: &str) -> String {
    plugin.describe().into_iter().find(|n| n.path == path).unwrap().facets
}

#[test]
fn the_standard_says_what_a_field_is_and_the_type_narrows_it() {
    let plugin = Harness::new(&PLUGIN, "{}");
    let all = plugin.describe();
    let of = |path: &str| all.iter().find(|n| n.path == path).unwrap();
    assert_eq!(of("Device.Ethernet.Interface.{i}.MaxBitRate").kind, Some(Kind::Int));
    assert_eq!(of("Device.Ethernet.Interface.{i}.MaxBitRate").facets, "range=-1:");
    assert_eq!(of("Device.Ethernet.Interface.{i}.Status").facets, "enum=Up|Down|NotPresent");
    assert_eq!(of("Device.Ethernet.Interface.{i}.Enable").flags, 1 << 2);
    assert_eq!(of("Device.Ethernet.Interface.{i}.Name").flags, 1 << 6);
    assert!(of("Device.Ethernet.Interface.{i}.LowerLayers").facets.contains("list="));
    assert_eq!(of("Device.Ethernet.Interface.{i}.X_ACME_Since").kind, Some(Kind::DateTime));
    assert_eq!(facets_of(&plugin, "Device.X_ACME_House.Room.{i}."), "unique=Name");
    assert_eq!(facets_of(&plugin, "Device.Ethernet.Interface.{i}."), "unique=Name");
}

#[test]
fn an_object_is_read_once_for_all_that_is_asked_of_it() {
    let plugin = Harness::new(&PLUGIN, "{}");
    assert_eq!(plugin.rows("Device.Ethernet.Interface.").unwrap().len(), 2);
    let names = [
        "Device.Ethernet.Interface.1.MaxBitRate",
        "Device.Ethernet.Interface.2.MaxBitRate",
        "Device.Ethernet.Interface.1.Stats.BytesSent",
        "Device.Ethernet.Interface.1.Status",
        "Device.Ethernet.Interface.2.Status",
        "Device.Ethernet.Interface.2.Stats.BytesSent",
        "Device.Ethernet.Interface.2.LowerLayers",
        "Device.X_ACME_Readings",
        "Device.X_ACME_House.Label",
    ];
    let values: Vec<String> = plugin.get_all(&names).into_iter().map(|v| v.unwrap().1).collect();
    let expected =
        ["-1", "-1", "7", "Up", "NotPresent", "18446744073709551615", "Device.A.,Device.B.", "2", "home"];
    assert_eq!(values, expected);
}

#[test]
fn what_is_unknown_or_fails_costs_its_own_field() {
    let plugin = Harness::new(&PLUGIN, "{}");
    plugin.rows("Device.Ethernet.Interface.").unwrap();
    let answers = plugin.get_all(&[
        "Device.Ethernet.Interface.1.CurrentBitRate",
        "Device.Ethernet.Interface.2.CurrentBitRate",
        "Device.Ethernet.Interface.1.Stats.BytesReceived",
        "Device.Ethernet.Interface.2.Stats.BytesSent",
        "Device.Ethernet.Interface.3.Status",
    ]);
    assert_eq!(answers[0].as_ref().unwrap().1, "1000");
    assert!(matches!(answers[1], Err(Error::Name(_))));
    assert_eq!(answers[2], Err(Error::internal("no counter")));
    assert!(answers[3].is_ok());
    assert_eq!(answers[4], Err(Error::name("there is no Device.Ethernet.Interface.3.")));
}

#[test]
fn a_reading_that_fails_is_a_fault_of_its_object_alone() {
    let plugin = Harness::new(&PLUGIN, r#"{"broken": true}"#);
    let answers = plugin.get_all(&["Device.Ethernet.Interface.1.Status", "Device.X_ACME_House.Label"]);
    assert_eq!(answers[0], Err(Error::internal("netlink is gone")));
    assert!(answers[1].is_ok());
    assert_eq!(plugin.rows("Device.Ethernet.Interface.").unwrap_err(), Error::internal("netlink is gone"));
}

#[test]
fn rows_that_are_kept_are_served_without_a_word() {
    let mut plugin = Harness::new(&PLUGIN, "{}");
    plugin.add("Device.X_ACME_House.Room.4.").unwrap();
    plugin.add("Device.X_ACME_House.Room.7.").unwrap();
    plugin
        .set(&[("Device.X_ACME_House.Room.7.Name", "attic"), ("Device.X_ACME_House.Room.7.Tags", "a, b")])
        .unwrap();
    let plugin = plugin.restart();
    let rooms = plugin.rows("Device.X_ACME_House.Room.").unwrap();
    assert_eq!(rooms, [Row::numbered(4).deletable(), Row::numbered(7).deletable()]);
    assert_eq!(plugin.get("Device.X_ACME_House.Room.4.Name").unwrap(), "room");
    assert_eq!(plugin.get("Device.X_ACME_House.Room.7.Name").unwrap(), "attic");
    assert_eq!(plugin.get("Device.X_ACME_House.Room.7.Tags").unwrap(), "a,b");
    assert_eq!(plugin.get("Device.X_ACME_House.Rooms").unwrap(), "2");
    assert!(plugin.get("Device.X_ACME_House.Room.5.Name").is_err());
}

#[test]
fn nested_tables_are_read_at_once_for_all_rows_above() {
    let mut plugin = Harness::new(&PLUGIN, "{}");
    plugin.add("Device.X_ACME_House.Room.4.").unwrap();
    plugin.add("Device.X_ACME_House.Room.7.").unwrap();
    let sockets = plugin.rows("Device.X_ACME_House.Room.7.Socket.").unwrap();
    assert_eq!(sockets, [Row::numbered(9), Row::keyed("lamp")]);
    assert_eq!(plugin.get("Device.X_ACME_House.Room.7.Socket.9.Watts").unwrap(), "70");
    assert_eq!(plugin.rows("Device.X_ACME_House.Room.5.Socket.").unwrap(), []);
}

#[test]
fn a_command_of_the_standard_reads_as_if_nothing_had_been_said() {
    let mut plugin = Harness::new(&PLUGIN, "{}");
    plugin.rows("Device.Ethernet.Interface.").unwrap();
    let reset = "Device.Ethernet.Interface.1.Stats.Reset";
    assert_eq!(plugin.get(reset).unwrap(), "false");
    plugin.set(&[(reset, "true")]).unwrap();
    assert_eq!(plugin.get(reset).unwrap(), "false");
}

#[test]
fn every_row_above_has_its_place() {
    let at = cwmp_plugin_sdk::At::from((1, "b", 3, "d"));
    assert_eq!((at.above.len(), at.above[1].key.as_str(), at.row.key.as_str()), (3, "b", "d"));
    assert_eq!(<Deep as Object>::NODES[1].path(), "Device.X_ACME_Deep.A.{i}.B.{i}.C.{i}.D.{i}.On");
}

#[test]
fn a_model_can_be_chosen() {
    assert_eq!(<OldVoice as Object>::NODES.len(), 2);
    assert_eq!(<Voice as Object>::NODES.len(), 2);
}

#[test]
fn changes_are_announced_by_rows_and_names() {
    let plugin = Harness::new(&PLUGIN, "{}");
    let changed = ["Device.Ethernet.Interface.5.Status", "Device.Ethernet.Interface.5.Name"];
    assert_eq!(plugin.changed(), changed);
    assert_eq!(plugin.tables_changed(), ["Device.X_ACME_House.Room.3.Socket.", "Device.Ethernet.Interface."]);
}

#[test]
fn a_secret_reads_as_empty() {
    let mut plugin = Harness::new(&PLUGIN, "{}");
    plugin.set(&[("Device.X_ACME_House.Code", "1234")]).unwrap();
    assert_eq!(plugin.get("Device.X_ACME_House.Code").unwrap(), "");
}
