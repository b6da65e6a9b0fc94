//! Processes, from `/proc/PID/stat`.

use cwmp_plugin_sdk::{Answer, Error};
use nix::unistd::{sysconf, SysconfVar};

use crate::files::Files;

/// The most processes that are told; those with the lowest numbers.
pub(crate) const MAX_PROCESSES: usize = 4_096;
/// Ticks of a second in `/proc`: the kernel shows all architectures that boxes have the same number.
const TICKS: u64 = 100;
/// The page size where the kernel does not tell it.
const USUAL_PAGE: u64 = 4_096;

/// One process.
#[derive(Debug, Clone)]
pub(crate) struct Process {
    pid: u32,
    command: String,
    state: &'static str,
    priority: u32,
    cpu_ms: u32,
    pages: u64,
}

impl Process {
    pub(crate) fn read(files: &Files, pid: u32) -> Result<Self, Error> {
        // A process that is gone is a row that is gone.
        let text = files.read(&format!("proc/{pid}/stat")).map_err(|e| Error::name(e.text()))?;
        Self::parse(pid, &text).ok_or_else(|| Error::internal(format!("/proc/{pid}/stat makes no sense")))
    }

    fn parse(pid: u32, text: &str) -> Option<Self> {
        // The command stands in parentheses and may contain any of them.
        let (command, rest) = text.split_once('(')?.1.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let number = |field: usize| fields.get(field - 3)?.parse::<i64>().ok();
        let ticks = u64::try_from(number(14)?.saturating_add(number(15)?)).ok()?;
        Some(Self {
            pid,
            command: command.chars().take(256).collect(),
            state: state(fields.first()?),
            priority: priority(number(18)?),
            // The counter starts again after 49 days of work, as counters do.
            #[allow(clippy::cast_possible_truncation)]
            cpu_ms: (ticks * 1_000 / TICKS) as u32,
            pages: u64::try_from(number(24)?).ok()?,
        })
    }

    pub(crate) fn answer(
        &self,
        i: usize,
        leaf: &str,
        page: u64,
        answer: &mut Answer<'_>,
    ) -> Result<(), Error> {
        match leaf {
            "PID" => answer.value(i, self.pid),
            "Command" => answer.value(i, &self.command),
            "Size" => answer.value(i, u32::try_from(self.pages * page / 1_024).unwrap_or(u32::MAX)),
            "Priority" => answer.value(i, self.priority),
            "CPUTime" => answer.value(i, self.cpu_ms),
            "State" => answer.value(i, self.state),
            _ => return Err(Error::name(format!("a process has no {leaf}"))),
        }
        Ok(())
    }
}

fn state(letter: &str) -> &'static str {
    match letter {
        "R" => "Running",
        "T" | "t" => "Stopped",
        "I" | "P" => "Idle",
        "D" | "K" | "W" => "Uninterruptible",
        "Z" | "X" | "x" => "Zombie",
        _ => "Sleeping",
    }
}

/// The kernel's 140 levels, of which -100 is the most urgent real-time one and 39 the nicest, as 0 to 99.
fn priority(level: i64) -> u32 {
    u32::try_from((level + 100).clamp(0, 139) * 99 / 139).unwrap_or(0)
}

/// The processes that there are.
pub(crate) fn list(files: &Files) -> Result<Vec<u32>, Error> {
    let mut pids = files.numbered("proc", "")?;
    pids.truncate(MAX_PROCESSES);
    Ok(pids)
}

/// The bytes of a page. Not from `/proc/self/auxv`: in a process that leaves no core dumps, that is root's alone.
pub(crate) fn page_size() -> u64 {
    let found = sysconf(SysconfVar::PAGE_SIZE).ok().flatten();
    found.and_then(|size| u64::try_from(size).ok()).unwrap_or(USUAL_PAGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_may_contain_parentheses_and_spaces() {
        let text = "7 (a) (b c) S 1 7 7 0 -1 4194304 99 0 0 0 150 50 0 0 -51 0 1 0 323255 3133440 362 18446744073709551615";
        let process = Process::parse(7, text).unwrap();
        assert_eq!((process.command.as_str(), process.state), ("a) (b c", "Sleeping"));
        assert_eq!((process.cpu_ms, process.pages, process.priority), (2_000, 362, 34));
        assert!(Process::parse(7, "7 (x) S 1").is_none());
        assert!(Process::parse(7, "").is_none());
    }

    #[test]
    fn a_page_is_as_large_as_the_kernel_s() {
        let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let line = maps.lines().find_map(|line| line.strip_prefix("KernelPageSize:")).unwrap();
        let kilobytes: u64 = line.split_whitespace().next().unwrap().parse().unwrap();
        assert_eq!(page_size(), kilobytes * 1024);
    }

    #[test]
    fn priorities_keep_their_order() {
        assert_eq!([-100, -101, 20, 39].map(priority), [0, 0, 85, 99]);
    }
}
