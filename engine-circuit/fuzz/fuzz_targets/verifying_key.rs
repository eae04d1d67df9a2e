#![no_main]

libfuzzer_sys::fuzz_target!(
    init: engine_circuit_fuzz::write_seeds("verifying_key"),
    |data: &[u8]| engine_circuit_fuzz::verifying_key(data)
);
