//! Writes the seeds of every target into a folder, one file each: `seeds FOLDER` makes `FOLDER/TARGET/NUMBER`.

use std::path::PathBuf;

fn main() -> std::io::Result<()> {
    let folder = PathBuf::from(std::env::args_os().nth(1).unwrap_or_else(|| "corpus".into()));
    for (name, _, seeds) in engine_circuit_fuzz::targets() {
        std::fs::create_dir_all(folder.join(name))?;
        for (number, seed) in seeds().into_iter().enumerate() {
            std::fs::write(folder.join(name).join(number.to_string()), seed)?;
        }
    }
    Ok(())
}
