//! cwmp-session
