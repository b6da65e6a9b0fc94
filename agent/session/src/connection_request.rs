//! Which connection requests are accepted (TR-069 3.2.2).

/// What an authenticated connection request is answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// 200, then a session with `6 CONNECTION REQUEST`.
    Accept,
    /// 200; the session that was promised before serves this one too.
    Joined,
    /// 503, without Retry-After (C179).
    Busy,
}

/// The gate in front of the sessions that connection requests open. Times are seconds of a steady clock.
#[derive(Debug, Clone, Copy)]
pub struct Gate {
    minimum: f64,
    last: Option<f64>,
    promised: bool,
}

impl Gate {
    /// A gate that lets one request pass in `minimum` seconds.
    pub fn new(minimum: f64) -> Self {
        Self { minimum, last: None, promised: false }
    }

    /// An authenticated request came. During a session it is accepted and served by one session afterwards (C178).
    pub fn request(&mut self, now: f64) -> Admission {
        if self.promised {
            return Admission::Joined;
        }
        if self.last.is_some_and(|last| now - last < self.minimum) {
            return Admission::Busy;
        }
        self.last = Some(now);
        self.promised = true;
        Admission::Accept
    }

    /// A session opens: what came before is served by it, what comes from now on by the next.
    pub fn session_opens(&mut self) {
        self.promised = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// C177: one session, however many requests came before it.
    #[test]
    fn requests_before_a_session_share_it() {
        let mut gate = Gate::new(1.0);
        assert_eq!(gate.request(0.0), Admission::Accept);
        assert_eq!(gate.request(0.1), Admission::Joined);
        assert_eq!(gate.request(5.0), Admission::Joined);
    }

    /// C178: a request during a session is served by exactly one session after it.
    #[test]
    fn a_request_during_a_session_is_served_after_it() {
        let mut gate = Gate::new(1.0);
        gate.request(0.0);
        gate.session_opens();
        assert_eq!(gate.request(2.0), Admission::Accept);
        assert_eq!(gate.request(2.5), Admission::Joined);
    }

    /// C179: requests that come too fast are refused.
    #[test]
    fn requests_that_come_too_fast_are_refused() {
        let mut gate = Gate::new(10.0);
        gate.request(0.0);
        gate.session_opens();
        assert_eq!(gate.request(9.9), Admission::Busy);
        assert_eq!(gate.request(10.0), Admission::Accept);
    }
}
