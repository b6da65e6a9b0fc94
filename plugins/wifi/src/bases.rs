//! What the image made of networks that were touched since: so that what nobody set stays, and everything can come back.

use std::collections::BTreeMap;

use cwmp_plugin_sdk::{Error, Host};

use crate::facts::{Mac, Ssid};
use crate::plan::{BssSettings, Mfp, RadioSettings, Radius, Secret, Security, Tuning};
use crate::words;

/// Before the keys in the store.
const KEPT: &str = "image/";

/// A network as it was before anybody touched it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Base {
    /// The key of the radio.
    pub(crate) radio: String,
    pub(crate) service: String,
    pub(crate) settings: BssSettings,
    pub(crate) radio_settings: RadioSettings,
}

/// Those that were touched, by interface.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Bases(BTreeMap<String, Base>);

impl Bases {
    /// What was kept.
    pub(crate) fn load(host: &Host) -> Result<Self, Error> {
        let mut bases = BTreeMap::new();
        for key in host.store_list(KEPT)? {
            if let Some(base) = read(&host.store_get(&key)?.unwrap_or_default()) {
                bases.insert(key[KEPT.len()..].to_owned(), base);
            }
        }
        Ok(Self(bases))
    }

    /// Keeps them, as far as they are not what is kept already.
    pub(crate) fn store(&self, before: &Self, host: &Host) -> Result<(), Error> {
        for interface in before.0.keys().filter(|interface| !self.0.contains_key(*interface)) {
            host.store_delete(&format!("{KEPT}{interface}"))?;
        }
        for (interface, base) in &self.0 {
            if before.0.get(interface) != Some(base) {
                host.store_put(&format!("{KEPT}{interface}"), &write(base))?;
            }
        }
        Ok(())
    }

    pub(crate) fn get(&self, interface: &str) -> Option<&Base> {
        self.0.get(interface)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Base)> {
        self.0.iter().map(|(interface, base)| (interface.as_str(), base))
    }

    pub(crate) fn interfaces(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    pub(crate) fn insert(&mut self, interface: &str, base: Base) {
        self.0.insert(interface.to_owned(), base);
    }

    /// Forgets the networks of a radio.
    pub(crate) fn forget(&mut self, radio: &str) {
        self.0.retain(|_, base| base.radio != radio);
    }
}

/// A line for each thing that is known. Names have digits for bytes; nothing has a line's end in it.
pub(crate) fn write(base: &Base) -> String {
    let mut lines = Vec::new();
    let mut line = |key: &str, value: String| lines.push(format!("{key}={}", value.replace('\n', "")));
    let flag = |flag: bool| u8::from(flag).to_string();
    line("radio", base.radio.clone());
    line("service", base.service.clone());
    let bss = &base.settings;
    line("ssid", bss.ssid.hex());
    line("advertised", flag(bss.advertised));
    line("wmm", flag(bss.wmm));
    line("uapsd", flag(bss.uapsd));
    line("isolated", flag(bss.isolated));
    if let Some(max) = bss.max_stations {
        line("max", max.to_string());
    }
    if let Some(allowed) = &bss.allowed {
        line("allowed", words::macs(allowed).join(","));
    }
    if let Some(wps) = &bss.wps {
        line("wps", wps.iter().filter_map(|method| words::method(method)).collect::<Vec<_>>().join(","));
    }
    let security = &bss.security;
    line("mode", words::mode(security.mode).to_owned());
    line("passphrase", security.passphrase.reveal().to_owned());
    line("psk", security.psk.reveal().to_owned());
    line("sae", security.sae.reveal().to_owned());
    line("mfp", (security.mfp as u8).to_string());
    line("rekey", security.rekey.to_string());
    for (key, radius) in [("radius", &security.radius), ("radius2", &security.second_radius)] {
        if let Some(radius) = radius {
            line(key, format!("{} {} {}", radius.ip, radius.port, radius.secret.reveal()));
        }
    }
    let radio = &base.radio_settings;
    let mut maybe = |key: &str, value: Option<String>| {
        if let Some(value) = value {
            line(key, value);
        }
    };
    maybe("country", radio.country.clone());
    maybe("band", radio.band.map(|band| words::band(band).to_owned()));
    maybe(
        "channel",
        radio.channel.map(|channel| match channel {
            Tuning::Auto => "auto".to_owned(),
            Tuning::Number(number) => number.to_string(),
        }),
    );
    maybe("width", radio.width.map(|width| (width as u8).to_string()));
    maybe("above", radio.extension_above.map(flag));
    let standards = |list: &Vec<crate::facts::Standard>| {
        list.iter().map(|standard| words::standard(*standard)).collect::<Vec<_>>().join(",")
    };
    maybe("standards", radio.standards.as_ref().map(standards));
    maybe("spectrum", radio.spectrum.map(flag));
    maybe("guard", radio.short_guard.map(flag));
    maybe("beacon", radio.beacon_interval.map(|n| n.to_string()));
    maybe("dtim", radio.dtim_period.map(|n| n.to_string()));
    maybe("rts", radio.rts_threshold.map(|n| n.to_string()));
    maybe("fragmentation", radio.fragmentation_threshold.map(|n| n.to_string()));
    lines.join("\n")
}

/// What was written, if it is whole.
pub(crate) fn read(text: &str) -> Option<Base> {
    use crate::facts::Width;
    let known: BTreeMap<&str, &str> = text.lines().filter_map(|line| line.split_once('=')).collect();
    let get = |key: &str| known.get(key).copied();
    let flag = |key: &str| get(key).map(|value| value == "1");
    let secret = |key: &str| Secret::new(get(key).unwrap_or_default());
    let list = |key: &str| get(key).map(|text| text.split(',').filter(|item| !item.is_empty()));
    let radius = |key: &str| {
        let mut parts = get(key)?.splitn(3, ' ');
        Some(Radius {
            ip: parts.next()?.parse().ok()?,
            port: parts.next()?.parse().ok()?,
            secret: Secret::new(parts.next()?),
        })
    };
    let security = Security {
        mode: words::parse_mode(get("mode")?)?,
        passphrase: secret("passphrase"),
        psk: secret("psk"),
        sae: secret("sae"),
        mfp: match get("mfp")? {
            "1" => Mfp::Optional,
            "2" => Mfp::Required,
            _ => Mfp::Disabled,
        },
        radius: radius("radius"),
        second_radius: radius("radius2"),
        rekey: get("rekey")?.parse().ok()?,
    };
    let hex = get("ssid")?;
    let bytes = (0..hex.len() / 2).map(|i| u8::from_str_radix(hex.get(2 * i..2 * i + 2)?, 16).ok());
    let settings = BssSettings {
        ssid: Ssid::new(bytes.collect::<Option<Vec<u8>>>()?)?,
        advertised: flag("advertised")?,
        security,
        wmm: flag("wmm")?,
        uapsd: flag("uapsd")?,
        isolated: flag("isolated")?,
        max_stations: get("max").and_then(|text| text.parse().ok()),
        allowed: list("allowed").map(|macs| macs.filter_map(Mac::parse).collect()),
        wps: list("wps").map(|methods| methods.filter_map(words::parse_method).collect()),
    };
    let widths = [Width::W20, Width::W40, Width::W80, Width::W160, Width::W320];
    let number = |key: &str| get(key).and_then(|text| text.parse::<u16>().ok());
    let radio_settings = RadioSettings {
        country: get("country").map(str::to_owned),
        band: get("band").and_then(words::parse_band),
        channel: get("channel").and_then(|text| match text {
            "auto" => Some(Tuning::Auto),
            text => text.parse().ok().map(Tuning::Number),
        }),
        width: number("width").and_then(|n| widths.get(usize::from(n)).copied()),
        extension_above: flag("above"),
        standards: list("standards").map(|words| words.filter_map(words::parse_standard).collect()),
        spectrum: flag("spectrum"),
        short_guard: flag("guard"),
        beacon_interval: number("beacon"),
        dtim_period: number("dtim").and_then(|n| n.try_into().ok()),
        rts_threshold: number("rts"),
        fragmentation_threshold: number("fragmentation"),
    };
    let (radio, service) = (get("radio")?.to_owned(), get("service")?.to_owned());
    Some(Base { radio, service, settings, radio_settings })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Band, Standard, Width};
    use crate::plan::Mode;

    #[test]
    fn what_the_image_made_comes_back_whole() {
        let radius =
            |ip: &str| Some(Radius { ip: ip.parse().unwrap(), port: 1812, secret: Secret::new("a = b c") });
        let security = Security {
            mode: Mode::Wpa2Enterprise,
            passphrase: Secret::new("pass=phrase with spaces"),
            psk: Secret::new("ab".repeat(32)),
            sae: Secret::new(""),
            mfp: Mfp::Optional,
            radius: radius("192.0.2.1"),
            second_radius: radius("2001:db8::1"),
            rekey: 600,
        };
        let settings = BssSettings {
            ssid: Ssid::new(*b"\n=\0\xff").unwrap(),
            advertised: false,
            security,
            wmm: true,
            uapsd: false,
            isolated: true,
            max_stations: Some(7),
            allowed: Some(vec![Mac([2, 0, 0, 0, 0, 1])]),
            wps: Some(vec!["push_button", "display"]),
        };
        let radio_settings = RadioSettings {
            country: Some("DE ".into()),
            band: Some(Band::Five),
            channel: Some(Tuning::Number(36)),
            width: Some(Width::W80),
            extension_above: Some(false),
            standards: Some(vec![Standard::A, Standard::Ac]),
            spectrum: Some(true),
            short_guard: Some(false),
            beacon_interval: Some(100),
            dtim_period: Some(2),
            rts_threshold: Some(2347),
            fragmentation_threshold: None,
        };
        let base = Base { radio: "mac".into(), service: "hostapd".into(), settings, radio_settings };
        assert_eq!(read(&write(&base)), Some(base.clone()));
        let plain = Base { radio_settings: RadioSettings::default(), ..base };
        assert_eq!(read(&write(&plain)), Some(plain));
        assert_eq!(read("radio=x"), None);
    }
}
