//! The network of this machine, as the kernel tells it, for `Device.Ethernet.`, `IP.`, `InterfaceStack.`, `Routing.`,
//! `DNS.Client.`, `DHCPv4.Client.` and `Hosts.`: one plugin, because they are views of one state.
//!
//! ```text
//!   netlink --> facts --> state ----+
//!   resolv.conf, leases, names -----+--> tree --> view --> difference --> what is announced
//!   settings -------------> wish ---+--> enforce --> netlink, resolv.conf
//! ```
//!
//! A thread waits for the kernel's messages and for changes of the files ([`monitor`]); nothing is polled. A read is
//! answered from the view that is there. Only counters are asked for when somebody wants them, all in one pass.
#![forbid(unsafe_code)]

mod declared;
mod enforce;
mod facts;
mod files;
mod host_names;
mod kernel;
mod lease;
mod monitor;
mod netlink;
mod network;
mod plugin;
mod resolv;
mod state;
mod stats;
mod table;
#[cfg(test)]
mod tests;
mod tree;
mod value;
mod view;
mod watch;
mod wish;
