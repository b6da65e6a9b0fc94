//! Reads: rows from what is known, counters from whoever counts.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cwmp_plugin_sdk::{
    AsyncServe, ChangeFault, DateTime, Edit, Effect, Error, Level, Object, PreparedLater, Row, Rows, Wanted,
};
use futures_util::future::join_all;
use tokio::time::timeout;

use crate::back_end::{Event, Failure};
use crate::counters::{narrow, sum, Stations, Surveys, Traffic};
use crate::enforce::error_of;
use crate::facts::{Mac, Standard, Station};
use crate::objects::{
    AccessPoint, AssociatedDevice, AssociatedDeviceStats, EndPoint, EndPointSecurity, EndPointStats,
    EndPointWps, Profile, ProfileSecurity, Radio, RadioStats, Security, Spoken, Ssid, SsidStats, WiFiObject,
    Wps,
};
use crate::plugin::WiFi;
use crate::row_id::RowId;
use crate::snapshot::Snapshot;
use crate::view::Viewer;

/// How long whoever counts may take: a service that takes longer costs its own counters, and not all that is known besides.
/// With what hostapd has to say that it is there, it is less than the 2 s that the agent waits for everything.
const COUNTED: Duration = Duration::from_millis(600);

/// The least rate that the standard knows, in kbit/s.
const LEAST_RATE: u32 = 1_000;

impl AsyncServe<WiFiObject> for WiFi {
    async fn read(self: Rc<Self>, _: WiFiObject, _: &Wanted<'_>) -> Result<WiFiObject, Error> {
        Ok(WiFiObject { reset: false, reset_counter: self.state.borrow().resets })
    }
}

/// What is known needs nobody to be asked.
macro_rules! known {
    ($($object:ident by $view:ident;)*) => {
        $(impl AsyncServe<$object> for WiFi {
            async fn read(self: Rc<Self>, _: Rows<$object>, _: &Wanted<'_>) -> Result<Rows<$object>, Error> {
                self.verify().await;
                let snapshot = self.snapshot();
                Ok(Viewer { host: &self.host, snapshot: &snapshot }.$view())
            }

            async fn change(self: Rc<Self>, edits: Vec<Edit<$object>>) -> Result<PreparedLater, Vec<ChangeFault>> {
                self.check_rows(&edits)?;
                Ok(Box::pin(async { Ok(Effect::Now) }))
            }
        })*
    };
}

known! {
    Ssid by ssids;
    AccessPoint by access_points;
    Security by security;
    Wps by wps;
    EndPoint by end_points;
    EndPointSecurity by end_point_security;
    EndPointWps by end_point_wps;
    Profile by profiles;
    ProfileSecurity by profile_security;
}

impl AsyncServe<Radio> for WiFi {
    async fn read(self: Rc<Self>, _: Rows<Radio>, _: &Wanted<'_>) -> Result<Rows<Radio>, Error> {
        self.verify().await;
        let snapshot = self.snapshot();
        if let Some(failure) = &snapshot.world.air.failure {
            return Err(error_of(failure));
        }
        Ok(Viewer { host: &self.host, snapshot: &snapshot }.radios())
    }

    async fn change(self: Rc<Self>, edits: Vec<Edit<Radio>>) -> Result<PreparedLater, Vec<ChangeFault>> {
        self.check_rows(&edits)?;
        Ok(Box::pin(async { Ok(Effect::Now) }))
    }
}

impl AsyncServe<RadioStats> for WiFi {
    async fn read(
        self: Rc<Self>,
        _: Rows<RadioStats>,
        wanted: &Wanted<'_>,
    ) -> Result<Rows<RadioStats>, Error> {
        let snapshot = self.snapshot();
        if wanted.only_rows() {
            let radios = snapshot.tree.radios.iter();
            return Ok(radios.map(|radio| (radio.key.as_str(), RadioStats::blank())).collect());
        }
        let surveys = if wanted.has("Noise") { self.surveys(&snapshot).await } else { Surveys::default() };
        let traffic = self.counters.traffic()?;
        let row = |radio: &crate::tree::RadioNode| {
            let own = snapshot.tree.ssids.iter().filter(|ssid| ssid.radio.as_ref() == Some(&radio.key));
            let mut names: Vec<&String> = own.filter_map(|ssid| ssid.interface.as_ref()).collect();
            names.extend(radio.interfaces.iter().map(|interface| &interface.name));
            names.sort_unstable();
            names.dedup();
            let Traffic {
                rx_bytes,
                rx_packets,
                rx_errors,
                rx_dropped,
                tx_bytes,
                tx_packets,
                tx_errors,
                tx_dropped,
                ..
            } = sum(names.into_iter().filter_map(|name| traffic.get(name)));
            RadioStats {
                bytes_sent: Ok(tx_bytes),
                bytes_received: Ok(rx_bytes),
                packets_sent: Ok(tx_packets),
                packets_received: Ok(rx_packets),
                errors_sent: Ok(narrow(tx_errors)),
                errors_received: Ok(narrow(rx_errors)),
                discard_packets_sent: Ok(narrow(tx_dropped)),
                discard_packets_received: Ok(narrow(rx_dropped)),
                noise: radio.interfaces.iter().find_map(|interface| noise_of(&surveys, &interface.name)),
            }
        };
        Ok(snapshot.tree.radios.iter().map(|radio| (radio.key.as_str(), row(radio))).collect())
    }
}

impl AsyncServe<SsidStats> for WiFi {
    async fn read(self: Rc<Self>, _: Rows<SsidStats>, wanted: &Wanted<'_>) -> Result<Rows<SsidStats>, Error> {
        let snapshot = self.snapshot();
        if wanted.only_rows() {
            let ssids = snapshot.tree.ssids.iter();
            return Ok(ssids.map(|ssid| (Row::from(&ssid.id), SsidStats::blank())).collect());
        }
        let traffic = self.counters.traffic()?;
        let row = |ssid: &crate::tree::SsidNode| {
            // An interface that is not there has sent nothing.
            let own = ssid.interface.as_ref().and_then(|name| traffic.get(name)).copied().unwrap_or_default();
            SsidStats {
                bytes_sent: Ok(own.tx_bytes),
                bytes_received: Ok(own.rx_bytes),
                packets_sent: Ok(own.tx_packets),
                packets_received: Ok(own.rx_packets),
                errors_sent: Ok(narrow(own.tx_errors)),
                errors_received: Ok(narrow(own.rx_errors)),
                discard_packets_sent: Ok(narrow(own.tx_dropped)),
                discard_packets_received: Ok(narrow(own.rx_dropped)),
                multicast_packets_received: Ok(own.rx_multicast),
            }
        };
        Ok(snapshot.tree.ssids.iter().map(|ssid| (Row::from(&ssid.id), row(ssid))).collect())
    }
}

impl AsyncServe<AssociatedDevice> for WiFi {
    async fn read(
        self: Rc<Self>,
        _: Rows<AssociatedDevice>,
        wanted: &Wanted<'_>,
    ) -> Result<Rows<AssociatedDevice>, Error> {
        self.verify().await;
        let snapshot = self.snapshot();
        let rows = Viewer { host: &self.host, snapshot: &snapshot }.devices();
        let counted = [
            "OperatingStandard",
            "AssociationTime",
            "LastDataDownlinkRate",
            "LastDataUplinkRate",
            "SignalStrength",
            "Noise",
            "SNR",
            "Retransmissions",
        ];
        if wanted.only_rows() || !counted.iter().any(|name| wanted.has(name)) {
            return Ok(rows);
        }
        let stations = self.stations(&snapshot).await;
        let noisy = wanted.has("Noise") || wanted.has("SNR");
        let surveys = if noisy { self.surveys(&snapshot).await } else { Surveys::default() };
        let mut full = Rows::new();
        for (at, mut device) in rows {
            let interface = interface_of(&snapshot, &at.above[0]).unwrap_or_default();
            let Some(mac) = Mac::parse(&device.mac_address) else { continue };
            let station = found(&stations, &interface, mac).unwrap_or_default();
            let noise = noise_of(&surveys, &interface);
            let since =
                station.connected.map(|seconds| SystemTime::now() - Duration::from_secs(seconds.into()));
            let since = since.or_else(|| snapshot.arrival(&interface, mac));
            device.operating_standard = station.standard.and_then(spoken);
            device.association_time = since.map(date_of);
            device.last_data_downlink_rate = rate(station.tx_rate);
            device.last_data_uplink_rate = rate(station.rx_rate);
            device.signal_strength = station.signal;
            device.noise = noise;
            device.snr =
                station.signal.zip(noise).and_then(|(signal, noise)| u32::try_from(signal - noise).ok());
            device.retransmissions = retransmissions(&station);
            full.push(at, device);
        }
        Ok(full)
    }
}

impl AsyncServe<AssociatedDeviceStats> for WiFi {
    async fn read(
        self: Rc<Self>,
        _: Rows<AssociatedDeviceStats>,
        wanted: &Wanted<'_>,
    ) -> Result<Rows<AssociatedDeviceStats>, Error> {
        let snapshot = self.snapshot();
        let devices = Viewer { host: &self.host, snapshot: &snapshot }.devices();
        if wanted.only_rows() {
            let all = devices.into_iter();
            return Ok(all.map(|(at, _)| (at, AssociatedDeviceStats::blank())).collect());
        }
        let stations = self.stations(&snapshot).await;
        let mut rows = Rows::new();
        for (at, device) in devices {
            let interface = interface_of(&snapshot, &at.above[0]).unwrap_or_default();
            let Some(mac) = Mac::parse(&device.mac_address) else { continue };
            let station = match stations.get(&interface) {
                Some(Err(failure)) => Err(error_of(failure)),
                _ => found(&stations, &interface, mac).ok_or_else(|| Error::name(format!("{mac} has left"))),
            };
            let wide = |count: fn(&Station) -> u64| station.as_ref().map(count).map_err(Clone::clone);
            let short = |count: fn(&Station) -> u64| wide(count).map(narrow);
            let stats = AssociatedDeviceStats {
                bytes_sent: wide(|station| station.tx_bytes),
                bytes_received: wide(|station| station.rx_bytes),
                packets_sent: wide(|station| station.tx_packets),
                packets_received: wide(|station| station.rx_packets),
                errors_sent: short(|station| station.tx_failed),
                retrans_count: short(|station| station.tx_retries),
                failed_retrans_count: short(|station| station.tx_failed),
            };
            rows.push(at, stats);
        }
        Ok(rows)
    }
}

impl AsyncServe<EndPointStats> for WiFi {
    async fn read(
        self: Rc<Self>,
        _: Rows<EndPointStats>,
        wanted: &Wanted<'_>,
    ) -> Result<Rows<EndPointStats>, Error> {
        let snapshot = self.snapshot();
        let only_rows = wanted.only_rows();
        let stations = if only_rows { Stations::default() } else { self.stations(&snapshot).await };
        let row = |end_point: &crate::tree::EndPointNode| {
            // A station has one peer: the access point.
            let name = end_point.interface.as_ref();
            let peers = name.and_then(|name| stations.get(name)).and_then(|peers| peers.as_ref().ok());
            let peer = peers.and_then(|peers| peers.first()).cloned().unwrap_or_default();
            EndPointStats {
                last_data_downlink_rate: rate(peer.rx_rate),
                last_data_uplink_rate: rate(peer.tx_rate),
                signal_strength: peer.signal,
                // Who has sent nothing has sent nothing again.
                retransmissions: retransmissions(&peer).or(Some(0)),
            }
        };
        let all = snapshot.tree.end_points.iter();
        Ok(all.map(|end_point| (Row::from(&end_point.id), row(end_point))).collect())
    }
}

impl WiFi {
    /// Whoever runs something is asked whether it is there, once for a request: one that was killed told nobody, and what it
    /// said is not to be shown as if it were so.
    async fn verify(&self) {
        // Who is being told something is busy with that, and known to be there or not when it is done.
        if self.enforcing.try_lock().is_err() {
            return;
        }
        let world = Rc::clone(&self.state.borrow().world);
        let busy = |index: &usize| {
            world.services.get(*index).is_some_and(|service| service.away || !service.running.is_empty())
        };
        let indices: Vec<usize> = (0..self.back.access_points.len()).filter(busy).collect();
        let asked = indices.iter().map(|index| self.back.access_points[*index].is_there());
        let answers = self.counters.there.get(join_all(asked)).await;
        let mut lost = false;
        for (index, there) in indices.into_iter().zip(answers) {
            let service = &world.services[index];
            let Some(there) = there.filter(|there| *there == service.away) else { continue };
            if !there {
                let world = &mut self.state.borrow_mut().world;
                if let Some(service) = Rc::make_mut(world).services.get_mut(index) {
                    service.away = true;
                }
                lost = true;
            }
            // What follows from it takes its time, and is nothing to wait for.
            let _ = self.sender.send(Event::Service(service.name));
        }
        if lost {
            if let Err(error) = self.reconsider() {
                self.host.log(Level::Warning, &format!("what is known cannot be put together: {error}"));
            }
        }
    }

    /// Of every interface that serves or is a station: its stations, asked for once.
    async fn stations(&self, snapshot: &Snapshot) -> Stations {
        let busy = snapshot.tree.ssids.iter().filter(|ssid| {
            let joined = ssid.joined.as_ref().is_some_and(|joined| joined.connected);
            joined || !Snapshot::stations(ssid).is_empty()
        });
        let ask = busy.filter_map(|ssid| ssid.interface.clone()).map(|name| async move {
            let (who, asked) = match snapshot.world.interface(&name) {
                Some(interface) => ("the kernel", self.back.air.stations(interface.index)),
                None => match snapshot.world.running(&name) {
                    Some((index, _)) => {
                        let service = &self.back.access_points[index];
                        (service.name(), service.stations(&name))
                    }
                    None => return (name, Ok(Vec::new())),
                },
            };
            let result = timeout(COUNTED, asked).await.unwrap_or(Err(Failure::Away(who)));
            (name, result)
        });
        let all = async { Rc::new(join_all(ask).await.into_iter().collect::<BTreeMap<_, _>>()) };
        self.counters.stations.get(all).await
    }

    /// Of every interface that is on the air: what was heard there.
    async fn surveys(&self, snapshot: &Snapshot) -> Surveys {
        let on = snapshot.world.air.interfaces.iter().filter(|interface| interface.frequency.is_some());
        let ask = on
            .map(|interface| async { (interface.name.clone(), self.back.air.survey(interface.index).await) });
        let all = async { Rc::new(join_all(ask).await.into_iter().collect::<BTreeMap<_, _>>()) };
        self.counters.surveys.get(all).await
    }
}

fn interface_of(snapshot: &Snapshot, ap: &Row) -> Option<String> {
    let id = if ap.key.is_empty() { RowId::Added(ap.number) } else { RowId::Found(ap.key.clone()) };
    let ap = snapshot.tree.access_points.iter().find(|known| known.id == id)?;
    snapshot.tree.ssid(ap.ssid.as_ref()?)?.interface.clone()
}

fn found(stations: &Stations, interface: &str, mac: Mac) -> Option<Station> {
    let all: &Result<Vec<Station>, Failure> = stations.get(interface)?;
    all.as_ref().ok()?.iter().find(|station| station.mac == mac).cloned()
}

fn noise_of(surveys: &Surveys, interface: &str) -> Option<i32> {
    let survey = surveys.get(interface)?.as_ref().ok()?;
    survey.iter().find(|survey| survey.in_use)?.noise
}

fn rate(rate: Option<u32>) -> Option<u32> {
    rate.filter(|rate| *rate >= LEAST_RATE)
}

fn spoken(standard: Standard) -> Option<Spoken> {
    match standard {
        Standard::N => Some(Spoken::N),
        Standard::Ac => Some(Spoken::Ac),
        Standard::Ax => Some(Spoken::Ax),
        Standard::Be => Some(Spoken::Be),
        Standard::A | Standard::B | Standard::G => None,
    }
}

/// Of a hundred packets, as many as were sent again: the mean since the station came.
fn retransmissions(station: &Station) -> Option<u32> {
    let share = (100 * station.tx_retries).checked_div(station.tx_packets)?;
    u32::try_from(share.min(100)).ok()
}

fn date_of(moment: SystemTime) -> DateTime {
    let seconds = moment.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    DateTime::from_unix(i64::try_from(seconds).unwrap_or(i64::MAX))
}
