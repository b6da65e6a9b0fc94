//! Switches a device of the network on or off: rtnetlink.

use std::time::Duration;

use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{AsyncSocket as _, AsyncSocketExt as _, SocketAddr, TokioSocket};
use nix::errno::Errno;

use super::connection::Trouble;
use super::interface::UP;
use crate::back_end::Failure;

/// How long the kernel may think: to switch a radio on may load its firmware.
const PATIENCE: Duration = Duration::from_secs(10);
/// `RTM_NEWLINK`, to say how a link shall be.
const SET_LINK: u16 = 16;
/// `NLM_F_REQUEST | NLM_F_ACK`.
const REQUEST: u16 = 1 | 4;
/// `NLMSG_ERROR`, which also says that all is well.
const ERROR: u16 = 2;
/// There is one message.
const SEQUENCE: u32 = 1;
/// The header of a message, and of a link.
const LENGTH: u32 = 16 + 16;

const WHO: &str = "the kernel's rtnetlink";

pub(super) async fn set_up(interface: u32, up: bool) -> Result<(), Failure> {
    let answer = tokio::time::timeout(PATIENCE, ask(&order(interface, up))).await;
    match answer.map_err(|_| Failure::Away(WHO))?.map_err(|_| Failure::Away(WHO))? {
        0 => Ok(()),
        code => Err(Trouble::Refused(Errno::from_raw(code.wrapping_neg())).into()),
    }
}

async fn ask(order: &[u8]) -> std::io::Result<i32> {
    let mut socket = TokioSocket::new(NETLINK_ROUTE)?;
    socket.socket_mut().bind(&SocketAddr::new(0, 0))?;
    socket.send_to(order, &SocketAddr::new(0, 0)).await?;
    loop {
        let (answer, from) = socket.recv_from_full().await?;
        if let Some(code) = code_of(&answer).filter(|_| from.port_number() == 0) {
            return Ok(code);
        }
    }
}

fn order(interface: u32, up: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(LENGTH.to_ne_bytes());
    bytes.extend(SET_LINK.to_ne_bytes());
    bytes.extend(REQUEST.to_ne_bytes());
    bytes.extend(SEQUENCE.to_ne_bytes());
    bytes.extend([0; 4]);
    // No family, no type.
    bytes.extend([0; 4]);
    bytes.extend(interface.to_ne_bytes());
    bytes.extend((if up { UP } else { 0 }).to_ne_bytes());
    bytes.extend(UP.to_ne_bytes());
    bytes
}

/// What the kernel says of the order: 0, or a negative number; none if this is no answer.
fn code_of(answer: &[u8]) -> Option<i32> {
    let kind = u16::from_ne_bytes(answer.get(4..6)?.try_into().ok()?);
    let sequence = u32::from_ne_bytes(answer.get(8..12)?.try_into().ok()?);
    let code = i32::from_ne_bytes(answer.get(16..20)?.try_into().ok()?);
    (kind == ERROR && sequence == SEQUENCE).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_order_changes_nothing_but_whether_it_is_on() {
        let order = order(7, true);
        assert_eq!(order.len(), LENGTH as usize);
        let number = |at: usize| u32::from_ne_bytes(order[at..at + 4].try_into().unwrap());
        assert_eq!((number(0), number(20), number(24), number(28)), (LENGTH, 7, UP, UP));
    }

    #[test]
    fn a_link_that_is_not_there_is_refused() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let refused = runtime.block_on(set_up(0x7fff_ffff, false));
        assert!(matches!(refused, Err(Failure::Refused(_))), "{refused:?}");
    }

    proptest! {
        #[test]
        fn no_answer_hurts(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = code_of(&bytes);
        }
    }
}
