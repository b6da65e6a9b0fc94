//! A message from a device, as the ACS's side reads it.

use cwmp_proto::{acs, Limits};

/// Any bytes.
pub(crate) fn run(data: &[u8]) {
    let _ = acs::read(data, Limits { bytes: 4096, text: 64, depth: 6, items: 4 });
    let _ = acs::read(data, Limits::default());
}
