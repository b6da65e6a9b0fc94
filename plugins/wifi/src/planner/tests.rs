//! Plans of what was set over what the image made.

use proptest::prelude::*;

use super::*;
use crate::plan::{Radius, Secret};
use crate::wish::RadiusWish;

const MODES: [Mode; 11] = [
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
];

fn abilities(modes: &[Mode]) -> ApAbilities {
    ApAbilities {
        networks: 4,
        modes: modes.to_vec(),
        wps: vec!["push_button"],
        chooses_channel: true,
        lists: true,
    }
}

fn name() -> Ssid {
    Ssid::new(*b"name").unwrap()
}

fn plan(image: Option<&BssSettings>, wish: &ApWish) -> (BssSettings, Option<Misconfigured>) {
    let abilities = abilities(&MODES);
    let settings = bss(image, &name(), wish, Some(&abilities));
    let wrong = wrong(&settings, image, Some(&abilities));
    (settings, wrong)
}

fn secret() -> impl Strategy<Value = Secret> {
    prop_oneof![Just(Secret::default()), "[a-z]{8}".prop_map(Secret::new)]
}

fn radius() -> impl Strategy<Value = RadiusWish> {
    (proptest::option::of(any::<[u8; 4]>()), secret()).prop_map(|(ip, secret)| RadiusWish {
        ip: ip.map(Into::into),
        none: false,
        port: None,
        secret,
    })
}

prop_compose! {
    fn security_wish()(
        mode in proptest::option::of(prop::sample::select(MODES.to_vec())),
        passphrase in secret(),
        psk in secret(),
        later in any::<bool>(),
        sae in secret(),
        radius in radius(),
    ) -> SecurityWish {
        let psk_counts = !psk.is_empty() && (later || passphrase.is_empty());
        SecurityWish { mode, passphrase, psk, psk_counts, sae, radius, ..SecurityWish::default() }
    }
}

proptest! {
    /// Nothing is on the air without what its mode promises.
    #[test]
    fn a_network_of_an_acs_has_the_keys_of_its_mode_or_is_wrong(security in security_wish()) {
        let (settings, wrong) = plan(None, &ApWish { security, ..ApWish::default() });
        let security = settings.security;
        let (passphrase, psk) = (!security.passphrase.is_empty(), !security.psk.is_empty());
        let good = match security.mode {
            Mode::None | Mode::Owe => true,
            Mode::WpaPersonal | Mode::Wpa2Personal | Mode::WpaWpa2Personal => passphrase || psk,
            Mode::Wpa3Personal => passphrase || !security.sae.is_empty(),
            Mode::Wpa3PersonalTransition => passphrase || (psk && !security.sae.is_empty()),
            _ => security.radius.is_some_and(|radius| !radius.secret.is_empty()),
        };
        prop_assert_eq!(wrong.is_none(), good);
        prop_assert!(!(passphrase && psk), "one of the two counts");
    }

    /// A network becomes open only if somebody says so, in so many words.
    #[test]
    fn a_network_is_open_only_if_that_was_set(security in security_wish()) {
        let said = security.mode;
        let (settings, _) = plan(None, &ApWish { security, ..ApWish::default() });
        prop_assert_eq!(settings.security.mode == Mode::None, said == Some(Mode::None));
    }

    /// What nobody set is the image's, whatever else was set.
    #[test]
    fn what_was_not_set_is_the_image_s(isolated in proptest::option::of(any::<bool>()), max in proptest::option::of(1_u32..9)) {
        let (image, _) = plan(None, &ApWish { wmm: Some(false), advertised: Some(false), ..ApWish::default() });
        let wish = ApWish { isolated, max_stations: max, ..ApWish::default() };
        let (settings, _) = plan(Some(&image), &wish);
        let expected = BssSettings {
            isolated: isolated.unwrap_or(image.isolated),
            max_stations: max,
            ..image.clone()
        };
        prop_assert_eq!(settings, expected);
    }
}

#[test]
fn management_frames_are_protected_where_the_standard_wants_it() {
    use crate::objects::MfpConfig;
    let mfp = |mode, wanted| {
        let security = SecurityWish { mode: Some(mode), mfp: Some(wanted), ..SecurityWish::default() };
        plan(None, &ApWish { security, ..ApWish::default() }).0.security.mfp
    };
    for mode in [Mode::Wpa3Personal, Mode::Wpa3Enterprise, Mode::Owe] {
        assert_eq!(mfp(mode, MfpConfig::Disabled), Mfp::Required);
    }
    assert_eq!(mfp(Mode::Wpa3PersonalTransition, MfpConfig::Disabled), Mfp::Optional);
    assert_eq!(mfp(Mode::Wpa3PersonalTransition, MfpConfig::Required), Mfp::Required);
    assert_eq!(mfp(Mode::Wpa2Personal, MfpConfig::Optional), Mfp::Optional);
    assert_eq!(mfp(Mode::None, MfpConfig::Required), Mfp::Disabled);
}

#[test]
fn a_mode_that_the_service_does_not_know_is_wrong_unless_it_is_the_image_s() {
    let security = SecurityWish {
        mode: Some(Mode::Wpa3Personal),
        sae: Secret::new("correct horse"),
        ..SecurityWish::default()
    };
    let few = abilities(&[Mode::Wpa2Personal]);
    let settings = bss(None, &name(), &ApWish { security, ..ApWish::default() }, Some(&few));
    assert_eq!(wrong(&settings, None, Some(&few)), Some(Misconfigured::UnknownMode));
    assert_eq!(wrong(&settings, Some(&settings), Some(&few)), None);
}

#[test]
fn a_new_key_takes_the_place_of_all_that_the_image_has() {
    let old = Security {
        mode: Mode::Wpa3PersonalTransition,
        passphrase: Secret::new("of the image"),
        sae: Secret::new("another of the image"),
        ..Security::default()
    };
    let wish = SecurityWish { passphrase: Secret::new("correct horse"), ..SecurityWish::default() };
    let new = security(&old, &wish);
    assert_eq!(new.passphrase.reveal(), "correct horse");
    assert!(new.sae.is_empty(), "an old one would still let its holders in");
}

#[test]
fn a_secret_of_radius_is_kept_when_its_server_moves() {
    let base = Radius { ip: [192, 0, 2, 1].into(), port: 1645, secret: Secret::new("hush") };
    let wish = RadiusWish { ip: Some([192, 0, 2, 2].into()), ..RadiusWish::default() };
    let moved = wish.over(Some(&base)).unwrap();
    assert_eq!((moved.ip, moved.port, moved.secret.reveal()), ([192, 0, 2, 2].into(), 1645, "hush"));
    assert_eq!(RadiusWish { none: true, ..RadiusWish::default() }.over(Some(&base)), None);
    assert_eq!(RadiusWish::default().over(None), None);
}

#[test]
fn a_list_of_stations_counts_only_if_it_is_wanted() {
    let mac = crate::facts::Mac([2; 6]);
    let wish = ApWish { allowed: Some(vec![mac]), ..ApWish::default() };
    assert_eq!(plan(None, &wish).0.allowed, None);
    let wish = ApWish { control: Some(true), ..wish };
    assert_eq!(plan(None, &wish).0.allowed, Some(vec![mac]));
    let wish = ApWish { allowed: None, ..wish };
    assert_eq!(plan(None, &wish).0.allowed, Some(Vec::new()), "an empty list lets nobody in");
}

#[test]
fn wps_needs_a_method_and_a_service_that_knows_it() {
    let on = ApWish { wps: Some(true), ..ApWish::default() };
    assert_eq!(plan(None, &on).0.wps, None, "the standard's default alone opens nothing");
    let button = ApWish { methods: Some(vec!["push_button"]), ..on };
    assert_eq!(plan(None, &button).0.wps, Some(vec!["push_button"]));
    let without = ApAbilities { wps: Vec::new(), ..abilities(&MODES) };
    assert_eq!(bss(None, &name(), &button, Some(&without)).wps, None);
    let off = ApWish { wps: Some(false), ..button };
    assert_eq!(plan(None, &off).0.wps, None);
}
