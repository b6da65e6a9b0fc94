//! A server that is our own child: it ends with us, is begun again when it ends by itself, and leaves nothing behind.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use nix::sys::signal::{killpg, Signal};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::strays;
use super::tool::printable;
use crate::back_end::{Event, Events, Failure, State};

/// How long a server has to end by itself.
const END: Duration = Duration::from_secs(5);
/// The first pause before one that has ended is begun again; each is twice the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest.
const LAST_PAUSE: Duration = Duration::from_secs(60);
/// One that ran longer than this begins with the first pause again.
const STEADY: Duration = Duration::from_secs(60);
/// How often is looked whether one that has just begun is in its namespace.
const LOOK: Duration = Duration::from_millis(5);
/// And for how long: one that is not in it by then never will be.
const LEARN: Duration = Duration::from_secs(5);
/// What has a program hear that this thread ends.
const SETPRIV: &str = "/usr/bin/setpriv";
/// The longest line that is read of what it says.
const MAX_LINE: u64 = 4096;

/// What to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    pub(crate) arguments: Vec<OsString>,
}

/// Keeps one program running.
#[derive(Debug)]
pub(crate) struct Keeper {
    name: &'static str,
    pid_file: PathBuf,
    events: Events,
    now: Arc<Mutex<Now>>,
    running: Mutex<Option<Running>>,
    /// What it ran last.
    program: Mutex<Option<PathBuf>>,
}

/// What is known of it at this moment.
#[derive(Debug, Default)]
struct Now {
    /// The leader of its process group.
    pid: Option<i32>,
    /// It gets a namespace of its own.
    apart: bool,
    /// Where all is that it has begun.
    namespace: Option<String>,
    wanted: bool,
    last_words: String,
}

#[derive(Debug)]
struct Running {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// Nobody panics while holding one of these.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl Keeper {
    pub(crate) fn new(name: &'static str, pid_file: PathBuf, events: Events) -> Self {
        Self {
            name,
            pid_file,
            events,
            now: Arc::default(),
            running: Mutex::default(),
            program: Mutex::default(),
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Begins it, unless it runs.
    pub(crate) fn start(&self, program: Program) -> Result<(), Failure> {
        let mut running = lock(&self.running);
        if running.as_ref().is_some_and(|running| !running.task.is_finished()) && self.state() == State::On {
            return Ok(());
        }
        if let Some(before) = running.take() {
            before.task.abort();
            self.kill();
        }
        self.end_leftover();
        *lock(&self.program) = Some(program.path.clone());
        let child = spawn(self.name, &program, &self.now, &self.pid_file)?;
        lock(&self.now).wanted = true;
        let (stop, stopped) = watch::channel(false);
        let watcher = Watcher {
            name: self.name,
            program,
            pid_file: self.pid_file.clone(),
            events: self.events.clone(),
            now: Arc::clone(&self.now),
            stopped,
        };
        *running = Some(Running { stop, task: tokio::spawn(watcher.keep(child)) });
        Ok(())
    }

    pub(crate) async fn stop(&self) {
        lock(&self.now).wanted = false;
        let running = lock(&self.running).take();
        if let Some(running) = running {
            // It may have ended already.
            let _ = running.stop.send(true);
            let _ = running.task.await;
        }
        self.end_leftover();
    }

    pub(crate) fn state(&self) -> State {
        let now = lock(&self.now);
        match (now.wanted, now.pid) {
            (false, _) => State::Off,
            (true, Some(_)) => State::On,
            (true, None) => State::Failed,
        }
    }

    /// The last that it said.
    pub(crate) fn last_words(&self) -> String {
        lock(&self.now).last_words.clone()
    }

    /// Its process group, while it runs.
    pub(crate) fn pid(&self) -> Option<i32> {
        lock(&self.now).pid
    }

    fn kill(&self) {
        let program = lock(&self.program).clone();
        end_all(&self.now, program.as_deref(), &self.pid_file);
    }

    /// Ends what an earlier life of ours has left running.
    fn end_leftover(&self) {
        let Ok(text) = std::fs::read_to_string(&self.pid_file) else { return };
        let mut words = text.split_whitespace();
        let pid = words.next().and_then(|word| word.parse().ok());
        if let (Some(pid), Some(begun)) = (pid, words.next()) {
            // The number may be somebody else's by now; but not while only those are left that it has begun.
            if begun_at(pid).is_none_or(|at| at == begun) {
                let _ = killpg(Pid::from_raw(pid), Signal::SIGKILL);
            }
        }
        if let (Some(namespace), Some(program), Some(folder)) =
            (words.next(), words.next(), self.pid_file.parent())
        {
            strays::end(namespace, Path::new(program), folder);
        }
        // It is written anew with the next one.
        let _ = std::fs::remove_file(&self.pid_file);
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        if let Some(running) = lock(&self.running).take() {
            running.task.abort();
        }
        self.kill();
    }
}

/// When a process began, as the kernel counts.
fn begun_at(pid: i32) -> Option<String> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(')')?;
    rest.split_whitespace().nth(19).map(str::to_owned)
}

/// Ends all of it, at once.
fn end_all(now: &Arc<Mutex<Now>>, program: Option<&Path>, pid_file: &Path) {
    let (pid, namespace) = {
        let mut now = lock(now);
        (now.pid.take(), now.namespace.take())
    };
    if let Some(pid) = pid {
        // All of it may be gone.
        let _ = killpg(Pid::from_raw(pid), Signal::SIGKILL);
    }
    if let (Some(namespace), Some(program), Some(folder)) = (namespace, program, pid_file.parent()) {
        strays::end(&namespace, program, folder);
    }
}

/// Learns where all is that it begins, as soon as it is there; if it gets a place of its own at all.
async fn learn(pid: Option<u32>, now: Arc<Mutex<Now>>, pid_file: PathBuf, program: PathBuf) {
    if !lock(&now).apart {
        return;
    }
    let Some(pid) = pid.and_then(|pid| i32::try_from(pid).ok()) else { return };
    let look = async {
        loop {
            if let Some(namespace) = strays::namespace(pid) {
                return namespace;
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    let Ok(namespace) = tokio::time::timeout(LEARN, look).await else { return };
    let (begun, path) = (begun_at(pid).unwrap_or_default(), program.display());
    // As above.
    let _ = std::fs::write(&pid_file, format!("{pid} {begun} {namespace} {path}\n"));
    lock(&now).namespace = Some(namespace);
}

/// Waits until it has ended; or until it shall: then `false`.
async fn wait(child: &mut Child, stopped: &mut watch::Receiver<bool>) -> bool {
    tokio::select! {
        _ = child.wait() => true,
        // Whoever could say so is gone.
        _ = stopped.changed() => false,
    }
}

/// Begins a program, in a process group of its own; it hears when this thread ends, where there is a program for that.
fn spawn(
    name: &'static str,
    program: &Program,
    now: &Arc<Mutex<Now>>,
    pid_file: &Path,
) -> Result<Child, Failure> {
    let there = |program: &str| Path::new(program).exists();
    let mut words: Vec<OsString> = Vec::new();
    if there(SETPRIV) {
        words.extend([SETPRIV, "--pdeathsig", "TERM", "--"].map(OsString::from));
    }
    // Not for those who may not.
    let apart = there(strays::UNSHARE) && nix::unistd::geteuid().is_root();
    if apart {
        words.extend([strays::UNSHARE, "--uts", "--"].map(OsString::from));
    }
    words.push(program.path.clone().into_os_string());
    words.extend(program.arguments.iter().cloned());
    // One word is always there: the program.
    let started = Command::new(&words[0])
        .args(&words[1..])
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn();
    let mut child =
        started.map_err(|error| Failure::Refused(format!("{name} cannot be started: {error}")))?;
    let pid = child.id().and_then(|pid| i32::try_from(pid).ok());
    if let Some(pid) = pid {
        // Without the file a leftover is not found; that is no reason not to serve.
        let _ = std::fs::write(pid_file, format!("{pid} {}\n", begun_at(pid).unwrap_or_default()));
    }
    {
        let mut now = lock(now);
        (now.pid, now.apart, now.namespace) = (pid, apart, None);
    }
    listen(child.stdout.take(), now);
    listen(child.stderr.take(), now);
    Ok(child)
}

/// Takes all that it says, lest it waits for us, and remembers the last of it.
fn listen(output: Option<impl tokio::io::AsyncRead + Unpin + Send + 'static>, now: &Arc<Mutex<Now>>) {
    let Some(output) = output else { return };
    let now = Arc::clone(now);
    // It ends with the last process that has the other end.
    tokio::spawn(async move {
        let mut reader = BufReader::new(output);
        let mut line = Vec::new();
        while let Ok(1..) = (&mut reader).take(MAX_LINE).read_until(b'\n', &mut line).await {
            let text = String::from_utf8_lossy(&line);
            if !text.trim().is_empty() {
                lock(&now).last_words = printable(text.trim());
            }
            line.clear();
        }
    });
}

/// Begins it again and again.
struct Watcher {
    name: &'static str,
    program: Program,
    pid_file: PathBuf,
    events: Events,
    now: Arc<Mutex<Now>>,
    stopped: watch::Receiver<bool>,
}

impl Watcher {
    async fn keep(mut self, mut child: Child) {
        let mut pause = FIRST_PAUSE;
        loop {
            let begun = tokio::time::Instant::now();
            let learned =
                learn(child.id(), Arc::clone(&self.now), self.pid_file.clone(), self.program.path.clone());
            let ended = {
                let waited = wait(&mut child, &mut self.stopped);
                tokio::pin!(waited);
                tokio::select! {
                    ended = &mut waited => ended,
                    () = learned => waited.await,
                }
            };
            if !ended {
                return self.end(child).await;
            }
            // Those that it has begun serve on without it.
            end_all(&self.now, Some(&self.program.path), &self.pid_file);
            self.tell();
            if begun.elapsed() > STEADY {
                pause = FIRST_PAUSE;
            }
            loop {
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    _ = self.stopped.changed() => return,
                }
                pause = (pause * 2).min(LAST_PAUSE);
                match spawn(self.name, &self.program, &self.now, &self.pid_file) {
                    Ok(again) => break child = again,
                    Err(failure) => lock(&self.now).last_words = failure.to_string(),
                }
            }
            self.tell();
        }
    }

    async fn end(&self, mut child: Child) {
        let Some(pid) = lock(&self.now).pid.map(Pid::from_raw) else { return };
        // All of it may be gone.
        let _ = killpg(pid, Signal::SIGTERM);
        let _ = tokio::time::timeout(END, child.wait()).await;
        end_all(&self.now, Some(&self.program.path), &self.pid_file);
        let _ = child.wait().await;
    }

    fn tell(&self) {
        // Nobody listens when the plugin ends.
        let _ = self.events.send(Event::Server(self.name));
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::run;
    use super::*;

    /// As long as it runs, each would look for itself two hundred times a second.
    #[test]
    fn what_gets_no_namespace_of_its_own_is_not_looked_for_in_one() {
        run(async {
            let folder = tempfile::tempdir().unwrap();
            let now = Arc::<Mutex<Now>>::default();
            // This process never leaves the namespace that we are in.
            let us = Some(std::process::id());
            let learn = || learn(us, Arc::clone(&now), folder.path().join("pid"), "/bin/true".into());
            tokio::time::timeout(LEARN / 2, learn()).await.expect("there is no unshare");
            lock(&now).apart = true;
            tokio::time::timeout(LEARN * 2, learn()).await.expect("unshare did nothing");
            assert_eq!(lock(&now).namespace, None);
        });
    }
}
