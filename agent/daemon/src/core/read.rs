//! Reading over all providers: one call to each, whatever the number of values.

use std::collections::{BTreeMap, HashMap, HashSet};

use cwmp_model::schema::{NodeId, Owner};
use cwmp_model::{path, Fault, FaultCode, NodeFlags, NodeKind, ValueType};
use futures_util::future::join_all;

use super::names::outermost_table;
use super::rows::{has_row, owners_of_rows, Rows};
use super::tree::{Tree, AGENT, ALIAS};
use super::Core;
use crate::local;
use crate::provider::block::Block;
use crate::provider::{words, Origin};

/// The largest answer to one request, in bytes of names and values; beyond is fault 9004 (C118).
pub(crate) const MAX_ANSWER: usize = 48 * 1024 * 1024;

/// What was read.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    own: Vec<(String, ValueType, String)>,
    blocks: Vec<Checked>,
    /// Paths of the request that could not be read.
    pub(crate) faults: Vec<(String, Fault)>,
}

/// The values of a provider that may be passed on.
#[derive(Debug)]
struct Checked {
    block: Block,
    /// Index in the block, type, and whether the value is a secret.
    picks: Vec<(u32, ValueType, bool)>,
}

impl Reading {
    /// How many values there are.
    pub(crate) fn len(&self) -> usize {
        self.own.len() + self.blocks.iter().map(|b| b.picks.len()).sum::<usize>()
    }

    /// About how many bytes of names and values.
    pub(crate) fn size(&self) -> usize {
        let own: usize = self.own.iter().map(|(n, _, t)| n.len() + t.len()).sum();
        own + self.blocks.iter().map(|b| b.block.size()).sum::<usize>()
    }

    /// Calls `each` with name, type and text of every value.
    pub(crate) fn for_each(&self, mut each: impl FnMut(&str, ValueType, &str)) {
        for (name, kind, text) in &self.own {
            each(name, *kind, text);
        }
        for checked in &self.blocks {
            for (index, kind, secret) in &checked.picks {
                let (name, _, text) = checked.block.value(*index as usize);
                each(name, *kind, if *secret { "" } else { text });
            }
        }
    }

    /// The values as pairs of name and text.
    pub(crate) fn pairs(&self) -> Vec<(String, String)> {
        let mut all = Vec::with_capacity(self.len());
        self.for_each(|name, _, text| all.push((name.to_owned(), text.to_owned())));
        all
    }
}

/// What one request needs from whom.
#[derive(Debug, Default)]
struct Plan<'a> {
    /// Names and partial paths by provider, in the order of the request.
    asked: BTreeMap<Owner, Vec<&'a str>>,
    /// Parameters and objects of the agent.
    own: Vec<(&'a str, NodeId)>,
    /// Partial paths that lead through rows, which must exist.
    through_rows: Vec<&'a str>,
    /// Whose rows must be known.
    rows: Vec<Owner>,
    /// The one object below which rows are wanted, if it is one.
    below: Option<&'a str>,
}

impl<'a> Plan<'a> {
    fn want_rows(&mut self, tree: &Tree, name: &'a str, below: bool) {
        let table = outermost_table(name);
        self.below = if self.rows.is_empty() && self.below.is_none() { Some(table) } else { Some("") };
        self.rows.extend(owners_of_rows(tree, name, below));
    }
}

impl Core {
    /// Reads names and partial paths; the empty path is everything (C116).
    pub(crate) async fn read(&self, paths: &[&str], origin: Origin) -> Reading {
        let tree = self.tree();
        let mut reading = Reading::default();
        let mut plan = Plan::default();
        let acs = matches!(origin, Origin::Acs(_));
        let mut walker = Walker::new(&tree, None);
        // An object that is asked for twice is answered once (C119): each costs a walk through everything below it.
        let mut objects = HashSet::new();
        for name in paths.iter().filter(|name| !path::is_partial(name) || objects.insert(**name)) {
            if let Err(fault) = plan_one(&mut plan, &mut walker, name, acs) {
                reading.faults.push(((*name).to_owned(), fault));
            }
        }
        plan.rows.sort_unstable();
        plan.rows.dedup();
        let rows = self.rows(&tree, &plan.rows, plan.below.unwrap_or_default(), origin).await;
        // A row that is not there is no subtree to be empty (C117, and what ACSs of the field prune by).
        let mut missing = HashSet::new();
        for name in &plan.through_rows {
            if !rows.exist(name) {
                reading.faults.push(((*name).to_owned(), rows.missing(&tree, name)));
                missing.insert(*name);
            }
        }
        if !missing.is_empty() {
            for asked in plan.asked.values_mut() {
                asked.retain(|name| !missing.contains(name));
            }
            plan.own.retain(|(name, _)| !missing.contains(name));
        }
        for (name, id) in &plan.own {
            self.read_own(&tree, &rows, name, *id, &mut reading);
        }
        plan.asked.retain(|_, asked| !asked.is_empty());
        let calls = plan.asked.iter().map(|(owner, asked)| self.ask(&tree, *owner, asked, origin));
        let answers = join_all(calls).await;
        for ((owner, asked), answer) in plan.asked.iter().zip(answers) {
            match answer {
                Ok(block) => {
                    let rows = acs.then_some(&rows);
                    let provider = self.provider(tree.owner_name(*owner));
                    let is_own = |path: &str| provider.as_ref().is_none_or(|p| p.covers(path));
                    take(&tree, *owner, asked, block, rows, is_own, &mut reading);
                }
                Err(fault) => self.gap(&tree, *owner, asked, &fault, &mut reading),
            }
        }
        reading
    }

    async fn ask(&self, tree: &Tree, owner: Owner, asked: &[&str], origin: Origin) -> Result<Block, Fault> {
        let line = self.line(tree, owner).await?;
        line.get(asked, origin).await.map_err(super::write::fault_of)
    }

    /// A provider is away: its own paths fail, a wider one goes without it.
    fn gap(&self, tree: &Tree, owner: Owner, asked: &[&str], fault: &Fault, reading: &mut Reading) {
        let name = tree.owner_name(owner);
        let provider = self.provider(name);
        for path in asked {
            if provider.as_ref().is_none_or(|p| p.covers(path)) {
                reading.faults.push(((*path).to_owned(), fault.clone()));
            } else {
                leave_out(name, path, &fault.text);
            }
        }
    }

    /// Reads a parameter of the agent, or everything of the agent below an object.
    fn read_own(&self, tree: &Tree, rows: &Rows, name: &str, id: NodeId, reading: &mut Reading) {
        if let Some(kind) = tree.schema.node(id).value_type() {
            let parent = path::parent(name);
            if has_row(name) && !rows.exist(parent) {
                reading.faults.push((name.to_owned(), rows.missing(tree, name)));
                return;
            }
            match self.own_text(tree, rows, name, id) {
                Ok(text) => reading.own.push((name.to_owned(), kind, text)),
                Err(fault) => reading.faults.push((name.to_owned(), fault)),
            }
            return;
        }
        for child in tree.schema.children_of(id) {
            let node = tree.schema.node(child);
            match node.kind {
                NodeKind::Parameter(kind) if tree.owner_of(child) == AGENT => {
                    let full = format!("{name}{}", node.name());
                    // A count whose provider is away is left out with the rest of it.
                    if let Ok(text) = self.own_text(tree, rows, &full, child) {
                        reading.own.push((full, kind, text));
                    }
                }
                NodeKind::Parameter(_) => {}
                _ if !tree.served_below(child).1 => {}
                _ if node.name() == "{i}" => {
                    for row in rows.of(name) {
                        self.read_own(tree, rows, &format!("{name}{}.", row.number), child, reading);
                    }
                }
                _ => self.read_own(tree, rows, &format!("{name}{}.", node.name()), child, reading),
            }
        }
    }

    fn own_text(&self, tree: &Tree, rows: &Rows, name: &str, id: NodeId) -> Result<String, Fault> {
        let node = tree.schema.node(id);
        if node.flags.has(NodeFlags::SECRET) {
            return Ok(String::new());
        }
        if node.flags.has(NodeFlags::COMPUTED) {
            let table = format!("{}.", name.strip_suffix(COUNT_SUFFIX).unwrap_or(name));
            let owner = tree.schema.find(&table).and_then(|id| tree.table_owner(id));
            return match owner.and_then(|owner| rows.away(owner)) {
                Some(fault) => Err(fault.clone()),
                None => Ok(rows.of(&table).len().to_string()),
            };
        }
        if node.name() == ALIAS {
            if let Some((table, number)) = path::split_row(path::parent(name)) {
                let reported = rows.row(table, number).map_or("", |r| r.alias.as_str());
                return Ok(self.alias(table, number, reported));
            }
        }
        if let Some(text) = self.supported_value(name) {
            return Ok(text);
        }
        local::parameter(name).map(|p| self.own_value(p)).ok_or_else(|| no_such(name))
    }
}

/// Checks what a provider answered and keeps what is true. `is_own` tells what is the provider's as a whole.
fn take(
    tree: &Tree,
    owner: Owner,
    asked: &[&str],
    block: Block,
    rows: Option<&Rows>,
    is_own: impl Fn(&str) -> bool,
    reading: &mut Reading,
) {
    let provider = tree.owner_name(owner);
    let mut walker = Walker::new(tree, rows);
    let mut picks = Vec::with_capacity(block.len());
    let mut answered = vec![false; asked.len()];
    let mut places = Places::new(asked);
    let mut lies = 0_u32;
    for index in 0..block.len() {
        let (name, kind, text) = block.value(index);
        let Some(at) = places.of(name) else {
            lies += 1;
            report_lie(provider, name, "was not asked for", lies);
            continue;
        };
        answered[at] = true;
        let Some(id) = walker.find(name) else {
            // A row that is newer than the lists of this session waits.
            continue;
        };
        let node = tree.schema.node(id);
        if node.owner != owner {
            // Aliases and counts are the agent's.
            continue;
        }
        let checked = match kind {
            // What stands for a secret need not be what may be set.
            Some(kind) if text.is_empty() && node.flags.has(NodeFlags::SECRET) => Ok(kind),
            Some(kind) => tree.schema.check_report(id, kind, text).map(|()| kind),
            None => Err(Fault::new(FaultCode::InternalError, "has a type that does not exist")),
        };
        match checked {
            // The cast holds: an array of the bus has less than 2^26 bytes.
            #[allow(clippy::cast_possible_truncation)]
            Ok(kind) => picks.push((index as u32, kind, node.flags.has(NodeFlags::SECRET))),
            Err(fault) => {
                lies += 1;
                report_lie(provider, name, &fault.text, lies);
                if !path::is_partial(asked[at]) {
                    let text = format!("provider {provider}: {name} {}", fault.text);
                    reading.faults.push((name.to_owned(), Fault::new(FaultCode::InternalError, text)));
                }
            }
        }
    }
    if lies > REPORTED_LIES {
        tracing::error!("provider {provider}: {lies} values of one answer were wrong");
    }
    let positions: HashMap<&str, usize> = if block.faults().is_empty() {
        HashMap::default()
    } else {
        asked.iter().enumerate().map(|(i, a)| (*a, i)).collect()
    };
    let mut left_out = 0_u32;
    for (name, code, text) in block.faults() {
        let code = FaultCode::from_number(*code).unwrap_or(FaultCode::InternalError);
        if let Some(position) = positions.get(name.as_str()) {
            answered[*position] = true;
            if !is_own(name) {
                // A host whose plugin does not answer says so of each path that it was asked for.
                leave_out(provider, name, words(text));
                continue;
            }
            let text = format!("{name}: {}", words(text));
            reading.faults.push((name.clone(), Fault::new(code, text)));
        } else if code == FaultCode::InvalidParameterName {
            // What the device does not know at the moment; a whole tree may have many of them.
            tracing::debug!("provider {provider}: {} is not known now", words(name));
        } else {
            left_out += 1;
            if left_out <= REPORTED_LIES {
                let (name, text) = (words(name), words(text));
                tracing::warn!("provider {provider}: {name} is left out of an answer: {text}");
            }
        }
    }
    let open: Vec<&str> = asked
        .iter()
        .zip(&answered)
        .filter(|(path, done)| !**done && !path::is_partial(path))
        .map(|(path, _)| *path)
        .collect();
    if !open.is_empty() {
        // A name that is asked for twice, or with a path above it, was answered there (C119).
        let given: HashSet<&str> = (0..block.len()).map(|i| block.value(i).0).collect();
        for path in open.into_iter().filter(|path| !given.contains(path)) {
            let text = format!("provider {provider} gave no value for {path}");
            reading.faults.push((path.to_owned(), Fault::new(FaultCode::InternalError, text)));
        }
    }
    reading.blocks.push(Checked { block, picks });
}

/// Says that a wider answer goes without a provider.
fn leave_out(provider: &str, path: &str, why: &str) {
    let shown = if path.is_empty() { "the whole tree" } else { path };
    tracing::warn!("provider {provider} is left out of an answer for {shown}: {why}");
}

/// The end of the name of a computed count.
pub(super) const COUNT_SUFFIX: &str = "NumberOfEntries";

/// How many wrong or missing values of one answer are named in the log.
const REPORTED_LIES: u32 = 5;

fn report_lie(provider: &str, name: &str, why: &str, count: u32) {
    if count <= REPORTED_LIES {
        let (name, why) = (words(name), words(why));
        tracing::error!("provider {provider} lies: {name} {why}; the value is not passed on");
    }
}

/// Finds for each value of an answer the name or partial path of the request that asked for it.
///
/// Answers in the order of the request need no look-up. A provider that answers in another order, or what nobody asked
/// for, must not make the agent search a long request once for each value.
struct Places<'a> {
    asked: &'a [&'a str],
    at: usize,
    index: Option<HashMap<&'a str, usize>>,
}

impl<'a> Places<'a> {
    fn new(asked: &'a [&'a str]) -> Self {
        Self { asked, at: 0, index: None }
    }

    fn of(&mut self, name: &str) -> Option<usize> {
        let next = (self.at..self.asked.len()).take(2).find(|at| matches(self.asked[*at], name));
        self.at = next.or_else(|| self.look_up(name))?;
        Some(self.at)
    }

    fn look_up(&mut self, name: &str) -> Option<usize> {
        let asked = self.asked;
        let index =
            self.index.get_or_insert_with(|| asked.iter().enumerate().rev().map(|(i, a)| (*a, i)).collect());
        let mut above = name;
        loop {
            if let Some(at) = index.get(above).copied().filter(|at| matches(asked[*at], name)) {
                return Some(at);
            }
            if above.is_empty() {
                return None;
            }
            above = path::parent(above);
        }
    }
}

fn matches(asked: &str, name: &str) -> bool {
    if path::is_partial(asked) {
        name.starts_with(asked)
    } else {
        asked == name
    }
}

/// The fault for a name that does not exist (C117).
pub(super) fn no_such(name: &str) -> Fault {
    Fault::new(FaultCode::InvalidParameterName, format!("{name}: there is no such parameter or object"))
}

fn plan_one<'a>(plan: &mut Plan<'a>, walker: &mut Walker<'_>, name: &'a str, acs: bool) -> Result<(), Fault> {
    let tree = walker.tree;
    // What the tree has is well-formed, but for its length; long requests are mostly names of one row after the other.
    let found = if path::is_partial(name) || name.len() > path::MAX_PATH { None } else { walker.find(name) };
    let id = match found {
        Some(id) => id,
        None => {
            path::check(name)?;
            tree.schema.find(name).ok_or_else(|| no_such(name))?
        }
    };
    let node = tree.schema.node(id);
    if node.value_type().is_some() {
        if node.flags.has(NodeFlags::COMMAND) {
            return Err(no_such(name));
        }
        match tree.owner_of(id) {
            AGENT => {
                plan.own.push((name, id));
                if let Some(stem) =
                    name.strip_suffix(COUNT_SUFFIX).filter(|_| node.flags.has(NodeFlags::COMPUTED))
                {
                    // The table beside the count; its name has one dot where the count goes on.
                    plan.want_rows(tree, path::parent(name), false);
                    let table = format!("{stem}.");
                    plan.rows.extend(tree.schema.find(&table).and_then(|id| tree.table_owner(id)));
                } else if has_row(name) {
                    plan.want_rows(tree, path::parent(name), false);
                }
            }
            owner => plan.asked.entry(owner).or_default().push(name),
        }
        return Ok(());
    }
    let (owners, agent) = tree.served_below(id);
    for owner in owners {
        plan.asked.entry(owner).or_default().push(name);
    }
    if agent {
        plan.own.push((name, id));
    }
    let row = has_row(name);
    if row {
        plan.through_rows.push(name);
    }
    // Rows are needed to show aliases and counts, and to keep the lists of a session.
    if row || agent || acs {
        plan.want_rows(tree, name, true);
    }
    Ok(())
}

/// Finds nodes for names that come in the order of the tree: names of one row share one look-up.
struct Walker<'a> {
    tree: &'a Tree,
    /// The lists of the session, if rows outside them are not to be seen.
    rows: Option<&'a Rows>,
    object: String,
    at: Option<NodeId>,
}

impl<'a> Walker<'a> {
    fn new(tree: &'a Tree, rows: Option<&'a Rows>) -> Self {
        Self { tree, rows, object: String::new(), at: None }
    }

    fn find(&mut self, name: &str) -> Option<NodeId> {
        let object = path::parent(name);
        if object != self.object {
            self.object.clear();
            self.object.push_str(object);
            let visible = self.rows.is_none_or(|rows| !has_row(object) || is_listed(rows, object));
            self.at = self.tree.schema.find(object).filter(|_| visible);
        }
        self.tree
            .schema
            .child(self.at?, &name[object.len()..])
            .filter(|id| self.tree.schema.node(*id).value_type().is_some())
    }
}

/// Whether the rows that a name goes through are in the lists. Lists that were not fetched hide nothing.
fn is_listed(rows: &Rows, object: &str) -> bool {
    rows.is_unknown(object) || rows.exist(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_finds_what_asked_for_it_in_any_order() {
        let asked = ["Device.A.", "Device.B.C", "Device.B.D", "Device.B.C", "Device.E.1."];
        let mut places = Places::new(&asked);
        for (name, place) in [
            ("Device.A.X", Some(0)),
            ("Device.A.Y.1.Z", Some(0)),
            ("Device.B.C", Some(1)),
            ("Device.B.D", Some(2)),
            ("Device.B.C", Some(3)),
            ("Device.E.1.N", Some(4)),
            ("Device.B.D", Some(2)),
            ("Device.B", None),
            ("Device.E.2.N", None),
            ("Ger\u{e4}t.\u{1f4a1}", None),
            ("", None),
            ("Device.A.X", Some(0)),
        ] {
            assert_eq!(places.of(name), place, "{name}");
        }
        assert_eq!(Places::new(&["Device.A", ""]).of("Device.Z"), Some(1));
        assert_eq!(Places::new(&[]).of("Device.Z"), None);
    }

    /// Cost is linear in the answer, whatever the provider does: this would take minutes if each value were searched for.
    #[test]
    fn an_answer_of_lies_costs_no_more_than_its_length() {
        let names: Vec<String> = (0..50_000).map(|i| format!("Device.A.{i}.B")).collect();
        let asked: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut places = Places::new(&asked);
        for (i, name) in asked.iter().enumerate().rev() {
            assert_eq!(places.of(name), Some(i));
            assert_eq!(places.of("Device.A.0.C"), None);
        }
    }
}
