//! How busy the processors are and since when, from `/proc/stat` and `/proc/uptime`.

use std::collections::HashMap;

use cwmp_plugin_sdk::Error;

use crate::files::Files;

/// The fewest ticks, over all processors, that make a new measurement: a tenth of a second of one.
const FEWEST_TICKS: u64 = 10;

/// Time since the boot, in ticks of all processors.
#[derive(Debug, Clone, Copy, Default)]
struct Times {
    busy: u64,
    total: u64,
}

/// The usage between one read and the next.
#[derive(Debug)]
pub(crate) struct Usage {
    before: Times,
    percent: u32,
}

impl Usage {
    /// Begins to measure; until a while has passed the answer is the average since the boot.
    pub(crate) fn new(files: &Files) -> Self {
        let mut new = Self { before: Times::default(), percent: 0 };
        // Without the file there is a fault later on, when somebody asks.
        if let Ok(stat) = files.read("proc/stat") {
            let _ = new.percent(&stat);
        }
        new
    }

    /// The usage since the last time, in percent, with the text of `/proc/stat`.
    pub(crate) fn percent(&mut self, stat: &str) -> Result<u32, Error> {
        let now = times(stat).ok_or_else(|| Error::internal("/proc/stat has no line for all processors"))?;
        // Counters of a processor that was taken away are gone: then it begins anew.
        let total = now.total.checked_sub(self.before.total);
        let busy = now.busy.checked_sub(self.before.busy);
        match (busy, total) {
            (Some(busy), Some(total)) if total >= FEWEST_TICKS => {
                let percent = (busy.min(total) * 100 + total / 2) / total;
                self.percent = u32::try_from(percent).unwrap_or(100);
                self.before = now;
            }
            (Some(_), Some(_)) => {}
            _ => self.before = now,
        }
        Ok(self.percent)
    }
}

/// What one processor does, in percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Modes {
    pub(crate) user: u32,
    pub(crate) system: u32,
    pub(crate) idle: u32,
}

/// The modes of each processor between one read and the next.
#[derive(Debug, Default)]
pub(crate) struct Processors {
    before: HashMap<u32, [u64; 3]>,
    modes: HashMap<u32, Modes>,
}

impl Processors {
    /// The modes of a processor since the last time, with the text of `/proc/stat`.
    pub(crate) fn modes(&mut self, stat: &str, row: u32) -> Result<Modes, Error> {
        let prefix = format!("cpu{} ", row.wrapping_sub(1));
        let line = stat.lines().find_map(|l| l.strip_prefix(&prefix));
        let line = line.ok_or_else(|| Error::name(format!("there is no processor {row}")))?;
        let fields: Option<Vec<u64>> = line.split_whitespace().take(8).map(|f| f.parse().ok()).collect();
        let Some([user, nice, system, idle, rest @ ..]) = fields.as_deref() else {
            return Err(Error::internal("/proc/stat has a processor without numbers"));
        };
        // iowait is idle; interrupts and what the hypervisor took are the system's.
        let now = [user + nice, system + rest.iter().skip(1).sum::<u64>(), idle + rest.first().unwrap_or(&0)];
        let before = self.before.get(&row).copied().unwrap_or_default();
        let spent = [0, 1, 2].map(|i| now[i].checked_sub(before[i]));
        let [Some(user), Some(system), Some(idle)] = spent else {
            self.before.insert(row, now);
            return Ok(self.modes.get(&row).copied().unwrap_or_default());
        };
        let total = user + system + idle;
        if total >= FEWEST_TICKS {
            let percent = |part: u64| u32::try_from((part * 100 + total / 2) / total).unwrap_or(100);
            self.modes
                .insert(row, Modes { user: percent(user), system: percent(system), idle: percent(idle) });
            self.before.insert(row, now);
        }
        Ok(self.modes.get(&row).copied().unwrap_or_default())
    }
}

/// The line of all processors: user, nice, system, idle, iowait, irq, softirq, steal. Guests are within user.
fn times(stat: &str) -> Option<Times> {
    let line = stat.lines().find_map(|l| l.strip_prefix("cpu "))?;
    let fields: Vec<u64> = line.split_whitespace().take(8).map(|f| f.parse().ok()).collect::<Option<_>>()?;
    let idle = fields.get(3)? + fields.get(4).unwrap_or(&0);
    let total = fields.iter().sum::<u64>();
    Some(Times { busy: total - idle, total })
}

/// The rows of the processors in use: their numbers, counted from 1.
pub(crate) fn numbers(stat: &str) -> Vec<u32> {
    let name = |l: &str| -> Option<u32> { l.strip_prefix("cpu")?.split(' ').next()?.parse().ok() };
    stat.lines().filter_map(name).map(|n| n + 1).collect()
}

/// Whole seconds since the boot.
pub(crate) fn up_time(files: &Files) -> Result<u32, Error> {
    let text = files.read("proc/uptime")?;
    let seconds = text.split('.').next().and_then(|s| s.trim().parse().ok());
    seconds.ok_or_else(|| Error::internal("/proc/uptime has no seconds"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stat(user: u64, idle: u64) -> String {
        format!("cpu  {user} 0 0 {idle} 0 0 0 0 7 0\ncpu0 1\ncpu1 1\nintr 5\n")
    }

    #[test]
    fn usage_is_measured_between_reads() {
        let mut usage = Usage { before: Times::default(), percent: 0 };
        assert_eq!(usage.percent(&stat(100, 300)), Ok(25), "since the boot");
        assert_eq!(usage.percent(&stat(100, 309)), Ok(25), "too early");
        assert_eq!(usage.percent(&stat(100, 310)), Ok(0));
        assert_eq!(usage.percent(&stat(200, 310)), Ok(100));
        assert_eq!(usage.percent(&stat(10, 10)), Ok(100), "counters that go back are no measurement");
        assert_eq!(usage.percent(&stat(15, 1_010)), Ok(0), "rounded to the nearest");
        assert_eq!(usage.percent(&stat(20, 1_210)), Ok(2), "2.4 percent");
        assert!(usage.percent("nonsense").is_err());
    }

    #[test]
    fn the_modes_of_a_processor_are_measured_between_reads() {
        let mut all = Processors::default();
        let line = |user: u64, system: u64, idle: u64| {
            format!("cpu  1 1 1 1\ncpu0 {user} 0 {system} {idle} 0 0 0 0\n")
        };
        let modes = |user, system, idle| Modes { user, system, idle };
        assert_eq!(all.modes(&line(20, 30, 50), 1), Ok(modes(20, 30, 50)), "since the boot");
        assert_eq!(all.modes(&line(20, 31, 50), 1), Ok(modes(20, 30, 50)), "too early");
        assert_eq!(all.modes(&line(20, 40, 60), 1), Ok(modes(0, 50, 50)));
        assert_eq!(
            all.modes(&line(0, 0, 0), 1),
            Ok(modes(0, 50, 50)),
            "counters that go back are no measurement"
        );
        assert!(matches!(all.modes(&line(1, 1, 1), 2), Err(Error::Name(_))));
        assert!(matches!(all.modes("cpu0 1 x\n", 1), Err(Error::Internal(_))));
    }

    #[test]
    fn processors_are_counted_from_one() {
        assert_eq!(numbers(&stat(1, 1)), [1, 2]);
    }
}
