//! The agent's view of the store: everything in memory for reading, every write durable before it counts.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use cwmp_store::{Health, Op, State, StoreError, StoreHandle, StoreThread};
use tokio::sync::oneshot;

/// The name of the file in the state folder.
pub(crate) const FILE: &str = "cwmpd.db";

/// What survives, and the way to change it.
#[derive(Debug)]
pub(crate) struct Persist {
    state: Mutex<State>,
    handle: StoreHandle,
    health: Mutex<String>,
}

impl Persist {
    /// Opens the store in `folder`. It never fails for the store's sake: the ACS must be reached.
    pub(crate) fn open(folder: &Path) -> Result<Self, StoreError> {
        let opened = cwmp_store::open(&folder.join(FILE));
        if opened.health != Health::Ok {
            tracing::error!("store: {}", opened.health);
        }
        Ok(Self {
            state: Mutex::new(opened.state),
            handle: StoreThread::spawn(opened.store)?,
            health: Mutex::new(opened.health.to_string()),
        })
    }

    /// Keeps everything in memory only.
    #[cfg(test)]
    pub(crate) fn in_memory() -> Result<Self, StoreError> {
        let handle = StoreThread::spawn(Box::new(cwmp_store::MemoryStore::new()))?;
        Ok(Self { state: Mutex::default(), handle, health: Mutex::new("ok".to_owned()) })
    }

    /// Reads. The guard is for one expression; it is never held over an await.
    pub(crate) fn read(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves the values as they were between two ops, which is a state that can be read.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Decides on the values as they are and stores the outcome, durably, before it returns.
    ///
    /// `decide` sees what earlier calls decided, stored or not yet, so that two callers never take the same number. A
    /// write that fails is reported on the bus and holds in memory: an agent with a full disk still obeys its ACS.
    /// Cancel safety: once `decide` ran, the write happens even if the caller goes away.
    pub(crate) async fn update<T>(&self, decide: impl FnOnce(&State) -> (Vec<Op>, T)) -> T {
        let (done, waiting) = oneshot::channel();
        let result = {
            let mut state = self.read();
            let (batch, result) = decide(&state);
            if batch.is_empty() {
                return result;
            }
            for op in &batch {
                state.apply(op);
            }
            // Handed in under the lock, so that the file sees the writes in the order of the decisions.
            self.handle.commit(
                batch,
                Box::new(move |stored| {
                    // Nobody may be waiting any more; the write is made all the same.
                    let _ = done.send(stored);
                }),
            );
            result
        };
        let stored = waiting.await.unwrap_or(Err(StoreError::Stopped));
        self.note(stored.err());
        result
    }

    /// Stores a batch.
    pub(crate) async fn commit(&self, batch: Vec<Op>) {
        self.update(|_| (batch, ())).await;
    }

    fn note(&self, failure: Option<StoreError>) {
        let mut health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = failure {
            tracing::error!("store: {error}");
            *health = format!("failing: {error}");
        } else if health.starts_with("failing") {
            "ok".clone_into(&mut health);
        }
    }

    /// What `org.cwmpd1.Agent.Store` says.
    pub(crate) fn health(&self) -> String {
        self.health.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many commits were made.
    #[cfg(any(test, feature = "test-hooks"))]
    pub(crate) fn commits(&self) -> u64 {
        self.handle.commits()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(path: &str, value: &str) -> Op {
        Op::PutSetting { path: path.into(), value: value.into() }
    }

    /// C111: what was set is there after a restart.
    #[tokio::test]
    async fn what_was_stored_is_there_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let persist = Persist::open(folder.path()).unwrap();
        persist.commit(vec![put("a", "1")]).await;
        assert_eq!(persist.read().settings["a"], "1");
        drop(persist);
        let again = Persist::open(folder.path()).unwrap();
        assert_eq!(again.read().settings["a"], "1");
        assert_eq!(again.health(), "ok");
    }

    /// C139: two additions at the same time get two numbers.
    #[tokio::test]
    async fn two_callers_never_take_the_same_number() {
        let persist = Persist::in_memory().unwrap();
        let add = || {
            persist.update(|state| {
                let number = state.tables.get("T.").map_or(Some(1), cwmp_store::Table::next).unwrap();
                let op = Op::PutInstance { table: "T.".into(), number, key: None, alias: None };
                (vec![op], number)
            })
        };
        let (a, b) = tokio::join!(add(), add());
        assert_eq!((a, b), (1, 2));
    }

    #[tokio::test]
    async fn deciding_for_nothing_writes_nothing() {
        let persist = Persist::in_memory().unwrap();
        persist.commit(Vec::new()).await;
        assert_eq!(persist.commits(), 0);
    }

    #[tokio::test]
    async fn a_folder_that_cannot_be_used_is_said_and_the_agent_goes_on() {
        let persist = Persist::open(Path::new("/proc/no/such/folder")).unwrap();
        assert!(persist.health().starts_with("memory only"), "{}", persist.health());
        persist.commit(vec![put("a", "1")]).await;
        assert_eq!(persist.read().settings["a"], "1");
    }
}
