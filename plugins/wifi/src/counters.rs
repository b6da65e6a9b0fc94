//! What is counted: asked for when somebody wants it, once for all that is asked at the same moment.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use cwmp_plugin_sdk::Error;

use crate::back_end::Failure;
use crate::facts::{Station, Survey};

/// Answers this old are those of the same request: its objects are read side by side.
const TOGETHER: Duration = Duration::from_millis(50);

/// What the kernel counts of an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Traffic {
    pub(crate) rx_bytes: u64,
    pub(crate) rx_packets: u64,
    pub(crate) rx_errors: u64,
    pub(crate) rx_dropped: u64,
    pub(crate) rx_multicast: u64,
    pub(crate) tx_bytes: u64,
    pub(crate) tx_packets: u64,
    pub(crate) tx_errors: u64,
    pub(crate) tx_dropped: u64,
}

/// Reads all interfaces at once, as `/proc/net/dev` has them.
pub(crate) fn parse(text: &str) -> BTreeMap<String, Traffic> {
    let line = |line: &str| {
        let (name, rest) = line.split_once(':')?;
        let numbers: Vec<u64> = rest.split_whitespace().map_while(|word| word.parse().ok()).collect();
        let at = |index: usize| numbers.get(index).copied();
        let traffic = Traffic {
            rx_bytes: at(0)?,
            rx_packets: at(1)?,
            rx_errors: at(2)?,
            rx_dropped: at(3)?,
            rx_multicast: at(7)?,
            tx_bytes: at(8)?,
            tx_packets: at(9)?,
            tx_errors: at(10)?,
            tx_dropped: at(11)?,
        };
        Some((name.trim().to_owned(), traffic))
    };
    text.lines().filter_map(line).collect()
}

/// The sum of several interfaces.
pub(crate) fn sum<'a>(all: impl Iterator<Item = &'a Traffic>) -> Traffic {
    all.fold(Traffic::default(), |sum, one| Traffic {
        rx_bytes: sum.rx_bytes.wrapping_add(one.rx_bytes),
        rx_packets: sum.rx_packets.wrapping_add(one.rx_packets),
        rx_errors: sum.rx_errors.wrapping_add(one.rx_errors),
        rx_dropped: sum.rx_dropped.wrapping_add(one.rx_dropped),
        rx_multicast: sum.rx_multicast.wrapping_add(one.rx_multicast),
        tx_bytes: sum.tx_bytes.wrapping_add(one.tx_bytes),
        tx_packets: sum.tx_packets.wrapping_add(one.tx_packets),
        tx_errors: sum.tx_errors.wrapping_add(one.tx_errors),
        tx_dropped: sum.tx_dropped.wrapping_add(one.tx_dropped),
    })
}

/// A counter of 32 bits starts anew when it is full.
#[allow(clippy::cast_possible_truncation)] // it is meant
pub(crate) fn narrow(counter: u64) -> u32 {
    counter as u32
}

/// An answer that several reads share, if they come at the same moment.
#[derive(Debug)]
pub(crate) struct Shared<T>(tokio::sync::Mutex<Option<(Instant, T)>>);

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self(tokio::sync::Mutex::new(None))
    }
}

impl<T: Clone> Shared<T> {
    /// What was asked a moment ago, or what is asked now.
    pub(crate) async fn get(&self, ask: impl Future<Output = T>) -> T {
        let mut kept = self.0.lock().await;
        if let Some((moment, answer)) = &*kept {
            if moment.elapsed() < TOGETHER {
                return answer.clone();
            }
        }
        let answer = ask.await;
        *kept = Some((Instant::now(), answer.clone()));
        answer
    }
}

/// Of each interface that was asked of, its stations.
pub(crate) type Stations = Rc<BTreeMap<String, Result<Vec<Station>, Failure>>>;
/// Of each interface that was asked of, what was heard on the channels.
pub(crate) type Surveys = Rc<BTreeMap<String, Result<Vec<Survey>, Failure>>>;

/// Of each interface, what the kernel counts.
pub(crate) type AllTraffic = Rc<BTreeMap<String, Traffic>>;

/// Everything that is counted.
#[derive(Debug)]
pub(crate) struct Counters {
    /// Where the kernel counts.
    pub(crate) file: PathBuf,
    pub(crate) stations: Shared<Stations>,
    pub(crate) surveys: Shared<Surveys>,
    /// Whether the services answer.
    pub(crate) there: Shared<Vec<Option<bool>>>,
    traffic: RefCell<Option<(Instant, AllTraffic)>>,
}

impl Counters {
    pub(crate) fn new(file: PathBuf) -> Self {
        Self {
            file,
            stations: Shared::default(),
            surveys: Shared::default(),
            there: Shared::default(),
            traffic: RefCell::default(),
        }
    }

    /// The traffic of all interfaces.
    pub(crate) fn traffic(&self) -> Result<AllTraffic, Error> {
        let mut kept = self.traffic.borrow_mut();
        if let Some((moment, all)) = &*kept {
            if moment.elapsed() < TOGETHER {
                return Ok(Rc::clone(all));
            }
        }
        let all = Rc::new(parse(&std::fs::read_to_string(&self.file)?));
        *kept = Some((Instant::now(), Rc::clone(&all)));
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:  400       4    0    0    0     0          0         0      400       4    0    0    0     0       0          0
 wlan0: 1000      10    1    2    0     0          0         5     2000      20    3    4    0     0       0          0
";

    #[test]
    fn the_kernels_table_is_read_line_by_line() {
        let all = parse(TEXT);
        let wlan = all["wlan0"];
        assert_eq!((wlan.rx_bytes, wlan.rx_packets, wlan.rx_errors, wlan.rx_dropped), (1000, 10, 1, 2));
        assert_eq!((wlan.tx_bytes, wlan.tx_packets, wlan.tx_errors, wlan.tx_dropped), (2000, 20, 3, 4));
        assert_eq!(wlan.rx_multicast, 5);
        let both = sum(all.values());
        assert_eq!((all.len(), both.rx_bytes, both.tx_packets), (2, 1400, 24));
    }
}
