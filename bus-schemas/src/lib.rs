//! cwmp-bus
