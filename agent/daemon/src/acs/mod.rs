//! The ACS: when sessions are opened, how they run, and what they ask.
//!
//! | file | what |
//! | --- | --- |
//! | `driver` | when the next session is due |
//! | `session` | one session over one connection |
//! | `execute` | the RPCs |
//! | `listener` | connection requests |
//! | `boot` | what a start of the agent means |
//! | `planned_reboot` | DelayReboot and ScheduleReboot |
//! | `action` | the commands that reboot and reset |

mod action;
pub(crate) mod boot;
mod driver;
mod execute;
pub(crate) mod listener;
mod planned_reboot;
mod session;

pub(crate) use driver::{client, drive};
