//! Who may do what: root, the agent's own user, and two groups. The bus policy file says the same; this holds where it
//! is not installed.

use std::sync::Mutex;

use cwmp_bus::{names, BusError};
use cwmp_model::{Fault, FaultCode};
use nix::unistd::{geteuid, Gid, Group, Uid, User};
use zbus::fdo::DBusProxy;
use zbus::message::Header;
use zbus::names::BusName;

use crate::core::lock;

/// What a caller wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// To see.
    Read,
    /// To change.
    Change,
}

/// How many callers are remembered.
const REMEMBERED: usize = 64;

/// Answers by unique name: a unique name is never given out twice on one bus.
#[derive(Debug, Default)]
pub(super) struct Rights {
    known: Mutex<Vec<(String, bool, bool)>>,
}

impl Rights {
    /// Fails if the caller may not do what it wants.
    pub(super) async fn check(
        &self,
        bus: &zbus::Connection,
        header: &Header<'_>,
        wish: Wish,
    ) -> Result<(), BusError> {
        let denied = |text: String| BusError::Fault(Fault::new(FaultCode::RequestDenied, text));
        let Some(sender) = header.sender() else { return Err(denied("a call without a sender".into())) };
        let known = lock(&self.known).iter().find(|(name, _, _)| name == sender.as_str()).cloned();
        let (reads, changes) = match known {
            Some((_, reads, changes)) => (reads, changes),
            None => {
                let (reads, changes) = find_out(bus, BusName::Unique(sender.to_owned())).await;
                let mut known = lock(&self.known);
                if known.len() >= REMEMBERED {
                    known.remove(0);
                }
                known.push((sender.to_string(), reads, changes));
                (reads, changes)
            }
        };
        match wish {
            Wish::Read if !reads => Err(denied(format!(
                "reading needs root or the group {} or {}",
                names::READ_GROUP,
                names::ADMIN_GROUP
            ))),
            Wish::Change if !changes => {
                Err(denied(format!("changing needs root or the group {}", names::ADMIN_GROUP)))
            }
            _ => Ok(()),
        }
    }
}

/// Whether a connection's user may read and may change.
async fn find_out(bus: &zbus::Connection, name: BusName<'_>) -> (bool, bool) {
    let Ok(dbus) = DBusProxy::new(bus).await else { return (false, false) };
    let Ok(credentials) = dbus.get_connection_credentials(name).await else { return (false, false) };
    let Some(uid) = credentials.unix_user_id().map(Uid::from_raw) else { return (false, false) };
    if uid.is_root() || uid == geteuid() {
        return (true, true);
    }
    let mut groups: Vec<Gid> =
        credentials.unix_group_ids().into_iter().flatten().map(|gid| Gid::from_raw(*gid)).collect();
    if groups.is_empty() {
        // A bus that does not tell groups: the databases do.
        groups.extend(User::from_uid(uid).ok().flatten().map(|u| u.gid));
    }
    let is_in = |group: &str| {
        let Ok(Some(group)) = Group::from_name(group) else { return false };
        let listed = || User::from_uid(uid).ok().flatten().is_some_and(|user| group.mem.contains(&user.name));
        groups.contains(&group.gid) || listed()
    };
    let admin = is_in(names::ADMIN_GROUP);
    (admin || is_in(names::READ_GROUP), admin)
}
