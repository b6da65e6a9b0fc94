//! An async plugin that only makes the device as the settings say: after a commit that fails it is asked to once more.
#![cfg(feature = "tokio")]

#[path = "declarative/rule.rs"]
mod rule;

use std::rc::Rc;

use cwmp_plugin_sdk::{
    declare, AsyncPlugin, AsyncServe, ChangeFault, Config, Edit, Effect, Error, Host, PreparedLater, Settings,
};
use rule::Radio;

struct Radios {
    settings: Settings,
    id: u32,
}

declare! { async Radios, name: "radios", base: "Device.X_ACME_Radio.", objects { Radio } }

impl AsyncPlugin for Radios {
    async fn create(host: Host, config: Config) -> Result<Self, Error> {
        Ok(Self { settings: Settings::load(&host)?, id: config.number("id")?.unwrap_or(0) })
    }

    fn settings(&self) -> Option<&Settings> {
        Some(&self.settings)
    }

    async fn put_in_force(self: Rc<Self>, names: &[String]) -> Result<Effect, Error> {
        tokio::task::yield_now().await;
        rule::put_in_force(self.id, &self.settings, names)
    }
}

impl AsyncServe<Radio> for Radios {
    async fn change(self: Rc<Self>, edits: Vec<Edit<Radio>>) -> Result<PreparedLater, Vec<ChangeFault>> {
        let jammed = edits.iter().any(|edit| edit.new.as_ref().is_some_and(|radio| radio.jammed));
        Ok(Box::pin(async move { rule::typed(self.id, jammed) }))
    }
}
