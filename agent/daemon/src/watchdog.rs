//! What whoever supervises the agent is told: that it is ready, what it is doing, that it is alive.
//!
//! Alive is more than a thread that runs. The loop that opens sessions must go round, and a call must come back through the
//! bus; else systemd hears nothing, and ends the agent when its patience is over (`WatchdogSec=`). Where nobody wants to know,
//! nothing of this costs anything.

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cwmp_bus::names;
use cwmp_net::Url;
use sd_notify::NotifyState;
use tokio::sync::watch;

use crate::core::{lock, Core};
use crate::local;

/// How long one step of the loop may take where nothing else is known of it: writes to providers, whose manifests may raise
/// their deadlines, or the command that reboots.
const STEP: Duration = Duration::from_secs(600);
/// How many exchanges a message to the ACS may take: redirects, and challenges on each way.
const EXCHANGES: u32 = 4;
/// The longest text that is told, in bytes: a line for people.
const MAX_STATUS: usize = 240;

/// Whether the loop that opens sessions goes round.
#[derive(Debug)]
pub(crate) struct Pulse {
    /// How often the loop was asked whether it lives, and how often it answered.
    asked: watch::Sender<u64>,
    answered: watch::Sender<u64>,
    /// Until when the loop is expected to be in a step that takes its time.
    busy: Mutex<Option<Instant>>,
    #[cfg(feature = "test-hooks")]
    stuck: watch::Sender<bool>,
}

impl Default for Pulse {
    fn default() -> Self {
        Self {
            asked: watch::Sender::new(0),
            answered: watch::Sender::new(0),
            busy: Mutex::default(),
            #[cfg(feature = "test-hooks")]
            stuck: watch::Sender::new(false),
        }
    }
}

impl Pulse {
    /// Where the loop sleeps; meanwhile it answers whenever it is asked.
    ///
    /// Cancel safety: as that of `sleep`.
    pub(crate) async fn answer_while<T>(&self, sleep: impl Future<Output = T>) -> T {
        let mut asked = self.asked.subscribe();
        *lock(&self.busy) = None;
        tokio::pin!(sleep);
        loop {
            self.answered.send_replace(*asked.borrow_and_update());
            tokio::select! {
                slept = &mut sleep => return slept,
                // The sender lives as long as what is borrowed here.
                _ = asked.changed() => {}
            }
        }
    }

    /// The loop begins a step that takes its time, of a session or after it.
    pub(crate) fn step(&self) {
        self.step_of(STEP);
    }

    /// The loop sends a message to the ACS, and waits for the reply for so long.
    pub(crate) fn exchange(&self, response_timeout: Duration) {
        let whole = response_timeout.saturating_mul(cwmp_net::WHOLE_EXCHANGE).saturating_mul(EXCHANGES);
        self.step_of(whole.saturating_add(STEP));
    }

    fn step_of(&self, limit: Duration) {
        *lock(&self.busy) = Instant::now().checked_add(limit);
    }

    /// Whether the loop gives a sign of life within this time, or is in a step that may take longer.
    async fn beats(&self, within: Duration) -> bool {
        let mut number = 0;
        self.asked.send_modify(|asked| {
            *asked += 1;
            number = *asked;
        });
        let mut answered = self.answered.subscribe();
        let heard = tokio::time::timeout(within, answered.wait_for(|answered| *answered >= number)).await;
        heard.is_ok() || lock(&self.busy).is_some_and(|until| Instant::now() < until)
    }

    /// Where a test can make the loop stick. Without the feature `test-hooks` there is nothing here.
    #[allow(clippy::unused_async)] // what it waits for is there with the feature
    pub(crate) async fn may_stick(&self) {
        #[cfg(feature = "test-hooks")]
        if *self.stuck.borrow() {
            std::future::pending::<()>().await;
        }
    }

    /// From now on the loop sticks.
    #[cfg(feature = "test-hooks")]
    pub(crate) fn stick(&self) {
        self.stuck.send_replace(true);
    }
}

/// Everything is there: the name on the bus, and the store.
pub(crate) fn ready() {
    tell(&[NotifyState::Ready]);
}

/// The end has begun.
pub(crate) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

fn tell(state: &[NotifyState<'_>]) {
    // The one who started us may not be systemd.
    if let Err(error) = sd_notify::notify(false, state) {
        tracing::debug!("systemd was not told: {error}, ignoring");
    }
}

/// Tells systemd that the agent is alive, as often as it wants, while it is; never, when it does not want to know.
pub(crate) async fn feed(core: Arc<Core>) {
    let mut microseconds = 0;
    if !sd_notify::watchdog_enabled(false, &mut microseconds) {
        return;
    }
    // A round takes two of these at most: one until the answers are there, one until the next.
    let period = Duration::from_micros(microseconds) / 4;
    loop {
        let (beats, comes_back) = tokio::join!(core.pulse.beats(period), comes_back(&core, period));
        match (beats, comes_back) {
            (true, Ok(())) => tell(&[NotifyState::Watchdog]),
            (false, _) => {
                tracing::error!("the loop that opens sessions is stuck: systemd is not told that we live");
            }
            (_, Err(why)) => {
                tracing::error!("the bus does not answer ({why}): systemd is not told that we live");
            }
        }
        tokio::select! {
            () = tokio::time::sleep(period) => {}
            () = core.stopping() => return,
        }
    }
}

/// A call to the agent's own name: the bus knows the name as ours, and what comes in is answered.
async fn comes_back(core: &Core, within: Duration) -> Result<(), String> {
    let call = core.bus().call_method(
        Some(names::SERVICE),
        names::PATH,
        Some("org.freedesktop.DBus.Peer"),
        "Ping",
        &(),
    );
    match tokio::time::timeout(within, call).await {
        Ok(Ok(_)) => Ok(()),
        // A policy of the image's own may forbid the call. Then it was the bus that answered.
        Ok(Err(zbus::Error::MethodError(name, ..)))
            if name.as_str() == "org.freedesktop.DBus.Error.AccessDenied" =>
        {
            Ok(())
        }
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no answer within {} s", within.as_secs_f32())),
    }
}

/// Tells systemd in one line what the agent is doing, whenever that is something else.
pub(crate) async fn tell_status(core: Arc<Core>) {
    if std::env::var_os("NOTIFY_SOCKET").is_none() {
        return;
    }
    let mut settings = core.settings.subscribe();
    let mut told = String::new();
    loop {
        // Before the look, so that nothing is missed after it.
        let noted = core.noted.notified();
        let line = one_line(&doing(&core));
        if line != told {
            tell(&[NotifyState::Status(&line)]);
            told = line;
        }
        tokio::select! {
            () = noted => {}
            // The sender lives as long as the core.
            _ = settings.changed() => {}
            () = core.stopping() => return,
        }
    }
}

/// What the agent is doing. Of the ACS only its host is told: the rest of a URL may be a secret.
fn doing(core: &Core) -> String {
    let mut line = match &core.identity {
        Err(why) => format!("does not inform: {why}"),
        Ok(_) if !core.truth(local::ENABLE_CWMP) => "CWMP is switched off".to_owned(),
        Ok(_) => {
            let url = core.setting(local::URL);
            match Url::parse(&url) {
                _ if url.is_empty() => "no ACS is set".to_owned(),
                Err(error) => format!("the URL of the ACS cannot be used: {error}"),
                Ok(url) => about_sessions(core, &url.host),
            }
        }
    };
    let store = core.persist.health();
    if store != "ok" {
        line.push_str("; store: ");
        line.push_str(&store);
    }
    line
}

fn about_sessions(core: &Core, host: &str) -> String {
    let status = lock(&core.status).clone();
    let next = if status.next_inform.is_empty() {
        String::new()
    } else {
        format!(", next Inform {}", status.next_inform)
    };
    match status.retry_count {
        _ if status.in_session => format!("in session with {host}"),
        0 => format!("idle{next}"),
        count => format!("{host} was not reached, {count} in a row: {}{next}", status.last_result),
    }
}

/// A text that is one line whoever wrote parts of it: each line of the message is an order to systemd.
fn one_line(text: &str) -> String {
    let mut line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if line.len() > MAX_STATUS {
        let end = (0..=MAX_STATUS).rev().find(|at| line.is_char_boundary(*at)).unwrap_or_default();
        line.truncate(end);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(5);
    const AT_ONCE: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn a_loop_that_sleeps_answers() {
        let pulse = Pulse::default();
        tokio::select! {
            () = pulse.answer_while(std::future::pending()) => {}
            () = async {
                assert!(pulse.beats(SOON).await);
                assert!(pulse.beats(SOON).await);
            } => {}
        }
    }

    #[tokio::test]
    async fn a_loop_that_does_not_come_back_gives_no_sign() {
        let pulse = Pulse::default();
        assert_eq!(pulse.answer_while(async { 1 }).await, 1);
        assert!(!pulse.beats(AT_ONCE).await);
    }

    #[tokio::test]
    async fn a_step_may_take_its_time_and_no_longer() {
        let pulse = Pulse::default();
        pulse.step();
        assert!(pulse.beats(AT_ONCE).await);
        pulse.step_of(Duration::ZERO);
        assert!(!pulse.beats(AT_ONCE).await);
        pulse.exchange(Duration::from_secs(30));
        assert!(pulse.beats(AT_ONCE).await);
        // What comes after the step has to come back in time, however long the step might have been.
        pulse.answer_while(async {}).await;
        assert!(!pulse.beats(AT_ONCE).await);
        // A timeout beyond all measure is no reason to panic.
        pulse.exchange(Duration::MAX);
    }

    #[test]
    fn nobody_gives_systemd_an_order_through_the_status() {
        assert_eq!(one_line("a\nMAINPID=1\r\n"), "a MAINPID=1  ");
        let long = one_line(&"ä".repeat(MAX_STATUS));
        assert_eq!((long.len(), long.chars().all(|c| c == 'ä')), (MAX_STATUS, true));
        assert_eq!(one_line(&format!("a{}", "ä".repeat(MAX_STATUS))).len(), MAX_STATUS - 1);
    }
}
