//! Interfaces.

use std::path::Path;

use super::attribute::{kind, of, Attributes};
use super::connection::Message;
use crate::facts::{Interface, Mac, Role, Ssid, Width};

/// The most interfaces of a machine.
pub(super) const MAX_INTERFACES: usize = 1_024;
/// `IFF_UP`.
pub(super) const UP: u32 = 1;

/// The interfaces of a dump that are devices of the network.
pub(super) fn interfaces(dump: &[Message], sys: &Path) -> Vec<Interface> {
    let read = |message: &Message| interface(message.attributes(), sys);
    dump.iter().filter_map(read).take(MAX_INTERFACES).collect()
}

fn interface(attributes: Attributes<'_>, sys: &Path) -> Option<Interface> {
    let name = attributes.text(of::IFNAME)?;
    let role = match attributes.u32(of::IFTYPE).and_then(|number| u16::try_from(number).ok()) {
        Some(kind::ACCESS_POINT) => Role::AccessPoint,
        Some(kind::STATION) => Role::Station,
        _ => Role::Other,
    };
    // Where there are several links at once, the first stands for the interface.
    let mut links = attributes.inside(of::MLO_LINKS).each();
    let on_air = if attributes.has(of::WIPHY_FREQ) {
        Some(attributes)
    } else {
        links.find(|link| link.has(of::WIPHY_FREQ))
    };
    let frequency = on_air.and_then(|at| at.u32(of::WIPHY_FREQ)).filter(|frequency| *frequency != 0);
    let here = on_air.filter(|_| frequency.is_some());
    Some(Interface {
        index: attributes.u32(of::IFINDEX)?,
        radio: attributes.u32(of::WIPHY)?,
        mac: attributes.get(of::MAC).and_then(Mac::from_bytes).unwrap_or_default(),
        role,
        ssid: attributes.get(of::SSID).and_then(Ssid::new).filter(|ssid| !ssid.is_empty()),
        frequency,
        width: here.and_then(width),
        center: here.and_then(|at| at.u32(of::CENTER_FREQ1)).filter(|center| *center != 0).or(frequency),
        power: attributes.i32(of::TX_POWER_LEVEL),
        up: is_up(sys, &name),
        name,
    })
}

/// `NL80211_CHAN_WIDTH_*`; before there was that, `NL80211_CHAN_HT40*`.
fn width(attributes: Attributes<'_>) -> Option<Width> {
    match attributes.u32(of::CHANNEL_WIDTH) {
        Some(0 | 1) => Some(Width::W20),
        Some(2) => Some(Width::W40),
        Some(3) => Some(Width::W80),
        Some(4 | 5) => Some(Width::W160),
        Some(13) => Some(Width::W320),
        Some(_) => None,
        None => match attributes.u32(of::WIPHY_CHANNEL_TYPE)? {
            0 | 1 => Some(Width::W20),
            2 | 3 => Some(Width::W40),
            _ => None,
        },
    }
}

fn is_up(sys: &Path, name: &str) -> bool {
    let text = std::fs::read_to_string(sys.join("class/net").join(name).join("flags")).unwrap_or_default();
    let digits = text.trim().trim_start_matches("0x");
    u32::from_str_radix(digits, 16).is_ok_and(|flags| flags & UP != 0)
}

/// The name of a device of the network, by its number.
pub(super) fn name_of(sys: &Path, index: u32) -> Option<String> {
    let folders = std::fs::read_dir(sys.join("class/net")).ok()?;
    let mut names = folders.filter_map(|folder| folder.ok()?.file_name().into_string().ok());
    names.find(|name| {
        let text = std::fs::read_to_string(sys.join("class/net").join(name).join("ifindex"));
        text.is_ok_and(|text| text.trim().parse() == Ok(index))
    })
}
