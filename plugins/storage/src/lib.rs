//! `Device.Services.StorageService.`: disks and volumes by UDisks2, health by smartctl, shares by Samba, NFS-Ganesha and
//! vsftpd.
//!
//! ```text
//!   UDisks2, smartctl, statvfs --> facts --> tree
//!   settings --> volumes to make and to mount --> UDisks2
//!            --> accounts and shares (one plan) --> Samba, vsftpd, NFS-Ganesha
//! ```
#![forbid(unsafe_code)]

#[allow(dead_code)]
mod back_end;
#[allow(dead_code)]
mod facts;
#[allow(dead_code)]
mod gauges;
#[allow(dead_code)]
mod plan;
#[allow(dead_code)]
mod udisks;
