#![no_main]

#[path = "../bodies/date_time.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|data: &[u8]| body::run(data));
