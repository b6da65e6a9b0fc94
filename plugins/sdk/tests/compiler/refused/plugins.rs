//! A plugin that lists an object and does not serve it.
use cwmp_plugin_sdk::{declare, Config, Error, Host, Object, Plugin};

#[derive(Object)]
#[object("Device.X_ACME_Lamp.")]
struct Lamp {
    on: bool,
}

struct House;

impl Plugin for House {
    fn create(_: Host, _: &Config) -> Result<Self, Error> {
        Ok(Self)
    }
}

declare! { House, name: "house", base: "Device.", objects { Lamp } } //~ `House` lists the object `Lamp` and does not serve it
