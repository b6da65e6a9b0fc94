//! The SOAP messages of CWMP (TR-069 3.5, Annex A), read and written.
//!
//! ```text
//!             Request, Response             the tables: each RPC once, with
//!  ACS  ------------------------->  agent   elements, forms and lengths
//!       <-------------------------
//!         CpeRequest, CpeResponse, Inform
//! ```
//!
//! The agent reads with [`read`] and writes with the functions of this level; [`acs`] is the same for the other side.
//!
//! The reader is lenient where the field needs it and strict where a mistake would cost more than a session; the writer
//! sends one form only. What an ACS sends arrives as a [`Message`], or as a [`ReadError`] that knows how to be answered.
#![forbid(unsafe_code)]

pub mod acs;
mod codec;
mod cursor;
mod deployment;
mod device;
mod error;
mod member;
mod message;
mod read;
mod reader;
mod request;
mod table;
mod transfer;
mod write;

pub use deployment::{
    AutonomousResult, DeploymentFault, DeploymentState, Install, Operation, OperationKind, OperationResult,
    Uninstall, Update,
};
pub use device::{CpeRequest, CpeResponse};
pub use error::ReadError;
pub use message::{AttributeChange, Body, Event, Header, IncomingValue, Inform, Message, SoapFault, XsiType};
pub use read::{read, Limits, SERVED};
pub use request::{Request, Response};
pub use transfer::{
    AnyQueuedTransfer, AutonomousTransferComplete, DeviceOption, Download, FileArgument, QueuedTransfer,
    ScheduleDownload, TimeWindow, TransferAnswer, TransferComplete, TransferFault, Upload,
};
pub use write::{
    write_add_object_response, write_attributes, write_empty_response, write_fault, write_get_rpc_methods,
    write_inform, write_methods, write_must_understand, write_request, write_response, write_status_response,
    Context, ParameterNames, ParameterValues,
};
