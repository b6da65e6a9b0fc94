//! What the standard does not allow, and facets that are wider than its own.
use cwmp_plugin_sdk::Object;

#[derive(Object)]
#[object("Device.Ethernet.Interface.{i}.", writable)] //~ nobody can add rows to Device.Ethernet.Interface.{i}., says the standard
struct Interface {
    enable: bool,
}

#[derive(Object)]
#[object("Device.Ethernet.", writable)] //~ Device.Ethernet. is no table, so it takes no rows
struct Ethernet;

#[derive(Object)]
#[object("Device.Ethernet.Interface.{i}.")]
struct Fields {
    #[param(writable)] //~ Device.Ethernet.Interface.{i}.Status is read-only, says the standard
    status: String,
    #[param(secret)] //~ Device.Ethernet.Interface.{i}.Name is not secret, says the standard
    name: String,
    #[param("range=-2:")] //~ Device.Ethernet.Interface.{i}.MaxBitRate: range at least -2 is wider than the standard's, at least -1
    max_bit_rate: i32,
    #[param("enum=Half|Most")] //~ Device.Ethernet.Interface.{i}.DuplexMode: 'Most' is not allowed; the standard has Half, Full, Auto
    duplex_mode: String,
    #[param("rnage=0:1")] //~ unknown facet 'rnage'
    last_change: u32,
    #[param(writeable)] //~ 'writeable' is none of: "Name", "facets", writable
    enable: bool,
}

#[derive(Object)]
#[object("Device.X_ACME_Lamp.")]
struct Lamp {
    #[param(writable, "range=0:10;default=11")] //~ Device.X_ACME_Lamp.Level: the default '11': must be 0 to 10
    level: u32,
}
