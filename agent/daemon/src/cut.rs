//! Where a test can end the agent, to see what a power cut leaves. Without the feature `test-hooks` there is nothing here.

#[cfg(feature = "test-hooks")]
mod armed;

#[cfg(feature = "test-hooks")]
pub use armed::arm;

/// The ACS has a message, and its reply was not looked at.
pub(crate) fn sent() {
    #[cfg(feature = "test-hooks")]
    armed::pass(armed::Point::Sent);
}

/// A provider has done a step of a transaction, and its answer was not looked at.
pub(crate) fn called() {
    #[cfg(feature = "test-hooks")]
    armed::pass(armed::Point::Called);
}
