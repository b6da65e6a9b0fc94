//! The extension "lookup/1": a plugin asks which number belongs to which of its rows.
//!
//! What the host remembers is answered at once. For the rest the bus thread asks the agent while the plugin's thread
//! waits, a short time: the bus thread never waits for a thread of the plugin, so neither can wait for the other.

use std::collections::HashSet;
use std::ffi::c_void;
use std::future::Future;
use std::sync::{mpsc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use cwmp_model::{path, Fault, FaultCode};
use cwmp_plugin_abi as abi;
use cwmp_plugin_abi::{status, Status, Str};
use tokio::runtime::Handle;

use crate::description::Description;
use crate::numbers::Numbers;
use crate::services::{guard, of, Services, MAX_ROW_KEY};
use crate::text;

/// How long one question may wait for the agent. After one in vain the next are answered "busy" for as long: a plugin
/// that looks up many rows in one call is not to miss its deadline for it.
pub(crate) const LOOKUP_WAIT: Duration = Duration::from_secs(1);

/// What the plugin gets.
pub(crate) static TABLE: abi::Lookup = abi::Lookup {
    #[allow(clippy::cast_possible_truncation)] // two numbers and two pointers
    struct_size: size_of::<abi::Lookup>() as u32,
    zero: 0,
    number_of: Some(number_of),
    key_of: Some(key_of),
};

/// Whom to ask, once there is somebody.
#[derive(Debug, Default)]
pub(crate) struct Lookup {
    source: OnceLock<Source>,
    silent_until: Mutex<Option<Instant>>,
}

/// Whom to ask for what.
#[derive(Debug)]
pub(crate) struct Source {
    numbers: Numbers,
    bus_thread: Handle,
    /// The schema paths of the plugin's tables, without their rows.
    tables: HashSet<String>,
}

impl Source {
    /// For a plugin that has started; within the runtime of the bus thread.
    pub(crate) fn new(numbers: Numbers, description: &Description) -> Self {
        let tables = description.nodes.iter().filter_map(|node| node.path.strip_suffix("{i}."));
        Self { numbers, bus_thread: Handle::current(), tables: tables.map(str::to_owned).collect() }
    }
}

impl Lookup {
    /// From now on questions are answered.
    pub(crate) fn open(&self, source: Source) {
        // A second start of one plugin does not happen.
        let _ = self.source.set(source);
    }

    fn source(&self, table: &str) -> Result<&Source, Status> {
        let source = self.source.get().ok_or(status::E_BUSY)?;
        let known = path::check(table).is_ok() && source.tables.contains(&path::schema_path(table));
        known.then_some(source).ok_or(status::E_NAME)
    }

    /// Lets the bus thread do something, and waits for it.
    fn wait<T: Send + 'static>(
        &self,
        source: &Source,
        question: impl Future<Output = Result<T, Fault>> + Send + 'static,
    ) -> Result<T, Status> {
        // A plugin's code does not run in the bus thread; if it ever does, it must not wait for itself.
        if Handle::try_current().is_ok() {
            return Err(status::E_BUSY);
        }
        let silent = || self.silent_until.lock().unwrap_or_else(PoisonError::into_inner);
        if silent().is_some_and(|until| Instant::now() < until) {
            return Err(status::E_BUSY);
        }
        let (reply, answer) = mpsc::sync_channel(1);
        source.bus_thread.spawn(async move {
            // Who asked may have stopped waiting.
            let _ = reply.try_send(question.await);
        });
        match answer.recv_timeout(LOOKUP_WAIT) {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(fault)) => {
                tracing::debug!("a lookup failed: {fault}");
                Err(code_of(&fault))
            }
            Err(_) => {
                *silent() = Some(Instant::now() + LOOKUP_WAIT);
                Err(status::E_BUSY)
            }
        }
    }
}

/// What the plugin learns of a fault of the agent. One that does not know this provider yet, or is not there, may answer
/// the next question.
fn code_of(fault: &Fault) -> Status {
    match fault.code {
        FaultCode::InvalidParameterName => status::E_NAME,
        FaultCode::InvalidArguments => status::E_ARGUMENTS,
        FaultCode::ResourcesExceeded => status::E_RESOURCES,
        _ => status::E_BUSY,
    }
}

/// The services and the table that a plugin names.
///
/// # Safety
/// `ctx` is the host's, and the text is lent for `'a`.
unsafe fn open<'a>(ctx: *mut c_void, table: Str) -> Result<(&'static Services, &'a str), Status> {
    // SAFETY: the caller's promise; the services live for ever.
    let (all, table) = unsafe { (of(ctx), text::read(table, path::MAX_PATH)) };
    match (all, table) {
        (Some(all), Ok(table)) => Ok((all, table)),
        _ => Err(status::E_ARGUMENTS),
    }
}

unsafe extern "C" fn number_of(ctx: *mut c_void, table: Str, key: Str, number: *mut u32) -> Status {
    guard(status::E_INTERNAL, || {
        // SAFETY: the plugin hands back its ctx, and lends the texts for this call.
        let (all, table) = match unsafe { open(ctx, table) } {
            Ok(opened) => opened,
            Err(status) => return status,
        };
        // SAFETY: as above.
        let Ok(key) = (unsafe { text::read(key, MAX_ROW_KEY) }) else { return status::E_ARGUMENTS };
        if key.is_empty() || number.is_null() {
            return status::E_ARGUMENTS;
        }
        let found = all.lookup.source(table).and_then(|source| {
            if let Some(known) = all.known.number(table, key) {
                return Ok(known);
            }
            let (numbers, table, key) = (source.numbers.clone(), table.to_owned(), key.to_owned());
            let given = async move { numbers.allocate(&all.known, &table, &[&key], 0).await };
            all.lookup.wait(source, given)?.first().copied().ok_or(status::E_INTERNAL)
        });
        match found {
            Ok(found) => {
                // SAFETY: the plugin gives a place for the answer.
                unsafe { number.write(found) };
                status::OK
            }
            Err(status) => status,
        }
    })
}

unsafe extern "C" fn key_of(
    ctx: *mut c_void,
    table: Str,
    number: u32,
    sink: Option<abi::Sink>,
    arg: *mut c_void,
) -> Status {
    guard(status::E_INTERNAL, || {
        // SAFETY: the plugin hands back its ctx, and lends the text for this call.
        let (all, table) = match unsafe { open(ctx, table) } {
            Ok(opened) => opened,
            Err(status) => return status,
        };
        let Some(sink) = sink else { return status::E_ARGUMENTS };
        let found = all.lookup.source(table).and_then(|source| {
            if let Some(known) = all.known.key(table, number) {
                return Ok(Some(known));
            }
            let (numbers, table) = (source.numbers.clone(), table.to_owned());
            let asked = async move { numbers.key(&all.known, &table, number).await };
            all.lookup.wait(source, asked)
        });
        match found {
            Ok(Some(key)) => {
                // SAFETY: the sink is the plugin's own, called with its own argument.
                unsafe { sink(arg, text::lend(&key)) };
                status::OK
            }
            Ok(None) => status::E_NAME,
            Err(status) => status,
        }
    })
}
