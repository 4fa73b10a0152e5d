#![no_main]
libfuzzer_sys::fuzz_target!(|octets: &[u8]| webtrunk_fuzz::token::run(octets));
