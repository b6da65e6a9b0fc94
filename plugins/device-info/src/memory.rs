//! Memory, from `/proc/meminfo`.

use cwmp_plugin_sdk::Error;

use crate::files::Files;

/// Memory in KiB.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    pub(crate) total: u32,
    pub(crate) free: u32,
}

impl Memory {
    /// How much of it is in use.
    pub(crate) fn used_percent(self) -> u32 {
        let used = u64::from(self.total.saturating_sub(self.free));
        u32::try_from(used * 100 / u64::from(self.total.max(1))).unwrap_or(100)
    }

    pub(crate) fn read(files: &Files) -> Result<Self, Error> {
        let text = files.read("proc/meminfo")?;
        let find = |key: &str| -> Option<u32> {
            let line = text.lines().find_map(|l| l.strip_prefix(key)?.strip_prefix(':'))?;
            let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
            // Four TiB and more are told as just below.
            Some(u32::try_from(kib).unwrap_or(u32::MAX))
        };
        let absent = |key| Error::internal(format!("/proc/meminfo has no {key}"));
        Ok(Self {
            total: find("MemTotal").ok_or_else(|| absent("MemTotal"))?,
            // What could be had at once, caches included; kernels before 3.14 do not say it.
            free: find("MemAvailable").or_else(|| find("MemFree")).ok_or_else(|| absent("MemFree"))?,
        })
    }
}
