//! cwmpctl
