//! Who gives numbers to rows that have only a key.

use cwmp_bus::BusError;
use cwmp_model::{Fault, FaultCode};
use zbus::{Connection, Message};

use crate::kept_numbers::KeptNumbers;
use crate::registry::{self, Answer};
use crate::rows::Known;

/// Who gives numbers.
#[derive(Debug, Clone)]
pub(crate) enum Numbers {
    /// The agent, which remembers them for ever.
    Agent(Connection),
    /// Nobody: they are counted, for a look at a plugin without an agent, and kept where there is a folder for it.
    Counted(Option<KeptNumbers>),
}

impl Numbers {
    /// What was given before is known, before anybody asks. The agent is asked when somebody does.
    pub(crate) fn recall(&self, known: &Known) {
        if let Self::Counted(Some(kept)) = self {
            kept.recall(known);
        }
    }

    /// A number for each key, in their order; `least` is below those that are counted. They are known from then on.
    pub(crate) async fn allocate(
        &self,
        known: &Known,
        table: &str,
        keys: &[&str],
        least: u32,
    ) -> Result<Vec<u32>, Fault> {
        let bus = match self {
            Self::Counted(kept) => {
                let is_new: Vec<bool> = keys.iter().map(|key| known.number(table, key).is_none()).collect();
                let numbers = known.count(table, keys, least);
                if let Some(kept) = kept {
                    let given = keys.iter().copied().zip(numbers.iter().copied()).zip(is_new);
                    let given: Vec<_> = given.filter_map(|(given, is_new)| is_new.then_some(given)).collect();
                    kept.keep(table, &given);
                }
                return Ok(numbers);
            }
            Self::Agent(bus) => bus,
        };
        let reply = taken(registry::call(bus, "Allocate", (table, keys)).await)?;
        let numbers: Vec<u32> = reply.body().deserialize().map_err(|e| wrong(&e.to_string()))?;
        if numbers.len() != keys.len() || numbers.contains(&0) {
            return Err(wrong("the agent gave wrong row numbers"));
        }
        for (key, number) in keys.iter().zip(&numbers) {
            known.learn(table, key, *number);
        }
        Ok(numbers)
    }

    /// The key of a number, if it has one.
    pub(crate) async fn key(&self, known: &Known, table: &str, number: u32) -> Result<Option<String>, Fault> {
        let Self::Agent(bus) = self else { return Ok(None) };
        let reply = taken(registry::call(bus, "Keys", (table, vec![number])).await)?;
        let keys: Vec<String> = reply.body().deserialize().map_err(|e| wrong(&e.to_string()))?;
        let [key] = keys.as_slice() else { return Err(wrong("the agent gave wrong row keys")) };
        if key.is_empty() {
            return Ok(None);
        }
        known.learn(table, key, number);
        Ok(Some(key.clone()))
    }
}

fn wrong(why: &str) -> Fault {
    Fault::new(FaultCode::InternalError, why.to_owned())
}

/// What the agent says, or why it gives nothing.
fn taken(answer: Answer) -> Result<Message, Fault> {
    match answer {
        Some(Ok(reply)) => Ok(reply),
        Some(Err(error)) => match BusError::from_reply(&error) {
            BusError::Fault(fault) => Err(fault),
            BusError::Busy => Err(wrong("the agent is busy")),
        },
        None => Err(wrong("the agent gives no row numbers")),
    }
}
