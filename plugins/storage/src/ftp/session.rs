//! The sessions of vsftpd, by the titles that it gives its processes.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use nix::sys::signal::{kill, Signal};
use nix::unistd::Pid;

/// How long a killed process may take to be gone; one that the disk does not let go stays.
const END: Duration = Duration::from_secs(3);
/// How often is looked whether it is.
const LOOK: Duration = Duration::from_millis(20);

/// Whose a session is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Whose<'a> {
    /// It waits for others to begin; or is none of ours.
    Nobody,
    /// Who it is will turn out.
    Unknown,
    Of(&'a str),
}

/// What a title says: `vsftpd: ADDRESS: connected`, and once the name is known `vsftpd: ADDRESS/NAME: what is done`.
pub(super) fn whose(title: &str) -> Whose<'_> {
    let Some(rest) = title.strip_prefix("vsftpd: ") else { return Whose::Nobody };
    if rest.starts_with("LISTENER") {
        return Whose::Nobody;
    }
    let (first, rest) = match rest.split_once('/') {
        // Before the slash there is only an address.
        Some((address, rest)) if address.chars().all(|c| c.is_ascii_hexdigit() || ".:%".contains(c)) => {
            (address, rest)
        }
        _ => return Whose::Unknown,
    };
    match rest.split_once(':') {
        Some((name, _)) if !first.is_empty() => Whose::Of(name.trim()),
        _ => Whose::Unknown,
    }
}

/// Ends the sessions of these accounts, and those that have not said yet whose they are: they could have been let in with what
/// was true before.
pub(super) async fn end(program: &Path, names: &BTreeSet<String>) {
    let Ok(program) = program.canonicalize() else { return };
    let mut ended = Vec::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(process) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        // Nobody else can have this program and a title of his own.
        if std::fs::read_link(entry.path().join("exe")).ok().as_deref() != Some(&*program) {
            continue;
        }
        let title = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let title = String::from_utf8_lossy(&title);
        let meant = match whose(title.trim_end_matches('\0')) {
            Whose::Nobody => false,
            Whose::Unknown => true,
            Whose::Of(name) => names.contains(name),
        };
        // It may have ended at this moment.
        if meant && kill(Pid::from_raw(process), Signal::SIGKILL).is_ok() {
            ended.push(entry.path());
        }
    }
    let gone = async {
        // A dead one that its parent has not heard of yet has no program any more.
        while ended.iter().any(|process| process.join("exe").read_link().is_ok()) {
            tokio::time::sleep(LOOK).await;
        }
    };
    let _ = tokio::time::timeout(END, gone).await;
}
