//! `org.cwmpd1.Agent`: the agent's state at a glance.

use std::collections::HashMap;
use std::sync::Arc;

use cwmp_bus::BusError;
use zbus::message::Header;
use zbus::zvariant::OwnedValue;

use super::rights::{Rights, Wish};
use crate::core::{lock, Core};
use crate::local;

pub(super) struct Agent {
    core: Arc<Core>,
    rights: Rights,
}

impl Agent {
    pub(super) fn new(core: Arc<Core>) -> Self {
        Self { core, rights: Rights::default() }
    }
}

type ProviderLine = (String, String, String, String, Vec<String>);

#[zbus::interface(name = "org.cwmpd1.Agent")]
impl Agent {
    async fn inform(
        &self,
        options: HashMap<String, OwnedValue>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(), BusError> {
        let _ = options;
        self.rights.check(self.core.bus(), &header, Wish::Change).await?;
        self.core.ask_for_session();
        Ok(())
    }

    async fn reload(&self, #[zbus(header)] header: Header<'_>) -> Result<(), BusError> {
        self.rights.check(self.core.bus(), &header, Wish::Change).await?;
        self.core.reload();
        Ok(())
    }

    #[allow(clippy::unused_self)] // a property is a method
    #[zbus(property(emits_changed_signal = "false"))]
    fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }

    #[zbus(property(emits_changed_signal = "false"))]
    fn state(&self) -> &'static str {
        if self.core.identity.is_err() {
            return "unidentified";
        }
        if !self.core.truth(local::ENABLE_CWMP) || self.core.setting(local::URL).is_empty() {
            return "disabled";
        }
        let status = lock(&self.core.status);
        match (status.in_session, status.waiting) {
            (true, _) => "session",
            (false, true) => "waiting",
            _ => "idle",
        }
    }

    #[zbus(property(emits_changed_signal = "false"))]
    fn acs_url(&self) -> String {
        self.core.setting(local::URL)
    }

    #[zbus(property(emits_changed_signal = "false"))]
    fn last_inform(&self) -> String {
        lock(&self.core.status).last_inform.clone()
    }

    #[zbus(property(emits_changed_signal = "false"))]
    fn last_result(&self) -> String {
        let why = self.core.identity.as_ref().err().cloned();
        why.unwrap_or_else(|| lock(&self.core.status).last_result.clone())
    }

    #[zbus(property(emits_changed_signal = "false"))]
    fn next_inform(&self) -> String {
        lock(&self.core.status).next_inform.clone()
    }

    #[zbus(property(emits_changed_signal = "false"))]
    fn retry_count(&self) -> u32 {
        lock(&self.core.status).retry_count
    }

    #[zbus(property(emits_changed_signal = "false"))]
    fn pending_events(&self) -> Vec<(String, String)> {
        self.core.pending_events().into_iter().map(|e| (e.code, e.command_key)).collect()
    }

    #[zbus(property(emits_changed_signal = "false"))]
    fn pending_changes(&self) -> Vec<String> {
        self.core.pending_changes()
    }

    #[zbus(property(emits_changed_signal = "false"))]
    fn providers(&self) -> Vec<ProviderLine> {
        let line = |p: Arc<crate::provider::Provider>| {
            let condition = p.condition();
            let stage = condition.stage.word().to_owned();
            (p.name().to_owned(), stage, condition.version, condition.cause, p.manifest.roots.clone())
        };
        self.core.providers().into_iter().map(line).collect()
    }

    #[zbus(property(emits_changed_signal = "false"))]
    fn store(&self) -> String {
        self.core.persist.health()
    }

    #[zbus(property(emits_changed_signal = "false"))]
    fn identity(&self) -> (String, String, String, String) {
        self.core
            .identity
            .as_ref()
            .map(|i| {
                let (maker, oui) = (i.manufacturer.clone(), i.oui.clone());
                (maker, oui, i.product_class.clone(), i.serial_number.clone())
            })
            .unwrap_or_default()
    }
}
