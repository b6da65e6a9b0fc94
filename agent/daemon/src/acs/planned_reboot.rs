//! Reboots that are planned: DelayReboot and ScheduleReboot of `Device.ManagementServer.` (C169).

use std::time::Duration;

use cwmp_model::date_time;
use cwmp_store::Op;

use crate::core::Core;
use crate::local;

/// The reboot that is planned, if there is one.
#[derive(Debug, Default)]
pub(super) struct PlannedReboot {
    /// The value of DelayReboot that was seen, and when it has passed.
    delay: Option<(i32, Duration)>,
    /// The value of ScheduleReboot, in seconds since 1970, if it was in the future when it was seen.
    date: Option<i64>,
}

impl PlannedReboot {
    /// Looks at the settings between two sessions; answers when the reboot is due on the steady clock.
    ///
    /// A delay counts from here: the session that set it has ended. A date that was past when it was set does nothing.
    pub(super) fn look(&mut self, core: &Core, now: Duration) -> Option<Duration> {
        let delay: i32 = core.setting(local::DELAY_REBOOT).parse().unwrap_or(-1);
        if self.delay.map(|(seen, _)| seen) != Some(delay) {
            self.delay = u64::try_from(delay).ok().map(|wait| (delay, now + Duration::from_secs(wait)));
        }
        let date = self.look_at_date(core).map(|date| {
            let rest = u64::try_from(date - core.clock.unix()).unwrap_or_default();
            now + Duration::from_secs(rest)
        });
        [self.delay.map(|(_, at)| at), date].into_iter().flatten().min()
    }

    /// Sees every date that is set during a session, until the session is over. The reboot itself waits for that.
    pub(super) async fn watch(&mut self, core: &Core) -> std::convert::Infallible {
        let mut settings = core.settings.subscribe();
        loop {
            self.look_at_date(core);
            if settings.changed().await.is_err() {
                // The sender lives as long as the core.
                std::future::pending::<()>().await;
            }
        }
    }

    /// The date, if it is to come or has come since it was seen.
    fn look_at_date(&mut self, core: &Core) -> Option<i64> {
        let date = date_time::unix_seconds(&core.setting(local::SCHEDULE_REBOOT));
        let date = date.filter(|_| core.clock.is_trusted());
        self.date = date.filter(|date| *date > core.clock.unix() || self.date == Some(*date));
        self.date
    }

    /// The reboot is about to happen: neither setting causes another.
    pub(super) async fn take(&mut self, core: &Core) {
        *self = Self::default();
        let path = local::SCHEDULE_REBOOT.to_owned();
        let delay = local::DELAY_REBOOT.to_owned();
        core.persist.commit(vec![Op::RemoveSetting { path }, Op::RemoveSetting { path: delay }]).await;
    }
}
