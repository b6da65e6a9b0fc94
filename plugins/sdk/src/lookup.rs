//! Which number belongs to which row that was reported by its key.

use std::ffi::c_void;

use cwmp_plugin_abi as abi;
use cwmp_plugin_abi::status;

use crate::border::{borrow, lend};
use crate::host::Raw;
use crate::{Error, Host};

/// Numbers of rows, from [`Host::lookup`]. Clones are cheap, and every thread of the plugin may have one.
///
/// A row that a plugin reports by its key gets its number from the agent, which remembers it for ever. What the host
/// knows is answered at once; for the rest it asks the agent and waits up to one second, so look up what you need in the
/// call that needs it, and keep no copies.
#[derive(Debug, Clone)]
pub struct Lookup {
    host: Host,
}

impl Host {
    /// The numbers of the plugin's rows. An error means that the host is older than this service.
    pub fn lookup(&self) -> Result<Lookup, Error> {
        let there = self.with(|raw| extension(raw).is_some());
        match there {
            Some(true) => Ok(Lookup { host: self.clone() }),
            Some(false) => Err(Error::unsupported("row numbers: the host does not do this")),
            None => Err(Error::internal("row numbers: the plugin was stopped")),
        }
    }
}

impl Lookup {
    /// The number of the row with this key; a key that has none gets one. The table is named in full, or after the base
    /// of the declaration, and ends in a dot.
    ///
    /// The error is [`Error::Busy`] as long as there is no agent to ask: always in [`Plugin::create`](crate::Plugin) and
    /// [`Plugin::start`](crate::Plugin), shortly after a start, and while the agent is away.
    pub fn number_of(&self, table: &str, key: &str) -> Result<u32, Error> {
        let table = self.host.full(table);
        let mut number = 0;
        let place: *mut u32 = &raw mut number;
        self.call(&format!("the number of {key} in {table}"), |ctx, lookup| {
            // SAFETY: a member of the host gets its ctx, texts and a place that live until it returns.
            Some(unsafe { (lookup.number_of?)(ctx, lend(&table), lend(key), place) })
        })?;
        Ok(number)
    }

    /// The key of the row with this number; `None` for a number that no key has. Errors as of
    /// [`number_of`](Self::number_of).
    pub fn key_of(&self, table: &str, number: u32) -> Result<Option<String>, Error> {
        let table = self.host.full(table);
        let mut found: Option<Result<String, Error>> = None;
        let argument: *mut Option<Result<String, Error>> = &raw mut found;
        let result = self.call(&format!("the key of {table}{number}"), |ctx, lookup| {
            // SAFETY: as in `number_of`; the sink gets `found` back while it is there.
            Some(unsafe { (lookup.key_of?)(ctx, lend(&table), number, Some(take), argument.cast()) })
        });
        match result {
            Ok(()) => found.transpose(),
            Err(Error::Name(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn call(
        &self,
        what: &str,
        f: impl FnOnce(*mut c_void, &abi::Lookup) -> Option<abi::Status>,
    ) -> Result<(), Error> {
        let status = self.host.with(|raw| f(raw.table().ctx, extension(raw)?));
        match status {
            Some(Some(status::OK)) => Ok(()),
            Some(Some(status)) => Err(Error::from_status(status, format!("{what} is not known"))),
            Some(None) => Err(Error::unsupported(format!("{what}: the host does not do this"))),
            None => Err(Error::internal(format!("{what}: the plugin was stopped"))),
        }
    }
}

/// The host's table of this extension, if it has one that is large enough.
fn extension<'a>(raw: Raw) -> Option<&'a abi::Lookup> {
    let get = raw.table().extension?;
    // SAFETY: a member of the host gets its ctx and a text that lives until it returns.
    let found = unsafe { get(raw.table().ctx, lend(abi::LOOKUP_1)) }.cast::<abi::Lookup>();
    // SAFETY: what has this name is a `cwmp_lookup` that lives as long as the host, and begins with its size.
    let size = unsafe { found.cast::<u32>().as_ref() }?;
    // SAFETY: as above, and it has all our members.
    (*size as usize >= size_of::<abi::Lookup>()).then(|| unsafe { &*found })
}

unsafe extern "C" fn take(argument: *mut c_void, text: abi::Str) {
    // SAFETY: `key_of` passed the option, and waits for us.
    let found = unsafe { &mut *argument.cast::<Option<Result<String, Error>>>() };
    // SAFETY: the host lends the text until we return.
    *found = Some(unsafe { borrow(text) }.map(str::to_owned));
}
