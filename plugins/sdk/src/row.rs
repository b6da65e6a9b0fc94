//! Rows of tables.

/// A row, as a plugin reports it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Row {
    /// Its number, or 0 if the agent is to choose one for the key.
    pub number: u32,
    /// What the plugin recognises it by: the same for ever.
    pub key: String,
    /// A name that the device gives it, or empty.
    pub alias: String,
    /// Whether it may be deleted.
    pub deletable: bool,
    /// Whether its parameters cannot be set, whatever the table says.
    pub read_only: bool,
}

impl Row {
    /// A row that has a number of its own.
    pub fn numbered(number: u32) -> Self {
        Self { number, ..Self::default() }
    }

    /// A row without a number; the agent gives it one, and the same to the same key.
    pub fn keyed(key: impl Into<String>) -> Self {
        Self { key: key.into(), ..Self::default() }
    }

    /// May be deleted.
    #[must_use]
    pub fn deletable(self) -> Self {
        Self { deletable: true, ..self }
    }

    /// Cannot be changed.
    #[must_use]
    pub fn read_only(self) -> Self {
        Self { read_only: true, ..self }
    }

    /// With a name that the device gives it.
    #[must_use]
    pub fn alias(self, alias: impl Into<String>) -> Self {
        Self { alias: alias.into(), ..self }
    }
}

impl From<u32> for Row {
    fn from(number: u32) -> Self {
        Self::numbered(number)
    }
}

impl From<&str> for Row {
    fn from(key: &str) -> Self {
        Self::keyed(key)
    }
}

impl From<String> for Row {
    fn from(key: String) -> Self {
        Self::keyed(key)
    }
}

impl From<&String> for Row {
    fn from(key: &String) -> Self {
        Self::keyed(key)
    }
}

/// The bit for [`Row::deletable`].
pub(crate) const DELETABLE: u32 = 1;
/// The bit for [`Row::read_only`].
pub(crate) const READ_ONLY: u32 = 1 << 1;
