//! What is to be said so that a network becomes another one, and how much of it that disturbs.

use super::lines::Lines;
use super::{network, radio};

/// How much a change disturbs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) enum Depth {
    /// Nothing is to be said.
    #[default]
    None,
    /// It is in force as soon as it is said.
    Live,
    /// The network is read anew; its stations come back.
    Reload,
    /// The radio is switched off and on.
    Restart,
    /// The network is taken away and made anew: what was said cannot be unsaid.
    Rebuild,
}

/// What is to be said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Difference {
    pub(super) lines: Lines,
    pub(super) depth: Depth,
}

/// Keys of the protection.
pub(super) const PROTECTION: [&str; 14] = [
    "ieee8021x",
    "wpa_pairwise",
    "rsn_pairwise",
    "ieee80211w",
    "sae_pwe",
    "sae_require_mfp",
    "wpa_key_mgmt",
    "wpa_group_rekey",
    "wpa_passphrase",
    "wpa_psk",
    "wpa",
    "disable_11n",
    "disable_11ac",
    "disable_11ax",
];

/// Each of these lines adds to those before.
fn adds(key: &str) -> bool {
    key == "sae_password" || key.starts_with("auth_server_")
}

fn depth_of(key: &str) -> Depth {
    match key {
        "max_num_sta" | "macaddr_acl" => Depth::Live,
        "wpa_group_rekey"
        | "wpa_passphrase"
        | "wpa_psk"
        | "sae_password"
        | "ignore_broadcast_ssid"
        | "ap_isolate" => Depth::Reload,
        // The kernel knows the name of a network from when it was switched on, and a network that is read anew while its
        // protection begins or ends is neither for a moment.
        _ => Depth::Restart,
    }
}

/// From a network that is as `known` says, if that is known, to a wanted one.
pub(super) fn of_network(known: Option<&Lines>, wanted: &Lines) -> Difference {
    let nothing = Lines::default();
    let before = known.unwrap_or(&nothing);
    let is = |key: &str, value: &str| {
        known.is_some_and(|known| match known.get(key) {
            Some(old) => old == value,
            None => {
                network::default_of(key, known)
                    .or_else(|| radio::default_of(key).map(str::to_owned))
                    .as_deref()
                    == Some(value)
            }
        })
    };
    let begins = ["wpa", "ieee8021x"]
        .iter()
        .any(|key| wanted.get(key).is_some() && before.is_on(key) != wanted.is_on(key));
    let protection = begins
        || wanted.iter().any(|(key, value)| (key == "ssid2" || PROTECTION.contains(&key)) && !is(key, value));
    let mut found = Difference::default();
    for (key, value) in wanted.iter().filter(|line| !adds(line.0)) {
        let differs = !is(key, value);
        // Keys are derived from the name and the passphrase together, and are forgotten while a network is open.
        let along = protection && PROTECTION.contains(&key) && !key.starts_with("disable_");
        if !differs && !along {
            continue;
        }
        found.lines.set(key, value);
        if differs {
            found.depth = found.depth.max(depth_of(key));
        }
    }
    if begins && !found.lines.is_empty() {
        found.depth = found.depth.max(Depth::Restart);
    }
    let added = additions(known, wanted);
    found.lines.append(&added.lines);
    found.depth = found.depth.max(added.depth);
    // A file of keys stays in force beside a passphrase.
    let keyed = wanted.get("wpa_passphrase").or(wanted.get("wpa_psk")).is_some();
    if keyed && before.get("wpa_psk_file").is_some() {
        found.depth = Depth::Rebuild;
    }
    found
}

/// The same for lines that add to those before.
fn additions(known: Option<&Lines>, wanted: &Lines) -> Difference {
    let of = |lines: &Lines, prefix: &str| -> Vec<(String, String)> {
        lines
            .iter()
            .filter(|line| line.0.starts_with(prefix))
            .map(|line| (line.0.to_owned(), line.1.to_owned()))
            .collect()
    };
    let mut found = Difference::default();
    let servers = of(wanted, "auth_server_");
    // A secret that the plan does not have is the one that was.
    let had = known.map(|known| {
        let mut had = of(known, "auth_server_");
        if !servers.iter().any(|line| line.0 == "auth_server_shared_secret") {
            had.retain(|line| line.0 != "auth_server_shared_secret");
        }
        had
    });
    if wanted.is_on("ieee8021x") && !servers.is_empty() && had.as_ref() != Some(&servers) {
        let depth = if had.is_some_and(|had| had.is_empty()) { Depth::Restart } else { Depth::Rebuild };
        found.depth = depth;
        for (key, value) in &servers {
            found.lines.add(key, value);
        }
    }
    let passphrases = of(wanted, "sae_password");
    let had = known.map(|known| of(known, "sae_password")).unwrap_or_default();
    let kept = passphrases.is_empty() && wanted.get("wpa_passphrase").is_none();
    if had != passphrases && !kept && wanted.get("wpa_key_mgmt").is_some_and(|words| words.contains("SAE")) {
        found.depth = found.depth.max(if had.is_empty() { Depth::Reload } else { Depth::Rebuild });
        for (key, value) in &passphrases {
            found.lines.add(key, value);
        }
    }
    found
}

/// From a radio that is as `known` says, if that is known, to a wanted one.
pub(super) fn of_radio(known: Option<&Lines>, wanted: &Lines) -> Difference {
    let mut found = Difference::default();
    for (key, value) in wanted.iter() {
        let old = known.and_then(|known| known.get(key).or_else(|| radio::default_of(key)));
        if old == Some(value) {
            continue;
        }
        found.lines.set(key, value);
        found.depth = found.depth.max(Depth::Restart);
        // A radio that had a frequency keeps it: hostapd 2.10 does not choose one then, and fails.
        if (key, value) == ("channel", "acs_survey") {
            found.depth = Depth::Rebuild;
        }
        // hostapd adds these to what it has.
        let lost = |old: &str| {
            old.split_inclusive(']').any(|flag| !flag.starts_with("[HT40") && !value.contains(flag))
        };
        if matches!(key, "ht_capab" | "vht_capab") && old.is_none_or(lost) {
            found.depth = Depth::Rebuild;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: &str = "ssid=Home\nwpa=2\nwpa_key_mgmt=WPA-PSK\nrsn_pairwise=CCMP\nieee80211w=0\nwpa_group_rekey=3600\nwpa_passphrase=hush hush\n";

    fn between(before: &str, after: &str) -> Difference {
        of_network(Some(&Lines::parse(before)), &Lines::parse(after))
    }

    #[test]
    fn what_is_the_same_already_is_not_said() {
        assert_eq!(between(HOME, HOME), Difference::default());
        assert_eq!(
            between(HOME, &format!("{HOME}ap_isolate=0\nmax_num_sta=2007\ndtim_period=2\n")),
            Difference::default()
        );
    }

    #[test]
    fn a_name_brings_its_passphrase_along() {
        let found = between(HOME, &HOME.replace("Home", "Away"));
        assert_eq!(found.depth, Depth::Restart);
        assert_eq!(found.lines.get("wpa_passphrase"), Some("hush hush"));
    }

    #[test]
    fn a_passphrase_alone_is_read_anew() {
        let found = between(HOME, &HOME.replace("hush hush", "hush hush hush"));
        assert_eq!(found.depth, Depth::Reload);
        assert_eq!(found.lines.iter().last().unwrap().0, "wpa_passphrase");
    }

    #[test]
    fn a_network_that_was_open_is_told_everything() {
        let open = HOME.replace("wpa=2", "wpa=0");
        let found = between(&open, HOME);
        assert_eq!(found.depth, Depth::Restart);
        for key in ["wpa", "wpa_key_mgmt", "rsn_pairwise", "ieee80211w", "wpa_passphrase"] {
            assert!(found.lines.get(key).is_some(), "{key}");
        }
    }

    #[test]
    fn how_many_stations_is_in_force_at_once() {
        let found = between(HOME, "max_num_sta=5\n");
        assert_eq!((found.depth, found.lines.text().as_str()), (Depth::Live, "max_num_sta=5\n"));
    }

    #[test]
    fn of_a_network_that_is_not_known_everything_is_said() {
        let wanted = Lines::parse(HOME);
        let found = of_network(None, &wanted);
        assert_eq!(found.depth, Depth::Restart);
        assert_eq!(found.lines.iter().count(), wanted.iter().count());
    }

    #[test]
    fn a_server_that_was_there_cannot_be_unsaid() {
        let first = "wpa=2\nieee8021x=1\nauth_server_addr=10.0.0.1\nauth_server_port=1812\nauth_server_shared_secret=a\n";
        assert_eq!(between("wpa=2\nieee8021x=1\n", first).depth, Depth::Restart);
        assert_eq!(between(first, &first.replace("10.0.0.1", "10.0.0.2")).depth, Depth::Rebuild);
        assert_eq!(of_network(None, &Lines::parse(first)).depth, Depth::Rebuild);
        let untold = first.replace("auth_server_shared_secret=a\n", "");
        assert_eq!(
            between(first, &untold),
            Difference::default(),
            "a secret that is not given is the one that was"
        );
    }

    #[test]
    fn a_passphrase_of_sae_cannot_be_unsaid() {
        let both = "wpa=2\nwpa_key_mgmt=WPA-PSK SAE\nwpa_passphrase=hush hush\n";
        let apart = format!("{both}sae_password=another one\n");
        assert_eq!(between(both, &apart).depth, Depth::Reload);
        assert_eq!(between(&apart, both).depth, Depth::Rebuild);
        assert_eq!(
            between(&apart, "wpa=2\nwpa_key_mgmt=WPA-PSK SAE\n").depth,
            Depth::None,
            "nothing is given, so it is kept"
        );
    }

    #[test]
    fn a_radio_without_a_capability_is_made_anew() {
        let of =
            |before: &str, after: &str| of_radio(Some(&Lines::parse(before)), &Lines::parse(after)).depth;
        assert_eq!(of("channel=1\nhw_mode=g\n", "channel=6\nhw_mode=g\n"), Depth::Restart);
        assert_eq!(of("channel=1\n", "channel=acs_survey\n"), Depth::Rebuild);
        assert_eq!(of("channel=0\n", "channel=acs_survey\n"), Depth::None);
        assert_eq!(of("channel=acs_survey\n", "channel=6\n"), Depth::Restart);
        assert_eq!(of("ht_capab=[HT40+]\n", "ht_capab=[HT40-]\n"), Depth::Restart);
        assert_eq!(
            of("ht_capab=[HT40+]\n", "ht_capab=\n"),
            Depth::Restart,
            "it says by itself how wide it is"
        );
        assert_eq!(of("ht_capab=[SHORT-GI-20]\n", "ht_capab=\n"), Depth::Rebuild);
        assert_eq!(of("", "beacon_int=100\nht_capab=\n"), Depth::None);
    }
}
