//! Parameters from D-Bus services that exist already, by mapping files: no code for them.
//!
//! ```text
//!   get  -> names -> rows and objects -> what is needed, each thing once, all at the same time -> texts
//!   set  -> prepare: values and what was there -> commit: Properties.Set or a method -> rollback: what was there
//!   bus  -> PropertiesChanged, InterfacesAdded, InterfacesRemoved, NameOwnerChanged -> changed()
//! ```
//!
//! One request reads each interface of an object, and each object manager, at most once ([`snapshot`]). A service that does
//! not answer costs its own parameters a second, then nothing for a while ([`bus`]).
#![forbid(unsafe_code)]

mod bus;
mod changes;
mod evaluate;
mod failure;
mod served;
mod snapshot;
mod spelling;
mod transaction;
mod value;

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cwmp_mapping::posix_tz::Zones;
use cwmp_mapping::{Node, Raw};
use cwmp_model::path;
use cwmp_model::standard::Library;
use cwmp_model::NodeFlags;
use cwmp_plugin_sdk::{
    declare, Answer, Change, ChangeFault, Config, Effect, Error, Host, Kind, Level, Lookup, Name, Notice,
    OwnedNode, Plugin, Request, Row, Txn,
};

use bus::{Bus, Thread};
use changes::{Listener, Seen};
use evaluate::{Evaluation, Here};
use failure::Failure;
use served::Served;
use spelling::Spellings;
use transaction::{Tools, Transactions};

/// Where mapping files lie that are named without a folder.
const MAPPINGS: &str = "/usr/share/cwmpd/mappings";
/// Where the tables of the standard lie.
const MODELS: &str = "/usr/share/cwmpd/models";
/// How long all that a read needs may take, whatever the host would wait.
const READ_LIMIT: Duration = Duration::from_millis(1_600);
/// What is kept of the host's time for the answer itself.
const RESERVE: Duration = Duration::from_millis(300);

/// The plugin.
#[derive(Debug)]
pub struct Mappings {
    host: Host,
    served: Arc<Served>,
    seen: Arc<Seen>,
    zones: Zones,
    address: Option<String>,
    spellings: Spellings,
    transactions: Transactions,
    running: Option<Running>,
}

/// What there is between start and stop.
#[derive(Debug)]
struct Running {
    bus: Arc<Bus>,
    lookup: Lookup,
    _thread: Thread,
}

declare! {
    Mappings, name: "mapping", base: "Device.",
}

impl Plugin for Mappings {
    fn create(host: Host, config: &Config) -> Result<Self, Error> {
        config.only(&["files", "folder", "models", "zones", "bus"])?;
        let folder = PathBuf::from(config.text("folder")?.unwrap_or(MAPPINGS));
        let models = Path::new(config.text("models")?.unwrap_or(MODELS));
        let files = config.texts("files")?.unwrap_or_default();
        if files.is_empty() {
            return Err(Error::arguments("the configuration names no 'files', such as [\"time.toml\"]"));
        }
        let library = Library::open(models).map_err(|error| Error::arguments(error.to_string()))?;
        let mut served = Served::default();
        let mut wrong = 0;
        for file in &files {
            // A file that is wrong costs its own parameters and no others.
            if let Err(error) = served.add(&folder.join(file), &library) {
                wrong += 1;
                for line in error.to_string().lines() {
                    host.log(Level::Error, line);
                }
            }
        }
        if wrong == files.len() {
            return Err(Error::arguments("no mapping file can be served"));
        }
        Ok(Self {
            spellings: Spellings::load(&host)?,
            served: Arc::new(served),
            seen: Arc::default(),
            zones: Zones::new(config.text("zones")?.unwrap_or(Zones::FOLDER)),
            address: config.text("bus")?.map(str::to_owned),
            transactions: Transactions::default(),
            running: None,
            host,
        })
    }

    fn nodes(&self) -> Vec<OwnedNode> {
        self.served.nodes.iter().map(owned).collect()
    }

    fn start(&mut self) -> Result<(), Error> {
        let listener = Listener {
            host: self.host.clone(),
            served: Arc::clone(&self.served),
            seen: Arc::clone(&self.seen),
        };
        let (bus, thread) = Bus::start(self.address.as_deref(), |bus, ready| listener.run(bus, ready))?;
        self.running = Some(Running { bus, lookup: self.host.lookup()?, _thread: thread });
        Ok(())
    }

    fn stop(&mut self) {
        self.running = None;
    }

    fn get(&mut self, names: &[Name<'_>], answer: &mut Answer<'_>) {
        let end = end(answer.request());
        let Some(running) = &self.running else { return };
        let evaluation = Evaluation::new(&self.served, &running.bus, &self.zones, &running.lookup);
        let read = |e: &Evaluation<'_>, index: usize| self.read(e, names[index].full());
        let values = running.bus.wait(evaluation.all(names.len(), end, read));
        for (index, value) in values.into_iter().enumerate() {
            match value {
                Ok((kind, text)) => answer.text(index, kind, &text),
                Err(failure) => answer.fault(index, &failure.error()),
            }
        }
    }

    fn rows(&mut self, table: Name<'_>) -> Result<Vec<Row>, Error> {
        let running = self.running.as_ref().ok_or_else(|| Error::internal("not started"))?;
        let inside = table.full();
        let no_table = || Error::name(format!("there is no table {inside}"));
        let index =
            self.served.table(&format!("{}{{i}}.", path::schema_path(inside))).ok_or_else(no_table)?;
        let evaluation = Evaluation::new(&self.served, &running.bus, &self.zones, &running.lookup);
        let list = |e: &Evaluation<'_>, _: usize| match e.outer(index, inside)? {
            Ok(outer) => e.rows(index, outer.as_deref()),
            Err(failure) => Ok(Err(failure)),
        };
        let end = Instant::now() + READ_LIMIT;
        let rows = running.bus.wait(evaluation.all(1, end, list)).pop();
        let rows = rows.unwrap_or_else(|| Ok(Rc::default())).map_err(|failure| failure.error())?;
        Ok(rows.rows.iter().map(|row| Row::keyed(row.key.as_str())).collect())
    }

    fn prepare(&mut self, txn: &Txn<'_>, changes: &[Change<'_>]) -> Result<(), Vec<ChangeFault>> {
        let Some(running) = &self.running else { return Err(Vec::new()) };
        let evaluation = Evaluation::new(&self.served, &running.bus, &self.zones, &running.lookup);
        let tools = Tools {
            host: &self.host,
            bus: &running.bus,
            served: &self.served,
            spellings: &mut self.spellings,
        };
        self.transactions.prepare(txn.id, changes, &evaluation, &tools, end(txn.request))
    }

    fn commit(&mut self, txn: &Txn<'_>) -> Result<Effect, Error> {
        let running = self.running.as_ref().ok_or_else(|| Error::internal("not started"))?;
        let mut tools = Tools {
            host: &self.host,
            bus: &running.bus,
            served: &self.served,
            spellings: &mut self.spellings,
        };
        self.transactions.commit(txn.id, &mut tools)
    }

    fn rollback(&mut self, txn: &Txn<'_>) -> Result<(), Error> {
        let running = self.running.as_ref().ok_or_else(|| Error::internal("not started"))?;
        let evaluation = Evaluation::new(&self.served, &running.bus, &self.zones, &running.lookup);
        let mut tools = Tools {
            host: &self.host,
            bus: &running.bus,
            served: &self.served,
            spellings: &mut self.spellings,
        };
        self.transactions.rollback(txn.id, &evaluation, &mut tools)
    }

    fn finish(&mut self, txn: &Txn<'_>) -> Result<(), Error> {
        self.transactions.finish(txn.id, &self.host)
    }

    fn notice(&mut self, notice: Notice) -> Result<(), Error> {
        // What the services keep is theirs; only how it was spelled was ours.
        if notice == Notice::FactoryReset {
            self.spellings.forget();
        }
        Ok(())
    }
}

impl Mappings {
    fn read(&self, evaluation: &Evaluation<'_>, name: &str) -> snapshot::Now<(Kind, String)> {
        let no_such = || Failure::NoRow(name.to_owned());
        let Some(parameter) = self.served.parameter(&path::schema_path(name)) else {
            return Ok(Err(no_such()));
        };
        let here = match evaluation.here(parameter, name)? {
            Ok(here) => here,
            Err(failure) => return Ok(Err(failure)),
        };
        self.note(parameter, name, &here);
        let Some(kind) = Kind::from_number(self.served.targets[parameter].kind.number().into()) else {
            return Ok(Err(no_such()));
        };
        if let Some((was, text)) = self.spellings.of(&self.served, parameter, name) {
            if let Ok(Raw::Text(now)) = evaluation.raw(parameter, &here)? {
                if now == was {
                    return Ok(Ok((kind, text.to_owned())));
                }
            }
        }
        Ok(evaluation.text(parameter, &here)?.map(|text| (kind, text)))
    }

    /// Remembers which object a row is, for signals.
    fn note(&self, parameter: usize, name: &str, here: &Here) {
        let (Some(row), Some(table)) = (&here.row, self.served.parameters[parameter].table) else { return };
        let parts = self.served.tables[table].path.matches('.').count();
        let end = name.match_indices('.').nth(parts - 1).map_or(name.len(), |(i, _)| i + 1);
        self.seen.note(self.served.tables[table].service, &row.path, table, &name[..end]);
    }
}

/// When a request must have its answer.
fn end(request: Request<'_>) -> Instant {
    let left = request.time_left().map_or(READ_LIMIT, |left| left.saturating_sub(RESERVE));
    Instant::now() + left.min(READ_LIMIT)
}

fn owned(node: &Node) -> OwnedNode {
    let kind = node.kind.and_then(|kind| Kind::from_number(kind.number().into()));
    let new = match kind {
        Some(kind) => OwnedNode::param(node.path.as_str(), kind),
        None if node.flags.has(NodeFlags::TABLE) => OwnedNode::table(node.path.as_str()),
        None => OwnedNode::object(node.path.as_str()),
    };
    new.flags(node.flags.0).facets(node.facets.as_str())
}

#[cfg(test)]
mod tests;
