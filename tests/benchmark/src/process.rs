//! What the kernel knows of a process.

use std::time::Duration;

/// The CPU time of all threads of a process.
///
/// From `schedstat`, which counts nanoseconds; the ticks of `stat` are ten milliseconds.
pub(crate) fn cpu(pid: u32) -> Duration {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return Duration::ZERO };
    let nanoseconds = threads
        .filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok())
        .filter_map(|text| text.split(' ').next()?.parse::<u64>().ok())
        .sum();
    Duration::from_nanos(nanoseconds)
}

/// Memory in kilobytes.
pub(crate) struct Memory {
    /// Shared pages divided among those who share them.
    pub(crate) pss: u64,
    /// What would be free if the process ended.
    pub(crate) private: u64,
}

/// The memory of a process.
pub(crate) fn memory(pid: u32) -> Memory {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let field = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        line.split_whitespace().nth(1)?.parse::<u64>().ok()
    };
    Memory {
        pss: field("Pss:").unwrap_or_default(),
        private: field("Private_Clean:").unwrap_or_default() + field("Private_Dirty:").unwrap_or_default(),
    }
}
