//! The users, groups and shells of this machine for `Device.Users.`.
#![forbid(unsafe_code)]
