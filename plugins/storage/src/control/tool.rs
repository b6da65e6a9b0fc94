use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;

use crate::back_end::Failure;
use crate::plan::Secret;

/// How long a program may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// The most that a program may say.
const MAX_OUTPUT: u64 = 1024 * 1024;
/// The most characters of what it says that go into an error.
const MAX_REASON: usize = 200;

/// The programs of the machine: each runs, and ends.
#[derive(Debug, Clone)]
pub(crate) struct Tools {
    folders: Vec<PathBuf>,
    patience: Duration,
}

impl Tools {
    pub(crate) fn new(folders: &[PathBuf]) -> Self {
        Self { folders: folders.to_vec(), patience: PATIENCE }
    }

    #[cfg(test)]
    pub(crate) fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Where a program is.
    pub(crate) fn find(&self, name: &str) -> Option<PathBuf> {
        self.folders.iter().map(|folder| folder.join(name)).find(|path| path.is_file())
    }

    /// Runs a program; gives what it says. A secret is only ever written to it, never told as an argument, and is not in the
    /// error.
    pub(crate) async fn run<A: AsRef<OsStr>>(
        &self,
        name: &'static str,
        arguments: &[A],
        secret: Option<&Secret>,
    ) -> Result<String, Failure> {
        let Some(program) = self.find(name) else {
            return Err(Failure::Impossible(format!("{name} is not installed")));
        };
        let started = Command::new(program)
            .args(arguments)
            .env("LC_ALL", "C")
            .stdin(if secret.is_some() { Stdio::piped() } else { Stdio::null() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn();
        let mut child =
            started.map_err(|error| Failure::Refused(format!("{name} cannot be started: {error}")))?;
        let (input, output, errors) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let tell = async {
            if let (Some(mut input), Some(secret)) = (input, secret) {
                // It may have ended already; what it says then counts.
                let _ = input.write_all(secret.reveal().as_bytes()).await;
            }
        };
        let work = async {
            let ((), output, errors) = tokio::join!(tell, all(output), all(errors));
            let ended = child.wait().await;
            let ended = ended.map_err(|error| Failure::Refused(format!("{name}: {error}")))?;
            let (Some(output), Some(errors)) = (output, errors) else {
                return Err(Failure::Nonsense(name, format!("more than {MAX_OUTPUT} bytes")));
            };
            if ended.success() {
                return Ok(output);
            }
            let reason = [&errors, &output].into_iter().flat_map(|text| text.lines().rev());
            let reason = reason.map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
            let hidden = |secret: &Secret| secret.reveal().lines().any(|part| holds(reason, part));
            if secret.is_some_and(hidden) {
                return Err(Failure::Refused(format!("{name} refuses")));
            }
            Err(Failure::Refused(format!("{name}: {}", printable(reason))))
        };
        // Dropped, it is killed.
        tokio::time::timeout(self.patience, work).await.unwrap_or(Err(Failure::Away(name)))
    }
}

fn holds(text: &str, part: &str) -> bool {
    !part.is_empty() && text.contains(part)
}

/// All that is said, unless it is too much.
async fn all(from: Option<impl tokio::io::AsyncRead + Unpin>) -> Option<String> {
    let mut bytes = Vec::new();
    from?.take(MAX_OUTPUT + 1).read_to_end(&mut bytes).await.ok()?;
    (bytes.len() as u64 <= MAX_OUTPUT).then(|| String::from_utf8_lossy(&bytes).into_owned())
}

/// What can be shown of a text: a line that is not too long.
pub(crate) fn printable(text: &str) -> String {
    text.chars().take(MAX_REASON).map(|c| if c.is_control() { ' ' } else { c }).collect()
}
