//! How the kernel handles TCP.

use cwmp_plugin_sdk::Error;

use crate::files::Files;

const WINDOW: &str = "proc/sys/net/ipv4/tcp_rmem";

/// The largest receive buffer, which limits the window, scaling included.
pub(crate) fn max_window(files: &Files) -> Result<u32, Error> {
    let text = files.read(WINDOW)?;
    let last = text.split_whitespace().nth(2).and_then(|n| n.parse().ok());
    last.ok_or_else(|| Error::internal(format!("/{WINDOW} has no three numbers")))
}

/// The ways of congestion control for which the standard has a name, as a list.
pub(crate) fn congestion(files: &Files) -> Result<String, Error> {
    let text = files.read("proc/sys/net/ipv4/tcp_available_congestion_control")?;
    let name = |kernel: &str| match kernel {
        // Linux' reno recovers as RFC 6582 says.
        "reno" => Some("New Reno"),
        "vegas" => Some("Vegas"),
        _ => None,
    };
    Ok(text.split_whitespace().filter_map(name).collect::<Vec<_>>().join(","))
}
