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
}
