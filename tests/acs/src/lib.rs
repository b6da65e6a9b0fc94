//! cwmp-acs
