//! Notification attributes, and what counts as a change (TR-069 3.2.1, A.3.2.4).

use cwmp_model::{Fault, FaultCode, NodeFlags};

/// Changes are not reported.
pub const OFF: u8 = 0;
/// Changes ride in the next Inform.
pub const PASSIVE: u8 = 1;
/// A change opens a session.
pub const ACTIVE: u8 = 2;

/// The notification of a parameter that nobody set (C129).
pub fn default_of(flags: NodeFlags) -> u8 {
    if flags.has(NodeFlags::FORCED) || flags.has(NodeFlags::FORCED_DEFAULT) {
        ACTIVE
    } else {
        OFF
    }
}

/// Checks a notification that an ACS or bus client wants for a parameter (C128, C129).
///
/// 3 to 6 are lightweight notification, which is not supported: fault 9003. Turning off what is always active, and active
/// where the parameter refuses it, are fault 9009.
pub fn check(name: &str, flags: NodeFlags, wanted: u32) -> Result<u8, Fault> {
    let refused = |text: &str| Err(Fault::new(FaultCode::NotificationRejected, format!("{name}: {text}")));
    match wanted {
        0 | 1 if flags.has(NodeFlags::FORCED) => refused("active notification cannot be turned off"),
        2 if flags.has(NodeFlags::PASSIVE) => refused("active notification is not available"),
        0 => Ok(OFF),
        1 => Ok(PASSIVE),
        2 => Ok(ACTIVE),
        _ => Err(Fault::new(
            FaultCode::InvalidArguments,
            format!("{name}: notification {wanted} is not supported, 0 to 2 are"),
        )),
    }
}

/// What is known of a watched parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    /// Its notification.
    pub notification: u8,
    /// The value that the ACS wrote or was told last, `None` if it knows none.
    pub reported: Option<String>,
    /// A change waits to be reported.
    pub pending: bool,
}

/// What a value that was read means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing new.
    Nothing,
    /// The first value seen: keep it as reported.
    Remember,
    /// A change that rides in the next Inform.
    Passive,
    /// A change that opens a session.
    Active,
}

impl Watched {
    /// A value was read, after the provider said that it changed or after a start (C133).
    ///
    /// A pending change stays pending even if the value is back at what the ACS knows (C78). What the ACS wrote itself equals
    /// the reported value and is no change (C112).
    pub fn read(&mut self, value: &str) -> Verdict {
        if self.notification == OFF || self.pending {
            return Verdict::Nothing;
        }
        match &self.reported {
            None => {
                self.reported = Some(value.to_owned());
                Verdict::Remember
            }
            Some(known) if known == value => Verdict::Nothing,
            Some(_) => {
                self.pending = true;
                if self.notification == ACTIVE {
                    Verdict::Active
                } else {
                    Verdict::Passive
                }
            }
        }
    }

    /// The ACS wrote this value: it knows it now, and a change before it is still to be reported.
    pub fn written_by_acs(&mut self, value: &str) {
        self.reported = Some(value.to_owned());
    }

    /// An Inform with this value was acknowledged.
    pub fn told(&mut self, value: &str) {
        self.reported = Some(value.to_owned());
        self.pending = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: NodeFlags = NodeFlags(0);

    fn watched(notification: u8) -> Watched {
        Watched { notification, reported: Some("a".into()), pending: false }
    }

    /// C128: lightweight notification is not supported.
    #[test]
    fn levels_beyond_active_are_invalid_arguments() {
        for wanted in 0..=2 {
            assert_eq!(check("P", NONE, wanted).map(u32::from), Ok(wanted));
        }
        for wanted in [3, 4, 5, 6, 7, u32::MAX] {
            assert_eq!(check("P", NONE, wanted).unwrap_err().code.number(), 9003);
        }
    }

    /// C129: forced stays active, forced by default may be turned off, a parameter may refuse active but not passive.
    #[test]
    fn the_model_limits_what_can_be_set() {
        let code = |flags, wanted| check("P", flags, wanted).map_err(|f| f.code.number());
        assert_eq!(default_of(NodeFlags::FORCED), ACTIVE);
        assert_eq!(default_of(NodeFlags::FORCED_DEFAULT), ACTIVE);
        assert_eq!(default_of(NONE), OFF);
        assert_eq!(code(NodeFlags::FORCED, 0), Err(9009));
        assert_eq!(code(NodeFlags::FORCED, 1), Err(9009));
        assert_eq!(code(NodeFlags::FORCED, 2), Ok(ACTIVE));
        assert_eq!(code(NodeFlags::FORCED_DEFAULT, 0), Ok(OFF));
        assert_eq!(code(NodeFlags::PASSIVE, 2), Err(9009));
        assert_eq!(code(NodeFlags::PASSIVE, 1), Ok(PASSIVE));
    }

    /// C78: a value that changed and came back still counts, until it was told.
    #[test]
    fn a_change_that_came_back_is_still_pending() {
        let mut p = watched(ACTIVE);
        assert_eq!(p.read("b"), Verdict::Active);
        assert_eq!(p.read("a"), Verdict::Nothing);
        // Another change while one waits opens no second session.
        assert_eq!(p.read("c"), Verdict::Nothing);
        assert!(p.pending);
        p.told("a");
        assert_eq!((p.read("a"), p.pending), (Verdict::Nothing, false));
    }

    /// C112: what the ACS wrote is no change.
    #[test]
    fn a_value_that_the_acs_wrote_is_no_change() {
        let mut p = watched(ACTIVE);
        p.written_by_acs("b");
        assert_eq!(p.read("b"), Verdict::Nothing);
        assert_eq!(p.read("c"), Verdict::Active);
    }

    /// C133: a change while the agent was down is found by comparison; a parameter never seen before has none.
    #[test]
    fn a_change_while_the_agent_was_down_is_found() {
        assert_eq!(watched(PASSIVE).read("b"), Verdict::Passive);
        assert_eq!(watched(OFF).read("b"), Verdict::Nothing);
        let mut fresh = Watched { notification: ACTIVE, reported: None, pending: false };
        assert_eq!(fresh.read("x"), Verdict::Remember);
        assert_eq!(fresh.read("y"), Verdict::Active);
    }
}
