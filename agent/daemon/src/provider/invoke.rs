//! Commands of a provider.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use cwmp_bus::command::{MAX_OUTPUTS, MAX_OUTPUT_SIZE};
use cwmp_bus::{names, BusError};
use cwmp_model::{Fault, FaultCode};
use zbus::zvariant::{OwnedValue, Value};

use super::{words, Line, Origin};

impl Line {
    /// `Invoke`: whether it was cancelled, and what it gives. It takes as long as it takes; `deadline` is the provider's.
    pub(crate) async fn invoke(
        &self,
        job: u64,
        command: &str,
        arguments: &HashMap<String, OwnedValue>,
        deadline: Duration,
        origin: Origin,
    ) -> Result<(bool, BTreeMap<String, String>), BusError> {
        let mut options = origin.options();
        options.insert("job", Value::from(job));
        let deadline = u32::try_from(deadline.as_millis()).unwrap_or(u32::MAX);
        options.insert("deadline_ms", Value::from(deadline));
        let body = (command, arguments, options);
        let call = self.bus.call_method(
            Some(&self.owner),
            names::PROVIDER_PATH,
            Some(names::PROVIDER),
            "Invoke",
            &body,
        );
        let name = self.provider.name();
        let reply = call.await.map_err(|error| {
            if is_gone(&error) {
                return Fault::new(FaultCode::InternalError, format!("provider {name} went away")).into();
            }
            match BusError::from_reply(&error) {
                BusError::Fault(fault) => Fault::new(fault.code, words(&fault.text).to_owned()).into(),
                BusError::Busy => BusError::Busy,
            }
        })?;
        let body = reply.body();
        let (cancelled, outputs): (bool, BTreeMap<String, String>) =
            body.deserialize().map_err(|e| self.garbage("Invoke", &e))?;
        let size: usize = outputs.iter().map(|(key, value)| key.len() + value.len()).sum();
        if outputs.len() > MAX_OUTPUTS || size > MAX_OUTPUT_SIZE {
            return Err(self.garbage("Invoke", &"too many outputs, or too large ones"));
        }
        Ok((cancelled, outputs))
    }

    /// `Cancel`.
    pub(crate) async fn cancel(&self, job: u64) -> Result<(), BusError> {
        self.call("Cancel", &(job,), self.provider.manifest.deadlines.get()).await.map(|_| ())
    }
}

/// Whether the bus says that nobody will answer.
fn is_gone(error: &zbus::Error) -> bool {
    let zbus::Error::MethodError(name, ..) = error else { return false };
    let gone = ["NoReply", "ServiceUnknown", "NameHasNoOwner", "Disconnected"];
    name.as_str().strip_prefix("org.freedesktop.DBus.Error.").is_some_and(|short| gone.contains(&short))
}
