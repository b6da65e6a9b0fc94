//! From what runs to what a plan says.
//!
//! Nothing is said to a network that is as planned. Otherwise there are four ways, from a word that is in force as soon as it is
//! said to a radio that is made anew, and the least of them is gone. Where the protection of a network begins, ends or changes
//! its kind the radio is off the air while it is told; whatever is added comes with its whole configuration.

use tokio::time::{timeout_at, Instant};

use super::difference::{of_network, of_radio, Depth, Difference};
use super::lines::Lines;
use super::reply::{is_interface, State};
use super::socket::{CARRIED_OUT, SERVICE};
use super::standing::{Member, Radio};
use super::steps::START;
use super::text::{another_bssid, merged, with_secrets_of, Whole};
use super::undo::Undo;
use super::{network, radio, Hostapd};
use crate::back_end::Failure;
use crate::facts::Mac;
use crate::plan::{BssPlan, Mode, RadioPlan, RadioSettings};

/// The most stations of a list: what hostapd can show of it in one answer.
pub(super) const MAX_ALLOWED: usize = 128;

/// A network as planned, and what is to be said for it.
pub(super) struct Target<'a> {
    pub(super) plan: &'a BssPlan,
    /// All of it.
    pub(super) lines: Lines,
    pub(super) difference: Difference,
}

impl Hostapd {
    pub(super) async fn make_true(&self, plan: &RadioPlan, end: Instant) -> Result<(), Failure> {
        let mut names: Vec<&str> = plan.networks.iter().map(|network| network.interface.as_str()).collect();
        names.sort_unstable();
        if !names.iter().all(|name| is_interface(name)) || names.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(Failure::Impossible(
                "a network is on an interface of its own, of up to 15 characters".to_owned(),
            ));
        }
        // What cannot be said is refused before anything is touched.
        for network in &plan.networks {
            network::lines(&network.interface, &network.settings)?;
            if network.settings.allowed.as_ref().is_some_and(|list| list.len() > MAX_ALLOWED) {
                return Err(Failure::Impossible(format!(
                    "hostapd takes lists of up to {MAX_ALLOWED} stations"
                )));
            }
        }
        match self.radio_of(plan).await? {
            None if plan.networks.is_empty() => Ok(()),
            None => self.build(plan, end).await,
            Some(radio) if plan.networks.is_empty() => self.silence(&radio).await,
            Some(radio) => self.change(&radio, plan, end).await,
        }
    }

    /// Takes a radio off the air. What hostapd was started with stays there, switched off: nobody but a restart brings it back.
    async fn silence(&self, radio: &Radio) -> Result<(), Failure> {
        if radio.state != State::Off && !self.talk(&radio.first)?.order_within("DISABLE", CARRIED_OUT).await?
        {
            return Err(Failure::Refused(format!("hostapd does not switch {} off", radio.first)));
        }
        if self.has_global() {
            for member in radio.networks.iter().filter(|member| member.interface != radio.first) {
                self.remove(&member.interface).await?;
            }
        }
        Ok(())
    }

    /// What is said of a radio, without what this hostapd does not know: the hardware may be ahead of it.
    fn radio_lines(
        &self,
        settings: &RadioSettings,
        before: &RadioSettings,
        new: bool,
    ) -> Result<Lines, Failure> {
        let mut lines = radio::lines(settings, before, new)?;
        if !self.knows_be.get() {
            lines.remove(|key| key == "ieee80211be" || key.starts_with("eht_"));
        }
        Ok(lines)
    }

    /// Makes a radio where none is.
    async fn build(&self, plan: &RadioPlan, end: Instant) -> Result<(), Failure> {
        let image = self.memory.image(&plan.networks[0].interface).unwrap_or_default();
        let radio_lines =
            self.radio_lines(&plan.settings, &radio::settings(&image), image.get("hw_mode").is_none())?;
        let own = own_address(&plan.networks[0].interface);
        let mut used: Vec<Mac> = own.into_iter().collect();
        let mut networks = Vec::new();
        for (number, planned) in plan.networks.iter().enumerate() {
            let mut wanted = self.wanted(planned, &plan.settings)?;
            let base = if number == 0 {
                let mut both = radio_lines.clone();
                both.append(&wanted);
                wanted = both;
                image.clone()
            } else {
                beside(&image, own, &mut used)
            };
            networks.push(Whole { interface: planned.interface.clone(), lines: merged(&base, &wanted) });
        }
        self.add(&plan.radio, &networks, end).await?;
        for (network, planned) in networks.iter().zip(&plan.networks) {
            self.let_in(&planned.interface, &planned.settings, false).await?;
            self.memory.keep(&network.interface, &network.lines)?;
        }
        Ok(())
    }

    async fn change(&self, radio: &Radio, plan: &RadioPlan, end: Instant) -> Result<(), Failure> {
        let known = radio.first_lines();
        let before = known.map(radio::settings).unwrap_or_default();
        let radio_lines = self.radio_lines(&plan.settings, &before, false)?;
        let of_radio = of_radio(known, &radio_lines);
        let mut targets = Vec::new();
        let mut new = Vec::new();
        for planned in &plan.networks {
            let wanted = self.wanted(planned, &plan.settings)?;
            match radio.member(&planned.interface) {
                Some(member) => targets.push(target(planned, member, &wanted)?),
                None => new.push((planned, wanted)),
            }
        }
        let stays = |interface: &str| plan.networks.iter().any(|planned| planned.interface == interface);
        let whole = !stays(&radio.first)
            || of_radio.depth == Depth::Rebuild
            || targets.iter().any(|target| {
                target.plan.interface == radio.first && target.difference.depth == Depth::Rebuild
            });
        if whole {
            return self.rebuild(radio, plan, &radio_lines, end).await;
        }
        // Another one of the radio that cannot be told otherwise goes, and comes again.
        let mut again = Vec::new();
        targets.retain(|target| {
            let anew = target.difference.depth == Depth::Rebuild;
            if anew {
                again.push((target.plan, target.lines.clone()));
            }
            !anew
        });
        let gone: Vec<&Member> = radio
            .networks
            .iter()
            .filter(|member| {
                !stays(&member.interface) || again.iter().any(|again| again.0.interface == member.interface)
            })
            .collect();
        let mut used: Vec<Mac> = radio.networks.iter().filter_map(|member| member.bssid).collect();
        let own =
            radio.member(&radio.first).and_then(|member| member.bssid).or_else(|| own_address(&radio.first));
        used.extend(own);
        let mut added: Vec<(&BssPlan, Whole)> = Vec::new();
        for (planned, lines) in again {
            added.push((planned, Whole { interface: planned.interface.clone(), lines }));
        }
        for (planned, wanted) in new {
            let base = beside(known.unwrap_or(&Lines::default()), own, &mut used);
            added.push((
                planned,
                Whole { interface: planned.interface.clone(), lines: merged(&base, &wanted) },
            ));
        }
        for (_, network) in &added {
            // Whatever it lacks is to be known before anything is touched.
            self.text(std::slice::from_ref(network))?;
        }
        if !gone.is_empty() || !added.is_empty() {
            self.talk_to_all()?;
        }
        let mut undo = Undo {
            said: Vec::new(),
            removed: Vec::new(),
            added: Vec::new(),
            depth: Depth::None,
            state: radio.state,
        };
        let done = timeout_at(end, self.carry_out(radio, &of_radio, &targets, &gone, &added, &mut undo, end))
            .await
            .unwrap_or(Err(Failure::Away(SERVICE)));
        if let Err(failure) = done {
            self.take_back(radio, undo).await;
            return Err(failure);
        }
        for target in &targets {
            let lines = if target.plan.interface == radio.first {
                merged(&target.lines, &radio_lines)
            } else {
                target.lines.clone()
            };
            self.memory.keep(&target.plan.interface, &lines)?;
        }
        for (_, network) in &added {
            self.memory.keep(&network.interface, &network.lines)?;
        }
        Ok(())
    }

    #[allow(clippy::too_many_arguments)]
    async fn carry_out(
        &self,
        radio: &Radio,
        of_radio: &Difference,
        targets: &[Target<'_>],
        gone: &[&Member],
        added: &[(&BssPlan, Whole)],
        undo: &mut Undo,
        end: Instant,
    ) -> Result<(), Failure> {
        for member in gone {
            undo.removed.extend(member.whole());
            self.remove(&member.interface).await?;
        }
        let mut depth = targets.iter().map(|target| target.difference.depth).max().unwrap_or_default();
        let mut radio_said = &of_radio.lines;
        let nothing = Lines::default();
        if depth < Depth::Restart && self.switched(radio, of_radio).await? {
            radio_said = &nothing;
        } else {
            depth = depth.max(of_radio.depth);
        }
        let off = radio.state == State::Off;
        if off {
            depth = depth.max(Depth::Restart);
        }
        undo.depth = depth;
        let mut first = self.talk(&radio.first)?;
        if depth == Depth::Restart {
            // What it says while it starts is the only reason that there will be.
            first.attach().await?;
            if !off && !first.order_within("DISABLE", CARRIED_OUT).await? {
                return Err(Failure::Refused(format!("hostapd does not switch {} off", radio.first)));
            }
        }
        self.say(radio, &radio.first, radio_said, undo).await?;
        for target in targets {
            self.say(radio, &target.plan.interface, &target.difference.lines, undo).await?;
        }
        match depth {
            Depth::None | Depth::Live | Depth::Rebuild => {}
            Depth::Reload => self.reload(radio, targets).await?,
            Depth::Restart => self.switch_on(&mut first, &radio.first, end).await?,
        }
        for target in targets {
            let narrower = target.difference.lines.get("macaddr_acl") == Some("1");
            self.let_in(&target.plan.interface, &target.plan.settings, narrower).await?;
        }
        for (planned, network) in added {
            undo.added.push(network.interface.clone());
            let on = if radio.phy.is_empty() { &radio.first } else { &radio.phy };
            self.add(on, std::slice::from_ref(network), end).await?;
            self.let_in(&planned.interface, &planned.settings, false).await?;
        }
        Ok(())
    }

    /// What is to be said of a network, with what the radio's settings say of each, and with the image's secrets where the plan
    /// means those.
    fn wanted(&self, planned: &BssPlan, settings: &RadioSettings) -> Result<Lines, Failure> {
        let mut lines = network::lines(&planned.interface, &planned.settings)?;
        if let Some(period) = settings.dtim_period {
            lines.push("dtim_period", period.to_string())?;
        }
        match self.memory.image(&planned.interface) {
            Some(image)
                if network::settings(&image, None, &[]).security.mode == planned.settings.security.mode =>
            {
                Ok(with_secrets_of(&image, &lines))
            }
            _ => Ok(lines),
        }
    }

    /// Makes the whole radio anew.
    async fn rebuild(
        &self,
        radio: &Radio,
        plan: &RadioPlan,
        radio_lines: &Lines,
        end: Instant,
    ) -> Result<(), Failure> {
        let before: Option<Vec<Whole>> = radio.networks.iter().map(Member::whole).collect();
        let old_first = radio.first_lines().cloned().unwrap_or_default();
        let own = own_address(&plan.networks[0].interface);
        let mut used: Vec<Mac> = radio.networks.iter().filter_map(|member| member.bssid).chain(own).collect();
        let mut networks = Vec::new();
        for (number, planned) in plan.networks.iter().enumerate() {
            let mut wanted = self.wanted(planned, &plan.settings)?;
            let mut base = match radio.member(&planned.interface).and_then(Member::lines) {
                Some(known) => known.clone(),
                None if number == 0 => Lines::default(),
                None => beside(&old_first, own, &mut used),
            };
            if number == 0 {
                if planned.interface != radio.first {
                    base.remove(|key| key == "bssid");
                    let mut of_radio = old_first.clone();
                    of_radio.remove(network::is_of_network);
                    of_radio.append(&base);
                    base = of_radio;
                }
                if old_first.get("hw_mode").is_none() {
                    base =
                        merged(&base, &self.radio_lines(&plan.settings, &radio::settings(&old_first), true)?);
                }
                let mut both = radio_lines.clone();
                both.append(&wanted);
                wanted = both;
            }
            networks.push(Whole { interface: planned.interface.clone(), lines: merged(&base, &wanted) });
        }
        self.text(&networks)?;
        self.talk_to_all()?;
        let on = if radio.phy.is_empty() { plan.radio.clone() } else { radio.phy.clone() };
        self.remove(&radio.first).await?;
        if let Err(failure) = self.add(&on, &networks, end).await {
            if let Some(before) = before {
                // The caller makes the plan before true in any case; this only is sooner.
                if radio.state != State::Off && self.add(&on, &before, Instant::now() + START).await.is_ok() {
                    for network in &before {
                        self.memory.keep(&network.interface, &network.lines)?;
                    }
                }
            }
            return Err(failure);
        }
        for (network, planned) in networks.iter().zip(&plan.networks) {
            self.let_in(&planned.interface, &planned.settings, false).await?;
            self.memory.keep(&network.interface, &network.lines)?;
        }
        Ok(())
    }
}

/// What one more network has from the first one: the bridge that it is in, and an address of its own.
fn beside(first: &Lines, own: Option<Mac>, used: &mut Vec<Mac>) -> Lines {
    let mut lines = Lines::default();
    if let Some(bridge) = first.get("bridge") {
        lines.add("bridge", bridge);
    }
    if let Some(mac) = own.and_then(|own| another_bssid(own, used)) {
        lines.add("bssid", &mac.to_string().to_ascii_lowercase());
        used.push(mac);
    }
    lines
}

fn target<'a>(planned: &'a BssPlan, member: &Member, wanted: &Lines) -> Result<Target<'a>, Failure> {
    let lines = merged(member.lines().unwrap_or(&Lines::default()), wanted);
    let missing = network::lacks(&lines);
    let mode_now = network::settings(&Lines::default(), Some(&member.told), &[]).security.mode;
    // Of a network that is not known, hostapd knows the secret as long as its mode stays.
    let kept = member.known.is_none() && mode_now == planned.settings.security.mode;
    match missing {
        Some(missing) if !kept && planned.settings.security.mode != Mode::None => {
            Err(Failure::Impossible(format!("the network on {} needs {missing}", planned.interface)))
        }
        _ => Ok(Target { plan: planned, difference: of_network(member.lines(), wanted), lines }),
    }
}

/// The address of a device of the network that hostapd has not been on.
fn own_address(interface: &str) -> Option<Mac> {
    let text = std::fs::read_to_string(format!("/sys/class/net/{interface}/address")).ok()?;
    Mac::parse(text.trim_end())
}
