//! `org.cwmpd1.Agent`: the agent's state at a glance.

use std::collections::HashMap;
use std::sync::Arc;

use cwmp_bus::{names, BusError};
use zbus::fdo;
use zbus::message::Header;
use zbus::object_server::SignalEmitter;
use zbus::zvariant::{ObjectPath, OwnedObjectPath, OwnedValue};

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

    /// Properties are for those who may read. Without a header the agent asks itself.
    async fn admit(&self, header: Option<Header<'_>>) -> fdo::Result<()> {
        let Some(header) = header else { return Ok(()) };
        let admitted = self.rights.check(self.core.bus(), &header, Wish::Read).await;
        admitted.map_err(|error| fdo::Error::AccessDenied(error.to_string()))
    }

    fn state_word(&self) -> &'static str {
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
}

/// Announces a job.
pub(super) async fn job_began(bus: &zbus::Connection, job: &ObjectPath<'_>) -> zbus::Result<()> {
    Agent::job_began(&SignalEmitter::new(bus, names::PATH)?, job).await
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

    #[zbus(property(emits_changed_signal = "false"))]
    async fn version(&self, #[zbus(header)] header: Option<Header<'_>>) -> fdo::Result<&'static str> {
        self.admit(header).await?;
        Ok(env!("CARGO_PKG_VERSION"))
    }

    #[zbus(property(emits_changed_signal = "false"))]
    async fn state(&self, #[zbus(header)] header: Option<Header<'_>>) -> fdo::Result<&'static str> {
        self.admit(header).await?;
        Ok(self.state_word())
    }

    #[zbus(property(emits_changed_signal = "false"))]
    async fn acs_url(&self, #[zbus(header)] header: Option<Header<'_>>) -> fdo::Result<String> {
        self.admit(header).await?;
        Ok(self.core.setting(local::URL))
    }

    #[zbus(property(emits_changed_signal = "false"))]
    async fn last_inform(&self, #[zbus(header)] header: Option<Header<'_>>) -> fdo::Result<String> {
        self.admit(header).await?;
        Ok(lock(&self.core.status).last_inform.clone())
    }

    #[zbus(property(emits_changed_signal = "false"))]
    async fn last_result(&self, #[zbus(header)] header: Option<Header<'_>>) -> fdo::Result<String> {
        self.admit(header).await?;
        let why = self.core.identity.as_ref().err().cloned();
        Ok(why.unwrap_or_else(|| lock(&self.core.status).last_result.clone()))
    }

    #[zbus(property(emits_changed_signal = "false"))]
    async fn next_inform(&self, #[zbus(header)] header: Option<Header<'_>>) -> fdo::Result<String> {
        self.admit(header).await?;
        Ok(lock(&self.core.status).next_inform.clone())
    }

    #[zbus(property(emits_changed_signal = "false"))]
    async fn retry_count(&self, #[zbus(header)] header: Option<Header<'_>>) -> fdo::Result<u32> {
        self.admit(header).await?;
        Ok(lock(&self.core.status).retry_count)
    }

    #[zbus(property(emits_changed_signal = "false"))]
    async fn pending_events(
        &self,
        #[zbus(header)] header: Option<Header<'_>>,
    ) -> fdo::Result<Vec<(String, String)>> {
        self.admit(header).await?;
        Ok(self.core.pending_events().into_iter().map(|e| (e.code, e.command_key)).collect())
    }

    #[zbus(property(emits_changed_signal = "false"))]
    async fn pending_changes(&self, #[zbus(header)] header: Option<Header<'_>>) -> fdo::Result<Vec<String>> {
        self.admit(header).await?;
        Ok(self.core.pending_changes())
    }

    #[zbus(property(emits_changed_signal = "false"))]
    async fn providers(&self, #[zbus(header)] header: Option<Header<'_>>) -> fdo::Result<Vec<ProviderLine>> {
        self.admit(header).await?;
        let line = |p: Arc<crate::provider::Provider>| {
            let condition = p.condition();
            let stage = condition.stage.word().to_owned();
            (p.name().to_owned(), stage, condition.version, condition.cause, p.manifest.roots.clone())
        };
        Ok(self.core.providers().into_iter().map(line).collect())
    }

    #[zbus(property(emits_changed_signal = "false"))]
    async fn jobs(&self, #[zbus(header)] header: Option<Header<'_>>) -> fdo::Result<Vec<OwnedObjectPath>> {
        self.admit(header).await?;
        Ok(super::job::paths(&self.core))
    }

    #[zbus(signal)]
    async fn job_began(emitter: &SignalEmitter<'_>, job: &ObjectPath<'_>) -> zbus::Result<()>;

    #[zbus(property(emits_changed_signal = "false"))]
    async fn store(&self, #[zbus(header)] header: Option<Header<'_>>) -> fdo::Result<String> {
        self.admit(header).await?;
        Ok(self.core.persist.health())
    }

    #[zbus(property(emits_changed_signal = "false"))]
    async fn identity(
        &self,
        #[zbus(header)] header: Option<Header<'_>>,
    ) -> fdo::Result<(String, String, String, String)> {
        self.admit(header).await?;
        Ok(self
            .core
            .identity
            .as_ref()
            .map(|i| {
                let (maker, oui) = (i.manufacturer.clone(), i.oui.clone());
                (maker, oui, i.product_class.clone(), i.serial_number.clone())
            })
            .unwrap_or_default())
    }
}
