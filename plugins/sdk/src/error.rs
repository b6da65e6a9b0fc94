//! Why something cannot be done, as the ACS will hear it.

use std::fmt;

use cwmp_plugin_abi::{status, Status};

/// A refusal with the text that explains it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// Something went wrong inside (fault 9002).
    Internal(String),
    /// Not allowed (fault 9001).
    Denied(String),
    /// The request makes no sense (fault 9003).
    Arguments(String),
    /// Not enough of something, or more than a limit (fault 9004).
    Resources(String),
    /// No such parameter or row (fault 9005).
    Name(String),
    /// The value has the wrong type (fault 9006).
    Type(String),
    /// The value is not one of those allowed (fault 9007).
    Value(String),
    /// The parameter cannot be set (fault 9008).
    NotWritable(String),
    /// The notification cannot be had (fault 9009).
    Notification(String),
    /// The caller does not want it any more.
    Cancelled,
    /// The plugin does not do this.
    Unsupported(String),
    /// Not now.
    Busy(String),
}

macro_rules! constructors {
    ($($(#[$doc:meta])* $name:ident => $variant:ident;)*) => {
        impl Error {
            $($(#[$doc])*
            pub fn $name(text: impl Into<String>) -> Self {
                Self::$variant(text.into())
            })*
        }
    };
}

constructors! {
    /// Something went wrong inside.
    internal => Internal;
    /// Not allowed.
    denied => Denied;
    /// The request makes no sense.
    arguments => Arguments;
    /// Not enough of something.
    resources => Resources;
    /// No such parameter or row.
    name => Name;
    /// The wrong type.
    kind => Type;
    /// Not one of the values allowed.
    value => Value;
    /// Cannot be set.
    not_writable => NotWritable;
    /// The plugin does not do this.
    unsupported => Unsupported;
    /// Not now.
    busy => Busy;
}

impl Error {
    /// The status of the ABI.
    pub fn status(&self) -> Status {
        match self {
            Self::Internal(_) => status::E_INTERNAL,
            Self::Denied(_) => status::E_DENIED,
            Self::Arguments(_) => status::E_ARGUMENTS,
            Self::Resources(_) => status::E_RESOURCES,
            Self::Name(_) => status::E_NAME,
            Self::Type(_) => status::E_TYPE,
            Self::Value(_) => status::E_VALUE,
            Self::NotWritable(_) => status::E_NOT_WRITABLE,
            Self::Notification(_) => status::E_NOTIFICATION,
            Self::Cancelled => status::E_CANCELLED,
            Self::Unsupported(_) => status::E_UNSUPPORTED,
            Self::Busy(_) => status::E_BUSY,
        }
    }

    /// The explanation.
    pub fn text(&self) -> &str {
        match self {
            Self::Internal(text)
            | Self::Denied(text)
            | Self::Arguments(text)
            | Self::Resources(text)
            | Self::Name(text)
            | Self::Type(text)
            | Self::Value(text)
            | Self::NotWritable(text)
            | Self::Notification(text)
            | Self::Unsupported(text)
            | Self::Busy(text) => text,
            Self::Cancelled => "cancelled",
        }
    }

    /// The error of a status that is no success.
    pub fn from_status(status: Status, text: impl Into<String>) -> Self {
        let text = text.into();
        match status {
            status::E_DENIED => Self::Denied(text),
            status::E_ARGUMENTS => Self::Arguments(text),
            status::E_RESOURCES => Self::Resources(text),
            status::E_NAME => Self::Name(text),
            status::E_TYPE => Self::Type(text),
            status::E_VALUE => Self::Value(text),
            status::E_NOT_WRITABLE => Self::NotWritable(text),
            status::E_NOTIFICATION => Self::Notification(text),
            status::E_CANCELLED => Self::Cancelled,
            status::E_UNSUPPORTED => Self::Unsupported(text),
            status::E_BUSY => Self::Busy(text),
            _ => Self::Internal(text),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl std::error::Error for Error {}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::Internal(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_comes_back_as_itself() {
        for number in -12..=-1 {
            assert_eq!(Error::from_status(number, "why").status(), number);
        }
        assert_eq!(Error::from_status(-999, "why"), Error::internal("why"));
    }
}
