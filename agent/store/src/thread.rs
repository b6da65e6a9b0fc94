//! The one thread that owns the store.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::Arc;
use std::thread::JoinHandle;

use crate::{cut, Batch, Store, StoreError};

/// Enough for `SQLite` with room to spare. The default of 2 MiB would count against small boxes.
const STACK_BYTES: usize = 256 * 1024;

/// What is called when a batch is stored, or is not.
pub type Done = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// Starts the thread that owns a store.
#[derive(Debug)]
pub struct StoreThread;

impl StoreThread {
    /// Hands the store to a thread of its own.
    pub fn spawn(store: Box<dyn Store>) -> Result<StoreHandle, StoreError> {
        let (sender, receiver) = mpsc::channel();
        let commits = Arc::new(AtomicU64::new(store.commits()));
        let counter = Arc::clone(&commits);
        let thread = std::thread::Builder::new()
            .name("store".into())
            .stack_size(STACK_BYTES)
            .spawn(move || serve(store, &receiver, &counter))
            .map_err(|source| StoreError::Thread { source })?;
        Ok(StoreHandle { sender: Some(sender), thread: Some(thread), commits })
    }
}

/// The way to the store's thread. Share it behind an `Arc`.
///
/// Dropping it waits until every batch that was handed in is stored and the file is closed.
#[derive(Debug)]
pub struct StoreHandle {
    sender: Option<Sender<Request>>,
    thread: Option<JoinHandle<()>>,
    commits: Arc<AtomicU64>,
}

impl StoreHandle {
    /// Hands in a batch and returns at once. Batches are stored in the order of the calls.
    ///
    /// `done` runs on the store's thread, once, after the batch is durable or has failed. It must not block or
    /// panic: send the result somewhere. It is called for an empty batch too, which makes no commit but keeps
    /// its place in the order.
    pub fn commit(&self, batch: Batch, done: Done) {
        let request = Request { batch, done };
        let refused = match &self.sender {
            Some(sender) => sender.send(request).err().map(|error| error.0),
            None => Some(request),
        };
        if let Some(request) = refused {
            (request.done)(Err(StoreError::Stopped));
        }
    }

    /// Hands in a batch and waits until it is durable or has failed.
    pub fn commit_wait(&self, batch: Batch) -> Result<(), StoreError> {
        let (sender, receiver) = mpsc::sync_channel(1);
        self.commit(
            batch,
            Box::new(move |result| {
                // Nobody waits any more only when the caller's thread is gone, and then nobody asks.
                let _ = sender.send(result);
            }),
        );
        receiver.recv().unwrap_or(Err(StoreError::Stopped))
    }

    /// How many commits the store has made. Each one is a write to flash.
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::Acquire)
    }

    /// Waits until every batch that was handed in is stored, and closes the file.
    pub fn shutdown(self) {
        drop(self);
    }
}

impl Drop for StoreHandle {
    fn drop(&mut self) {
        self.sender = None;
        if let Some(thread) = self.thread.take() {
            // The last owner may have been a `done`: the thread ends after it, and cannot wait for itself.
            if thread.thread().id() == std::thread::current().id() {
                return;
            }
            if thread.join().is_err() {
                tracing::error!("the store's thread panicked");
            }
        }
    }
}

struct Request {
    batch: Batch,
    done: Done,
}

fn serve(mut store: Box<dyn Store>, receiver: &Receiver<Request>, commits: &AtomicU64) {
    while let Ok(Request { batch, done }) = receiver.recv() {
        let result = if batch.is_empty() {
            Ok(())
        } else {
            cut::before_commit();
            let result = store.commit(&batch);
            cut::after_commit();
            result
        };
        commits.store(store.commits(), Ordering::Release);
        // A batch may be large, and `done` may be followed by a long silence.
        drop(batch);
        done(result);
    }
}
