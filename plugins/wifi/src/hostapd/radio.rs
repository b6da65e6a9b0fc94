//! A radio's settings in hostapd's words, and back.

use super::lines::Lines;
use crate::back_end::Failure;
use crate::facts::{Band, Standard, Width};
use crate::plan::{RadioSettings, Tuning};

/// Rates in units of 100 kbit/s: all of 2.4 GHz, and those without 802.11b.
const ALL_RATES: &str = "10 20 55 110 60 90 120 180 240 360 480 540";
const ALL_BASIC: &str = "10 20 55 110";
const OFDM_RATES: &str = "60 90 120 180 240 360 480 540";
const OFDM_BASIC: &str = "60 120 240";

/// Keys that a change of the channel alone changes.
pub(super) const OF_CHANNEL: [&str; 7] = [
    "channel",
    "op_class",
    "ht_capab",
    "vht_oper_chwidth",
    "vht_oper_centr_freq_seg0_idx",
    "he_oper_chwidth",
    "he_oper_centr_freq_seg0_idx",
];

/// All that is to be known of a radio before its words can be said: what the plan says, or what was.
struct Whole<'a> {
    band: Band,
    tuning: Tuning,
    width: Width,
    above: Option<bool>,
    standards: Vec<Standard>,
    short_guard: bool,
    settings: &'a RadioSettings,
}

/// Everything that is to be said of a radio whose settings were `before`; of what is to be left as it is, nothing.
///
/// `new`: nothing runs there yet, so that everything needs to be said.
pub(super) fn lines(settings: &RadioSettings, before: &RadioSettings, new: bool) -> Result<Lines, Failure> {
    let mut lines = Lines::default();
    let country = settings.country.as_deref();
    if let Some(country) = country {
        say_country(&mut lines, country)?;
    }
    if let Some(spectrum) = settings.spectrum {
        if spectrum && country.or(before.country.as_deref()).is_none() {
            return Err(Failure::Impossible("spectrum management (802.11h) needs a country".to_owned()));
        }
        lines.push("ieee80211h", if spectrum { "1" } else { "0" })?;
    }
    let tuned = settings.band.is_some()
        || settings.channel.is_some()
        || settings.width.is_some()
        || settings.extension_above.is_some()
        || settings.standards.is_some()
        || settings.short_guard.is_some();
    if tuned || new {
        say_channel(&mut lines, &whole(settings, before))?;
    }
    if let Some(interval) = settings.beacon_interval {
        lines.push("beacon_int", interval.to_string())?;
    }
    if let Some(threshold) = settings.rts_threshold {
        lines.push("rts_threshold", threshold.to_string())?;
    }
    if let Some(threshold) = settings.fragmentation_threshold {
        // hostapd has no fragments of more than a frame.
        let threshold = if threshold > 2_346 { "-1".to_owned() } else { threshold.to_string() };
        lines.push("fragm_threshold", threshold)?;
    }
    Ok(lines)
}

fn say_country(lines: &mut Lines, country: &str) -> Result<(), Failure> {
    let bytes = country.as_bytes();
    let letters = bytes.get(..2).filter(|two| two.iter().all(u8::is_ascii_uppercase));
    let (Some(_), 2 | 3) = (letters, bytes.len()) else {
        return Err(Failure::Impossible(
            "a country is two capital letters, and a third character".to_owned(),
        ));
    };
    lines.push("country_code", &country[..2])?;
    if let Some(third) = bytes.get(2) {
        lines.push("country3", format!("0x{third:02x}"))?;
    }
    // Stations are told what the law is.
    lines.push("ieee80211d", "1")
}

fn whole<'a>(settings: &'a RadioSettings, before: &RadioSettings) -> Whole<'a> {
    let band = settings.band.or(before.band).unwrap_or(Band::Two);
    // What was said for another band says nothing here.
    let before = if before.band == Some(band) { before.clone() } else { RadioSettings::default() };
    let first = match band {
        Band::Two => 1,
        Band::Five => 36,
        // One of those that are looked for first.
        Band::Six => 5,
    };
    let standards = settings.standards.clone().or(before.standards).unwrap_or_else(|| match band {
        Band::Two => vec![Standard::B, Standard::G, Standard::N],
        Band::Five => vec![Standard::A, Standard::N, Standard::Ac],
        Band::Six => vec![Standard::Ax],
    });
    let widest = match band {
        Band::Two => Width::W20,
        _ if standards.iter().any(|standard| *standard >= Standard::Ac) => Width::W80,
        Band::Five if standards.contains(&Standard::N) => Width::W40,
        _ => Width::W20,
    };
    Whole {
        band,
        tuning: settings.channel.or(before.channel).unwrap_or(Tuning::Number(first)),
        width: settings.width.or(before.width).unwrap_or(widest),
        above: settings.extension_above.or(before.extension_above),
        standards,
        short_guard: settings.short_guard.or(before.short_guard).unwrap_or(false),
        settings,
    }
}

fn say_channel(lines: &mut Lines, whole: &Whole<'_>) -> Result<(), Failure> {
    let has = |standard: Standard| whole.standards.contains(&standard);
    let flag = |on: bool| if on { "1" } else { "0" };
    let channel = match whole.tuning {
        Tuning::Auto => None,
        Tuning::Number(number) => Some(number),
    };
    let legacy = has(Standard::A) || has(Standard::B) || has(Standard::G);
    let only_b = whole.band == Band::Two && whole.standards == [Standard::B];
    lines.push(
        "hw_mode",
        if whole.band != Band::Two {
            "a"
        } else if only_b {
            "b"
        } else {
            "g"
        },
    )?;
    if whole.band == Band::Two && !only_b && whole.settings.standards.is_some() {
        // 802.11b is a matter of rates.
        lines.push("supported_rates", if has(Standard::B) { ALL_RATES } else { OFDM_RATES })?;
        lines.push("basic_rates", if has(Standard::B) { ALL_BASIC } else { OFDM_BASIC })?;
    }
    let width = if has(Standard::N) || has(Standard::Ac) || has(Standard::Ax) || has(Standard::Be) {
        whole.width
    } else {
        Width::W20
    };
    let shape = Shape::of(whole.band, channel, width, whole.above)?;
    // At 6 GHz there is neither HT nor VHT.
    let ht = whole.band != Band::Six
        && (has(Standard::N) || has(Standard::Ac) || has(Standard::Ax) || has(Standard::Be));
    let vht = whole.band == Band::Five && (has(Standard::Ac) || has(Standard::Ax) || has(Standard::Be));
    let he = has(Standard::Ax) || has(Standard::Be);
    lines.push("ieee80211n", flag(ht))?;
    lines.push("ieee80211ac", flag(vht))?;
    lines.push("ieee80211ax", flag(he))?;
    if has(Standard::Be) {
        lines.push("ieee80211be", "1")?;
    }
    lines.push("require_ht", flag(ht && !legacy && has(Standard::N)))?;
    lines.push("require_vht", flag(vht && !legacy && !has(Standard::N) && has(Standard::Ac)))?;
    lines.push("op_class", shape.op_class.to_string())?;
    if ht {
        let mut capabilities = shape
            .second
            .map(|above| if above { "[HT40+]" } else { "[HT40-]" })
            .unwrap_or_default()
            .to_owned();
        if whole.short_guard {
            capabilities += "[SHORT-GI-20]";
            if shape.second.is_some() {
                capabilities += "[SHORT-GI-40]";
            }
        }
        lines.push("ht_capab", capabilities)?;
    }
    if vht {
        lines.push("vht_oper_chwidth", shape.wide.to_string())?;
        lines.push("vht_oper_centr_freq_seg0_idx", shape.center.to_string())?;
        if whole.short_guard && shape.wide > 0 {
            lines.push("vht_capab", "[SHORT-GI-80]")?;
        }
    }
    if he && whole.band != Band::Two {
        lines.push("he_oper_chwidth", shape.wide.to_string())?;
        lines.push("he_oper_centr_freq_seg0_idx", shape.center.to_string())?;
    }
    if has(Standard::Be) && whole.band != Band::Two {
        lines.push("eht_oper_chwidth", if shape.widest { "9".to_owned() } else { shape.wide.to_string() })?;
        lines.push("eht_oper_centr_freq_seg0_idx", shape.center.to_string())?;
    }
    lines.push("channel", channel.map_or_else(|| "acs_survey".to_owned(), |number| number.to_string()))
}

/// Where a channel of some width lies.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Shape {
    /// Of the second half of the innermost 40 MHz: above or below.
    pub(super) second: Option<bool>,
    /// 0: up to 40 MHz, 1: 80, 2: 160 and more.
    wide: u8,
    widest: bool,
    /// The number of the channel in the middle; 0 where nobody asks, or the service finds it.
    pub(super) center: u16,
    op_class: u8,
}

impl Shape {
    pub(super) fn of(
        band: Band,
        channel: Option<u16>,
        width: Width,
        above: Option<bool>,
    ) -> Result<Self, Failure> {
        let op_class = match (band, width) {
            (Band::Six, Width::W20) => 131,
            (Band::Six, Width::W40) => 132,
            (Band::Six, Width::W80) => 133,
            (Band::Six, Width::W160) => 134,
            (Band::Six, Width::W320) => 137,
            _ => 0,
        };
        let mut shape = Self { second: None, wide: 0, widest: width == Width::W320, center: 0, op_class };
        if width == Width::W20 {
            return Ok(shape);
        }
        let cannot = || Failure::Impossible("there is no channel as wide as that there".to_owned());
        if band == Band::Two {
            if width != Width::W40 {
                return Err(cannot());
            }
            // Where there is room for it.
            shape.second = Some(match channel {
                Some(1..=4) => true,
                Some(10..=14) => false,
                _ => above.unwrap_or(channel.is_some_and(|channel| channel < 8)),
            });
            return Ok(shape);
        }
        shape.wide = match width {
            Width::W20 | Width::W40 => 0,
            Width::W80 => 1,
            Width::W160 | Width::W320 => 2,
        };
        let Some(channel) = channel else {
            shape.second = Some(true);
            return Ok(shape);
        };
        let start = match (band, channel) {
            (Band::Six, _) => 1,
            (_, 36..=64) => 36,
            (_, 100..=144) => 100,
            (_, 149..=177) => 149,
            _ => return Err(cannot()),
        };
        let position =
            channel.checked_sub(start).filter(|distance| distance % 4 == 0).ok_or_else(cannot)? / 4;
        let (together, middle) = match width {
            Width::W20 => (1, 0),
            Width::W40 => (2, 2),
            Width::W80 => (4, 6),
            Width::W160 => (8, 14),
            Width::W320 => (16, 30),
        };
        shape.second = Some(position % 2 == 0);
        shape.center = start + position / together * together * 4 + middle;
        Ok(shape)
    }

    /// As `CHAN_SWITCH` wants it: where the second half is.
    pub(super) fn offset(&self) -> i8 {
        self.second.map_or(0, |above| if above { 1 } else { -1 })
    }
}

/// What hostapd does where a key is not said.
pub(super) fn default_of(key: &str) -> Option<&'static str> {
    Some(match key {
        "hw_mode" => "b",
        "beacon_int" => "100",
        "dtim_period" => "2",
        "rts_threshold" | "fragm_threshold" => "-1",
        "ieee80211d"
        | "ieee80211h"
        | "ieee80211n"
        | "ieee80211ac"
        | "ieee80211ax"
        | "require_ht"
        | "require_vht"
        | "op_class"
        | "vht_oper_chwidth"
        | "vht_oper_centr_freq_seg0_idx"
        | "he_oper_chwidth"
        | "he_oper_centr_freq_seg0_idx" => "0",
        "channel" => "acs_survey",
        "ht_capab" | "vht_capab" => "",
        "supported_rates" => ALL_RATES,
        "basic_rates" => ALL_BASIC,
        _ => return None,
    })
}

/// What the lines of a radio say. `None` where they say nothing.
pub(super) fn settings(lines: &Lines) -> RadioSettings {
    let band = lines.get("hw_mode").map(|mode| match mode {
        "a" if lines.number("op_class").is_some_and(|class: u8| (131..=137).contains(&class)) => Band::Six,
        "a" => Band::Five,
        _ => Band::Two,
    });
    let channel = lines.get("channel").map(|text| match text.parse() {
        Ok(number) if number > 0 => Tuning::Number(number),
        _ => Tuning::Auto,
    });
    let ht = lines.get("ht_capab").unwrap_or_default();
    let country = lines.get("country_code").map(|code| match lines.get("country3") {
        Some("0x4f") => format!("{code}O"),
        Some("0x49") => format!("{code}I"),
        Some("0x20") => format!("{code} "),
        _ => code.to_owned(),
    });
    RadioSettings {
        country,
        band,
        channel,
        width: band.map(|band| width(lines, band, ht)),
        extension_above: match (ht.contains("[HT40+]"), ht.contains("[HT40-]")) {
            (true, false) => Some(true),
            (false, true) => Some(false),
            _ => None,
        },
        standards: band.map(|band| standards(lines, band)),
        spectrum: lines.get("ieee80211h").map(|value| value != "0"),
        short_guard: lines.get("ht_capab").map(|ht| ht.contains("SHORT-GI")),
        beacon_interval: lines.number("beacon_int"),
        dtim_period: lines.number("dtim_period"),
        rts_threshold: lines.number("rts_threshold"),
        fragmentation_threshold: lines.number("fragm_threshold"),
    }
}

fn width(lines: &Lines, band: Band, ht: &str) -> Width {
    let wide = lines.get("he_oper_chwidth").or(lines.get("vht_oper_chwidth")).unwrap_or("0");
    match (band, wide, lines.get("op_class")) {
        (_, _, Some("137")) => Width::W320,
        (Band::Five | Band::Six, "1", _) => Width::W80,
        (Band::Five | Band::Six, "2" | "3", _) => Width::W160,
        (Band::Six, _, Some("132")) => Width::W40,
        _ if ht.contains("[HT40") => Width::W40,
        _ => Width::W20,
    }
}

fn standards(lines: &Lines, band: Band) -> Vec<Standard> {
    let mut standards = Vec::new();
    let required = lines.is_on("require_ht") || lines.is_on("require_vht");
    match (band, lines.get("hw_mode")) {
        (Band::Two, Some("b")) => standards.push(Standard::B),
        (Band::Two, _) if !required => {
            if lines.get("supported_rates").is_none_or(|rates| rates.split(' ').any(|rate| rate == "10")) {
                standards.push(Standard::B);
            }
            standards.push(Standard::G);
        }
        (Band::Five, _) if !required => standards.push(Standard::A),
        _ => {}
    }
    if lines.is_on("ieee80211n") && !lines.is_on("require_vht") {
        standards.push(Standard::N);
    }
    for (key, standard) in
        [("ieee80211ac", Standard::Ac), ("ieee80211ax", Standard::Ax), ("ieee80211be", Standard::Be)]
    {
        if lines.is_on(key) {
            standards.push(standard);
        }
    }
    standards
}

#[cfg(test)]
#[path = "radio_tests.rs"]
mod tests;
