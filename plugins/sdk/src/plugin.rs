//! What an author writes.

use crate::{
    Answer, Argument, Change, ChangeFault, Config, Declared, Error, Host, Name, Node, Output, OwnedNode, Row,
    Settings, Txn,
};

/// When a committed change is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// Now.
    Now,
    /// When [`Plugin::apply`] is called, after the session of the ACS.
    AfterSession,
    /// After the next reboot.
    AfterReboot,
}

/// Something that the plugin may want to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// A session of the ACS begins.
    SessionStart,
    /// It has ended.
    SessionEnd,
    /// The clock is right from now on.
    ClockTrusted,
    /// Forget everything. The settings are empty already. It is repeated until it succeeds.
    FactoryReset,
    /// The device goes down.
    Shutdown,
}

/// A plugin. Calls come one at a time, on one thread, and are expected to be short.
///
/// What is not written here comes from [`settings`](Self::settings).
pub trait Plugin: Declared + Send {
    /// Whether calls are answered later, by what [`defer`](Self::defer) does with them.
    #[cfg(feature = "tokio")]
    #[doc(hidden)]
    const DEFERS: bool = false;

    /// Takes a call that is answered later.
    #[cfg(feature = "tokio")]
    #[doc(hidden)]
    fn defer(&mut self, late: crate::later::Late, call: crate::later::Call) {
        drop((late, call));
    }

    /// Begins. An error keeps the plugin from being served and is logged.
    fn create(host: Host, config: &Config) -> Result<Self, Error>;

    /// What is kept for the ACS: its values, rows and transactions are the SDK's business then.
    fn settings(&self) -> Option<&Settings> {
        None
    }

    /// Whether this device has a node that was declared. Asked once, after `create`.
    fn serves(&self, node: &Node) -> bool {
        let _ = node;
        true
    }

    /// What it serves beside the declaration, known only now. Asked once, after `create`.
    ///
    /// These nodes are the plugin's own business: [`Settings`] know the declared ones alone.
    fn nodes(&self) -> Vec<OwnedNode> {
        Vec::new()
    }

    /// Everything is set up; threads may begin.
    fn start(&mut self) -> Result<(), Error> {
        Ok(())
    }

    /// The end is near.
    fn stop(&mut self) {}

    /// Reads: one call for everything that is asked at once. Each name gets one value or one fault.
    fn get(&mut self, names: &[Name<'_>], answer: &mut Answer<'_>) {
        if let Some(settings) = self.settings() {
            for (i, name) in names.iter().enumerate() {
                settings.answer(i, *name, answer);
            }
        }
    }

    /// The rows that a table has now; the name ends in a dot.
    fn rows(&mut self, table: Name<'_>) -> Result<Vec<Row>, Error> {
        match self.settings() {
            Some(settings) => settings.rows(table),
            None => Err(Error::name("no such table")),
        }
    }

    /// Looks at one change before anything is prepared: a place for rules that facets cannot say.
    fn check(&mut self, change: &Change<'_>) -> Result<(), Error> {
        let _ = change;
        Ok(())
    }

    /// Puts settings in force that were committed or rolled back, after the typed objects did. The names follow the base;
    /// rows end in a dot.
    ///
    /// An error undoes the commit: the settings become what they were, the typed objects are told the opposite, and then
    /// this is called once more, with the same names. So a plugin that makes the device as the settings say need not know
    /// how far it came before it failed. The second call comes as well when it is the commit's end that cannot be stored.
    /// Its own error is logged, and the rollback that follows calls it once more, as it does after a panic. What it stores
    /// goes with the failed commit.
    fn put_in_force(&mut self, names: &[String]) -> Result<Effect, Error> {
        let _ = names;
        Ok(Effect::Now)
    }

    /// Validates and reserves, without any effect. Called again for the same transaction it does the same again.
    fn prepare(&mut self, txn: &Txn<'_>, changes: &[Change<'_>]) -> Result<(), Vec<ChangeFault>> {
        txn.prepare(self, changes)
    }

    /// Makes the prepared changes durable and puts them in force.
    fn commit(&mut self, txn: &Txn<'_>) -> Result<Effect, Error> {
        txn.commit(self)
    }

    /// Forgets what was prepared, or takes back what was committed. An unknown transaction is a success.
    fn rollback(&mut self, txn: &Txn<'_>) -> Result<(), Error> {
        txn.rollback(self)
    }

    /// The transaction is over everywhere.
    fn finish(&mut self, txn: &Txn<'_>) -> Result<(), Error> {
        match self.settings() {
            Some(settings) => settings.finish(txn.id),
            None => Ok(()),
        }
    }

    /// The session is over: what `commit` answered [`Effect::AfterSession`] for comes in force.
    fn apply(&mut self, txn: &Txn<'_>) -> Result<(), Error> {
        let _ = txn;
        Ok(())
    }

    /// Which changes somebody wants to hear of. A plugin that announces all its changes need not care.
    fn watch(&mut self, names: &[Name<'_>], on: bool) -> Result<(), Error> {
        let _ = (names, on);
        Ok(())
    }

    /// Something happened.
    fn notice(&mut self, notice: Notice) -> Result<(), Error> {
        let _ = notice;
        Ok(())
    }

    /// Runs a command. What takes its time takes [`Output::later`] and answers from another thread; what does not can
    /// ask [`Request::is_cancelled`](crate::Request::is_cancelled) now and then.
    fn invoke(
        &mut self,
        command: Name<'_>,
        arguments: &[Argument<'_>],
        output: &mut Output<'_>,
    ) -> Result<(), Error> {
        let _ = (arguments, output);
        Err(Error::unsupported(format!("no command {}", command.full())))
    }
}
