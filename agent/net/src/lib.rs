//! cwmp-net
