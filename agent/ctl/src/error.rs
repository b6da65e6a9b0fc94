//! What ends a command: the exit code, what went wrong, and what to do next.

use std::time::Duration;

use cwmp_bus::BusError;
use cwmp_model::standard::LibraryError;
use cwmp_model::{Fault, FaultCode};

use crate::standing::Standing;

/// Why a command did not do what it should.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum CtlError {
    /// The command line, beyond what its grammar can say.
    #[error("{0}")]
    Usage(String),
    /// The bus cannot be reached.
    #[error("cannot reach the bus at {address}: {reason}")]
    Unreachable {
        /// Where it should be.
        address: String,
        /// Why not.
        reason: String,
    },
    /// Nobody owns the agent's name.
    #[error("the agent is not running")]
    NotRunning,
    /// The agent or the bus went away in the middle of a call.
    #[error("the agent went away before it answered: {0}")]
    Lost(String),
    /// No answer in time.
    #[error("no answer within {} s", .0.as_secs())]
    Timeout(Duration),
    /// The bus or the agent does not let this user.
    #[error("you may not do that: {text}")]
    NotAllowed {
        /// Which group may.
        group: &'static str,
        /// How the caller stands to it.
        standing: Standing,
        /// What the bus or the agent said.
        text: String,
    },
    /// The agent refused the request as a whole.
    #[error("{} ({})", .0.text, .0.code.number())]
    Refused(Fault),
    /// Another transaction is under way.
    #[error("{}", BusError::Busy)]
    Busy,
    /// The agent does not have what was called.
    #[error("the agent does not know {0}")]
    Unsupported(String),
    /// The answer is not what the contract says.
    #[error("the agent's answer cannot be read: {0}")]
    Unexpected(String),
    /// Faults by path, which were told already.
    #[error("refused")]
    Faults,
    /// Standard input or output.
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

impl CtlError {
    /// The tables of the standard are not where they were looked for.
    pub(crate) fn no_models(error: &LibraryError) -> Self {
        let hint =
            "--models names the folder of the tables, which is agent/model/models in the sources of cwmpd";
        Self::Usage(format!("{error}; {hint}"))
    }

    /// The exit code, as the help tells it.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            // Who closes the pipe has seen enough.
            Self::Io(error) if error.kind() == std::io::ErrorKind::BrokenPipe => 0,
            Self::Refused(_)
            | Self::Busy
            | Self::Unsupported(_)
            | Self::Unexpected(_)
            | Self::Faults
            | Self::Io(_) => 1,
            Self::Usage(_) => 2,
            Self::Unreachable { .. } | Self::NotRunning | Self::Lost(_) | Self::Timeout(_) => 3,
            Self::NotAllowed { .. } => 4,
        }
    }

    /// Whether there is something to print.
    pub(crate) fn is_silent(&self) -> bool {
        matches!(self, Self::Faults) || self.exit_code() == 0
    }

    /// Its name in JSON.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Usage(_) => "usage",
            Self::Unreachable { .. } => "busUnreachable",
            Self::NotRunning => "notRunning",
            Self::Lost(_) => "lost",
            Self::Timeout(_) => "timeout",
            Self::NotAllowed { .. } => "notAllowed",
            Self::Refused(fault) => fault.code.bus_name(),
            Self::Busy => "busy",
            Self::Unsupported(_) => "unsupported",
            Self::Unexpected(_) => "unexpected",
            Self::Faults => "faults",
            Self::Io(_) => "io",
        }
    }

    /// What to do next.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Unreachable { .. } => Some(
                "is the bus running (systemctl status dbus)? Another one is named with --bus ADDRESS"
                    .to_owned(),
            ),
            Self::NotRunning => {
                Some("systemctl start cwmpd; journalctl -u cwmpd tells why it ended".to_owned())
            }
            Self::Lost(_) => {
                Some("journalctl -u cwmpd tells why; cwmpctl status, once it is back".to_owned())
            }
            Self::Timeout(_) => {
                Some("cwmpctl plugins shows whether a plugin hangs; --timeout waits longer".to_owned())
            }
            Self::NotAllowed { group, standing, .. } => Some(standing.advice(group)),
            Self::Refused(fault) => crate::fault::advice(fault.code, None),
            Self::Busy => Some("the ACS or another program is changing values; try again".to_owned()),
            Self::Unsupported(_) => Some("cwmpctl is newer than the agent; update cwmpd".to_owned()),
            Self::Unexpected(_) => Some("are cwmpctl and cwmpd of the same version?".to_owned()),
            Self::Usage(_) | Self::Faults | Self::Io(_) => None,
        }
    }

    /// The fault, if that is what ended the command.
    pub(crate) fn into_fault(self) -> Result<Fault, Self> {
        match self {
            Self::Refused(fault) => Ok(fault),
            other => Err(other),
        }
    }

    /// What a failed call means. `group` is the one that may make it, `standing` how the caller stands to it.
    pub(crate) fn of_call(error: &zbus::Error, group: &'static str, standing: Standing) -> Self {
        let zbus::Error::MethodError(name, text, _) = error else {
            return match error {
                zbus::Error::InputOutput(_) => Self::Lost(error.to_string()),
                _ => Self::Unexpected(error.to_string()),
            };
        };
        let text = text.clone().unwrap_or_default();
        match name.as_str().strip_prefix("org.freedesktop.DBus.Error.") {
            Some("ServiceUnknown" | "NameHasNoOwner") => Self::NotRunning,
            Some("NoReply" | "Disconnected" | "Timeout" | "TimedOut") => Self::Lost(text),
            Some("AccessDenied") => {
                Self::NotAllowed { group, standing, text: "the bus refuses it".to_owned() }
            }
            Some(
                "UnknownMethod" | "UnknownInterface" | "UnknownObject" | "UnknownProperty" | "InvalidArgs",
            ) => Self::Unsupported(text),
            _ => match BusError::from_reply(error) {
                BusError::Busy => Self::Busy,
                // A fault of that name has other reasons too, so the caller's groups decide.
                BusError::Fault(fault)
                    if fault.code == FaultCode::RequestDenied && !standing.is_sufficient() =>
                {
                    Self::NotAllowed { group, standing, text: fault.text.into_owned() }
                }
                BusError::Fault(fault) => Self::Refused(fault),
            },
        }
    }
}
