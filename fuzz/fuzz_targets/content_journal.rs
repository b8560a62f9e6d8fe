#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sockeye_proto::content::fuzz::fuzz_journal(data));
