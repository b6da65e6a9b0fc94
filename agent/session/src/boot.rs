//! What a start of the agent means for the ACS.

use crate::event::{BOOT, BOOTSTRAP};

/// What was stored before, and what is now.
#[derive(Debug, Clone, Copy)]
pub struct Start<'a> {
    /// The boot id stored by the last run, `None` if there is none.
    pub stored_boot: Option<&'a str>,
    /// The kernel's boot id now.
    pub boot: &'a str,
    /// The URL and OUI with which a BOOTSTRAP was raised last, `None` before the first contact.
    pub contacted: Option<(&'a str, &'a str)>,
    /// The URL of the ACS now.
    pub url: &'a str,
    /// The OUI now.
    pub oui: &'a str,
}

/// The events that a start raises, in order.
///
/// A new boot id is a boot; a restart of the agent alone is none. First contact, another ACS URL and another OUI are a
/// bootstrap (C48).
pub fn events(start: Start<'_>) -> Vec<&'static str> {
    let mut events = Vec::new();
    if is_bootstrap(start.contacted, start.url, start.oui) {
        events.push(BOOTSTRAP);
    }
    if start.stored_boot != Some(start.boot) {
        events.push(BOOT);
    }
    events
}

/// Whether the next contact is the first with this ACS.
pub fn is_bootstrap(contacted: Option<(&str, &str)>, url: &str, oui: &str) -> bool {
    contacted != Some((url, oui))
}

/// Whether what was kept belongs to another device: it was copied from there, or this one's identity was wrong before.
///
/// `owner` is whose it is. What does not say so was kept by an older agent, and is this device's.
pub fn is_of_another_device(owner: Option<&str>, device: &str) -> bool {
    owner.is_some_and(|owner| owner != device)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: Start<'_> = Start {
        stored_boot: Some("b1"),
        boot: "b1",
        contacted: Some(("http://a/", "00AABB")),
        url: "http://a/",
        oui: "00AABB",
    };

    #[test]
    fn a_restart_of_the_agent_alone_raises_nothing() {
        assert_eq!(events(KNOWN), Vec::<&str>::new());
    }

    /// C50: the first start ever and every new boot open a session.
    #[test]
    fn the_first_start_is_a_bootstrap_and_a_boot() {
        assert_eq!(events(Start { stored_boot: None, contacted: None, ..KNOWN }), [BOOTSTRAP, BOOT]);
        assert_eq!(events(Start { boot: "b2", ..KNOWN }), [BOOT]);
    }

    /// C48: another URL, and another OUI, are a bootstrap.
    #[test]
    fn another_acs_is_a_bootstrap() {
        assert_eq!(events(Start { url: "http://b/", ..KNOWN }), [BOOTSTRAP]);
        assert_eq!(events(Start { oui: "00AABC", ..KNOWN }), [BOOTSTRAP]);
    }

    /// C48: an update of the agent is no other device; another serial number or product class is one.
    #[test]
    fn what_does_not_say_whose_it_is_is_this_devices() {
        assert!(!is_of_another_device(None, "00AABB-Box-S1"));
        assert!(!is_of_another_device(Some("00AABB-Box-S1"), "00AABB-Box-S1"));
        for device in ["00AABB-Box-S2", "00AABB-S1", "00AABC-Box-S1"] {
            assert!(is_of_another_device(Some("00AABB-Box-S1"), device), "{device}");
        }
    }
}
