//! What a server has begun, and what serves on without it: not all of it stays in its process group.
//!
//! Each server of ours has a namespace of its own, of the kind that matters least (the machine's name): whatever it begins is
//! in there, too, and cannot leave it unnoticed.

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use nix::sys::signal::{kill, Signal};
use nix::unistd::Pid;

/// What puts a program into a namespace of its own.
pub(super) const UNSHARE: &str = "/usr/bin/unshare";

/// The namespace of a process, by its name; `None` if it is also ours, or the process is no more.
pub(super) fn namespace(pid: i32) -> Option<String> {
    let of = |process: &str| std::fs::read_link(format!("/proc/{process}/ns/uts")).ok();
    let (ours, its) = (of("self")?, of(&pid.to_string())?);
    (ours != its).then(|| its.display().to_string())
}

/// Ends everything in a namespace that is this program, or was told of this folder. The number of a namespace may be another's
/// by now: then that is nothing of ours.
pub(super) fn end(namespace: &str, program: &Path, folder: &Path) {
    let program = program.canonicalize().unwrap_or_else(|_| program.to_owned());
    // Whatever is begun while we look is found the next time; not more often than this.
    for _ in 0..16 {
        let found = find(namespace, &program, folder);
        if found.is_empty() {
            return;
        }
        for pid in found {
            // It may be gone by now.
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
}

fn find(namespace: &str, program: &Path, folder: &Path) -> Vec<i32> {
    let folder = folder.as_os_str().as_bytes();
    let is_stray = |process: &PathBuf| {
        let inside = std::fs::read_link(process.join("ns/uts")).is_ok_and(|its| its.as_os_str() == namespace);
        // One that is dead has no program any more.
        let Ok(runs) = std::fs::read_link(process.join("exe")) else { return false };
        let told = || std::fs::read(process.join("cmdline")).unwrap_or_default();
        inside && (runs == program || told().windows(folder.len()).any(|part| part == folder))
    };
    let all = std::fs::read_dir("/proc").into_iter().flatten().flatten().map(|entry| entry.path());
    let strays = all.filter(is_stray);
    strays.filter_map(|process| process.file_name()?.to_str()?.parse().ok()).collect()
}
