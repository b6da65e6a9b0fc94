//! `Device.Services.StorageService.`: disks and volumes by UDisks2, health by smartctl, shares by Samba, NFS-Ganesha and
//! vsftpd.
//!
//! ```text
//!   UDisks2, smartctl, statvfs --> facts --> tree
//!   settings --> volumes to make and to mount --> UDisks2
//!            --> accounts and shares (one plan) --> Samba, vsftpd, NFS-Ganesha
//! ```
#![forbid(unsafe_code)]

mod accounts;
mod back_end;
mod back_ends;
mod check;
mod control;
mod enforce;
mod facts;
mod ftp;
mod gauges;
mod health;
mod making;
mod nfs;
mod objects;
mod offer;
mod pending;
mod plan;
mod plugin;
mod row_id;
mod samba;
mod serve;
mod share_names;
#[cfg(test)]
mod tests;
mod tree;
mod udisks;
mod view;
mod watch;
mod wish;
mod world;
