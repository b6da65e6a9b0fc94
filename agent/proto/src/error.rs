//! Why a message cannot be used, and what the ACS is told.

use cwmp_model::Fault;

/// Why a message from the ACS cannot be used.
///
/// The variants with an `id` are answered inside the session; the others end it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// Larger than [`Limits::bytes`](crate::Limits::bytes).
    #[error("the message has more than {0} bytes")]
    TooLarge(usize),
    /// Not well-formed, not UTF-8, or with a document type declaration.
    #[error("the message is no usable XML: {0}")]
    Xml(String),
    /// Well-formed, but no SOAP 1.1 envelope with one CWMP message.
    #[error("the message is no CWMP envelope: {0}")]
    Envelope(&'static str),
    /// A header that must be understood and is not; answered with a SOAP fault of its own kind (C12).
    #[error("the header {name} must be understood and is not")]
    MustUnderstand {
        /// The message's `cwmp:ID`.
        id: Option<String>,
        /// The header.
        name: String,
    },
    /// A method that we do not have: fault 9000 (C98).
    #[error("there is no method {name}")]
    UnknownMethod {
        /// The message's `cwmp:ID`.
        id: Option<String>,
        /// The method.
        name: String,
    },
    /// An argument that is missing, too long or of the wrong form: fault 9003.
    #[error("{method}: {fault}")]
    Argument {
        /// The message's `cwmp:ID`.
        id: Option<String>,
        /// The method.
        method: &'static str,
        /// What to answer.
        fault: Fault,
    },
    /// A response to one of our requests that cannot be used. It is never answered.
    #[error("{method}Response: {text}")]
    Response {
        /// The method, without `Response`.
        method: &'static str,
        /// What is wrong.
        text: String,
    },
}

/// The most characters of a stranger's text in an error: it goes into logs and faults.
const SHOWN: usize = 160;

/// A text as it is shown in an error.
pub(crate) fn shown(text: &str) -> &str {
    text.char_indices().nth(SHOWN).map_or(text, |(end, _)| &text[..end])
}

impl ReadError {
    /// What the XML reader says.
    pub(crate) fn xml(error: &dyn std::fmt::Display) -> Self {
        Self::Xml(shown(&error.to_string()).to_owned())
    }

    /// The same error, found in a response: there is nothing to answer.
    pub(crate) fn in_a_response(self) -> Self {
        match self {
            Self::Argument { method, fault, .. } => Self::Response { method, text: fault.text.into_owned() },
            other => other,
        }
    }
}
