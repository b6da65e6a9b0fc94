//! Why something has no value, or was not done.

use cwmp_plugin_sdk::Error;

/// What went wrong with a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// It is not on the bus.
    Absent(String),
    /// It does not answer in time.
    Silent(String),
    /// It refused, with a name of D-Bus and a text.
    Refused {
        /// The name of the error.
        name: String,
        /// What it says.
        text: String,
    },
    /// It answered something that is of no use.
    Useless(String),
    /// There is no such row.
    NoRow(String),
    /// The kit has something to say.
    Kit(Error),
}

impl Failure {
    /// As the host wants it told.
    pub(crate) fn error(&self) -> Error {
        match self {
            Self::Absent(name) => Error::internal(format!("{name} is not on the bus")),
            Self::Silent(name) => Error::internal(format!("{name} does not answer")),
            Self::Useless(text) => Error::internal(text.clone()),
            Self::NoRow(row) => Error::name(format!("there is no {row}")),
            Self::Kit(error) => error.clone(),
            Self::Refused { name, text } => {
                let last = name.rsplit('.').next().unwrap_or(name);
                let text = if text.is_empty() { name.clone() } else { format!("{text} ({name})") };
                match last {
                    "InvalidArgs" | "InvalidArgument" | "PropertyInvalid" => Error::value(text),
                    "AccessDenied" | "AuthFailed" | "InteractiveAuthorizationRequired" | "NotAuthorized" => {
                        Error::denied(text)
                    }
                    "PropertyReadOnly" => Error::not_writable(text),
                    _ => Error::internal(text),
                }
            }
        }
    }
}

/// How an error of a call is told: whether the service was there at all.
pub(crate) fn of_call(service: &str, error: &zbus::Error) -> Failure {
    let zbus::Error::MethodError(name, text, _) = error else {
        return Failure::Useless(format!("{service}: {error}"));
    };
    let name = name.as_str();
    let absent = [
        "org.freedesktop.DBus.Error.ServiceUnknown",
        "org.freedesktop.DBus.Error.NameHasNoOwner",
        "org.freedesktop.systemd1.NoSuchUnit",
    ];
    let spawn = name.starts_with("org.freedesktop.DBus.Error.Spawn.");
    match name {
        name if absent.contains(&name) || spawn => Failure::Absent(service.to_owned()),
        // It went away, or took too long to start.
        "org.freedesktop.DBus.Error.NoReply" | "org.freedesktop.DBus.Error.TimedOut" => {
            Failure::Silent(service.to_owned())
        }
        name => Failure::Refused {
            name: name.to_owned(),
            text: text.clone().unwrap_or_default().trim().to_owned(),
        },
    }
}
