//! cwmp-session
#![forbid(unsafe_code)]
