//! Health and fill level, which no signal tells: by smartctl, and by the kernel.

mod smart;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;
use tokio::sync::oneshot;

use crate::back_end::{Failure, Gauges};
use crate::facts::{Health, Usage};
use crate::udisks::mounts;

/// How long a drive may take to tell about itself; on a busy box it does, and who reads does not wait for it.
const SMART: Duration = Duration::from_secs(60);
/// The longest that smartctl may say.
const MAX_OUTPUT: u64 = 1024 * 1024;
/// How long a filesystem may take to tell how full it is.
const STATVFS: Duration = Duration::from_millis(1_200);
/// How many filesystems may hang at a time before none is asked any more.
const MAX_STUCK: usize = 8;

/// The gauges of this machine.
#[derive(Debug, Clone)]
pub(crate) struct Local {
    smartctl: PathBuf,
    smart: Duration,
    statvfs: Duration,
    stuck: Arc<AtomicUsize>,
    /// What is asked how full it is; another in tests.
    ask: fn(&Path) -> Result<Usage, Failure>,
}

impl Local {
    /// With a program that speaks as smartctl does: a path, or a name to be looked for.
    pub(crate) fn new(smartctl: impl Into<PathBuf>) -> Self {
        Self {
            smartctl: smartctl.into(),
            smart: SMART,
            statvfs: STATVFS,
            stuck: Arc::default(),
            ask: statvfs,
        }
    }

    /// Runs smartctl; gives what it says, whatever its exit code: that has a meaning of its own, which is in its answer, too.
    async fn smartctl(&self, device: &Path, kind: Option<&str>) -> Result<Vec<u8>, Failure> {
        let mut arguments: Vec<OsString> =
            ["--json=c", "--nocheck=standby,3", "--info", "--health", "--attributes"]
                .map(OsString::from)
                .into();
        arguments.extend(kind.map(|kind| format!("--device={kind}").into()));
        arguments.push(device.into());
        let started = Command::new(&self.smartctl)
            .args(arguments)
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        let mut child = started.map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Failure::Impossible("smartctl is not installed".to_owned()),
            _ => Failure::Refused(format!("smartctl cannot be started: {error}")),
        })?;
        let Some(output) = child.stdout.take() else { return Err(Failure::Away(smart::PROGRAM)) };
        let work = async {
            let mut text = Vec::new();
            let read = output.take(MAX_OUTPUT + 1).read_to_end(&mut text).await;
            if read.is_err() || text.len() as u64 > MAX_OUTPUT {
                return Err(Failure::Nonsense(smart::PROGRAM, format!("more than {MAX_OUTPUT} bytes")));
            }
            // What it says counts, not how it ends; but it is not left behind.
            let _ = child.wait().await;
            Ok(text)
        };
        // Dropped, it is killed; the runtime takes the rest of it away.
        tokio::time::timeout(self.smart, work).await.unwrap_or(Err(Failure::Away(smart::PROGRAM)))
    }
}

#[async_trait(?Send)]
impl Gauges for Local {
    async fn health(&self, device: &Path) -> Result<Health, Failure> {
        // A name is never taken for an option.
        if !device.starts_with("/dev") {
            return Err(Failure::Impossible(format!("{} is no device", device.display())));
        }
        let answer = smart::read(&self.smartctl(device, None).await?)?;
        if !answer.wants_sat() {
            return Ok(answer.health());
        }
        // A disk in a box of USB that smartctl does not know: most of them understand this.
        Ok(smart::read(&self.smartctl(device, Some("sat,auto")).await?)?.health())
    }

    async fn usage(&self, mount: &Path) -> Result<Usage, Failure> {
        if self.stuck.load(Ordering::Relaxed) >= MAX_STUCK {
            return Err(Failure::Refused("too many filesystems do not answer".to_owned()));
        }
        let (told, answer) = oneshot::channel();
        let (place, stuck, ask) = (mount.to_owned(), Arc::clone(&self.stuck), self.ask);
        let body = move || {
            if told.send(ask(&place)).is_err() {
                // Whoever asked has waited long enough, and counted this.
                stuck.fetch_sub(1, Ordering::Relaxed);
            }
        };
        // A thread of its own, which nobody joins: it may hang for ever, and then it only costs its stack.
        let started = std::thread::Builder::new().name("statvfs".to_owned()).spawn(body);
        if let Err(error) = started {
            return Err(Failure::Refused(format!("no thread: {error}")));
        }
        let mut question = Question { answer, stuck: &self.stuck, answered: false };
        let told = tokio::time::timeout(self.statvfs, &mut question.answer).await;
        question.answered = told.is_ok();
        match told {
            Ok(Ok(usage)) => usage,
            _ => Err(Failure::Refused(format!("the filesystem at {} does not answer", mount.display()))),
        }
    }
}

/// A question that a thread is to answer. If nobody waits for it any more, the thread counts as stuck until it is done.
struct Question<'a> {
    answer: oneshot::Receiver<Result<Usage, Failure>>,
    stuck: &'a AtomicUsize,
    answered: bool,
}

impl Drop for Question<'_> {
    fn drop(&mut self) {
        if self.answered {
            return;
        }
        self.stuck.fetch_add(1, Ordering::Relaxed);
        self.answer.close();
        // It may have come at the last moment.
        if self.answer.try_recv().is_ok() {
            self.stuck.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// Asks the kernel, if anything is mounted there: else it would tell about what is below.
fn statvfs(place: &Path) -> Result<Usage, Failure> {
    if !mounts().iter().any(|mount| mount.place == place) {
        return Err(Failure::Gone(place.display().to_string()));
    }
    let all = nix::sys::statvfs::statvfs(place)
        .map_err(|error| Failure::Refused(format!("{}: {}", place.display(), error.desc())))?;
    // Both are words of the machine, which may be narrower.
    #[allow(clippy::useless_conversion)]
    let bytes =
        |blocks: nix::libc::fsblkcnt_t| u64::from(blocks).saturating_mul(u64::from(all.fragment_size()));
    Ok(Usage {
        size: bytes(all.blocks()),
        used: bytes(all.blocks().saturating_sub(all.blocks_free())),
        free: bytes(all.blocks_available()),
    })
}

#[cfg(test)]
mod tests;
