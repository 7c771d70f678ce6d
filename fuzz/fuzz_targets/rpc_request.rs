//! The target `rpc_request` of `crates/dev/fuzz`, driven by libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::run("rpc_request", bytes));
