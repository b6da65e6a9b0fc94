//! The statuses, by the names of the header without its prefix.

use crate::Status;

/// Done; of commit: applied.
pub const OK: Status = 0;
/// The request is answered later, once.
pub const PENDING: Status = 1;
/// Of commit: durable, in force after the next reboot.
pub const OK_AFTER_REBOOT: Status = 2;
/// Of commit: durable, in force when apply is called.
pub const OK_AFTER_SESSION: Status = 3;
/// Fault 9002.
pub const E_INTERNAL: Status = -1;
/// Fault 9001.
pub const E_DENIED: Status = -2;
/// Fault 9003.
pub const E_ARGUMENTS: Status = -3;
/// Fault 9004.
pub const E_RESOURCES: Status = -4;
/// Fault 9005.
pub const E_NAME: Status = -5;
/// Fault 9006.
pub const E_TYPE: Status = -6;
/// Fault 9007.
pub const E_VALUE: Status = -7;
/// Fault 9008.
pub const E_NOT_WRITABLE: Status = -8;
/// Fault 9009.
pub const E_NOTIFICATION: Status = -9;
/// Cancelled.
pub const E_CANCELLED: Status = -10;
/// The plugin does not do this.
pub const E_UNSUPPORTED: Status = -11;
/// Not now.
pub const E_BUSY: Status = -12;

/// The CWMP fault code of a status; whatever has none of its own is 9002, internal error.
pub fn fault_code(status: Status) -> u16 {
    match status {
        E_DENIED => 9001,
        E_ARGUMENTS => 9003,
        E_RESOURCES => 9004,
        E_NAME => 9005,
        E_TYPE => 9006,
        E_VALUE => 9007,
        E_NOT_WRITABLE => 9008,
        E_NOTIFICATION => 9009,
        _ => 9002,
    }
}
