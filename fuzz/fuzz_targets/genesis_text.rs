//! The target `genesis_text` of `crates/dev/fuzz`, driven by libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::run("genesis_text", bytes));
