//! Limits of commands and jobs, which the agent and the host keep alike.

use std::time::Duration;

/// The most arguments of a command.
pub const MAX_ARGUMENTS: usize = 64;
/// The longest name of an argument, in bytes.
pub const MAX_ARGUMENT_NAME: usize = 256;
/// The longest value of an argument, in bytes.
pub const MAX_ARGUMENT_VALUE: usize = 64 * 1024;
/// The most bytes of all arguments, names and all.
pub const MAX_ARGUMENTS_SIZE: usize = 256 * 1024;
/// The most outputs of a command.
pub const MAX_OUTPUTS: usize = 256;
/// The most bytes of all outputs of a command, names and all.
pub const MAX_OUTPUT_SIZE: usize = 256 * 1024;
/// How long a command may take to end when it was cancelled.
pub const CANCEL_WAIT: Duration = Duration::from_secs(10);
/// Set in the numbers that a provider gives to jobs that it begins by itself, and clear in those of the agent for commands.
pub const OWN_JOB: u64 = 1 << 63;
