//! The server inside this process.

use crate::stakes::Seat;
use protocol::ProofMode;
use std::{path::Path, sync::Arc};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

/// A server in this process, in the current tokio runtime.
#[derive(Debug)]
pub struct Embedded {
    /// Its address, `ws://127.0.0.1:…`.
    pub address: String,
    shutdown: oneshot::Sender<()>,
    task: JoinHandle<Result<(), String>>,
}

impl Embedded {
    /// Stops it cleanly: what is played is stored.
    pub async fn stop(self) {
        // An error means that it has ended already.
        if self.shutdown.send(()).is_ok() {
            match self.task.await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => bevy::log::error!("{error}"),
                Err(error) => bevy::log::error!("the embedded server: {error}"),
            }
        }
    }

    /// Completes with the reason when the server ends by itself.
    pub async fn ended(&mut self) -> String {
        match (&mut self.task).await {
            Ok(Ok(())) => "the server in this program has ended".into(),
            Ok(Err(reason)) => reason,
            Err(error) => format!("the server in this program: {error}"),
        }
    }
}

/// Starts a server with the network of a file, on a free port of the loopback interface.
///
/// With a seat it is the operator of games for stakes.
///
/// # Errors
///
/// Returns a line for the user.
pub async fn start(
    model: &Path,
    store: &Path,
    proof_mode: ProofMode,
    operator: Option<&Seat>,
) -> Result<Embedded, String> {
    let path = model.to_owned();
    let loaded = tokio::task::spawn_blocking(move || engine_circuit::Model::load(&path));
    let loaded = match loaded.await {
        Ok(Ok(model)) => Arc::new(model),
        Ok(Err(error)) => return Err(format!("the network {}: {error}", model.display())),
        Err(error) => return Err(format!("the network {}: {error}", model.display())),
    };
    let digest = hex::encode(loaded.digest().as_bytes());
    let caches = store.join("caches");
    std::fs::create_dir_all(&caches).map_err(|error| format!("{}: {error}", caches.display()))?;
    let cache = caches.join(format!("{digest}.weights-cache"));
    let mut config = server::ServerConfig::new(loaded, proof_mode, store.join("games"), cache);
    if let Some(seat) = operator {
        config.stakes = Some(seat.operator().await?);
    }
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(|error| format!("no port: {error}"))?;
    let address = listener.local_addr().map_err(|error| format!("no port: {error}"))?;
    let (shutdown, stopped) = oneshot::channel::<()>();
    let task = tokio::spawn(async move {
        let stopped = async {
            if stopped.await.is_err() {
                // The network thread ended without asking: stop as well.
            }
        };
        server::serve(listener, config, stopped).await.map_err(|error| {
            let text = error.to_string();
            if text.contains("already open") {
                "its games are in use by another window of this program".to_owned()
            } else {
                format!("the server in this program: {text}")
            }
        })
    });
    Ok(Embedded { address: format!("ws://{address}"), shutdown, task })
}
