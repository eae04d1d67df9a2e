//! The command line of the server. Exit code 0 after a signal, 2 for anything that keeps it from starting.

#![allow(clippy::print_stdout, reason = "one line on stdout tells scripts the address")]

use clap::{Parser, ValueEnum};
use protocol::ProofMode;
use server::{AllowedOrigins, Limits, Listeners, OriginError, ServerConfig, serve};
use std::{io::Write, net::SocketAddr, path::PathBuf, process::ExitCode, sync::Arc};
use tokio::net::TcpListener;

#[cfg(feature = "chain")]
mod stakes_args;

const AFTER_HELP: &str = "\
Plain HTTP on the same address: GET /health answers 200, or 503 when the prover failed.
With --metrics that address has /health and /metrics (text for Prometheus).

Example:
  server --model assets/models/DIGEST.model --store games --metrics 127.0.0.1:9100

Exit code: 0 after a signal, 2 if it can't start.";

/// Plays chess with a committed network over WebSockets and proves every move.
///
/// The network's move goes out at once, its proof right behind it. Games and proofs are stored as they happen: after a kill or a
/// crash the next start with the same --store goes on where this one ended. SIGINT and SIGTERM finish and send the proofs being made
/// first.
#[derive(Parser)]
#[command(name = "server", version, after_help = AFTER_HELP)]
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
    /// Address for metrics over plain HTTP; port 0 picks a free one. It is printed on stdout. [default: none]
    #[arg(long, value_name = "ADDRESS")]
    metrics: Option<SocketAddr>,
    /// Origin of web pages that may connect, for instance https://play.example.org, or "any"; may be given several times. Pages of
    /// this machine and programs that are no browsers always may.
    #[arg(long, value_name = "ORIGIN")]
    allow_origin: Vec<String>,
    /// Sockets open at a time.
    #[arg(long, value_name = "N", default_value_t = Limits::default().max_sockets)]
    max_sockets: usize,
    /// Sockets that watch one game at a time, beside its player.
    #[arg(long, value_name = "N", default_value_t = Limits::default().max_watchers_per_game)]
    max_watchers: usize,
    /// Games for stakes.
    #[cfg(feature = "chain")]
    #[command(flatten)]
    stakes: stakes_args::StakesArgs,
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
    engine_circuit::allocator::keep_freed_memory();
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
    config.limits.max_watchers_per_game = args.max_watchers;
    config.origins = origins(&args.allow_origin)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("can't start: {error}"))?;
    let served = runtime.block_on(async {
        #[cfg(feature = "chain")]
        {
            config.stakes = args.stakes.connect().await?;
        }
        let (players, address) = listen(args.listen).await?;
        let metrics = match args.metrics {
            Some(wanted) => Some(listen(wanted).await?),
            None => None,
        };
        let mut lines = format!("listening on {address}\n");
        if let Some((_, address)) = &metrics {
            lines.push_str(&format!("metrics on http://{address}/metrics\n"));
        }
        // Whoever closed the other end doesn't want to know.
        drop(std::io::stdout().write_all(lines.as_bytes()));
        let metrics = metrics.map(|(listener, _)| listener);
        let signal = stop_signal()?;
        serve(Listeners { players, metrics }, config, signal).await.map_err(|error| error.to_string())
    });
    // A prover that is still getting ready isn't waited for.
    runtime.shutdown_background();
    served
}

async fn listen(wanted: SocketAddr) -> Result<(TcpListener, SocketAddr), String> {
    let failed = |error| format!("can't listen on {wanted}: {error}");
    let listener = TcpListener::bind(wanted).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

fn origins(texts: &[String]) -> Result<AllowedOrigins, String> {
    if texts.iter().any(|text| text == "any") {
        return Ok(AllowedOrigins::any());
    }
    texts.iter().try_fold(AllowedOrigins::loopback(), |allowed, text| {
        Ok(allowed.and(text.parse().map_err(|error: OriginError| format!("--allow-origin: {error}"))?))
    })
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
