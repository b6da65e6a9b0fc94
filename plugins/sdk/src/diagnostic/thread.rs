//! Runs of plugins whose calls are not async: each in a thread of its own.

use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Arc;
use std::thread::JoinHandle;

use super::{Diagnose, Diagnostic, Failed, Found, Run, Test, Ticket};
use crate::job::Signal;
use crate::{Plugin, Settings};

/// The thread of a run.
pub(crate) type Thread = JoinHandle<()>;

/// A diagnostic that a plugin runs; [`declare!`](crate::declare!) makes them.
#[derive(Debug)]
pub struct Diagnosed<P> {
    path: &'static str,
    begin: fn(&mut P, &Settings, Ticket),
}

impl<P: Plugin> Diagnosed<P> {
    /// The diagnostic of type `O`.
    #[doc(hidden)]
    pub const fn of<O: Diagnostic>() -> Self
    where
        P: Diagnose<O>,
    {
        Self { path: O::NODES[0].path(), begin: begin::<P, O> }
    }
}

/// Begins every run that is due.
pub(crate) fn begin_due<P: Plugin>(plugin: &mut P) {
    let Some(settings) = plugin.settings().cloned() else { return };
    while let Some(ticket) = settings.diagnostics().next_due() {
        match P::DIAGNOSTICS.iter().find(|own| own.path == ticket.path()) {
            Some(own) => (own.begin)(plugin, &settings, ticket),
            None => ticket.end(Err(Failed::internal("the plugin does not list it among its diagnostics"))),
        }
    }
}

fn begin<P: Diagnose<O>, O: Diagnostic>(plugin: &mut P, settings: &Settings, ticket: Ticket) {
    let asked = settings.object::<O>().map_err(Failed::from);
    let test = match asked.and_then(|asked| prepare(plugin, asked)) {
        Ok(test) => test,
        Err(failed) => return ticket.end(Err(failed)),
    };
    let (board, index, stub) = (ticket.board().clone(), ticket.index(), ticket.stub());
    let before = board.take_thread(index);
    let signal = Arc::<Signal>::default();
    let run = Run(Arc::clone(&signal));
    let work = move || {
        if let Some(before) = before {
            // A panic in it was told by its ticket.
            let _ = before.join();
        }
        let result = test(&run);
        ticket.end(result.map(|results| Arc::new(results) as Found));
    };
    // Without a thread the ticket is dropped, which tells that it failed.
    if let Ok(thread) = std::thread::Builder::new().name("diagnostic".to_owned()).spawn(work) {
        stub.going(Box::new(move || signal.give()));
        board.put_thread(index, thread);
    }
}

/// A panic of the author's code is the failure of the test, not of the call that happens to begin it.
fn prepare<P: Diagnose<O>, O: Diagnostic>(plugin: &mut P, asked: O) -> Result<Test<O>, Failed> {
    catch_unwind(AssertUnwindSafe(|| plugin.diagnose(asked))).unwrap_or_else(|panic| {
        // Whatever was thrown might panic again as it is dropped.
        std::mem::forget(panic);
        Err(Failed::internal("a panic as it began"))
    })
}
