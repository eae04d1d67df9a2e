//! `engine`: the command line over the library. Exit code 0: good; 1: rejected, with the reason; 2: misuse.
#![allow(unreachable_pub, reason = "a binary has no outside")]

mod bench;
mod cache;
mod export;
mod game;
mod model;
mod output;
mod play;
mod position;
mod profile;
mod ratings;
mod selfplay;
mod uci;

use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};

use output::{Failure, emit};

/// Evaluates Fairmate networks, proves that a move is a network's own, and verifies such proofs.
///
/// Exit code 0: done, or the proof is good. 1: the proof, game or model is rejected; the reason is on stderr. 2: misuse
/// (arguments, unreadable or malformed files).
#[derive(Parser)]
#[command(name = "engine", version, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make, inspect and check model files
    #[command(subcommand)]
    Model(model::Command),
    /// Show the network's move and policy in a position
    Eval(play::Eval),
    /// Prove that the network's move in a position is its own
    Prove(play::Prove),
    /// Verify a proof of one move
    Verify(play::Verify),
    /// Prove all of one side's moves in a PGN game, in one proof
    ProveGame(game::ProveGame),
    /// Verify the proof of a game, or a bundle saved by the client
    VerifyGame(game::VerifyGame),
    /// Let the network play games against itself or against random moves
    Selfplay(selfplay::Selfplay),
    /// Write what a contract that verifies a model's moves is made with
    ExportVerifier(export::ExportVerifier),
    /// Measure inference, proving and verifying
    Bench(bench::Bench),
    /// Play under a chess program (UCI)
    Uci(uci::Uci),
}

fn main() -> ExitCode {
    engine_circuit::allocator::keep_freed_memory();
    std::panic::set_hook(Box::new(|panic| {
        let message = panic.payload_as_str().unwrap_or("panic").replace('\n', " ");
        let place = panic.location().map(|at| format!(" ({at})")).unwrap_or_default();
        eprintln!("engine: internal error: {message}{place}");
        std::process::exit(101);
    }));
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error),
    };
    let result = match arguments.command {
        Command::Model(command) => command.run(),
        Command::Eval(command) => command.run(),
        Command::Prove(command) => command.run(),
        Command::Verify(command) => command.run(),
        Command::ProveGame(command) => command.run(),
        Command::VerifyGame(command) => command.run(),
        Command::Selfplay(command) => command.run(),
        Command::ExportVerifier(command) => command.run(),
        Command::Bench(command) => command.run(),
        Command::Uci(command) => command.run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// Help goes to stdout; of an error everything up to the usage, in one line.
fn usage(error: &clap::Error) -> ExitCode {
    let text = error.to_string();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => match emit(text.trim_end()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => failure.report(),
        },
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            Failure::Misuse("a command is missing; `engine --help` lists them".to_owned()).report()
        }
        _ => {
            let words: Vec<&str> = text
                .lines()
                .take_while(|line| !line.starts_with("Usage:"))
                .flat_map(str::split_whitespace)
                .collect();
            let message = words.join(" ");
            Failure::Misuse(message.strip_prefix("error: ").unwrap_or(&message).to_owned()).report()
        }
    }
}
