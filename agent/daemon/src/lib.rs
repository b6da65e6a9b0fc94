//! cwmpd
