//! The command line of the server. Exit code 0 after a signal, 2 for anything that keeps it from starting.

#![allow(clippy::print_stdout, reason = "one line on stdout tells scripts the address")]

use clap::{Parser, ValueEnum};
use protocol::ProofMode;
use server::{Limits, ServerConfig, serve};
use std::{net::SocketAddr, path::PathBuf, process::ExitCode, sync::Arc};
use tokio::net::TcpListener;

/// Plays chess with a committed network over WebSockets and proves every move.
#[derive(Parser)]
#[command(name = "server", version)]
struct Args {
    /// Whether moves are proven.
    #[arg(long, value_enum, default_value_t = Mode::Gkr)]
    proof_mode: Mode,
    /// Address to listen on; port 0 picks a free one. The address is printed on stdout.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9000")]
    listen: SocketAddr,
    /// The network.
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// Folder of the stored games, made if need be.
    #[arg(long, value_name = "DIR")]
    store: PathBuf,
    /// File with the encoded weights, made if need be [default: beside the model].
    #[arg(long, value_name = "FILE")]
    cache: Option<PathBuf>,
    /// Sockets open at a time.
    #[arg(long, value_name = "N", default_value_t = Limits::default().max_sockets)]
    max_sockets: usize,
    /// Log more (twice: everything).
    #[arg(long, short, action = clap::ArgAction::Count)]
    verbose: u8,
}

#[derive(Clone, Copy, ValueEnum)]
enum Mode {
    /// Prove every move.
    Gkr,
    /// Prove nothing.
    Off,
}

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) if error.use_stderr() => {
            let text = error.render().to_string();
            let lines: Vec<&str> =
                text.lines().map(str::trim).take_while(|line| !line.starts_with("Usage")).collect();
            let line = lines.join(" ");
            return fail(line.trim().trim_start_matches("error: "));
        }
        Err(help) => {
            print!("{help}");
            return ExitCode::SUCCESS;
        }
    };
    match run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => fail(&message),
    }
}

fn fail(message: &str) -> ExitCode {
    eprintln!("server: {message}");
    ExitCode::from(2)
}

fn run(args: Args) -> Result<(), String> {
    let level = match args.verbose {
        0 => tracing::Level::INFO,
        1 => tracing::Level::DEBUG,
        _ => tracing::Level::TRACE,
    };
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_max_level(level).init();
    let model = engine_circuit::Model::load(&args.model)
        .map_err(|error| format!("can't use the model {}: {error}", args.model.display()))?;
    tracing::info!(digest = %model.digest(), "network");
    let cache = args.cache.unwrap_or_else(|| args.model.with_extension("weights-cache"));
    let proof_mode = match args.proof_mode {
        Mode::Gkr => ProofMode::Gkr,
        Mode::Off => ProofMode::Off,
    };
    let mut config = ServerConfig::new(Arc::new(model), proof_mode, args.store, cache);
    config.limits.max_sockets = args.max_sockets;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("can't start: {error}"))?;
    let served = runtime.block_on(async {
        let listener = TcpListener::bind(args.listen)
            .await
            .map_err(|error| format!("can't listen on {}: {error}", args.listen))?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        println!("listening on {address}");
        let signal = stop_signal()?;
        serve(listener, config, signal).await.map_err(|error| error.to_string())
    });
    // A prover that is still getting ready isn't waited for.
    runtime.shutdown_background();
    served
}

#[cfg(unix)]
fn stop_signal() -> Result<impl Future<Output = ()>, String> {
    use tokio::signal::unix::{SignalKind, signal};
    let listen = |kind| signal(kind).map_err(|error| format!("can't listen to signals: {error}"));
    let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

#[cfg(not(unix))]
fn stop_signal() -> Result<impl Future<Output = ()>, String> {
    Ok(async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    })
}
