//! What is looked at before anything is prepared: rules that facets cannot say. Every wrong parameter has its own fault.

use std::net::IpAddr;

use cwmp_plugin_sdk::{Change, ChangeFault, Edit, Error, Level, Object, Op, Row};

use crate::cut_off;
use crate::facts::{frequency_of, MAX_SSID};
use crate::objects::{
    AccessPoint, EndPoint, EndPointSecurity, EndPointWps, Profile, ProfileSecurity, Radio, Security, Ssid,
    Wps,
};
use crate::plan::Mode;
use crate::planner;
use crate::plugin::WiFi;
use crate::row_id::{RowId, Table};
use crate::tree::{RadioNode, Tree};
use crate::words;
use crate::world::World;

/// Digits of a key of WPA.
const PSK: usize = 64;
/// Characters of a passphrase of SAE, at most: what the services take.
const SAE: usize = 63;

/// What is known, for those who check.
pub(crate) struct Known<'a> {
    pub(crate) plugin: &'a WiFi,
    pub(crate) world: &'a World,
    pub(crate) tree: &'a Tree,
}

/// An object whose changes have rules of their own.
///
/// What has no value is as good as what was never set: so it looks when a factory reset, or a transaction that is taken back,
/// unsets it.
pub(crate) trait Checked: Object {
    /// What is wrong with a change.
    fn faults(edit: &Edit<Self>, known: &Known<'_>) -> Vec<ChangeFault>;
}

fn id(row: &Row) -> RowId {
    if row.key.is_empty() {
        RowId::Added(row.number)
    } else {
        RowId::Found(row.key.clone())
    }
}

/// Collects faults of one row.
struct Faults<'a, O> {
    edit: &'a Edit<O>,
    found: Vec<ChangeFault>,
}

impl<'a, O: Object> Faults<'a, O> {
    fn of(edit: &'a Edit<O>) -> Self {
        Self { edit, found: Vec::new() }
    }

    /// A parameter that is set is to be good.
    fn want(&mut self, name: &str, good: bool, why: &str) {
        if self.edit.sets(name) && !good {
            self.found.push(self.edit.fault(name, Error::value(format!("{name}: {why}"))));
        }
    }

    fn refuse(&mut self, name: &str, error: Error) {
        self.found.push(self.edit.fault(name, error));
    }
}

impl WiFi {
    /// Looks at the changes of one object in all its rows.
    pub(crate) fn check_rows<O: Checked>(&self, edits: &[Edit<O>]) -> Result<(), Vec<ChangeFault>> {
        // What is taken back, or reset, was good once, or is nothing.
        if !self.preparing.get() {
            return Ok(());
        }
        let snapshot = self.snapshot();
        if let Err(error) = cut_off::keep(&snapshot, &self.host) {
            self.host.log(Level::Warning, &format!("what the image made cannot be kept, ignoring: {error}"));
        }
        let known = Known { plugin: self, world: &snapshot.world, tree: &snapshot.tree };
        let faults: Vec<ChangeFault> = edits.iter().flat_map(|edit| O::faults(edit, &known)).collect();
        if faults.is_empty() {
            Ok(())
        } else {
            Err(faults)
        }
    }

    /// Looks at one change alone, by its text.
    pub(crate) fn check_change(&self, change: &Change<'_>) -> Result<(), Error> {
        let name = change.name.relative();
        let leaf = name.rsplit('.').next().unwrap_or_default();
        let empty = change.value.is_empty();
        let good = match (change.op, leaf) {
            (Op::Delete, _) => return self.check_deletion(name),
            (Op::Add, _) => return Ok(()),
            (_, "RadiusServerIPAddr" | "SecondaryRadiusServerIPAddr") => {
                empty || change.value.parse::<IpAddr>().is_ok()
            }
            (_, "RadiusServerPort" | "SecondaryRadiusServerPort") => {
                change.value.parse::<u16>().is_ok_and(|port| port > 0)
            }
            (_, "KeyPassphrase") => empty || change.value.bytes().all(|byte| (b' '..=b'~').contains(&byte)),
            (_, "PreSharedKey") => empty || change.value.len() == PSK,
            (_, "SAEPassphrase") => change.value.len() <= SAE && !change.value.chars().any(char::is_control),
            (_, "RadiusSecret" | "SecondaryRadiusSecret") => !change.value.chars().any(char::is_control),
            (_, "SSID") => change.value.len() <= MAX_SSID,
            (_, "ModeEnabled" | "OperatingFrequencyBand" | "OperatingStandards") => !empty,
            (_, "LowerLayers") => !empty || !self.is_found(name),
            _ => true,
        };
        // The value may be a secret.
        good.then_some(()).ok_or_else(|| Error::value(format!("{leaf} cannot have that value")))
    }

    /// Whether a parameter of a network is of one that the device has.
    fn is_found(&self, name: &str) -> bool {
        let table = Table::Ssid.path();
        let Some((number, _)) = cwmp_plugin_sdk::split_row(name, table) else { return false };
        let row = format!("Device.{table}{number}");
        let added = self.settings.row_numbers(table);
        matches!(self.numbers.referred(Table::Ssid, &row, &added), Some(RowId::Found(_)))
    }

    fn check_deletion(&self, name: &str) -> Result<(), Error> {
        let added = |table: Table| {
            let rest = name.strip_prefix(table.path())?.strip_suffix('.')?;
            let number: u32 = rest.parse().ok()?;
            Some(self.settings.row_numbers(table.path()).contains(&number))
        };
        let tables = [Table::Ssid, Table::AccessPoint, Table::EndPoint];
        match tables.into_iter().find_map(added) {
            Some(false) => Err(Error::denied("it is of the device and cannot be deleted")),
            _ => Ok(()),
        }
    }
}

impl Checked for Radio {
    fn faults(edit: &Edit<Self>, known: &Known<'_>) -> Vec<ChangeFault> {
        let mut faults = Faults::of(edit);
        let (Some(new), Some(node)) = (&edit.new, known.tree.radio(&edit.at.row.key)) else {
            return faults.found;
        };
        let band = words::parse_band(&new.operating_frequency_band);
        let ability = band.and_then(|band| planner::ability(node, band));
        let unset = new.operating_frequency_band.is_empty();
        let has_band = unset || band.is_some() && (node.facts.is_none() || ability.is_some());
        faults.want("OperatingFrequencyBand", has_band, "the radio does not have this band");
        let channel = new.channel.and_then(|channel| u16::try_from(channel).ok());
        // Under another law there may be other channels; the kernel will say.
        let other_law = edit.sets("RegulatoryDomain");
        let may = |number: u16| match ability {
            Some(ability) if !other_law => ability
                .channels
                .iter()
                .any(|channel| channel.number == number && !channel.disabled && !channel.no_start),
            _ => band.is_some_and(|band| frequency_of(band, number).is_some()),
        };
        let channel = channel.filter(|channel| *channel > 0);
        faults.want("Channel", channel.is_none_or(may), "no channel to be used in this band and country");
        let standard = |word: &String| {
            let standard = words::parse_standard(word);
            standard
                .is_some_and(|standard| ability.is_none_or(|ability| ability.standards.contains(&standard)))
        };
        let standards = new.operating_standards.iter().all(standard);
        faults.want("OperatingStandards", standards, "the radio does not speak that in this band");
        let width = new.operating_channel_bandwidth.width();
        let width = width.is_none_or(|width| ability.is_none_or(|ability| ability.widths.contains(&width)));
        faults.want("OperatingChannelBandwidth", width, "the radio cannot do that in this band");
        let powers = crate::view::powers_of(node);
        faults.want("TransmitPower", powers.contains(&new.transmit_power), "none of TransmitPowerSupported");
        let chooses = node.service.is_some_and(|index| known.world.services[index].abilities.chooses_channel);
        faults.want(
            "AutoChannelEnable",
            !new.auto_channel_enable || chooses,
            "no channel can be chosen here",
        );
        let spectrum = !new.spectrum_enabled || band == Some(crate::facts::Band::Five);
        faults.want("IEEE80211hEnabled", spectrum, "only at 5 GHz");
        faults.found
    }
}

impl Checked for Ssid {
    fn faults(edit: &Edit<Self>, known: &Known<'_>) -> Vec<ChangeFault> {
        let mut faults = Faults::of(edit);
        let Some(new) = &edit.new else { return faults.found };
        let node = known.tree.ssid(&id(&edit.at.row));
        if node.is_some_and(|node| node.joined.is_some()) {
            for name in ["SSID", "Enable", "LowerLayers"].into_iter().filter(|name| edit.sets(name)) {
                faults.refuse(name, Error::denied(format!("{name} follows the end point on this interface")));
            }
            return faults.found;
        }
        if edit.old.is_none() {
            let most: u32 = known.tree.radios.iter().filter_map(|radio| most_networks(known, radio)).sum();
            let there = known.tree.ssids.iter().filter(|ssid| ssid.joined.is_none()).count();
            if u32::try_from(there).is_ok_and(|there| there >= most) {
                faults.refuse("", Error::resources(format!("the radios take {most} networks and no more")));
            }
        }
        if edit.sets("LowerLayers") {
            let layers = new.lower_layers.as_deref().unwrap_or_default();
            lower_layers(&mut faults, known, layers);
        }
        faults.found
    }
}

fn lower_layers(faults: &mut Faults<'_, Ssid>, known: &Known<'_>, layers: &str) {
    let own = id(&faults.edit.at.row);
    let node = known.tree.ssid(&own);
    if layers.is_empty() {
        return;
    }
    let Some(RowId::Found(radio)) = known.plugin.numbers.referred(Table::Radio, layers, &[]) else {
        return faults.refuse("LowerLayers", Error::value("LowerLayers: not one radio"));
    };
    let Some(radio) = known.tree.radio(&radio) else {
        return faults.refuse("LowerLayers", Error::value("LowerLayers: no such radio"));
    };
    let before = node.and_then(|node| node.radio.as_ref());
    if before == Some(&radio.key) {
        return;
    }
    if matches!(own, RowId::Found(_)) {
        return faults.refuse("LowerLayers", Error::denied("the interface of this network is on its radio"));
    }
    let most = most_networks(known, radio).unwrap_or(0);
    let there = known.tree.ssids.iter().filter(|ssid| ssid.radio.as_ref() == Some(&radio.key));
    let there = there.filter(|ssid| ssid.joined.is_none() && ssid.id != own).count();
    if u32::try_from(there).is_ok_and(|there| there >= most) {
        faults
            .refuse("LowerLayers", Error::resources(format!("the radio takes {most} networks and no more")));
    }
}

/// How many networks a radio takes; `None`: nobody runs any on it.
fn most_networks(known: &Known<'_>, radio: &RadioNode) -> Option<u32> {
    let service = known.world.services.get(radio.service?)?.abilities.networks;
    let kernel = radio.facts.as_ref().map_or(u32::MAX, |facts| facts.max_access_points);
    Some(service.min(kernel))
}

impl Checked for AccessPoint {
    fn faults(edit: &Edit<Self>, known: &Known<'_>) -> Vec<ChangeFault> {
        let mut faults = Faults::of(edit);
        let Some(new) = &edit.new else { return faults.found };
        if edit.sets("SSIDReference") {
            let reference = new.ssid_reference.as_deref().unwrap_or_default();
            let added = known.plugin.settings.row_numbers(Table::Ssid.path());
            let row = known.plugin.numbers.referred(Table::Ssid, reference, &added);
            let node = row.as_ref().and_then(|row| known.tree.ssid(row));
            faults.want("SSIDReference", reference.is_empty() || node.is_some(), "no such network");
            let station = node.is_some_and(|node| node.joined.is_some());
            faults.want("SSIDReference", !station, "this network is an end point's");
        }
        let uapsd = !new.uapsd_enable || new.wmm_enable || edit.old.is_none();
        faults.want("UAPSDEnable", uapsd, "it needs WMM");
        faults.found
    }
}

/// The modes that an access point may have: of the services, as long as it is not known which will run it.
fn modes(known: &Known<'_>, ap: &RowId) -> Vec<Mode> {
    let node = known.tree.access_points.iter().find(|node| node.id == *ap);
    let ssid = node.and_then(|node| known.tree.ssid(node.ssid.as_ref()?));
    let radio = ssid.and_then(|ssid| known.tree.radio(ssid.radio.as_ref()?));
    let service = radio.and_then(|radio| known.world.services.get(radio.service?));
    match service {
        Some(service) => service.abilities.modes.clone(),
        None => known.world.services.iter().flat_map(|service| service.abilities.modes.clone()).collect(),
    }
}

impl Checked for Security {
    fn faults(edit: &Edit<Self>, known: &Known<'_>) -> Vec<ChangeFault> {
        let mut faults = Faults::of(edit);
        let Some(new) = &edit.new else { return faults.found };
        let mode = words::parse_mode(&new.mode_enabled);
        let modes = modes(known, &id(&edit.at.row));
        faults.want(
            "ModeEnabled",
            new.mode_enabled.is_empty() || mode.is_some_and(|mode| modes.contains(&mode)),
            "none of ModesSupported",
        );
        let row = id(&edit.at.row);
        let node = known.tree.access_points.iter().find(|node| node.id == row);
        let mode = mode.or_else(|| node.map(|node| node.settings.security.mode));
        let may = matches!(row, RowId::Found(_)) && !mode.is_some_and(Mode::is_enterprise);
        faults.want(
            "Reset",
            !new.reset || may,
            "there are no values of the factory, or the mode is Enterprise",
        );
        faults.found
    }
}

impl Checked for Wps {
    fn faults(edit: &Edit<Self>, known: &Known<'_>) -> Vec<ChangeFault> {
        let mut faults = Faults::of(edit);
        let Some(new) = &edit.new else { return faults.found };
        let all = known.world.services.iter().flat_map(|service| service.abilities.wps.clone());
        let all: Vec<&str> = all.collect();
        let good = |word: &String| words::parse_method(word).is_some_and(|method| all.contains(&method));
        let good = new.config_methods_enabled.iter().all(good);
        faults.want("ConfigMethodsEnabled", good, "none of ConfigMethodsSupported");
        faults.found
    }
}

impl Checked for EndPoint {
    fn faults(edit: &Edit<Self>, known: &Known<'_>) -> Vec<ChangeFault> {
        let mut faults = Faults::of(edit);
        let Some(new) = &edit.new else { return faults.found };
        let reference = new.profile_reference.as_deref().unwrap_or_default();
        let table = format!("Device.{}{}.Profile.", Table::EndPoint.path(), edit.at.row.number);
        let number = reference.strip_prefix(&table).map(|number| number.trim_end_matches('.'));
        let number = number.and_then(|number| number.parse().ok());
        let numbers = known.plugin.settings.row_numbers(table.trim_start_matches("Device."));
        let good = reference.is_empty() || number.is_some_and(|number| numbers.contains(&number));
        faults.want("ProfileReference", good, "no profile of this end point");
        faults.found
    }
}

impl Checked for EndPointSecurity {
    fn faults(_: &Edit<Self>, _: &Known<'_>) -> Vec<ChangeFault> {
        Vec::new()
    }
}

impl Checked for EndPointWps {
    fn faults(edit: &Edit<Self>, known: &Known<'_>) -> Vec<ChangeFault> {
        let mut faults = Faults::of(edit);
        let Some(new) = &edit.new else { return faults.found };
        let stations = &known.world.stations;
        // A new row has the standard's default, whatever the service can do; it then reads as false.
        let able = stations.away || !stations.wps.is_empty() || edit.old.is_none();
        faults.want("Enable", able || !new.enable, "the service is built without WPS");
        let good =
            |word: &String| words::parse_method(word).is_some_and(|method| stations.wps.contains(&method));
        let good = new.config_methods_enabled.iter().all(good);
        faults.want("ConfigMethodsEnabled", good, "none of ConfigMethodsSupported");
        faults.found
    }
}

impl Checked for Profile {
    fn faults(_: &Edit<Self>, _: &Known<'_>) -> Vec<ChangeFault> {
        Vec::new()
    }
}

impl Checked for ProfileSecurity {
    fn faults(edit: &Edit<Self>, known: &Known<'_>) -> Vec<ChangeFault> {
        let mut faults = Faults::of(edit);
        let Some(new) = &edit.new else { return faults.found };
        let mode = words::parse_mode(&new.mode_enabled);
        let good = new.mode_enabled.is_empty()
            || mode.is_some_and(|mode| known.world.stations.modes.contains(&mode));
        faults.want("ModeEnabled", good, "none of ModesSupported");
        faults.found
    }
}
