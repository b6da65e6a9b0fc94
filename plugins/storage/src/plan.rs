//! What shall be: volumes to make, and one plan of accounts and shares for all servers.

use std::path::PathBuf;

pub(crate) use cwmp_plugin_sdk::Secret;

/// A volume that an ACS wants: a partition of a drive, with a filesystem on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewVolume {
    /// The key of the drive.
    pub(crate) drive: String,
    /// In bytes; `None`: all that is free.
    pub(crate) size: Option<u64>,
    pub(crate) filesystem: String,
    pub(crate) label: String,
}

/// What may be done with a folder; in this order the bits 4, 2 and 1 of the standard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Permissions {
    pub(crate) read: bool,
    pub(crate) write: bool,
    pub(crate) execute: bool,
}

/// Somebody who may log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) password: Secret,
    /// Whether by FTP, too.
    pub(crate) ftp: bool,
}

/// A folder that is offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Share {
    /// What clients see; one word, made of the folder's name, unique.
    pub(crate) name: String,
    /// The folder, on a volume that is mounted.
    pub(crate) path: PathBuf,
    /// Who may do what; names of accounts.
    pub(crate) access: Vec<(String, Permissions)>,
    /// What everybody with an account may do.
    pub(crate) accounts: Permissions,
    /// What everybody may do, without an account, by protocols of the network.
    pub(crate) guests: Permissions,
    /// What everybody with an account may do by FTP.
    pub(crate) ftp: Permissions,
}

impl Permissions {
    fn is_within(self, other: Self) -> bool {
        self.read <= other.read && self.write <= other.write && self.execute <= other.execute
    }
}

/// What the FTP server does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ftp {
    pub(crate) port: u16,
    pub(crate) max_users: u32,
    /// In seconds; 0: never.
    pub(crate) idle: u32,
    /// The folder of those without an account, and whether they only read.
    pub(crate) anonymous: Option<(PathBuf, bool)>,
}

/// Everything that is offered, to whom, and how.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Offer {
    /// What the device is called on the network.
    pub(crate) host_name: String,
    /// The workgroup or domain.
    pub(crate) domain: String,
    pub(crate) accounts: Vec<Account>,
    pub(crate) shares: Vec<Share>,
    pub(crate) smb: bool,
    pub(crate) nfs: bool,
    pub(crate) ftp: Option<Ftp>,
}

impl Offer {
    /// Whether nobody may do more than by another offer, or anything else.
    pub(crate) fn is_within(&self, other: &Self) -> bool {
        let named = (self.host_name == other.host_name) && (self.domain == other.domain);
        let account = |account: &Account| {
            let mut same = other.accounts.iter().filter(|old| old.name == account.name);
            same.any(|old| old.password == account.password && account.ftp <= old.ftp)
        };
        let accounts = self.accounts.iter().all(account);
        let share = |share: &Share| {
            let mut same =
                other.shares.iter().filter(|old| (&old.name, &old.path) == (&share.name, &share.path));
            same.any(|old| share.is_within(old))
        };
        let ftp = match (&self.ftp, &other.ftp) {
            (None, _) => true,
            (Some(ftp), Some(old)) => {
                let less = ftp.anonymous.is_none() || ftp.anonymous == old.anonymous;
                less && Ftp { anonymous: None, ..ftp.clone() } == Ftp { anonymous: None, ..old.clone() }
            }
            (Some(_), None) => false,
        };
        let servers = self.smb <= other.smb && self.nfs <= other.nfs && ftp;
        named && servers && accounts && self.shares.iter().all(share)
    }
}

impl Share {
    fn is_within(&self, other: &Self) -> bool {
        let may = |(name, may): &(String, Permissions)| {
            other.access.iter().any(|(known, before)| known == name && may.is_within(*before))
        };
        self.accounts.is_within(other.accounts)
            && self.guests.is_within(other.guests)
            && self.ftp.is_within(other.ftp)
            && self.access.iter().all(may)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offer_is_within_another_if_nobody_may_do_more() {
        let read = Permissions { read: true, ..Permissions::default() };
        let both = Permissions { write: true, ..read };
        let account =
            |name: &str| Account { name: name.into(), password: Secret::new("x".to_owned()), ftp: true };
        let share = Share {
            name: "media".into(),
            path: "/media/a".into(),
            access: vec![("anna".into(), both)],
            accounts: Permissions::default(),
            guests: Permissions::default(),
            ftp: Permissions::default(),
        };
        let ftp = Ftp { port: 21, max_users: 10, idle: 300, anonymous: Some(("/media/a".into(), true)) };
        let all = Offer {
            accounts: vec![account("anna"), account("bert")],
            shares: vec![share.clone()],
            smb: true,
            ftp: Some(ftp.clone()),
            ..Offer::default()
        };
        let less = |change: &dyn Fn(&mut Offer)| {
            let mut other = all.clone();
            change(&mut other);
            (other.is_within(&all), all.is_within(&other))
        };
        assert_eq!(less(&|_| {}), (true, true));
        assert_eq!(less(&|offer| drop(offer.accounts.pop())), (true, false));
        assert_eq!(less(&|offer| offer.accounts[0].ftp = false), (true, false));
        assert_eq!(less(&|offer| offer.shares.clear()), (true, false));
        assert_eq!(less(&|offer| offer.shares[0].access[0].1 = read), (true, false));
        assert_eq!(less(&|offer| offer.shares[0].access.clear()), (true, false));
        assert_eq!(less(&|offer| offer.shares[0].guests = read), (false, true));
        assert_eq!(less(&|offer| offer.shares[0].ftp = read), (false, true));
        assert_eq!(less(&|offer| offer.smb = false), (true, false));
        assert_eq!(less(&|offer| offer.nfs = true), (false, true));
        assert_eq!(less(&|offer| offer.ftp = None), (true, false));
        let anonymous = |offer: &mut Offer| offer.ftp = Some(Ftp { anonymous: None, ..ftp.clone() });
        assert_eq!(less(&anonymous), (true, false));
        // Another is neither.
        assert_eq!(less(&|offer| offer.shares[0].path = "/media/b".into()), (false, false));
        assert_eq!(less(&|offer| offer.host_name = "other".into()), (false, false));
        assert_eq!(less(&|offer| offer.accounts[0].password = Secret::new("y".to_owned())), (false, false));
    }
}
