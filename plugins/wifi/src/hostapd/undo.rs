//! What was done is taken back.

use super::difference::Depth;
use super::lines::Lines;
use super::reply::State;
use super::socket::CARRIED_OUT;
use super::standing::Radio;
use super::text::Whole;
use super::Hostapd;
use crate::back_end::Failure;

/// How to take back what was done.
pub(super) struct Undo {
    pub(super) said: Vec<(String, Lines)>,
    pub(super) removed: Vec<Whole>,
    pub(super) added: Vec<String>,
    pub(super) depth: Depth,
    pub(super) state: State,
}

impl Hostapd {
    /// Makes a radio what it was, as far as it is known. The first thing that hostapd does not answer ends it.
    pub(super) async fn take_back(&self, radio: &Radio, undo: Undo) {
        let taken_back = async {
            for interface in &undo.added {
                // It may never have come to be.
                self.talk_to_all()?.order_within(&format!("REMOVE {interface}"), CARRIED_OUT).await?;
                self.memory.forget(interface);
            }
            let mut first = self.talk(&radio.first)?;
            if undo.depth == Depth::Restart {
                // It may be off already.
                first.order_within("DISABLE", CARRIED_OUT).await?;
            }
            for (interface, lines) in undo.said.iter().rev() {
                let mut talk = self.talk(interface)?;
                for (key, value) in lines.iter() {
                    talk.order(&format!("SET {key} {value}")).await?;
                }
            }
            match undo.depth {
                Depth::Reload => {
                    first.order_within("RELOAD", CARRIED_OUT).await?;
                }
                Depth::Restart if undo.state != State::Off => {
                    first.order_within("ENABLE", CARRIED_OUT).await?;
                }
                _ => {}
            }
            let on = if radio.phy.is_empty() { &radio.first } else { &radio.phy };
            for network in &undo.removed {
                let file = self.write(&self.text(std::slice::from_ref(network))?)?;
                let command = format!("ADD bss_config={on}:{}", file.path().display());
                if self.talk_to_all()?.order_within(&command, CARRIED_OUT).await? {
                    self.memory.keep(&network.interface, &network.lines)?;
                }
            }
            Ok::<(), Failure>(())
        };
        // The failure that is told is the one that began it.
        taken_back.await.ok();
    }
}
