//! All diagnostics of a plugin: their states, and what their rules say is to be done.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cwmp_plugin_abi::DIAGNOSTICS_COMPLETE;

use super::machine::{Effects, Machine, Outcome, Wish};
use super::marker::{boot, Marker, PREFIX};
use super::{Failed, Thread, REQUESTED, STATE};
use crate::node::facet;
use crate::wanted::leaf;
use crate::{Error, Host, Level, Node, Notice, Origin};

pub(crate) use super::machine::{End, Found};

/// What says least of an error, the best first.
const PLAIN_ERRORS: [&str; 3] = ["Error_Internal", "Error_Other", "Error"];

/// The diagnostics of a plugin. Clones are cheap and show the same.
#[derive(Debug, Clone)]
pub(crate) struct Diagnostics {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    host: Host,
    boot: String,
    subjects: Vec<Subject>,
    /// Never held while the host or the plugin is called.
    state: Mutex<State>,
}

/// A diagnostic as it was declared.
#[derive(Debug)]
struct Subject {
    /// The object.
    path: &'static str,
    /// The parameter with its state, after the base.
    name: String,
    node: &'static Node,
}

struct State {
    in_session: bool,
    stopped: bool,
    /// The transaction that was prepared last, and whether it is the ACS's and of a session.
    asked: (u64, bool, bool),
    machines: Vec<Machine>,
    threads: Vec<Option<Thread>>,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let states: Vec<&str> = self.machines.iter().map(Machine::state).collect();
        f.debug_struct("State")
            .field("in_session", &self.in_session)
            .field("states", &states)
            .finish_non_exhaustive()
    }
}

/// What a transaction that is being committed wants of which diagnostic.
pub(crate) type Wishes = Vec<(usize, Wish)>;

impl Diagnostics {
    /// None runs. `unfinished` is a transaction that is committed and may yet be taken back.
    pub(crate) fn load(host: &Host, unfinished: Option<u64>) -> Result<Self, Error> {
        let about = host.about();
        let states = about.nodes.iter().filter(|node| leaf(node.path()) == STATE && node.is_writable());
        // Those in rows are not known: there would have to be a run for each row.
        let subject = |node: &'static Node| {
            let path = &node.path()[..node.path().len() - STATE.len()];
            let name = node.path().strip_prefix(about.base).unwrap_or(node.path()).to_owned();
            (!path.contains("{i}")).then_some(Subject { path, name, node })
        };
        let subjects: Vec<Subject> = states.filter_map(subject).collect();
        let machines = subjects.iter().map(|_| Machine::default()).collect();
        let threads = subjects.iter().map(|_| None).collect();
        let asked = (0, true, false);
        let state = Mutex::new(State { in_session: false, stopped: false, asked, machines, threads });
        let boot = if subjects.is_empty() { String::new() } else { boot() };
        let own = Self { inner: Arc::new(Inner { host: host.clone(), boot, subjects, state }) };
        own.find_interrupted(unfinished)?;
        Ok(own)
    }

    /// Runs that were under way when the plugin ended without being told to.
    fn find_interrupted(&self, unfinished: Option<u64>) -> Result<(), Error> {
        let Inner { host, boot, subjects, .. } = &*self.inner;
        for (index, subject) in subjects.iter().enumerate() {
            let Some(text) = host.store_get(&subject.key())? else { continue };
            let marker = Marker::read(&text).filter(|marker| marker.is_of(boot));
            match marker {
                Some(marker) if unfinished == Some(marker.txn) => {
                    let wish = Wish::Run { for_acs: marker.for_acs, in_session: false };
                    let effects = self.state().machines[index].committed(marker.txn, wish, false);
                    self.act(index, effects);
                }
                Some(marker) => {
                    let state = subject.error_state(None);
                    host.log(Level::Warning, &format!("{} was interrupted: {state}", subject.path));
                    self.state().machines[index] = Machine::failed(state);
                    self.act(index, Effects { over: true, event: marker.for_acs, ..Effects::default() });
                }
                // The device was switched off: it knows nothing, and says so.
                None => host.store_delete(&subject.key())?,
            }
        }
        Ok(())
    }

    /// Whether this is the state of a diagnostic.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.index(name).is_some()
    }

    /// The state of a diagnostic.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        let index = self.index(name)?;
        Some(self.state().machines[index].state().to_owned())
    }

    /// What the last run of the diagnostic with this path found.
    pub(crate) fn results(&self, path: &str) -> Option<Found> {
        let index = self.inner.subjects.iter().position(|subject| subject.path == path)?;
        self.state().machines[index].results().cloned()
    }

    /// Whether others may set this state.
    pub(crate) fn check(&self, name: &str, value: &str) -> Result<(), Error> {
        let Some(index) = self.index(name) else { return Ok(()) };
        let allowed = facet(self.inner.subjects[index].node.facet_text(), "enum=");
        match allowed {
            Some(allowed) if !allowed.split('|').any(|other| other == value) => {
                Err(Error::value(format!("{name} can be set to {}", allowed.replace('|', " or "))))
            }
            _ => Ok(()),
        }
    }

    /// On whose behalf a transaction is prepared.
    pub(crate) fn prepared(&self, txn: u64, origin: Origin, session: u64) {
        // A transaction that is carried through after a power cut may be the ACS's.
        self.state().asked = (txn, origin != Origin::Bus, session != 0);
    }

    /// What a transaction that sets these names wants, written down so that no crash loses it.
    pub(crate) fn commit(
        &self,
        txn: u64,
        names: &[String],
        value: impl Fn(&str) -> Option<String>,
    ) -> Result<Wishes, Error> {
        let mut wishes = Wishes::new();
        for (index, subject) in self.inner.subjects.iter().enumerate() {
            let object = &subject.name[..subject.name.len() - STATE.len()];
            let own = |name: &String| name.strip_prefix(object).is_some_and(|leaf| !leaf.contains('.'));
            if names.contains(&subject.name) && value(&subject.name).as_deref() == Some(REQUESTED) {
                let (for_acs, in_session) = {
                    let state = self.state();
                    let (asked, for_acs, in_session) = state.asked;
                    let known = asked == txn;
                    // Whoever waits already goes on waiting.
                    let waits = state.machines[index].is_for_acs();
                    (!known || for_acs || waits, known && in_session)
                };
                let marker = Marker { txn, boot: self.inner.boot.clone(), for_acs };
                self.inner.host.store_put(&subject.key(), &marker.write())?;
                wishes.push((index, Wish::Run { for_acs, in_session }));
            } else if names.iter().any(own) {
                wishes.push((index, Wish::Stop));
            }
        }
        Ok(wishes)
    }

    /// The transaction is committed.
    pub(crate) fn committed(&self, txn: u64, wishes: Wishes) {
        for (index, wish) in wishes {
            self.step(index, |machine, in_session| machine.committed(txn, wish, in_session));
        }
    }

    /// It is taken back.
    pub(crate) fn rolled_back(&self, txn: u64) {
        for index in 0..self.inner.subjects.len() {
            self.step(index, |machine, in_session| machine.rolled_back(txn, in_session));
            let key = self.inner.subjects[index].key();
            // What it said of itself goes; a run of before that is still under way is as good as one of the bus then.
            let said = self.inner.host.store_get(&key).ok().flatten().and_then(|text| Marker::read(&text));
            if said.is_some_and(|marker| marker.txn == txn) {
                self.write_again(index, &key);
            }
        }
    }

    fn write_again(&self, index: usize, key: &str) {
        let (going, for_acs) = {
            let state = self.state();
            (state.machines[index].state() == REQUESTED, state.machines[index].is_for_acs())
        };
        let marker = Marker { txn: 0, boot: self.inner.boot.clone(), for_acs };
        let host = &self.inner.host;
        let result = if going { host.store_put(key, &marker.write()) } else { host.store_delete(key) };
        self.tolerate(result);
    }

    /// It is over everywhere.
    pub(crate) fn finished(&self, txn: u64) {
        for index in 0..self.inner.subjects.len() {
            self.step(index, |machine, in_session| machine.finished(txn, in_session));
        }
    }

    /// Sessions begin and end.
    pub(crate) fn notice(&self, notice: Notice) {
        // A session that begins while one is open: nobody told of the end of that.
        let over = {
            let mut state = self.state();
            let before = state.in_session;
            match notice {
                Notice::SessionStart => {
                    state.in_session = true;
                    before
                }
                Notice::SessionEnd => {
                    state.in_session = false;
                    true
                }
                _ => false,
            }
        };
        if over {
            for index in 0..self.inner.subjects.len() {
                self.step(index, |machine, _| machine.session_over());
            }
        }
    }

    /// Everything is forgotten.
    pub(crate) fn reset(&self) {
        for index in 0..self.inner.subjects.len() {
            self.step(index, |machine, _| machine.reset());
        }
    }

    /// The plugin is told to end, and so is what runs. It is canceled, and nobody is told.
    pub(crate) fn stop(&self) {
        self.state().stopped = true;
        for index in 0..self.inner.subjects.len() {
            let effects = {
                let machine = &mut self.state().machines[index];
                // What may yet be taken back is decided after the next start.
                let over = machine.is_decided();
                Effects { over, announce: false, ..machine.reset() }
            };
            self.act(index, effects);
        }
    }

    /// Begins the next run that is due.
    pub(crate) fn next_due(&self) -> Option<Ticket> {
        let mut state = self.state();
        if state.stopped {
            return None;
        }
        let (index, number) =
            state.machines.iter_mut().enumerate().find_map(|(i, m)| Some((i, m.begin()?)))?;
        drop(state);
        Some(Ticket { board: self.clone(), index, number, over: false })
    }

    /// The thread of the run before, if there was one; the next comes in its place.
    pub(super) fn take_thread(&self, index: usize) -> Option<Thread> {
        self.state().threads[index].take()
    }

    pub(super) fn put_thread(&self, index: usize, thread: Thread) {
        self.state().threads[index] = Some(thread);
    }

    fn step(&self, index: usize, f: impl FnOnce(&mut Machine, bool) -> Effects) {
        let effects = {
            let mut state = self.state();
            let in_session = state.in_session;
            f(&mut state.machines[index], in_session)
        };
        self.act(index, effects);
    }

    /// Does what the rules say. The state is what it is already when anybody hears of it.
    fn act(&self, index: usize, effects: Effects) {
        let (host, subject) = (&self.inner.host, &self.inner.subjects[index]);
        if let Some(end) = effects.end {
            end();
        }
        if effects.over {
            let key = subject.key();
            // Looking costs nothing, and most of the time there is nothing.
            self.tolerate(
                host.store_get(&key).and_then(|marker| marker.map_or(Ok(()), |_| host.store_delete(&key))),
            );
        }
        if effects.event {
            self.tolerate(host.event(DIAGNOSTICS_COMPLETE, &[("Object", subject.path)]));
        }
        if effects.announce {
            self.announce(subject);
        }
    }

    /// Says that the object and what it has of results may be different.
    fn announce(&self, subject: &Subject) {
        let nodes = self.inner.host.about().nodes;
        let below =
            |node: &&Node| node.path().len() > subject.path.len() && node.path().starts_with(subject.path);
        let (mut names, mut tables) = (Vec::new(), Vec::new());
        for node in nodes.iter().filter(below) {
            let rest = &node.path()[subject.path.len()..];
            if let Some(table) =
                rest.strip_suffix("{i}.").filter(|table| node.is_table() && !table.contains("{i}"))
            {
                tables.push(format!("{}{table}", subject.path));
            } else if node.is_pushed() && !rest.contains("{i}") {
                names.push(node.path());
            }
        }
        if !names.is_empty() {
            self.inner.host.changed(&names);
        }
        for table in tables {
            self.inner.host.rows_changed(&table);
        }
    }

    /// Nobody can be told that the store does not work, but by the log.
    fn tolerate(&self, result: Result<(), Error>) {
        if let Err(error) = result {
            self.inner.host.log(Level::Error, &format!("a diagnostic: {error}, ignoring"));
        }
    }

    fn index(&self, name: &str) -> Option<usize> {
        self.inner.subjects.iter().position(|subject| subject.name == name)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nobody's code runs while it is held.
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Subject {
    fn key(&self) -> String {
        format!("{PREFIX}{}", self.name)
    }

    /// The state of an error: one that the object has.
    fn error_state(&self, wanted: Option<&str>) -> String {
        let known = facet(self.node.facet_text(), "enumro=").unwrap_or_default();
        let has = |state: &&str| known.is_empty() || known.split('|').any(|other| other == *state);
        let state = wanted.filter(has).or_else(|| PLAIN_ERRORS.into_iter().find(has));
        state.unwrap_or("Error").to_owned()
    }
}

/// A run that is to be begun, or is under way. Dropped, it has failed.
#[derive(Debug)]
pub(crate) struct Ticket {
    board: Diagnostics,
    index: usize,
    number: u64,
    over: bool,
}

/// What a ticket leaves with whoever begins the run.
pub(crate) struct Stub {
    board: Diagnostics,
    index: usize,
    number: u64,
}

impl Ticket {
    /// The object.
    pub(crate) fn path(&self) -> &'static str {
        self.board.inner.subjects[self.index].path
    }

    pub(super) fn board(&self) -> &Diagnostics {
        &self.board
    }

    pub(super) fn index(&self) -> usize {
        self.index
    }

    pub(crate) fn stub(&self) -> Stub {
        Stub { board: self.board.clone(), index: self.index, number: self.number }
    }

    /// It has ended by itself.
    pub(crate) fn end(mut self, result: Result<Found, Failed>) {
        self.tell(result);
    }

    fn tell(&mut self, result: Result<Found, Failed>) {
        self.over = true;
        let subject = &self.board.inner.subjects[self.index];
        let outcome: Outcome = result.map_err(|failed| {
            let state = subject.error_state(failed.state.as_deref());
            self.board.inner.host.log(Level::Notice, &format!("{}: {state}: {failed}", subject.path));
            state
        });
        let number = self.number;
        self.board.step(self.index, |machine, in_session| machine.ended(number, outcome, in_session));
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.over {
            self.tell(Err(Failed::internal("the run was given up: a panic, or the end")));
        }
    }
}

impl Stub {
    /// What ends the run before its time.
    pub(crate) fn going(self, end: End) {
        let unwanted = self.board.state().machines[self.index].going(self.number, end);
        if let Some(end) = unwanted {
            end();
        }
    }
}
