//! cwmp-acs
#![forbid(unsafe_code)]
