//! Lists the keys of the networks that ship with Fairmate (`assets/models/index.toml`), for the page to pin. The default comes first.

use std::{fmt::Write as _, fs, path::Path};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = Path::new(&std::env::var("CARGO_MANIFEST_DIR")?).join("../assets/models");
    let index = folder.join("index.toml");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed={}", index.display());
    let text = fs::read_to_string(&index).map_err(|error| format!("{}: {error}", index.display()))?;
    let (mut default, mut name, mut models) = (None, String::new(), Vec::new());
    for line in text.lines() {
        let Some((field, value)) = line.split_once('=') else { continue };
        let value = value.trim().strip_prefix('"').and_then(|value| value.split('"').next());
        match (field.trim(), value) {
            ("default", Some(value)) => default = Some(value.to_owned()),
            ("name", Some(value)) => name = value.to_owned(),
            ("digest", Some(value)) => models.push((std::mem::take(&mut name), value.to_owned())),
            _ => {}
        }
    }
    models.sort_by_key(|(name, digest)| {
        default.as_ref().is_none_or(|default| default != digest && default != name)
    });
    let mut source = String::from("&[");
    for (name, digest) in &models {
        let key = folder.join(format!("{digest}.vk"));
        println!("cargo:rerun-if-changed={}", key.display());
        let (name, digest, key) = (name.escape_debug(), digest.escape_debug(), key.display().to_string());
        write!(source, "Pinned {{ name: \"{name}\", digest: \"{digest}\", key: include_bytes!({key:?}) }},")?;
    }
    source.push(']');
    fs::write(Path::new(&std::env::var("OUT_DIR")?).join("pinned.rs"), source)?;
    Ok(())
}
