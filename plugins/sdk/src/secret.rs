//! What is never shown.

use std::fmt;

/// A passphrase, a key or a password. It is never shown: its `Debug` tells only whether there is one.
///
/// ```
/// use cwmp_plugin_sdk::Secret;
///
/// let secret = Secret::new("correct horse");
/// assert_eq!(format!("{secret:?} {:?}", Secret::default()), "Secret(...) Secret(none)");
/// assert_eq!(secret.reveal(), "correct horse");
/// ```
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secret(String);

impl Secret {
    /// Of this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// To hand it to the service, and to nothing else.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "Secret(none)" } else { "Secret(...)" })
    }
}
