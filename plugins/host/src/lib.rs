//! cwmp-plugin-host
