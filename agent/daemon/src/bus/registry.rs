//! `org.cwmpd1.Registry`: what a provider may ask of the agent. The owner of a provider's name is trusted as that
//! provider, and nobody else is.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use cwmp_bus::BusError;
use cwmp_model::{Fault, FaultCode};
use cwmp_session::event;
use zbus::message::Header;
use zbus::zvariant::OwnedValue;

use super::job;
use crate::core::begun_jobs::{Beginning, Ending};
use crate::core::Core;
use crate::provider::Provider;

pub(super) struct Registry {
    core: Arc<Core>,
}

impl Registry {
    pub(super) fn new(core: Arc<Core>) -> Self {
        Self { core }
    }

    /// The name of the provider that calls.
    fn caller(&self, header: &Header<'_>) -> Result<String, BusError> {
        self.provider(header).map(|(provider, _)| provider.name().to_owned())
    }

    /// The provider that calls, and who it is on the bus.
    fn provider(&self, header: &Header<'_>) -> Result<(Arc<Provider>, String), BusError> {
        let caller = header.sender().and_then(|s| Some((self.core.provider_of(s)?, s.to_string())));
        caller.ok_or_else(|| {
            Fault::new(FaultCode::RequestDenied, "the caller is no provider that announced itself").into()
        })
    }
}

#[zbus::interface(name = "org.cwmpd1.Registry")]
impl Registry {
    async fn announce(
        &self,
        name: &str,
        options: HashMap<String, OwnedValue>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(), BusError> {
        let _ = options;
        let denied = |text: String| BusError::Fault(Fault::new(FaultCode::RequestDenied, text));
        let sender = header.sender().ok_or_else(|| denied("a call without a sender".into()))?.to_owned();
        if !self.core.is_provider(name, &sender).await {
            return Err(denied(format!("the caller does not own the bus name of provider {name}")));
        }
        let Some(provider) = self.core.provider(name) else {
            return Err(denied(format!("provider {name} has no manifest")));
        };
        if provider.announces(sender.into()) {
            // Answered first: the provider may serve one call at a time.
            let core = Arc::clone(&self.core);
            tokio::spawn(async move { core.meet(&provider).await });
        }
        Ok(())
    }

    #[zbus(out_args("numbers"))]
    async fn allocate(
        &self,
        table: &str,
        keys: Vec<String>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<Vec<u32>, BusError> {
        let provider = self.caller(&header)?;
        Ok(self.core.allocate(&provider, table, &keys).await?)
    }

    #[zbus(out_args("keys"))]
    #[allow(clippy::needless_pass_by_value)] // what comes from the bus is owned
    fn keys(
        &self,
        table: &str,
        numbers: Vec<u32>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<Vec<String>, BusError> {
        let provider = self.caller(&header)?;
        Ok(self.core.keys(&provider, table, &numbers)?)
    }

    #[allow(clippy::needless_pass_by_value)] // as the bus hands it over
    fn progress(
        &self,
        job: u64,
        permille: i32,
        text: &str,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(), BusError> {
        let provider = self.caller(&header)?;
        self.core.jobs.progress(&provider, job, permille, text);
        Ok(())
    }

    async fn begin_job(
        &self,
        job: u64,
        path: &str,
        text: &str,
        options: HashMap<String, OwnedValue>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(), BusError> {
        let (provider, owner) = self.provider(&header)?;
        let age = options.get("age_ms").and_then(|v| v.downcast_ref::<u64>().ok());
        let age = Duration::from_millis(age.unwrap_or(0));
        job::begin(&self.core, &provider, &owner, &Beginning { id: job, object: path, text, age }).await
    }

    #[allow(clippy::too_many_arguments, clippy::needless_pass_by_value)] // as the bus hands it over
    fn end_job(
        &self,
        job: u64,
        state: &str,
        code: u32,
        text: &str,
        outputs: BTreeMap<String, String>,
        options: HashMap<String, OwnedValue>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(), BusError> {
        let _ = options;
        let provider = self.caller(&header)?;
        Ok(self.core.end_own_job(&provider, Ending { id: job, state, code, text, outputs })?)
    }

    async fn event(
        &self,
        name: &str,
        arguments: HashMap<String, OwnedValue>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(), BusError> {
        let _ = arguments;
        let provider = self.caller(&header)?;
        if !name.starts_with(event::VENDOR_PREFIX) && name != event::DIAGNOSTICS_COMPLETE {
            let own = event::DIAGNOSTICS_COMPLETE;
            let text = format!("'{name}': a provider's event is \"X OUI text\" or \"{own}\"");
            return Err(Fault::new(FaultCode::InvalidArguments, text).into());
        }
        self.core.add_event(name, "").await?;
        tracing::info!("provider {provider}: event {name}");
        self.core.wake_for_event();
        Ok(())
    }
}
