//! cwmp-proto
#![forbid(unsafe_code)]
