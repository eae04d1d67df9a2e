//! Writes `tests/vectors/proofs.jsonl` anew, and says the `Proof-digest` of commits that change what is proven or how.

#![allow(clippy::print_stdout, reason = "a program")]

mod cases;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut text = String::new();
    for case in cases::cases() {
        text.push_str(&serde_json::to_string(&case)?);
        text.push('\n');
    }
    let path = cases::path();
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(&path, text)?;
    println!("wrote {}", path.display());
    println!("Proof-digest: {}", cases::proof_digest());
    Ok(())
}
