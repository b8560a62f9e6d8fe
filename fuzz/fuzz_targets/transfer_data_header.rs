#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sockeye_proto::transfer::fuzz::fuzz_data_header(data));
