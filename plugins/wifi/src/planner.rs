//! From what was set, and what the image made, to what shall be. Nothing here asks or does anything.

use crate::back_end::ApAbilities;
use crate::bases::{Base, Bases};
use crate::facts::{frequency_of, Band, BandAbility, Ssid};
use crate::objects::{Extension, Guard};
use crate::plan::{
    BssPlan, BssSettings, Mfp, Mode, ProfilePlan, RadioPlan, RadioSettings, Security, StationPlan, Tuning,
};
use crate::row_id::RowId;
use crate::tree::{EndPointNode, RadioNode, SsidNode, Tree};
use crate::wish::{ApWish, EndPointWish, RadioWish, SecurityWish};
use crate::world::{StationState, World};

/// The port of RADIUS, where nobody says another.
pub(crate) const RADIUS_PORT: u16 = 1812;
/// Seconds between two keys of the group, where nobody says another number.
const REKEY: u32 = 3600;
/// How a new network is protected, until somebody says more.
const SAFE_MODE: Mode = Mode::Wpa2Personal;
/// The highest number of a profile's priority, which is the least urgent.
const PRIORITY: u8 = u8::MAX;

/// Why an access point cannot be on the air.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Misconfigured {
    #[error("its SSIDReference leads nowhere")]
    NoSsid,
    #[error("its network is a station's")]
    Station,
    #[error("its network has another access point already")]
    Taken,
    #[error("its network is on no radio")]
    NoRadio,
    #[error("its network has no name")]
    NoName,
    #[error("its mode needs a key, and there is none")]
    NoKey,
    #[error("its mode needs a RADIUS server with a secret, and there is none")]
    NoRadius,
    #[error("nobody here knows its mode")]
    UnknownMode,
}

/// What a network is to be like: what the image made, or the safest, and over it what was set.
pub(crate) fn bss(
    image: Option<&BssSettings>,
    name: &Ssid,
    wish: &ApWish,
    abilities: Option<&ApAbilities>,
) -> BssSettings {
    let image = image.cloned().unwrap_or_else(fresh);
    let wps_known = abilities.is_none_or(|abilities| !abilities.wps.is_empty());
    let methods = match (wish.wps, &wish.methods) {
        (Some(false), _) => None,
        (_, Some(methods)) => Some(methods.clone()).filter(|methods| !methods.is_empty()),
        (_, None) => image.wps.clone(),
    };
    let listed = wish.allowed.clone().or_else(|| image.allowed.clone());
    let allowed = match wish.control {
        Some(true) => Some(listed.unwrap_or_default()),
        Some(false) => None,
        None => image.allowed.as_ref().and(listed),
    };
    let wmm = wish.wmm.unwrap_or(image.wmm);
    BssSettings {
        ssid: name.clone(),
        advertised: wish.advertised.unwrap_or(image.advertised),
        security: security(&image.security, &wish.security),
        wmm,
        uapsd: wmm && wish.uapsd.unwrap_or(image.uapsd),
        isolated: wish.isolated.unwrap_or(image.isolated),
        max_stations: match wish.max_stations {
            Some(0) => None,
            Some(max) => Some(max),
            None => image.max_stations,
        },
        allowed,
        wps: methods.filter(|_| wps_known),
    }
}

/// A network as nobody has set anything of it.
fn fresh() -> BssSettings {
    BssSettings {
        ssid: Ssid::default(),
        advertised: true,
        security: Security { mode: SAFE_MODE, rekey: REKEY, ..Security::default() },
        wmm: true,
        uapsd: false,
        isolated: false,
        max_stations: None,
        allowed: None,
        wps: None,
    }
}

/// How a network is protected: what was set over what is.
pub(crate) fn security(image: &Security, wish: &SecurityWish) -> Security {
    let mode = wish.mode.unwrap_or(image.mode);
    // Keys that were set take the place of all that the image has: one left over would open what another closed.
    let own = !(wish.passphrase.is_empty() && wish.psk.is_empty());
    let (passphrase, psk) = match (own, wish.psk_counts) {
        (false, _) => (image.passphrase.clone(), image.psk.clone()),
        (true, true) => (crate::plan::Secret::default(), wish.psk.clone()),
        (true, false) => (wish.passphrase.clone(), crate::plan::Secret::default()),
    };
    // A passphrase is one for WPA3 as well; a key is not, so beside one the passphrase is not forgotten.
    let sae = match (wish.sae.is_empty(), own) {
        (false, _) => wish.sae.clone(),
        (true, true) if wish.psk_counts => wish.passphrase.clone(),
        (true, true) => crate::plan::Secret::default(),
        (true, false) => image.sae.clone(),
    };
    let wanted = wish.mfp.map_or(image.mfp, Mfp::from);
    let mfp = match mode {
        Mode::Wpa3Personal | Mode::Wpa3Enterprise | Mode::Owe => Mfp::Required,
        Mode::Wpa3PersonalTransition if wanted == Mfp::Disabled => Mfp::Optional,
        Mode::None | Mode::WpaPersonal | Mode::WpaEnterprise => Mfp::Disabled,
        _ => wanted,
    };
    Security {
        mode,
        passphrase,
        psk,
        sae,
        mfp,
        radius: wish.radius.over(image.radius.as_ref()),
        second_radius: wish.second_radius.over(image.second_radius.as_ref()),
        rekey: wish.rekey.unwrap_or(image.rekey),
    }
}

/// Whether there is what the mode needs. The image's own mode has what it needs, even if nobody tells us.
pub(crate) fn wrong(
    settings: &BssSettings,
    image: Option<&BssSettings>,
    abilities: Option<&ApAbilities>,
) -> Option<Misconfigured> {
    let security = &settings.security;
    let of_image = image.is_some_and(|image| image.security.mode == security.mode);
    if settings.ssid.is_empty() {
        return Some(Misconfigured::NoName);
    }
    if !of_image && abilities.is_some_and(|abilities| !abilities.modes.contains(&security.mode)) {
        return Some(Misconfigured::UnknownMode);
    }
    let no_server = security.mode.is_enterprise() && security.radius.is_none();
    if of_image {
        // Somebody may have said that there shall be no server.
        let had = image.is_some_and(|image| image.security.radius.is_some());
        return (no_server && had).then_some(Misconfigured::NoRadius);
    }
    if lacks_key(security) {
        return Some(Misconfigured::NoKey);
    }
    let radius = security.radius.as_ref().is_some_and(|radius| !radius.secret.is_empty());
    (security.mode.is_enterprise() && !radius).then_some(Misconfigured::NoRadius)
}

/// Whether a key is needed that is not there.
fn lacks_key(security: &Security) -> bool {
    let psk = security.passphrase.is_empty() && security.psk.is_empty();
    let sae = security.passphrase.is_empty() && security.sae.is_empty();
    match security.mode {
        Mode::WpaPersonal | Mode::Wpa2Personal | Mode::WpaWpa2Personal => psk,
        Mode::Wpa3Personal => sae,
        Mode::Wpa3PersonalTransition => psk || sae,
        _ => false,
    }
}

/// What a radio is to do, as far as access points go.
pub(crate) fn radio_plan(world: &World, tree: &Tree, bases: &Bases, radio: &RadioNode) -> RadioPlan {
    let own = own_networks(tree, &radio.key);
    let on = own.filter(|ssid| radio.enabled() && is_on(tree, ssid));
    let mut networks: Vec<BssPlan> = on
        .filter_map(|ssid| {
            let ap = tree.access_point_of(&ssid.id)?;
            Some(BssPlan { interface: ssid.interface.clone()?, settings: ap.settings.clone() })
        })
        .collect();
    let order = |plan: &BssPlan| {
        let mut running = world.services.iter().flat_map(|service| &service.running);
        running.position(|running| running.interface == plan.interface).unwrap_or(usize::MAX)
    };
    networks.sort_by_key(order);
    RadioPlan { radio: radio.name.clone(), settings: radio_settings(world, tree, bases, radio), networks }
}

/// The networks of a radio that are not a station's.
fn own_networks<'a>(tree: &'a Tree, radio: &'a str) -> impl Iterator<Item = &'a SsidNode> {
    tree.ssids.iter().filter(move |ssid| ssid.radio.as_deref() == Some(radio) && ssid.joined.is_none())
}

fn is_touched(tree: &Tree, ssid: &SsidNode) -> bool {
    let by_ap = |ap: &crate::tree::ApNode| ap.wish != ApWish::default() && ap.ssid.as_ref() == Some(&ssid.id);
    let own = |ap: &crate::tree::ApNode| ap.id == ssid.id && ap.wish != ApWish::default();
    matches!(ssid.id, RowId::Added(_))
        || ssid.wish != crate::wish::SsidWish::default()
        || tree.access_points.iter().any(|ap| by_ap(ap) || own(ap))
}

/// Whether a network is to be on the air, as far as it alone says.
pub(crate) fn is_on(tree: &Tree, ssid: &SsidNode) -> bool {
    let ap = tree.access_point_of(&ssid.id);
    ssid.enabled && ap.is_some_and(|ap| ap.enabled && ap.wrong.is_none())
}

/// Whether anybody set anything of a radio, or of what is on it. If not, it is left as the image made it.
pub(crate) fn touches(tree: &Tree, radio: &str) -> bool {
    let wish = tree.radio(radio).is_some_and(|radio| radio.wish != RadioWish::default());
    wish || own_networks(tree, radio).any(|ssid| is_touched(tree, ssid))
}

/// What the image made of a radio, as far as it is known.
fn image_of(tree: &Tree, bases: &Bases, radio: &RadioNode) -> Option<RadioSettings> {
    let base =
        bases.iter().find(|(_, base)| base.radio == radio.key).map(|(_, base)| base.radio_settings.clone());
    let mut found = own_networks(tree, &radio.key).filter(|ssid| matches!(ssid.id, RowId::Found(_)));
    base.or_else(|| found.find_map(|ssid| ssid.running.as_ref()).map(|running| running.radio.clone()))
}

/// What a radio is to be like.
pub(crate) fn radio_settings(world: &World, tree: &Tree, bases: &Bases, radio: &RadioNode) -> RadioSettings {
    let wish = &radio.wish;
    let image = image_of(tree, bases, radio);
    let new = image.is_none();
    let image = image.unwrap_or_default();
    let band = wish.band.or(image.band).or_else(|| radio.facts.as_ref()?.bands.first().map(|band| band.band));
    let ability = band.and_then(|band| ability(radio, band));
    let chooses = radio.service.is_some_and(|index| world.services[index].abilities.chooses_channel);
    let first = || {
        let usable =
            ability?.channels.iter().find(|channel| !channel.disabled && !channel.no_start && !channel.radar);
        usable.map(|channel| Tuning::Number(channel.number))
    };
    let current = || current_channel(tree, world, radio).map(Tuning::Number);
    let wished = wish.channel.map(Tuning::Number);
    let channel = match wish.auto {
        Some(true) => Some(Tuning::Auto),
        // What was chosen stays.
        Some(false) => wished.or_else(current).or(image.channel),
        None => wished.or(image.channel),
    };
    // What does not fit into the band is something else, as the standard wants it.
    let fits = |channel: &Tuning| match (channel, band) {
        (Tuning::Number(number), Some(band)) => match ability {
            Some(ability) => ability.channels.iter().any(|known| known.number == *number && !known.disabled),
            None => frequency_of(band, *number).is_some(),
        },
        _ => true,
    };
    let missing = channel.is_some() || new;
    let channel = channel
        .filter(fits)
        .or_else(|| if missing { (chooses && !new).then_some(Tuning::Auto).or_else(first) } else { None })
        .or_else(|| (missing && chooses).then_some(Tuning::Auto));
    let of_band = |list: &Vec<crate::facts::Standard>| {
        ability.is_none_or(|ability| list.iter().all(|standard| ability.standards.contains(standard)))
    };
    let standards = wish.standards.clone().or_else(|| image.standards.clone()).filter(of_band);
    let all = ability.filter(|_| new || wish.band.is_some()).map(|ability| ability.standards.clone());
    let country = wish.country.clone().or_else(|| image.country.clone());
    RadioSettings {
        country: country.or_else(|| world.air.country.clone().filter(|c| new && c != "00").map(|c| c + " ")),
        band,
        channel,
        width: match wish.width {
            Some(width) => width.width(),
            None => image.width,
        },
        extension_above: match wish.extension {
            Some(Extension::AboveControlChannel) => Some(true),
            Some(Extension::BelowControlChannel) => Some(false),
            Some(Extension::Auto) => None,
            None => image.extension_above,
        },
        standards: standards.or(all),
        spectrum: wish.spectrum.or(image.spectrum),
        short_guard: match wish.guard {
            Some(Guard::Short) => Some(true),
            Some(Guard::Long) => Some(false),
            Some(Guard::Auto) => None,
            None => image.short_guard,
        },
        beacon_interval: wish.beacon.or(image.beacon_interval),
        dtim_period: wish.dtim.or(image.dtim_period),
        rts_threshold: wish.rts.or(image.rts_threshold),
        fragmentation_threshold: wish.fragmentation.or(image.fragmentation_threshold),
    }
}

/// What a radio can do in a band.
pub(crate) fn ability(radio: &RadioNode, band: Band) -> Option<&BandAbility> {
    radio.facts.as_ref()?.bands.iter().find(|ability| ability.band == band)
}

/// The frequency that a radio is on.
pub(crate) fn frequency(tree: &Tree, world: &World, radio: &RadioNode) -> Option<u32> {
    let own = tree.ssids.iter().filter(|ssid| ssid.radio.as_ref() == Some(&radio.key));
    let running = own.filter_map(|ssid| ssid.running.as_ref()?.frequency.filter(|_| !ssid.away));
    let kernel = radio.interfaces.iter().filter_map(|interface| interface.frequency);
    let kernel = kernel.filter(|_| world.air.failure.is_none());
    kernel.chain(running).find(|frequency| *frequency > 0)
}

/// The channel that a radio is on.
pub(crate) fn current_channel(tree: &Tree, world: &World, radio: &RadioNode) -> Option<u16> {
    frequency(tree, world, radio).and_then(crate::facts::channel_of)
}

/// What an end point is to do; `None` if nobody set anything of it.
pub(crate) fn station_plan(
    tree: &Tree,
    end_point: &EndPointNode,
    stations: &StationState,
) -> Option<StationPlan> {
    let added = matches!(end_point.id, RowId::Added(_));
    if !added && end_point.wish == EndPointWish::default() {
        return None;
    }
    let interface = end_point.interface.clone()?;
    let on = tree.ssids.iter().find(|ssid| ssid.interface.as_ref() == Some(&interface));
    let radio = on.and_then(|ssid| tree.radio(ssid.radio.as_ref()?));
    let enabled = end_point.enabled() && radio.is_none_or(RadioNode::enabled);
    let chosen = end_point.wish.profile;
    let mut usable: Vec<u32> = if enabled { usable(end_point, &stations.modes) } else { Vec::new() };
    if end_point.wish.lost || chosen.is_some_and(|chosen| !usable.contains(&chosen)) {
        // Who wants one and no other gets no other.
        usable.clear();
    }
    let profiles = usable.iter().map(|number| {
        let wish = &end_point.wish.profiles[number];
        ProfilePlan {
            ssid: wish.ssid.clone(),
            security: security(&fresh().security, &wish.security),
            priority: PRIORITY - wish.priority,
        }
    });
    Some(StationPlan {
        interface,
        profiles: profiles.collect(),
        chosen: chosen.and_then(|chosen| usable.iter().position(|number| *number == chosen)),
        wps: station_wps(&end_point.wish).filter(|_| enabled && !stations.wps.is_empty()),
    })
}

/// WPS of an end point, as far as it was set; none of the methods: off.
fn station_wps(wish: &EndPointWish) -> Option<Vec<&'static str>> {
    if wish.wps == Some(false) {
        return Some(Vec::new());
    }
    wish.methods.clone()
}

/// The profiles that can be joined, in the order of the plan: enabled, with a name, and with the keys that they need.
pub(crate) fn usable(end_point: &EndPointNode, modes: &[Mode]) -> Vec<u32> {
    let good = |wish: &crate::wish::ProfileWish| {
        let security = security(&fresh().security, &wish.security);
        wish.enable && !wish.ssid.is_empty() && modes.contains(&security.mode) && !lacks_key(&security)
    };
    let all = end_point.wish.profiles.iter().filter(|(_, wish)| good(wish));
    all.map(|(number, _)| *number).collect()
}

/// How the network of a profile is protected.
pub(crate) fn profile_security(wish: &SecurityWish) -> Security {
    security(&fresh().security, wish)
}

/// What the image made of a network that runs, to be remembered.
pub(crate) fn base_of(world: &World, radio: &str, interface: &str) -> Option<Base> {
    let (index, running) = world.running(interface)?;
    Some(Base {
        radio: radio.to_owned(),
        service: world.services[index].name.to_owned(),
        settings: running.settings.clone(),
        radio_settings: running.radio.clone(),
    })
}

#[cfg(test)]
mod tests;
