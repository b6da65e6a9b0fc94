//! `cwmp-plugin-try`: tries a plugin without a bus. `cwmp-plugin-host --check` and `--call` start it; what it does is in the library.

fn main() {
    cwmp_plugin_host::try_out(std::env::args_os().skip(1)).leave();
}
