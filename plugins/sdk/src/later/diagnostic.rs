//! Runs of async plugins: each a task of the plugin's own thread, dropped where it waits when nobody wants it any more.

use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;

use tokio::task::JoinHandle;

use super::runtime::Shared;
use super::{AsyncPlugin, AsyncServe};
use crate::diagnostic::{Found, Ticket};
use crate::{Diagnostic, Failed, Settings};

/// An async plugin runs a diagnostic: what [`Diagnose`](crate::Diagnose) is for others.
#[diagnostic::on_unimplemented(
    message = "`{Self}` lists the diagnostic `{O}` and does not run it",
    note = "write `impl AsyncDiagnose<{O}> for {Self}`"
)]
pub trait AsyncDiagnose<O: Diagnostic>: AsyncServe<O> {
    /// Runs the test with what is set now. It is dropped where it waits when nobody wants the results any more; one that is
    /// begun again begins after that.
    fn diagnose(self: Rc<Self>, asked: O) -> impl Future<Output = Result<O::Results, Failed>>;
}

type Begin<A> = fn(Rc<A>, &Settings, Ticket, Option<JoinHandle<()>>) -> JoinHandle<()>;

/// A diagnostic that an async plugin runs; [`declare!`](crate::declare!) makes them.
#[derive(Debug)]
pub struct AsyncDiagnosed<A> {
    path: &'static str,
    begin: Begin<A>,
}

impl<A: AsyncPlugin> AsyncDiagnosed<A> {
    /// The diagnostic of type `O`.
    #[doc(hidden)]
    pub const fn of<O: Diagnostic>() -> Self
    where
        A: AsyncDiagnose<O>,
    {
        Self { path: O::NODES[0].path(), begin: begin::<A, O> }
    }
}

impl<A: AsyncPlugin> Shared<A> {
    /// Ends what runs.
    pub(super) fn stop_diagnostics(&self) {
        if let Some(settings) = self.plugin.settings() {
            settings.diagnostics().stop();
        }
    }

    /// Begins every run that is due.
    pub(super) fn begin_due(&self) {
        let Some(settings) = self.plugin.settings() else { return };
        while let Some(ticket) = settings.diagnostics().next_due() {
            let path = ticket.path();
            let Some(own) = A::DIAGNOSTICS.iter().find(|own| own.path == path) else {
                ticket.end(Err(Failed::internal("the plugin does not list it among its diagnostics")));
                continue;
            };
            let before = self.diagnostics.borrow_mut().remove(path);
            let task = (own.begin)(Rc::clone(&self.plugin), settings, ticket, before);
            self.diagnostics.borrow_mut().insert(path, task);
        }
    }
}

fn begin<A: AsyncDiagnose<O>, O: Diagnostic>(
    plugin: Rc<A>,
    settings: &Settings,
    ticket: Ticket,
    before: Option<JoinHandle<()>>,
) -> JoinHandle<()> {
    let (asked, stub) = (settings.object::<O>(), ticket.stub());
    let task = tokio::task::spawn_local(async move {
        if let Some(before) = before {
            // A panic in it was told by its ticket.
            let _ = before.await;
        }
        let result = match asked {
            Ok(asked) => plugin.diagnose(asked).await,
            Err(error) => Err(error.into()),
        };
        ticket.end(result.map(|results| Arc::new(results) as Found));
    });
    let abort = task.abort_handle();
    stub.going(Box::new(move || abort.abort()));
    task
}
