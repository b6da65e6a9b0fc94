//! The extension "lookup/1" for tests: numbers are counted, table by table.

use std::collections::BTreeMap;
use std::ffi::c_void;
use std::mem::size_of;
use std::sync::{Mutex, MutexGuard, PoisonError};

use cwmp_plugin_abi as abi;
use cwmp_plugin_abi::status;

use super::host::{context, text};
use super::Harness;
use crate::border::lend;

/// The numbers that keys have.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    given: Mutex<Given>,
}

#[derive(Debug, Default)]
struct Given {
    /// The first request came: from then on there is an agent.
    open: bool,
    away: bool,
    numbers: BTreeMap<(String, String), u32>,
}

impl Numbers {
    fn lock(&self) -> MutexGuard<'_, Given> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same after a start, when nobody may ask yet.
    pub(super) fn again(&self) -> Self {
        let numbers = self.lock().numbers.clone();
        Self { given: Mutex::new(Given { numbers, ..Given::default() }) }
    }

    pub(super) fn open(&self) {
        self.lock().open = true;
    }

    fn is_open(&self) -> bool {
        let given = self.lock();
        given.open && !given.away
    }

    fn number_of(&self, table: &str, key: &str) -> u32 {
        let numbers = &mut self.lock().numbers;
        let next = numbers.iter().filter(|((t, _), _)| t == table).map(|(_, n)| n + 1).max().unwrap_or(1);
        *numbers.entry((table.to_owned(), key.to_owned())).or_insert(next)
    }

    fn key_of(&self, table: &str, number: u32) -> Option<String> {
        let given = self.lock();
        let mut found = given.numbers.iter().filter(|((t, _), n)| t == table && **n == number);
        found.next().map(|((_, key), _)| key.clone())
    }
}

impl Harness {
    /// The number of a row that the plugin reports by this key: the next of the table, unless it has one.
    pub fn number_of(&self, table: &str, key: &str) -> u32 {
        self.context.numbers.number_of(table, key)
    }

    /// Gives a number to a key.
    pub fn give_number(&self, table: &str, key: &str, number: u32) {
        self.context.numbers.lock().numbers.insert((table.to_owned(), key.to_owned()), number);
    }

    /// Whether there is an agent to give numbers; while there is none, a plugin that asks for one hears "busy".
    pub fn set_agent(&self, there: bool) {
        self.context.numbers.lock().away = !there;
    }
}

#[allow(clippy::cast_possible_truncation)] // a small struct
static TABLE: abi::Lookup = abi::Lookup {
    struct_size: size_of::<abi::Lookup>() as u32,
    zero: 0,
    number_of: Some(number_of),
    key_of: Some(key_of),
};

pub(super) unsafe extern "C" fn extension(_: *mut c_void, id: abi::Str) -> *const c_void {
    // SAFETY: the plugin lends the text.
    if unsafe { text(id) } == abi::LOOKUP_1 {
        std::ptr::from_ref(&TABLE).cast()
    } else {
        std::ptr::null()
    }
}

unsafe extern "C" fn number_of(
    ctx: *mut c_void,
    table: abi::Str,
    key: abi::Str,
    number: *mut u32,
) -> abi::Status {
    // SAFETY: the plugin passes our ctx and texts.
    let (context, table, key) = unsafe { (context(ctx), text(table), text(key)) };
    if key.is_empty() || number.is_null() {
        return status::E_ARGUMENTS;
    }
    if !context.numbers.is_open() {
        return status::E_BUSY;
    }
    // SAFETY: the plugin gives a place for the answer.
    unsafe { number.write(context.numbers.number_of(&table, &key)) };
    status::OK
}

unsafe extern "C" fn key_of(
    ctx: *mut c_void,
    table: abi::Str,
    number: u32,
    sink: Option<abi::Sink>,
    arg: *mut c_void,
) -> abi::Status {
    // SAFETY: as in `number_of`.
    let (context, table) = unsafe { (context(ctx), text(table)) };
    if !context.numbers.is_open() {
        return status::E_BUSY;
    }
    let (Some(key), Some(sink)) = (context.numbers.key_of(&table, number), sink) else {
        return status::E_NAME;
    };
    // SAFETY: the plugin wants to be called with its argument; the key lives until it returns.
    unsafe { sink(arg, lend(&key)) };
    status::OK
}
