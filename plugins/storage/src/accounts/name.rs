use std::collections::BTreeSet;

use crate::back_end::Failure;
use crate::control::printable;
use crate::plan::Offer;

/// The longest name of an account, as the system allows.
const MAX_NAME: usize = 31;
/// The longest name of a share: a client of SMB may not show more.
const MAX_SHARE: usize = 80;
/// The most bytes of a password that every program takes.
const MAX_PASSWORD: usize = 127;
/// The most accounts: all of them fit into what says who may use a share.
pub(crate) const MAX_ACCOUNTS: usize = 200;
/// The most shares.
pub(crate) const MAX_SHARES: usize = 500;

/// Names that mean something else to a server.
const RESERVED: [&str; 6] = ["anonymous", "ftp", "guest", "root", "nobody", "administrator"];
/// Shares that a server has itself.
const RESERVED_SHARES: [&str; 7] =
    ["ipc$", "admin$", "print$", "global", "homes", "printers", "cwmpd-template"];

/// Refuses an offer that cannot be made true, before anything is changed for it.
pub(crate) fn check(offer: &Offer) -> Result<(), Failure> {
    let impossible = |text: String| Err(Failure::Impossible(text));
    if offer.accounts.len() > MAX_ACCOUNTS || offer.shares.len() > MAX_SHARES {
        return impossible("too many accounts or shares".to_owned());
    }
    let mut names = BTreeSet::new();
    for account in &offer.accounts {
        let name = &account.name;
        if !is_account(name) {
            return impossible(format!("an account cannot be called {}", printable(name)));
        }
        if !names.insert(name.to_ascii_lowercase()) {
            return impossible(format!("there are two accounts {name}"));
        }
        let password = account.password.reveal();
        if password.is_empty() || password.len() > MAX_PASSWORD || password.chars().any(char::is_control) {
            return impossible(format!(
                "the password of {name} is empty, too long, or has more than one line"
            ));
        }
    }
    let mut shares = BTreeSet::new();
    for share in &offer.shares {
        if !is_share(&share.name) {
            return impossible(format!("a share cannot be called {}", printable(&share.name)));
        }
        if !shares.insert(share.name.to_ascii_lowercase()) {
            return impossible(format!("there are two shares {}", share.name));
        }
    }
    for name in [&offer.host_name, &offer.domain] {
        if !is_network_name(name) {
            return impossible(format!("{} is no name of a network", printable(name)));
        }
    }
    Ok(())
}

/// Whether a share cannot be called this.
pub(crate) fn is_reserved_share(name: &str) -> bool {
    RESERVED_SHARES.contains(&name.to_ascii_lowercase().as_str())
}

/// Whether a machine can be called this in a network.
pub(crate) fn is_network_name(name: &str) -> bool {
    name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_'))
}

pub(crate) fn is_account(name: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    name.len() <= MAX_NAME
        && name.chars().all(good)
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && !RESERVED.contains(&name.to_ascii_lowercase().as_str())
}

fn is_share(name: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    (1..=MAX_SHARE).contains(&name.len())
        && name.chars().all(good)
        && name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && !is_reserved_share(name)
}
