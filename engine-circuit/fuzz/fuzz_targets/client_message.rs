#![no_main]

libfuzzer_sys::fuzz_target!(
    init: engine_circuit_fuzz::write_seeds("client_message"),
    |data: &[u8]| engine_circuit_fuzz::client_message(data)
);
