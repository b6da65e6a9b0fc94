//! cwmp-demo
