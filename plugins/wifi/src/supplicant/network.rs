//! Networks: as they shall be, and as the service has them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use zbus::zvariant::Value;

use crate::back_end::Failure;
use crate::facts::Ssid;
use crate::plan::{Mfp, Mode, Secret, Security};
use crate::supplicant::calls::Arguments;
use crate::supplicant::interface::Interface;
use crate::supplicant::wire::{from_hex, unquoted, Properties, NAME};

/// What a passphrase of WPA may be: IEEE 802.11, annex J.4.
const PASSPHRASE: std::ops::RangeInclusive<usize> = 8..=63;
/// The longest passphrase of SAE, in bytes.
const MAX_SAE: usize = 127;
/// Key management that there is an older kind of, which every build knows.
const OPTIONAL_KEYS: &str = "WPA-PSK-SHA256";
/// The digits of a key.
const KEY_DIGITS: usize = 64;

/// What the service keeps with a network that is ours: it is the one thing that says so when this program begins anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tag {
    pub(crate) part: Part,
    /// The numbers of somebody else's networks that were switched off for it.
    pub(crate) silenced: BTreeSet<u32>,
}

/// What a network of ours is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    AccessPoint,
    /// A profile of a plan.
    Profile(usize),
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.part {
            Part::AccessPoint => f.write_str("cwmpd:ap")?,
            Part::Profile(index) => write!(f, "cwmpd:{index}")?,
        }
        for (position, number) in self.silenced.iter().enumerate() {
            write!(f, "{}{number}", if position == 0 { ':' } else { ',' })?;
        }
        Ok(())
    }
}

impl Tag {
    /// From what the service kept.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix("cwmpd:")?;
        let (part, silenced) = text.split_once(':').unwrap_or((text, ""));
        let part = if part == "ap" { Part::AccessPoint } else { Part::Profile(part.parse().ok()?) };
        let silenced = silenced.split(',').filter(|number| !number.is_empty());
        let silenced = silenced.map(|number| number.parse().ok()).collect::<Option<_>>()?;
        Some(Self { part, silenced })
    }
}

/// A value that a network is given.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Setting {
    /// The service puts it in quotes itself where it has to.
    Text(String),
    Bytes(Vec<u8>),
    Number(i32),
    /// A passphrase.
    Phrase(Secret),
    /// A key, or a passphrase that need not be ASCII.
    Key(Vec<u8>),
}

impl fmt::Debug for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => fmt::Debug::fmt(text, f),
            Self::Bytes(bytes) => fmt::Debug::fmt(bytes, f),
            Self::Number(number) => fmt::Debug::fmt(number, f),
            Self::Phrase(_) | Self::Key(_) => f.write_str("..."),
        }
    }
}

impl Setting {
    fn value(&self) -> Value<'_> {
        match self {
            Self::Text(text) => Value::from(text.as_str()),
            Self::Bytes(bytes) | Self::Key(bytes) => Value::from(bytes.as_slice()),
            Self::Number(number) => Value::from(*number),
            Self::Phrase(phrase) => Value::from(phrase.reveal()),
        }
    }

    fn is_secret(&self) -> bool {
        matches!(self, Self::Phrase(_) | Self::Key(_))
    }
}

/// Everything that a network is given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Wanted(pub(crate) BTreeMap<&'static str, Setting>);

impl Wanted {
    pub(crate) fn text(&mut self, name: &'static str, text: &str) {
        self.0.insert(name, Setting::Text(text.to_owned()));
    }

    pub(crate) fn number(&mut self, name: &'static str, number: i32) {
        self.0.insert(name, Setting::Number(number));
    }

    /// A name, and how it is protected. What wpa_supplicant cannot do, or a value that no network can have, is an error.
    pub(crate) fn network(ssid: &Ssid, security: &Security) -> Result<Self, Failure> {
        let mut all = Self::without_keys(ssid, security)?;
        if security.mode.is_personal() {
            all.keys(security)?;
        }
        Ok(all)
    }

    /// Like [`Wanted::network`], for a network that has its key already.
    pub(crate) fn without_keys(ssid: &Ssid, security: &Security) -> Result<Self, Failure> {
        let mut all = Self::default();
        if ssid.is_empty() {
            return Err(Failure::Impossible("a network without a name".to_owned()));
        }
        all.0.insert("ssid", Setting::Bytes(ssid.bytes().to_vec()));
        all.protect(security)?;
        Ok(all)
    }

    fn protect(&mut self, security: &Security) -> Result<(), Failure> {
        let mfp = match security.mfp {
            Mfp::Disabled => 0,
            Mfp::Optional => 1,
            Mfp::Required => 2,
        };
        let psk = |protected: bool| if protected { "WPA-PSK WPA-PSK-SHA256" } else { "WPA-PSK" };
        let (keys, proto, ciphers, mfp) = match security.mode {
            Mode::None => ("NONE", None, None, 0),
            Mode::WpaPersonal => ("WPA-PSK", Some("WPA"), Some("CCMP TKIP"), 0),
            Mode::WpaWpa2Personal => (psk(mfp > 0), Some("WPA RSN"), Some("CCMP TKIP"), mfp),
            Mode::Wpa2Personal => (psk(mfp > 0), Some("RSN"), Some("CCMP"), mfp),
            Mode::Wpa3Personal => ("SAE", Some("RSN"), Some("CCMP"), 2),
            Mode::Wpa3PersonalTransition => {
                ("WPA-PSK WPA-PSK-SHA256 SAE", Some("RSN"), Some("CCMP"), mfp.max(1))
            }
            Mode::Owe => ("OWE", Some("RSN"), Some("CCMP"), 2),
            mode => {
                return Err(Failure::Impossible(format!("{NAME} has nothing to log in with for {mode:?}")))
            }
        };
        self.text("key_mgmt", keys);
        if let (Some(proto), Some(ciphers)) = (proto, ciphers) {
            self.text("proto", proto);
            self.text("pairwise", ciphers);
            self.text("group", ciphers);
        }
        self.number("ieee80211w", mfp);
        Ok(())
    }

    fn keys(&mut self, security: &Security) -> Result<(), Failure> {
        let with_sae = matches!(security.mode, Mode::Wpa3Personal | Mode::Wpa3PersonalTransition);
        if security.mode != Mode::Wpa3Personal {
            self.0.insert("psk", psk(security)?);
        }
        if with_sae {
            let phrase = if security.sae.is_empty() { &security.passphrase } else { &security.sae };
            self.0.insert("sae_password", sae_password(phrase)?);
        }
        Ok(())
    }

    /// Leaves out what an interface need not do, and says what it cannot do but has to.
    pub(crate) fn fit(&mut self, interface: &Interface) -> Result<(), Failure> {
        let Some(Setting::Text(keys)) = self.0.get("key_mgmt") else { return Ok(()) };
        let is_able = |key: &str| interface.is_able("KeyMgmt", &key.to_lowercase());
        let (able, unable): (Vec<&str>, Vec<&str>) = keys.split_whitespace().partition(|key| is_able(key));
        if let Some(key) = unable.iter().find(|key| **key != OPTIONAL_KEYS) {
            return Err(Failure::Impossible(format!("{} has no {key}", interface.name)));
        }
        let able = able.join(" ");
        self.text("key_mgmt", &able);
        Ok(())
    }

    /// As arguments of `AddNetwork`, or the value of `Properties`.
    pub(crate) fn arguments<'a>(&'a self, tag: Option<&'a str>) -> Arguments<'a> {
        let mut all: HashMap<&str, Value<'_>> =
            self.0.iter().map(|(name, setting)| (*name, setting.value())).collect();
        if let Some(tag) = tag {
            all.insert("id_str", Value::from(tag));
        }
        all
    }

    /// Whether a network of the service is like that, as far as it shows: keys are not.
    pub(crate) fn is_shown_by(&self, network: &Network) -> bool {
        self.0.iter().filter(|(_, setting)| !setting.is_secret()).all(|(name, setting)| {
            let shown = network.all.get(*name).map(String::as_str);
            match setting {
                Setting::Text(text) => {
                    let sorted = |text: &str| {
                        let mut words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
                        words.sort_unstable();
                        words
                    };
                    shown.map(sorted) == Some(sorted(text))
                }
                Setting::Bytes(bytes) => shown.and_then(unquoted).as_ref() == Some(bytes),
                // What is 0 is not always shown.
                Setting::Number(number) => shown.unwrap_or("0") == number.to_string(),
                Setting::Phrase(_) | Setting::Key(_) => true,
            }
        })
    }
}

fn psk(security: &Security) -> Result<Setting, Failure> {
    let phrase = security.passphrase.reveal();
    if !phrase.is_empty() {
        let good = PASSPHRASE.contains(&phrase.len()) && phrase.bytes().all(|byte| (32..127).contains(&byte));
        return if good {
            Ok(Setting::Phrase(security.passphrase.clone()))
        } else {
            Err(Failure::Impossible("a passphrase has 8 to 63 characters of ASCII".to_owned()))
        };
    }
    let key = security.psk.reveal();
    match from_hex(key) {
        Some(key) if key.len() * 2 == KEY_DIGITS => Ok(Setting::Key(key)),
        _ if key.is_empty() => {
            Err(Failure::Impossible("a network with a key, but without the key".to_owned()))
        }
        _ => Err(Failure::Impossible("a key has 64 hexadecimal digits".to_owned())),
    }
}

fn sae_password(phrase: &Secret) -> Result<Setting, Failure> {
    let phrase = phrase.reveal();
    if phrase.is_empty() {
        return Err(Failure::Impossible("WPA3 needs a passphrase; a key is none".to_owned()));
    }
    if phrase.len() > MAX_SAE || phrase.chars().any(char::is_control) {
        let text = format!("a passphrase of WPA3 has up to {MAX_SAE} bytes and no control characters");
        return Err(Failure::Impossible(text));
    }
    Ok(Setting::Key(phrase.as_bytes().to_vec()))
}

/// The mode of a network, `mode` in its properties.
const ACCESS_POINT: &str = "2";

/// A network that the service has.
#[derive(Debug, Clone)]
pub(crate) struct Network {
    pub(crate) path: String,
    pub(crate) enabled: bool,
    pub(crate) tag: Option<Tag>,
    all: BTreeMap<String, String>,
}

impl Network {
    /// From the properties of its object.
    pub(crate) fn new(path: &str, properties: &Properties) -> Result<Self, Failure> {
        let all = properties.texts("Properties")?;
        let tag = all.get("id_str").and_then(|text| String::from_utf8(unquoted(text)?).ok());
        let tag = tag.and_then(|text| Tag::parse(&text));
        Ok(Self { path: path.to_owned(), enabled: properties.flag("Enabled"), tag, all })
    }

    pub(crate) fn ssid(&self) -> Option<Ssid> {
        Ssid::new(unquoted(self.all.get("ssid")?)?)
    }

    pub(crate) fn is_access_point(&self) -> bool {
        self.all.get("mode").is_some_and(|mode| mode == ACCESS_POINT)
    }

    /// A number among its properties; `None` if it is 0, which means that it was not set.
    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        self.all.get(name)?.parse().ok().filter(|number| *number != 0)
    }

    /// The number that it has among the networks of its interface.
    pub(crate) fn place(&self) -> Option<u32> {
        self.path.rsplit('/').next()?.parse().ok()
    }

    /// The profile of a plan that it is.
    pub(crate) fn profile(&self) -> Option<usize> {
        match self.tag.as_ref()?.part {
            Part::Profile(index) => Some(index),
            Part::AccessPoint => None,
        }
    }

    /// Whether it is the access point of a plan.
    pub(crate) fn is_planned_access_point(&self) -> bool {
        self.tag.as_ref().is_some_and(|tag| tag.part == Part::AccessPoint)
    }

    /// The numbers of somebody else's networks that were switched off for it.
    pub(crate) fn silenced(&self) -> impl Iterator<Item = u32> + '_ {
        self.tag.iter().flat_map(|tag| tag.silenced.iter().copied())
    }

    /// How it is protected, as far as it shows.
    pub(crate) fn security(&self) -> Security {
        let words = |name: &str| self.all.get(name).map_or("", String::as_str).split_whitespace();
        let has = |name: &str, word: &str| words(name).any(|known| known == word);
        let (wpa, rsn) = (has("proto", "WPA"), has("proto", "RSN"));
        let psk = words("key_mgmt").any(|word| word.starts_with("WPA-PSK") || word == "FT-PSK");
        let eap = words("key_mgmt").any(|word| word.starts_with("WPA-EAP") || word == "FT-EAP");
        let mode = if has("key_mgmt", "WPA-EAP-SUITE-B-192") {
            Mode::Wpa3Enterprise
        } else if eap {
            match (wpa, rsn) {
                (true, false) => Mode::WpaEnterprise,
                (true, true) => Mode::WpaWpa2Enterprise,
                _ => Mode::Wpa2Enterprise,
            }
        } else if has("key_mgmt", "SAE") {
            if psk {
                Mode::Wpa3PersonalTransition
            } else {
                Mode::Wpa3Personal
            }
        } else if psk {
            match (wpa, rsn) {
                (true, false) => Mode::WpaPersonal,
                (true, true) => Mode::WpaWpa2Personal,
                _ => Mode::Wpa2Personal,
            }
        } else if has("key_mgmt", "OWE") {
            Mode::Owe
        } else {
            Mode::None
        };
        let mfp = match self.number("ieee80211w") {
            Some(1) => Mfp::Optional,
            Some(2) => Mfp::Required,
            _ => Mfp::Disabled,
        };
        let rekey = self.number("group_rekey").and_then(|seconds| u32::try_from(seconds).ok());
        Security { mode, mfp, rekey: rekey.unwrap_or(0), ..Security::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_tag_is_read_as_it_was_written(profile: Option<u16>, silenced in prop::collection::btree_set(0..9_u32, 0..4)) {
            let part = profile.map_or(Part::AccessPoint, |index| Part::Profile(usize::from(index)));
            let tag = Tag { part, silenced };
            prop_assert_eq!(Tag::parse(&tag.to_string()), Some(tag));
        }

        #[test]
        fn what_somebody_else_wrote_is_no_tag(text in "[^c].*|cwmpd|cwmpd:[^0-9a].*|cwmpd:1:x.*") {
            prop_assert_eq!(Tag::parse(&text), None);
        }

        #[test]
        fn a_passphrase_is_taken_as_it_is_or_not_at_all(phrase in ".{0,70}", sae: bool) {
            let mode = if sae { Mode::Wpa3Personal } else { Mode::Wpa2Personal };
            let security = Security { mode, passphrase: Secret::new(&*phrase), ..Security::default() };
            let ssid = Ssid::new("name").expect("short");
            if let Ok(wanted) = Wanted::network(&ssid, &security) {
                prop_assert!(!phrase.is_empty() && !phrase.chars().any(char::is_control));
                let arguments = wanted.arguments(Some("cwmpd:0"));
                let given = match (&arguments.get("psk"), &arguments.get("sae_password")) {
                    (Some(Value::Str(text)), None) => text.as_bytes().to_vec(),
                    (None, Some(Value::Array(bytes))) => Vec::<u8>::try_from(bytes.try_clone().expect("bytes")).expect("bytes"),
                    other => panic!("{other:?}"),
                };
                prop_assert_eq!(given, phrase.as_bytes());
                prop_assert!(phrase.len() < 4 || !format!("{wanted:?}").contains(&*phrase), "a secret is shown");
            }
        }
    }
}
