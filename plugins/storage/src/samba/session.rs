use std::path::Path;
use std::time::Duration;

use nix::sys::signal::{kill, Signal};
use nix::unistd::Pid;

/// How long a session may take to end.
const END: Duration = Duration::from_secs(3);
/// How often is looked whether it has: it is no child of ours.
const LOOK: Duration = Duration::from_millis(20);

/// Waits until a session has ended; one that does not is made to.
pub(super) async fn ended(process: i32) {
    let place = format!("/proc/{process}");
    let gone = async {
        while Path::new(&place).exists() {
            tokio::time::sleep(LOOK).await;
        }
    };
    if tokio::time::timeout(END, gone).await.is_err() {
        // It may have ended at the last moment.
        let _ = kill(Pid::from_raw(process), Signal::SIGKILL);
    }
}

/// The processes that serve these users, by what `smbstatus -p -n` says.
pub(super) fn of_users(text: &str, users: &[u32]) -> Vec<i32> {
    let lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let process = |words: Vec<&str>| {
        // In a cluster, the number of the machine is before that of the process.
        let process = words.first()?.rsplit(':').next()?.parse().ok()?;
        let user: u32 = words.get(1)?.parse().ok()?;
        (users.contains(&user) && process > 1).then_some(process)
    };
    lines.filter_map(process).collect()
}
