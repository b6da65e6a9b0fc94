//! One conversation with hostapd: a question, an answer, and what it says unasked in between.
//!
//! The control interface is a socket of datagrams that speaks text. An answer has no number that says which question it
//! belongs to: a conversation in which one was late is over, and the next one has a socket of its own.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::net::UnixDatagram;
use tokio::time::{timeout_at, Instant};

use crate::back_end::Failure;

/// What the service is called in failures.
pub(super) const SERVICE: &str = "hostapd";

/// How long a question may take that hostapd answers from its memory.
pub(super) const ANSWER: Duration = Duration::from_secs(2);

/// How long a command may take that hostapd carries out before it answers: drivers load firmware meanwhile.
pub(super) const CARRIED_OUT: Duration = Duration::from_secs(8);

/// How long it may take to begin a network: it makes the keys of WPA3 meanwhile, which a slow processor does for long.
pub(super) const BEGUN: Duration = Duration::from_secs(18);

/// The most bytes of an answer: hostapd itself has 4096 for it.
pub(super) const MAX_ANSWER: usize = 16 * 1024;

/// How much of what is said unasked a conversation keeps.
const MAX_HEARD: usize = 64;

/// So that no two sockets of one process are the same file.
static NUMBER: AtomicU64 = AtomicU64::new(0);

/// Makes a folder that nobody else looks into.
pub(super) fn private_folder(folder: &Path) -> Result<(), Failure> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|error| Failure::Refused(format!("no folder {}: {error}", folder.display())))
}

/// A file that is gone when this is.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    pub(super) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // It may never have come to be.
        fs::remove_file(&self.0).ok();
    }
}

/// A socket to a control socket of hostapd.
pub(super) struct Conversation {
    socket: UnixDatagram,
    /// What was said unasked, without its level.
    heard: VecDeque<String>,
    buffer: Vec<u8>,
    attached: bool,
    _file: Scratch,
}

impl Conversation {
    /// Begins to talk to the socket at `peer`; answers come to a file in `folder`.
    pub(super) fn begin(peer: &Path, folder: &Path) -> Result<Self, Failure> {
        private_folder(folder)?;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let file = Scratch::new(folder.join(format!("answers-{}-{number}", std::process::id())));
        // One of an earlier process with this number.
        fs::remove_file(file.path()).ok();
        let socket = UnixDatagram::bind(file.path())
            .map_err(|error| Failure::Refused(format!("no socket {}: {error}", file.path().display())))?;
        socket.connect(peer).map_err(|error| unreachable(&error))?;
        Ok(Self { socket, heard: VecDeque::new(), buffer: vec![0; MAX_ANSWER], attached: false, _file: file })
    }

    /// Asks, and waits for the answer.
    pub(super) async fn ask(&mut self, question: &str) -> Result<String, Failure> {
        self.ask_within(question, ANSWER).await
    }

    /// Asks for something that takes its time.
    pub(super) async fn ask_within(&mut self, question: &str, limit: Duration) -> Result<String, Failure> {
        let end = Instant::now() + limit;
        match timeout_at(end, self.socket.send(question.as_bytes())).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return Err(unreachable(&error)),
            Err(_) => return Err(Failure::Away(SERVICE)),
        }
        loop {
            let text = self.receive(end).await?.ok_or(Failure::Away(SERVICE))?;
            match said_unasked(&text) {
                Some(message) => self.keep(message.to_owned()),
                None => return Ok(text),
            }
        }
    }

    /// Has something done. Whether hostapd did it.
    pub(super) async fn order(&mut self, command: &str) -> Result<bool, Failure> {
        self.order_within(command, ANSWER).await
    }

    /// Has something done that takes its time. Whether hostapd did it.
    pub(super) async fn order_within(&mut self, command: &str, limit: Duration) -> Result<bool, Failure> {
        let answer = self.ask_within(command, limit).await?;
        match answer.trim_end() {
            "OK" => Ok(true),
            text if text.starts_with("FAIL") || text == "UNKNOWN COMMAND" => Ok(false),
            // The command itself may have a secret in it; its name has none.
            _ => Err(Failure::Nonsense(
                SERVICE,
                format!(
                    "its answer to {} is neither OK nor FAIL",
                    command.split(' ').next().unwrap_or_default()
                ),
            )),
        }
    }

    /// Asks to be told what happens. Whether that will be.
    pub(super) async fn attach(&mut self) -> Result<bool, Failure> {
        self.attached = self.order_within("ATTACH", CARRIED_OUT).await?;
        Ok(self.attached)
    }

    /// The next thing that is said unasked, until `end`.
    pub(super) async fn hear(&mut self, end: Instant) -> Result<Option<String>, Failure> {
        if let Some(message) = self.heard.pop_front() {
            return Ok(Some(message));
        }
        while let Some(text) = self.receive(end).await? {
            if let Some(message) = said_unasked(&text) {
                return Ok(Some(message.to_owned()));
            }
        }
        Ok(None)
    }

    /// The last thing that was said unasked and is a reason for something.
    pub(super) fn last_words(&self) -> Option<String> {
        const REASONS: [&str; 5] =
            ["ACS-FAILED", "DFS-", "INTERFACE-DISABLED", "CTRL-EVENT-REGDOM-CHANGE", "AP-REJECTED"];
        let found =
            self.heard.iter().rev().find(|text| REASONS.iter().any(|reason| text.starts_with(reason)))?;
        Some(found.split(' ').next().unwrap_or_default().to_owned())
    }

    fn keep(&mut self, message: String) {
        if self.heard.len() == MAX_HEARD {
            self.heard.pop_front();
        }
        self.heard.push_back(message);
    }

    async fn receive(&mut self, end: Instant) -> Result<Option<String>, Failure> {
        let length = match timeout_at(end, self.socket.recv(&mut self.buffer)).await {
            Ok(Ok(length)) => length,
            Ok(Err(error)) => return Err(unreachable(&error)),
            Err(_) => return Ok(None),
        };
        if length == self.buffer.len() {
            return Err(Failure::Nonsense(SERVICE, format!("an answer of {MAX_ANSWER} bytes or more")));
        }
        // What a station calls itself is passed on by hostapd as it came: that must not hide everything else.
        let text = String::from_utf8_lossy(&self.buffer[..length]);
        Ok(Some(text.replace('\0', "\u{fffd}")))
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        if self.attached {
            // If it is not there any more it tells nobody in any case.
            self.socket.try_send(b"DETACH").ok();
        }
    }
}

/// Nobody is there, whatever the kernel calls it.
fn unreachable(error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::PermissionDenied => Failure::Refused(format!("hostapd may not be asked: {error}")),
        _ => Failure::Away(SERVICE),
    }
}

/// `<3>AP-ENABLED`: a message and its level.
pub(super) fn said_unasked(text: &str) -> Option<&str> {
    let (level, message) = text.strip_prefix('<')?.split_once('>')?;
    level.bytes().all(|byte| byte.is_ascii_digit()).then_some(message)
}
