use super::*;

fn said(settings: &RadioSettings) -> Lines {
    lines(settings, &RadioSettings::default(), true).unwrap()
}

fn five(channel: u16, width: Width) -> RadioSettings {
    RadioSettings {
        band: Some(Band::Five),
        channel: Some(Tuning::Number(channel)),
        width: Some(width),
        standards: Some(vec![Standard::A, Standard::N, Standard::Ac]),
        ..RadioSettings::default()
    }
}

#[test]
fn wide_channels_have_their_middle() {
    for (channel, width, second, middle) in [
        (36, Width::W40, "[HT40+]", "38"),
        (40, Width::W40, "[HT40-]", "38"),
        (44, Width::W80, "[HT40+]", "42"),
        (64, Width::W160, "[HT40-]", "50"),
        (100, Width::W80, "[HT40+]", "106"),
        (149, Width::W80, "[HT40+]", "155"),
        (161, Width::W80, "[HT40-]", "155"),
    ] {
        let said = said(&five(channel, width));
        assert_eq!(said.get("ht_capab"), Some(second), "{channel} {width:?}");
        assert_eq!(said.get("vht_oper_centr_freq_seg0_idx"), Some(middle), "{channel} {width:?}");
    }
    assert_eq!(said(&five(36, Width::W20)).get("vht_oper_centr_freq_seg0_idx"), Some("0"));
    assert!(lines(&five(14, Width::W80), &RadioSettings::default(), true).is_err());
}

#[test]
fn six_gigahertz_has_classes_instead_of_halves() {
    let settings = RadioSettings {
        band: Some(Band::Six),
        channel: Some(Tuning::Number(37)),
        width: Some(Width::W80),
        standards: Some(vec![Standard::Ax]),
        ..RadioSettings::default()
    };
    let said = said(&settings);
    assert_eq!(said.get("op_class"), Some("133"));
    assert_eq!(said.get("he_oper_centr_freq_seg0_idx"), Some("39"));
    assert_eq!(said.get("ieee80211n"), Some("0"));
    assert_eq!(said.get("ht_capab"), None);
    assert_eq!(super::settings(&said).band, Some(Band::Six));
    assert_eq!(super::settings(&said).width, Some(Width::W80));
}

#[test]
fn what_is_to_stay_is_not_said() {
    let nothing = RadioSettings::default();
    assert!(lines(&nothing, &nothing, false).unwrap().is_empty());
    assert_eq!(lines(&nothing, &nothing, true).unwrap().get("channel"), Some("1"));
    let before = said(&five(36, Width::W80));
    let settings = RadioSettings { channel: Some(Tuning::Number(149)), ..nothing };
    let after = lines(&settings, &super::settings(&before), false).unwrap();
    assert_eq!(after.get("vht_oper_centr_freq_seg0_idx"), Some("155"), "the width stays");
    assert_eq!(after.get("hw_mode"), Some("a"));
}

#[test]
fn what_was_said_for_another_band_is_not_kept() {
    let settings = RadioSettings { band: Some(Band::Two), ..RadioSettings::default() };
    let after = lines(&settings, &super::settings(&said(&five(36, Width::W80))), false).unwrap();
    assert_eq!(after.get("channel"), Some("1"));
    assert_eq!(after.get("hw_mode"), Some("g"));
    assert_eq!(after.get("ieee80211ac"), Some("0"));
    assert_eq!(after.get("ht_capab"), Some(""));
}

#[test]
fn old_standards_are_a_matter_of_rates() {
    let of = |standards: &[Standard]| {
        said(&RadioSettings {
            band: Some(Band::Two),
            standards: Some(standards.to_vec()),
            ..RadioSettings::default()
        })
    };
    assert_eq!(of(&[Standard::B]).get("hw_mode"), Some("b"));
    assert_eq!(of(&[Standard::G, Standard::N]).get("supported_rates"), Some(OFDM_RATES));
    assert_eq!(of(&[Standard::B, Standard::G]).get("ieee80211n"), Some("0"));
    assert_eq!(of(&[Standard::N]).get("require_ht"), Some("1"));
    for standards in
        [vec![Standard::B], vec![Standard::G], vec![Standard::B, Standard::G, Standard::N], vec![Standard::N]]
    {
        assert_eq!(super::settings(&of(&standards)).standards, Some(standards));
    }
}

#[test]
fn a_country_is_told_to_stations() {
    let settings =
        RadioSettings { country: Some("DEI".to_owned()), spectrum: Some(true), ..RadioSettings::default() };
    let said = lines(&settings, &RadioSettings::default(), false).unwrap();
    assert_eq!(said.text(), "country_code=DE\ncountry3=0x49\nieee80211d=1\nieee80211h=1\n");
    assert_eq!(super::settings(&said).country.as_deref(), Some("DEI"));
    for country in ["", "D", "de", "D\n", "DE\n\n", "ÄÖ"] {
        let settings = RadioSettings { country: Some(country.to_owned()), ..RadioSettings::default() };
        assert!(lines(&settings, &RadioSettings::default(), false).is_err(), "{country:?}");
    }
}

#[test]
fn spectrum_management_needs_a_country() {
    let settings = RadioSettings { spectrum: Some(true), ..RadioSettings::default() };
    assert!(matches!(lines(&settings, &RadioSettings::default(), false), Err(Failure::Impossible(_))));
    let before = RadioSettings { country: Some("DE".to_owned()), ..RadioSettings::default() };
    assert!(lines(&settings, &before, false).is_ok());
}
