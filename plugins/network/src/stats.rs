//! `Stats.` of a row: what its device has counted.

use cwmp_plugin_sdk::{Answer, Error};

use crate::facts::Counters;

/// Answers one counter.
pub(crate) fn answer(
    i: usize,
    leaf: &str,
    counters: &Counters,
    answer: &mut Answer<'_>,
) -> Result<(), Error> {
    // Counters of 32 bits begin again after their largest value, as counters do.
    #[allow(clippy::cast_possible_truncation)]
    let short = |counter: u64| counter as u32;
    match leaf {
        "BytesSent" => answer.value(i, counters.sent_bytes),
        "BytesReceived" => answer.value(i, counters.received_bytes),
        "PacketsSent" => answer.value(i, counters.sent_packets),
        "PacketsReceived" => answer.value(i, counters.received_packets),
        "ErrorsSent" => answer.value(i, short(counters.sent_errors)),
        "ErrorsReceived" => answer.value(i, short(counters.received_errors)),
        "DiscardPacketsSent" => answer.value(i, short(counters.sent_discards)),
        "DiscardPacketsReceived" => answer.value(i, short(counters.received_discards)),
        "MulticastPacketsReceived" => answer.value(i, counters.received_multicasts),
        _ => return Err(Error::name(format!("there is no counter {leaf}"))),
    }
    Ok(())
}
