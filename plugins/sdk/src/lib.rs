//! cwmp-plugin-sdk
