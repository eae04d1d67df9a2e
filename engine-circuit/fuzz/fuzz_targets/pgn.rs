#![no_main]

libfuzzer_sys::fuzz_target!(
    init: engine_circuit_fuzz::write_seeds("pgn"),
    |data: &[u8]| engine_circuit_fuzz::pgn(data)
);
