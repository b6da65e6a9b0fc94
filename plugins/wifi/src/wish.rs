//! What was set: the settings as something to plan with. What nobody set is `None`.

use std::collections::BTreeMap;
use std::net::IpAddr;

use cwmp_plugin_sdk::{At, Error, Parse, Settings};

use crate::facts::{Band, Mac, Ssid, Standard};
use crate::latest::{Latest, Side, PAIRS};
use crate::objects::{self, Bandwidth, Extension, Guard, MfpConfig};
use crate::plan::{Mode, Radius, Secret};
use crate::row_id::{Numbers, RowId, Table};
use crate::words;

/// Everything that was set.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Wishes {
    pub(crate) radios: BTreeMap<String, RadioWish>,
    pub(crate) ssids: BTreeMap<RowId, SsidWish>,
    pub(crate) access_points: BTreeMap<RowId, ApWish>,
    pub(crate) end_points: BTreeMap<RowId, EndPointWish>,
}

/// Where a reference leads.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Reference {
    #[default]
    Unset,
    Nowhere,
    To(RowId),
}

#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct RadioWish {
    pub(crate) enable: Option<bool>,
    pub(crate) band: Option<Band>,
    pub(crate) standards: Option<Vec<Standard>>,
    pub(crate) channel: Option<u16>,
    pub(crate) auto: Option<bool>,
    pub(crate) width: Option<Bandwidth>,
    pub(crate) extension: Option<Extension>,
    pub(crate) guard: Option<Guard>,
    pub(crate) power: Option<i32>,
    pub(crate) spectrum: Option<bool>,
    pub(crate) country: Option<String>,
    pub(crate) beacon: Option<u16>,
    pub(crate) dtim: Option<u8>,
    pub(crate) rts: Option<u16>,
    pub(crate) fragmentation: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct SsidWish {
    pub(crate) enable: Option<bool>,
    pub(crate) radio: Reference,
    pub(crate) ssid: Option<Ssid>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct ApWish {
    pub(crate) enable: Option<bool>,
    pub(crate) ssid: Reference,
    pub(crate) advertised: Option<bool>,
    pub(crate) wmm: Option<bool>,
    pub(crate) uapsd: Option<bool>,
    pub(crate) isolated: Option<bool>,
    pub(crate) max_stations: Option<u32>,
    pub(crate) control: Option<bool>,
    pub(crate) allowed: Option<Vec<Mac>>,
    /// The same, as it was written.
    pub(crate) allowed_text: Option<Vec<String>>,
    pub(crate) security: SecurityWish,
    pub(crate) wps: Option<bool>,
    pub(crate) methods: Option<Vec<&'static str>>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct SecurityWish {
    pub(crate) mode: Option<Mode>,
    pub(crate) passphrase: Secret,
    pub(crate) psk: Secret,
    /// The key was written after the passphrase.
    pub(crate) psk_counts: bool,
    pub(crate) sae: Secret,
    pub(crate) mfp: Option<MfpConfig>,
    pub(crate) rekey: Option<u32>,
    pub(crate) radius: RadiusWish,
    pub(crate) second_radius: RadiusWish,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct RadiusWish {
    pub(crate) ip: Option<IpAddr>,
    /// It was said that there shall be none.
    pub(crate) none: bool,
    pub(crate) port: Option<u16>,
    pub(crate) secret: Secret,
}

impl SecurityWish {
    /// Which of passphrase and key is in force.
    pub(crate) fn counts(&self) -> Option<Side> {
        match (self.psk_counts, self.passphrase.is_empty()) {
            (true, _) => Some(Side::Other),
            (false, false) => Some(Side::Usual),
            (false, true) => None,
        }
    }
}

impl RadiusWish {
    /// What was set, over what is.
    pub(crate) fn over(&self, base: Option<&Radius>) -> Option<Radius> {
        let ip = self.ip.or_else(|| base.filter(|_| !self.none).map(|base| base.ip))?;
        let port = self.port.or_else(|| base.map(|base| base.port));
        let secret = if self.secret.is_empty() {
            base.map(|base| base.secret.clone()).unwrap_or_default()
        } else {
            self.secret.clone()
        };
        Some(Radius { ip, port: port.unwrap_or(crate::planner::RADIUS_PORT), secret })
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct EndPointWish {
    pub(crate) enable: Option<bool>,
    /// The profile that is to be used alone.
    pub(crate) profile: Option<u32>,
    /// One is to be used alone, and there is no such profile.
    pub(crate) lost: bool,
    pub(crate) profiles: BTreeMap<u32, ProfileWish>,
    pub(crate) wps: Option<bool>,
    pub(crate) methods: Option<Vec<&'static str>>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct ProfileWish {
    pub(crate) enable: bool,
    pub(crate) ssid: Ssid,
    pub(crate) location: String,
    pub(crate) priority: u8,
    pub(crate) security: SecurityWish,
}

impl Wishes {
    /// Reads the settings.
    pub(crate) fn read(settings: &Settings, numbers: &Numbers, latest: &Latest) -> Result<Self, Error> {
        let reader = Reader { settings, numbers, latest };
        let mut wishes = Self::default();
        for (at, _) in &settings.object::<objects::Radio>()? {
            wishes.radios.insert(at.row.key.clone(), reader.radio(&reader.row(Table::Radio, at)));
        }
        for (at, _) in &settings.object::<objects::Ssid>()? {
            wishes.ssids.insert(id(at), reader.ssid(&reader.row(Table::Ssid, at)));
        }
        for (at, _) in &settings.object::<objects::AccessPoint>()? {
            wishes.access_points.insert(id(at), reader.access_point(&reader.row(Table::AccessPoint, at)));
        }
        for (at, _) in &settings.object::<objects::EndPoint>()? {
            wishes.end_points.insert(id(at), reader.end_point(&reader.row(Table::EndPoint, at)));
        }
        Ok(wishes)
    }
}

impl Wishes {
    /// How the object with this name is to be protected, if it says anything of that. `row` finds rows by their names.
    pub(crate) fn security(
        &self,
        object: &str,
        row: impl Fn(Table, &str) -> Option<RowId>,
    ) -> Option<&SecurityWish> {
        let above = object.strip_suffix(".Security.")?;
        if let Some((end_point, number)) = above.split_once(".Profile.") {
            let end_point = self.end_points.get(&row(Table::EndPoint, end_point)?)?;
            return Some(&end_point.profiles.get(&number.parse().ok()?)?.security);
        }
        Some(&self.access_points.get(&row(Table::AccessPoint, above)?)?.security)
    }
}

fn id(at: &At) -> RowId {
    if at.row.key.is_empty() {
        RowId::Added(at.row.number)
    } else {
        RowId::Found(at.row.key.clone())
    }
}

struct Reader<'a> {
    settings: &'a Settings,
    numbers: &'a Numbers,
    latest: &'a Latest,
}

/// A row, or an object in it: its name, with a dot at its end.
struct Place<'a> {
    settings: &'a Settings,
    name: String,
}

impl<'a> Place<'a> {
    fn text(&self, leaf: &str) -> Option<String> {
        self.settings.chosen(&format!("{}{leaf}", self.name))
    }

    fn get<T: Parse>(&self, leaf: &str) -> Option<T> {
        T::parse(&self.text(leaf)?)
    }

    fn small<T: TryFrom<u32>>(&self, leaf: &str) -> Option<T> {
        T::try_from(self.get::<u32>(leaf)?).ok()
    }

    fn list<T>(&self, leaf: &str, parse: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
        let text = self.text(leaf)?;
        Some(text.split(',').map(str::trim).filter_map(parse).collect())
    }

    fn secret(&self, leaf: &str) -> Secret {
        Secret::new(self.text(leaf).unwrap_or_default())
    }

    fn below(&self, object: &str) -> Place<'a> {
        Place { settings: self.settings, name: format!("{}{object}", self.name) }
    }
}

impl<'a> Reader<'a> {
    fn row(&self, table: Table, at: &At) -> Place<'a> {
        Place { settings: self.settings, name: format!("{}{}.", table.path(), at.row.number) }
    }

    fn radio(&self, row: &Place<'_>) -> RadioWish {
        let auto: Option<bool> = row.get("AutoChannelEnable");
        let channel: Option<u16> = row.small("Channel");
        let texts = (row.text("AutoChannelEnable"), row.text("Channel"));
        let (usual, other) = (texts.0.unwrap_or_default(), texts.1.unwrap_or_default());
        let manual = self.latest.other_counts(&row.name, PAIRS[1], &usual, &other);
        let power = row.get("TransmitPower");
        RadioWish {
            enable: row.get("Enable"),
            band: row.text("OperatingFrequencyBand").and_then(|text| words::parse_band(&text)),
            standards: row.list("OperatingStandards", words::parse_standard).filter(|list| !list.is_empty()),
            channel: channel.filter(|channel| *channel > 0),
            auto: if manual { Some(false) } else { auto },
            width: row.get("OperatingChannelBandwidth"),
            extension: row.get("ExtensionChannel"),
            guard: row.get("GuardInterval"),
            power,
            spectrum: row.get("IEEE80211hEnabled"),
            country: row.text("RegulatoryDomain").filter(|text| !text.is_empty()),
            beacon: row.small("BeaconPeriod"),
            dtim: row.small("DTIMPeriod"),
            rts: row.small("RTSThreshold"),
            fragmentation: row.small("FragmentationThreshold"),
        }
    }

    fn ssid(&self, row: &Place<'_>) -> SsidWish {
        let radio = match row.text("LowerLayers") {
            None => Reference::Unset,
            // Of several layers the first one counts: a network is on one radio.
            Some(text) => self.reference(Table::Radio, text.split(',').next().unwrap_or_default(), &[]),
        };
        let ssid = row.text("SSID").and_then(|text| Ssid::new(text.into_bytes()));
        SsidWish { enable: row.get("Enable"), radio, ssid }
    }

    fn reference(&self, table: Table, text: &str, added: &[u32]) -> Reference {
        self.numbers.referred(table, text.trim(), added).map_or(Reference::Nowhere, Reference::To)
    }

    fn access_point(&self, row: &Place<'_>) -> ApWish {
        let added = self.settings.row_numbers(Table::Ssid.path());
        let ssid = match row.text("SSIDReference") {
            None => Reference::Unset,
            Some(text) => self.reference(Table::Ssid, &text, &added),
        };
        let wps = row.below("WPS.");
        ApWish {
            enable: row.get("Enable"),
            ssid,
            advertised: row.get("SSIDAdvertisementEnabled"),
            wmm: row.get("WMMEnable"),
            uapsd: row.get("UAPSDEnable"),
            isolated: row.get("IsolationEnable"),
            max_stations: row.get("MaxAllowedAssociations"),
            control: row.get("MACAddressControlEnabled"),
            allowed: row.list("AllowedMACAddress", Mac::parse),
            allowed_text: row
                .list("AllowedMACAddress", |mac| Some(mac.to_owned()).filter(|mac| !mac.is_empty())),
            security: self.security(&row.below("Security.")),
            wps: wps.get("Enable"),
            methods: wps.list("ConfigMethodsEnabled", words::parse_method),
        }
    }

    fn security(&self, place: &Place<'_>) -> SecurityWish {
        let (mut passphrase, mut psk) = (place.secret("KeyPassphrase"), place.secret("PreSharedKey"));
        let later = self.latest.other_counts(&place.name, PAIRS[0], passphrase.reveal(), psk.reveal());
        if self.latest.none_counts(&place.name, PAIRS[0], passphrase.reveal(), psk.reveal()) {
            (passphrase, psk) = (Secret::default(), Secret::default());
        }
        SecurityWish {
            mode: place.text("ModeEnabled").and_then(|text| words::parse_mode(&text)),
            psk_counts: !psk.is_empty() && (later || passphrase.is_empty()),
            passphrase,
            psk,
            sae: place.secret("SAEPassphrase"),
            mfp: place.get("MFPConfig"),
            rekey: place.get("RekeyingInterval"),
            radius: radius(place, ""),
            second_radius: radius(place, "Secondary"),
        }
    }

    fn end_point(&self, row: &Place<'_>) -> EndPointWish {
        let table = format!("{}Profile.", row.name);
        let numbers = self.settings.row_numbers(&table);
        let reference = row.text("ProfileReference").filter(|text| !text.is_empty());
        let profile = reference.as_ref().and_then(|text| {
            let number = text.strip_prefix("Device.")?.strip_prefix(table.as_str())?;
            let number = number.trim_end_matches('.').parse().ok()?;
            numbers.contains(&number).then_some(number)
        });
        let lost = reference.is_some() && profile.is_none();
        let profiles = numbers.iter().map(|number| {
            let place = Place { settings: self.settings, name: format!("{table}{number}.") };
            (*number, self.profile(&place))
        });
        let wps = row.below("WPS.");
        EndPointWish {
            enable: row.get("Enable"),
            profile,
            lost,
            profiles: profiles.collect(),
            wps: wps.get("Enable"),
            methods: wps.list("ConfigMethodsEnabled", words::parse_method),
        }
    }

    fn profile(&self, row: &Place<'_>) -> ProfileWish {
        let ssid = row.text("SSID").and_then(|text| Ssid::new(text.into_bytes()));
        ProfileWish {
            enable: row.get("Enable").unwrap_or_default(),
            ssid: ssid.unwrap_or_default(),
            location: row.text("Location").unwrap_or_default(),
            priority: row.small("Priority").unwrap_or_default(),
            security: self.security(&row.below("Security.")),
        }
    }
}

fn radius(place: &Place<'_>, prefix: &str) -> RadiusWish {
    let ip = place.text(&format!("{prefix}RadiusServerIPAddr"));
    RadiusWish {
        none: ip.as_ref().is_some_and(String::is_empty),
        ip: ip.and_then(|text| text.parse().ok()),
        port: place.small(&format!("{prefix}RadiusServerPort")),
        secret: place.secret(&format!("{prefix}RadiusSecret")),
    }
}
