//! The client in a real window, played by mouse and keyboard: `window.sh` has the steps.

use std::process::Command;

/// Runs a script beside this file with the client as its argument.
pub(crate) fn in_a_window(script: &str) {
    let script = format!("{}/tests/app/{script}", env!("CARGO_MANIFEST_DIR"));
    let output = Command::new("bash").arg(script).arg(env!("CARGO_BIN_EXE_game")).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    match output.status.code() {
        Some(0) => assert!(text.ends_with("good\n"), "{text}"),
        Some(77) => eprintln!("{text}"),
        code => panic!("exit code {code:?}\n{text}\n{}", String::from_utf8_lossy(&output.stderr)),
    }
}

#[test]
fn a_game_in_a_real_window() {
    in_a_window("window.sh");
}
