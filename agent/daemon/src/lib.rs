//! The agent: speaks CWMP to the ACS, serves `org.cwmpd1` on the bus, and routes both to the providers.
//!
//! ```text
//!  ACS <--HTTP(S)--> acs -+                       +- bus  <--- busctl, cwmpctl
//!                         +--> core (router, -----+
//!                              transactions,
//!                              notification) ---> provider ---> plugin hosts on the bus
//!                                  |
//!                                persist ---> the store
//! ```
//!
//! One thread runs everything here except the store. State is behind plain mutexes that are never held over an await.
#![forbid(unsafe_code)]

pub mod check;
pub mod clock;
pub mod config;
pub mod identity;

mod acs;
mod bus;
mod core;
pub mod cut;
mod local;
mod persist;
mod provider;
mod watchdog;

pub mod app;
