//! cwmp-bus
#![forbid(unsafe_code)]
