//! The environment names the point at which the agent ends.
//!
//! `CWMPD_CUT=KIND:N` ends it at the N-th point of that kind. `CWMPD_CUT_TRACE=FILE` gets a line for every point that is
//! passed, so that a test can count them and name them all.

use std::io::Write as _;
use std::sync::{Mutex, OnceLock, PoisonError};

use cwmp_store::CutPoint;
use nix::sys::signal::{raise, Signal};

const CUT: &str = "CWMPD_CUT";
const TRACE: &str = "CWMPD_CUT_TRACE";

/// A place where the agent can be cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Point {
    /// A batch is to be stored and nothing of it is.
    BeforeStore,
    /// A batch is durable and nobody was told.
    Stored,
    /// The ACS has a message, and its reply was not looked at.
    Sent,
    /// A provider has done a step of a transaction, and its answer was not looked at.
    Called,
}

impl Point {
    const ALL: [Self; 4] = [Self::BeforeStore, Self::Stored, Self::Sent, Self::Called];

    fn word(self) -> &'static str {
        match self {
            Self::BeforeStore => "before-store",
            Self::Stored => "store",
            Self::Sent => "sent",
            Self::Called => "called",
        }
    }
}

#[derive(Debug, Default)]
struct Plan {
    cut: Option<(Point, u64)>,
    trace: Option<std::fs::File>,
    passed: [u64; 4],
}

static PLAN: OnceLock<Mutex<Plan>> = OnceLock::new();

/// Reads what is wanted from the environment; once, before anything is stored. Says what cannot be understood.
pub fn arm() -> Result<(), String> {
    let mut plan = Plan::default();
    if let Ok(text) = std::env::var(CUT) {
        let cut = text.split_once(':').and_then(|(kind, number)| {
            let kind = Point::ALL.into_iter().find(|p| p.word() == kind)?;
            Some((kind, number.parse().ok().filter(|n| *n > 0)?))
        });
        plan.cut = Some(cut.ok_or_else(|| format!("{CUT}={text}: no point to cut at"))?);
    }
    if let Some(file) = std::env::var_os(TRACE) {
        let opened = std::fs::OpenOptions::new().create(true).append(true).open(&file);
        plan.trace = Some(opened.map_err(|error| format!("{TRACE}: {error}"))?);
    }
    if plan.cut.is_some() || plan.trace.is_some() {
        // A second call is none: the process has one plan.
        let _ = PLAN.set(Mutex::new(plan));
        cwmp_store::set_cut_hook(|point| {
            pass(match point {
                CutPoint::BeforeCommit => Point::BeforeStore,
                CutPoint::AfterCommit => Point::Stored,
            });
        });
    }
    Ok(())
}

/// The agent comes by a point. Any thread may.
pub(super) fn pass(point: Point) {
    let Some(plan) = PLAN.get() else { return };
    let mut plan = plan.lock().unwrap_or_else(PoisonError::into_inner);
    let number = &mut plan.passed[point as usize];
    *number += 1;
    let number = *number;
    if let Some(trace) = &mut plan.trace {
        // A trace that cannot be written fails the test that reads it.
        let _ = writeln!(trace, "{}:{number}", point.word());
    }
    if plan.cut == Some((point, number)) {
        // The lock is held: no other thread passes a point any more.
        let _ = raise(Signal::SIGKILL);
    }
}
