#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sockeye_fec::fuzz::fuzz_code(data));
