//! cwmp-e2e
