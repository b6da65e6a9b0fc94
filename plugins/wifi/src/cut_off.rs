//! What the image made of networks that nobody touched yet, from when a transaction is prepared until it is over.
//!
//! What a commit stores is there when it ends, and not before. A plugin that is killed in the middle has changed the air and
//! knows nothing of it: so what was there is stored before the commit begins, and made true again at the next start. After a
//! boot the services begin with what the image says by themselves.

use std::collections::BTreeSet;

use cwmp_plugin_sdk::{Error, Host};

use crate::bases::{read, write, Base, Bases};
use crate::planner;
use crate::row_id::RowId;
use crate::snapshot::Snapshot;

/// Before the keys in the store.
const KEPT: &str = "before/";
/// The kernel's word for this boot.
const BOOT: &str = "/proc/sys/kernel/random/boot_id";

/// This boot; `None` where the kernel does not tell, and then nothing is kept.
fn boot() -> Option<String> {
    let text = std::fs::read_to_string(BOOT).ok()?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// Keeps what the image made of every network that is as it made it.
pub(crate) fn keep(snapshot: &Snapshot, host: &Host) -> Result<(), Error> {
    let Some(boot) = boot() else { return Ok(()) };
    for ssid in snapshot.tree.ssids.iter().filter(|ssid| matches!(ssid.id, RowId::Found(_)) && !ssid.away) {
        let (Some(radio), Some(interface)) = (&ssid.radio, ssid.interface.as_deref()) else { continue };
        if snapshot.bases.get(interface).is_some() {
            continue;
        }
        let Some(base) = planner::base_of(&snapshot.world, radio, interface) else { continue };
        let (key, text) = (format!("{KEPT}{interface}"), format!("{boot}\n{}", write(&base)));
        if host.store_get(&key)?.as_ref() != Some(&text) {
            host.store_put(&key, &text)?;
        }
    }
    Ok(())
}

/// The transaction is over.
pub(crate) fn forget(host: &Host) -> Result<(), Error> {
    for key in host.store_list(KEPT)? {
        host.store_delete(&key)?;
    }
    Ok(())
}

/// Takes what was kept for what the image made: a transaction was cut off. Says of which interfaces.
pub(crate) fn recall(bases: &mut Bases, host: &Host) -> Result<BTreeSet<String>, Error> {
    let boot = boot();
    let mut recalled = BTreeSet::new();
    for key in host.store_list(KEPT)? {
        let text = host.store_get(&key)?.unwrap_or_default();
        let kept = text.split_once('\n').filter(|(of, _)| Some(*of) == boot.as_deref());
        let (interface, base): (&str, Option<Base>) =
            (&key[KEPT.len()..], kept.and_then(|(_, text)| read(text)));
        if let Some(base) = base.filter(|_| bases.get(interface).is_none()) {
            bases.insert(interface, base);
            recalled.insert(interface.to_owned());
        }
    }
    Ok(recalled)
}
