//! The writes: what a caller may ask of a store.

/// The ops of one commit, in order. All of them are stored, or none is.
pub type Batch = Vec<Op>;

/// One write. A `Put` replaces what is there; a `Remove` of something absent changes nothing.
///
/// Paths are opaque to the store: it compares them byte by byte and never parses them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// An event that the ACS has not acknowledged yet.
    PutEvent {
        /// Place in the order of happening; the caller's own count.
        seq: u64,
        /// The event code as it goes on the wire, `1 BOOT`.
        code: String,
        /// The command key that the event answers, or empty.
        command_key: String,
        /// What else must be delivered with it (a transfer's result), in a form of the caller's choice.
        data: String,
    },
    /// The event was delivered, or discarded.
    RemoveEvent {
        /// The event's place.
        seq: u64,
    },
    /// A parameter that the agent owns was set to other than its factory value.
    PutSetting {
        /// The full parameter path.
        path: String,
        /// The value in lexical form. May be a secret.
        value: String,
    },
    /// The parameter is back at its factory value.
    RemoveSetting {
        /// The full parameter path.
        path: String,
    },
    /// A fact of the agent itself: whose store it is, boot id, retry count, last contacted ACS.
    PutMeta {
        /// The caller's name for it.
        key: String,
        /// The fact.
        value: String,
    },
    /// The fact is gone.
    RemoveMeta {
        /// The caller's name for it.
        key: String,
    },
    /// A parameter's attributes. `None` means that the attribute was never set and has its default.
    PutAttribute {
        /// The full parameter path.
        path: String,
        /// The notification level, 0 to 6.
        notification: Option<u8>,
        /// Who else may write the parameter.
        access_list: Option<Vec<String>>,
    },
    /// Both attributes are back at their defaults.
    RemoveAttribute {
        /// The full parameter path.
        path: String,
    },
    /// The same for every path that starts with the prefix (a deleted row).
    RemoveAttributesUnder {
        /// Compared as text; end it with a dot.
        prefix: String,
    },
    /// The value that the ACS last wrote or was told.
    PutReported {
        /// The full parameter path.
        path: String,
        /// The type, as the caller numbers types.
        kind: u8,
        /// The value in lexical form. May be a secret.
        value: String,
    },
    /// Nobody watches the parameter any more.
    RemoveReported {
        /// The full parameter path.
        path: String,
    },
    /// The same for every path that starts with the prefix.
    RemoveReportedUnder {
        /// Compared as text; end it with a dot. Every path starts with the empty one.
        prefix: String,
    },
    /// The parameter changed and the ACS does not know yet.
    PutPending {
        /// The full parameter path.
        path: String,
    },
    /// The ACS knows.
    RemovePending {
        /// The full parameter path.
        path: String,
    },
    /// A row exists. Raises the table's high-water mark to its number.
    PutInstance {
        /// The table's path.
        table: String,
        /// The row's number, 1 or more.
        number: u32,
        /// What the provider recognises the row by (MAC, UUID, serial).
        key: Option<String>,
        /// The row's alias.
        alias: Option<String>,
    },
    /// A row is gone. The high-water mark stays.
    RemoveInstance {
        /// The table's path.
        table: String,
        /// The row's number.
        number: u32,
    },
    /// Numbers below `next` were given out. Never lowers the mark.
    PutHighWater {
        /// The table's path.
        table: String,
        /// The lowest number that may be given out from now on.
        next: u32,
    },
    /// A transaction over providers, journalled before its first effect.
    PutTransaction {
        /// The transaction's id.
        txn: u64,
        /// How far it is.
        phase: Phase,
        /// What it changes, in order. Values may be secrets.
        changes: Vec<JournalChange>,
    },
    /// The transaction reached a phase. Refused, and the batch with it, when the journal does not hold the
    /// transaction: going on without a journal would leave half a write after a power cut.
    SetPhase {
        /// The transaction's id.
        txn: u64,
        /// How far it is.
        phase: Phase,
    },
    /// The transaction has ended.
    RemoveTransaction {
        /// The transaction's id.
        txn: u64,
    },
    /// An inform to be made at a time of day.
    PutSchedule {
        /// The caller's own count.
        id: u64,
        /// When it is due, in seconds since 1970 UTC.
        due_unix: i64,
        /// The command key of the request.
        command_key: String,
    },
    /// The inform was made.
    RemoveSchedule {
        /// The caller's own count.
        id: u64,
    },
    /// Factory reset: everything goes, high-water marks included, and files that were moved aside as corrupt.
    /// Ops that follow it in the batch are stored in the same commit.
    Wipe {
        /// The keys of [`Op::PutMeta`] that outlive it.
        keep_meta: Vec<String>,
    },
}

/// How far a transaction over providers is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Providers were asked to prepare: after a restart it is rolled back.
    Prepare,
    /// All had prepared: after a restart it is carried through.
    Commit,
}

/// One change of a journalled transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalChange {
    /// The provider that it goes to.
    pub provider: String,
    /// Set, add or delete, as the caller numbers them.
    pub op: u8,
    /// The value's type, as the caller numbers types.
    pub kind: u8,
    /// The parameter or row.
    pub path: String,
    /// The value in lexical form. May be a secret.
    pub value: String,
}
