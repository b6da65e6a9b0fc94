//! The services of the host.

use std::ffi::c_void;
use std::mem::size_of;
use std::sync::{Arc, PoisonError, RwLock};

use cwmp_plugin_abi as abi;
use cwmp_plugin_abi::status;

use crate::border::{borrow, lend};
use crate::declare::About;
use crate::job::Ledger;
use crate::{Error, Name};

/// How important a line of the log is, by syslog's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum Level {
    /// Something does not work.
    Error = 3,
    /// Something may not work.
    Warning = 4,
    /// Somebody may want to know.
    Notice = 5,
    /// What happens.
    Info = 6,
    /// For the author.
    Debug = 7,
}

/// The host. Clones are cheap, and every thread of the plugin may have one; when the plugin is gone they do nothing.
#[derive(Debug, Clone)]
pub struct Host {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    raw: RwLock<Option<Raw>>,
    about: &'static About,
    ledger: Ledger,
}

/// The host's table while it is known to be there; of one that is older, a copy in which the newer members are missing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Raw(*const abi::Host);

// SAFETY: the table is constant, and the header allows every member to be called from any thread.
unsafe impl Send for Raw {}
// SAFETY: as above.
unsafe impl Sync for Raw {}

impl Raw {
    /// # Safety
    /// `host` points to the table of a host, which stays until the plugin is destroyed.
    pub(crate) unsafe fn new(host: *const abi::Host) -> Result<Self, Error> {
        let old = || Error::unsupported("a host of another version");
        // SAFETY: the caller's promise: there is a table, and it begins with its size.
        let size = unsafe { host.cast::<u32>().as_ref() }.copied().ok_or_else(old)? as usize;
        // SAFETY: one of this size has its versions.
        if size < abi::HOST_MINOR_0 || unsafe { (*host).abi_major } != abi::MAJOR {
            return Err(old());
        }
        if size >= size_of::<abi::Host>() {
            return Ok(Self(host));
        }
        // SAFETY: numbers, a pointer and options of functions, for which zero is valid.
        let mut table: abi::Host = unsafe { std::mem::zeroed() };
        // SAFETY: the host's table has `size` bytes, which are fewer than ours.
        unsafe { std::ptr::copy_nonoverlapping(host.cast::<u8>(), (&raw mut table).cast::<u8>(), size) };
        // Once for a plugin, which is there as long as its process.
        Ok(Self(Box::leak(Box::new(table))))
    }

    pub(crate) fn table(&self) -> &abi::Host {
        // SAFETY: `new` was told that the table is there, and found it large enough, or made it so.
        unsafe { &*self.0 }
    }

    pub(crate) fn log(self, level: Level, target: &str, text: &str) {
        let table = self.table();
        if let Some(log) = table.log {
            // SAFETY: a member of the host gets its ctx and texts that live until it returns.
            unsafe { log(table.ctx, level as i32, lend(target), lend(text)) }
        }
    }

    /// Answers a request that returned "pending"; so an error has a text.
    pub(crate) fn req_done(self, req: abi::Req, status: abi::Status, text: &str) -> bool {
        let table = self.table();
        let Some(done) = table.req_done else { return false };
        // SAFETY: as in `log`.
        unsafe { done(table.ctx, req, status, lend(text)) }
        true
    }
}

impl Host {
    pub(crate) fn new(raw: Raw, about: &'static About) -> Self {
        Self { inner: Arc::new(Inner { raw: RwLock::new(Some(raw)), about, ledger: Ledger::default() }) }
    }

    /// The plugin is gone: nothing calls the host from now on.
    pub(crate) fn retire(&self) {
        *self.inner.raw.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    pub(crate) fn ledger(&self) -> &Ledger {
        &self.inner.ledger
    }

    /// What was declared.
    pub fn about(&self) -> &'static About {
        self.inner.about
    }

    /// Runs `f` with the host's table, which cannot go away meanwhile.
    pub(crate) fn with<R>(&self, f: impl FnOnce(Raw) -> R) -> Option<R> {
        let raw = self.inner.raw.read().unwrap_or_else(PoisonError::into_inner);
        raw.map(f)
    }

    /// Writes a line to the host's log, under the plugin's name.
    pub fn log(&self, level: Level, text: &str) {
        self.with(|raw| raw.log(level, self.about().name, text));
    }

    /// Says that these values may have changed. The names are full, or follow the base of the declaration.
    pub fn changed<T: AsRef<str>>(&self, names: &[T]) {
        let full: Vec<String> = names.iter().map(|n| self.full(n.as_ref())).collect();
        let lent: Vec<abi::Str> = full.iter().map(|n| lend(n)).collect();
        self.with(|raw| {
            if let Some(changed) = raw.table().changed {
                // SAFETY: as in `Raw::log`; the array has as many elements as it says.
                unsafe { changed(raw.table().ctx, lent.as_ptr(), lent.len()) }
            }
        });
    }

    /// Says that rows of this table came or went by themselves.
    pub fn rows_changed(&self, table: &str) {
        let table = self.full(table);
        self.with(|raw| {
            if let Some(changed) = raw.table().instances_changed {
                // SAFETY: as in `Raw::log`.
                unsafe { changed(raw.table().ctx, lend(&table)) }
            }
        });
    }

    /// Tells of an event. It is stored when this returns, and will reach the ACS.
    pub fn event(&self, name: &str, arguments: &[(&str, &str)]) -> Result<(), Error> {
        let lent: Vec<abi::Kv> =
            arguments.iter().map(|(k, v)| abi::Kv { key: lend(k), value: lend(v) }).collect();
        self.call("the event", |raw| {
            // SAFETY: as in `changed`.
            Some(unsafe { (raw.table().event?)(raw.table().ctx, lend(name), lent.as_ptr(), lent.len()) })
        })
    }

    /// Keeps a value: durable when this returns, or in commit together with it. Keys that begin with `settings/` or `undo`
    /// belong to [`Settings`](crate::Settings).
    pub fn store_put(&self, key: &str, value: &str) -> Result<(), Error> {
        self.call("storing", |raw| {
            // SAFETY: as in `Raw::log`.
            Some(unsafe { (raw.table().store_put?)(raw.table().ctx, lend(key), lend(value)) })
        })
    }

    /// The value that was kept, if one was.
    pub fn store_get(&self, key: &str) -> Result<Option<String>, Error> {
        let mut found: Option<Result<String, Error>> = None;
        let argument: *mut Option<Result<String, Error>> = &raw mut found;
        let result = self.call("reading the store", |raw| {
            // SAFETY: as in `Raw::log`; the sink gets `found` back while it is there.
            Some(unsafe {
                (raw.table().store_get?)(raw.table().ctx, lend(key), Some(take_one), argument.cast())
            })
        });
        match result {
            Ok(()) => found.transpose(),
            Err(Error::Name(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Forgets a value; it is fine if there is none.
    pub fn store_delete(&self, key: &str) -> Result<(), Error> {
        let result = self.call("clearing the store", |raw| {
            // SAFETY: as in `Raw::log`.
            Some(unsafe { (raw.table().store_delete?)(raw.table().ctx, lend(key)) })
        });
        match result {
            Err(Error::Name(_)) => Ok(()),
            other => other,
        }
    }

    /// The keys that begin with `prefix`, in order.
    pub fn store_list(&self, prefix: &str) -> Result<Vec<String>, Error> {
        let mut keys: Vec<Result<String, Error>> = Vec::new();
        let argument: *mut Vec<Result<String, Error>> = &raw mut keys;
        self.call("listing the store", |raw| {
            // SAFETY: as in `store_get`.
            Some(unsafe {
                (raw.table().store_list?)(raw.table().ctx, lend(prefix), Some(take_each), argument.cast())
            })
        })?;
        let mut keys = keys.into_iter().collect::<Result<Vec<_>, _>>()?;
        keys.sort_unstable();
        Ok(keys)
    }

    pub(crate) fn full(&self, name: &str) -> String {
        let base = self.about().base;
        if name.starts_with("Device.") {
            name.to_owned()
        } else {
            format!("{base}{name}")
        }
    }

    pub(crate) fn name<'a>(&self, full: &'a str) -> Name<'a> {
        Name::new(full, self.about().base)
    }

    fn call(&self, what: &str, f: impl FnOnce(Raw) -> Option<abi::Status>) -> Result<(), Error> {
        match self.with(f) {
            Some(Some(status::OK)) => Ok(()),
            Some(Some(status)) => Err(Error::from_status(status, format!("{what} failed"))),
            Some(None) => Err(Error::unsupported(format!("{what}: the host does not do this"))),
            None => Err(Error::internal(format!("{what}: the plugin was stopped"))),
        }
    }
}

unsafe extern "C" fn take_one(argument: *mut c_void, text: abi::Str) {
    // SAFETY: `store_get` passed the option, and waits for us.
    let found = unsafe { &mut *argument.cast::<Option<Result<String, Error>>>() };
    // SAFETY: the host lends the text until we return.
    *found = Some(unsafe { borrow(text) }.map(str::to_owned));
}

unsafe extern "C" fn take_each(argument: *mut c_void, text: abi::Str) {
    // SAFETY: `store_list` passed the list, and waits for us.
    let keys = unsafe { &mut *argument.cast::<Vec<Result<String, Error>>>() };
    // SAFETY: the host lends the text until we return.
    keys.push(unsafe { borrow(text) }.map(str::to_owned));
}
