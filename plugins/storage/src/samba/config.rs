use std::fmt::Write as _;
use std::path::Path;

use crate::back_end::Failure;
use crate::control::Settings;
use crate::plan::Offer;

/// The folders that are only smbd's.
pub(super) const FOLDERS: [&str; 6] = ["lock", "cache", "pid", "ncalrpc", "log", "state"];
/// The longest name that a machine or a workgroup has in NetBIOS.
const MAX_NETBIOS: usize = 15;

/// What a path is in the configuration: it is the integrator's, but this file has no way to quote.
fn quoted(path: &Path) -> Result<String, Failure> {
    let text = path.display().to_string();
    if text.chars().any(|c| c.is_control() || matches!(c, '%' | '"' | ';' | '#' | '\u{FFFD}')) {
        return Err(Failure::Impossible(format!("{text} cannot be configured")));
    }
    Ok(text)
}

/// What holds for all shares. Shares and accounts are not in it.
pub(super) fn text(offer: &Offer, settings: &Settings, guest: &str) -> Result<String, Failure> {
    let own = quoted(&settings.run.join("samba"))?;
    let mut text = String::from("[global]\n");
    let mut set = |name: &str, value: &str| {
        // Writing into a String does not fail.
        let _ = writeln!(text, "  {name} = {value}");
    };
    // Its characters are checked.
    let netbios = |name: &str| name.chars().take(MAX_NETBIOS).filter(|&c| c != '.').collect::<String>();
    for (name, value) in [("netbios name", netbios(&offer.host_name)), ("workgroup", netbios(&offer.domain))]
    {
        if !value.is_empty() {
            set(name, &value);
        }
    }
    set("server role", "standalone server");
    set("server min protocol", "SMB2_02");
    set("disable netbios", "yes");
    set("smb ports", &settings.smb_port.to_string());
    for (name, folder) in [
        ("lock directory", "lock"),
        ("cache directory", "cache"),
        ("pid directory", "pid"),
        ("ncalrpc dir", "ncalrpc"),
        ("state directory", "state"),
    ] {
        set(name, &format!("{own}/{folder}"));
    }
    set("log file", &format!("{own}/log/smbd.log"));
    set("max log size", "100");
    let private = quoted(&settings.state.join("samba"))?;
    set("private dir", &private);
    set("passdb backend", &format!("tdbsam:{private}/passdb.tdb"));
    // A wrong password is never a guest; only a name that nobody has is.
    set("map to guest", "Bad User");
    set("guest account", guest);
    set("obey pam restrictions", "no");
    set("restrict anonymous", "0");
    set("usershare path", &quoted(&settings.run.join("usershares"))?);
    set("usershare max shares", "1000");
    set("usershare allow guests", "yes");
    set("usershare owner only", "no");
    set("usershare prefix allow list", &quoted(&settings.run.join("smb"))?);
    set("usershare template share", TEMPLATE);
    set("load printers", "no");
    set("printcap name", "/dev/null");
    set("disable spoolss", "yes");
    if let Some(include) = &settings.smb_include {
        set("include", &quoted(include)?);
    }
    let _ = write!(text, "[{TEMPLATE}]\n{RULES}");
    Ok(text)
}

/// A share that is none: the others are made after it.
const TEMPLATE: &str = "cwmpd-template";
/// Whatever somebody makes, all others of the share can use.
const RULES: &str = "  -valid = no
  path = /nonexistent
  create mask = 0660
  force create mode = 0660
  directory mask = 2770
  force directory mode = 2770
  map archive = no
  wide links = no
";
