//! Writes: prepared with everything that can be known before, done in commit, taken back with what was there.
//!
//! What was there is stored before anything is done, as `undo/TRANSACTION`, so that even a host that was killed half-way
//! can take it back. It is forgotten when the transaction is finished.

use std::time::{Duration, Instant};

use cwmp_mapping::conversion::{ConversionError, Named};
use cwmp_mapping::mapping::{How, Write};
use cwmp_mapping::signature::Type;
use cwmp_mapping::Raw;
use cwmp_plugin_sdk::{Change, ChangeFault, Effect, Error, Host, Op};
use serde::{Deserialize, Serialize};

use crate::bus::Bus;
use crate::evaluate::{Evaluation, Here};
use crate::failure::Failure;
use crate::served::Served;
use crate::snapshot::{arguments, Now};
use crate::spelling::Spellings;
use crate::value::{encode, Filling};

/// How long one write may take.
pub(crate) const WRITE_LIMIT: Duration = Duration::from_secs(5);
/// How long all writes of a transaction may take: less than the host waits for a commit.
pub(crate) const COMMIT_LIMIT: Duration = Duration::from_secs(8);

/// One change that was prepared.
#[derive(Debug, Clone)]
struct Planned {
    parameter: usize,
    name: String,
    target: Goal,
    raw: Raw,
    text: String,
}

/// Where a value goes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Goal {
    path: String,
    key: String,
    /// The type of a property, as signature.
    of: Option<String>,
}

/// What was there before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Old {
    /// A value of the service.
    Raw(Raw),
    /// The value as the parameter shows it.
    Text(String),
}

/// One line of what is stored to be taken back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Undo {
    name: String,
    goal: Goal,
    old: Old,
    /// How the old value was spelled by the ACS.
    spelling: Option<String>,
}

#[derive(Debug)]
struct Staged {
    id: u64,
    changes: Vec<Planned>,
    undo: Vec<Undo>,
    /// How many of the changes may have been done: those before the first one that certainly was not.
    done: usize,
}

/// The transaction that is at work.
#[derive(Debug, Default)]
pub(crate) struct Transactions {
    staged: Option<Staged>,
}

/// What all steps need.
pub(crate) struct Tools<'a> {
    pub(crate) host: &'a Host,
    pub(crate) bus: &'a Bus,
    pub(crate) served: &'a Served,
    pub(crate) spellings: &'a mut Spellings,
}

impl Transactions {
    /// Prepares: what is written, and what was there.
    pub(crate) fn prepare(
        &mut self,
        id: u64,
        changes: &[Change<'_>],
        evaluation: &Evaluation<'_>,
        tools: &Tools<'_>,
        end: Instant,
    ) -> Result<(), Vec<ChangeFault>> {
        let all = |error: &Error| {
            (0..changes.len()).map(|index| ChangeFault { index, error: error.clone() }).collect::<Vec<_>>()
        };
        let known = stored(tools.host, id).map_err(|e| all(&e))?;
        let one = |evaluation: &Evaluation<'_>, index: usize| plan(evaluation, tools.served, &changes[index]);
        let planned = evaluation.bus.wait(evaluation.all(changes.len(), end, one));
        let (mut staged, mut faults) =
            (Staged { id, changes: Vec::new(), undo: Vec::new(), done: 0 }, Vec::new());
        let mut was_begun = false;
        for (index, plan) in planned.into_iter().enumerate() {
            match plan {
                Ok((planned, old)) => {
                    // A transaction that is prepared again may have been committed before: its first word counts.
                    let before =
                        known.as_ref().and_then(|k| k.iter().find(|u| u.name == planned.name)).cloned();
                    was_begun |= before.is_some();
                    staged.undo.push(before.unwrap_or_else(|| Undo {
                        name: planned.name.clone(),
                        goal: planned.target.clone(),
                        old,
                        spelling: tools.spellings.stored(&planned.name),
                    }));
                    staged.changes.push(planned);
                }
                Err(failure) => faults.push(ChangeFault { index, error: failure.error() }),
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        if was_begun {
            staged.done = staged.changes.len();
        }
        let text = serde_json::to_string(&staged.undo).map_err(|e| all(&Error::internal(e.to_string())))?;
        tools.host.store_put(&key(id), &text).map_err(|e| all(&e))?;
        self.staged = Some(staged);
        Ok(())
    }

    /// Does it.
    pub(crate) fn commit(&mut self, id: u64, tools: &mut Tools<'_>) -> Result<Effect, Error> {
        let Some(staged) = self.staged.as_mut().filter(|s| s.id == id) else {
            return Err(Error::arguments("the transaction was not prepared"));
        };
        let end = Instant::now() + COMMIT_LIMIT;
        for (index, change) in staged.changes.iter().enumerate() {
            let value = (&change.raw, change.text.as_str());
            let result = set(tools, change.parameter, &change.target, value, end);
            // Nobody was there to do it: taking it back must not wait for that somebody.
            if !matches!(result, Err(Failure::Absent(..))) {
                staged.done = staged.done.max(index + 1);
            }
            result.map_err(|f| f.error())?;
            tools.spellings.remember(tools.host, &change.name, &change.raw, &change.text)?;
        }
        Ok(Effect::Now)
    }

    /// Takes it back, in the opposite order. All of it is tried; the first failure is told.
    pub(crate) fn rollback(
        &mut self,
        id: u64,
        evaluation: &Evaluation<'_>,
        tools: &mut Tools<'_>,
    ) -> Result<(), Error> {
        let staged = self.staged.take_if(|s| s.id == id);
        let mut undo = match &staged {
            Some(staged) => staged.undo.clone(),
            None => match stored(tools.host, id)? {
                Some(undo) => undo,
                None => return Ok(()),
            },
        };
        if let Some(staged) = staged {
            undo.truncate(staged.done);
        }
        let mut first = Ok(());
        let end = Instant::now() + COMMIT_LIMIT;
        for line in undo.iter().rev() {
            let result = restore(line, evaluation, tools, end);
            tools.spellings.restore(tools.host, &line.name, line.spelling.as_deref())?;
            if first.is_ok() {
                first = result;
            }
        }
        if first.is_ok() {
            tools.host.store_delete(&key(id))?;
        }
        first
    }

    /// It is over.
    pub(crate) fn finish(&mut self, id: u64, host: &Host) -> Result<(), Error> {
        self.staged.take_if(|s| s.id == id);
        host.store_delete(&key(id))
    }
}

fn key(id: u64) -> String {
    format!("undo/{id}")
}

fn stored(host: &Host, id: u64) -> Result<Option<Vec<Undo>>, Error> {
    let Some(text) = host.store_get(&key(id))? else { return Ok(None) };
    serde_json::from_str(&text)
        .map(Some)
        .map_err(|e| Error::internal(format!("what is to be taken back is unreadable: {e}")))
}

/// What a change comes to.
fn plan(evaluation: &Evaluation<'_>, served: &Served, change: &Change<'_>) -> Now<(Planned, Old)> {
    let refuse = |error: Error| Ok(Err(Failure::Kit(error)));
    if change.op != Op::Set {
        return refuse(Error::denied("the rows of this table are the device's"));
    }
    let name = change.name.full();
    let Some(parameter) = served.parameter(&cwmp_model::path::schema_path(name)) else {
        return refuse(Error::name(format!("there is no {name}")));
    };
    let (Some(write), Some(service)) =
        (&served.parameters[parameter].write, served.parameters[parameter].service)
    else {
        return refuse(Error::not_writable(format!("{name} cannot be set")));
    };
    let here = match evaluation.here(parameter, name)? {
        Ok(here) => here,
        Err(failure) => return Ok(Err(failure)),
    };
    let path = match evaluation.object(service, &write.place.object, &here)? {
        Ok(path) => path,
        Err(failure) => return Ok(Err(failure)),
    };
    let (old, old_type) = match before(evaluation, parameter, write, &here)? {
        Ok(found) => found,
        Err(failure) => return Ok(Err(failure)),
    };
    let of = match &write.how {
        How::Property { of: Some(of), .. } => of.clone(),
        How::Property { of: None, .. } => match old_type {
            Some(of) => of,
            None => return refuse(Error::internal("the type of the property is not known")),
        },
        How::Method { arguments, .. } => {
            let whole = arguments.iter().find_map(|(of, template)| template.value_type(of));
            whole.cloned().unwrap_or(Type::Text)
        }
    };
    let raw = match to_raw(evaluation, parameter, write, change.value, &of, &old)? {
        Ok(raw) => raw,
        Err(_) if served.secrets[parameter] => return refuse(Error::value("cannot be set to this value")),
        Err(failure) => return Ok(Err(failure)),
    };
    if encode(&raw, &of).is_none() {
        return refuse(Error::value(format!("the value does not fit the type '{of}' of the device")));
    }
    let of = matches!(write.how, How::Property { .. }).then(|| of.to_string());
    let key = here.row.map(|row| row.key).unwrap_or_default();
    let target = Goal { path, key, of };
    let planned = Planned { parameter, name: name.to_owned(), target, raw, text: change.value.to_owned() };
    Ok(Ok((planned, old)))
}

/// What is there now, and its type if it is a property.
fn before(
    evaluation: &Evaluation<'_>,
    parameter: usize,
    write: &Write,
    here: &Here,
) -> Now<(Old, Option<Type>)> {
    let own = &evaluation.served.parameters[parameter];
    let service = own.service.unwrap_or_default();
    let property = match (&write.previous, &write.how) {
        (Some(name), _) | (None, How::Property { name, .. }) => Some((&write.place, name.as_str())),
        // Written values that are not the conversion backwards cannot be taken from what is read.
        (None, How::Method { .. }) if write.values.is_none() => own.source.whole_property(),
        _ => None,
    };
    let Some((place, name)) = property else {
        return Ok(evaluation.text(parameter, here)?.map(|text| (Old::Text(text), None)));
    };
    Ok(evaluation.property(service, place, name, here)?.map(|(raw, of)| (Old::Raw(raw), Some(of))))
}

fn to_raw(
    evaluation: &Evaluation<'_>,
    parameter: usize,
    write: &Write,
    text: &str,
    of: &Type,
    old: &Old,
) -> Now<Raw> {
    let target = evaluation.served.targets[parameter];
    if let Some(values) = &write.values {
        let found = values.iter().find(|(from, _)| from == text);
        let raw = found.and_then(|(_, raw)| Raw::from_key_text(raw, of));
        let all = || values.iter().map(|(from, _)| from.as_str()).collect::<Vec<_>>().join(", ");
        return Ok(raw
            .ok_or_else(|| Failure::Kit(Error::value(format!("this device can be set to {} only", all())))));
    }
    let around = match evaluation.surroundings(parameter)? {
        Ok(around) => around,
        Err(failure) => return Ok(Err(failure)),
    };
    if let Old::Raw(Raw::Text(zone)) = old {
        around.zone.replace(Some(zone.clone()));
    }
    let conversion = &evaluation.served.parameters[parameter].conversion;
    Ok(conversion.from_text(text, target, of, &around).map_err(|error| match error {
        ConversionError::Refused(text) => Failure::Kit(Error::value(text)),
        error => Failure::Useless(error.to_string()),
    }))
}

/// Sets a value.
fn set(
    tools: &Tools<'_>,
    parameter: usize,
    goal: &Goal,
    value: (&Raw, &str),
    end: Instant,
) -> Result<(), Failure> {
    let parameter = &tools.served.parameters[parameter];
    let (Some(write), Some(service)) = (&parameter.write, parameter.service) else {
        return Err(Failure::Kit(Error::not_writable("cannot be set")));
    };
    let service = &tools.served.services[service];
    let limit = WRITE_LIMIT.min(end.saturating_duration_since(Instant::now()));
    let unfit = || Failure::Useless(format!("the value does not fit {}", parameter.path));
    match &write.how {
        How::Property { name, .. } => {
            let of = goal.of.as_deref().and_then(Type::parse).ok_or_else(unfit)?;
            let inner = encode(value.0, &of).ok_or_else(unfit)?;
            let fdo = "org.freedesktop.DBus.Properties";
            // Within a tuple a value is a variant.
            let body = (write.place.interface.as_str(), name.as_str(), inner);
            tools.bus.wait(tools.bus.call(service, &goal.path, fdo, "Set", &body, limit)).map(drop)
        }
        How::Method { member, arguments: templates } => {
            let with = Filling { value: Some(value), object: &goal.path, key: &goal.key };
            let filled = arguments(templates, with).ok_or_else(unfit)?;
            let interface = &write.place.interface;
            tools.bus.wait(tools.bus.result(service, &goal.path, interface, member, filled, limit)).map(drop)
        }
    }
}

/// Puts back what was there, unless it is there anyway.
fn restore(line: &Undo, evaluation: &Evaluation<'_>, tools: &Tools<'_>, end: Instant) -> Result<(), Error> {
    let Some(parameter) = tools.served.parameter(&cwmp_model::path::schema_path(&line.name)) else {
        // The mapping was changed meanwhile: there is nothing that could be set.
        return Ok(());
    };
    let Some(write) = &tools.served.parameters[parameter].write else { return Ok(()) };
    let now = |evaluation: &Evaluation<'_>, _: usize| {
        let here = match evaluation.here(parameter, &line.name)? {
            Ok(here) => here,
            Err(failure) => return Ok(Err(failure)),
        };
        before(evaluation, parameter, write, &here)
    };
    let current = tools.bus.wait(evaluation.all(1, end, now)).pop();
    match current {
        Some(Ok((old, _))) if old == line.old => return Ok(()),
        // A row that is gone takes its values with it.
        Some(Err(Failure::NoRow(_))) => return Ok(()),
        _ => {}
    }
    let (raw, text) = match &line.old {
        Old::Raw(raw) => (raw.clone(), raw.key_text().unwrap_or_default()),
        Old::Text(text) => {
            let of = match &write.how {
                How::Property { .. } => line.goal.of.as_deref().and_then(Type::parse),
                How::Method { arguments, .. } => {
                    arguments.iter().find_map(|(of, template)| template.value_type(of)).cloned()
                }
            };
            let of = of.unwrap_or(Type::Text);
            let back = |e: &Evaluation<'_>, _: usize| to_raw(e, parameter, write, text, &of, &line.old);
            let raw = tools.bus.wait(evaluation.all(1, end, back)).pop();
            let raw = raw.unwrap_or_else(|| Err(Failure::Useless(String::new()))).map_err(|f| f.error())?;
            (raw, text.clone())
        }
    };
    set(tools, parameter, &line.goal, (&raw, &text), end).map_err(|f| f.error())
}

/// Whether a parameter's texts may be spelled in several ways that are one value.
pub(crate) fn has_spellings(served: &Served, parameter: usize) -> bool {
    let own = &served.parameters[parameter];
    own.write.is_some() && own.conversion.named == Some(Named::PosixTz)
}
