//! When the next session is due (TR-069 3.2.1): something to tell, a periodic instant, a retry.

use std::sync::Arc;
use std::time::Duration;

use cwmp_model::date_time;
use cwmp_net::{random, Client, ClientSettings, Url};
use cwmp_session::session::{lower, NEWEST};
use cwmp_session::{event, periodic, EventRecord, Failure, Outcome, Retry};
use cwmp_store::Op;

use super::boot::{bootstrap_if_new, retry_op, stored_retry, RETRY};
use super::planned_reboot::PlannedReboot;
use super::{action, listener, session};
use crate::config::AcsConfig;
use crate::core::control::{BOOT_ID, REBOOT_DUE, RESET_COMMAND, RESET_DUE};
use crate::core::transaction::REBOOT_TO_APPLY;
use crate::core::{lock, Core};
use crate::identity::Identity;
use crate::local;
use crate::provider::Origin;

/// How long the agent sleeps at most when nothing is planned: a clock that is set meanwhile is seen then.
const LONGEST_SLEEP: Duration = Duration::from_secs(3600);

/// The least time between two sessions that only events of providers ask for: a plugin that raises many costs few.
pub(crate) const VENDOR_EVENT_PAUSE: Duration = Duration::from_secs(10);

/// The periodic Inform as it was planned.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Plan {
    enabled: bool,
    interval: u32,
    reference: String,
    trusted: bool,
}

/// The state of the driver.
struct Driver {
    core: Arc<Core>,
    client: Client,
    identity: Identity,
    retry: Retry,
    /// When the next try is due, on the steady clock.
    retry_at: Option<Duration>,
    /// The newest event that a failed session tried to tell.
    tried: u64,
    plan: Option<Plan>,
    periodic_at: Option<Duration>,
    free_phase: u32,
    reboot: PlannedReboot,
    last_success: Option<Duration>,
    last_session: Option<Duration>,
    namespace: u8,
    sessions: u64,
}

/// Who talks to the ACS. It fails if the device's own certificate and key cannot be used.
pub(crate) fn client(acs: &AcsConfig) -> Result<Client, cwmp_net::NetError> {
    Client::new(ClientSettings {
        trust: acs.trust.clone(),
        certificate: acs.certificate.clone(),
        key: acs.key.clone(),
        allow_basic_on_clear: acs.allow_basic_on_clear,
        response_timeout: Duration::from_secs(acs.response_timeout),
        max_message: acs.max_message,
        user_agent: concat!("cwmpd/", env!("CARGO_PKG_VERSION")).to_owned(),
        ..ClientSettings::default()
    })
}

/// Opens sessions until the agent stops.
pub(crate) async fn drive(core: Arc<Core>) -> Result<(), cwmp_net::NetError> {
    let client = client(&core.config.acs)?;
    let Ok(identity) = core.identity.clone() else {
        // A box that does not know who it is does not inform; its state says so.
        core.pulse.answer_while(core.stopping()).await;
        return Ok(());
    };
    let (retry, due) = stored_retry(&core);
    let retry_at = due.map(|due| {
        // A clock that was set back must not make the wait longer than its band.
        let rest = u64::try_from(due - core.clock.unix()).unwrap_or_default();
        let (_, most) = cwmp_session::retry::band(retry.since_boot, minimum(&core), multiplier(&core));
        core.clock.steady() + Duration::from_secs(rest).min(Duration::from_secs_f64(most))
    });
    let newest = core.pending_events().last().map_or(0, |e| e.seq);
    let booted = core.pending_events().iter().any(|e| e.code == event::BOOT) && retry.since_boot == 0;
    let mut driver = Driver {
        client,
        identity,
        retry,
        retry_at: retry_at.filter(|_| !booted),
        tried: if booted { 0 } else { newest },
        plan: None,
        periodic_at: None,
        free_phase: u32::try_from(random::below(u64::from(u32::MAX))).unwrap_or_default(),
        reboot: PlannedReboot::default(),
        last_success: None,
        last_session: None,
        namespace: NEWEST,
        sessions: 0,
        core,
    };
    if driver.retry_at.is_none() {
        driver.tried = 0;
    }
    driver.core.pulse.step();
    // What the time before this start left to be done comes first: an Inform must not tell of a reboot that was none.
    driver.finish_factory_reset().await;
    driver.afterwards(&[REBOOT_DUE]).await;
    // An Inform tells where connection requests are heard.
    listener::tried(&driver.core).await;
    driver.run().await;
    Ok(())
}

fn minimum(core: &Core) -> u32 {
    core.number(local::RETRY_MINIMUM)
}

fn multiplier(core: &Core) -> u32 {
    core.number(local::RETRY_MULTIPLIER)
}

impl Driver {
    async fn run(&mut self) {
        loop {
            let core = Arc::clone(&self.core);
            core.pulse.may_stick().await;
            let now = core.clock.steady();
            self.plan_periodic(now);
            let reboot = self.reboot.look(&core, now);
            if reboot.is_some_and(|at| at <= now) {
                tracing::info!("a planned reboot is due");
                core.pulse.step();
                self.reboot.take(&core).await;
                action::reboot(&core).await;
                continue;
            }
            let url = self.url();
            let due = match &url {
                Some(url) => self.due(url, now).await,
                None => None,
            };
            self.show(due, now);
            if let (Some(url), Some(at)) = (url, due) {
                if at <= now {
                    self.session(&url).await;
                    continue;
                }
            }
            let timers = [due, reboot, Some(now + LONGEST_SLEEP)];
            let next = timers.into_iter().flatten().min().unwrap_or(now + LONGEST_SLEEP);
            let sleep = async {
                tokio::select! {
                    () = core.clock.sleep_until(next) => false,
                    () = core.wake.notified() => false,
                    () = core.stopping() => true,
                }
            };
            if core.pulse.answer_while(sleep).await {
                return;
            }
        }
    }

    /// The ACS, if there is one to talk to.
    fn url(&self) -> Option<Url> {
        let text = self.core.setting(local::URL);
        if text.is_empty() || !self.core.truth(local::ENABLE_CWMP) {
            return None;
        }
        match Url::parse(&text) {
            Ok(url) => Some(url),
            Err(error) => {
                self.core.note(|s| s.last_result = format!("the URL of the ACS: {error}"));
                None
            }
        }
    }

    /// When a session is due; `None` if nothing is planned.
    async fn due(&mut self, url: &Url, now: Duration) -> Option<Duration> {
        bootstrap_if_new(&self.core, &url.to_string(), &self.identity.oui).await;
        let periodic = self.periodic_at.is_some_and(|at| at <= now);
        if periodic {
            self.plan = None;
            self.plan_periodic(now);
        }
        let asked = std::mem::take(&mut lock(&self.core.status).asked);
        if periodic || (asked && self.core.pending_events().is_empty()) {
            // Stored at once: a periodic Inform that is due is never lost.
            if let Err(fault) = self.core.add_event(event::PERIODIC, "").await {
                tracing::error!("{fault}");
            }
        }
        let events = self.core.pending_events();
        // Without a failure to wait for, what an Inform had no room for is news as well.
        let is_news = |e: &&EventRecord| {
            let by_inform = event::delivered_by(&e.code) == Some(event::DeliveredBy::Inform);
            e.seq > self.tried || (self.retry_at.is_none() && by_inform)
        };
        let (changes, others): (Vec<_>, Vec<_>) =
            events.iter().filter(is_news).partition(|e| e.code == event::VALUE_CHANGE);
        let (vendor, others): (Vec<_>, Vec<_>) =
            others.into_iter().partition(|e| e.code.starts_with(event::VENDOR_PREFIX));
        let fresh = !others.is_empty();
        // A change whose value is not known yet cannot be told.
        let fresh_change = !changes.is_empty() && !self.core.changes_for_inform().is_empty();
        let throttled = || {
            let pause = Duration::from_secs(u64::from(self.core.number(local::THROTTLE)));
            self.last_success.map_or(now, |at| (at + pause).max(now))
        };
        // C89: something new is told at once, whatever the retry waits for.
        let news = (fresh || asked).then_some(now);
        let change = fresh_change.then(throttled);
        let spaced = || self.last_session.map_or(now, |at| (at + VENDOR_EVENT_PAUSE).max(now));
        let vendor = (!vendor.is_empty()).then(spaced);
        [news, change, vendor, self.retry_at, self.periodic_at].into_iter().flatten().min()
    }

    /// Arms the periodic Inform anew if what decides on it changed (C54).
    fn plan_periodic(&mut self, now: Duration) {
        let core = &self.core;
        let plan = Plan {
            enabled: core.truth(local::PERIODIC_ENABLE),
            interval: core.number(local::PERIODIC_INTERVAL),
            reference: core.setting(local::PERIODIC_TIME),
            trusted: core.clock.is_trusted(),
        };
        if self.plan.as_ref() == Some(&plan) {
            return;
        }
        let fixed = plan.trusted && plan.reference != date_time::UNKNOWN;
        let reference = fixed.then(|| date_time::unix_seconds(&plan.reference)).flatten();
        let since = match reference {
            Some(_) => core.clock.unix(),
            None => i64::try_from(now.as_secs()).unwrap_or_default(),
        };
        let phase = self.free_phase % plan.interval.max(1);
        let rest = periodic::next_in(since, plan.interval, reference, phase);
        self.periodic_at = plan.enabled.then(|| now + Duration::from_secs(u64::from(rest)));
        self.plan = Some(plan);
    }

    fn show(&self, due: Option<Duration>, now: Duration) {
        let core = &self.core;
        let next = due.map(|at| {
            let rest = i64::try_from(at.saturating_sub(now).as_secs()).unwrap_or(i64::MAX);
            date_time::from_unix_seconds(core.clock.unix().saturating_add(rest))
        });
        let (count, waiting) = (self.retry.count, self.retry_at.is_some_and(|at| at > now));
        core.note(|s| {
            s.next_inform = next.unwrap_or_default();
            s.retry_count = count;
            s.waiting = waiting;
        });
    }

    async fn session(&mut self, url: &Url) {
        let core = Arc::clone(&self.core);
        self.sessions += 1;
        self.last_session = Some(core.clock.steady());
        let number = self.sessions;
        core.pulse.step();
        self.tried = core.pending_events().iter().map(|e| e.seq).max().unwrap_or_default().max(self.tried);
        self.retry_at = None;
        listener::session_opens(&core);
        listener::refresh_url(&core, url).await;
        core.view_opens();
        core.note(|s| {
            s.in_session = true;
            s.asked = false;
            s.last_inform = date_time::from_unix_seconds(core.clock.unix());
        });
        let origin = Origin::Acs(number);
        core.notice("session-start", origin).await;
        let run =
            session::run(&core, &self.client, &self.identity, url, self.retry.count, self.namespace, number);
        let ended = tokio::select! {
            ended = run => ended,
            never = self.reboot.watch(&core) => match never {},
            never = pulse() => match never {},
        };
        core.pulse.step();
        core.view_closes();
        core.merge_if_free();
        self.settle(&ended).await;
        core.note(|s| s.in_session = false);
        core.notice("session-end", origin).await;
        core.apply_after_session().await;
        self.afterwards(&[REBOOT_DUE, REBOOT_TO_APPLY]).await;
    }

    /// What the outcome means for the next session (C74, C87 to C93).
    async fn settle(&mut self, ended: &session::Ended) {
        let core = &self.core;
        match &ended.outcome {
            Outcome::Success => {
                tracing::info!("session with the ACS ended");
                self.retry.succeeded();
                self.last_success = Some(core.clock.steady());
                let failed = core.persist.read().meta.contains_key(RETRY);
                if failed {
                    core.persist.commit(vec![retry_op(self.retry, 0)]).await;
                }
                core.note(|s| "success".clone_into(&mut s.last_result));
            }
            Outcome::Failed(failure) => {
                let why = describe(failure);
                tracing::warn!("session with the ACS failed: {why}");
                if *failure == Failure::Version {
                    self.namespace = if self.namespace == 0 { NEWEST } else { lower(self.namespace) };
                }
                core.events_failed();
                self.retry.failed();
                let chance = f64::from(u32::try_from(random::below(1 << 32)).unwrap_or_default())
                    / f64::from(u32::MAX);
                let wait = self.retry.wait(minimum(core), multiplier(core), chance).unwrap_or_default();
                #[allow(clippy::cast_precision_loss)] // a wait of seconds
                let wait = wait.max(ended.retry_after.unwrap_or_default() as f64);
                let wait = Duration::from_secs_f64(wait.min(cwmp_session::retry::LONGEST_WAIT));
                self.retry_at = Some(core.clock.steady() + wait);
                let due = core.clock.unix().saturating_add(i64::try_from(wait.as_secs()).unwrap_or(i64::MAX));
                core.persist.commit(vec![retry_op(self.retry, due)]).await;
                core.note(|s| s.last_result = why);
            }
        }
    }

    /// What was asked for the time after the session (C110, C167, C168), and the facts that ask for a reboot.
    async fn afterwards(&mut self, reboot: &[&str]) {
        let core = Arc::clone(&self.core);
        let is_due = |fact: &str| core.persist.read().meta.contains_key(fact);
        if is_due(RESET_DUE) {
            core.factory_reset().await;
            self.retry = Retry::default();
            self.retry_at = None;
            self.tried = 0;
            self.plan = None;
            self.finish_factory_reset().await;
            return;
        }
        if reboot.iter().any(|fact| is_due(fact)) {
            action::reboot(&core).await;
            if is_due(REBOOT_DUE) && !core.is_stopping() {
                // There was none, and there will be none by asking again.
                core.persist.commit(vec![Op::RemoveMeta { key: REBOOT_DUE.into() }]).await;
            }
        }
    }

    /// The second half of a factory reset; after a cut between the halves, or in this one, it is done at the next start.
    async fn finish_factory_reset(&mut self) {
        let core = Arc::clone(&self.core);
        let fact = |key: &str| core.persist.read().meta.get(key).cloned();
        let Some(state) = fact(RESET_COMMAND) else { return };
        let boot = fact(BOOT_ID).unwrap_or_default();
        // "NUMBER BOOT" once the command was begun.
        let begun = state.split_once(' ').and_then(|(times, boot)| Some((times.parse::<u32>().ok()?, boot)));
        let times = match begun {
            // It ended in a boot.
            Some((_, before)) if before != boot => FACTORY_RESET_TRIES,
            Some((times, _)) => times,
            None => 0,
        };
        if times < FACTORY_RESET_TRIES {
            let value = format!("{} {boot}", times + 1);
            core.persist.commit(vec![Op::PutMeta { key: RESET_COMMAND.into(), value }]).await;
            match action::run(&core.config.factory_reset).await {
                Ok(()) => {
                    tokio::select! {
                        () = core.stopping() => return,
                        () = core.clock.sleep(FACTORY_RESET_WAIT) => {}
                    }
                }
                Err(why) => tracing::error!("factory reset: {why}"),
            }
        }
        core.persist.commit(vec![Op::RemoveMeta { key: RESET_COMMAND.into() }]).await;
    }
}

/// How often the command of a factory reset is run in one boot, if the agent ends in it: it may be what restarts the agent.
const FACTORY_RESET_TRIES: u32 = 2;
/// How long the agent waits whether the command of a factory reset ends it; not every one reboots.
const FACTORY_RESET_WAIT: Duration = Duration::from_secs(5);

/// Keeps a near timer while a session is open.
///
/// A timer that is due before all others makes the runtime wake itself, and every call of a provider and every reply of the
/// ACS has such a timer: a tenth of the CPU time of a short request.
async fn pulse() -> std::convert::Infallible {
    loop {
        tokio::time::sleep(PULSE).await;
    }
}

/// Shorter than what a call of a provider may take.
const PULSE: Duration = Duration::from_secs(1);

fn describe(failure: &Failure) -> String {
    match failure {
        Failure::Version => "the ACS does not speak this version of CWMP".to_owned(),
        Failure::Refused(Some(code)) => format!("the ACS refused the Inform with fault {code}"),
        Failure::Refused(None) => "the ACS refused the Inform".to_owned(),
        Failure::Protocol(why) => format!("the ACS broke the protocol: {why}"),
        Failure::Transport(why) => why.clone(),
        _ => "unknown".to_owned(),
    }
}
