//! The three back ends as they would be: a scene in memory that plugin and test share.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use cwmp_plugin_sdk::Config;

use crate::back_end::{
    AccessPoints, Air, ApAbilities, EndPoints, Event, Events, Failure, Joined, Progress, Running,
};
use crate::back_ends::{BackEnds, Preference};
use crate::facts::{
    frequency_of, Band, BandAbility, Channel, Interface, Mac, Neighbour, Radio, Role, Ssid, Standard,
    Station, Survey, Width,
};
use crate::plan::{BssSettings, Mode, RadioPlan, RadioSettings, Secret, Security, StationPlan, Tuning};

/// All that there is in the world of one test.
#[derive(Default)]
pub(crate) struct Scene {
    pub(crate) radios: Vec<Radio>,
    pub(crate) interfaces: Vec<Interface>,
    pub(crate) country: String,
    /// Laws that the kernel takes.
    pub(crate) laws: BTreeSet<String>,
    /// By service.
    pub(crate) running: BTreeMap<&'static str, Vec<Running>>,
    pub(crate) joined: Vec<Joined>,
    /// What the service of stations knows of WPS, and what the image has it do.
    pub(crate) station_wps: (Vec<&'static str>, Vec<&'static str>),
    pub(crate) stations: BTreeMap<u32, Vec<Station>>,
    /// What interfaces hear; nothing where it is not said.
    pub(crate) neighbours: BTreeMap<u32, Result<Vec<Neighbour>, Failure>>,
    /// Services that are not there.
    pub(crate) away: BTreeSet<&'static str>,
    /// The next plans are refused, with this said; the radio is left half changed.
    pub(crate) refuse: Option<String>,
    /// The next plans for this radio are refused, and change nothing.
    pub(crate) refuse_on: Option<String>,
    pub(crate) plans: Vec<RadioPlan>,
    pub(crate) station_plans: Vec<StationPlan>,
    /// What else was done.
    pub(crate) told: Vec<String>,
    pub(crate) looks: u32,
    /// The kernel says nothing.
    pub(crate) mute: bool,
    events: Option<Events>,
}

/// A scene, from inside and from outside.
#[derive(Clone)]
pub(crate) struct Twin(Arc<Mutex<Scene>>);

static SCENES: Mutex<BTreeMap<u32, Twin>> = Mutex::new(BTreeMap::new());
static NEXT: AtomicU32 = AtomicU32::new(1);

/// The twin that a configuration names.
pub(crate) fn back_ends(config: &Config, events: &Events) -> Option<BackEnds> {
    let number: u32 = config.number("twin").ok().flatten()?;
    let twin = SCENES.lock().unwrap_or_else(PoisonError::into_inner).get(&number)?.clone();
    twin.scene().events = Some(events.clone());
    let service = |name| Rc::new(Service { twin: twin.clone(), name });
    Some(BackEnds {
        air: Rc::new(twin.clone()),
        access_points: vec![service("hostapd"), service("wpa_supplicant")],
        end_points: Some(Rc::new(twin)),
        preference: Preference {
            wanted: BTreeMap::new(),
            order: vec!["hostapd".to_owned(), "wpa_supplicant".to_owned()],
        },
    })
}

impl Twin {
    /// An empty world, and the configuration that leads to it.
    pub(crate) fn new() -> (Self, String) {
        let scene = Scene {
            country: "DE".into(),
            station_wps: (vec!["push_button", "display"], Vec::new()),
            laws: ["DE", "US"].map(str::to_owned).into(),
            away: BTreeSet::new(),
            running: BTreeMap::from([("hostapd", Vec::new()), ("wpa_supplicant", Vec::new())]),
            ..Scene::default()
        };
        let twin = Self(Arc::new(Mutex::new(scene)));
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        SCENES.lock().unwrap_or_else(PoisonError::into_inner).insert(number, twin.clone());
        (twin, format!("{{\"twin\":{number}}}"))
    }

    /// Two radios: `phy0` with `wlan0`, on which the image's hostapd runs the network `Image`; `phy1` with `wlan1` idle.
    pub(crate) fn box_of_two() -> (Self, String) {
        let (twin, config) = Self::new();
        {
            let mut scene = twin.scene();
            scene.radios = vec![radio(0), radio(1)];
            scene.interfaces = vec![interface(0, 3, "wlan0"), interface(1, 4, "wlan1")];
            scene.interfaces[0].role = Role::AccessPoint;
            scene.interfaces[0].frequency = Some(2437);
            scene.interfaces[0].width = Some(Width::W20);
            scene.interfaces[0].up = true;
            scene.running.insert("hostapd", vec![image_network("wlan0")]);
        }
        (twin, config)
    }

    pub(crate) fn scene(&self) -> MutexGuard<'_, Scene> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the world, and tells of it.
    pub(crate) fn change(&self, event: Event, change: impl FnOnce(&mut Scene)) {
        let mut scene = self.scene();
        change(&mut scene);
        let events = scene.events.clone();
        drop(scene);
        if let Some(events) = events {
            let _ = events.send(event);
        }
    }

    /// What is on the air by a service: interface, name, mode, passphrase.
    pub(crate) fn on_air(&self, service: &str) -> Vec<(String, String, Mode, String)> {
        let scene = self.scene();
        let running = scene.running.get(service).into_iter().flatten();
        running
            .filter(|running| running.progress == Progress::On)
            .map(|running| {
                let security = &running.settings.security;
                (
                    running.interface.clone(),
                    running.settings.ssid.text(),
                    security.mode,
                    security.passphrase.reveal().to_owned(),
                )
            })
            .collect()
    }
}

/// A radio of two bands that takes four networks.
pub(crate) fn radio(index: u32) -> Radio {
    use Standard::{Ac, A, B, G, N};
    let channels = |band: Band, numbers: &[u16]| -> Vec<Channel> {
        let channel = |number: &u16| Channel {
            number: *number,
            frequency: frequency_of(band, *number).unwrap(),
            disabled: *number == 14,
            no_start: false,
            radar: *number == 52,
            max_power: 2000,
        };
        numbers.iter().map(channel).collect()
    };
    let ability = |band, standards: &[Standard], numbers: &[u16], widths: &[Width]| BandAbility {
        band,
        standards: standards.to_vec(),
        widths: widths.to_vec(),
        channels: channels(band, numbers),
        rates: vec![1.0, 5.5, 54.0],
        max_rate: 300,
        streams: 2,
        short_guard: (true, true),
    };
    Radio {
        index,
        name: format!("phy{index}"),
        key: format!("02:00:00:00:0{index}:00"),
        bands: vec![
            ability(Band::Two, &[B, G, N], &[1, 6, 11, 14], &[Width::W20, Width::W40]),
            ability(Band::Five, &[A, N, Ac], &[36, 40, 52], &[Width::W20, Width::W40, Width::W80]),
        ],
        max_access_points: 4,
        can_be_station: true,
        ciphers: Vec::new(),
    }
}

pub(crate) fn interface(radio: u32, index: u32, name: &str) -> Interface {
    Interface {
        index,
        name: name.to_owned(),
        radio,
        mac: Mac([2, 0, 0, 0, u8::try_from(radio).unwrap(), u8::try_from(index).unwrap()]),
        role: Role::Station,
        ssid: None,
        frequency: None,
        width: None,
        center: None,
        power: None,
        up: false,
    }
}

/// A network of the image.
pub(crate) fn image_network(interface: &str) -> Running {
    let security = Security {
        mode: Mode::Wpa2Personal,
        passphrase: Secret::new("of the image"),
        rekey: 600,
        ..Security::default()
    };
    Running {
        interface: interface.to_owned(),
        bssid: Some(Mac([2, 0, 0, 0, 0, 3])),
        settings: BssSettings {
            ssid: Ssid::new(*b"Image").unwrap(),
            advertised: true,
            security,
            wmm: true,
            uapsd: false,
            isolated: false,
            max_stations: None,
            allowed: None,
            wps: None,
        },
        radio: RadioSettings {
            band: Some(Band::Two),
            channel: Some(Tuning::Number(6)),
            beacon_interval: Some(100),
            ..RadioSettings::default()
        },
        progress: Progress::On,
        frequency: Some(2437),
        first: interface.to_owned(),
        stations: Vec::new(),
        foreign: true,
    }
}

#[async_trait(?Send)]
impl Air for Twin {
    async fn radios(&self) -> Result<Vec<Radio>, Failure> {
        let scene = self.scene();
        if scene.mute {
            return Err(Failure::Away("the kernel"));
        }
        Ok(scene.radios.clone())
    }

    async fn interfaces(&self) -> Result<Vec<Interface>, Failure> {
        Ok(self.scene().interfaces.clone())
    }

    async fn stations(&self, interface: u32) -> Result<Vec<Station>, Failure> {
        let mut scene = self.scene();
        scene.looks += 1;
        Ok(scene.stations.get(&interface).cloned().unwrap_or_default())
    }

    async fn survey(&self, _: u32) -> Result<Vec<Survey>, Failure> {
        Ok(vec![Survey { frequency: 2437, in_use: true, noise: Some(-92) }])
    }

    async fn country(&self) -> Result<String, Failure> {
        Ok(self.scene().country.clone())
    }

    async fn set_country(&self, country: &str) -> Result<(), Failure> {
        let mut scene = self.scene();
        scene.told.push(format!("country {country}"));
        if scene.laws.contains(country) {
            country.clone_into(&mut scene.country);
        }
        Ok(())
    }

    async fn set_power(&self, radio: u32, limit: Option<u32>) -> Result<(), Failure> {
        self.scene().told.push(format!("power of {radio}: {limit:?}"));
        Ok(())
    }

    async fn set_up(&self, interface: u32, up: bool) -> Result<(), Failure> {
        let mut scene = self.scene();
        scene.told.push(format!("{interface} {}", if up { "up" } else { "down" }));
        if let Some(interface) = scene.interfaces.iter_mut().find(|known| known.index == interface) {
            interface.up = up;
        }
        Ok(())
    }

    async fn add_station_interface(&self, radio: u32, name: &str) -> Result<(), Failure> {
        let mut scene = self.scene();
        scene.told.push(format!("new {name}"));
        let index = 100 + u32::try_from(scene.interfaces.len()).unwrap();
        scene.interfaces.push(interface(radio, index, name));
        Ok(())
    }

    async fn remove_interface(&self, interface: u32) -> Result<(), Failure> {
        let mut scene = self.scene();
        scene.told.push(format!("remove {interface}"));
        scene.interfaces.retain(|known| known.index != interface);
        Ok(())
    }

    async fn scan(&self, interface: u32) -> Result<Vec<Neighbour>, Failure> {
        let mut scene = self.scene();
        scene.told.push(format!("{interface} listens"));
        scene.neighbours.get(&interface).cloned().unwrap_or(Ok(Vec::new()))
    }
}

struct Service {
    twin: Twin,
    name: &'static str,
}

#[async_trait(?Send)]
impl AccessPoints for Service {
    fn name(&self) -> &'static str {
        self.name
    }

    async fn look(&self) -> Result<Vec<Running>, Failure> {
        let scene = self.twin.scene();
        if scene.away.contains(self.name) {
            return Err(Failure::Away(self.name));
        }
        Ok(scene.running[self.name].clone())
    }

    async fn apply(&self, plan: &RadioPlan) -> Result<(), Failure> {
        let mut scene = self.twin.scene();
        if scene.away.contains(self.name) {
            return Err(Failure::Away(self.name));
        }
        for network in &plan.networks {
            assert!(
                network.settings.security.mode != Mode::None || network.settings.ssid.text().contains("Open")
            );
        }
        scene.plans.push(plan.clone());
        if scene.refuse_on.as_ref() == Some(&plan.radio) {
            scene.refuse_on = None;
            return Err(Failure::Refused("not on this radio".to_owned()));
        }
        let radio = scene.radios.iter().find(|radio| radio.name == plan.radio).map(|radio| radio.index);
        let frequency = match (plan.settings.band, plan.settings.channel) {
            (Some(band), Some(Tuning::Number(number))) => frequency_of(band, number),
            _ => Some(2412),
        };
        let old = scene.running[self.name].clone();
        let of_radio = |scene: &Scene, name: &str| {
            let known = scene.interfaces.iter().find(|known| known.name == name);
            radio.is_none() && name.starts_with(&plan.radio)
                || known.is_some_and(|known| Some(known.radio) == radio)
        };
        let mut running: Vec<Running> =
            old.iter().filter(|running| !of_radio(&scene, &running.interface)).cloned().collect();
        for network in &plan.networks {
            let before = old.iter().find(|running| running.interface == network.interface);
            let mut settings = network.settings.clone();
            if let Some(before) = before.filter(|_| settings.security.passphrase.is_empty()) {
                settings.security.passphrase = before.settings.security.passphrase.clone();
            }
            if !scene.interfaces.iter().any(|known| known.name == network.interface) {
                let index = 100 + u32::try_from(scene.interfaces.len()).unwrap();
                scene.interfaces.push(interface(radio.unwrap_or(0), index, &network.interface));
            }
            let known = scene.interfaces.iter_mut().find(|known| known.name == network.interface).unwrap();
            (known.role, known.up, known.frequency) = (Role::AccessPoint, true, frequency);
            running.push(Running {
                interface: network.interface.clone(),
                bssid: Some(known.mac),
                settings,
                radio: plan.settings.clone(),
                progress: Progress::On,
                frequency,
                first: plan.networks[0].interface.clone(),
                stations: before.map(|before| before.stations.clone()).unwrap_or_default(),
                foreign: before.is_some_and(|before| before.foreign),
            });
        }
        if let Some(why) = scene.refuse.take() {
            // Half of it is done.
            running.truncate(1);
            scene.running.insert(self.name, running);
            return Err(Failure::Refused(why));
        }
        scene.running.insert(self.name, running);
        Ok(())
    }

    fn abilities(&self) -> ApAbilities {
        ApAbilities {
            networks: if self.name == "hostapd" { 8 } else { 1 },
            modes: vec![
                Mode::None,
                Mode::Wpa2Personal,
                Mode::Wpa3Personal,
                Mode::Wpa3PersonalTransition,
                Mode::Wpa2Enterprise,
                Mode::Owe,
            ],
            wps: vec!["push_button", "display"],
            chooses_channel: true,
            lists: true,
        }
    }
}

/// A station that has nothing to do.
pub(crate) fn idle(interface: &str) -> Joined {
    Joined {
        interface: interface.to_owned(),
        connected: false,
        trying: false,
        ssid: None,
        bssid: None,
        profile: None,
        available: Vec::new(),
        refused: Vec::new(),
        foreign: Vec::new(),
        wps: Vec::new(),
    }
}

#[async_trait(?Send)]
impl EndPoints for Twin {
    fn name(&self) -> &'static str {
        "wpa_supplicant"
    }

    async fn look(&self) -> Result<Vec<Joined>, Failure> {
        let scene = self.scene();
        if scene.away.contains("wpa_supplicant") {
            return Err(Failure::Away("wpa_supplicant"));
        }
        Ok(scene.joined.clone())
    }

    async fn apply(&self, plan: &StationPlan) -> Result<(), Failure> {
        let mut scene = self.scene();
        if scene.away.contains("wpa_supplicant") {
            return Err(Failure::Away("wpa_supplicant"));
        }
        scene.station_plans.push(plan.clone());
        if scene.refuse_on.as_ref() == Some(&plan.interface) {
            scene.refuse_on = None;
            return Err(Failure::Refused("not on this interface".to_owned()));
        }
        let wps = plan.wps.clone().unwrap_or_else(|| scene.station_wps.1.clone());
        scene.joined.retain(|joined| joined.interface != plan.interface);
        let best =
            plan.chosen.or_else(|| (0..plan.profiles.len()).max_by_key(|i| plan.profiles[*i].priority));
        scene.joined.push(Joined {
            interface: plan.interface.clone(),
            connected: best.is_some(),
            trying: false,
            ssid: best.map(|best| plan.profiles[best].ssid.clone()),
            bssid: best.map(|_| Mac([6; 6])),
            profile: best,
            available: (0..plan.profiles.len()).collect(),
            refused: Vec::new(),
            foreign: Vec::new(),
            wps,
        });
        Ok(())
    }

    fn modes(&self) -> Vec<Mode> {
        vec![Mode::None, Mode::Wpa2Personal, Mode::Wpa3Personal]
    }

    fn wps(&self) -> Vec<&'static str> {
        self.scene().station_wps.0.clone()
    }

    async fn release(&self, interface: &str) -> Result<(), Failure> {
        let mut scene = self.scene();
        scene.told.push(format!("release {interface}"));
        scene.joined.retain(|joined| joined.interface != interface);
        Ok(())
    }

    async fn take_again(&self, interface: &str) -> Result<(), Failure> {
        let mut scene = self.scene();
        scene.told.push(format!("take {interface} again"));
        scene.joined.push(idle(interface));
        Ok(())
    }
}
