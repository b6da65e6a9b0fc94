//! The plugin's thread: every call into the plugin is made here, one after the other.

use std::ffi::c_void;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use cwmp_plugin_abi as abi;
use cwmp_plugin_abi::{status, Job as OwnJob, Plugin, Req, Status};
use tokio::sync::oneshot;

use crate::command::Argument;
use crate::description::Described;
use crate::error::HostError;
use crate::library::Library;
use crate::request::Ended;
use crate::services::Services;
use crate::text::{lend, Names};

/// One change of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    /// 1 set, 2 add, 3 delete.
    pub(crate) op: u32,
    /// The type number, 0 for rows.
    pub(crate) kind: u32,
    /// The parameter or row.
    pub(crate) path: String,
    /// The value.
    pub(crate) value: String,
}

/// A call that concerns one transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Commit,
    Rollback,
    Finish,
    Apply,
}

/// What the thread is to do.
#[derive(Debug)]
pub(crate) enum Job {
    Get(Req, Arc<Names>),
    Instances(Req, Arc<Names>),
    Prepare(Req, u64, Vec<Change>),
    Step(Req, Step, u64),
    Watch(Req, Names, bool),
    Notice(Req, u32),
    Invoke(Req, String, Arc<Vec<Argument>>),
    Cancel(Req),
    Stop(oneshot::Sender<()>),
}

/// Gets what the plugin describes when it has started.
pub(crate) type Started = oneshot::Receiver<Result<Vec<Described>, HostError>>;

type Watch = unsafe extern "C" fn(*mut c_void, *const abi::Str, usize, u32) -> Status;

/// What is known of the thread from outside.
#[derive(Debug)]
struct Clock {
    epoch: Instant,
    /// Milliseconds after the epoch, plus one, when the call began that is under way; 0 when there is none.
    since: AtomicU64,
    /// Jobs that are not finished.
    jobs: AtomicUsize,
}

/// The way to the plugin's thread.
#[derive(Debug)]
pub(crate) struct Worker {
    jobs: mpsc::Sender<Job>,
    clock: Arc<Clock>,
    door: Arc<Door>,
}

/// The calls that come past the queue: `cancel()` and `job_cancel()`, while the plugin's thread may be in the middle of a call.
#[derive(Debug, Default)]
struct Door {
    inside: RwLock<Option<Inside>>,
}

/// A plugin that can be told to cancel.
#[derive(Debug, Clone, Copy)]
struct Inside {
    cancel: Option<unsafe extern "C" fn(*mut c_void, Req)>,
    job_cancel: Option<unsafe extern "C" fn(*mut c_void, OwnJob)>,
    this: *mut c_void,
}

// SAFETY: the header allows this call from any thread.
unsafe impl Send for Inside {}
// SAFETY: as above.
unsafe impl Sync for Inside {}

impl Door {
    fn open(&self, plugin: &Plugin, this: *mut c_void) {
        let inside = Inside { cancel: plugin.cancel, job_cancel: plugin.job_cancel, this };
        *self.inside.write().unwrap_or_else(PoisonError::into_inner) = Some(inside);
    }

    /// Waits for a call that is under way: the plugin is about to go.
    fn close(&self) {
        *self.inside.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn cancel(&self, req: Req) {
        let inside = self.inside.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(Inside { cancel: Some(cancel), this, .. }) = *inside {
            // SAFETY: the plugin is there as long as the lock is held, and the header allows any thread.
            unsafe { cancel(this, req) };
        }
    }

    fn cancel_own(&self, job: OwnJob) {
        let inside = self.inside.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(Inside { job_cancel: Some(cancel), this, .. }) = *inside {
            // SAFETY: as in `cancel`.
            unsafe { cancel(this, job) };
        }
    }
}

/// A plugin that is created and started, in its thread.
struct Running {
    plugin: Plugin,
    this: *mut c_void,
    services: &'static Services,
    clock: Arc<Clock>,
    door: Arc<Door>,
}

impl Worker {
    /// Starts the thread, which creates and starts the plugin. The receiver gets what the plugin describes.
    pub(crate) fn start(
        library: Arc<Library>,
        services: &'static Services,
        config: String,
    ) -> Result<(Self, Started), HostError> {
        let (jobs, queue) = mpsc::channel();
        let (started, receiver) = oneshot::channel();
        let clock =
            Arc::new(Clock { epoch: Instant::now(), since: AtomicU64::new(0), jobs: AtomicUsize::new(1) });
        let door = Arc::new(Door::default());
        let worker = Self { jobs, clock: clock.clone(), door: door.clone() };
        std::thread::Builder::new()
            .name("plugin".to_owned())
            .spawn(move || {
                let result = Running::create(&library, services, &config, clock, door);
                let result = result.map(|(running, lines)| {
                    running.clock.jobs.fetch_sub(1, Ordering::Relaxed);
                    (running, lines)
                });
                match result {
                    Ok((running, lines)) => {
                        let _ = started.send(Ok(lines));
                        running.work(&queue);
                    }
                    Err(error) => {
                        let _ = started.send(Err(error));
                    }
                }
            })
            .map_err(|error| HostError::Thread(error.to_string()))?;
        Ok((worker, receiver))
    }

    /// Gives the thread something to do; `false` when there is no thread any more.
    pub(crate) fn submit(&self, job: Job) -> bool {
        self.clock.jobs.fetch_add(1, Ordering::Relaxed);
        self.jobs.send(job).is_ok()
    }

    /// Tells the plugin to cancel, at once: it may take a while, and must not be called in the bus thread.
    pub(crate) fn cancel(&self, req: Req) {
        self.door.cancel(req);
    }

    /// Tells the plugin that somebody wants its own job to stop, as [`cancel`](Self::cancel).
    pub(crate) fn cancel_own(&self, job: OwnJob) {
        self.door.cancel_own(job);
    }

    /// For how long the present call has been under way; `None` when the thread has nothing to do.
    pub(crate) fn busy(&self) -> Option<Duration> {
        if self.clock.jobs.load(Ordering::Relaxed) == 0 {
            return None;
        }
        Some(match self.clock.since.load(Ordering::Relaxed) {
            0 => Duration::ZERO,
            since => self.clock.epoch.elapsed().saturating_sub(Duration::from_millis(since - 1)),
        })
    }
}

impl Clock {
    /// Runs one call into the plugin.
    fn time<T>(&self, call: impl FnOnce() -> T) -> T {
        let now = u64::try_from(self.epoch.elapsed().as_millis()).unwrap_or(u64::MAX - 1);
        self.since.store(now + 1, Ordering::Relaxed);
        let result = call();
        self.since.store(0, Ordering::Relaxed);
        result
    }
}

impl Running {
    fn create(
        library: &Library,
        services: &'static Services,
        config: &str,
        clock: Arc<Clock>,
        door: Arc<Door>,
    ) -> Result<(Self, Vec<Described>), HostError> {
        let plugin = library.plugin;
        let mut this = std::ptr::null_mut();
        let host = services.table();
        let refused = |why| HostError::Refused { file: library.file.clone(), why };
        // Checked when the library was loaded.
        let Some(create) = plugin.create else { return Err(refused("create() is missing".to_owned())) };
        // SAFETY: as the header says; the table lives for ever.
        match clock.time(|| unsafe { create(host, lend(config), &raw mut this) }) {
            status::OK => {}
            status => return Err(HostError::Start { call: "create", status }),
        }
        let (mut nodes, mut count) = (plugin.nodes, plugin.nodes_len);
        if let Some(describe) = plugin.describe {
            (nodes, count) = (std::ptr::null(), 0);
            // SAFETY: as the header says.
            match clock.time(|| unsafe { describe(this, &raw mut nodes, &raw mut count) }) {
                status::OK => {}
                status => return Err(HostError::Start { call: "describe", status }),
            }
        }
        // SAFETY: the plugin says that so many nodes are there.
        let lines = unsafe { library.nodes(nodes, count) }.map_err(refused)?;
        if let Some(start) = plugin.start {
            // SAFETY: as the header says.
            match clock.time(|| unsafe { start(this) }) {
                status::OK => {}
                status => return Err(HostError::Start { call: "start", status }),
            }
        }
        door.open(&plugin, this);
        Ok((Self { plugin, this, services, clock, door }, lines))
    }

    fn work(&self, queue: &mpsc::Receiver<Job>) {
        while let Ok(job) = queue.recv() {
            let last = matches!(job, Job::Stop(_));
            self.run(job);
            self.clock.jobs.fetch_sub(1, Ordering::Relaxed);
            if last {
                return;
            }
        }
    }

    fn run(&self, job: Job) {
        let requests = &self.services.requests;
        let this = self.this;
        match job {
            // Nobody waits for the answer of a read or of a preparation whose time is up.
            Job::Get(req, _) | Job::Instances(req, _) | Job::Prepare(req, ..)
                if requests.context(req).is_none() => {}
            // What was answered as failed must not be committed after all.
            Job::Step(req, Step::Commit, _) if requests.context(req).is_none() => {}
            // Cancelled before its turn.
            Job::Invoke(req, ..) if requests.is_cancelled(req) => {
                requests.returned(req, status::E_CANCELLED);
            }
            Job::Get(req, names) => {
                let names = names.lend();
                // SAFETY: as the header says; the names live until the call returns.
                self.call(req, self.plugin.get, |f| unsafe { f(this, req, names.as_ptr(), names.len()) });
            }
            Job::Instances(req, names) => {
                let names = names.lend();
                // SAFETY: as the header says; the names live until the call returns.
                self.call(req, self.plugin.instances, |f| unsafe {
                    f(this, req, names.as_ptr(), names.len())
                });
            }
            Job::Prepare(req, txn, changes) => {
                let all: Vec<_> = changes
                    .iter()
                    .map(|c| abi::Change {
                        op: c.op,
                        kind: c.kind,
                        path: lend(&c.path),
                        value: lend(&c.value),
                    })
                    .collect();
                // SAFETY: as the header says; the changes live until the call returns.
                self.call(req, self.plugin.prepare, |f| unsafe {
                    f(this, req, txn, all.as_ptr(), all.len())
                });
            }
            Job::Step(req, step, txn) => self.step(req, step, txn),
            Job::Watch(req, paths, on) => {
                let paths = paths.lend();
                // SAFETY: as the header says; the paths live until the call returns.
                let watch = |f: Watch| unsafe { f(this, paths.as_ptr(), paths.len(), u32::from(on)) };
                self.call(req, self.plugin.watch, watch);
            }
            Job::Notice(req, what) => {
                // SAFETY: as the header says.
                self.call(req, self.plugin.notice, |f| unsafe { f(this, req, what) });
            }
            Job::Invoke(req, command, arguments) => {
                let all: Vec<_> = arguments
                    .iter()
                    .map(|a| abi::Arg {
                        key: lend(&a.key),
                        value: lend(&a.value),
                        fd: a.file.as_ref().map_or(-1, AsRawFd::as_raw_fd),
                        zero: 0,
                    })
                    .collect();
                // SAFETY: as the header says; the texts live until the call returns, the files until the command ends.
                self.call(req, self.plugin.invoke, |f| unsafe {
                    f(this, req, lend(&command), all.as_ptr(), all.len())
                });
            }
            Job::Cancel(req) => {
                if let Some(cancel) = self.plugin.cancel {
                    // SAFETY: as the header says.
                    self.clock.time(|| unsafe { cancel(this, req) });
                }
            }
            Job::Stop(stopped) => {
                self.door.close();
                for end in [self.plugin.stop, self.plugin.destroy].into_iter().flatten() {
                    // SAFETY: as the header says; nothing is called after destroy().
                    self.clock.time(|| unsafe { end(this) });
                }
                let _ = stopped.send(());
            }
        }
    }

    /// One call of a request. A plugin that lacks the member has nothing to do for it.
    fn call<F>(&self, req: Req, member: Option<F>, call: impl FnOnce(F) -> Status) {
        let status = member.map_or(status::OK, |f| self.clock.time(|| call(f)));
        self.services.requests.returned(req, status);
    }

    fn step(&self, req: Req, step: Step, txn: u64) {
        let call = match step {
            Step::Commit => self.plugin.commit,
            Step::Rollback => self.plugin.rollback,
            Step::Finish => self.plugin.finish,
            Step::Apply => self.plugin.apply,
        };
        // Each step of a transaction is one write, whatever the plugin puts and deletes in it.
        self.services.store.begin();
        // SAFETY: as the header says.
        let mut status = call.map_or(status::OK, |f| self.clock.time(|| unsafe { f(self.this, req, txn) }));
        if status != status::PENDING {
            status = self.services.settle(status);
        }
        if self.services.requests.returned(req, status) == Ended::Stale && status == status::PENDING {
            // Nobody will hear of its end.
            self.services.settle(status::E_CANCELLED);
        }
    }
}
