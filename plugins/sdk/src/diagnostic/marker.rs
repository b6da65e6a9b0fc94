//! What the store has of a run that is under way: nothing of its results, but that somebody waits for its end.
//!
//! TR-106 has a device without results say `None` after a reboot, and tell the ACS of every other end that is no
//! cancellation. A plugin that crashes in mid run is such an end, so the boot is written down with it.

/// Before the keys.
pub(super) const PREFIX: &str = "diagnostic/";

/// Where the kernel says which boot this is.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// A run that was committed and has not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Marker {
    /// The transaction that asked for it.
    pub(super) txn: u64,
    /// The boot.
    pub(super) boot: String,
    /// Whether the ACS waits for its end.
    pub(super) for_acs: bool,
}

impl Marker {
    pub(super) fn write(&self) -> String {
        format!("{} {} {}", self.txn, if self.for_acs { "acs" } else { "bus" }, self.boot)
    }

    pub(super) fn read(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, ' ');
        let txn = parts.next()?.parse().ok()?;
        let for_acs = parts.next()? == "acs";
        Some(Self { txn, boot: parts.next()?.to_owned(), for_acs })
    }

    /// Whether the device has not been switched off since.
    pub(super) fn is_of(&self, boot: &str) -> bool {
        !boot.is_empty() && self.boot == boot
    }
}

/// This boot; empty if the kernel does not say.
pub(super) fn boot() -> String {
    std::fs::read_to_string(BOOT_ID).unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_comes_back_and_is_of_one_boot() {
        let marker = Marker { txn: 7, boot: boot(), for_acs: true };
        assert_eq!(Marker::read(&marker.write()), Some(marker.clone()));
        assert!(marker.is_of(&boot()) && !marker.is_of("another") && !marker.is_of(""));
        assert!(!Marker { boot: String::new(), ..marker }.is_of(""));
        assert_eq!(Marker::read("seven acs x"), None);
    }
}
