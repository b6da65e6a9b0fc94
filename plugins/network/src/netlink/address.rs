//! An address of a device.

use std::net::{IpAddr, Ipv6Addr};
use std::time::Instant;

use super::attribute::Attributes;
use super::number::{
    IFAPROT_KERNEL_LL, IFAPROT_KERNEL_LO, IFAPROT_KERNEL_RA, IFA_ADDRESS, IFA_CACHEINFO, IFA_FLAGS,
    IFA_F_DADFAILED, IFA_F_DEPRECATED, IFA_F_OPTIMISTIC, IFA_F_PERMANENT, IFA_F_TENTATIVE, IFA_LOCAL,
    IFA_PROTO, RT_SCOPE_LINK,
};
use crate::facts::{Address, AddressSource, AddressState, Lifetime};

/// An address, whose time runs from that moment on.
pub(super) fn read(body: &[u8], now: Instant) -> Option<Address> {
    // `struct ifaddrmsg`.
    let (header, attributes) = Attributes::behind::<8>(body)?;
    let [family, prefix, first_flags, scope, i0, i1, i2, i3] = *header;
    let (mut address, mut local, mut source, mut flags) = (None, None, AddressSource::Program, None);
    let (mut valid, mut preferred) = (Lifetime::Forever, Lifetime::Forever);
    for (number, value) in attributes {
        match number {
            IFA_ADDRESS => address = value.ip(family),
            IFA_LOCAL => local = value.ip(family),
            // All of them: the header has room for the first eight.
            IFA_FLAGS => flags = value.u32(),
            // `struct ifa_cacheinfo`.
            IFA_CACHEINFO => {
                let lifetime =
                    |place| value.u32_at(place).map_or(Lifetime::Forever, |s| Lifetime::of(s, now));
                (preferred, valid) = (lifetime(0), lifetime(4));
            }
            IFA_PROTO => {
                source = match value.u8() {
                    Some(IFAPROT_KERNEL_LO) => AddressSource::Loopback,
                    Some(IFAPROT_KERNEL_RA) => AddressSource::Router,
                    Some(IFAPROT_KERNEL_LL) => AddressSource::LinkLocal,
                    _ => AddressSource::Program,
                }
            }
            _ => {}
        }
    }
    let flags = flags.unwrap_or(u32::from(first_flags));
    let permanent = flags & IFA_F_PERMANENT != 0;
    // On a point-to-point link the other end's address has the other place.
    let ip = local.or(address)?;
    if let IpAddr::V6(ip) = ip {
        // A kernel before 5.18 does not say who made an address.
        if source == AddressSource::Program && scope == RT_SCOPE_LINK {
            source = AddressSource::LinkLocal;
        } else if ip == Ipv6Addr::LOCALHOST {
            source = AddressSource::Loopback;
        } else if source == AddressSource::Program && !permanent && prefix == 64 {
            source = AddressSource::Router;
        }
    }
    let link = u32::from_ne_bytes([i0, i1, i2, i3]);
    Some(Address { link, ip, prefix, state: state(flags), source, permanent, valid, preferred })
}

fn state(flags: u32) -> AddressState {
    let has = |flag: u32| flags & flag != 0;
    match () {
        () if has(IFA_F_DADFAILED) => AddressState::Duplicate,
        () if has(IFA_F_OPTIMISTIC) => AddressState::Optimistic,
        () if has(IFA_F_TENTATIVE) => AddressState::Tentative,
        () if has(IFA_F_DEPRECATED) => AddressState::Deprecated,
        () => AddressState::Preferred,
    }
}
