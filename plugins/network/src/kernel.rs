//! What the plugin wants of the kernel; the real one is [`crate::netlink`], tests have their own.

use std::net::IpAddr;

use cwmp_plugin_sdk::Error;

use crate::facts::{Counters, RouteId, Update};

/// One thing to be done. All may be repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Order {
    /// Switches a device on or off.
    Up(u32, bool),
    /// Sets the MTU of a device.
    Mtu(u32, u32),
    /// Gives a device an address.
    AddAddress(u32, IpAddr, u8),
    /// Takes it away.
    DeleteAddress(u32, IpAddr, u8),
    /// Makes a route.
    AddRoute(RouteId),
    /// Takes it away.
    DeleteRoute(RouteId),
}

/// The network of a kernel.
pub(crate) trait Kernel: Send + Sync + std::fmt::Debug {
    /// Everything that there is, as if it came just now.
    fn everything(&self) -> Result<Vec<Update>, Error>;

    /// All routes: the kernel drops those of a device that goes down without a word.
    fn routes(&self) -> Result<Vec<Update>, Error>;

    /// What all devices have counted, by their index, in one pass.
    fn counters(&self) -> Result<Vec<(u32, Counters)>, Error>;

    /// Does it. What is so already is a success.
    fn order(&self, order: &Order) -> Result<(), Error>;
}
