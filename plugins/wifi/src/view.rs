//! What is known, in the form that is read: rows of typed objects.

use cwmp_plugin_sdk::{At, Error, Host, Object, Row, Rows};

use crate::facts::{Band, BandAbility, Standard, Width};
use crate::objects::{
    AccessPoint, AssociatedDevice, Bandwidth, Current, EndPoint, EndPointSecurity, EndPointWps, Extension,
    Guard, Profile, ProfileSecurity, Radio, Security, Ssid, Wps, WpsStatus,
};
use crate::plan::{Mode, Tuning};
use crate::planner;
use crate::row_id::RowId;
use crate::snapshot::Snapshot;
use crate::tree::{EndPointNode, RadioNode, SsidNode};
use crate::words;

/// Percent of the power that a radio may have: 0, -3, -6 and -9 dB.
pub(crate) const POWERS: [(i32, u32); 4] = [(12, 900), (25, 600), (50, 300), (100, 0)];

/// Everything that is pushed.
pub(crate) struct View {
    pub(crate) radios: Rows<Radio>,
    pub(crate) ssids: Rows<Ssid>,
    pub(crate) access_points: Rows<AccessPoint>,
    pub(crate) security: Rows<Security>,
    pub(crate) wps: Rows<Wps>,
    pub(crate) devices: Rows<AssociatedDevice>,
    pub(crate) end_points: Rows<EndPoint>,
    pub(crate) end_point_security: Rows<EndPointSecurity>,
    pub(crate) end_point_wps: Rows<EndPointWps>,
    pub(crate) profile_security: Rows<ProfileSecurity>,
    pub(crate) profiles: Rows<Profile>,
}

/// A look at what is known.
pub(crate) struct Viewer<'a> {
    pub(crate) host: &'a Host,
    pub(crate) snapshot: &'a Snapshot,
}

/// What a reference to a row holds.
fn path<O: Object>(host: &Host, at: impl Into<At>) -> Result<String, Error> {
    host.path_of::<O>(at).map(|path| path.trim_end_matches('.').to_owned())
}

fn maybe<O: Object>(host: &Host, id: Option<&RowId>) -> Result<String, Error> {
    id.map_or(Ok(String::new()), |id| path::<O>(host, Row::from(id)))
}

impl Viewer<'_> {
    /// Everything that is pushed.
    pub(crate) fn all(&self) -> View {
        View {
            radios: self.radios(),
            ssids: self.ssids(),
            access_points: self.access_points(),
            security: self.security(),
            wps: self.wps(),
            devices: self.devices(),
            end_points: self.end_points(),
            end_point_security: self.end_point_security(),
            end_point_wps: self.end_point_wps(),
            profile_security: self.profile_security(),
            profiles: self.profiles(),
        }
    }

    pub(crate) fn radios(&self) -> Rows<Radio> {
        let tree = &self.snapshot.tree;
        tree.radios.iter().map(|radio| (radio.key.as_str(), self.radio(radio))).collect()
    }

    fn radio(&self, radio: &RadioNode) -> Radio {
        let (world, tree) = (&self.snapshot.world, &self.snapshot.tree);
        let settings = planner::radio_settings(world, tree, &self.snapshot.bases, radio);
        let frequency = planner::frequency(tree, world, radio);
        let band = radio.wish.band.or_else(|| frequency.and_then(Band::of)).or(settings.band);
        let ability = band.and_then(|band| planner::ability(radio, band));
        let bands: Vec<String> = match &radio.facts {
            Some(facts) => facts.bands.iter().map(|ability| words::band(ability.band).to_owned()).collect(),
            None => band.map(|band| words::band(band).to_owned()).into_iter().collect(),
        };
        let standards = |list: &[Standard]| list.iter().map(|s| words::standard(*s).to_owned()).collect();
        let operating = radio.wish.standards.clone().or(settings.standards.clone());
        let supported: Vec<Standard> = match ability {
            Some(ability) => ability.standards.clone(),
            None => operating.clone().unwrap_or_default(),
        };
        let current = self.snapshot.channel(radio);
        // While nothing is on the air, the channel is what it will be.
        let channel = current.or(match settings.channel {
            Some(Tuning::Number(number)) => Some(number),
            _ => None,
        });
        let abilities = radio.service.map(|index| &world.services[index].abilities);
        let widths = ability.map(|ability| ability.widths.clone()).unwrap_or_default();
        let mut bandwidths: Vec<Bandwidth> = widths.iter().map(|width| Bandwidth::from(*width)).collect();
        bandwidths.push(Bandwidth::Auto);
        let width = radio
            .interfaces
            .iter()
            .find_map(|interface| interface.width.filter(|_| interface.frequency.is_some()));
        let five = bands.iter().any(|band| band == "5GHz");
        let networks = radio.facts.as_ref().map(|facts| facts.max_access_points);
        let networks = networks.into_iter().chain(abilities.map(|abilities| abilities.networks)).min();
        Radio {
            enable: radio.enabled(),
            status: self.snapshot.radio_status(radio),
            last_change: self.snapshot.radio_last_change(&radio.key),
            name: radio.name.clone(),
            upstream: tree.ssids.iter().any(|s| s.radio.as_ref() == Some(&radio.key) && s.joined.is_some()),
            max_bit_rate: ability.map(|ability| ability.max_rate),
            supported_frequency_bands: bands,
            operating_frequency_band: band.map(|band| words::band(band).to_owned()).unwrap_or_default(),
            operating_standards: standards(operating.as_ref().unwrap_or(&supported)),
            supported_standards: standards(&supported),
            possible_channels: ability.map_or_else(|| channel.iter().map(u16::to_string).collect(), possible),
            channels_in_use: self.channels_in_use(radio),
            channel: channel.map(u32::from),
            auto_channel_supported: abilities.is_some_and(|abilities| abilities.chooses_channel),
            auto_channel_enable: radio.wish.auto.unwrap_or(settings.channel == Some(Tuning::Auto)),
            channel_last_change: self.snapshot.channel_last_change(&radio.key),
            max_supported_ssids: networks.filter(|networks| *networks > 0),
            supported_operating_channel_bandwidths: bandwidths,
            operating_channel_bandwidth: radio
                .wish
                .width
                .unwrap_or_else(|| settings.width.map_or(Bandwidth::Auto, Bandwidth::from)),
            current_operating_channel_bandwidth: width.map(|width: Width| Current::from(width)),
            extension_channel: radio.wish.extension.unwrap_or(match settings.extension_above {
                Some(true) => Extension::AboveControlChannel,
                Some(false) => Extension::BelowControlChannel,
                None => Extension::Auto,
            }),
            guard_interval: radio.wish.guard.unwrap_or(match settings.short_guard {
                Some(true) => Guard::Short,
                Some(false) => Guard::Long,
                None => Guard::Auto,
            }),
            mcs: -1,
            transmit_power_supported: powers_of(radio),
            transmit_power: radio.wish.power.unwrap_or_else(|| power_of(radio, ability)),
            spectrum_supported: five,
            spectrum_enabled: settings.spectrum.unwrap_or(false),
            regulatory_domain: self.country(radio),
            beacon_period: Some(settings.beacon_interval.map_or(100, u32::from)),
            dtim_period: Some(settings.dtim_period.map_or(2, u32::from)),
            rts_threshold: Some(settings.rts_threshold.map_or(2347, u32::from)),
            fragmentation_threshold: Some(settings.fragmentation_threshold.map_or(2346, u32::from)),
            supported_data_transmit_rates: ability
                .map(|ability| ability.rates.iter().map(f64::to_string).collect())
                .unwrap_or_default(),
        }
    }

    fn country(&self, radio: &RadioNode) -> Result<String, Error> {
        if let Some(country) = &radio.wish.country {
            return Ok(country.clone());
        }
        let air = &self.snapshot.world.air;
        if air.failure.is_some() {
            return Err(Error::internal("the kernel does not tell"));
        }
        let country = air.country.as_ref().filter(|country| country.as_str() != "00");
        let country = country.map(|country| format!("{country} "));
        country.ok_or_else(|| Error::name("the law in force is that of no country"))
    }

    fn channels_in_use(&self, radio: &RadioNode) -> Vec<String> {
        let running =
            self.snapshot.tree.ssids.iter().filter(|s| s.radio.as_ref() == Some(&radio.key) && !s.away);
        let frequencies = running.filter_map(|ssid| ssid.running.as_ref()?.frequency);
        let all = radio.interfaces.iter().filter_map(|interface| interface.frequency).chain(frequencies);
        let mut channels: Vec<u16> = all.filter_map(crate::facts::channel_of).collect();
        channels.sort_unstable();
        channels.dedup();
        channels.iter().map(u16::to_string).collect()
    }

    pub(crate) fn ssids(&self) -> Rows<Ssid> {
        let ssids = self.snapshot.tree.ssids.iter();
        ssids.map(|ssid| (Row::from(&ssid.id), self.ssid(ssid))).collect()
    }

    fn ssid(&self, ssid: &SsidNode) -> Ssid {
        let radio = ssid.radio.as_deref().map(|key| path::<Radio>(self.host, key));
        let (mac, bssid) = match (&ssid.joined, &ssid.running) {
            _ if ssid.away => (ssid.mac, None),
            (Some(joined), _) => (ssid.mac, joined.bssid.filter(|_| joined.connected)),
            // The two are one, as the standard has it.
            (None, Some(running)) => (running.bssid.or(ssid.mac), running.bssid.or(ssid.mac)),
            (None, None) => (None, None),
        };
        let text = |mac: Option<crate::facts::Mac>| mac.map(|mac| mac.to_string()).unwrap_or_default();
        Ssid {
            enable: ssid.enabled,
            status: self.snapshot.ssid_status(ssid),
            last_change: self.snapshot.ssid_last_change(&ssid.id),
            name: ssid.interface.clone().unwrap_or_default(),
            lower_layers: radio.unwrap_or_else(|| Ok(String::new())),
            upstream: ssid.joined.is_some(),
            bssid: text(bssid),
            mac_address: text(mac),
            network: ssid.ssid.text(),
            mld_unit: -1,
        }
    }

    pub(crate) fn access_points(&self) -> Rows<AccessPoint> {
        let all = self.snapshot.tree.access_points.iter();
        all.map(|ap| {
            let settings = &ap.settings;
            let listed = || settings.allowed.as_ref().map(|macs| words::macs(macs));
            let allowed = ap.wish.allowed_text.clone().or_else(listed);
            let row = AccessPoint {
                enable: ap.enabled,
                status: self.snapshot.ap_status(ap),
                ssid_reference: maybe::<Ssid>(self.host, ap.ssid.as_ref()),
                advertised: settings.advertised,
                wmm_capability: true,
                uapsd_capability: true,
                wmm_enable: settings.wmm,
                uapsd_enable: settings.uapsd,
                isolation_enable: settings.isolated,
                max_allowed_associations: settings.max_stations.unwrap_or(0),
                mac_address_control_enabled: settings.allowed.is_some(),
                allowed_mac_address: allowed.unwrap_or_default(),
            };
            (Row::from(&ap.id), row)
        })
        .collect()
    }

    /// How a network may be protected: by the service of its radio, or, without one, by any.
    fn modes(&self, ap: &crate::tree::ApNode) -> Vec<Mode> {
        let (world, tree) = (&self.snapshot.world, &self.snapshot.tree);
        let radio =
            ap.ssid.as_ref().and_then(|id| tree.ssid(id)).and_then(|ssid| tree.radio(ssid.radio.as_ref()?));
        let service = radio.and_then(|radio| radio.service).map(|index| &world.services[index]);
        service.or(world.services.first()).map(|service| service.abilities.modes.clone()).unwrap_or_default()
    }

    pub(crate) fn security(&self) -> Rows<Security> {
        let all = self.snapshot.tree.access_points.iter();
        all.map(|ap| {
            let security = &ap.settings.security;
            let modes = self.modes(ap).into_iter().map(|mode| words::mode(mode).to_owned());
            let row = Security {
                modes_supported: modes.collect(),
                mode_enabled: words::mode(security.mode).to_owned(),
                rekeying_interval: security.rekey,
                radius_server: security.radius.as_ref().map(|radius| radius.ip),
                radius_server_port: port(security.radius.as_ref(), ap.wish.security.radius.port),
                secondary_radius_server: security.second_radius.as_ref().map(|radius| radius.ip),
                secondary_radius_server_port: port(
                    security.second_radius.as_ref(),
                    ap.wish.security.second_radius.port,
                ),
                mfp_config: security.mfp.into(),
                ..Security::blank()
            };
            (Row::from(&ap.id), row)
        })
        .collect()
    }

    pub(crate) fn wps(&self) -> Rows<Wps> {
        let (world, tree) = (&self.snapshot.world, &self.snapshot.tree);
        let row = |ap: &crate::tree::ApNode| {
            let ssid = ap.ssid.as_ref().and_then(|id| tree.ssid(id));
            let radio = ssid.and_then(|ssid| tree.radio(ssid.radio.as_ref()?));
            let service = radio.and_then(|radio| radio.service).or((!world.services.is_empty()).then_some(0));
            let known = service.map(|index| world.services[index].abilities.wps.clone()).unwrap_or_default();
            let enabled = ap.wish.methods.clone().or_else(|| ap.settings.wps.clone()).unwrap_or_default();
            let on =
                ap.settings.wps.is_some() && self.snapshot.ap_status(ap) == crate::objects::Service::Enabled;
            Wps {
                enable: ap.wish.wps.unwrap_or(ap.settings.wps.is_some()),
                config_methods_supported: methods(&known),
                config_methods_enabled: methods(&enabled),
                status: if on { WpsStatus::Configured } else { WpsStatus::Disabled },
            }
        };
        tree.access_points.iter().map(|ap| (Row::from(&ap.id), row(ap))).collect()
    }

    pub(crate) fn devices(&self) -> Rows<AssociatedDevice> {
        let mut rows = Rows::new();
        for ap in &self.snapshot.tree.access_points {
            let Some(ssid) = ap.ssid.as_ref().and_then(|id| self.snapshot.tree.ssid(id)) else { continue };
            if self.snapshot.tree.access_point_of(&ssid.id).is_some_and(|first| first.id != ap.id) {
                continue;
            }
            for mac in Snapshot::stations(ssid) {
                let device = AssociatedDevice {
                    mac_address: mac.to_string(),
                    authentication_state: true,
                    active: true,
                    ..AssociatedDevice::blank()
                };
                rows.push((Row::from(&ap.id), mac.to_string()), device);
            }
        }
        rows
    }

    pub(crate) fn end_points(&self) -> Rows<EndPoint> {
        let row = |end_point: &EndPointNode| EndPoint {
            enable: end_point.enabled(),
            status: self.snapshot.end_point_status(end_point),
            profile_reference: self.profile_reference(end_point),
            ssid_reference: self.ssid_reference(end_point),
        };
        let all = self.snapshot.tree.end_points.iter();
        all.map(|end_point| (Row::from(&end_point.id), row(end_point))).collect()
    }

    fn profile_reference(&self, end_point: &EndPointNode) -> Result<String, Error> {
        let number = end_point.wish.profile.or_else(|| self.snapshot.active(end_point));
        let Some(number) = number else { return Ok(String::new()) };
        path::<Profile>(self.host, (Row::from(&end_point.id), number))
    }

    /// The row of the network's interface; empty as long as no profile is chosen or in use.
    fn ssid_reference(&self, end_point: &EndPointNode) -> Result<String, Error> {
        let used = end_point.wish.profile.or_else(|| self.snapshot.active(end_point));
        let connected = end_point.joined.as_ref().is_some_and(|joined| joined.connected);
        if used.is_none() && !connected {
            return Ok(String::new());
        }
        let own = self.snapshot.tree.ssids.iter().find(|ssid| ssid.interface == end_point.interface);
        maybe::<Ssid>(self.host, own.map(|ssid| &ssid.id))
    }

    pub(crate) fn end_point_security(&self) -> Rows<EndPointSecurity> {
        let modes =
            || self.snapshot.world.stations.modes.iter().map(|mode| words::mode(*mode).to_owned()).collect();
        let all = self.snapshot.tree.end_points.iter();
        all.map(|end_point| (Row::from(&end_point.id), EndPointSecurity { modes_supported: modes() }))
            .collect()
    }

    pub(crate) fn end_point_wps(&self) -> Rows<EndPointWps> {
        let supported = &self.snapshot.world.stations.wps;
        let row = |end_point: &EndPointNode| {
            let on = end_point.joined.as_ref().map(|joined| joined.wps.clone()).unwrap_or_default();
            let is_on = !on.is_empty() && !end_point.away && end_point.enabled();
            // What was set before the service was replaced by one without WPS is not in force.
            let able = end_point.away || !supported.is_empty();
            let enable = able && end_point.wish.wps.unwrap_or(!on.is_empty());
            let enabled = end_point.wish.methods.clone().unwrap_or(on);
            let missing = enable && !enabled.is_empty() && end_point.enabled() && !is_on;
            EndPointWps {
                enable,
                config_methods_supported: methods(supported),
                config_methods_enabled: methods(&enabled),
                status: match (is_on, missing) {
                    (true, _) => WpsStatus::Configured,
                    (false, true) => WpsStatus::Error,
                    (false, false) => WpsStatus::Disabled,
                },
            }
        };
        let all = self.snapshot.tree.end_points.iter();
        all.map(|end_point| (Row::from(&end_point.id), row(end_point))).collect()
    }

    pub(crate) fn profiles(&self) -> Rows<Profile> {
        let mut rows = Rows::new();
        for end_point in &self.snapshot.tree.end_points {
            for (number, wish) in &end_point.wish.profiles {
                let profile = Profile {
                    enable: wish.enable,
                    status: self.snapshot.profile_status(end_point, *number),
                    ssid: wish.ssid.text(),
                    location: wish.location.clone(),
                    priority: wish.priority.into(),
                };
                rows.push((Row::from(&end_point.id), Row::numbered(*number).deletable()), profile);
            }
        }
        rows
    }

    pub(crate) fn profile_security(&self) -> Rows<ProfileSecurity> {
        let mut rows = Rows::new();
        for end_point in &self.snapshot.tree.end_points {
            for (number, wish) in &end_point.wish.profiles {
                let security = planner::profile_security(&wish.security);
                let profile = ProfileSecurity {
                    mode_enabled: words::mode(security.mode).to_owned(),
                    mfp_config: security.mfp.into(),
                    ..ProfileSecurity::blank()
                };
                rows.push((Row::from(&end_point.id), Row::numbered(*number)), profile);
            }
        }
        rows
    }
}

/// The standard's words for methods of WPS.
fn methods(all: &[&'static str]) -> Vec<String> {
    all.iter().filter_map(|method| words::method(method)).map(str::to_owned).collect()
}

fn port(radius: Option<&crate::plan::Radius>, wish: Option<u16>) -> u32 {
    let port = radius.map(|radius| radius.port).or(wish);
    port.unwrap_or(planner::RADIUS_PORT).into()
}

/// Percent of the power that a radio can be told to have.
pub(crate) fn powers_of(radio: &RadioNode) -> Vec<i32> {
    match radio.facts {
        Some(_) => POWERS.iter().map(|(percent, _)| *percent).collect(),
        // Nobody can be told.
        None => vec![100],
    }
}

/// The channels that the law allows to use.
fn possible(ability: &BandAbility) -> Vec<String> {
    let allowed = ability.channels.iter().filter(|channel| !channel.disabled && !channel.no_start);
    allowed.map(|channel| channel.number.to_string()).collect()
}

/// The power that a radio has, as the nearest of those that it can be told to have.
fn power_of(radio: &RadioNode, ability: Option<&BandAbility>) -> i32 {
    let on = radio.interfaces.iter().find_map(|interface| Some((interface.power?, interface.frequency?)));
    let most = on.and_then(|(_, frequency)| {
        let channel = ability?.channels.iter().find(|channel| channel.frequency == frequency)?;
        i32::try_from(channel.max_power).ok()
    });
    let Some(((power, _), most)) = on.zip(most) else { return 100 };
    let below = u32::try_from(most - power).unwrap_or(0);
    POWERS.iter().min_by_key(|(_, less)| less.abs_diff(below)).map_or(100, |(percent, _)| *percent)
}
