//! The single steps from one state of a radio to another.

use tokio::time::Instant;

use super::change::Target;
use super::difference::{Depth, PROTECTION};
use super::lines::Lines;
use super::reply::{State, Status};
use super::socket::{Conversation, BEGUN, CARRIED_OUT};
use super::standing::{Member, Radio};
use super::text::Whole;
use super::undo::Undo;
use super::{network, radio, Hostapd};
use crate::back_end::Failure;
use crate::facts::Mac;
use crate::plan::BssSettings;

/// How long a radio may take until it is on the air or says that it needs longer.
pub(super) const START: std::time::Duration = std::time::Duration::from_secs(4);

impl Hostapd {
    /// Says lines, one by one.
    pub(super) async fn say(
        &self,
        radio: &Radio,
        interface: &str,
        lines: &Lines,
        undo: &mut Undo,
    ) -> Result<(), Failure> {
        if lines.is_empty() {
            return Ok(());
        }
        let before = radio.member(interface).and_then(Member::lines);
        let mut old = Lines::default();
        for (key, _) in lines.iter().filter(|line| !PROTECTION.contains(&line.0)) {
            let value = before.and_then(|before| {
                before
                    .get(key)
                    .map(str::to_owned)
                    .or_else(|| network::default_of(key, before))
                    .or_else(|| radio::default_of(key).map(str::to_owned))
            });
            if let Some(value) = value {
                old.set(key, &value);
            }
        }
        if let Some(before) = before.filter(|_| lines.iter().any(|line| PROTECTION.contains(&line.0))) {
            old.append(&network::protection_of(before));
        }
        undo.said.push((interface.to_owned(), old));
        let mut talk = self.talk(interface)?;
        for (key, value) in lines.iter() {
            if !talk.order(&format!("SET {key} {value}")).await? {
                return Err(Failure::Refused(format!("hostapd does not take this {key} for {interface}")));
            }
        }
        Ok(())
    }

    /// Has networks read anew. Versions before 2.11 do that with all of the radio, whatever they are asked.
    pub(super) async fn reload(&self, radio: &Radio, targets: &[Target<'_>]) -> Result<(), Failure> {
        let mut anew = targets.iter().filter(|target| target.difference.depth == Depth::Reload);
        let (interface, command) = match (anew.next(), anew.next()) {
            (Some(one), None) => (&one.plan.interface, "RELOAD_BSS"),
            _ => (&radio.first, "RELOAD"),
        };
        if self.talk(interface)?.order_within(command, BEGUN).await? {
            Ok(())
        } else {
            Err(Failure::Refused(format!("hostapd does not take the settings of {interface} together")))
        }
    }

    /// Switches a radio on, and waits until it is, or is on its way.
    pub(super) async fn switch_on(
        &self,
        first: &mut Conversation,
        interface: &str,
        end: Instant,
    ) -> Result<(), Failure> {
        if !first.order_within("ENABLE", BEGUN).await? {
            return Err(not_on(interface, first.last_words()));
        }
        self.started(first, interface, end).await
    }

    pub(super) async fn started(
        &self,
        first: &mut Conversation,
        interface: &str,
        end: Instant,
    ) -> Result<(), Failure> {
        let end = end.min(Instant::now() + START);
        loop {
            match Status::parse(&first.ask("STATUS").await?)?.state {
                State::On => return Ok(()),
                State::Off => return Err(not_on(interface, first.last_words())),
                State::Starting => {}
            }
            // Radar is listened for during minutes.
            if first.hear(end).await?.is_none() {
                return Ok(());
            }
        }
    }

    /// Adds networks to a radio, or a radio with them.
    pub(super) async fn add(&self, radio: &str, networks: &[Whole], end: Instant) -> Result<(), Failure> {
        let file = self.write(&self.text(networks)?)?;
        let mut talk = self.talk_to_all()?;
        let command = format!("ADD bss_config={radio}:{}", file.path().display());
        let interface = &networks[0].interface;
        if !talk.order_within(&command, BEGUN).await? {
            return Err(Failure::Refused(format!("hostapd does not add the network on {interface}")));
        }
        let mut first = self.talk(interface)?;
        first.attach().await?;
        self.started(&mut first, interface, end).await
    }

    pub(super) async fn remove(&self, interface: &str) -> Result<(), Failure> {
        if !self.talk_to_all()?.order_within(&format!("REMOVE {interface}"), CARRIED_OUT).await? {
            return Err(Failure::Refused(format!("hostapd does not remove the network on {interface}")));
        }
        self.memory.forget(interface);
        Ok(())
    }

    /// Brings the list of those that are let in to what is planned. Until then nobody new is.
    pub(super) async fn let_in(
        &self,
        interface: &str,
        settings: &BssSettings,
        narrower: bool,
    ) -> Result<(), Failure> {
        let Some(allowed) = &settings.allowed else { return Ok(()) };
        let now = self.allowed(interface).await?;
        let mut talk = self.talk(interface)?;
        let mut steps: Vec<String> = Vec::new();
        for mac in allowed.iter().filter(|mac| !now.contains(mac)) {
            steps.push(format!("ADD_MAC {mac}"));
        }
        for mac in now.iter().filter(|mac| !allowed.contains(mac)) {
            steps.push(format!("DEL_MAC {mac}"));
        }
        if narrower && now.iter().all(|mac| allowed.contains(mac)) {
            // Those that are in already are only looked at when one is taken from the list.
            let nobody = Mac::default();
            steps.push(format!("ADD_MAC {nobody}"));
            steps.push(format!("DEL_MAC {nobody}"));
        }
        for step in steps {
            if !talk.order(&format!("ACCEPT_ACL {step}")).await? {
                return Err(Failure::Refused(format!("hostapd does not change whom {interface} lets in")));
            }
        }
        Ok(())
    }
}

fn not_on(interface: &str, words: Option<String>) -> Failure {
    Failure::Refused(match words {
        Some(words) => format!("hostapd cannot switch {interface} on with these settings: {words}"),
        None => format!("hostapd cannot switch {interface} on with these settings"),
    })
}
