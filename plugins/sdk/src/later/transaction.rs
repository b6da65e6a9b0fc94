//! Transactions of async plugins, one after the other: what [`crate::transaction`] is for others.

use std::collections::BTreeMap;
use std::rc::Rc;

use cwmp_plugin_abi::status;
use tokio::sync::{Mutex, MutexGuard};

use super::call::{Late, OwnedChange};
use super::runtime::Shared;
use super::{AsyncPlugin, PreparedLater};
use crate::answer::put_fault;
use crate::edit::RawEdit;
use crate::settings::{Begun, Delta};
use crate::transaction::{edits, first_of, not_taken_back, Done, Found};
use crate::{Change, ChangeFault, Effect, Error, Level, Notice, Settings};

/// What is prepared.
#[derive(Default)]
pub(super) struct Transactions(Mutex<Vec<Step>>);

struct Step {
    object: usize,
    edits: Vec<RawEdit>,
    prepared: PreparedLater,
}

impl<A: AsyncPlugin> Shared<A> {
    pub(super) async fn prepare(&self, txn: u64, changes: &[OwnedChange], late: &Late) -> Result<i32, Error> {
        let changes: Vec<Change<'_>> = changes.iter().map(|change| change.lend(&self.host)).collect();
        let mut prepared = self.transactions.0.lock().await;
        // Whatever was prepared before and never committed goes first.
        prepared.clear();
        // And what was committed holds: with another transaction the agent is done with that one, whoever was away then.
        let before = self.plugin.settings().and_then(Settings::unfinished).filter(|before| *before != txn);
        if let Some(before) = before {
            self.hold(before).await?;
        }
        match self.steps_of_changes(txn, &changes, late).await {
            Ok(steps) => {
                *prepared = steps;
                Ok(status::OK)
            }
            Err(faults) => {
                for ChangeFault { index, error } in &faults {
                    put_fault(late.raw(), late.id(), *index, error);
                }
                Err(first_of(faults))
            }
        }
    }

    async fn steps_of_changes(
        &self,
        txn: u64,
        changes: &[Change<'_>],
        late: &Late,
    ) -> Result<Vec<Step>, Vec<ChangeFault>> {
        let check = |(index, change)| {
            let error = self.plugin.check(change).err()?;
            Some(ChangeFault { index, error })
        };
        let faults: Vec<ChangeFault> = changes.iter().enumerate().filter_map(check).collect();
        if !faults.is_empty() {
            return Err(faults);
        }
        let Some(settings) = self.plugin.settings().cloned() else {
            let fault = |index| ChangeFault { index, error: Error::not_writable("cannot be set") };
            return Err((0..changes.len()).map(fault).collect());
        };
        let mut found = Found::new(&self.directory, &self.host, changes);
        for (object, index) in found.objects() {
            let question = self.directory.writable(object, self.asker(late));
            let read = A::OBJECTS[object].read;
            let rows = read(Rc::clone(&self.plugin), &question.kept, &question.wanted).await;
            found.note(object, &*rows.map_err(|error| vec![ChangeFault { index, error }])?);
        }
        settings.offer(txn, found.all);
        settings.diagnostics().prepared(txn, late.request().origin(), late.request().session());
        settings.prepare(txn, changes)?;
        let Some(delta) = settings.staged(txn) else { return Ok(Vec::new()) };
        let steps = self.steps(&settings, &delta, changes).await;
        if steps.is_err() {
            settings.unstage(txn);
            return steps;
        }
        settings.remember(txn).map_err(|error| vec![ChangeFault { index: 0, error }])?;
        steps
    }

    /// Prepares what a difference of the settings means to typed objects.
    async fn steps(
        &self,
        settings: &Settings,
        delta: &Delta,
        changes: &[Change<'_>],
    ) -> Result<Vec<Step>, Vec<ChangeFault>> {
        let (mut steps, mut faults) = (Vec::new(), Vec::new());
        for (object, edits) in edits(&self.directory, settings, delta, changes) {
            match (A::OBJECTS[object].change)(Rc::clone(&self.plugin), edits.clone()).await {
                Ok(prepared) => steps.push(Step { object, edits, prepared }),
                Err(refused) => faults.extend(refused),
            }
        }
        if faults.is_empty() {
            Ok(steps)
        } else {
            Err(faults)
        }
    }

    pub(super) async fn commit(&self, txn: u64) -> Result<i32, Error> {
        let mut prepared = self.transactions.0.lock().await;
        let settings = self.plugin.settings().cloned();
        let settings = settings.ok_or_else(|| Error::unsupported("nothing can be set"))?;
        let commit = match settings.begin_commit(txn)? {
            Begun::Before(effect) => return Ok(number(effect)),
            Begun::Now(commit) => commit,
        };
        let mut done = Done::default();
        let result = match self.in_force(&mut prepared, &commit.names, &mut done).await {
            Ok(effect) => commit.end(effect),
            Err(error) => {
                // The settings are as they were before anything is taken back.
                drop(commit);
                Err(error)
            }
        };
        if result.is_err() && self.take_back(done).await {
            settings.take_unsettled(txn);
        }
        result.map(number)
    }

    pub(super) async fn rollback(&self, txn: u64) -> Result<i32, Error> {
        let mut prepared = self.transactions.0.lock().await;
        prepared.clear();
        let Some(settings) = self.plugin.settings().cloned() else { return Ok(status::OK) };
        if let Some(undo) = settings.undo_of(txn) {
            settings.offer(0, BTreeMap::new());
            *prepared = self.steps(&settings, &undo, &[]).await.map_err(first_of)?;
        }
        if let Some(names) = settings.begin_rollback(txn)? {
            self.in_force(&mut prepared, &names, &mut Done::default()).await?;
            settings.end_rollback()?;
        }
        if let Some(names) = settings.take_unsettled(txn) {
            if let Err(error) = Rc::clone(&self.plugin).put_in_force(&names).await {
                // As for other plugins.
                not_taken_back(&self.host, &error);
            }
        }
        Ok(status::OK)
    }

    pub(super) async fn finish(&self, txn: u64) -> Result<i32, Error> {
        let _turn = self.transactions.0.lock().await;
        self.hold(txn).await.map(|()| status::OK)
    }

    /// The transaction cannot be taken back any more.
    async fn hold(&self, txn: u64) -> Result<(), Error> {
        let settings = self.plugin.settings();
        let is_new = settings.is_none_or(|settings| settings.unfinished() == Some(txn));
        settings.map_or(Ok(()), |settings| settings.finish(txn))?;
        self.begin_due();
        if !is_new {
            return Ok(());
        }
        if let Err(error) = Rc::clone(&self.plugin).finished(txn).await {
            // It holds all the same.
            self.host.log(Level::Error, &format!("after a transaction, ignoring: {error}"));
        }
        Ok(())
    }

    pub(super) async fn notice(&self, notice: Notice) -> Result<i32, Error> {
        if let (Notice::FactoryReset, Some(settings)) = (notice, self.plugin.settings().cloned()) {
            let mut prepared = self.transactions.0.lock().await;
            prepared.clear();
            settings.offer(0, BTreeMap::new());
            let delta = settings.everything_unset();
            *prepared = self.steps(&settings, &delta, &[]).await.map_err(first_of)?;
            let names = settings.reset()?;
            self.in_force(&mut prepared, &names, &mut Done::default()).await?;
        }
        if let Some(settings) = self.plugin.settings() {
            settings.diagnostics().notice(notice);
        }
        self.begin_due();
        Rc::clone(&self.plugin).notice(notice).await.map(|()| status::OK)
    }

    async fn in_force(
        &self,
        prepared: &mut MutexGuard<'_, Vec<Step>>,
        names: &[String],
        done: &mut Done,
    ) -> Result<Effect, Error> {
        let mut effect = Effect::Now;
        for Step { object, edits, prepared } in prepared.drain(..) {
            effect = effect.max(prepared.await?);
            done.objects.push((object, edits));
        }
        done.names = Some(names.to_vec());
        Ok(effect.max(Rc::clone(&self.plugin).put_in_force(names).await?))
    }

    /// The commit failed and the settings are as they were: what is in force already goes, as for other plugins.
    async fn take_back(&self, done: Done) -> bool {
        for (object, edits) in done.objects.into_iter().rev() {
            let edits = edits.into_iter().rev().map(RawEdit::inverse).collect();
            let result = match (A::OBJECTS[object].change)(Rc::clone(&self.plugin), edits).await {
                Ok(prepared) => prepared.await.map(|_| ()),
                Err(faults) => Err(first_of(faults)),
            };
            if let Err(error) = result {
                not_taken_back(&self.host, &error);
            }
        }
        let Some(names) = done.names else { return true };
        let result = Rc::clone(&self.plugin).put_in_force(&names).await;
        if let Err(error) = &result {
            not_taken_back(&self.host, error);
        }
        result.is_ok()
    }
}

fn number(effect: Effect) -> i32 {
    match effect {
        Effect::Now => status::OK,
        Effect::AfterSession => status::OK_AFTER_SESSION,
        Effect::AfterReboot => status::OK_AFTER_REBOOT,
    }
}
