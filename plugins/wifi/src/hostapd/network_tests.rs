use proptest::prelude::*;

use super::*;
use crate::hostapd::lines::sections;

fn any_secret() -> impl Strategy<Value = Secret> {
    prop_oneof![
        Just(Secret::default()),
        "[ -~]{8,63}".prop_map(Secret::new),
        "[0-9a-fA-F]{64}".prop_map(Secret::new),
        any::<String>().prop_map(Secret::new),
    ]
}

fn any_mode() -> impl Strategy<Value = Mode> {
    prop::sample::select(vec![
        Mode::None,
        Mode::WpaPersonal,
        Mode::Wpa2Personal,
        Mode::Wpa3Personal,
        Mode::WpaWpa2Personal,
        Mode::Wpa3PersonalTransition,
        Mode::WpaEnterprise,
        Mode::Wpa2Enterprise,
        Mode::Wpa3Enterprise,
        Mode::WpaWpa2Enterprise,
        Mode::Owe,
    ])
}

fn any_server() -> impl Strategy<Value = Option<Radius>> {
    prop::option::of(
        (any::<std::net::IpAddr>(), any::<u16>(), any_secret()).prop_map(|(ip, port, secret)| Radius {
            ip,
            port,
            secret,
        }),
    )
}

prop_compose! {
    fn any_security()(
        mode in any_mode(),
        passphrase in any_secret(),
        psk in any_secret(),
        sae in any_secret(),
        mfp in prop::sample::select(vec![Mfp::Disabled, Mfp::Optional, Mfp::Required]),
        radius in any_server(),
        second_radius in any_server(),
        rekey in any::<u32>(),
    ) -> Security {
        Security { mode, passphrase, psk, sae, mfp, radius, second_radius, rekey }
    }
}

prop_compose! {
    fn any_settings()(
        ssid in prop::collection::vec(any::<u8>(), 0..=32),
        security in any_security(),
        flags in any::<[bool; 4]>(),
        max_stations in prop::option::of(any::<u32>()),
        allowed in prop::option::of(prop::collection::vec(any::<[u8; 6]>().prop_map(Mac), 0..4)),
        wps in prop::option::of(Just(vec!["push_button", "display"])),
    ) -> BssSettings {
        let [advertised, wmm, uapsd, isolated] = flags;
        BssSettings { ssid: Ssid::new(ssid).unwrap(), advertised, security, wmm, uapsd, isolated, max_stations, allowed, wps }
    }
}

proptest! {
    /// What an ACS sets is never more than one line for a key, whatever characters it is made of.
    #[test]
    fn any_settings_are_one_line_for_each_key(settings in any_settings()) {
        if let Ok(said) = lines("wlan0", &settings) {
            let text = said.text();
            prop_assert_eq!(text.lines().count(), said.iter().count());
            let found = sections(&format!("interface=wlan0\n{text}"));
            prop_assert_eq!(found.len(), 1);
            prop_assert_eq!(&found[0].1, &said);
            for (key, _) in said.iter().filter(|line| !line.0.starts_with("auth_server_")) {
                prop_assert_eq!(said.iter().filter(|line| line.0 == key).count(), 1, "{}", key);
            }
        }
    }

    /// What is read from the lines of a network is what was planned, but for the secrets.
    #[test]
    fn settings_come_back_from_their_lines(settings in any_settings()) {
        if let Ok(said) = lines("wlan0", &settings) {
            let back = super::settings(&said, None, settings.allowed.as_deref().unwrap_or_default());
            prop_assert_eq!(&back.ssid, &settings.ssid);
            prop_assert_eq!(back.advertised, settings.advertised);
            prop_assert_eq!(back.security.mode, settings.security.mode);
            prop_assert_eq!(back.isolated, settings.isolated);
            prop_assert_eq!(back.wmm, settings.wmm);
            prop_assert_eq!(back.max_stations, settings.max_stations.filter(|number| *number < 2_007));
            prop_assert_eq!(&back.allowed, &settings.allowed);
            prop_assert_eq!(&back.wps, &settings.wps);
            prop_assert!(back.security.passphrase.is_empty() && back.security.psk.is_empty());
            if settings.security.mode != Mode::None {
                prop_assert_eq!(back.security.rekey, settings.security.rekey);
            }
        }
    }

    /// No failure tells a secret.
    #[test]
    fn a_failure_tells_no_secret(security in any_security()) {
        if let Err(failure) = super::security(&security) {
            let told = failure.to_string();
            for secret in [&security.passphrase, &security.psk, &security.sae] {
                // A few characters are found anywhere.
                prop_assert!(secret.reveal().len() < 8 || !told.contains(secret.reveal()));
            }
        }
    }
}

fn home(mode: Mode) -> BssSettings {
    BssSettings {
        ssid: Ssid::new("Home").unwrap(),
        advertised: true,
        security: Security {
            mode,
            passphrase: Secret::new("hush hush"),
            rekey: 3_600,
            ..Security::default()
        },
        wmm: true,
        uapsd: false,
        isolated: false,
        max_stations: None,
        allowed: None,
        wps: None,
    }
}

#[test]
fn each_mode_is_said_in_hostapds_words() {
    let said = |mode: Mode, key: &str| lines("wlan0", &home(mode)).unwrap().get(key).map(str::to_owned);
    for (mode, wpa, key_mgmt, mfp) in [
        (Mode::WpaPersonal, "1", "WPA-PSK", "0"),
        (Mode::Wpa2Personal, "2", "WPA-PSK", "0"),
        (Mode::WpaWpa2Personal, "3", "WPA-PSK", "0"),
        (Mode::Wpa3PersonalTransition, "2", "WPA-PSK SAE", "1"),
        (Mode::Wpa3Personal, "2", "SAE", "2"),
        (Mode::Wpa2Enterprise, "2", "WPA-EAP", "0"),
        (Mode::Wpa3Enterprise, "2", "WPA-EAP-SHA256", "2"),
        (Mode::Owe, "2", "OWE", "2"),
    ] {
        assert_eq!(said(mode, "wpa").as_deref(), Some(wpa), "{mode:?}");
        assert_eq!(said(mode, "wpa_key_mgmt").as_deref(), Some(key_mgmt), "{mode:?}");
        assert_eq!(said(mode, "ieee80211w").as_deref(), Some(mfp), "{mode:?}");
        assert_eq!(said(mode, "wpa_passphrase").is_some(), mode.is_personal(), "{mode:?}");
        assert_eq!(
            said(mode, "ieee8021x").as_deref(),
            Some(if mode.is_enterprise() { "1" } else { "0" }),
            "{mode:?}"
        );
    }
    assert_eq!(said(Mode::None, "wpa").as_deref(), Some("0"));
    assert_eq!(said(Mode::None, "wpa_passphrase"), None);
}

#[test]
fn a_protected_network_has_its_keys_before_its_name_and_an_open_one_after() {
    let position = |mode: Mode, wanted: &str| {
        lines("wlan0", &home(mode)).unwrap().iter().position(|line| line.0 == wanted)
    };
    assert!(position(Mode::Wpa2Personal, "wpa") < position(Mode::Wpa2Personal, "ssid2"));
    assert!(position(Mode::None, "ssid2") < position(Mode::None, "wpa"));
}

#[test]
fn what_hostapd_would_misread_is_refused() {
    let mut settings = home(Mode::Wpa2Personal);
    for passphrase in ["short", "tab\tin it", "newline\nwpa=0", "ünlautig", &"x".repeat(64)] {
        settings.security.passphrase = Secret::new(passphrase);
        assert!(matches!(lines("wlan0", &settings), Err(Failure::Impossible(_))), "{passphrase:?}");
    }
    settings.security.passphrase = Secret::default();
    settings.security.psk = Secret::new("g".repeat(64));
    assert!(lines("wlan0", &settings).is_err());
    let mut settings = home(Mode::Wpa3PersonalTransition);
    settings.security.sae = Secret::new("password|id=other");
    assert!(lines("wlan0", &settings).is_err());
    let mut settings = home(Mode::None);
    settings.ssid = Ssid::default();
    assert!(lines("wlan0", &settings).is_err());
}

#[test]
fn wps_is_for_networks_that_show_themselves_and_have_a_passphrase() {
    let mut settings = home(Mode::Wpa2Personal);
    settings.wps = Some(vec!["push_button"]);
    assert_eq!(lines("wlan0", &settings).unwrap().get("config_methods"), Some("push_button"));
    settings.advertised = false;
    assert!(lines("wlan0", &settings).is_err());
    for mode in [Mode::Wpa3Personal, Mode::Wpa2Enterprise, Mode::WpaPersonal, Mode::Owe] {
        let mut settings = home(mode);
        settings.wps = Some(vec!["push_button"]);
        assert!(lines("wlan0", &settings).is_err(), "{mode:?}");
    }
}

#[test]
fn what_a_network_lacks_is_said() {
    let lacking = |text: &str| lacks(&Lines::parse(text));
    assert_eq!(lacking("wpa=2\n"), Some("a passphrase"));
    assert_eq!(lacking("wpa=2\nwpa_psk=00\n"), None);
    assert_eq!(lacking("wpa=2\nwpa_key_mgmt=SAE\nwpa_psk=00\n"), Some("a passphrase"));
    assert_eq!(lacking("wpa=2\nieee8021x=1\nwpa_key_mgmt=WPA-EAP\n"), Some("a RADIUS server"));
    assert_eq!(lacking("wpa=0\n"), None);
}
