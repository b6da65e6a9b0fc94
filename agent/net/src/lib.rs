//! cwmp-net
#![forbid(unsafe_code)]
