//! A network's settings in hostapd's words, and back.

use super::lines::{from_hex, Lines};
use super::reply::Told;
use crate::back_end::Failure;
use crate::facts::{Mac, Ssid};
use crate::plan::{BssSettings, Mfp, Mode, Radius, Secret, Security};

/// hostapd's own limit of stations, which stands for "as many as the radio can".
const MOST_STATIONS: &str = "2007";

/// Seconds between two keys of the group, where nothing is said, for CCMP and for TKIP.
const REKEY_CCMP: u32 = 86_400;
const REKEY_TKIP: u32 = 600;

/// How many digits a key of 256 bits has.
const KEY_DIGITS: usize = 64;

/// The methods of WPS that hostapd has without more hardware than a button.
pub(super) const WPS_METHODS: [&str; 6] =
    ["push_button", "virtual_push_button", "physical_push_button", "keypad", "label", "display"];

/// What a mode is in hostapd's words. `wpa`: 1 WPA, 2 WPA2 and WPA3, 3 both.
struct Words {
    wpa: &'static str,
    key_mgmt: &'static str,
    tkip: bool,
    /// The least protection of management frames that the mode allows.
    mfp: Mfp,
}

/// WPA3-Enterprise is the one that every server for WPA2 serves, with protected management frames. Its other form, of 192 bits,
/// wants certificates on P-384 and ciphers that many radios lack; the model has no word that tells them apart.
fn words(mode: Mode, mfp: Mfp) -> Words {
    let with_sha256 = mfp != Mfp::Disabled;
    let (wpa, key_mgmt, tkip, least) = match mode {
        Mode::None => ("0", "", false, Mfp::Disabled),
        Mode::WpaPersonal => ("1", "WPA-PSK", true, Mfp::Disabled),
        Mode::WpaWpa2Personal => ("3", "WPA-PSK", true, Mfp::Disabled),
        Mode::Wpa2Personal if with_sha256 => ("2", "WPA-PSK WPA-PSK-SHA256", false, Mfp::Disabled),
        Mode::Wpa2Personal => ("2", "WPA-PSK", false, Mfp::Disabled),
        Mode::Wpa3PersonalTransition => ("2", "WPA-PSK SAE", false, Mfp::Optional),
        Mode::Wpa3Personal => ("2", "SAE", false, Mfp::Required),
        Mode::WpaEnterprise => ("1", "WPA-EAP", true, Mfp::Disabled),
        Mode::WpaWpa2Enterprise => ("3", "WPA-EAP", true, Mfp::Disabled),
        Mode::Wpa2Enterprise if with_sha256 => ("2", "WPA-EAP WPA-EAP-SHA256", false, Mfp::Disabled),
        Mode::Wpa2Enterprise => ("2", "WPA-EAP", false, Mfp::Disabled),
        Mode::Wpa3Enterprise => ("2", "WPA-EAP-SHA256", false, Mfp::Required),
        Mode::Owe => ("2", "OWE", false, Mfp::Required),
    };
    Words { wpa, key_mgmt, tkip, mfp: least }
}

/// `wpa_key_mgmt` of a mode: a build of hostapd may not know it.
pub(super) fn key_mgmt(mode: Mode) -> &'static str {
    words(mode, Mfp::Disabled).key_mgmt
}

fn level(mfp: Mfp) -> u8 {
    match mfp {
        Mfp::Disabled => 0,
        Mfp::Optional => 1,
        Mfp::Required => 2,
    }
}

/// Everything that is to be said of a network. Secrets that are not given are not in it.
pub(super) fn lines(interface: &str, settings: &BssSettings) -> Result<Lines, Failure> {
    let mut lines = Lines::default();
    if settings.ssid.is_empty() {
        return Err(Failure::Impossible(format!("hostapd has no network without a name, on {interface}")));
    }
    let flag = |on: bool| if on { "1" } else { "0" };
    let protection = security(&settings.security)?;
    // Whoever is let in as soon as the name is there finds the protection there already, and the other way round.
    let open = settings.security.mode == Mode::None;
    if open {
        lines.push("ssid2", settings.ssid.hex())?;
        lines.append(&protection);
    } else {
        lines.append(&protection);
        lines.push("ssid2", settings.ssid.hex())?;
    }
    lines.push("ignore_broadcast_ssid", flag(!settings.advertised))?;
    lines.push("wmm_enabled", flag(settings.wmm))?;
    lines.push("uapsd_advertisement_enabled", flag(settings.wmm && settings.uapsd))?;
    lines.push("ap_isolate", flag(settings.isolated))?;
    match settings.max_stations {
        Some(number) if number <= 2_007 => lines.push("max_num_sta", number.to_string())?,
        _ => lines.push("max_num_sta", MOST_STATIONS)?,
    }
    lines.push("macaddr_acl", flag(settings.allowed.is_some()))?;
    match &settings.wps {
        None => lines.push("wps_state", "0")?,
        Some(methods) => {
            let with_passphrase = matches!(
                settings.security.mode,
                Mode::Wpa2Personal | Mode::WpaWpa2Personal | Mode::Wpa3PersonalTransition
            );
            if !open && !with_passphrase {
                return Err(Failure::Impossible(
                    "WPS hands out passphrases of WPA2, and nothing else".to_owned(),
                ));
            }
            if !settings.advertised {
                return Err(Failure::Impossible("WPS needs a network that tells its name".to_owned()));
            }
            lines.push("config_methods", methods.join(" "))?;
            lines.push("eap_server", "1")?;
            // Nobody reconfigures the access point by a PIN.
            lines.push("ap_setup_locked", "1")?;
            lines.push("wps_state", "2")?;
        }
    }
    Ok(lines)
}

/// The protection, in an order that is safe while the network is on the air.
fn security(security: &Security) -> Result<Lines, Failure> {
    let mut lines = Lines::default();
    let words = words(security.mode, security.mfp);
    if security.mode == Mode::None {
        lines.push("ieee8021x", "0")?;
        lines.push("wpa", "0")?;
        return Ok(lines);
    }
    if security.mode.is_enterprise() {
        for radius in [&security.radius, &security.second_radius].into_iter().flatten() {
            server(&mut lines, radius)?;
        }
    }
    // hostapd forgets its ciphers while this is on without WPA.
    let enterprise = security.mode.is_enterprise();
    if !enterprise {
        lines.push("ieee8021x", "0")?;
    }
    if words.tkip {
        lines.push("wpa_pairwise", "TKIP")?;
    }
    if words.wpa != "1" {
        lines.push("rsn_pairwise", "CCMP")?;
    }
    // The first WPA has none.
    let mfp = if words.wpa == "1" { 0 } else { level(security.mfp).max(level(words.mfp)) };
    lines.push("ieee80211w", mfp.to_string())?;
    if words.key_mgmt.contains("SAE") {
        // Old and new ways to derive a key from a passphrase.
        lines.push("sae_pwe", "2")?;
        lines.push("sae_require_mfp", "1")?;
    }
    lines.push("wpa_key_mgmt", words.key_mgmt)?;
    lines.push("wpa_group_rekey", security.rekey.to_string())?;
    if security.mode.is_personal() {
        passphrase(&mut lines, security)?;
    }
    lines.push("wpa", words.wpa)?;
    if enterprise {
        lines.push("ieee8021x", "1")?;
    }
    // With TKIP alone hostapd switches these off by itself, and never on again.
    for standard in ["disable_11n", "disable_11ac", "disable_11ax"] {
        lines.push(standard, if words.wpa == "1" { "1" } else { "0" })?;
    }
    Ok(lines)
}

/// Every line of the protection, as it is, in an order that is safe.
pub(super) fn protection_of(lines: &Lines) -> Lines {
    const KEYS: [&str; 13] = [
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
    let mut found = Lines::default();
    let mut say = |key: &str| {
        if let Some(value) = lines.get(key).map(str::to_owned).or_else(|| default_of(key, lines)) {
            found.add(key, &value);
        }
    };
    let enterprise = lines.is_on("ieee8021x");
    if !enterprise {
        say("ieee8021x");
    }
    KEYS.into_iter().for_each(&mut say);
    if enterprise {
        say("ieee8021x");
    }
    found
}

fn server(lines: &mut Lines, radius: &Radius) -> Result<(), Failure> {
    lines.push("auth_server_addr", radius.ip.to_string())?;
    lines.push("auth_server_port", radius.port.to_string())?;
    if !radius.secret.is_empty() {
        lines.push("auth_server_shared_secret", radius.secret.reveal())?;
    }
    Ok(())
}

fn passphrase(lines: &mut Lines, security: &Security) -> Result<(), Failure> {
    let alone = security.mode == Mode::Wpa3Personal;
    let main = if alone && !security.sae.is_empty() { &security.sae } else { &security.passphrase };
    if !main.is_empty() {
        let text = main.reveal();
        if !(8..=63).contains(&text.len()) || !text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            return Err(Failure::Impossible(
                "a passphrase of WPA has 8 to 63 characters, all of them printable ones of ASCII".to_owned(),
            ));
        }
        lines.push("wpa_passphrase", text)?;
    } else if !security.psk.is_empty() {
        if alone {
            return Err(Failure::Impossible("WPA3 needs a passphrase, a key is not enough".to_owned()));
        }
        let digits = security.psk.reveal();
        if digits.len() != KEY_DIGITS || from_hex(digits).is_none() {
            return Err(Failure::Impossible("a key of WPA has 64 hexadecimal digits".to_owned()));
        }
        lines.push("wpa_psk", digits.to_ascii_lowercase())?;
    }
    if security.mode == Mode::Wpa3PersonalTransition
        && !security.sae.is_empty()
        && security.sae.reveal() != security.passphrase.reveal()
    {
        // hostapd has words of its own behind a stroke.
        if security.sae.reveal().contains('|') {
            return Err(Failure::Impossible(
                "hostapd takes no passphrase of SAE alone with a | in it".to_owned(),
            ));
        }
        lines.push("sae_password", security.sae.reveal())?;
    }
    Ok(())
}

/// Whether a key is a matter of one network, and not of its radio.
pub(super) fn is_of_network(key: &str) -> bool {
    const NAMES: [&str; 22] = [
        "ssid2",
        "utf8_ssid",
        "bridge",
        "bssid",
        "ignore_broadcast_ssid",
        "wmm_enabled",
        "uapsd_advertisement_enabled",
        "ap_isolate",
        "max_num_sta",
        "macaddr_acl",
        "accept_mac_file",
        "deny_mac_file",
        "config_methods",
        "eap_server",
        "ap_setup_locked",
        "auth_algs",
        "ieee8021x",
        "rsn_pairwise",
        "group_cipher",
        "nas_identifier",
        "dtim_period",
        "vendor_elements",
    ];
    const FAMILIES: [&str; 7] =
        ["wpa", "wps_", "sae_", "auth_server_", "acct_server_", "ieee80211w", "disable_11"];
    NAMES.contains(&key) || FAMILIES.iter().any(|family| key.starts_with(family))
}

/// Whether a network with these lines has what its mode needs; none, or what is missing.
pub(super) fn lacks(lines: &Lines) -> Option<&'static str> {
    let key_mgmt = lines.get("wpa_key_mgmt").unwrap_or("WPA-PSK");
    let protected = lines.is_on("wpa");
    let phrase = lines.get("wpa_passphrase").is_some();
    let key = phrase || lines.get("wpa_psk").is_some() || lines.get("wpa_psk_file").is_some();
    if protected && key_mgmt.contains("PSK") && !key {
        return Some("a passphrase");
    }
    if protected && key_mgmt.contains("SAE") && !phrase && lines.get("sae_password").is_none() {
        return Some("a passphrase");
    }
    if lines.is_on("ieee8021x") && lines.get("auth_server_addr").is_none() && !lines.is_on("eap_server") {
        return Some("a RADIUS server");
    }
    if lines.is_on("ieee8021x")
        && lines.get("auth_server_addr").is_some()
        && lines.get("auth_server_shared_secret").is_none()
    {
        return Some("the secret of the RADIUS server");
    }
    None
}

/// What hostapd does where a key is not said; none where it depends on the build or on other keys.
pub(super) fn default_of(key: &str, lines: &Lines) -> Option<String> {
    let text = match key {
        "wmm_enabled" if lines.is_on("ieee80211n") || lines.is_on("ieee80211ax") => "1",
        "wpa"
        | "ieee8021x"
        | "ieee80211w"
        | "ignore_broadcast_ssid"
        | "uapsd_advertisement_enabled"
        | "ap_isolate"
        | "macaddr_acl"
        | "wps_state"
        | "eap_server"
        | "sae_pwe"
        | "sae_require_mfp"
        | "ap_setup_locked"
        | "disable_11n"
        | "disable_11ac"
        | "disable_11ax"
        | "wmm_enabled" => "0",
        "max_num_sta" => MOST_STATIONS,
        "wpa_key_mgmt" => "WPA-PSK",
        "wpa_pairwise" => "TKIP",
        "rsn_pairwise" => lines.get("wpa_pairwise").unwrap_or("TKIP"),
        "wpa_group_rekey" => return Some(rekey_of(lines).to_string()),
        _ => return None,
    };
    Some(text.to_owned())
}

fn rekey_of(lines: &Lines) -> u32 {
    let pairwise = lines.get("wpa_pairwise").unwrap_or("TKIP");
    let rsn = lines.get("rsn_pairwise").unwrap_or(pairwise);
    let tkip = match lines.get("wpa") {
        Some("2") => rsn.contains("TKIP"),
        _ => pairwise.contains("TKIP"),
    };
    lines.number("wpa_group_rekey").unwrap_or(if tkip { REKEY_TKIP } else { REKEY_CCMP })
}

/// What the lines say, and what hostapd told; secrets are not in it.
pub(super) fn settings(lines: &Lines, told: Option<&Told>, allowed: &[Mac]) -> BssSettings {
    let ssid = lines.get("ssid2").and_then(from_hex).and_then(Ssid::new).unwrap_or_default();
    let wpa = told.map_or_else(|| lines.number("wpa").unwrap_or(0), |told| told.wpa);
    let key_mgmt: Vec<&str> = match told {
        Some(told) => told.key_mgmt.iter().map(String::as_str).collect(),
        None => lines.get("wpa_key_mgmt").unwrap_or("WPA-PSK").split_whitespace().collect(),
    };
    let mut servers = radius(lines).into_iter();
    let on = |key: &str| {
        lines
            .get(key)
            .map_or_else(|| default_of(key, lines).is_some_and(|value| value != "0"), |value| value != "0")
    };
    BssSettings {
        ssid: told.map_or(ssid, |told| told.ssid.clone()),
        advertised: !on("ignore_broadcast_ssid"),
        security: Security {
            mode: mode(wpa, &key_mgmt),
            mfp: match lines.get("ieee80211w") {
                Some("2") => Mfp::Required,
                Some("1") => Mfp::Optional,
                _ => Mfp::Disabled,
            },
            radius: servers.next(),
            second_radius: servers.next(),
            rekey: rekey_of(lines),
            ..Security::default()
        },
        wmm: on("wmm_enabled"),
        uapsd: on("uapsd_advertisement_enabled"),
        isolated: on("ap_isolate"),
        max_stations: lines.number("max_num_sta").filter(|number| *number < 2_007),
        allowed: (lines.get("macaddr_acl") == Some("1")).then(|| allowed.to_vec()),
        wps: on("wps_state").then(|| {
            let methods = lines.get("config_methods").unwrap_or_default();
            WPS_METHODS
                .into_iter()
                .filter(|known| methods.split(' ').any(|method| method == *known))
                .collect()
        }),
    }
}

fn mode(wpa: u8, key_mgmt: &[&str]) -> Mode {
    let any = |words: &[&str]| key_mgmt.iter().any(|word| words.contains(word));
    let psk = any(&["WPA-PSK", "WPA-PSK-SHA256", "FT-PSK", "WPA-FT-PSK", "WPA2-PSK"]);
    let sae = any(&["SAE", "FT-SAE"]);
    let eap = any(&["WPA-EAP"]);
    let eap_sha256 = any(&["WPA-EAP-SHA256", "WPA-EAP-SUITE-B", "WPA-EAP-SUITE-B-192"]);
    match wpa {
        0 => Mode::None,
        1 if eap => Mode::WpaEnterprise,
        1 => Mode::WpaPersonal,
        3 if eap => Mode::WpaWpa2Enterprise,
        3 => Mode::WpaWpa2Personal,
        _ if any(&["OWE"]) => Mode::Owe,
        _ if eap => Mode::Wpa2Enterprise,
        _ if eap_sha256 => Mode::Wpa3Enterprise,
        _ if sae && psk => Mode::Wpa3PersonalTransition,
        _ if sae => Mode::Wpa3Personal,
        _ => Mode::Wpa2Personal,
    }
}

fn radius(lines: &Lines) -> Vec<Radius> {
    let mut servers: Vec<Radius> = Vec::new();
    for (key, value) in lines.iter() {
        match (key, servers.last_mut()) {
            ("auth_server_addr", _) => {
                if let Ok(ip) = value.parse() {
                    servers.push(Radius { ip, port: 1812, secret: Secret::default() });
                }
            }
            ("auth_server_port", Some(server)) => server.port = value.parse().unwrap_or(1812),
            _ => {}
        }
    }
    servers
}

#[cfg(test)]
#[path = "network_tests.rs"]
mod tests;
