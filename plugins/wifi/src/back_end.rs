//! What the plugin needs of the kernel and of the services.
//!
//! There is one thread: nothing here is `Send`. Whoever hears something new sends an [`Event`]; whoever is asked answers from
//! the source, not from memory. Every call ends by itself, within its time: a service that does not answer is
//! [`Failure::Away`].

use async_trait::async_trait;
use tokio::sync::mpsc::UnboundedSender;

use crate::facts::{Interface, Mac, Neighbour, Radio, Ssid, Station, Survey};
use crate::plan::{BssSettings, RadioPlan, RadioSettings, StationPlan};

/// Why something cannot be told or done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Failure {
    /// The service is not there, or does not answer.
    #[error("{0} does not answer")]
    Away(&'static str),
    /// The service, or the kernel, says no. The text never has a secret in it.
    #[error("{0}")]
    Refused(String),
    /// The service says what cannot be.
    #[error("{0} talks nonsense: {1}")]
    Nonsense(&'static str, String),
    /// This machine cannot do that.
    #[error("not possible here: {0}")]
    Impossible(String),
}

/// Something is different; look again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// Radios, interfaces, channels or the law: ask [`Air`] again.
    Air,
    /// A station came to, or went from, the access point on this interface.
    Stations(String),
    /// An access point of this service, its state or its settings: ask [`AccessPoints::look`] again. With the name of the
    /// service.
    AccessPoints(&'static str),
    /// The service came, or went, or began anew.
    Service(&'static str),
    /// A station of ours joined, left, or tries to: ask [`EndPoints::look`] again.
    EndPoints,
}

/// Where events go.
pub(crate) type Events = UnboundedSender<Event>;

/// The kernel: radios and what is on them.
#[async_trait(?Send)]
pub(crate) trait Air {
    /// All radios.
    async fn radios(&self) -> Result<Vec<Radio>, Failure>;
    /// All interfaces of all radios.
    async fn interfaces(&self) -> Result<Vec<Interface>, Failure>;
    /// The stations of an access point, or the access point of a station.
    async fn stations(&self, interface: u32) -> Result<Vec<Station>, Failure>;
    /// What was heard on the channels of an interface.
    async fn survey(&self, interface: u32) -> Result<Vec<Survey>, Failure>;
    /// The two letters of the law that is in force; `00` is the world's.
    async fn country(&self) -> Result<String, Failure>;
    /// Asks for another law. It is in force when [`Event::Air`] says so.
    async fn set_country(&self, country: &str) -> Result<(), Failure>;
    /// Limits the power of a radio, in hundredths of dBm; `None`: as much as is allowed.
    async fn set_power(&self, radio: u32, limit: Option<u32>) -> Result<(), Failure>;
    /// Switches an interface on or off.
    async fn set_up(&self, interface: u32, up: bool) -> Result<(), Failure>;
    /// Makes an interface for a station. Says its name as the kernel knows it.
    async fn add_station_interface(&self, radio: u32, name: &str) -> Result<(), Failure>;
    /// Takes an interface away.
    async fn remove_interface(&self, interface: u32) -> Result<(), Failure>;
    /// Listens for networks, on all channels, by an interface that is switched on. It takes seconds.
    async fn scan(&self, interface: u32) -> Result<Vec<Neighbour>, Failure>;
}

/// How far an access point is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// On the air.
    On,
    /// Choosing a channel, waiting for radar, waiting for the law.
    Starting,
    /// Switched off.
    Off,
    /// It could not start.
    Failed,
}

/// A network that a service runs, on the air or not.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Running {
    /// The device of the network that it is on.
    pub(crate) interface: String,
    pub(crate) bssid: Option<Mac>,
    /// What it is to be like, as far as the service tells; secrets are empty where it does not.
    pub(crate) settings: BssSettings,
    /// What its radio is to be like, as far as the service tells.
    pub(crate) radio: RadioSettings,
    pub(crate) progress: Progress,
    /// In MHz.
    pub(crate) frequency: Option<u32>,
    /// The first network on the same radio has the same; a radio that is run as a whole.
    pub(crate) first: String,
    /// Who is let in at this moment.
    pub(crate) stations: Vec<Mac>,
    /// Whether somebody else made it (the image's configuration, a person), not a plan.
    pub(crate) foreign: bool,
}

/// A service that runs access points: hostapd, or wpa_supplicant.
#[async_trait(?Send)]
pub(crate) trait AccessPoints {
    /// What it is called.
    fn name(&self) -> &'static str;
    /// Whether it answers, asked in as little time as can be: one that is killed tells nobody. `None`: its end is
    /// heard of, so it need not be asked.
    async fn is_there(&self) -> Option<bool> {
        None
    }
    /// What it runs now.
    async fn look(&self) -> Result<Vec<Running>, Failure>;
    /// Makes a plan true, whatever was before, with as little disturbance as it can: nothing that is as planned is
    /// touched. At no moment is a network on the air less protected than the plan says, or than it was. If it fails the
    /// radio is as before, as far as the service lets it; the caller then has the plan before made true.
    ///
    /// Networks of the radio that are not in the plan go. Returns when the service has said that it is done.
    async fn apply(&self, plan: &RadioPlan) -> Result<(), Failure>;
    /// The stations of a network with what the service counts of them, for interfaces of which the kernel tells nothing.
    async fn stations(&self, interface: &str) -> Result<Vec<Station>, Failure> {
        Err(Failure::Impossible(format!("{} counts nothing of {interface}", self.name())))
    }
    /// What it can do, to be known before a plan is made.
    fn abilities(&self) -> ApAbilities;
}

/// What a service that runs access points can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApAbilities {
    /// The most networks on one radio.
    pub(crate) networks: u32,
    pub(crate) modes: Vec<crate::plan::Mode>,
    /// `config_methods` of WPS; empty: it knows no WPS.
    pub(crate) wps: Vec<&'static str>,
    /// Whether it can choose a channel.
    pub(crate) chooses_channel: bool,
    /// Whether it takes lists of stations.
    pub(crate) lists: bool,
}

/// A station of ours.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Joined {
    pub(crate) interface: String,
    /// Whether it is at an access point and let in.
    pub(crate) connected: bool,
    /// Whether it is on its way: scanning, authenticating, shaking hands.
    pub(crate) trying: bool,
    /// Of the network that it is in or tries.
    pub(crate) ssid: Option<Ssid>,
    pub(crate) bssid: Option<Mac>,
    /// Which of the plan's profiles that is; `None`: of somebody else.
    pub(crate) profile: Option<usize>,
    /// The profiles of the plan that a network was heard for.
    pub(crate) available: Vec<usize>,
    /// The profiles of the plan that were refused: wrong keys.
    pub(crate) refused: Vec<usize>,
    /// Networks that somebody else configured, with what is known of them.
    pub(crate) foreign: Vec<Ssid>,
    /// The methods of WPS that are on, in the words of hostapd's `config_methods`; none: it is off.
    pub(crate) wps: Vec<&'static str>,
}

/// A service that runs stations: wpa_supplicant.
#[async_trait(?Send)]
pub(crate) trait EndPoints {
    /// What it is called.
    fn name(&self) -> &'static str;
    /// The interfaces that it has, and what they do.
    async fn look(&self) -> Result<Vec<Joined>, Failure>;
    /// Makes a plan true; networks that somebody else configured are left alone.
    async fn apply(&self, plan: &StationPlan) -> Result<(), Failure>;
    /// How networks may be protected.
    fn modes(&self) -> Vec<crate::plan::Mode>;
    /// `config_methods` of WPS; empty: it knows no WPS.
    fn wps(&self) -> Vec<&'static str>;
    /// Lets go of an interface, so that another service may have it.
    async fn release(&self, interface: &str) -> Result<(), Failure>;
    /// Takes an interface again that it let go of.
    async fn take_again(&self, interface: &str) -> Result<(), Failure>;
}
