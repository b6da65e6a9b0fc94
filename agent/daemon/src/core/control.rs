//! What the ACS, the bus and the box may ask of the agent itself.

use cwmp_model::path;
use cwmp_session::event;
use cwmp_store::Op;

use super::providers::{DESCRIPTION, RESET};
use super::{lock, Core};
use crate::provider::Origin;

/// The fact that the ACS asked for a reboot, until there is one.
pub(crate) const REBOOT_DUE: &str = "reboot";
/// The fact that the ACS asked for a factory reset, until everything is forgotten.
pub(crate) const RESET_DUE: &str = "factory_reset";
/// The fact that a factory reset still has to run its command.
pub(crate) const RESET_COMMAND: &str = "factory_reset_command";
/// The fact of which boot the agent saw last.
pub(crate) const BOOT_ID: &str = "boot_id";
/// The fact of whose store it is: OUI, product class and serial number.
pub(crate) const OWNER: &str = "device";

impl Core {
    /// Somebody on the box wants a session now.
    pub(crate) fn ask_for_session(&self) {
        lock(&self.status).asked = true;
        self.wake.notify_one();
    }

    /// An event was added that is to be told.
    pub(crate) fn wake_for_event(&self) {
        self.wake.notify_one();
    }

    /// A valid connection request came. It is never stored: it is not tried again.
    pub(crate) fn connection_request(&self) {
        // No change to store comes of this event.
        let _ = lock(&self.events).add(event::CONNECTION_REQUEST, "");
        self.wake.notify_one();
    }

    /// Reads the manifests again.
    pub(crate) fn reload(&self) {
        self.load_manifests();
        *lock(&self.stale) = true;
        self.merge_if_free();
        self.settings.send_modify(|generation| *generation += 1);
        self.reloaded.notify_waiters();
    }

    /// Whether a call of a provider would wait for the provider itself.
    pub(crate) fn would_wait_for(&self, provider: &str, paths: &[&str]) -> bool {
        if lock(&self.in_transaction).iter().any(|name| name == provider) {
            return true;
        }
        let tree = self.tree();
        let serves = |name: &str| {
            let Some(id) = tree.schema.find(name) else { return false };
            if path::is_partial(name) {
                tree.served_below(id).0.iter().any(|owner| tree.owner_name(*owner) == provider)
            } else {
                tree.owner_name(tree.owner_of(id)) == provider
            }
        };
        paths.iter().any(|name| serves(name))
    }

    /// Tells every provider that is there, without waiting for any.
    pub(crate) async fn notice(&self, what: &'static str, origin: Origin) {
        let session = match origin {
            Origin::Acs(session) => session,
            _ => 0,
        };
        for provider in self.providers() {
            if let Some(line) = self.line_now(provider.name()) {
                line.mention(what, session).await;
            }
        }
    }

    /// Everything goes back to factory values (C168). Providers that are away are told when they come.
    pub(crate) async fn factory_reset(&self) {
        // A write that is under way would leave its outcome behind, here or at a provider.
        let turn = self.writing.lock().await;
        tracing::warn!("factory reset");
        let keep: Vec<String> = self
            .persist
            .read()
            .meta
            .keys()
            .filter(|key| key.starts_with(DESCRIPTION) || *key == BOOT_ID || *key == OWNER)
            .cloned()
            .collect();
        let mut batch = vec![Op::Wipe { keep_meta: keep }];
        for provider in self.providers() {
            let key = format!("{RESET}{}", provider.name());
            batch.push(Op::PutMeta { key, value: "1".into() });
        }
        batch.push(Op::PutMeta { key: RESET_COMMAND.into(), value: "1".into() });
        lock(&self.events).clear();
        lock(&self.changes).clear();
        self.persist.commit(batch).await;
        for provider in self.providers() {
            if let Some(line) = self.line_now(provider.name()) {
                self.forget_if_told(provider.name(), &line).await;
            }
        }
        drop(turn);
        self.settings.send_modify(|generation| *generation += 1);
    }
}
