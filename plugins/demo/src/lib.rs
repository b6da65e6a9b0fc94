//! cwmp-demo
#![forbid(unsafe_code)]
