//! The rules for one diagnostic: values in, what is to be done out. No threads, no host, no store.

use std::any::Any;
use std::sync::Arc;

use super::{COMPLETE, NONE, REQUESTED};

/// What a run found.
pub(crate) type Found = Arc<dyn Any + Send + Sync>;

/// How a run ended: with results, or in a state of error.
pub(super) type Outcome = Result<Found, String>;

/// What ends a run before its time.
pub(crate) type End = Box<dyn FnOnce() + Send>;

/// What a transaction wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    /// A run, from its beginning.
    Run {
        /// Whether the ACS waits for its end.
        for_acs: bool,
        /// Whether it was said in a session.
        in_session: bool,
    },
    /// That whatever runs ends, and nothing is known of it.
    Stop,
}

/// What is to be done, in this order.
#[derive(Default)]
pub(super) struct Effects {
    /// A run is not wanted any more.
    pub(super) end: Option<End>,
    /// No run is under way any more.
    pub(super) over: bool,
    /// The state or the results are other than they were.
    pub(super) announce: bool,
    /// The ACS is told that it is complete.
    pub(super) event: bool,
}

/// One diagnostic.
#[derive(Default)]
pub(super) struct Machine {
    shown: Shown,
    results: Option<Found>,
    run: Option<Run>,
    /// What a committed transaction wants, until it is over everywhere.
    wish: Option<(u64, Wish)>,
    runs: u64,
}

#[derive(Default)]
enum Shown {
    #[default]
    None,
    Complete,
    Failed(String),
}

struct Run {
    number: u64,
    for_acs: bool,
    phase: Phase,
}

enum Phase {
    /// Wanted; perhaps not before the session is over.
    Waiting { for_session: bool },
    /// Under way; what ends it comes a moment later.
    Going(Option<End>),
    /// Nobody was shown yet.
    Ended(Outcome),
}

impl Machine {
    /// One whose run was interrupted.
    pub(super) fn failed(state: String) -> Self {
        Self { shown: Shown::Failed(state), ..Self::default() }
    }

    /// The value of `DiagnosticsState`.
    pub(super) fn state(&self) -> &str {
        match (&self.wish, &self.run, &self.shown) {
            (Some((_, Wish::Run { .. })), _, _) | (None, Some(_), _) => REQUESTED,
            (Some((_, Wish::Stop)), _, _) | (None, None, Shown::None) => NONE,
            (None, None, Shown::Complete) => COMPLETE,
            (None, None, Shown::Failed(state)) => state,
        }
    }

    /// What the last run found, until there is another.
    pub(super) fn results(&self) -> Option<&Found> {
        self.results.as_ref()
    }

    /// Whether the ACS waits for the end of a run.
    pub(super) fn is_for_acs(&self) -> bool {
        self.run.as_ref().is_some_and(|run| run.for_acs)
    }

    /// Whether no transaction may yet be taken back.
    pub(super) fn is_decided(&self) -> bool {
        self.wish.is_none()
    }

    /// A transaction is committed. It may yet be taken back, so nothing happens but that the state reads as it says.
    pub(super) fn committed(&mut self, txn: u64, wish: Wish, in_session: bool) -> Effects {
        let before = self.wish.map(|(other, _)| other).filter(|other| *other != txn);
        let effects = before.map(|other| self.finished(other, in_session)).unwrap_or_default();
        self.wish = Some((txn, wish));
        effects
    }

    /// A transaction is taken back: it never was.
    pub(super) fn rolled_back(&mut self, txn: u64, in_session: bool) -> Effects {
        match self.wish.take_if(|(other, _)| *other == txn) {
            Some(_) => self.show(in_session),
            None => Effects::default(),
        }
    }

    /// A transaction is over everywhere: what it wants is done.
    pub(super) fn finished(&mut self, txn: u64, in_session: bool) -> Effects {
        let Some((_, wish)) = self.wish.take_if(|(other, _)| *other == txn) else {
            return Effects::default();
        };
        if wish == Wish::Stop && self.run.is_none() && matches!(self.shown, Shown::None) {
            return Effects::default();
        }
        let waited_for = self.is_for_acs();
        let effects = self.forget_run();
        self.shown = Shown::None;
        if let Wish::Run { for_acs, in_session: said_in_session } = wish {
            self.results = None;
            self.runs += 1;
            let phase = Phase::Waiting { for_session: in_session || said_in_session };
            self.run = Some(Run { number: self.runs, for_acs: for_acs || waited_for, phase });
        }
        Effects { over: wish == Wish::Stop, announce: true, ..effects }
    }

    /// The session is over.
    pub(super) fn session_over(&mut self) -> Effects {
        if let Some(Run { phase: Phase::Waiting { for_session }, .. }) = &mut self.run {
            *for_session = false;
        }
        self.show(false)
    }

    /// Begins the run that is due, and gives its number.
    pub(super) fn begin(&mut self) -> Option<u64> {
        let run = self.run.as_mut()?;
        if !matches!(run.phase, Phase::Waiting { for_session: false }) {
            return None;
        }
        run.phase = Phase::Going(None);
        Some(run.number)
    }

    /// What ends a run that was begun. It comes back if nobody wants that run any more.
    pub(super) fn going(&mut self, number: u64, end: End) -> Option<End> {
        match &mut self.run {
            Some(Run { number: own, phase: Phase::Going(place), .. }) if *own == number => {
                *place = Some(end);
                None
            }
            Some(Run { number: own, .. }) if *own == number => None,
            _ => Some(end),
        }
    }

    /// A run has ended by itself. Those that nobody wants any more say nothing.
    pub(super) fn ended(&mut self, number: u64, outcome: Outcome, in_session: bool) -> Effects {
        match &mut self.run {
            Some(run) if run.number == number => run.phase = Phase::Ended(outcome),
            _ => return Effects::default(),
        }
        self.show(in_session)
    }

    /// Everything ends, and nothing is known any more.
    pub(super) fn reset(&mut self) -> Effects {
        let effects = self.forget_run();
        let runs = self.runs;
        *self = Self { runs, ..Self::default() };
        Effects { over: true, announce: true, ..effects }
    }

    /// Shows how a run ended, unless a session is open, which would see one half of it before and the other after, or a
    /// transaction that replaces it may yet be taken back.
    fn show(&mut self, in_session: bool) -> Effects {
        if in_session || self.wish.is_some() {
            return Effects::default();
        }
        let Some(Run { for_acs, phase: Phase::Ended(outcome), .. }) =
            self.run.take_if(|run| matches!(run.phase, Phase::Ended(_)))
        else {
            return Effects::default();
        };
        match outcome {
            Ok(found) => {
                self.results = Some(found);
                self.shown = Shown::Complete;
            }
            Err(state) => self.shown = Shown::Failed(state),
        }
        Effects { end: None, over: true, announce: true, event: for_acs }
    }

    fn forget_run(&mut self) -> Effects {
        let end = match self.run.take().map(|run| run.phase) {
            Some(Phase::Going(end)) => end,
            _ => None,
        };
        Effects { end, ..Effects::default() }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    const ASKED: Wish = Wish::Run { for_acs: true, in_session: true };
    const ON_BUS: Wish = Wish::Run { for_acs: false, in_session: false };

    #[allow(clippy::unnecessary_wraps)] // what a run says
    fn found(number: u32) -> Outcome {
        Ok(Arc::new(number))
    }

    fn results(machine: &Machine) -> Option<u32> {
        machine.results().map(|found| *found.downcast_ref::<u32>().unwrap())
    }

    /// A machine whose run was asked for by the ACS and is under way, and how often it was ended.
    fn going() -> (Machine, u64, Arc<AtomicU32>) {
        let (mut machine, ended) = (Machine::default(), Arc::<AtomicU32>::default());
        machine.committed(1, ASKED, true);
        machine.finished(1, true);
        machine.session_over();
        let number = machine.begin().unwrap();
        let count = Arc::clone(&ended);
        assert!(machine.going(number, Box::new(move || count.store(1, Ordering::Relaxed))).is_none());
        (machine, number, ended)
    }

    fn run(effects: Effects) -> (bool, bool) {
        if let Some(end) = effects.end {
            end();
        }
        (effects.over, effects.event)
    }

    /// C172: it begins after the session in which it was asked for.
    #[test]
    fn a_run_waits_for_the_end_of_its_session() {
        let mut machine = Machine::default();
        assert_eq!(machine.state(), "None");
        machine.committed(1, ASKED, true);
        assert_eq!((machine.begin(), machine.state()), (None, "Requested"));
        machine.finished(1, true);
        assert_eq!((machine.begin(), machine.state()), (None, "Requested"));
        machine.session_over();
        assert_eq!((machine.begin(), machine.begin()), (Some(1), None));
        assert_eq!(machine.state(), "Requested");
    }

    #[test]
    fn outside_of_a_session_a_run_is_due_when_its_transaction_is_over() {
        let mut machine = Machine::default();
        machine.committed(1, ON_BUS, false);
        assert_eq!(machine.begin(), None);
        machine.finished(1, false);
        assert_eq!(machine.begin(), Some(1));
        // Nobody but the ACS is told by an event.
        assert_eq!(run(machine.ended(1, found(7), false)), (true, false));
        assert_eq!((machine.state(), results(&machine)), ("Complete", Some(7)));
    }

    #[test]
    fn what_is_taken_back_never_began() {
        let mut machine = Machine::default();
        machine.committed(1, ASKED, true);
        machine.rolled_back(1, true);
        machine.finished(1, true);
        machine.session_over();
        assert_eq!((machine.begin(), machine.state()), (None, "None"));
    }

    /// C172: results, then the event; also when it failed.
    #[test]
    fn the_end_is_told_with_results_or_an_error() {
        let (mut machine, number, _) = going();
        assert_eq!(run(machine.ended(number, found(7), false)), (true, true));
        assert_eq!((machine.state(), results(&machine)), ("Complete", Some(7)));
        let (mut machine, number, _) = going();
        assert_eq!(run(machine.ended(number, Err("Error_Timeout".into()), false)), (true, true));
        assert_eq!((machine.state(), results(&machine)), ("Error_Timeout", None));
        assert_eq!(run(machine.session_over()), (false, false));
    }

    /// C172: no session sees one half of a run before and the other after.
    #[test]
    fn a_run_that_ends_in_a_session_is_shown_after_it() {
        let (mut machine, number, _) = going();
        assert_eq!(run(machine.ended(number, found(7), true)), (false, false));
        assert_eq!((machine.state(), results(&machine)), ("Requested", None));
        assert_eq!(run(machine.session_over()), (true, true));
        assert_eq!((machine.state(), results(&machine)), ("Complete", Some(7)));
    }

    /// C172: whatever else is set ends it without an event.
    #[test]
    fn a_stop_ends_the_run_in_silence() {
        let (mut machine, number, ended) = going();
        machine.committed(2, Wish::Stop, false);
        assert_eq!((machine.state(), ended.load(Ordering::Relaxed)), ("None", 0));
        assert_eq!(run(machine.finished(2, false)), (true, false));
        assert_eq!((machine.state(), ended.load(Ordering::Relaxed)), ("None", 1));
        assert_eq!(run(machine.ended(number, found(7), false)), (false, false));
        assert_eq!((machine.state(), results(&machine)), ("None", None));
    }

    #[test]
    fn a_stop_that_is_taken_back_leaves_the_run_alone() {
        let (mut machine, number, ended) = going();
        machine.committed(2, Wish::Stop, false);
        // It ends before anybody knows whether it is to be ended.
        assert_eq!(run(machine.ended(number, found(7), false)), (false, false));
        assert_eq!(run(machine.rolled_back(2, false)), (true, true));
        assert_eq!(
            (machine.state(), results(&machine), ended.load(Ordering::Relaxed)),
            ("Complete", Some(7), 0)
        );
    }

    /// C172: asked for again it begins again, and what the old run finds is nobody's.
    #[test]
    fn a_second_request_begins_again() {
        let (mut machine, first, ended) = going();
        machine.committed(2, ON_BUS, false);
        run(machine.finished(2, false));
        assert_eq!(ended.load(Ordering::Relaxed), 1);
        let second = machine.begin().unwrap();
        assert_eq!(run(machine.ended(first, found(1), false)), (false, false));
        assert_eq!(machine.state(), "Requested");
        // The ACS waits for it since the first.
        assert_eq!(run(machine.ended(second, found(2), false)), (true, true));
        assert_eq!(results(&machine), Some(2));
        // What ends a run that is over has nothing to do; of one that nobody wants it comes back.
        assert!(machine.going(first, Box::new(|| ())).is_some());
    }

    /// C172: results stay until the next run.
    #[test]
    fn results_stay_until_the_next_run() {
        let (mut machine, number, _) = going();
        machine.ended(number, found(7), false);
        machine.committed(2, Wish::Stop, false);
        machine.finished(2, false);
        assert_eq!((machine.state(), results(&machine)), ("None", Some(7)));
        // Where nothing was, nothing is different.
        machine.committed(4, Wish::Stop, false);
        assert!(!machine.finished(4, false).announce);
        machine.committed(3, ON_BUS, false);
        assert_eq!(results(&machine), Some(7));
        machine.finished(3, false);
        assert_eq!((machine.state(), results(&machine)), ("Requested", None));
        machine.reset();
        assert_eq!((machine.begin(), machine.state()), (None, "None"));
    }

    #[test]
    fn a_transaction_whose_end_was_never_told_is_over_when_the_next_is_committed() {
        let (mut machine, _, ended) = going();
        machine.committed(2, Wish::Stop, false);
        run(machine.committed(3, ON_BUS, false));
        assert_eq!(ended.load(Ordering::Relaxed), 1);
        machine.finished(3, false);
        assert!(machine.begin().is_some());
    }
}
