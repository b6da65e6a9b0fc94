//! `cwmp-plugin-host`: loads one plugin and serves it on the bus. What it does is in the library, for the tests.

fn main() {
    cwmp_plugin_host::host(std::env::args_os().skip(1)).leave();
}
