//! cwmp-device-info
