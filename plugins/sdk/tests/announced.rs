//! What two readings differ in is announced, and nothing else.

use cwmp_plugin_sdk::testing::Harness;
use cwmp_plugin_sdk::{
    declare, Argument, Config, Error, Host, Name, Object, Output, Plugin, Rows, Serve, Wanted,
};

#[derive(Object)]
#[object("Device.X_ACME_Port.{i}.")]
struct Port {
    #[param(pushed)]
    up: bool,
    #[param(pushed)]
    speed: Result<u32, Error>,
    noise: u32,
}

#[derive(Object)]
#[object("Device.X_ACME_Port.{i}.Peer.{i}.")]
struct Peer {
    #[param(pushed)]
    name: String,
}

#[derive(Object)]
#[object("Device.X_ACME_Box.")]
struct Whole {
    #[param(pushed)]
    ports: u32,
}

struct Thing {
    host: Host,
    ports: Vec<(&'static str, bool, Result<u32, Error>)>,
    peers: Vec<(&'static str, u32)>,
}

declare! { Thing, name: "thing", base: "Device.", objects { Port, Peer, Whole }, nodes { command "Change()"; } }

impl Thing {
    fn ports(&self) -> Rows<Port> {
        let port = |(noise, (key, up, speed)): (u32, &(&'static str, bool, Result<u32, Error>))| {
            (*key, Port { up: *up, speed: speed.clone(), noise })
        };
        (0..).zip(&self.ports).map(port).collect()
    }

    fn peers(&self) -> Rows<Peer> {
        self.peers.iter().map(|(port, n)| ((*port, *n), Peer { name: format!("{port}-{n}") })).collect()
    }

    fn whole(&self) -> Whole {
        Whole { ports: self.ports.len().try_into().unwrap() }
    }
}

impl Plugin for Thing {
    fn create(host: Host, _: &Config) -> Result<Self, Error> {
        Ok(Self {
            host,
            ports: vec![("a", true, Ok(1)), ("b", true, Ok(1)), ("c", true, Ok(1))],
            peers: vec![("b", 1)],
        })
    }

    fn invoke(&mut self, _: Name<'_>, _: &[Argument<'_>], _: &mut Output<'_>) -> Result<(), Error> {
        let (ports, peers, whole) = (self.ports(), self.peers(), self.whole());
        self.ports = vec![
            ("c", true, Ok(1)),
            ("b", false, Err(Error::internal("no link"))),
            ("d", true, Ok(1)),
            ("e", true, Ok(1)),
        ];
        self.peers = vec![("b", 2)];
        self.host.announce::<Port>(&ports, &self.ports())?;
        self.host.announce::<Peer>(&peers, &self.peers())?;
        self.host.announce::<Whole>(&whole, &self.whole())?;
        self.host.announce::<Whole>(&self.whole(), &self.whole())
    }
}

impl Serve<Port> for Thing {
    fn read(&mut self, _: Rows<Port>, _: &Wanted<'_>) -> Result<Rows<Port>, Error> {
        Ok(self.ports())
    }
}

impl Serve<Peer> for Thing {
    fn read(&mut self, _: Rows<Peer>, _: &Wanted<'_>) -> Result<Rows<Peer>, Error> {
        Ok(self.peers())
    }
}

impl Serve<Whole> for Thing {
    fn read(&mut self, _: Whole, _: &Wanted<'_>) -> Result<Whole, Error> {
        Ok(self.whole())
    }
}

#[test]
fn what_differs_is_announced_and_nothing_else() {
    let plugin = Harness::new(&PLUGIN, "{}");
    // The rows get their numbers in the order in which they are met.
    plugin.get("Device.X_ACME_Port.1.Up").unwrap();
    plugin.invoke("Device.Change()", &[]).unwrap();
    // Noise is not pushed, c only stands elsewhere, what failed is different, and of d nobody knew.
    let changed = ["Device.X_ACME_Port.2.Up", "Device.X_ACME_Port.2.Speed", "Device.X_ACME_Box.Ports"];
    assert_eq!(plugin.changed(), changed);
    assert_eq!(plugin.tables_changed(), ["Device.X_ACME_Port.", "Device.X_ACME_Port.2.Peer."]);
}
