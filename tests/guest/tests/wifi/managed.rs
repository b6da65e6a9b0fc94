//! A box whose WiFi an ACS manages.

use cwmp_acs::{Acs, CpeFault, Options, Session, ValueType};
use cwmp_e2e::{Client, Device};
use cwmp_guest::{eventually, Daemon, Network, World, PATIENCE};

pub(crate) const RADIOS: &str = "Device.WiFi.Radio.";
pub(crate) const SSIDS: &str = "Device.WiFi.SSID.";
pub(crate) const ACCESS_POINTS: &str = "Device.WiFi.AccessPoint.";
pub(crate) const END_POINTS: &str = "Device.WiFi.EndPoint.";

/// Which services the image of a box starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Services {
    Hostapd,
    Supplicant,
    Both,
}

/// A box with its agent, its ACS and the services of its image. The first session is over.
pub(crate) struct Managed {
    // In the order of their end.
    pub(crate) client: Client,
    pub(crate) device: Device,
    pub(crate) acs: Acs,
    pub(crate) hostapd: Option<Daemon>,
    pub(crate) supplicant: Option<Daemon>,
    pub(crate) world: World,
}

impl Managed {
    /// `None` outside of the guest.
    #[track_caller]
    pub(crate) fn start(radios: usize, services: Services) -> Option<Self> {
        let world = World::new(radios)?;
        let hostapd = (services != Services::Supplicant).then(|| world.hostapd());
        let supplicant = (services != Services::Hostapd).then(|| world.supplicant());
        // Whatever is slow in the guest is not what is tested.
        let acs = Acs::start(Options { timeout: PATIENCE, ..Options::default() });
        let device = Device::builder()
            .acs(acs.url())
            .plugin(
                "wifi",
                &format!(
                    "[config]\nhostapd_global = '{global}'\nhostapd = '{folder}'\nfolder = 'DEVICE/wifi'\nsupplicant = {supplicant}\n",
                    global = world.path("hostapd/global").display(),
                    folder = world.path("hostapd").display(),
                    supplicant = supplicant.is_some(),
                ),
            )
            .config(&format!("[plugins]\nhost = '{}'", world.host().display()))
            .start();
        let mut session = acs.session();
        session.accept();
        session.end();
        let client = device.client();
        let new = Self { client, device, acs, hostapd, supplicant, world };
        new.ready();
        Some(new)
    }

    /// Waits until the plugin answers.
    #[track_caller]
    pub(crate) fn ready(&self) {
        let client = self.device.client();
        eventually("the plugin is ready", || client.provider("wifi").filter(|(state, _)| state == "ready"));
    }

    /// A session that the box is asked for; one that it opened by itself does as well.
    #[track_caller]
    pub(crate) fn session(&self) -> Session {
        self.client.inform().expect("the agent can be asked for a session");
        self.acs.session()
    }

    /// Sessions, until one tells this value.
    #[track_caller]
    pub(crate) fn told(&self, name: &str, value: &str) {
        loop {
            let mut session = self.acs.session();
            session.accept();
            let found = session.parameter(name) == Some(value) && session.has_event("4 VALUE CHANGE");
            session.end();
            if found {
                return;
            }
        }
    }

    /// Waits until a value is this.
    #[track_caller]
    pub(crate) fn becomes(&self, name: &str, value: &str) {
        let mut last = None;
        let end = std::time::Instant::now() + PATIENCE;
        while std::time::Instant::now() < end {
            let is = self.client.value(name);
            if is.as_deref() == Ok(value) {
                return;
            }
            last = Some(is);
            std::thread::sleep(std::time::Duration::from_millis(300));
        }
        panic!("{name} does not become {value}: {last:?}");
    }

    /// The row of a radio of the box.
    #[track_caller]
    pub(crate) fn radio(&self, index: usize) -> String {
        let phy = self.world.radios()[index].phy();
        eventually(&format!("there is a row for {phy}"), || {
            let rows = self.client.list(RADIOS, true).ok()?;
            let rows =
                rows.into_iter().map(|(path, _)| path).filter(|path| path.ends_with('.') && path != RADIOS);
            rows.into_iter().find(|row| self.client.value(&format!("{row}Name")).as_deref() == Ok(phy))
        })
    }

    /// What the kernel says of the interface of the box that is on the air with this name.
    pub(crate) fn on_air(&self, ssid: &str) -> Option<String> {
        let all = self.world.run("iw", &["dev"]);
        let named = |part: &&str| part.lines().any(|line| line.trim() == format!("ssid {ssid}"));
        let found = all.split("\tInterface ").find(named).map(str::to_owned);
        found
    }

    /// Waits until a network is on the air.
    #[track_caller]
    pub(crate) fn is_on_air(&self, ssid: &str) -> String {
        eventually(&format!("{ssid} is on the air"), || self.on_air(ssid))
    }

    /// Waits until it is not.
    #[track_caller]
    pub(crate) fn is_off_air(&self, ssid: &str) {
        eventually(&format!("{ssid} is off the air"), || self.on_air(ssid).is_none().then_some(()));
    }
}

/// The rows of a network.
#[derive(Debug, Clone)]
pub(crate) struct Rows {
    pub(crate) ssid: String,
    pub(crate) access_point: String,
}

impl Rows {
    pub(crate) fn count(&self) -> String {
        format!("{}AssociatedDeviceNumberOfEntries", self.access_point)
    }
}

/// Adds a network to a radio, as an ACS does: two rows, and all their values at once.
#[track_caller]
pub(crate) fn add(session: &mut Session, radio: &str, network: &Network<'_>, mode: &str) -> Rows {
    let (ssid, _) = session.add(SSIDS, "").unwrap();
    let (access_point, _) = session.add(ACCESS_POINTS, "").unwrap();
    let rows =
        Rows { ssid: format!("{SSIDS}{ssid}."), access_point: format!("{ACCESS_POINTS}{access_point}.") };
    configure(session, radio, &rows, network, mode).unwrap();
    rows
}

/// Sets everything of a network at once.
pub(crate) fn configure(
    session: &mut Session,
    radio: &str,
    rows: &Rows,
    network: &Network<'_>,
    mode: &str,
) -> Result<u32, CpeFault> {
    let Rows { ssid, access_point } = rows;
    let mut values = vec![
        (format!("{ssid}LowerLayers"), ValueType::String, radio.trim_end_matches('.')),
        (format!("{ssid}SSID"), ValueType::String, network.ssid()),
        (format!("{ssid}Enable"), ValueType::Boolean, "true"),
        (format!("{access_point}SSIDReference"), ValueType::String, ssid.trim_end_matches('.')),
        (format!("{access_point}Security.ModeEnabled"), ValueType::String, mode),
        (format!("{access_point}Enable"), ValueType::Boolean, "true"),
    ];
    if let Network::Wpa2(_, passphrase) | Network::Wpa3(_, passphrase) = network {
        values.push((format!("{access_point}Security.KeyPassphrase"), ValueType::String, passphrase));
    }
    set(session, &values)
}

/// SetParameterValues with names that were put together.
pub(crate) fn set(session: &mut Session, values: &[(String, ValueType, &str)]) -> Result<u32, CpeFault> {
    let values: Vec<_> = values.iter().map(|(name, kind, value)| (name.as_str(), *kind, *value)).collect();
    session.set(&values, "")
}
