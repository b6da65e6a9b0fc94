//! The network of this machine.
#![forbid(unsafe_code)]
