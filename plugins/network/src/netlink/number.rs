//! The numbers of rtnetlink, by the names that the kernel gives them. Those that the bindings of the C library have in the width
//! of the message are from there.

pub(super) use nix::libc::{
    ARPHRD_ETHER, IFA_ADDRESS, IFA_BROADCAST, IFA_CACHEINFO, IFA_FLAGS, IFA_F_DADFAILED, IFA_F_DEPRECATED,
    IFA_F_OPTIMISTIC, IFA_F_PERMANENT, IFA_F_TENTATIVE, IFA_LOCAL, NDA_DST, NDA_LLADDR, NUD_DELAY,
    NUD_FAILED, NUD_INCOMPLETE, NUD_PERMANENT, NUD_PROBE, NUD_REACHABLE, NUD_STALE, RTA_CACHEINFO, RTA_DST,
    RTA_GATEWAY, RTA_MULTIPATH, RTA_OIF, RTA_PRIORITY, RTA_SRC, RTA_TABLE, RTM_DELADDR, RTM_DELLINK,
    RTM_DELNEIGH, RTM_DELROUTE, RTM_GETADDR, RTM_GETLINK, RTM_GETNEIGH, RTM_GETROUTE, RTM_NEWADDR,
    RTM_NEWLINK, RTM_NEWNEIGH, RTM_NEWROUTE, RTM_SETLINK, RTN_BLACKHOLE, RTN_PROHIBIT, RTN_UNICAST,
    RTN_UNREACHABLE, RT_SCOPE_LINK, RT_SCOPE_UNIVERSE, RT_TABLE_MAIN,
};

pub(super) const NLMSG_ERROR: u16 = 2;
pub(super) const NLMSG_DONE: u16 = 3;

/// Of `struct rtmsg`: the kernel made it for one destination, out of another route.
pub(super) const RTM_F_CLONED: u32 = 0x200;

pub(super) const NLM_F_REQUEST: u16 = 1;
pub(super) const NLM_F_ACK: u16 = 4;
pub(super) const NLM_F_DUMP_INTR: u16 = 0x10;
pub(super) const NLM_F_DUMP: u16 = 0x300;
pub(super) const NLM_F_REPLACE: u16 = 0x100;
pub(super) const NLM_F_CREATE: u16 = 0x400;

/// Without the two bits that say how an attribute is written.
pub(super) const NLA_TYPE_MASK: u16 = 0x3fff;

pub(super) const AF_INET: u8 = 2;
pub(super) const AF_BRIDGE: u8 = 7;
pub(super) const AF_INET6: u8 = 10;

pub(super) const IFLA_ADDRESS: u16 = 1;
pub(super) const IFLA_IFNAME: u16 = 3;
pub(super) const IFLA_MTU: u16 = 4;
pub(super) const IFLA_LINK: u16 = 5;
pub(super) const IFLA_MASTER: u16 = 10;
pub(super) const IFLA_WIRELESS: u16 = 11;
pub(super) const IFLA_OPERSTATE: u16 = 16;
pub(super) const IFLA_LINKINFO: u16 = 18;
pub(super) const IFLA_STATS64: u16 = 23;
pub(super) const IFLA_LINK_NETNSID: u16 = 37;
pub(super) const IFLA_MIN_MTU: u16 = 50;
pub(super) const IFLA_MAX_MTU: u16 = 51;
pub(super) const IFLA_PERM_ADDRESS: u16 = 54;

/// Within `IFLA_LINKINFO`.
pub(super) const IFLA_INFO_KIND: u16 = 1;
pub(super) const IFLA_INFO_DATA: u16 = 2;

/// Within `IFLA_INFO_DATA` of a VLAN.
pub(super) const IFLA_VLAN_ID: u16 = 1;
pub(super) const IFLA_VLAN_PROTOCOL: u16 = 5;

pub(super) const IFF_UP: u32 = 1;
pub(super) const IFF_LOOPBACK: u32 = 8;
pub(super) const IFF_POINTOPOINT: u32 = 0x10;
pub(super) const IFF_RUNNING: u32 = 0x40;
pub(super) const IFF_NOARP: u32 = 0x80;

pub(super) const IF_OPER_NOTPRESENT: u8 = 1;
pub(super) const IF_OPER_DOWN: u8 = 2;
pub(super) const IF_OPER_LOWERLAYERDOWN: u8 = 3;
pub(super) const IF_OPER_TESTING: u8 = 4;
pub(super) const IF_OPER_DORMANT: u8 = 5;
pub(super) const IF_OPER_UP: u8 = 6;

pub(super) const IFA_PROTO: u16 = 11;
pub(super) const IFAPROT_KERNEL_LO: u8 = 1;
pub(super) const IFAPROT_KERNEL_RA: u8 = 2;
pub(super) const IFAPROT_KERNEL_LL: u8 = 3;
