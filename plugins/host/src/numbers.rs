//! Who gives numbers to rows that have only a key.

use cwmp_bus::{names, BusError};
use cwmp_model::{Fault, FaultCode};
use zbus::Connection;

use crate::request::Reported;

/// Who gives numbers.
#[derive(Debug, Clone)]
pub(crate) enum Numbers {
    /// The agent, which remembers them for ever.
    Agent(Connection),
    /// Nobody: they are counted, for a look at a plugin without an agent.
    Counted,
}

impl Numbers {
    /// A number for each key, in their order.
    pub(crate) async fn allocate(
        &self,
        table: &str,
        keys: &[&str],
        reported: &[&Reported],
    ) -> Result<Vec<u32>, Fault> {
        match self {
            Self::Counted => {
                let last = reported.iter().map(|r| r.number).max().unwrap_or(0);
                Ok((last.saturating_add(1)..).take(keys.len()).collect())
            }
            Self::Agent(bus) => {
                let body = (table, keys);
                let call = bus.call_method(
                    Some(names::SERVICE),
                    names::PATH,
                    Some(names::REGISTRY),
                    "Allocate",
                    &body,
                );
                let reply = match tokio::time::timeout(crate::agent::CALL_TIMEOUT, call).await {
                    Ok(Ok(reply)) => reply,
                    Ok(Err(error)) => {
                        let BusError::Fault(fault) = BusError::from_reply(&error) else {
                            return Err(Fault::new(FaultCode::InternalError, "the agent is busy"));
                        };
                        return Err(fault);
                    }
                    Err(_) => {
                        return Err(Fault::new(FaultCode::InternalError, "the agent gives no row numbers"))
                    }
                };
                let numbers: Vec<u32> = reply
                    .body()
                    .deserialize()
                    .map_err(|e| Fault::new(FaultCode::InternalError, e.to_string()))?;
                if numbers.len() == keys.len() && !numbers.contains(&0) {
                    Ok(numbers)
                } else {
                    Err(Fault::new(FaultCode::InternalError, "the agent gave wrong row numbers"))
                }
            }
        }
    }
}
