//! The manifest of a plugin.

use cwmp_bus::Manifest;

/// Any text.
pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(manifest) = toml::from_str::<Manifest>(text) else { return };
    let deadlines = manifest.deadlines;
    // Durations are computed, not stored: they must not overflow.
    let _ = (deadlines.get(), deadlines.prepare(), deadlines.commit(), deadlines.hard());
}
