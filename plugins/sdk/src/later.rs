//! Plugins whose calls are async (feature `tokio`): on a runtime of their own, in a thread of their own.
//!
//! The host's calls are answered later, so that a slow one keeps nobody waiting: reads run side by side, changes one
//! after the other. Everything of the plugin lives in that one thread, so `Rc` and `RefCell` will do; a `RefCell` is not
//! borrowed across an `await`.
//!
//! ```
//! use std::rc::Rc;
//! use cwmp_plugin_sdk::{declare, AsyncPlugin, AsyncServe, Config, Error, Host, Object, Wanted};
//!
//! #[derive(Object)]
//! #[object("Device.X_ACME_Mast.")]
//! struct Mast {
//!     height: u32,
//! }
//!
//! struct Masts;
//!
//! declare! { async Masts, name: "masts", objects { Mast } }
//!
//! impl AsyncPlugin for Masts {
//!     async fn create(_: Host, _: Config) -> Result<Self, Error> {
//!         Ok(Self)
//!     }
//! }
//!
//! impl AsyncServe<Mast> for Masts {
//!     async fn read(self: Rc<Self>, kept: Mast, _: &Wanted<'_>) -> Result<Mast, Error> {
//!         tokio::time::sleep(std::time::Duration::from_millis(1)).await;
//!         Ok(Mast { height: 12, ..kept })
//!     }
//! }
//! # let masts = cwmp_plugin_sdk::testing::Harness::new(&PLUGIN, "{}");
//! # assert_eq!(masts.get("Device.X_ACME_Mast.Height").unwrap(), "12");
//! ```

mod call;
mod diagnostic;
mod runtime;
mod serve;
mod transaction;

use std::future::Future;
use std::os::fd::OwnedFd;
use std::rc::Rc;

use crate::{
    About, Answer, Change, Config, Effect, Error, Host, Job, Name, Node, Notice, OwnedNode, Row, Settings,
};

pub(crate) use call::OwnedChange;
pub use call::{Call, Late};
pub use diagnostic::{AsyncDiagnose, AsyncDiagnosed};
pub use runtime::Async;
pub use serve::{AsyncServe, AsyncServed, PreparedLater};

/// A type for which [`declare!`](crate::declare!) was written with the word `async`.
pub trait AsyncDeclared: Sized + 'static {
    /// What was declared.
    const ABOUT: About;
    /// The typed objects; their nodes come first in what was declared.
    const OBJECTS: &'static [AsyncServed<Self>] = &[];
    /// The diagnostics among them.
    const DIAGNOSTICS: &'static [AsyncDiagnosed<Self>] = &[];
}

/// An argument of a command.
#[derive(Debug)]
pub struct OwnedArgument {
    /// Its name.
    pub key: String,
    /// Its value.
    pub value: String,
    /// A file: to be read from, or to be filled.
    pub file: Option<OwnedFd>,
}

/// A plugin whose calls are async: what [`Plugin`](crate::Plugin) is for others, member for member.
pub trait AsyncPlugin: AsyncDeclared {
    /// Begins. An error keeps the plugin from being served and is logged.
    fn create(host: Host, config: Config) -> impl Future<Output = Result<Self, Error>>;

    /// What is kept for the ACS.
    fn settings(&self) -> Option<&Settings> {
        None
    }

    /// Whether this device has a node that was declared. Asked once, after `create`.
    fn serves(&self, node: &Node) -> bool {
        let _ = node;
        true
    }

    /// What it serves beside the declaration, known only now. Asked once, after `create`.
    fn nodes(&self) -> Vec<OwnedNode> {
        Vec::new()
    }

    /// Everything is set up. What goes on for ever is spawned: `tokio::task::spawn_local`.
    fn start(self: Rc<Self>) -> impl Future<Output = Result<(), Error>> {
        async { Ok(()) }
    }

    /// The end is near; there is a second left.
    fn stop(self: Rc<Self>) -> impl Future<Output = ()> {
        async {}
    }

    /// Reads what belongs to no typed object.
    fn get(self: Rc<Self>, names: &[Name<'_>], answer: &mut Answer<'_>) -> impl Future<Output = ()> {
        if let Some(settings) = self.settings() {
            for (i, name) in names.iter().enumerate() {
                settings.answer(i, *name, answer);
            }
        }
        async {}
    }

    /// The rows of a table that is no typed object.
    fn rows(self: Rc<Self>, table: Name<'_>) -> impl Future<Output = Result<Vec<Row>, Error>> {
        let rows = match self.settings() {
            Some(settings) => settings.rows(table),
            None => Err(Error::name("no such table")),
        };
        async { rows }
    }

    /// Looks at one change before anything is prepared.
    fn check(&self, change: &Change<'_>) -> Result<(), Error> {
        let _ = change;
        Ok(())
    }

    /// Puts settings in force that were committed or rolled back, after the typed objects did. The names follow the base;
    /// rows end in a dot.
    ///
    /// An error undoes the commit: the settings become what they were, the typed objects are told the opposite, and then
    /// this is called once more, with the same names, as [`Plugin::put_in_force`](crate::Plugin::put_in_force) is.
    fn put_in_force(self: Rc<Self>, names: &[String]) -> impl Future<Output = Result<Effect, Error>> {
        let _ = names;
        async { Ok(Effect::Now) }
    }

    /// A transaction is over everywhere and holds: it cannot be taken back any more. What cannot be undone, such as to erase
    /// something, is done here and not in [`put_in_force`](Self::put_in_force).
    ///
    /// Once for each transaction that was committed. What the agent could not tell is told before the next transaction is
    /// looked at, also after a restart; an error is logged and nothing more.
    fn finished(self: Rc<Self>, txn: u64) -> impl Future<Output = Result<(), Error>> {
        let _ = txn;
        async { Ok(()) }
    }

    /// The session is over: what `commit` answered [`Effect::AfterSession`] for comes in force.
    fn apply(self: Rc<Self>, txn: u64) -> impl Future<Output = Result<(), Error>> {
        let _ = txn;
        async { Ok(()) }
    }

    /// Something happened.
    fn notice(self: Rc<Self>, notice: Notice) -> impl Future<Output = Result<(), Error>> {
        let _ = notice;
        async { Ok(()) }
    }

    /// Runs a command. When nobody wants the answer any more, it is dropped where it waits.
    fn invoke(
        self: Rc<Self>,
        command: &str,
        arguments: Vec<OwnedArgument>,
        job: &Job,
    ) -> impl Future<Output = Result<(), Error>> {
        let _ = (arguments, job);
        let error = Error::unsupported(format!("no command {command}"));
        async { Err(error) }
    }
}
