//! Requests under way: what the plugin answers to each, under handles that can be stale but never wrong.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use cwmp_bus::command::{MAX_OUTPUTS, MAX_OUTPUT_SIZE};
use cwmp_plugin_abi::{status, Req, Status};
use tokio::sync::oneshot;
use tokio::time::Instant;

/// The most requests under way at a time.
pub(crate) const MAX_REQUESTS: usize = 256;
/// The most bytes of one value.
pub(crate) const MAX_VALUE: usize = 1024 * 1024;
/// The most bytes of one answer, names and all: a system bus cuts off whoever sends a message of more than 32 MiB.
pub(crate) const MAX_ANSWER: usize = 24 * 1024 * 1024;
/// The most rows of one answer.
pub(crate) const MAX_ROWS: usize = 65_536;
/// The most bytes of a fault's text; what is longer is cut.
pub(crate) const MAX_FAULT_TEXT: usize = 1024;
/// What an element costs beside its text when it travels.
pub(crate) const ELEMENT_COST: usize = 24;
/// The most lies of one request that are kept for the log.
pub(crate) const MAX_LIES: usize = 8;

/// What a request waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expect {
    /// A value or fault for each of so many names.
    Values(usize),
    /// Rows, or a fault, for each of so many tables.
    Rows(usize),
    /// At most a fault for each of so many changes.
    Faults(usize),
    /// Only the status.
    Status,
    /// Only the status, of a step of a transaction, which the store follows.
    Stored,
    /// Outputs of the command that is this job.
    Command(u64),
}

impl Expect {
    fn len(self) -> usize {
        match self {
            Self::Values(n) | Self::Rows(n) | Self::Faults(n) => n,
            Self::Status | Self::Stored | Self::Command(_) => 0,
        }
    }
}

/// Who asks, and until when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context {
    /// `CWMP_ORIGIN_*`.
    pub(crate) origin: u32,
    /// The session of the ACS, 0 outside.
    pub(crate) session: u64,
    /// When the caller gets an answer, whatever happens.
    pub(crate) deadline: Instant,
}

/// The answer for one index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Entry {
    /// None yet.
    Missing,
    /// A value: type number and where its text lies.
    Value(u32, std::ops::Range<usize>),
    /// A fault.
    Fault(Status, String),
}

/// A row as the plugin reported it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reported {
    /// Which table of the request.
    pub(crate) index: usize,
    /// Its number, or 0.
    pub(crate) number: u32,
    /// `CWMP_ROW_*`.
    pub(crate) flags: u32,
    /// Its key, or empty.
    pub(crate) key: String,
    /// Its alias, or empty.
    pub(crate) alias: String,
}

/// What the plugin did wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lie {
    /// For which index of the request.
    pub(crate) index: Option<usize>,
    /// What.
    pub(crate) what: String,
}

/// What a request has gathered.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// The status that ended it.
    pub(crate) status: Status,
    /// The text that came with it.
    pub(crate) text: String,
    /// One for each index.
    pub(crate) entries: Vec<Entry>,
    /// The texts of the values.
    pub(crate) arena: String,
    /// The rows.
    pub(crate) rows: Vec<Reported>,
    /// The outputs of a command.
    pub(crate) outputs: BTreeMap<String, String>,
    /// There were more, or larger ones, than can be handed on.
    pub(crate) overflowed: bool,
    /// The first things that were wrong.
    pub(crate) lies: Vec<Lie>,
    /// How many there were.
    pub(crate) lie_count: usize,
    size: usize,
}

impl Outcome {
    /// About how many bytes the answer has.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    fn lie(&mut self, index: Option<usize>, what: impl Into<String>) {
        self.lie_count += 1;
        if self.lies.len() < MAX_LIES {
            self.lies.push(Lie { index, what: what.into() });
        }
    }

    /// Takes an index for an answer, unless it is no index or has an answer.
    fn take(&mut self, index: usize) -> bool {
        match self.entries.get(index) {
            Some(Entry::Missing) => true,
            Some(_) => {
                self.lie(Some(index), "was answered twice");
                false
            }
            None => {
                self.lie(None, format!("index {index} was answered, there are {}", self.entries.len()));
                false
            }
        }
    }

    /// Whether there is room for so many bytes more.
    fn room(&mut self, bytes: usize) -> bool {
        let size = self.size.saturating_add(bytes).saturating_add(ELEMENT_COST);
        let fits = size <= MAX_ANSWER;
        if fits {
            self.size = size;
        }
        fits
    }
}

#[derive(Debug)]
struct Request {
    expect: Expect,
    context: Context,
    outcome: Outcome,
    reply: oneshot::Sender<Outcome>,
    /// The call answered PENDING.
    pending: bool,
    /// req_done() came before the call returned.
    done: Option<(Status, String)>,
    /// Nobody wants it any more, but its end is waited for.
    cancelled: bool,
}

#[derive(Debug, Default)]
struct Slot {
    generation: u32,
    request: Option<Request>,
}

/// The requests under way. Every method may be called from any thread.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    slots: Mutex<Vec<Slot>>,
}

/// What became of a request when it was ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Its asker has the outcome now.
    Answered,
    /// It is answered later.
    Later,
    /// It was over before.
    Stale,
}

impl Requests {
    fn lock(&self) -> MutexGuard<'_, Vec<Slot>> {
        // Nothing here panics half-way through a change.
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new request; `None` when there are too many. `size` is what the answer costs before the plugin says anything.
    pub(crate) fn open(
        &self,
        expect: Expect,
        context: Context,
        size: usize,
    ) -> Option<(Req, oneshot::Receiver<Outcome>)> {
        let (reply, receiver) = oneshot::channel();
        let mut slots = self.lock();
        let index = match slots.iter().position(|s| s.request.is_none()) {
            Some(free) => free,
            None if slots.len() < MAX_REQUESTS => {
                slots.push(Slot::default());
                slots.len() - 1
            }
            None => return None,
        };
        let slot = &mut slots[index];
        slot.generation = slot.generation.wrapping_add(1).max(1);
        let entries = vec![Entry::Missing; expect.len()];
        let outcome = Outcome { entries, size, ..Outcome::default() };
        slot.request =
            Some(Request { expect, context, outcome, reply, pending: false, done: None, cancelled: false });
        let handle = (u64::from(slot.generation) << 32) | u64::try_from(index).unwrap_or(u64::from(u32::MAX));
        Some((handle, receiver))
    }

    fn slot(slots: &mut [Slot], req: Req) -> Option<&mut Slot> {
        let index = usize::try_from(req & u64::from(u32::MAX)).ok()?;
        slots.get_mut(index).filter(|s| u64::from(s.generation) == req >> 32 && s.request.is_some())
    }

    /// Runs something on a request that is under way.
    fn with<T>(&self, req: Req, run: impl FnOnce(&mut Request) -> T) -> Option<T> {
        Self::slot(&mut self.lock(), req)?.request.as_mut().map(run)
    }

    /// A value; `false` when the request is over.
    pub(crate) fn put_value(&self, req: Req, index: usize, kind: u32, value: &str) -> bool {
        self.with(req, |request| {
            let out = &mut request.outcome;
            if !matches!(request.expect, Expect::Values(_)) {
                return out.lie(None, "a value was given to a request that wants none");
            }
            if !out.take(index) {
                return;
            }
            out.entries[index] = if out.room(value.len()) {
                let start = out.arena.len();
                out.arena.push_str(value);
                Entry::Value(kind, start..out.arena.len())
            } else {
                Entry::Fault(status::E_RESOURCES, format!("the answer is larger than {MAX_ANSWER} bytes"))
            };
        })
        .is_some()
    }

    /// A fault; `false` when the request is over.
    pub(crate) fn put_fault(&self, req: Req, index: usize, code: Status, text: &str) -> bool {
        self.with(req, |request| {
            let out = &mut request.outcome;
            if !out.take(index) {
                return;
            }
            let text = cut(text, MAX_FAULT_TEXT);
            let code = if code < 0 { code } else { status::E_INTERNAL };
            let text = if out.room(text.len()) { text } else { "" };
            out.entries[index] = Entry::Fault(code, text.to_owned());
        })
        .is_some()
    }

    /// A row; `false` when the request is over.
    pub(crate) fn put_row(&self, req: Req, row: Reported) -> bool {
        self.with(req, |request| {
            let out = &mut request.outcome;
            let index = row.index;
            if !matches!(request.expect, Expect::Rows(_)) {
                return out.lie(None, "a row was given to a request that wants none");
            }
            match out.entries.get(index) {
                Some(Entry::Fault(..)) => return,
                Some(_) => {}
                None => return out.lie(None, format!("a row of table {index} was given, there are fewer")),
            }
            if out.rows.len() < MAX_ROWS && out.room(row.key.len() + row.alias.len()) {
                out.rows.push(row);
            } else {
                out.rows.retain(|r| r.index != index);
                out.entries[index] = Entry::Fault(status::E_RESOURCES, format!("more than {MAX_ROWS} rows"));
            }
        })
        .is_some()
    }

    /// An output of a command; `false` when the request is over.
    pub(crate) fn put_output(&self, req: Req, key: &str, value: &str) -> bool {
        self.with(req, |request| {
            let out = &mut request.outcome;
            if !matches!(request.expect, Expect::Command(_)) {
                return out.lie(None, "an output was given to a request that wants none");
            }
            let size = out.size + key.len() + value.len();
            if key.is_empty() {
                out.lie(None, "an output has no name");
            } else if out.outputs.len() >= MAX_OUTPUTS || size > MAX_OUTPUT_SIZE {
                out.overflowed = true;
            } else if out.outputs.insert(key.to_owned(), value.to_owned()).is_some() {
                out.lie(None, format!("the output {key} was given twice"));
            } else {
                out.size = size;
            }
        })
        .is_some()
    }

    /// Nobody wants the answer any more, which the plugin may find out; its end is waited for all the same. Tells whether
    /// the request is under way.
    pub(crate) fn cancel(&self, req: Req) -> bool {
        self.with(req, |request| request.cancelled = true).is_some()
    }

    /// Whether the plugin should stop working for a request.
    pub(crate) fn is_cancelled(&self, req: Req) -> bool {
        self.with(req, |request| request.cancelled).unwrap_or(true)
    }

    /// Notes something wrong; `false` when the request is over.
    pub(crate) fn put_lie(&self, req: Req, index: Option<usize>, what: String) -> bool {
        self.with(req, |request| request.outcome.lie(index, what)).is_some()
    }

    /// What is known of a request: nothing when it is over.
    pub(crate) fn context(&self, req: Req) -> Option<(Context, Expect)> {
        self.with(req, |request| (request.context, request.expect))
    }

    /// The call came back from the plugin with a status.
    pub(crate) fn returned(&self, req: Req, status: Status) -> Ended {
        let mut slots = self.lock();
        let Some(slot) = Self::slot(&mut slots, req) else { return Ended::Stale };
        let Some(request) = &mut slot.request else { return Ended::Stale };
        let (status, text) = match (status, request.done.take()) {
            (status::PENDING, None) => {
                request.pending = true;
                return Ended::Later;
            }
            (status::PENDING, Some(done)) => done,
            (status, None) => (status, String::new()),
            (status, Some(_)) => {
                request.outcome.lie(None, "the request was answered twice: by req_done() and by its status");
                (status, String::new())
            }
        };
        Self::end(slot, status, text)
    }

    /// The plugin called req_done().
    pub(crate) fn done(&self, req: Req, status: Status, text: &str) -> Ended {
        let mut slots = self.lock();
        let Some(slot) = Self::slot(&mut slots, req) else { return Ended::Stale };
        let Some(request) = &mut slot.request else { return Ended::Stale };
        let text = cut(text, MAX_FAULT_TEXT).to_owned();
        // "Pending" is no way to be done.
        let status = if status == status::PENDING { status::E_INTERNAL } else { status };
        if request.pending {
            return Self::end(slot, status, text);
        }
        if request.done.is_some() {
            request.outcome.lie(None, "req_done() was called twice");
        } else {
            request.done = Some((status, text));
        }
        Ended::Later
    }

    fn end(slot: &mut Slot, status: Status, text: String) -> Ended {
        if let Some(request) = slot.request.take() {
            // The asker may have given up in this moment.
            let _ = request.reply.send(Outcome { status, text, ..request.outcome });
        }
        Ended::Answered
    }

    /// Ends a request whose time is up: whatever comes for it from now on is stale. Tells whether the plugin had
    /// promised to answer later.
    pub(crate) fn forget(&self, req: Req) -> bool {
        let mut slots = self.lock();
        let taken = Self::slot(&mut slots, req).and_then(|slot| slot.request.take());
        taken.is_some_and(|request| request.pending)
    }

    /// How many requests are under way.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.lock().iter().filter(|s| s.request.is_some()).count()
    }
}

/// The start of a text, of at most `max` bytes.
pub(crate) fn cut(text: &str, max: usize) -> &str {
    if text.len() <= max {
        return text;
    }
    let mut end = max;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context() -> Context {
        Context { origin: 1, session: 7, deadline: Instant::now() }
    }

    #[test]
    fn a_stale_handle_is_recognised() {
        let all = Requests::default();
        let (first, mut answer) = all.open(Expect::Values(1), context(), 0).unwrap();
        assert_eq!(all.returned(first, status::OK), Ended::Answered);
        assert_eq!(answer.try_recv().unwrap().entries, [Entry::Missing]);
        let (second, _answer) = all.open(Expect::Values(1), context(), 0).unwrap();
        assert_ne!(first, second);
        assert!(!all.put_value(first, 0, 1, "late"));
        assert_eq!(all.done(first, status::OK, ""), Ended::Stale);
        assert_eq!(all.returned(first, status::OK), Ended::Stale);
        for garbage in [0, 1, u64::MAX, second + 1] {
            assert!(!all.put_value(garbage, 0, 1, "x"));
        }
        assert_eq!(all.len(), 1);
    }

    #[test]
    fn an_answer_may_come_before_the_call_returns_and_after() {
        let all = Requests::default();
        let (early, mut answer) = all.open(Expect::Status, context(), 0).unwrap();
        assert_eq!(all.done(early, -3, "no"), Ended::Later);
        assert_eq!(all.returned(early, status::PENDING), Ended::Answered);
        let outcome = answer.try_recv().unwrap();
        assert_eq!((outcome.status, outcome.text.as_str()), (-3, "no"));
        let (late, mut answer) = all.open(Expect::Status, context(), 0).unwrap();
        assert_eq!(all.returned(late, status::PENDING), Ended::Later);
        assert_eq!(all.done(late, status::OK, ""), Ended::Answered);
        assert_eq!(answer.try_recv().unwrap().status, status::OK);
    }

    #[test]
    fn a_second_answer_is_ignored_and_noted() {
        let all = Requests::default();
        let (req, mut answer) = all.open(Expect::Values(1), context(), 0).unwrap();
        assert!(all.put_value(req, 0, 1, "first"));
        assert!(all.put_value(req, 0, 1, "second"));
        assert!(all.put_value(req, 5, 1, "nowhere"));
        all.done(req, status::OK, "");
        all.returned(req, status::OK);
        let outcome = answer.try_recv().unwrap();
        assert_eq!(outcome.entries, [Entry::Value(1, 0..5)]);
        assert_eq!((outcome.arena.as_str(), outcome.lie_count), ("first", 3));
    }

    #[test]
    fn there_are_only_so_many_requests() {
        let all = Requests::default();
        let open: Vec<_> =
            (0..MAX_REQUESTS).map(|_| all.open(Expect::Status, context(), 0).unwrap()).collect();
        assert!(all.open(Expect::Status, context(), 0).is_none());
        all.forget(open[3].0);
        assert!(all.open(Expect::Status, context(), 0).is_some());
    }

    #[test]
    fn an_answer_has_a_largest_size() {
        let all = Requests::default();
        let (req, mut answer) = all.open(Expect::Values(30), context(), 0).unwrap();
        let large = "x".repeat(MAX_VALUE);
        for index in 0..30 {
            all.put_value(req, index, 1, &large);
        }
        all.returned(req, status::OK);
        let outcome = answer.try_recv().unwrap();
        let too_much = |e: &Entry| matches!(e, Entry::Fault(status::E_RESOURCES, _));
        assert!(too_much(&outcome.entries[29]));
        assert!(matches!(outcome.entries[1], Entry::Value(..)));
        assert!(outcome.arena.len() <= MAX_ANSWER);
    }

    #[test]
    fn endless_rows_end() {
        let all = Requests::default();
        let (req, mut answer) = all.open(Expect::Rows(2), context(), 0).unwrap();
        let row =
            |index, number| Reported { index, number, flags: 0, key: String::new(), alias: String::new() };
        all.put_row(req, row(1, 1));
        for number in 1..=70_000 {
            all.put_row(req, row(0, number));
        }
        all.put_row(req, row(7, 1));
        all.returned(req, status::OK);
        let outcome = answer.try_recv().unwrap();
        assert_eq!(outcome.rows, [row(1, 1)]);
        assert!(matches!(outcome.entries[0], Entry::Fault(status::E_RESOURCES, _)));
        assert_eq!(outcome.lie_count, 1);
    }

    #[test]
    fn a_command_has_so_many_outputs_and_no_more() {
        let all = Requests::default();
        let open = || all.open(Expect::Command(1), context(), 0).unwrap();
        let (req, mut answer) = open();
        for n in 0..=MAX_OUTPUTS {
            all.put_output(req, &format!("Output{n}"), "");
        }
        all.put_output(req, "Output0", "again");
        all.returned(req, status::OK);
        let outcome = answer.try_recv().unwrap();
        assert_eq!((outcome.outputs.len(), outcome.overflowed), (MAX_OUTPUTS, true));
        let (req, mut answer) = open();
        all.put_output(req, "a", &"x".repeat(MAX_OUTPUT_SIZE));
        all.put_output(req, "", "x");
        all.returned(req, status::OK);
        let outcome = answer.try_recv().unwrap();
        assert_eq!((outcome.outputs.len(), outcome.overflowed, outcome.lie_count), (0, true, 1));
    }

    #[test]
    fn a_cancelled_request_is_waited_for() {
        let all = Requests::default();
        let (req, mut answer) = all.open(Expect::Command(1), context(), 0).unwrap();
        assert_eq!(all.returned(req, status::PENDING), Ended::Later);
        assert!(!all.is_cancelled(req));
        assert!(all.cancel(req) && all.is_cancelled(req));
        assert_eq!(all.done(req, status::E_CANCELLED, ""), Ended::Answered);
        assert_eq!(answer.try_recv().unwrap().status, status::E_CANCELLED);
        assert!(!all.cancel(req) && all.is_cancelled(req));
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(cut("aöb", 2), "a");
        assert_eq!(cut("aöb", 3), "aö");
    }
}
