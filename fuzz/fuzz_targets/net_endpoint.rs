#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sockeye_net::endpoint::fuzz::fuzz_endpoint(data));
