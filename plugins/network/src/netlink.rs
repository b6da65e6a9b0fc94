//! The kernel's network, over a routing netlink socket.

use std::net::IpAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use cwmp_plugin_sdk::Error;
use netlink_packet_core::{
    NetlinkHeader, NetlinkMessage, NetlinkPayload, NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP, NLM_F_DUMP_INTR,
    NLM_F_REPLACE, NLM_F_REQUEST,
};
use netlink_packet_route::address::{AddressAttribute, AddressMessage};
use netlink_packet_route::link::{LinkAttribute, LinkFlags, LinkMessage};
use netlink_packet_route::neighbour::NeighbourMessage;
use netlink_packet_route::route::{
    RouteAttribute, RouteHeader, RouteMessage, RouteProtocol, RouteScope, RouteType,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use nix::errno::Errno;
use nix::sys::socket::{
    bind, recv, send, setsockopt, socket, sockopt, AddressFamily as Family, MsgFlags, NetlinkAddr, SockFlag,
    SockProtocol, SockType,
};
use nix::sys::time::{TimeVal, TimeValLike as _};

use crate::facts::{Counters, RouteId, RouteKind, Update};
use crate::kernel::{Kernel, Order};
use crate::message;

/// The most bytes of one datagram: the kernel fills what it is offered, up to 32 KiB.
const DATAGRAM: usize = 64 << 10;
/// How long the kernel may think.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often a dump is begun again because something changed meanwhile.
const DUMPS: usize = 5;
/// `RTMGRP_LINK`, `_NEIGH`, `_IPV4_IFADDR`, `_IPV4_ROUTE`, `_IPV6_IFADDR`, `_IPV6_ROUTE`.
const GROUPS: u32 = 0x1 | 0x4 | 0x10 | 0x40 | 0x100 | 0x400;
/// The buffer for what the kernel tells while we are busy.
const BACKLOG: usize = 1 << 20;

/// The real kernel: one socket for questions and orders.
#[derive(Debug)]
pub(crate) struct Netlink {
    socket: Mutex<Asking>,
}

#[derive(Debug)]
struct Asking {
    socket: OwnedFd,
    sequence: u32,
}

impl Netlink {
    pub(crate) fn open() -> Result<Self, Error> {
        let socket = open(0)?;
        let patience = TimeVal::milliseconds(i64::try_from(PATIENCE.as_millis()).unwrap_or(i64::MAX));
        setsockopt(&socket, sockopt::ReceiveTimeout, &patience).map_err(|e| failed("a socket", e))?;
        Ok(Self { socket: Mutex::new(Asking { socket, sequence: 0 }) })
    }

    /// Asks for everything of one sort.
    fn dump(&self, question: &RouteNetlinkMessage) -> Result<Vec<RouteNetlinkMessage>, Error> {
        for _ in 0..DUMPS {
            let (answers, interrupted) = self.ask(question.clone(), NLM_F_DUMP)?;
            if !interrupted {
                return Ok(answers);
            }
        }
        Err(Error::busy("the network changes faster than it can be read"))
    }

    /// Sends a message and collects what comes back, and whether that is not all of one moment.
    fn ask(
        &self,
        question: RouteNetlinkMessage,
        flags: u16,
    ) -> Result<(Vec<RouteNetlinkMessage>, bool), Failure> {
        // Nobody panics with the socket half-way: a number that was not used up does no harm.
        let mut asking = self.socket.lock().unwrap_or_else(PoisonError::into_inner);
        asking.sequence = asking.sequence.wrapping_add(1).max(1);
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST | flags;
        header.sequence_number = asking.sequence;
        let mut message = NetlinkMessage::new(header, NetlinkPayload::from(question));
        message.finalize();
        let mut bytes = vec![0; message.buffer_len()];
        message.serialize(&mut bytes);
        send(asking.socket.as_raw_fd(), &bytes, MsgFlags::empty()).map_err(|e| failed("a message", e))?;
        let (mut answers, mut interrupted) = (Vec::new(), false);
        let mut buffer = vec![0; DATAGRAM];
        loop {
            let n = match recv(asking.socket.as_raw_fd(), &mut buffer, MsgFlags::empty()) {
                Ok(n) => n,
                Err(Errno::EINTR) => continue,
                Err(e) => return Err(failed("an answer", e).into()),
            };
            for message in messages(&buffer[..n])? {
                if message.header.sequence_number != asking.sequence {
                    continue;
                }
                interrupted |= message.header.flags & NLM_F_DUMP_INTR != 0;
                match message.payload {
                    NetlinkPayload::InnerMessage(inner) => answers.push(inner),
                    NetlinkPayload::Done(_) => return Ok((answers, interrupted)),
                    NetlinkPayload::Error(e) if e.code.is_none() => return Ok((answers, interrupted)),
                    NetlinkPayload::Error(e) => return Err(Failure::Refused(Errno::from_raw(-e.raw_code()))),
                    _ => {}
                }
            }
        }
    }

    fn act(&self, message: RouteNetlinkMessage, flags: u16, fine: &[Errno]) -> Result<(), Error> {
        match self.ask(message, NLM_F_ACK | flags) {
            Ok(_) => Ok(()),
            Err(Failure::Refused(errno)) if fine.contains(&errno) => Ok(()),
            Err(failure) => Err(failure.into()),
        }
    }
}

impl Kernel for Netlink {
    fn everything(&self) -> Result<Vec<Update>, Error> {
        let questions = [
            RouteNetlinkMessage::GetLink(LinkMessage::default()),
            RouteNetlinkMessage::GetAddress(AddressMessage::default()),
            RouteNetlinkMessage::GetRoute(RouteMessage::default()),
            RouteNetlinkMessage::GetNeighbour(NeighbourMessage::default()),
        ];
        let mut updates = Vec::new();
        for question in questions {
            for answer in self.dump(&question)? {
                updates.extend(message::read(answer, false));
            }
        }
        Ok(updates)
    }

    fn routes(&self) -> Result<Vec<Update>, Error> {
        let answers = self.dump(&RouteNetlinkMessage::GetRoute(RouteMessage::default()))?;
        Ok(answers.into_iter().flat_map(|answer| message::read(answer, false)).collect())
    }

    fn counters(&self) -> Result<Vec<(u32, Counters)>, Error> {
        let answers = self.dump(&RouteNetlinkMessage::GetLink(LinkMessage::default()))?;
        let one = |answer| match answer {
            RouteNetlinkMessage::NewLink(m) => Some((m.header.index, message::link(&m).1?)),
            _ => None,
        };
        Ok(answers.into_iter().filter_map(one).collect())
    }

    fn order(&self, order: &Order) -> Result<(), Error> {
        match order {
            Order::Up(index, up) => {
                let mut message = link(*index);
                message.header.change_mask = LinkFlags::Up;
                message.header.flags = if *up { LinkFlags::Up } else { LinkFlags::empty() };
                self.act(RouteNetlinkMessage::SetLink(message), 0, &[])
            }
            Order::Mtu(index, mtu) => {
                let mut message = link(*index);
                message.attributes.push(LinkAttribute::Mtu(*mtu));
                self.act(RouteNetlinkMessage::SetLink(message), 0, &[])
            }
            Order::AddAddress(index, ip, prefix) => {
                let message = RouteNetlinkMessage::NewAddress(address(*index, *ip, *prefix));
                self.act(message, NLM_F_CREATE | NLM_F_REPLACE, &[Errno::EEXIST])
            }
            Order::DeleteAddress(index, ip, prefix) => {
                let message = RouteNetlinkMessage::DelAddress(address(*index, *ip, *prefix));
                self.act(message, 0, &[Errno::EADDRNOTAVAIL, Errno::ENODEV])
            }
            Order::AddRoute(id) => {
                self.act(RouteNetlinkMessage::NewRoute(route(id)), NLM_F_CREATE, &[Errno::EEXIST])
            }
            Order::DeleteRoute(id) => {
                let fine = [Errno::ESRCH, Errno::ENODEV, Errno::ENOENT];
                self.act(RouteNetlinkMessage::DelRoute(route(id)), 0, &fine)
            }
        }
    }
}

/// The messages of the kernel about what changes.
#[derive(Debug)]
pub(crate) struct Changes {
    socket: OwnedFd,
    buffer: Vec<u8>,
}

/// What there is to read.
#[derive(Debug)]
pub(crate) enum Heard {
    /// These changes.
    Updates(Vec<Update>),
    /// Nothing more for now.
    Nothing,
    /// More than fitted into the backlog: what is known may be wrong.
    Lost,
}

impl Changes {
    pub(crate) fn listen() -> Result<Self, Error> {
        let socket = open(GROUPS)?;
        // More than the usual limit needs a right that the plugin may not have; then the usual it is.
        if setsockopt(&socket, sockopt::RcvBufForce, &BACKLOG).is_err() {
            setsockopt(&socket, sockopt::RcvBuf, &BACKLOG).map_err(|e| failed("a socket", e))?;
        }
        Ok(Self { socket, buffer: vec![0; DATAGRAM] })
    }

    /// Takes a datagram, without waiting for one.
    pub(crate) fn hear(&mut self) -> Result<Heard, Error> {
        match recv(self.socket.as_raw_fd(), &mut self.buffer, MsgFlags::MSG_DONTWAIT) {
            Ok(n) => {
                let mut updates = Vec::new();
                for message in messages(&self.buffer[..n])? {
                    let replaces = message.header.flags & NLM_F_REPLACE != 0;
                    if let NetlinkPayload::InnerMessage(inner) = message.payload {
                        updates.extend(message::read(inner, replaces));
                    }
                }
                Ok(Heard::Updates(updates))
            }
            Err(Errno::EAGAIN | Errno::EINTR) => Ok(Heard::Nothing),
            Err(Errno::ENOBUFS) => Ok(Heard::Lost),
            Err(e) => Err(failed("the changes", e)),
        }
    }
}

impl AsFd for Changes {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn open(groups: u32) -> Result<OwnedFd, Error> {
    let socket = socket(Family::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkRoute)
        .map_err(|e| failed("a socket", e))?;
    bind(socket.as_raw_fd(), &NetlinkAddr::new(0, groups)).map_err(|e| failed("a socket", e))?;
    Ok(socket)
}

/// The messages of a datagram. One that makes no sense costs itself alone: a newer kernel may say more than we know.
fn messages(mut bytes: &[u8]) -> Result<Vec<NetlinkMessage<RouteNetlinkMessage>>, Error> {
    const HEADER: usize = 16;
    let mut messages = Vec::new();
    while bytes.len() >= HEADER {
        let length = u32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize;
        if length < HEADER || length > bytes.len() {
            return Err(Error::internal("a netlink message of an impossible length"));
        }
        if let Ok(message) = NetlinkMessage::deserialize(&bytes[..length]) {
            messages.push(message);
        }
        bytes = &bytes[length.next_multiple_of(4).min(bytes.len())..];
    }
    Ok(messages)
}

fn link(index: u32) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.header.index = index;
    message
}

fn family(ip: IpAddr) -> AddressFamily {
    match ip {
        IpAddr::V4(_) => AddressFamily::Inet,
        IpAddr::V6(_) => AddressFamily::Inet6,
    }
}

fn address(index: u32, ip: IpAddr, prefix: u8) -> AddressMessage {
    let mut message = AddressMessage::default();
    message.header.family = family(ip);
    message.header.index = index;
    message.header.prefix_len = prefix;
    message.attributes = vec![AddressAttribute::Local(ip), AddressAttribute::Address(ip)];
    if let (IpAddr::V4(ip), 1..=30) = (ip, prefix) {
        let all = u32::from(ip) | !u32::from(crate::facts::mask(prefix));
        message.attributes.push(AddressAttribute::Broadcast(all.into()));
    }
    message
}

fn route(id: &RouteId) -> RouteMessage {
    let mut message = RouteMessage::default();
    let header = &mut message.header;
    header.address_family = family(id.destination);
    header.destination_prefix_length = id.prefix;
    header.table = RouteHeader::RT_TABLE_MAIN;
    header.protocol = RouteProtocol::from(id.protocol);
    header.kind = match id.kind {
        RouteKind::Normal => RouteType::Unicast,
        RouteKind::Blackhole => RouteType::BlackHole,
        RouteKind::Unreachable => RouteType::Unreachable,
        RouteKind::Prohibit => RouteType::Prohibit,
    };
    header.scope = match (id.kind, id.gateway, id.destination) {
        (RouteKind::Normal, None, IpAddr::V4(_)) => RouteScope::Link,
        _ => RouteScope::Universe,
    };
    if id.prefix > 0 {
        message.attributes.push(RouteAttribute::Destination(id.destination.into()));
    }
    message.attributes.extend(id.gateway.map(|ip| RouteAttribute::Gateway(ip.into())));
    message.attributes.extend(id.link.filter(|_| id.kind == RouteKind::Normal).map(RouteAttribute::Oif));
    if id.metric > 0 {
        message.attributes.push(RouteAttribute::Priority(id.metric));
    }
    message
}

fn failed(what: &str, error: Errno) -> Error {
    Error::internal(format!("netlink, {what}: {error}"))
}

/// Why there is no answer.
#[derive(Debug)]
enum Failure {
    /// The kernel says no.
    Refused(Errno),
    /// The socket does not work.
    Socket(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Socket(error)
    }
}

impl From<Failure> for Error {
    /// As whoever wanted it should hear it.
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Socket(error) => error,
            Failure::Refused(errno) => {
                let text = format!("the kernel says: {}", errno.desc());
                match errno {
                    Errno::EPERM | Errno::EACCES => Self::denied(text),
                    Errno::ENOMEM | Errno::ENOBUFS | Errno::ENOSPC => Self::resources(text),
                    _ => Self::value(text),
                }
            }
        }
    }
}
