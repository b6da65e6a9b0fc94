//! Writing: changes are checked against the description before the plugin sees them.

use std::sync::Arc;

use cwmp_bus::BusError;
use cwmp_model::facets::Giver;
use cwmp_model::{path, Fault, FaultCode, NodeKind, ValueType};
use cwmp_plugin_abi::status;

use crate::engine::{fault_of, Engine};
use crate::request::{Context, Entry, Expect};
use crate::worker::{Change, Job, Step};

/// The most changes of one transaction.
pub(crate) const MAX_CHANGES: usize = 16_384;

const SET: u32 = 1;
const ADD: u32 = 2;
const DELETE: u32 = 3;

/// The index of a change and what is wrong with it.
pub(crate) type ChangeFault = (usize, Fault);

impl Engine {
    /// Prepares changes. If there are faults, nothing is prepared.
    pub(crate) async fn prepare(
        self: &Arc<Self>,
        txn: u64,
        mut changes: Vec<Change>,
        context: Context,
    ) -> Result<Vec<ChangeFault>, BusError> {
        if changes.len() > MAX_CHANGES {
            return Err(
                Fault::new(FaultCode::ResourcesExceeded, format!("more than {MAX_CHANGES} changes")).into()
            );
        }
        let added: Vec<String> = changes.iter().filter(|c| c.op == ADD).map(|c| c.path.clone()).collect();
        let mut faults = Vec::new();
        for (index, change) in changes.iter_mut().enumerate() {
            if let Err(fault) = self.check(change, &added) {
                faults.push((index, fault));
            }
        }
        if !faults.is_empty() || changes.is_empty() {
            return Ok(faults);
        }
        if self.library.plugin.prepare.is_none() {
            return Err(Fault::new(FaultCode::RequestDenied, "the plugin takes no changes").into());
        }
        let count = changes.len();
        let names: Vec<String> = changes.iter().map(|c| c.path.clone()).collect();
        let outcome =
            self.ask(Expect::Faults(count), context, 0, |req| Job::Prepare(req, txn, changes)).await?;
        self.report_lies(&outcome, |index| names.get(index).map(String::as_str));
        for (index, entry) in outcome.entries.iter().enumerate() {
            if let Entry::Fault(status, text) = entry {
                faults.push((index, fault_of(*status, text)));
            }
        }
        match outcome.status {
            status::OK if faults.is_empty() => Ok(faults),
            status::OK => {
                self.services.lie(&format!("prepare() answered OK, with {} faults", faults.len()));
                self.step(Step::Rollback, txn, context).await?;
                Ok(faults)
            }
            _ if !faults.is_empty() => Ok(faults),
            status::E_BUSY => Err(BusError::Busy),
            status => Err(fault_of(status, &outcome.text).into()),
        }
    }

    /// Checks one change and brings its value into canonical form.
    fn check(&self, change: &mut Change, added: &[String]) -> Result<(), Fault> {
        path::check(&change.path)?;
        let schema = &self.description.schema;
        let unknown =
            || Fault::new(FaultCode::InvalidParameterName, format!("{}: no such name", change.path));
        match change.op {
            SET => {
                let id = schema.find(&change.path).ok_or_else(unknown)?;
                let kind = schema.node(id).value_type().ok_or_else(unknown)?;
                if u32::from(kind.number()) != change.kind {
                    let said = u8::try_from(change.kind).ok().and_then(ValueType::from_number);
                    let said = said.map_or("an unknown type", ValueType::name);
                    return Err(Fault::new(
                        FaultCode::InvalidParameterType,
                        format!("{} is {kind}, not {said}", change.path),
                    ));
                }
                // A row starts with its defaults, also those of parameters that nobody can set.
                change.value = if added.iter().any(|row| path::is_under(&change.path, row)) {
                    let wrong = |error: cwmp_model::ValueError| {
                        Fault::new(FaultCode::InvalidParameterValue, format!("{}: {error}", change.path))
                    };
                    let value = kind.canonical(&change.value).map_err(wrong)?;
                    if let Some(facets) = schema.node(id).facets() {
                        facets.check(kind, &value, Giver::Device).map_err(wrong)?;
                    }
                    value.into_owned()
                } else {
                    schema.check_write(id, &change.value)?
                };
                Ok(())
            }
            ADD | DELETE => {
                let (table, _) = path::split_row(&change.path).ok_or_else(unknown)?;
                let id = schema.find(table).ok_or_else(unknown)?;
                if schema.node(id).kind != NodeKind::Table {
                    return Err(unknown());
                }
                if change.op == ADD && !schema.node(id).is_writable() {
                    let text = format!("{table} takes no rows");
                    return Err(Fault::new(FaultCode::InvalidParameterName, text));
                }
                change.value.clear();
                Ok(())
            }
            op => Err(Fault::new(FaultCode::InvalidArguments, format!("there is no operation {op}"))),
        }
    }
}
