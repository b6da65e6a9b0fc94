//! Listens for networks.

use std::time::Duration;

use nix::errno::Errno;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::Receiver;
use tokio::time::Instant;
use wl_nl80211::{Nl80211Attr, Nl80211Command, Nl80211ScanFlags};

use super::connection::{Connection, Message, Trouble, WHO};
use super::listener::{Listener, ScanNews};
use super::neighbour::neighbours;
use crate::back_end::Failure;
use crate::facts::Neighbour;

/// How long it may take, with the waiting for others' scans: with every channel of three bands, some of them only listened
/// to, a scan takes about ten seconds.
const SCAN_TIME: Duration = Duration::from_secs(30);
/// How long somebody else's scan is waited for before the next attempt, if its end is not heard.
const BUSY_RETRY: Duration = Duration::from_secs(1);
/// How often a scan may be broken off.
const ATTEMPTS: u32 = 3;
/// What was heard so much before the scan counts as heard by it: clocks tick.
const SLACK: Duration = Duration::from_secs(1);

pub(super) async fn scan(
    connection: &Connection,
    listener: &Listener,
    interface: u32,
) -> Result<Vec<Neighbour>, Failure> {
    let begin = Instant::now();
    tokio::time::timeout(SCAN_TIME, listen(connection, listener, interface))
        .await
        .map_err(|_| Failure::Away(WHO))??;
    let question = Message::new(Nl80211Command::GetScan).with(&Nl80211Attr::IfIndex(interface));
    let dump = connection.dump(question).await?;
    Ok(neighbours(&dump, begin.elapsed() + SLACK))
}

async fn listen(connection: &Connection, listener: &Listener, interface: u32) -> Result<(), Failure> {
    let mut as_access_point = false;
    let mut aborted = 0;
    loop {
        // Before the order, so that nothing of it is missed.
        let mut news = listener.scans();
        match connection.act(order(interface, as_access_point)).await {
            Ok(_) if ended(&mut news, interface).await => return Ok(()),
            Ok(_) => {
                aborted += 1;
                if aborted == ATTEMPTS {
                    return Err(Failure::Refused("the kernel breaks the scan off".to_owned()));
                }
            }
            // Of somebody else.
            Err(Trouble::Refused(Errno::EBUSY)) => {
                let _ = tokio::time::timeout(BUSY_RETRY, any_ended(&mut news)).await;
            }
            // Who is an access point must say that it may be off its channel meanwhile.
            Err(Trouble::Refused(Errno::EOPNOTSUPP)) if !as_access_point => as_access_point = true,
            Err(Trouble::Refused(Errno::ENETDOWN)) => {
                return Err(Failure::Refused("the interface is switched off".to_owned()));
            }
            Err(trouble) => return Err(trouble.into()),
        }
    }
}

/// On all channels, for all names.
fn order(interface: u32, as_access_point: bool) -> Message {
    let order = Message::new(Nl80211Command::TriggerScan)
        .with(&Nl80211Attr::IfIndex(interface))
        .with(&Nl80211Attr::ScanSsidsRaw(vec![Vec::new()]));
    if as_access_point {
        order.with(&Nl80211Attr::ScanFlags(Nl80211ScanFlags::Ap))
    } else {
        order
    }
}

/// Waits for the end of the scan that began just now: whether it was not broken off.
async fn ended(news: &mut Receiver<ScanNews>, interface: u32) -> bool {
    let mut began = false;
    loop {
        match news.recv().await {
            Ok(ScanNews::Began(at)) if at == interface => began = true,
            Ok(ScanNews::Ended(at)) if at == interface && began => return true,
            Ok(ScanNews::Aborted(at)) if at == interface && began => return false,
            // What we wait for may be among what was lost; then there is nothing to wait for.
            Ok(ScanNews::Lost) | Err(RecvError::Lagged(_)) => return true,
            Ok(_) => {}
            // The listener lives as long as whoever scans.
            Err(RecvError::Closed) => return false,
        }
    }
}

async fn any_ended(news: &mut Receiver<ScanNews>) {
    while let Ok(ScanNews::Began(_)) | Err(RecvError::Lagged(_)) = news.recv().await {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::broadcast;

    async fn end(news: &[ScanNews]) -> bool {
        let (sender, mut receiver) = broadcast::channel(8);
        for one in news {
            sender.send(*one).unwrap();
        }
        drop(sender);
        ended(&mut receiver, 4).await
    }

    #[tokio::test(flavor = "current_thread")]
    async fn only_the_end_of_the_own_scan_is_the_end() {
        use ScanNews::{Aborted, Began, Ended, Lost};
        assert!(end(&[Began(4), Ended(4)]).await);
        assert!(!end(&[Began(4), Aborted(4)]).await);
        // Of another interface, or of the scan before: then the listener is gone, and nothing ended.
        assert!(!end(&[Began(4), Ended(5)]).await);
        assert!(!end(&[Ended(4), Began(4)]).await);
        assert!(end(&[Aborted(4), Began(4), Aborted(5), Ended(4)]).await);
        // What was lost may have been the end.
        assert!(end(&[Began(4), Lost]).await);
        assert!(end(&[Began(5); 9]).await, "more than anybody could hear");
    }
}
