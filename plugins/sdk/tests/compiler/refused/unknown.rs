//! Types of one's own that say nothing of the data model.
use cwmp_plugin_sdk::Object;

pub struct Watts(u32);

#[derive(Object)]
#[object("Device.X_ACME_Lamp.")]
struct Lamp {
    power: Watts, //~ `Watts` stands for no type of the data model
}
