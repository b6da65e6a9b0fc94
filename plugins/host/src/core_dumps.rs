//! No core dumps: what a plugin keeps, and what it is configured with, may be secret, and a core dump has all of it.

use nix::errno::Errno;
use nix::sys::prctl::set_dumpable;
use nix::sys::resource::{setrlimit, Resource};

/// From now on the process leaves none, nor can others of its user look into its memory.
///
/// It is done before anything secret is read, whether the plugin turns out to declare secrets or not: `create` may read
/// them, and only `describe` comes to tell that there are some. What the plugin executes leaves no core dumps either, for
/// it may be handed secrets.
pub(crate) fn forbid() -> Result<(), Errno> {
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    // The limit does not hold for programs that take core dumps from the kernel, such as systemd-coredump.
    set_dumpable(false)
}
