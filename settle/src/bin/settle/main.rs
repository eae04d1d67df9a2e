//! `settle`: games for stakes from the command line. Exit code 0: done; 1: refused by a contract, with its reason; 2: misuse, or no node answers.
#![allow(unreachable_pub, reason = "a binary has no outside")]

mod arguments;
mod deploy;
mod devnet;
mod dispute;
mod key;
mod money;
mod output;
mod peace;
mod verify;

use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};

use output::{Failure, Outcome, emit, misuse};

/// Plays games for stakes on Ethereum: deploys the contracts, opens, settles and disputes games, verifies proofs on chain (docs/settlement.md).
///
/// Exit code 0: done. 1: a contract refuses; the reason is on stderr. 2: misuse (arguments, unreadable or malformed files), or no node answers.
#[derive(Parser)]
#[command(name = "settle", version, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make and show encrypted keys
    #[command(subcommand)]
    Key(key::Command),
    /// Start a chain of one's own with everything deployed, for tests and play
    Devnet(devnet::Devnet),
    /// Deploy all contracts for a model
    Deploy(deploy::Deploy),
    /// Show an account's money: on chain, and in the settlement contract
    Balance(money::Balance),
    /// Pay into the settlement contract: an operator's stakes come out of it
    Deposit(money::Deposit),
    /// Pay out of the settlement contract
    Withdraw(money::Withdraw),
    /// Take an operator's offer and begin the game
    Open(peace::Open),
    /// Show what the contract knows of a game
    Status(peace::Status),
    /// End a game as agreed: mate, resignation, draw
    Settle(peace::Settle),
    /// Make the other side move on chain
    Challenge(dispute::Challenge),
    /// Answer a challenge with a move
    Respond(dispute::Respond),
    /// Throw out a challenge or claim with a later state that its presenter has signed
    Refute(dispute::Refute),
    /// Claim that a game is over, or that the other side has not answered in time
    Claim(dispute::Claim),
    /// Have the proof of one move verified on chain
    VerifyMove(verify::VerifyMove),
    /// Have the proof of all of the network's moves in a game verified on chain
    VerifyGame(verify::VerifyGame),
}

fn main() -> ExitCode {
    engine_circuit::allocator::keep_freed_memory();
    std::panic::set_hook(Box::new(|panic| {
        let message = panic.payload_as_str().unwrap_or("panic").replace('\n', " ");
        let place = panic.location().map(|at| format!(" ({at})")).unwrap_or_default();
        eprintln!("settle: internal error: {message}{place}");
        std::process::exit(101);
    }));
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error),
    };
    match run(arguments.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run(command: Command) -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| misuse(format!("no threads: {error}")))?;
    runtime.block_on(async {
        match command {
            Command::Key(command) => command.run(),
            Command::Devnet(command) => command.run().await,
            Command::Deploy(command) => command.run().await,
            Command::Balance(command) => command.run().await,
            Command::Deposit(command) => command.run().await,
            Command::Withdraw(command) => command.run().await,
            Command::Open(command) => command.run().await,
            Command::Status(command) => command.run().await,
            Command::Settle(command) => command.run().await,
            Command::Challenge(command) => command.run().await,
            Command::Respond(command) => command.run().await,
            Command::Refute(command) => command.run().await,
            Command::Claim(command) => command.run().await,
            Command::VerifyMove(command) => command.run().await,
            Command::VerifyGame(command) => command.run().await,
        }
    })
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
            Failure::Misuse("a command is missing; `settle --help` lists them".to_owned()).report()
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
