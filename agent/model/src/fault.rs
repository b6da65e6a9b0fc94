//! Faults: what an ACS and a bus client are told when something is refused.

use std::borrow::Cow;

macro_rules! fault_codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $bus:literal, $text:literal;)*) => {
        /// A fault code of the CPE (TR-069 A.5.1), with its name on the bus.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u16)]
        #[non_exhaustive]
        pub enum FaultCode { $($(#[$doc])* $name = $code,)* }

        impl FaultCode {
            /// Every code, in ascending order.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The number an ACS sees.
            pub fn number(self) -> u16 { self as u16 }

            /// The code with this number, if it is one of ours.
            pub fn from_number(number: u32) -> Option<Self> {
                match number { $($code => Some(Self::$name),)* _ => None }
            }

            /// The last element of the D-Bus error name `org.cwmpd1.Error.*`.
            pub fn bus_name(self) -> &'static str {
                match self { $(Self::$name => $bus,)* }
            }

            /// What the code means, in a few words.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

fault_codes! {
    /// The method is not supported.
    MethodNotSupported = 9000, "MethodNotSupported", "method not supported";
    /// The request is denied, no reason specified.
    RequestDenied = 9001, "RequestDenied", "request denied";
    /// Something failed inside the device.
    InternalError = 9002, "InternalError", "internal error";
    /// The arguments are invalid.
    InvalidArguments = 9003, "InvalidArguments", "invalid arguments";
    /// The request needs more than the device has.
    ResourcesExceeded = 9004, "ResourcesExceeded", "resources exceeded";
    /// There is no such parameter, object or row.
    InvalidParameterName = 9005, "InvalidParameterName", "no such parameter";
    /// The value is not of the parameter's type.
    InvalidParameterType = 9006, "InvalidParameterType", "wrong parameter type";
    /// The value is of the right type but not allowed.
    InvalidParameterValue = 9007, "InvalidParameterValue", "value not allowed";
    /// The parameter is read-only.
    NotWritable = 9008, "NotWritable", "parameter is read-only";
    /// The notification setting is not allowed for the parameter.
    NotificationRejected = 9009, "NotificationRejected", "notification request rejected";
    /// A download failed.
    DownloadFailure = 9010, "DownloadFailure", "download failed";
    /// An upload failed.
    UploadFailure = 9011, "UploadFailure", "upload failed";
    /// The file server refused the credentials.
    TransferAuthentication = 9012, "TransferAuthentication", "file server refused the credentials";
    /// The protocol of the URL is not supported.
    TransferProtocol = 9013, "TransferProtocol", "transfer protocol not supported";
    /// The multicast group could not be joined.
    TransferMulticast = 9014, "TransferMulticast", "multicast group could not be joined";
    /// The file server could not be reached.
    TransferContact = 9015, "TransferContact", "file server could not be reached";
    /// The file is not there.
    TransferAccess = 9016, "TransferAccess", "file not found";
    /// The transfer ended before the file was complete.
    TransferIncomplete = 9017, "TransferIncomplete", "file transfer incomplete";
    /// The file is corrupted.
    TransferCorrupted = 9018, "TransferCorrupted", "file is corrupted";
    /// The file's signature or origin could not be verified.
    TransferUnverified = 9019, "TransferUnverified", "file could not be authenticated";
    /// The transfer did not finish within its time windows.
    TransferWindow = 9020, "TransferWindow", "transfer outside its time windows";
    /// The transfer cannot be cancelled in its present state.
    CancelNotPermitted = 9021, "CancelNotPermitted", "cancelling is not permitted now";
}

impl FaultCode {
    /// Whether SOAP calls it the sender's fault (`Client`) rather than ours (`Server`); TR-069 3.5.
    pub fn is_client(self) -> bool {
        matches!(self.number(), 9003 | 9005..=9008)
    }
}

impl std::fmt::Display for FaultCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.number(), self.meaning())
    }
}

/// A refusal: the code and a sentence for the person who reads the log of the ACS.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {text}", code = code.number())]
pub struct Fault {
    /// The code.
    pub code: FaultCode,
    /// What is wrong and what would be right. Never holds a secret.
    pub text: Cow<'static, str>,
}

impl Fault {
    /// A fault with its own sentence.
    pub fn new(code: FaultCode, text: impl Into<Cow<'static, str>>) -> Self {
        Self { code, text: text.into() }
    }

    /// A fault that says only what its code means.
    pub fn of(code: FaultCode) -> Self {
        Self { code, text: Cow::Borrowed(code.meaning()) }
    }
}

impl From<FaultCode> for Fault {
    fn from(code: FaultCode) -> Self {
        Self::of(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_names_are_one_to_one() {
        let mut names: Vec<_> = FaultCode::ALL.iter().map(|c| c.bus_name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), FaultCode::ALL.len());
        for code in FaultCode::ALL {
            assert_eq!(FaultCode::from_number(u32::from(code.number())), Some(*code));
        }
        assert_eq!(FaultCode::from_number(8000), None);
    }

    #[test]
    fn five_codes_blame_the_sender() {
        let client: Vec<_> = FaultCode::ALL.iter().filter(|c| c.is_client()).map(|c| c.number()).collect();
        assert_eq!(client, [9003, 9005, 9006, 9007, 9008]);
    }
}
