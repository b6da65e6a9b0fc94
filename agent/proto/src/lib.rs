//! cwmp-proto
