//! cwmp-plugin-abi
