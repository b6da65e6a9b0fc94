//! A plugin that only makes the device as the settings say: after a commit that fails it is asked to once more.

#[path = "declarative/rule.rs"]
mod rule;

use cwmp_plugin_sdk::{
    declare, ChangeFault, Config, Edit, Effect, Error, Host, Plugin, Prepared, Serve, Settings,
};
use rule::Radio;

struct Radios {
    settings: Settings,
    id: u32,
}

declare! { Radios, name: "radios", base: "Device.X_ACME_Radio.", objects { Radio } }

impl Plugin for Radios {
    fn create(host: Host, config: &Config) -> Result<Self, Error> {
        Ok(Self { settings: Settings::load(&host)?, id: config.number("id")?.unwrap_or(0) })
    }

    fn settings(&self) -> Option<&Settings> {
        Some(&self.settings)
    }

    fn put_in_force(&mut self, names: &[String]) -> Result<Effect, Error> {
        rule::put_in_force(self.id, &self.settings, names)
    }
}

impl Serve<Radio> for Radios {
    fn change(&mut self, edits: Vec<Edit<Radio>>) -> Result<Prepared<Self>, Vec<ChangeFault>> {
        let jammed = edits.iter().any(|edit| edit.new.as_ref().is_some_and(|radio| radio.jammed));
        Ok(Box::new(move |radios| rule::typed(radios.id, jammed)))
    }
}
