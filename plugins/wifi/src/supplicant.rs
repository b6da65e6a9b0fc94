//! Stations and access points by wpa_supplicant, on its interface on the bus.
//!
//! ```text
//!   signals --> listener --> events                     (and what can be learned from signals alone: refused keys)
//!   look    --> interface, heard --> what is, asked for each time
//!   apply   --> network --> end_point, access_point --> calls
//! ```
//!
//! Calls go to whoever owns the name when they are made, never to a successor, and each has its time. A network of ours is
//! known by its `id_str`, which outlives this program; a service that began anew has none of ours, and says so by
//! [`Event::Service`](crate::back_end::Event::Service).

mod access_point;
mod air;
mod calls;
mod end_point;
mod heard;
mod interface;
mod known;
mod listener;
mod memory;
mod network;
#[cfg(test)]
mod tests;
mod wire;
mod wps;

use std::cell::RefCell;
use std::sync::Arc;

use tokio::task::JoinHandle;
use zbus::Connection;

use crate::back_end::{Events, Failure};
use crate::plan::Mode;

use calls::Calls;
use known::Known;
use listener::Listener;
use memory::Memory;

/// wpa_supplicant.
#[derive(Debug)]
pub(crate) struct Supplicant {
    calls: Calls,
    known: Arc<Known>,
    memory: RefCell<Memory>,
    listener: JoinHandle<()>,
}

impl Drop for Supplicant {
    fn drop(&mut self) {
        // It only waits for signals.
        self.listener.abort();
    }
}

impl Supplicant {
    /// Hears the service from now on, whether it is there or not.
    pub(crate) async fn open(bus: Connection, events: Events) -> Result<Self, Failure> {
        let known = Arc::new(Known::default());
        let (listener, streams) = Listener::begin(&bus, Arc::clone(&known), events).await?;
        let listener = tokio::spawn(listener.run(streams));
        let calls = Calls::new(bus, Arc::clone(&known));
        Ok(Self { calls, known, memory: RefCell::default(), listener })
    }

    /// How stations may be protected, as far as it is known: of a service without interfaces only how it was built.
    fn modes_of_stations(&self) -> Vec<Mode> {
        if self.known.owner().is_none() {
            return Vec::new();
        }
        let able =
            |kind: &str, word: &str, otherwise: bool| self.known.is_able(kind, word).unwrap_or(otherwise);
        let psk = able("KeyMgmt", "wpa-psk", true);
        let (wpa, rsn) = (able("Protocol", "wpa", true), able("Protocol", "rsn", true));
        let tkip = able("Pairwise", "tkip", true);
        // Builds with SAE protect management frames.
        let sae = able("KeyMgmt", "sae", self.known.built_with("pmf"));
        let owe = able("KeyMgmt", "owe", self.known.built_with("owe"));
        let all = [
            (Mode::None, able("KeyMgmt", "none", true)),
            (Mode::WpaPersonal, psk && wpa && tkip),
            (Mode::Wpa2Personal, psk && rsn),
            (Mode::Wpa3Personal, sae && rsn),
            (Mode::WpaWpa2Personal, psk && wpa && rsn && tkip),
            (Mode::Wpa3PersonalTransition, psk && sae && rsn),
            (Mode::Owe, owe && rsn),
        ];
        all.into_iter().filter(|(_, able)| *able).map(|(mode, _)| mode).collect()
    }
}
