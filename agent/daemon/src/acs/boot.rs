//! What a start of the agent means for the ACS, and what is left of the time before it.

use cwmp_session::boot::{events, Start};
use cwmp_session::{event, Retry};
use cwmp_store::Op;

use super::listener;
use crate::core::control::{BOOT_ID, OWNER, REBOOT_DUE};
use crate::core::own::TOLD_SOFTWARE_VERSION;
use crate::core::transaction::REBOOT_TO_APPLY;
use crate::core::Core;
use crate::local;

/// The facts of which ACS was contacted, as which device.
const CONTACTED_URL: &str = "contacted_url";
const CONTACTED_OUI: &str = "contacted_oui";
/// The fact of how many sessions failed: count, failures since boot, when the next try is due.
pub(super) const RETRY: &str = "retry";

/// Looks at whose store it is, and at the boot id: a new one is a boot, a restart of the agent alone is none.
pub(crate) async fn started(core: &Core) {
    let file = &core.config.boot.id_file;
    let boot = match std::fs::read_to_string(file) {
        Ok(text) => text.trim().to_owned(),
        Err(error) => {
            tracing::error!("boot id {}: {error}; this start counts as a boot", file.display());
            format!("unknown {}", core.clock.unix())
        }
    };
    let claim = claim(core);
    let stored = core.persist.read().meta.get(BOOT_ID).cloned();
    // Bootstrap is looked at before each session; here only the boot counts.
    let start =
        Start { stored_boot: stored.as_deref(), boot: &boot, contacted: Some(("", "")), url: "", oui: "" };
    if events(start).contains(&event::BOOT) {
        booted(core, boot, claim).await;
    } else {
        core.persist.commit(claim).await;
    }
    // What is ours may have changed while nobody looked: another identity, another configuration (C133).
    let mut own = core.watched_names(None);
    own.retain(|name| name != local::CR_URL);
    core.values_changed(own).await;
}

/// What makes the store this device's. Nothing if it is; if it was another's, no ACS was contacted yet (C48).
///
/// Before providers are there and connection requests are heard: what they find is this device's.
fn claim(core: &Core) -> Vec<Op> {
    // A device that does not know who it is today may know tomorrow.
    let Ok(identity) = &core.identity else { return Vec::new() };
    let device = identity.unique_name();
    let owner = core.persist.read().meta.get(OWNER).cloned();
    if owner.as_ref() == Some(&device) {
        return Vec::new();
    }
    let mut ops = Vec::new();
    if cwmp_session::boot::is_of_another_device(owner.as_deref(), &device) {
        let owner = owner.unwrap_or_default();
        tracing::warn!(
            "the store is that of {owner}, this is {device}: its ACS is contacted as for the first time"
        );
        ops = core.forget_changes();
        // Values of the other device are nothing that this one's could have changed from.
        ops.push(Op::RemoveReportedUnder { prefix: String::new() });
        for fact in [CONTACTED_URL, CONTACTED_OUI, RETRY, TOLD_SOFTWARE_VERSION, listener::PATH] {
            ops.push(Op::RemoveMeta { key: fact.into() });
        }
    }
    ops.push(Op::PutMeta { key: OWNER.into(), value: device });
    ops
}

async fn booted(core: &Core, boot: String, claim: Vec<Op>) {
    let mut more = vec![
        Op::PutMeta { key: BOOT_ID.into(), value: boot },
        Op::RemoveMeta { key: REBOOT_DUE.into() },
        Op::RemoveMeta { key: REBOOT_TO_APPLY.into() },
        // It reads -1 after a reboot (C169).
        Op::RemoveSetting { path: local::DELAY_REBOOT.into() },
    ];
    // The count stays, the waits start over (C74, C91).
    if let (retry, Some(_)) = stored_retry(core) {
        more.push(retry_op(Retry::after_reboot(retry.count), 0));
    }
    // After the retry, which may be another device's.
    more.extend(claim);
    let boot = |queue: &mut cwmp_session::EventQueue| {
        let mut changes = queue.reboot();
        changes.extend(queue.add(event::BOOT, "").unwrap_or_default());
        changes
    };
    core.change_events(boot, more).await;
}

/// Raises `0 BOOTSTRAP` if the ACS that is set was never contacted as this device (C48, C86).
pub(super) async fn bootstrap_if_new(core: &Core, url: &str, oui: &str) {
    let contacted = {
        let state = core.persist.read();
        let get = |key: &str| state.meta.get(key).cloned();
        get(CONTACTED_URL).zip(get(CONTACTED_OUI))
    };
    let known = contacted.as_ref().map(|(url, oui)| (url.as_str(), oui.as_str()));
    if !cwmp_session::boot::is_bootstrap(known, url, oui) {
        return;
    }
    let mut more = core.forget_changes();
    more.push(Op::PutMeta { key: CONTACTED_URL.into(), value: url.into() });
    more.push(Op::PutMeta { key: CONTACTED_OUI.into(), value: oui.into() });
    let raise = |queue: &mut cwmp_session::EventQueue| {
        let boot = queue.events().iter().any(|e| e.code == event::BOOT);
        let mut changes = queue.add(event::BOOTSTRAP, "").unwrap_or_default();
        if boot {
            // What is discarded is what the former ACS was to be told; this boot is news to the new one too.
            changes.extend(queue.add(event::BOOT, "").unwrap_or_default());
        }
        changes
    };
    core.change_events(raise, more).await;
}

/// The failures so far, and when the next try is due in seconds since 1970, if there were any.
pub(super) fn stored_retry(core: &Core) -> (Retry, Option<i64>) {
    let state = core.persist.read();
    let parsed = state.meta.get(RETRY).and_then(|text| {
        let mut parts = text.split(' ');
        let count = parts.next()?.parse().ok()?;
        let since_boot = parts.next()?.parse().ok()?;
        let due = parts.next()?.parse().ok()?;
        Some((Retry { count, since_boot }, Some(due)))
    });
    parsed.unwrap_or_default()
}

/// The write that keeps the failures.
pub(super) fn retry_op(retry: Retry, due: i64) -> Op {
    if retry.count == 0 {
        Op::RemoveMeta { key: RETRY.into() }
    } else {
        Op::PutMeta { key: RETRY.into(), value: format!("{} {} {due}", retry.count, retry.since_boot) }
    }
}
