//! The Unix accounts that Samba and vsftpd need: only those that we made are ever changed or removed.
//!
//! They are of one group, which is that of the offered folders; none has a shell, a home or, but for FTP, a password, and all
//! have expired: nothing but what we configure lets them in.

mod name;
mod rights;
mod unix;

pub(crate) use name::{check, is_account, is_network_name, is_reserved_share, MAX_ACCOUNTS, MAX_SHARES};
pub(crate) use rights::{by_ftp, of_account, of_guests, said, Right};
pub(crate) use unix::{Accounts, Ids};

#[cfg(test)]
mod tests;
