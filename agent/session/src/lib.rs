//! The protocol rules of a CPE, without I/O, without a clock and without randomness of their own.
//!
//! Values come in, decisions go out, so that every rule of TR-069 3.2 and 3.7 is a plain test. Times are seconds since 1970
//! or since any fixed moment, as the caller likes; random numbers are arguments.
#![forbid(unsafe_code)]

pub mod boot;
pub mod connection_request;
pub mod event;
pub mod notification;
pub mod periodic;
pub mod retry;
pub mod session;

pub use event::{EventQueue, EventRecord};
pub use retry::Retry;
pub use session::{Action, Failure, Outcome, Session, Start};
