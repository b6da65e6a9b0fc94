//! Objects and parameters that the standard does not have.
use cwmp_plugin_sdk::Object;

#[derive(Object)]
#[object("Device.Ethernet.Interfaces.{i}.")] //~ the standard has no Device.Ethernet.Interfaces.{i}.; did you mean Device.Ethernet.Interface.{i}.?
struct Interfaces {
    enable: bool,
}

#[derive(Object)]
#[object("Device.Lamp.")] //~ the standard has no Device.Lamp.; a vendor's own has a part that begins with X_
struct Lamp;

#[derive(Object)]
#[object("Device.Ethernet.Interface.{i}.")]
struct Interface {
    enabled: bool, //~ Device.Ethernet.Interface.{i}. has no parameter 'enabled'; did you mean Enable?
    mac_adress: String, //~ has no parameter 'mac_adress'; did you mean MACAddress?
    temperature: i32, //~ has no parameter 'temperature'; a vendor's own has a name that begins with X_
    #[param("Macaddress")] //~ has no parameter 'Macaddress'; did you mean MACAddress?
    mac: String,
    alias: String, //~ the agent keeps aliases; a name that the device gives a row is Row::alias
}

#[derive(Object)]
#[object("Device.Ethernet.")]
struct Ethernet {
    interface_number_of_entries: u32, //~ the agent counts rows
}

#[derive(Object)]
#[object("Device.Ethernet.Interface.{i}.Stats.")]
struct Stats {
    bytes_sent: u64,
    #[param("BytesSent")]
    sent: u64, //~ BytesSent is the parameter of the field 'bytes_sent', too
}

#[derive(Object)]
#[object("Device.X_ACME_Lamp")] //~ 'Device.X_ACME_Lamp' is no path of an object: it does not end in a dot
struct Dotless;

#[derive(Object)]
#[object("Device.X_ACME_Lamp.{i}.{i}.")] //~ a row has no number of its own below it
struct Twice;

#[derive(Object)]
#[object("X_ACME_Lamp.")] //~ it does not begin with Device.
struct Rootless;

#[derive(Object)]
#[object("Device.X_ACME_Lamp.")]
struct Named {
    #[param("Two Words")] //~ 'Two Words' is no name of a parameter
    two: u32,
}

#[derive(Object)]
struct Nowhere; //~ which object is it? Say #[object("Device.Path.")] above the struct

#[derive(Object)]
#[object("Device.X_ACME_Lamp.")]
struct Tuple(u32); //~ the fields of an object have names

#[derive(Object)]
#[object("Device.Services.VoiceService.{i}.", model = "VoiceService:9.9")] //~ there is no data model 'VoiceService:9.9'
struct Voice;
