//! cwmpctl
#![forbid(unsafe_code)]
