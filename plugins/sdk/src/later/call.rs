//! Calls of the host that are answered later.

use cwmp_plugin_abi as abi;

use super::OwnedArgument;
use crate::host::Raw;
use crate::{Change, Error, Host, Kind, Notice, Op, Request};

/// A call with everything that the host lent for it.
#[doc(hidden)]
#[derive(Debug)]
pub enum Call {
    Get(Vec<String>),
    Rows(Vec<String>),
    Prepare(u64, Vec<OwnedChange>),
    Commit(u64),
    Rollback(u64),
    Finish(u64),
    Apply(u64),
    Notice(Notice),
    Invoke(String, Vec<OwnedArgument>),
}

impl Call {
    /// Whether it is a step of a transaction.
    fn is_step(&self) -> bool {
        matches!(
            self,
            Self::Prepare(..) | Self::Commit(_) | Self::Rollback(_) | Self::Finish(_) | Self::Apply(_)
        )
    }
}

#[doc(hidden)]
#[derive(Debug)]
pub struct OwnedChange {
    op: Op,
    name: String,
    kind: Option<Kind>,
    value: String,
}

impl OwnedChange {
    pub(crate) fn of(change: &Change<'_>) -> Self {
        let name = change.name.full().to_owned();
        Self { op: change.op, name, kind: change.kind, value: change.value.to_owned() }
    }

    pub(crate) fn lend<'a>(&'a self, host: &Host) -> Change<'a> {
        Change { op: self.op, name: host.name(&self.name), kind: self.kind, value: &self.value }
    }
}

/// A request that is to be answered once. Dropped, it is answered with an error.
#[doc(hidden)]
#[derive(Debug)]
pub struct Late {
    host: Host,
    raw: Raw,
    id: abi::Req,
    over: bool,
}

impl Late {
    pub(crate) fn new(host: &Host, raw: Raw, id: abi::Req, call: &Call) -> Self {
        if call.is_step() {
            host.ledger().enter_step(id);
        } else {
            host.ledger().enter(id);
        }
        Self { host: host.clone(), raw, id, over: false }
    }

    pub(crate) fn raw(&self) -> Raw {
        self.raw
    }

    pub(crate) fn id(&self) -> abi::Req {
        self.id
    }

    /// The request; it is valid as long as the plugin is not destroyed, which waits for the runtime's thread.
    pub(crate) fn request(&self) -> Request<'static> {
        Request::new(self.raw, self.id)
    }

    /// Somebody else answers.
    pub(crate) fn forget(mut self) {
        self.over = true;
    }

    pub(crate) fn done(mut self, result: Result<abi::Status, Error>) {
        self.answer(result);
    }

    fn answer(&mut self, result: Result<abi::Status, Error>) {
        self.over = true;
        if !self.host.ledger().leave(self.id) {
            return;
        }
        self.host.with(|raw| match result {
            Ok(status) => raw.req_done(self.id, status, ""),
            Err(error) => raw.req_done(self.id, error.status(), error.text()),
        });
    }
}

impl Drop for Late {
    fn drop(&mut self) {
        if !self.over {
            self.answer(Err(Error::internal("the call was given up: a panic, or the end")));
        }
    }
}
