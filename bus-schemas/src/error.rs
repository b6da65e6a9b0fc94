//! Errors by name: one table for CWMP faults and D-Bus errors.

use std::borrow::Cow;

use cwmp_model::{Fault, FaultCode};
use zbus::message::{Header, Message};
use zbus::names::ErrorName;

use crate::names::ERROR_PREFIX;

/// What a caller on the bus gets instead of an answer.
///
/// The name is [`ERROR_PREFIX`] and [`FaultCode::bus_name`], or `Busy`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BusError {
    /// A fault that an ACS would get too.
    Fault(Fault),
    /// Another transaction is under way; try again.
    Busy,
}

const BUSY: &str = "Busy";
const BUSY_TEXT: &str = "another transaction is under way; try again";

impl BusError {
    /// The last element of the name.
    pub fn short_name(&self) -> &'static str {
        match self {
            Self::Fault(fault) => fault.code.bus_name(),
            Self::Busy => BUSY,
        }
    }

    /// What another program on the bus answered: its error by name, and anything else as an internal error.
    pub fn from_reply(error: &zbus::Error) -> Self {
        if let zbus::Error::MethodError(name, text, _) = error {
            let short = name.as_str().strip_prefix(ERROR_PREFIX);
            if short == Some(BUSY) {
                return Self::Busy;
            }
            let code = FaultCode::ALL.iter().find(|c| Some(c.bus_name()) == short);
            if let Some(code) = code {
                let text = text.clone().map_or(Cow::Borrowed(code.meaning()), Cow::Owned);
                return Self::Fault(Fault { code: *code, text });
            }
        }
        Self::Fault(Fault::new(FaultCode::InternalError, error.to_string()))
    }
}

impl std::fmt::Display for BusError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Fault(fault) => f.write_str(&fault.text),
            Self::Busy => f.write_str(BUSY_TEXT),
        }
    }
}

impl std::error::Error for BusError {}

impl From<Fault> for BusError {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl zbus::DBusError for BusError {
    fn create_reply(&self, call: &Header<'_>) -> zbus::Result<Message> {
        Message::error(call, self.name())?.build(&(self.to_string(),))
    }

    fn name(&self) -> ErrorName<'_> {
        // Every short name is a constant of letters, so the whole is a valid error name; a test builds all of them.
        ErrorName::from_string_unchecked(format!("{ERROR_PREFIX}{}", self.short_name()))
    }

    fn description(&self) -> Option<&str> {
        match self {
            Self::Fault(fault) => Some(&fault.text),
            Self::Busy => Some(BUSY_TEXT),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zbus::DBusError as _;

    #[test]
    fn every_error_survives_the_bus() {
        let call =
            Message::method_call("/org/cwmpd1", "Get").unwrap().sender(":1.1").unwrap().build(&()).unwrap();
        let faults = FaultCode::ALL.iter().map(|code| BusError::Fault(Fault::new(*code, "a text")));
        for error in faults.chain([BusError::Busy]) {
            let reply = error.create_reply(&call.header()).unwrap();
            let name = reply.header().error_name().unwrap().to_owned();
            assert!(ErrorName::try_from(name.as_str()).is_ok());
            let received =
                zbus::Error::MethodError(name.into(), error.description().map(str::to_owned), reply);
            assert_eq!(BusError::from_reply(&received), error);
        }
    }

    #[test]
    fn an_error_of_somebody_else_is_an_internal_one() {
        match BusError::from_reply(&zbus::Error::InvalidReply) {
            BusError::Fault(fault) => assert_eq!(fault.code, FaultCode::InternalError),
            BusError::Busy => panic!("busy"),
        }
    }
}
