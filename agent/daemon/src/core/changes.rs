//! What changed on the box, and what the ACS knows of it (TR-069 3.2.1).

use std::collections::{BTreeSet, HashMap};

use cwmp_model::schema::{NodeId, Owner};
use cwmp_model::{path, NodeFlags, NodeKind, Value, ValueType};
use cwmp_session::notification::{self, Verdict, Watched};
use cwmp_session::{event, EventRecord};
use cwmp_store::Op;

use super::own::TOLD_SOFTWARE_VERSION;
use super::read::COUNT_SUFFIX;
use super::tree::{Tree, AGENT};
use super::{events, lock, Core};
use crate::local::SOFTWARE_VERSION;
use crate::provider::Origin;

/// The newest values of parameters whose change waits to be told.
pub(super) type Latest = HashMap<String, Value>;

/// The most names of one signal on the bus; the rest goes into the next.
const SIGNAL_NAMES: usize = 1000;

impl Core {
    /// Values may have changed: they are read and compared with what the ACS knows.
    ///
    /// Equal to the last value that the ACS wrote or was told is no change; anything else waits to be told, even if the
    /// value comes back (C78, C112). A change from A to B and back between two reads is not seen.
    pub(crate) async fn values_changed(&self, names: Vec<String>) {
        self.look_at(&names).await;
        for part in names.chunks(SIGNAL_NAMES) {
            self.signal("Changed", part).await;
        }
    }

    /// Reads those of these values that are watched and compares them with what the ACS knows.
    pub(super) async fn look_at(&self, names: &[String]) {
        let tree = self.tree();
        let mut watched = Vec::new();
        for name in names {
            let on = self.notification(&tree, name) != notification::OFF || name == SOFTWARE_VERSION;
            if on && tree.schema.find(name).is_some() {
                watched.push(name.as_str());
            }
        }
        if !watched.is_empty() {
            let reading = self.read(&watched, Origin::Agent).await;
            for (name, fault) in &reading.faults {
                // Absence is never a value change.
                tracing::debug!("{name} is watched and cannot be read, ignoring: {fault}");
            }
            let mut values = Vec::with_capacity(reading.len());
            reading.for_each(|name, kind, text| values.push((name.to_owned(), Value::new(kind, text))));
            self.compare(values).await;
        }
    }

    async fn compare(&self, values: Vec<(String, Value)>) {
        let tree = self.tree();
        let mut active = false;
        let mut ops = Vec::new();
        {
            let state = self.persist.read();
            let mut latest = lock(&self.changes);
            for (name, value) in values {
                if name == SOFTWARE_VERSION
                    && !ours(&tree)
                    && state.meta.get(TOLD_SOFTWARE_VERSION) != Some(&value.text)
                {
                    ops.push(Op::PutMeta { key: TOLD_SOFTWARE_VERSION.into(), value: value.text.clone() });
                }
                let level = {
                    let stored = state.attributes.get(&name);
                    super::attributes::level(&tree, &name, stored)
                };
                let mut known = Watched {
                    notification: level,
                    reported: state.reported.get(&name).map(|r| r.value.clone()),
                    pending: state.pending.contains(&name),
                };
                match known.read(&value.text) {
                    Verdict::Nothing => {}
                    Verdict::Remember => {
                        ops.push(reported(name.clone(), value.kind, value.text.clone()));
                    }
                    verdict => {
                        active |= verdict == Verdict::Active;
                        ops.push(Op::PutPending { path: name.clone() });
                    }
                }
                if known.pending {
                    // A change from before this start opens its session now that its value is known.
                    let first = latest.insert(name, value).is_none();
                    active |= first && level == notification::ACTIVE;
                }
            }
        }
        if active {
            self.change_events(|queue| queue.add(event::VALUE_CHANGE, "").unwrap_or_default(), ops).await;
            self.wake.notify_one();
        } else {
            self.persist.commit(ops).await;
        }
    }

    /// Everything that is watched at a provider, or at the agent: compared after a start and after an absence (C133).
    pub(crate) fn watched_names(&self, provider: Option<&str>) -> Vec<String> {
        let tree = self.tree();
        let belongs = |name: &str| {
            tree.schema.find(name).is_some_and(|id| match (decided_by(&tree, name, id), provider) {
                (AGENT, None) => true,
                (AGENT, Some(_)) | (_, None) => false,
                (owner, Some(provider)) => tree.owner_name(owner) == provider,
            })
        };
        let state = self.persist.read();
        let mut names: BTreeSet<String> = state
            .attributes
            .iter()
            .filter(|(_, a)| a.notification.is_some_and(|n| n > 0))
            .map(|(name, _)| name.clone())
            .collect();
        // Those that the model makes active, but for parameters of rows, whose names are not known here.
        if let Some(root) = tree.schema.find("") {
            for id in tree.schema.below(root) {
                let node = tree.schema.node(id);
                let on = notification::default_of(node.flags) != notification::OFF;
                if on && matches!(node.kind, NodeKind::Parameter(_)) {
                    names.insert(tree.schema.path_of(id));
                }
            }
        }
        names.into_iter().filter(|name| !name.contains("{i}") && belongs(name)).collect()
    }

    /// The changes that the next Inform tells. One whose value is not known yet waits for another Inform.
    pub(crate) fn changes_for_inform(&self) -> Vec<(String, Value)> {
        let state = self.persist.read();
        let latest = lock(&self.changes);
        state.pending.iter().filter_map(|name| Some((name.clone(), latest.get(name)?.clone()))).collect()
    }

    /// The names of changes that were not told yet.
    pub(crate) fn pending_changes(&self) -> Vec<String> {
        self.persist.read().pending.iter().cloned().collect()
    }

    /// The InformResponse came: its events are delivered and its values are known to the ACS. One commit.
    pub(crate) async fn delivered(&self, told: &[EventRecord], values: &[(String, Value)]) {
        let tree = self.tree();
        let mut ops: Vec<Op> = lock(&self.events).informed(told).into_iter().map(events::op).collect();
        let mut again = Vec::new();
        let missed;
        {
            let state = self.persist.read();
            let mut latest = lock(&self.changes);
            for (name, value) in values {
                if state.pending.contains(name) {
                    ops.push(Op::RemovePending { path: name.clone() });
                    match latest.remove(name) {
                        // It changed again while the Inform was under way.
                        Some(newer) if newer.text != value.text => again.push((name.clone(), newer)),
                        _ => {}
                    }
                }
                let stored = state.attributes.get(name);
                let on = super::attributes::level(&tree, name, stored) != notification::OFF;
                let known = state.reported.get(name).is_some_and(|r| r.value == value.text);
                if on && !known {
                    ops.push(reported(name.clone(), value.kind, value.text.clone()));
                }
            }
            // One that came while the Inform was under way found its event in the queue, and that is delivered now.
            missed = state.pending.iter().any(|name| {
                let is_told = values.iter().any(|(told, _)| told == name);
                let level = super::attributes::level(&tree, name, state.attributes.get(name));
                !is_told && latest.contains_key(name) && level == notification::ACTIVE
            });
        }
        self.persist.commit(ops).await;
        if missed {
            self.change_events(|queue| queue.add(event::VALUE_CHANGE, "").unwrap_or_default(), Vec::new())
                .await;
            self.wake.notify_one();
        }
        // What is in every Inform may be newer by now without having been a change: the ACS was told an older value.
        let newer = self.inform_parameters().into_iter().filter(|(name, value)| {
            let told = values.iter().find(|(told, _)| told == name);
            told.is_some_and(|(_, told)| told.text != value.text) && !again.iter().any(|(a, _)| a == name)
        });
        let newer: Vec<_> = newer.collect();
        again.extend(newer);
        if !again.is_empty() {
            self.compare(again).await;
        }
    }

    /// A bootstrap discards the changes that the former ACS would have been told (C86).
    ///
    /// They are not found again by the next comparison: it starts from the values that they led to.
    pub(crate) fn forget_changes(&self) -> Vec<Op> {
        let state = self.persist.read();
        let mut latest = std::mem::take(&mut *lock(&self.changes));
        let mut ops = Vec::with_capacity(2 * state.pending.len());
        for path in &state.pending {
            ops.push(Op::RemovePending { path: path.clone() });
            ops.push(match latest.remove(path) {
                Some(value) => reported(path.clone(), value.kind, value.text),
                // Its provider is away: the value is seen for the first time when it comes.
                None => Op::RemoveReported { path: path.clone() },
            });
        }
        ops
    }

    /// Rows came or went: counts that are watched are compared (C134).
    pub(crate) async fn rows_changed(&self, tables: Vec<String>) {
        let counts: Vec<String> = tables
            .iter()
            .filter_map(|table| Some(format!("{}{COUNT_SUFFIX}", table.strip_suffix('.')?)))
            .collect();
        self.values_changed(counts).await;
        self.signal("InstancesChanged", &tables).await;
    }

    /// Tells everyone on the bus; names only.
    async fn signal(&self, member: &str, names: &[String]) {
        if names.is_empty() {
            return;
        }
        let Some(bus) = self.bus.get() else { return };
        let to = None::<zbus::names::BusName<'_>>;
        let path = cwmp_bus::names::PATH;
        if let Err(error) = bus.emit_signal(to, path, cwmp_bus::names::DATA_MODEL, member, &(names,)).await {
            tracing::debug!("a signal could not be sent, ignoring: {error}");
        }
    }
}

/// Who must be there before a parameter can be read: its owner or, for a count or an alias, whoever has the rows.
fn decided_by(tree: &Tree, name: &str, id: NodeId) -> Owner {
    let owner = tree.owner_of(id);
    let node = tree.schema.node(id);
    let table = if owner != AGENT {
        None
    } else if node.flags.has(NodeFlags::COMPUTED) {
        name.strip_suffix(COUNT_SUFFIX).map(|stem| format!("{stem}."))
    } else {
        path::split_row(path::parent(name)).map(|(table, _)| table.to_owned())
    };
    let table = table.and_then(|table| tree.schema.find(&table));
    table.and_then(|table| tree.table_owner(table)).unwrap_or(owner)
}

/// Whether no provider serves the software version.
pub(super) fn ours(tree: &Tree) -> bool {
    tree.schema.find(SOFTWARE_VERSION).is_none_or(|id| tree.owner_of(id) == AGENT)
}

/// The write that keeps what the ACS knows of a parameter.
pub(super) fn reported(path: String, kind: ValueType, value: String) -> Op {
    Op::PutReported { path, kind: kind.number(), value }
}
