//! Fields of other types than their parameters.
use cwmp_plugin_sdk::{Object, Error};

#[derive(Object)]
#[object("Device.Ethernet.Interface.{i}.")]
struct Interface {
    enable: u32, //~ Device.Ethernet.Interface.{i}.Enable is of type boolean: the type must be bool
    max_bit_rate: u32, //~ is of type int: the type must be i32
    current_bit_rate: Option<u64>, //~ is of type unsignedInt: the type must be u32
    name: Vec<String>, //~ is of type string: the type must be String or an enumeration
    advertised_link_modes: Vec<String>, //~ is a list of unsignedInt: the type must be Vec<u32>
    last_change: u16, //~ no parameter has this type; there are bool, i32, u32
}

#[derive(Object)]
#[object("Device.X_ACME_Lamp.")]
struct Lamp {
    brightness: u8, //~ no parameter has this type
    pair: (u32, u32), //~ no parameter has this type
    level: Result<f32, Error>, //~ no parameter has this type
}
