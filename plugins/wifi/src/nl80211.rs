//! The kernel's radios, by nl80211.
//!
//! Questions and orders go over one socket ([`connection`]), what the kernel tells unasked comes over others ([`listener`]).
//! Messages are read attribute by attribute ([`attribute`]): a message with something strange in it is still read for the
//! rest.

mod ability;
mod attribute;
mod connection;
mod element;
mod interface;
mod link;
mod listener;
mod neighbour;
mod radio;
mod rate;
mod scan;
mod station;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use async_trait::async_trait;
use wl_nl80211::packet_core::DefaultNla;
use wl_nl80211::{Nl80211Attr, Nl80211Command, Nl80211InterfaceType};

use attribute::of;
use connection::{Connection, Message, WHO};
use listener::Listener;

use crate::back_end::{Air, Events, Failure};
use crate::facts::{Interface, Neighbour, Radio, Role, Station, Survey};

/// Where the kernel shows its devices.
const SYS: &str = "/sys";
/// The most bytes of the name of an interface.
const MAX_NAME: usize = 15;
/// `NL80211_TX_POWER_AUTOMATIC`, `NL80211_TX_POWER_LIMITED`.
const AUTOMATIC: u32 = 0;
const LIMITED: u32 = 1;
/// Hundredths of dBm in a dBm: drivers know whole ones.
const WHOLE: u32 = 100;

/// Radios and what is on them, as the kernel has them.
#[derive(Debug)]
pub(crate) struct Nl80211 {
    connection: Connection,
    listener: Listener,
    sys: PathBuf,
}

impl Nl80211 {
    /// Begins to listen. A machine without WiFi is no failure: it has no radios, until it gets some.
    ///
    /// To be called where local tasks can be spawned.
    pub(crate) fn open(events: Events) -> Result<Self, Failure> {
        Self::open_at(events, SYS)
    }

    /// With another `/sys`.
    pub(crate) fn open_at(events: Events, sys: impl Into<PathBuf>) -> Result<Self, Failure> {
        let sys = sys.into();
        let (connection, listener) = (Connection::open()?, Listener::start(events, sys.clone())?);
        Ok(Self { connection, listener, sys })
    }

    /// Whether there is WiFi at all. From then on whatever happens to it is heard.
    async fn is_there(&self) -> Result<bool, Failure> {
        let family = self.connection.family().await?;
        if let Some(family) = &family {
            self.listener.join(family);
        }
        Ok(family.is_some())
    }

    async fn dump_of(&self, command: Nl80211Command, interface: u32) -> Result<Vec<Message>, Failure> {
        let question = Message::new(command).with(&Nl80211Attr::IfIndex(interface));
        Ok(self.connection.dump(question).await?)
    }
}

#[async_trait(?Send)]
impl Air for Nl80211 {
    async fn radios(&self) -> Result<Vec<Radio>, Failure> {
        if !self.is_there().await? {
            return Ok(Vec::new());
        }
        let question = Message::new(Nl80211Command::GetWiphy).with(&Nl80211Attr::SplitWiphyDump);
        Ok(radio::radios(&self.connection.dump(question).await?, &self.sys))
    }

    async fn interfaces(&self) -> Result<Vec<Interface>, Failure> {
        if !self.is_there().await? {
            return Ok(Vec::new());
        }
        let dump = self.connection.dump(Message::new(Nl80211Command::GetInterface)).await?;
        let mut interfaces = interface::interfaces(&dump, &self.sys);
        for interface in &mut interfaces {
            // Some kernels do not say the network of a station, though they know it.
            if interface.role == Role::Station && interface.frequency.is_some() && interface.ssid.is_none() {
                // One that went meanwhile is in no network.
                let known = self.dump_of(Nl80211Command::GetScan, interface.index).await;
                interface.ssid = known.ok().and_then(|known| neighbour::own(&known));
            }
        }
        Ok(interfaces)
    }

    async fn stations(&self, interface: u32) -> Result<Vec<Station>, Failure> {
        Ok(station::stations(&self.dump_of(Nl80211Command::GetStation, interface).await?))
    }

    async fn survey(&self, interface: u32) -> Result<Vec<Survey>, Failure> {
        Ok(station::surveys(&self.dump_of(Nl80211Command::GetSurvey, interface).await?))
    }

    async fn country(&self) -> Result<String, Failure> {
        let answer = self.connection.ask(Message::new(Nl80211Command::GetReg)).await?;
        let country = answer.attributes().text(of::REG_ALPHA2).filter(|text| is_country(text));
        country.ok_or_else(|| Failure::Nonsense(WHO, "a law without a country".to_owned()))
    }

    async fn set_country(&self, country: &str) -> Result<(), Failure> {
        // A plan may name the place too, as a third letter, which the kernel does not want.
        let letters = country.get(..2).filter(|letters| is_country(letters));
        let letters = letters.ok_or_else(|| Failure::Refused(format!("{country:?} is no country")))?;
        let name = other(of::REG_ALPHA2, [letters.as_bytes(), &[0]].concat());
        self.connection.act(Message::new(Nl80211Command::ReqSetReg).with(&name)).await?;
        Ok(())
    }

    async fn set_power(&self, radio: u32, limit: Option<u32>) -> Result<(), Failure> {
        let setting = if limit.is_some() { LIMITED } else { AUTOMATIC };
        let mut order = Message::new(Nl80211Command::SetWiphy)
            .with(&Nl80211Attr::Wiphy(radio))
            .with(&other(of::TX_POWER_SETTING, setting.to_ne_bytes().to_vec()));
        if let Some(limit) = limit {
            order = order.with(&Nl80211Attr::WiphyTxPowerLevel(limit / WHOLE * WHOLE));
        }
        self.connection.act(order).await?;
        Ok(())
    }

    async fn set_up(&self, interface: u32, up: bool) -> Result<(), Failure> {
        link::set_up(interface, up).await
    }

    async fn add_station_interface(&self, radio: u32, name: &str) -> Result<(), Failure> {
        if name.is_empty() || name.len() > MAX_NAME {
            return Err(Failure::Refused(format!("{name:?} is no name of an interface")));
        }
        let order = Message::new(Nl80211Command::NewInterface)
            .with(&Nl80211Attr::Wiphy(radio))
            .with(&Nl80211Attr::IfName(name.to_owned()))
            .with(&Nl80211Attr::IfType(Nl80211InterfaceType::Station));
        self.connection.act(order).await?;
        Ok(())
    }

    async fn remove_interface(&self, interface: u32) -> Result<(), Failure> {
        let order = Message::new(Nl80211Command::DelInterface).with(&Nl80211Attr::IfIndex(interface));
        self.connection.act(order).await?;
        Ok(())
    }

    async fn scan(&self, interface: u32) -> Result<Vec<Neighbour>, Failure> {
        self.is_there().await?;
        scan::scan(&self.connection, &self.listener, interface).await
    }
}

/// Two letters, or `00` for the world; `99` and `98` are laws without a name.
fn is_country(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

/// An attribute that the crate has no name for.
fn other(number: u16, value: Vec<u8>) -> Nl80211Attr {
    Nl80211Attr::Other(DefaultNla::new(number, value))
}
