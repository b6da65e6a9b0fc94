//! What is in a message.

use cwmp_model::ValueType;

use crate::request::{Request, Response};

/// A message from the ACS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The SOAP header.
    pub header: Header,
    /// The last number of the namespace `urn:dslforum-org:cwmp-1-N`.
    pub namespace: u8,
    /// What it says.
    pub body: Body,
}

/// The SOAP header's elements that CWMP knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Header {
    /// `cwmp:ID`, byte for byte.
    pub id: Option<String>,
    /// `cwmp:HoldRequests`.
    pub hold_requests: bool,
    /// `cwmp:UseCWMPVersion`.
    pub use_version: Option<String>,
}

/// A request of the ACS, a response to one of ours, or a fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// It wants something.
    Request(Request),
    /// It answers.
    Response(Response),
    /// It refuses.
    Fault(SoapFault),
}

/// A value as the ACS sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncomingValue {
    /// The parameter.
    pub name: String,
    /// The declared type.
    pub xsi_type: XsiType,
    /// The text, not trimmed.
    pub text: String,
}

/// The type that a value declares (C102).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum XsiType {
    /// One of ours, of XML Schema or the SOAP encoding.
    Known(ValueType),
    /// None: the model's type counts.
    Missing,
    /// Something else: fault 9006.
    Unknown,
}

/// One entry of SetParameterAttributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeChange {
    /// A name or partial path.
    pub name: String,
    /// The new notification, if it is to change.
    pub notification: Option<u32>,
    /// The new access list, if it is to change.
    pub access_list: Option<Vec<String>>,
}

/// A fault of the ACS.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SoapFault {
    /// The CWMP code, if the fault has one that can be read.
    pub code: Option<u32>,
    /// Its text, or the SOAP faultstring.
    pub text: String,
}

/// An event of an Inform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The code.
    pub code: String,
    /// CommandKey.
    pub command_key: String,
}

/// An Inform, but for its parameters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inform {
    /// Manufacturer.
    pub manufacturer: String,
    /// OUI.
    pub oui: String,
    /// ProductClass.
    pub product_class: String,
    /// SerialNumber.
    pub serial_number: String,
    /// The events.
    pub events: Vec<Event>,
    /// CurrentTime.
    pub current_time: String,
    /// RetryCount.
    pub retry_count: u32,
    /// The parameters: name, type and value.
    pub parameters: Vec<(String, cwmp_model::Value)>,
}
