use crate::plan::{Permissions, Share};

/// What a server lets somebody do with a share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Right {
    Nothing,
    Read,
    Write,
}

impl From<Permissions> for Right {
    /// To write without reading is nothing: no server can offer that alone. To execute is for the machine, not for its clients.
    fn from(permissions: Permissions) -> Self {
        match (permissions.read, permissions.write) {
            (true, true) => Self::Write,
            (true, false) => Self::Read,
            (false, _) => Self::Nothing,
        }
    }
}

/// What everybody may do, without an account.
pub(crate) fn of_guests(share: &Share) -> Right {
    share.guests.into()
}

/// What somebody with this account may do by protocols of the network: what is said of the account, else of all accounts; and
/// never less than a guest, which the account could be, too.
pub(crate) fn of_account(share: &Share, name: &str) -> Right {
    said(share, name).max(of_guests(share))
}

/// What somebody with this account may do by FTP, where there are no guests: what is said of the account, else of all accounts;
/// and never less than what everybody may who comes in.
pub(crate) fn by_ftp(share: &Share, name: &str) -> Right {
    said(share, name).max(share.ftp.into())
}

/// What is said of the account, else of all accounts.
pub(crate) fn said(share: &Share, name: &str) -> Right {
    let own = share.access.iter().find(|(account, _)| account == name).map(|(_, permissions)| *permissions);
    own.unwrap_or(share.accounts).into()
}
