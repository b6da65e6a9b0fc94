//! The kernel's network, over a routing netlink socket.
//!
//! Of the messages of rtnetlink four kinds are read, straight into our facts, and three are written.

mod address;
mod attribute;
mod link;
mod message;
mod neighbour;
mod number;
mod order;
mod request;
mod route;
#[cfg(test)]
mod tests;

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use cwmp_plugin_sdk::Error;
use nix::errno::Errno;
use nix::sys::socket::{
    bind, recv, send, setsockopt, socket, sockopt, AddressFamily, MsgFlags, NetlinkAddr, SockFlag,
    SockProtocol, SockType,
};
use nix::sys::time::{TimeVal, TimeValLike as _};

use self::message::{messages, Message};
use self::number::{NLM_F_DUMP, RTM_GETADDR, RTM_GETLINK, RTM_GETNEIGH, RTM_GETROUTE};
use self::request::Request;
use crate::facts::{Counters, Update};
use crate::kernel::{Kernel, Order};

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

    /// Asks for everything of one sort, by the kind of the question and the length of its header, and adds what the answers say.
    fn dump<T>(
        &self,
        kind: u16,
        header: usize,
        all: &mut Vec<T>,
        read: impl Fn(Message<'_>, &mut Vec<T>),
    ) -> Result<(), Error> {
        let question = Request::new(kind, NLM_F_DUMP, &vec![0; header]);
        let before = all.len();
        for _ in 0..DUMPS {
            let mut interrupted = false;
            self.ask(&question, &mut |answer| {
                interrupted |= answer.is_interrupted();
                read(answer, all);
            })?;
            if !interrupted {
                return Ok(());
            }
            all.truncate(before);
        }
        Err(Error::busy("the network changes faster than it can be read"))
    }

    /// Sends a message and takes what comes back, until that is all.
    fn ask(&self, question: &Request, take: &mut dyn FnMut(Message<'_>)) -> Result<(), Failure> {
        // Nobody panics with the socket half-way: a number that was not used up does no harm.
        let mut asking = self.socket.lock().unwrap_or_else(PoisonError::into_inner);
        asking.sequence = asking.sequence.wrapping_add(1).max(1);
        let bytes = question.written(asking.sequence);
        send(asking.socket.as_raw_fd(), &bytes, MsgFlags::empty()).map_err(|e| failed("a message", e))?;
        let mut buffer = vec![0; DATAGRAM];
        loop {
            let n = match recv(asking.socket.as_raw_fd(), &mut buffer, MsgFlags::empty()) {
                Ok(n) => n,
                Err(Errno::EINTR) => continue,
                Err(e) => return Err(failed("an answer", e).into()),
            };
            for message in messages(&buffer[..n]) {
                let message = message?;
                if message.sequence != asking.sequence {
                    continue;
                }
                // The end may say, too, that not all was of one moment.
                take(message);
                if let Some(end) = message.end() {
                    return end.map_err(Failure::Refused);
                }
            }
        }
    }
}

/// Reads messages as of this moment.
fn now() -> impl Fn(Message<'_>, &mut Vec<Update>) {
    let now = Instant::now();
    move |message, updates| message.read(now, updates)
}

impl Kernel for Netlink {
    fn everything(&self) -> Result<Vec<Update>, Error> {
        let mut updates = Vec::new();
        self.dump(RTM_GETLINK, 16, &mut updates, now())?;
        self.dump(RTM_GETADDR, 8, &mut updates, now())?;
        self.dump(RTM_GETROUTE, 12, &mut updates, now())?;
        self.dump(RTM_GETNEIGH, 12, &mut updates, now())?;
        Ok(updates)
    }

    fn routes(&self) -> Result<Vec<Update>, Error> {
        let mut updates = Vec::new();
        self.dump(RTM_GETROUTE, 12, &mut updates, now())?;
        Ok(updates)
    }

    fn counters(&self) -> Result<Vec<(u32, Counters)>, Error> {
        let mut all = Vec::new();
        self.dump(RTM_GETLINK, 16, &mut all, |message, all| all.extend(message.counters()))?;
        Ok(all)
    }

    fn order(&self, order: &Order) -> Result<(), Error> {
        let (request, fine) = order::written(order);
        match self.ask(&request, &mut |_| {}) {
            Err(Failure::Refused(errno)) if fine.contains(&errno) => Ok(()),
            result => Ok(result?),
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
                let (mut updates, now) = (Vec::new(), Instant::now());
                for message in messages(&self.buffer[..n]) {
                    message?.read(now, &mut updates);
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
    let (close, route) = (SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkRoute);
    let socket =
        socket(AddressFamily::Netlink, SockType::Raw, close, route).map_err(|e| failed("a socket", e))?;
    bind(socket.as_raw_fd(), &NetlinkAddr::new(0, groups)).map_err(|e| failed("a socket", e))?;
    Ok(socket)
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
