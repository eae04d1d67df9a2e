//! Writes the page as a file, and with `--cases` what the test in a real browser drops on it.
//!
//! usage: page FILE [--module MODULE.wasm.gz] [--cases FOLDER]

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program")]

#[path = "../../../engine-circuit/examples/vectors/cases.rs"]
mod cases;
mod games;

use std::{error::Error, fs, path::PathBuf, process::ExitCode};

use serde_json::json;
use verifier_web::page;

struct Arguments {
    page: PathBuf,
    module: Option<PathBuf>,
    cases: Option<PathBuf>,
}

fn arguments() -> Option<Arguments> {
    let mut words = std::env::args_os().skip(1);
    let mut arguments = Arguments { page: words.next()?.into(), module: None, cases: None };
    while let Some(flag) = words.next() {
        let place = match flag.to_str()? {
            "--module" => &mut arguments.module,
            "--cases" => &mut arguments.cases,
            _ => return None,
        };
        *place = Some(words.next()?.into());
    }
    Some(arguments)
}

/// The cases of `tests/vectors/proofs.jsonl` as files: key, proof, statement; and a list of them with what must come out.
fn write_cases(folder: &std::path::Path) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(folder)?;
    let (mut list, mut failed) = (Vec::new(), None);
    cases::each_case(|case, key, values, proof| {
        let number = list.len();
        let files = [format!("{number}.vk"), format!("{number}.proof"), format!("{number}.json")];
        let claim = json!({
            "fen": case.fen, "moves": case.moves, "plies": case.plies, "game_id": case.game_id,
            "level": case.level, "seeds": case.seeds, "profile": case.profile, "values": values,
        });
        let contents = [key.to_bytes(), proof.to_vec(), claim.to_string().into_bytes()];
        for (name, bytes) in files.iter().zip(contents) {
            if let Err(error) = fs::write(folder.join(name), bytes) {
                failed = Some(error);
            }
        }
        list.push(json!({
            "name": case.name, "files": files, "plies": case.plies, "expected": case.expected, "digest": case.model_digest,
        }));
    });
    if let Some(error) = failed {
        return Err(error.into());
    }
    fs::write(folder.join("cases.json"), serde_json::to_vec_pretty(&list)?)?;
    Ok(())
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let made = match &arguments.module {
        Some(module) => &page::assemble(&fs::read(module)?),
        None => page::page(),
    };
    fs::write(&arguments.page, &made.html)?;
    println!("wrote {} ({} bytes)", arguments.page.display(), made.html.len());
    if let Some(folder) = &arguments.cases {
        write_cases(folder)?;
        games::write(folder)?;
        fs::write(folder.join("policy.txt"), &made.policy)?;
    }
    Ok(())
}

fn main() -> ExitCode {
    let Some(arguments) = arguments() else {
        eprintln!("usage: page FILE [--module MODULE.wasm.gz] [--cases FOLDER]");
        return ExitCode::from(2);
    };
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}
