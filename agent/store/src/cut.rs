//! Where a test can cut the process.

#[cfg(feature = "cut-points")]
use std::sync::OnceLock;

/// A place on the store's thread.
#[cfg(feature = "cut-points")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CutPoint {
    /// The next batch is known but nothing of it is durable.
    BeforeCommit,
    /// The batch is durable, or has failed, but nobody was told.
    AfterCommit,
}

#[cfg(feature = "cut-points")]
static HOOK: OnceLock<fn(CutPoint)> = OnceLock::new();

/// Has `hook` called on the store's thread before and after each commit. The first call counts, later ones
/// change nothing.
#[cfg(feature = "cut-points")]
pub fn set_cut_hook(hook: fn(CutPoint)) {
    // A second hook is refused, as documented.
    let _ = HOOK.set(hook);
}

pub(crate) fn before_commit() {
    #[cfg(feature = "cut-points")]
    if let Some(hook) = HOOK.get() {
        hook(CutPoint::BeforeCommit);
    }
}

pub(crate) fn after_commit() {
    #[cfg(feature = "cut-points")]
    if let Some(hook) = HOOK.get() {
        hook(CutPoint::AfterCommit);
    }
}
