//! cwmp-device-info
#![forbid(unsafe_code)]
