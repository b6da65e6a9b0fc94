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

pub mod clock;
pub mod config;
pub mod identity;

#[allow(dead_code)] // the router, which reads the tree, builds on this
mod core;
#[allow(dead_code)] // served by the router
mod local;
#[allow(dead_code)] // written by the router
mod persist;
