//! What is to be done, as a message.

use std::net::IpAddr;

use nix::errno::Errno;

use super::number::{
    AF_INET, AF_INET6, IFA_ADDRESS, IFA_BROADCAST, IFA_LOCAL, IFF_UP, IFLA_MTU, NLM_F_ACK, NLM_F_CREATE,
    NLM_F_REPLACE, RTA_DST, RTA_GATEWAY, RTA_OIF, RTA_PRIORITY, RTA_SRC, RTM_DELADDR, RTM_DELROUTE,
    RTM_NEWADDR, RTM_NEWROUTE, RTM_SETLINK, RTN_BLACKHOLE, RTN_PROHIBIT, RTN_UNICAST, RTN_UNREACHABLE,
    RT_SCOPE_LINK, RT_SCOPE_UNIVERSE, RT_TABLE_MAIN,
};
use super::request::Request;
use crate::facts::{mask, RouteId, RouteKind};
use crate::kernel::Order;

/// The message that says it, and the refusals that mean that it is so already.
pub(super) fn written(order: &Order) -> (Request, &'static [Errno]) {
    match order {
        Order::Up(index, up) => (link(*index, if *up { IFF_UP } else { 0 }, IFF_UP), &[]),
        Order::Mtu(index, mtu) => (link(*index, 0, 0).attribute(IFLA_MTU, mtu.to_ne_bytes()), &[]),
        Order::AddAddress(index, ip, prefix) => {
            (address(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, *index, *ip, *prefix), &[Errno::EEXIST])
        }
        Order::DeleteAddress(index, ip, prefix) => {
            (address(RTM_DELADDR, 0, *index, *ip, *prefix), &[Errno::EADDRNOTAVAIL, Errno::ENODEV])
        }
        Order::AddRoute(id) => (route(RTM_NEWROUTE, NLM_F_CREATE, id), &[Errno::EEXIST]),
        Order::DeleteRoute(id) => (route(RTM_DELROUTE, 0, id), &[Errno::ESRCH, Errno::ENODEV, Errno::ENOENT]),
    }
}

/// A change of a device: `struct ifinfomsg`. Of its flags, those in `mask` are meant.
fn link(index: u32, flags: u32, mask: u32) -> Request {
    Request::new(RTM_SETLINK, NLM_F_ACK, &[0; 4]).number(index).number(flags).number(mask)
}

fn family(ip: IpAddr) -> u8 {
    match ip {
        IpAddr::V4(_) => AF_INET,
        IpAddr::V6(_) => AF_INET6,
    }
}

fn address(kind: u16, flags: u16, index: u32, ip: IpAddr, prefix: u8) -> Request {
    // `struct ifaddrmsg`.
    let header = [family(ip), prefix, 0, RT_SCOPE_UNIVERSE];
    let request = Request::new(kind, NLM_F_ACK | flags, &header).number(index);
    let request = request.ip(IFA_LOCAL, ip).ip(IFA_ADDRESS, ip);
    match (ip, prefix) {
        (IpAddr::V4(ip), 1..=30) => {
            let all = u32::from(ip) | !u32::from(mask(prefix));
            request.attribute(IFA_BROADCAST, all.to_be_bytes())
        }
        _ => request,
    }
}

fn route(kind: u16, flags: u16, id: &RouteId) -> Request {
    let action = match id.kind {
        RouteKind::Normal => RTN_UNICAST,
        RouteKind::Blackhole => RTN_BLACKHOLE,
        RouteKind::Unreachable => RTN_UNREACHABLE,
        RouteKind::Prohibit => RTN_PROHIBIT,
    };
    let scope = match (id.kind, id.gateway, id.destination) {
        (RouteKind::Normal, None, IpAddr::V4(_)) => RT_SCOPE_LINK,
        _ => RT_SCOPE_UNIVERSE,
    };
    // `struct rtmsg`, whose last number is of flags.
    let source_prefix = id.source.map_or(0, |(_, prefix)| prefix);
    let header =
        [family(id.destination), id.prefix, source_prefix, 0, RT_TABLE_MAIN, id.protocol, scope, action];
    let mut request = Request::new(kind, NLM_F_ACK | flags, &header).number(0);
    if id.prefix > 0 {
        request = request.ip(RTA_DST, id.destination);
    }
    if let Some((source, _)) = id.source {
        request = request.ip(RTA_SRC, source);
    }
    if let Some(gateway) = id.gateway {
        request = request.ip(RTA_GATEWAY, gateway);
    }
    if let Some(link) = id.link.filter(|_| id.kind == RouteKind::Normal) {
        request = request.attribute(RTA_OIF, link.to_ne_bytes());
    }
    if id.metric > 0 {
        request = request.attribute(RTA_PRIORITY, id.metric.to_ne_bytes());
    }
    request
}
