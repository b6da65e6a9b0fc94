//! From what runs to what a plan says.
//!
//! Nothing is said to a network that is as planned. Otherwise there are four ways, from a word that is in force as soon as it is
//! said to a radio that is made anew, and the least of them is gone. Where the protection of a network begins, ends or changes
//! its kind the radio is off the air while it is told; whatever is added comes with its whole configuration.

use tokio::time::{timeout_at, Instant};

use super::difference::{of_network, of_radio, Depth, Difference};
use super::lines::Lines;
use super::memory::Known;
use super::reply::{is_interface, State, Status, Told};
use super::socket::{Conversation, CARRIED_OUT, SERVICE};
use super::text::{another_bssid, merged, Whole};
use super::{network, radio, Hostapd};
use crate::back_end::Failure;
use crate::facts::{frequency_of, Band, Mac, Width};
use crate::plan::{BssPlan, BssSettings, Mode, RadioPlan, RadioSettings, Tuning};

/// The most stations of a list: what hostapd can show of it in one answer.
pub(super) const MAX_ALLOWED: usize = 128;

/// How long a radio may take until it is on the air or says that it needs longer.
const START: std::time::Duration = std::time::Duration::from_secs(4);

/// After how many beacons a channel is left.
const BEACONS_BEFORE_SWITCH: u8 = 5;

/// What runs on one radio.
struct Radio {
    first: String,
    phy: String,
    state: State,
    frequency: Option<u32>,
    stations: u32,
    networks: Vec<Member>,
}

struct Member {
    interface: String,
    bssid: Option<Mac>,
    told: Told,
    known: Option<Known>,
}

impl Radio {
    fn member(&self, interface: &str) -> Option<&Member> {
        self.networks.iter().find(|member| member.interface == interface)
    }

    fn first_lines(&self) -> Option<&Lines> {
        self.member(&self.first)?.lines()
    }
}

impl Member {
    fn lines(&self) -> Option<&Lines> {
        self.known.as_ref().map(|known| &known.lines)
    }

    /// All that can be said of it, to make it anew.
    fn whole(&self) -> Option<Whole> {
        let lines = self.lines()?;
        network::lacks(lines)
            .is_none()
            .then(|| Whole { interface: self.interface.clone(), lines: lines.clone() })
    }
}

/// A network as planned, and what is to be said for it.
struct Target<'a> {
    plan: &'a BssPlan,
    /// All of it.
    lines: Lines,
    difference: Difference,
}

/// How to take back what was done.
struct Undo {
    said: Vec<(String, Lines)>,
    removed: Vec<Whole>,
    added: Vec<String>,
    depth: Depth,
    state: State,
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

    /// What runs on the radio of a plan.
    async fn radio_of(&self, plan: &RadioPlan) -> Result<Option<Radio>, Failure> {
        let seen = match self.seen().await {
            Ok(seen) => seen,
            // Nothing is on the air where no hostapd is.
            Err(Failure::Away(_)) if plan.networks.is_empty() => return Ok(None),
            Err(failure) => return Err(failure),
        };
        let is_meant = |status: &Status| {
            status.phy == plan.radio
                || status.networks[0].interface == plan.radio
                || status
                    .networks
                    .iter()
                    .any(|network| plan.networks.iter().any(|planned| planned.interface == network.interface))
        };
        let Some(status) = seen.into_iter().map(|seen| seen.status).find(is_meant) else { return Ok(None) };
        let mut networks = Vec::new();
        for network in &status.networks {
            let told = self.told(&network.interface).await?;
            let known = self.memory.recall(&network.interface, Some(&told));
            networks.push(Member { interface: network.interface.clone(), bssid: network.bssid, told, known });
        }
        Ok(Some(Radio {
            first: status.networks[0].interface.clone(),
            stations: status.networks.iter().map(|network| network.stations).sum(),
            phy: status.phy,
            state: status.state,
            frequency: status.frequency,
            networks,
        }))
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

    /// Makes a radio where none is.
    async fn build(&self, plan: &RadioPlan, end: Instant) -> Result<(), Failure> {
        let image = self.memory.image(&plan.networks[0].interface).unwrap_or_default();
        let radio_lines =
            radio::lines(&plan.settings, &radio::settings(&image), image.get("hw_mode").is_none())?;
        let own = own_address(&plan.networks[0].interface);
        let mut used: Vec<Mac> = own.into_iter().collect();
        let mut networks = Vec::new();
        for (number, planned) in plan.networks.iter().enumerate() {
            let mut wanted = wanted(planned, &plan.settings)?;
            let base = if number == 0 {
                let mut both = radio_lines.clone();
                both.append(&wanted);
                wanted = both;
                image.clone()
            } else {
                self.beside(&image, own, &mut used)
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

    /// What one more network has from the first one: the bridge that it is in, and an address of its own.
    fn beside(&self, first: &Lines, own: Option<Mac>, used: &mut Vec<Mac>) -> Lines {
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

    async fn change(&self, radio: &Radio, plan: &RadioPlan, end: Instant) -> Result<(), Failure> {
        let known = radio.first_lines();
        let before = known.map(radio::settings).unwrap_or_default();
        let radio_lines = radio::lines(&plan.settings, &before, false)?;
        let of_radio = of_radio(known, &radio_lines);
        let mut targets = Vec::new();
        let mut new = Vec::new();
        for planned in &plan.networks {
            let wanted = wanted(planned, &plan.settings)?;
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
            let base = self.beside(known.unwrap_or(&Lines::default()), own, &mut used);
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
            first.order("ATTACH").await?;
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

    /// Says lines, one by one.
    async fn say(
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
        for (key, _) in lines.iter() {
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
    async fn reload(&self, radio: &Radio, targets: &[Target<'_>]) -> Result<(), Failure> {
        let mut anew = targets.iter().filter(|target| target.difference.depth == Depth::Reload);
        let (interface, command) = match (anew.next(), anew.next()) {
            (Some(one), None) => (&one.plan.interface, "RELOAD_BSS"),
            _ => (&radio.first, "RELOAD"),
        };
        if self.talk(interface)?.order_within(command, CARRIED_OUT).await? {
            Ok(())
        } else {
            Err(Failure::Refused(format!("hostapd does not take the settings of {interface} together")))
        }
    }

    /// Switches a radio on, and waits until it is, or is on its way.
    async fn switch_on(
        &self,
        first: &mut Conversation,
        interface: &str,
        end: Instant,
    ) -> Result<(), Failure> {
        if !first.order_within("ENABLE", CARRIED_OUT).await? {
            return Err(not_on(interface, first.last_words()));
        }
        self.started(first, interface, end).await
    }

    async fn started(&self, first: &mut Conversation, interface: &str, end: Instant) -> Result<(), Failure> {
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

    /// Leaves a channel for another one together with the stations, if that is all there is to do and it can be done.
    async fn switched(&self, radio: &Radio, of_radio: &Difference) -> Result<bool, Failure> {
        let only_channel = of_radio.lines.iter().all(|(key, _)| radio::OF_CHANNEL.contains(&key));
        let (Some(known), true) = (radio.first_lines(), only_channel && of_radio.depth == Depth::Restart)
        else {
            return Ok(false);
        };
        if radio.state != State::On || radio.stations == 0 {
            return Ok(false);
        }
        let settings = radio::settings(&merged(known, &of_radio.lines));
        let Some((command, frequency)) = switch_command(&settings, known) else { return Ok(false) };
        let mut talk = self.talk(&radio.first)?;
        talk.order("ATTACH").await?;
        if radio.frequency == Some(frequency) || !talk.order(&command).await? {
            return Ok(false);
        }
        let end = Instant::now() + START;
        loop {
            let status = Status::parse(&talk.ask("STATUS").await?)?;
            if status.frequency == Some(frequency) && status.state == State::On {
                return Ok(true);
            }
            if talk.hear(end).await?.is_none() {
                // Radar is listened for on the new channel first.
                return Ok(status.state == State::Starting);
            }
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
            let mut wanted = wanted(planned, &plan.settings)?;
            let mut base = match radio.member(&planned.interface).and_then(Member::lines) {
                Some(known) => known.clone(),
                None if number == 0 => Lines::default(),
                None => self.beside(&old_first, own, &mut used),
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
                    base = merged(&base, &radio::lines(&plan.settings, &radio::settings(&old_first), true)?);
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

    /// Adds networks to a radio, or a radio with them.
    async fn add(&self, radio: &str, networks: &[Whole], end: Instant) -> Result<(), Failure> {
        let file = self.write(&self.text(networks)?)?;
        let mut talk = self.talk_to_all()?;
        let command = format!("ADD bss_config={radio}:{}", file.path().display());
        let interface = &networks[0].interface;
        if !talk.order_within(&command, CARRIED_OUT).await? {
            return Err(Failure::Refused(format!("hostapd does not add the network on {interface}")));
        }
        let mut first = self.talk(interface)?;
        first.order("ATTACH").await?;
        self.started(&mut first, interface, end).await
    }

    async fn remove(&self, interface: &str) -> Result<(), Failure> {
        if !self.talk_to_all()?.order_within(&format!("REMOVE {interface}"), CARRIED_OUT).await? {
            return Err(Failure::Refused(format!("hostapd does not remove the network on {interface}")));
        }
        self.memory.forget(interface);
        Ok(())
    }

    /// Brings the list of those that are let in to what is planned. Until then nobody new is.
    async fn let_in(&self, interface: &str, settings: &BssSettings, narrower: bool) -> Result<(), Failure> {
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

    /// Makes a radio what it was, as far as it is known. The first thing that hostapd does not answer ends it.
    async fn take_back(&self, radio: &Radio, undo: Undo) {
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

/// What is to be said of a network, with what the radio's settings say of each.
fn wanted(planned: &BssPlan, settings: &RadioSettings) -> Result<Lines, Failure> {
    let mut lines = network::lines(&planned.interface, &planned.settings)?;
    if let Some(period) = settings.dtim_period {
        lines.push("dtim_period", period.to_string())?;
    }
    Ok(lines)
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

fn not_on(interface: &str, words: Option<String>) -> Failure {
    Failure::Refused(match words {
        Some(words) => format!("hostapd cannot switch {interface} on with these settings: {words}"),
        None => format!("hostapd cannot switch {interface} on with these settings"),
    })
}

/// How to say that a radio goes to a channel, and the frequency that it is then on.
fn switch_command(settings: &RadioSettings, known: &Lines) -> Option<(String, u32)> {
    let (Some(Tuning::Number(channel)), Some(band)) = (settings.channel, settings.band) else { return None };
    let width = settings.width.unwrap_or(Width::W20);
    let frequency = frequency_of(band, channel)?;
    let shape = radio::Shape::of(band, Some(channel), width, settings.extension_above).ok()?;
    let mut command = format!("CHAN_SWITCH {BEACONS_BEFORE_SWITCH} {frequency}");
    let megahertz = match width {
        Width::W20 => 20,
        Width::W40 => 40,
        Width::W80 => 80,
        Width::W160 => 160,
        Width::W320 => return None,
    };
    let center = match (width, shape.center) {
        (Width::W20, _) => None,
        (_, 0) => shape.second.map(|above| if above { frequency + 10 } else { frequency - 10 }),
        (_, center) => frequency_of(band, center),
    };
    command += &format!(" sec_channel_offset={} bandwidth={megahertz}", shape.offset());
    if let Some(center) = center {
        command += &format!(" center_freq1={center}");
    }
    for (key, word) in [("ieee80211n", " ht"), ("ieee80211ac", " vht"), ("ieee80211ax", " he")] {
        if known.is_on(key) && (key != "ieee80211ac" || band == Band::Five) {
            command += word;
        }
    }
    Some((command, frequency))
}

/// The address of a device of the network that hostapd has not been on.
fn own_address(interface: &str) -> Option<Mac> {
    let text = std::fs::read_to_string(format!("/sys/class/net/{interface}/address")).ok()?;
    Mac::parse(text.trim_end())
}
