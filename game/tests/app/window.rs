//! The client in a real window, played by mouse and keyboard: `window.sh` has the steps.

use std::process::Command;

#[test]
fn a_game_in_a_real_window() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/app/window.sh");
    let output = Command::new("bash").arg(script).arg(env!("CARGO_BIN_EXE_game")).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    match output.status.code() {
        Some(0) => assert!(text.ends_with("good\n"), "{text}"),
        Some(77) => eprintln!("{text}"),
        code => panic!("exit code {code:?}\n{text}\n{}", String::from_utf8_lossy(&output.stderr)),
    }
}
