//! Enumerations that have other values than the standard's: found when constants are computed.
use cwmp_plugin_sdk::{Enumeration, Object};

#[derive(Enumeration)]
enum Status {
    Up,
    Broken,
}

#[derive(Enumeration)]
enum Colour {
    Red,
}

#[derive(Object)]
#[object("Device.Ethernet.Interface.{i}.")]
struct Interface {
    status: Status, //~ Device.Ethernet.Interface.{i}.Status has no value 'Broken'; there are Up, Down, Unknown
    max_bit_rate: Colour, //~ the type of the field for Device.Ethernet.Interface.{i}.MaxBitRate stands for another type than the parameter has
    duplex_mode: Vec<Colour>, //~ the type of the field for Device.Ethernet.Interface.{i}.DuplexMode is a list, and the parameter is none
}
