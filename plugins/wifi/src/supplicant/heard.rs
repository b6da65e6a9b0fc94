//! What a station heard, and which networks it could join.

use futures_util::future::join_all;

use crate::back_end::Failure;
use crate::facts::Mac;
use crate::plan::Mode;
use crate::supplicant::calls::Calls;
use crate::supplicant::network::Network;
use crate::supplicant::wire::BSS;

/// A network that was heard.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) path: String,
    pub(crate) bssid: Option<Mac>,
    pub(crate) ssid: Vec<u8>,
    privacy: bool,
    /// Key management of the first WPA, and of RSN.
    wpa: Vec<String>,
    rsn: Vec<String>,
}

/// All that an interface heard.
pub(crate) async fn heard(calls: &Calls, paths: &[String]) -> Result<Vec<Heard>, Failure> {
    let mut all = Vec::new();
    for one in join_all(paths.iter().map(|path| one(calls, path))).await {
        all.extend(one?);
    }
    Ok(all)
}

async fn one(calls: &Calls, path: &str) -> Result<Option<Heard>, Failure> {
    let Some(all) = calls.look_at(path, BSS).await? else { return Ok(None) };
    let keys = |name: &str| all.inside(name).remove("KeyMgmt").unwrap_or_default();
    Ok(Some(Heard {
        path: path.to_owned(),
        bssid: Mac::from_bytes(&all.bytes("BSSID")),
        ssid: all.bytes("SSID"),
        privacy: all.flag("Privacy"),
        wpa: keys("WPA"),
        rsn: keys("RSN"),
    }))
}

impl Heard {
    /// Whether this is a network that can be joined with the settings of that one.
    pub(crate) fn is_of(&self, network: &Network) -> bool {
        network.ssid().is_some_and(|ssid| ssid.bytes() == self.ssid) && self.takes(network.security().mode)
    }

    fn takes(&self, mode: Mode) -> bool {
        let has = |words: &[String], part: &str| words.iter().any(|word| word.contains(part));
        let (wpa_psk, rsn_psk) = (has(&self.wpa, "psk"), has(&self.rsn, "psk"));
        match mode {
            Mode::None => !self.privacy && self.rsn.is_empty() && self.wpa.is_empty(),
            Mode::WpaPersonal => wpa_psk,
            Mode::Wpa2Personal => rsn_psk,
            Mode::WpaWpa2Personal => wpa_psk || rsn_psk,
            Mode::Wpa3Personal => has(&self.rsn, "sae"),
            Mode::Wpa3PersonalTransition => rsn_psk || has(&self.rsn, "sae"),
            Mode::Owe => has(&self.rsn, "owe"),
            Mode::WpaEnterprise => has(&self.wpa, "eap"),
            Mode::Wpa2Enterprise | Mode::Wpa3Enterprise => has(&self.rsn, "eap"),
            Mode::WpaWpa2Enterprise => has(&self.wpa, "eap") || has(&self.rsn, "eap"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_of_the_same_name_is_joined_only_if_it_is_protected_alike() {
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        let open = Heard::default();
        let wep = Heard { privacy: true, ..Heard::default() };
        let wpa3 = Heard { privacy: true, rsn: words(&["sae"]), ..Heard::default() };
        let both = Heard { privacy: true, rsn: words(&["wpa-psk", "sae"]), ..Heard::default() };
        let owe = Heard { privacy: true, rsn: words(&["owe"]), ..Heard::default() };
        let takes = |mode| [&open, &wep, &wpa3, &both, &owe].map(|heard| heard.takes(mode));
        assert_eq!(takes(Mode::None), [true, false, false, false, false]);
        assert_eq!(takes(Mode::Wpa2Personal), [false, false, false, true, false]);
        assert_eq!(takes(Mode::Wpa3Personal), [false, false, true, true, false]);
        assert_eq!(takes(Mode::Wpa3PersonalTransition), [false, false, true, true, false]);
        assert_eq!(takes(Mode::Owe), [false, false, false, false, true]);
        assert_eq!(takes(Mode::WpaPersonal), [false; 5]);
    }
}
