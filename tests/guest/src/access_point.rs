//! Somebody else's access point.

use crate::{eventually, Daemon, Namespace, Network, Radio, World};

/// An access point that is none of the box: hostapd on a radio of its own, in a namespace of its own.
#[derive(Debug)]
pub struct AccessPoint {
    // Before what it runs in.
    _hostapd: Daemon,
    radio: Radio,
    _namespace: Namespace,
    _folder: tempfile::TempDir,
}

impl AccessPoint {
    /// One with this network, on a channel of 2.4 GHz. It is on the air when this returns.
    #[track_caller]
    pub fn start(world: &World, network: &Network, channel: u8) -> Self {
        let namespace = Namespace::new("other");
        let radio = world.radio_in(&namespace);
        let folder = tempfile::tempdir().expect("a folder can be made");
        let file = folder.path().join("hostapd.conf");
        let text = format!(
            "interface={}\ndriver=nl80211\nhw_mode=g\nchannel={channel}\nieee80211n=1\nwmm_enabled=1\n{}",
            radio.interface(),
            network.of_access_point()
        );
        std::fs::write(&file, text).expect("our own folder");
        let hostapd = Daemon::start("other-hostapd", namespace.command("hostapd").arg(&file), folder.path());
        eventually("another access point is on the air", || {
            hostapd.log().contains("AP-ENABLED").then_some(())
        });
        Self { _hostapd: hostapd, radio, _namespace: namespace, _folder: folder }
    }

    /// Its radio.
    pub fn radio(&self) -> &Radio {
        &self.radio
    }
}
