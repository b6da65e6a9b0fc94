//! How the process ends.

/// The exit codes, by name. Whoever supervises hosts can tell from them what happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum Exit {
    /// It was asked to stop, or the check found nothing.
    Fine = 0,
    /// The check or the call failed.
    Failed = 1,
    /// The command line is wrong.
    Usage = 2,
    /// There is no such manifest, or it is wrong.
    Manifest = 3,
    /// The plugin cannot be loaded or refuses to start.
    Plugin = 4,
    /// Somebody else has the bus name.
    NameTaken = 5,
    /// The bus cannot be reached or is gone.
    BusGone = 6,
    /// A call into the plugin did not return within the hard limit.
    PluginStuck = 7,
}

impl Exit {
    /// Ends the process without running the destructors of the plugin's library: threads of the plugin may still use
    /// what they would destroy, and they may hang.
    pub fn leave(self) -> ! {
        use std::io::Write as _;
        let _ = std::io::stdout().flush();
        // SAFETY: _exit has no preconditions.
        unsafe { nix::libc::_exit(self as i32) }
    }
}
