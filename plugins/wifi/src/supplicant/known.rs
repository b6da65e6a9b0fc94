//! What was heard of the service: who it is, which of our networks were refused.
//!
//! Nothing here is a value to be shown: that is asked for. All of it is forgotten with the owner of the name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::supplicant::wire::State;

/// What an access point may be refused with, or a station, that has another key: reasons and status codes of IEEE 802.11, 9.4.1.
mod code {
    /// A deauthentication in the middle of the four-way handshake says this, or that its time is up.
    pub(super) const PREVIOUS_AUTHENTICATION_INVALID: i64 = 2;
    pub(super) const MIC_FAILURE: i64 = 14;
    pub(super) const HANDSHAKE_TIMEOUT: i64 = 15;
    /// SAE: the other side does not confirm.
    pub(super) const CHALLENGE_FAILURE: i64 = 15;
    pub(super) const UNSPECIFIED: i64 = 1;
}

/// What is known of an interface by its signals.
#[derive(Debug, Default)]
struct Heard {
    name: Option<String>,
    state: State,
    /// The network that it is in or tries.
    network: Option<String>,
    disconnect: Option<i64>,
    refused: BTreeSet<String>,
}

#[derive(Debug, Default)]
struct Memory {
    owner: Option<String>,
    interfaces: BTreeMap<String, Heard>,
    /// What the program was built with: `Capabilities` of its root.
    built_with: Vec<String>,
    /// What its interfaces can do, all of them together.
    abilities: BTreeMap<String, BTreeSet<String>>,
    /// Whether it was built with WPS; `None` as long as it has no interface.
    wps: Option<bool>,
}

/// What was heard, shared between who listens and who asks.
#[derive(Debug)]
pub(crate) struct Known {
    memory: Mutex<Memory>,
    /// Says that a state has changed.
    states: watch::Sender<u64>,
}

impl Default for Known {
    fn default() -> Self {
        Self { memory: Mutex::default(), states: watch::channel(0).0 }
    }
}

/// Properties of an interface, of those that matter.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) state: Option<State>,
    /// Not where it becomes none.
    pub(crate) network: Option<String>,
    pub(crate) disconnect: Option<i64>,
    pub(crate) authentication: Option<i64>,
}

impl Known {
    fn lock(&self) -> MutexGuard<'_, Memory> {
        // Every change of it is one step.
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn owner(&self) -> Option<String> {
        self.lock().owner.clone()
    }

    /// Whether a signal is of the service.
    pub(crate) fn is_owner(&self, sender: &str) -> bool {
        self.lock().owner.as_deref() == Some(sender)
    }

    /// Somebody else has the name, or nobody: nothing is known any more.
    pub(crate) fn begin_anew(&self, owner: Option<String>) {
        *self.lock() = Memory { owner, ..Memory::default() };
        self.states.send_modify(|n| *n = n.wrapping_add(1));
    }

    pub(crate) fn set_built_with(&self, words: Vec<String>) {
        self.lock().built_with = words;
    }

    pub(crate) fn built_with(&self, word: &str) -> bool {
        self.lock().built_with.iter().any(|known| known == word)
    }

    /// What all interfaces together can do.
    pub(crate) fn set_abilities(&self, abilities: BTreeMap<String, BTreeSet<String>>) {
        self.lock().abilities = abilities;
    }

    /// Whether an interface can do this; `None` if none is known.
    pub(crate) fn is_able(&self, kind: &str, word: &str) -> Option<bool> {
        self.lock().abilities.get(kind).map(|words| words.contains(word))
    }

    pub(crate) fn set_wps(&self, is_there: Option<bool>) {
        self.lock().wps = is_there;
    }

    /// Whether the service was built with WPS; `None` if it has no interface that tells.
    pub(crate) fn knows_wps(&self) -> Option<bool> {
        self.lock().wps
    }

    pub(crate) fn name(&self, interface: &str, name: &str) {
        self.lock().interfaces.entry(interface.to_owned()).or_default().name = Some(name.to_owned());
    }

    pub(crate) fn name_of(&self, interface: &str) -> Option<String> {
        self.lock().interfaces.get(interface)?.name.clone()
    }

    pub(crate) fn forget_interface(&self, interface: &str) {
        self.lock().interfaces.remove(interface);
        self.states.send_modify(|n| *n = n.wrapping_add(1));
    }

    /// A network has come, or gone, or was given another key: what was said of the one before it at the same place is void.
    pub(crate) fn forget_network(&self, interface: &str, network: &str) {
        if let Some(heard) = self.lock().interfaces.get_mut(interface) {
            heard.refused.remove(network);
        }
    }

    /// The networks that were refused, of an interface.
    pub(crate) fn refused(&self, interface: &str) -> BTreeSet<String> {
        self.lock().interfaces.get(interface).map(|heard| heard.refused.clone()).unwrap_or_default()
    }

    /// To wait for the next change of a state.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.states.subscribe()
    }

    /// Takes in what an interface says.
    pub(crate) fn hear(&self, interface: &str, change: Change) {
        {
            let mut memory = self.lock();
            let heard = memory.interfaces.entry(interface.to_owned()).or_default();
            heard.hear(change);
        }
        self.states.send_modify(|n| *n = n.wrapping_add(1));
    }
}

impl Heard {
    fn hear(&mut self, change: Change) {
        if let Some(network) = change.network {
            self.network = Some(network);
        }
        if let Some(reason) = change.disconnect {
            self.disconnect = Some(reason);
        }
        let before = self.state;
        if let Some(state) = change.state {
            self.state = state;
        }
        if self.state == State::Handshake && before != State::Handshake {
            self.disconnect = change.disconnect;
        }
        let Some(network) = &self.network else { return };
        if self.state == State::Completed {
            self.refused.remove(network);
            return;
        }
        let left = matches!(self.state, State::Disconnected | State::Scanning | State::Inactive);
        // Who leaves by himself has a negative reason.
        let by_the_other = matches!(
            self.disconnect,
            Some(
                code::PREVIOUS_AUTHENTICATION_INVALID
                    | code::MIC_FAILURE
                    | code::HANDSHAKE_TIMEOUT
                    | code::UNSPECIFIED
            )
        );
        let by_handshake = before == State::Handshake && left && by_the_other;
        let by_sae = matches!(change.authentication, Some(code::CHALLENGE_FAILURE | code::UNSPECIFIED));
        if by_handshake || by_sae {
            self.refused.insert(network.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERFACE: &str = "/i/0";

    fn known() -> Known {
        let known = Known::default();
        known.begin_anew(Some(":1.1".to_owned()));
        known
    }

    fn state(known: &Known, state: State) {
        known.hear(INTERFACE, Change { state: Some(state), ..Change::default() });
    }

    fn try_network(known: &Known, network: &str) {
        let network = Some(network.to_owned());
        known.hear(INTERFACE, Change { state: Some(State::Joining), network, ..Change::default() });
        state(known, State::Handshake);
    }

    fn reason(known: &Known, reason: i64) {
        known.hear(INTERFACE, Change { disconnect: Some(reason), ..Change::default() });
    }

    #[test]
    fn a_handshake_that_the_access_point_ends_is_a_wrong_key() {
        let known = known();
        try_network(&known, "/n/0");
        reason(&known, 15);
        state(&known, State::Disconnected);
        assert_eq!(known.refused(INTERFACE), BTreeSet::from(["/n/0".to_owned()]));
        // Until it is let in.
        try_network(&known, "/n/0");
        state(&known, State::Completed);
        assert_eq!(known.refused(INTERFACE), BTreeSet::new());
    }

    #[test]
    fn a_handshake_that_we_leave_is_no_wrong_key() {
        let known = known();
        reason(&known, 15);
        try_network(&known, "/n/0");
        state(&known, State::Disconnected);
        assert_eq!(known.refused(INTERFACE), BTreeSet::new(), "the reason is of the time before");
        try_network(&known, "/n/0");
        reason(&known, -3);
        state(&known, State::Disconnected);
        assert_eq!(known.refused(INTERFACE), BTreeSet::new());
    }

    #[test]
    fn an_access_point_that_does_not_confirm_sae_has_another_key() {
        let known = known();
        let network = Some("/n/1".to_owned());
        known.hear(INTERFACE, Change { state: Some(State::Joining), network, ..Change::default() });
        known.hear(INTERFACE, Change { authentication: Some(0), ..Change::default() });
        assert_eq!(known.refused(INTERFACE), BTreeSet::new());
        known.hear(INTERFACE, Change { authentication: Some(15), ..Change::default() });
        assert_eq!(known.refused(INTERFACE), BTreeSet::from(["/n/1".to_owned()]));
        known.forget_network(INTERFACE, "/n/1");
        assert_eq!(known.refused(INTERFACE), BTreeSet::new());
    }

    #[test]
    fn nothing_is_known_any_more_when_the_owner_changes() {
        let known = known();
        try_network(&known, "/n/0");
        reason(&known, 15);
        state(&known, State::Scanning);
        known.set_built_with(vec!["ap".to_owned()]);
        known.begin_anew(Some(":1.2".to_owned()));
        assert_eq!(known.refused(INTERFACE), BTreeSet::new());
        assert!(!known.built_with("ap"));
        assert!(known.is_owner(":1.2") && !known.is_owner(":1.1"));
    }
}
