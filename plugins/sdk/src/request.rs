//! What is known of the call that is being answered.

use std::marker::PhantomData;
use std::mem::size_of;
use std::time::Duration;

use cwmp_plugin_abi as abi;
use cwmp_plugin_abi::status;

use crate::host::Raw;

/// Who wants to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The ACS.
    Acs,
    /// Somebody on the bus.
    Bus,
    /// The agent itself.
    Agent,
    /// The agent, as it finishes what a power cut left.
    Boot,
}

/// A call of the host.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    pub(crate) raw: Raw,
    pub(crate) id: abi::Req,
    call: PhantomData<&'a ()>,
}

impl Request<'_> {
    pub(crate) fn new(raw: Raw, id: abi::Req) -> Self {
        Self { raw, id, call: PhantomData }
    }

    /// Who asks; the agent, if the host does not say.
    pub fn origin(&self) -> Origin {
        match self.info().map(|i| i.origin) {
            Some(1) => Origin::Acs,
            Some(2) => Origin::Bus,
            Some(4) => Origin::Boot,
            _ => Origin::Agent,
        }
    }

    /// How long an answer is waited for, from now; `None` if the host does not say.
    pub fn time_left(&self) -> Option<Duration> {
        self.info().map(|i| Duration::from_millis(u64::from(i.deadline_ms)))
    }

    /// The session of the ACS, 0 outside of one.
    pub fn session(&self) -> u64 {
        self.info().map_or(0, |i| i.session)
    }

    /// Whether nobody wants the answer any more.
    pub fn is_cancelled(&self) -> bool {
        let table = self.raw.table();
        // SAFETY: a member of the host gets its ctx; the request is the one being answered.
        table.cancelled.is_some_and(|cancelled| unsafe { cancelled(table.ctx, self.id) } != 0)
    }

    fn info(&self) -> Option<abi::ReqInfo> {
        let table = self.raw.table();
        #[allow(clippy::cast_possible_truncation)] // 24
        let size = size_of::<abi::ReqInfo>() as u32;
        let mut info = abi::ReqInfo { struct_size: size, origin: 0, deadline_ms: 0, zero: 0, session: 0 };
        // SAFETY: as above; the host writes no more than `struct_size` bytes.
        let status = unsafe { (table.req_info?)(table.ctx, self.id, &raw mut info) };
        (status == status::OK).then_some(info)
    }
}

/// A call that belongs to a transaction.
#[derive(Debug, Clone, Copy)]
pub struct Txn<'a> {
    /// The transaction.
    pub id: u64,
    /// The call.
    pub request: Request<'a>,
}
