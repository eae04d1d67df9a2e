//! The network thread: one socket at a time, reconnected with growing pauses.

use super::{Ends, NetEvent, Opponent, embedded};
use crate::{play::watch::WatchLink, stakes::Seat};
use futures_util::{SinkExt, StreamExt};
use protocol::{
    ClientMessage, PROTOCOL_VERSION, ProofFrame, ServerMessage,
    messages::{MAX_PROOF_FRAME_BYTES, MAX_SERVER_MESSAGE_BYTES},
};
use std::time::Duration;
use tokio_tungstenite::tungstenite::{Message, protocol::WebSocketConfig};

/// First and longest pause before another try.
const PAUSE: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(8));

/// A connection that takes longer to open is given up.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Quiet time after which the client asks whether the server is still there, and twice which it gives up.
const QUIET: Duration = Duration::from_secs(25);

/// How a connection ended.
enum End {
    /// The client is closing.
    Closed,
    /// It may be tried again.
    Broken(String),
    /// It won't get better.
    Failed(String),
}

pub(super) fn run(opponent: &Opponent, operator: Option<&Seat>, mut ends: Ends) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            ends.tell(NetEvent::Failed { reason: format!("no network: {error}") });
            return;
        }
    };
    runtime.block_on(async {
        let started = match opponent {
            Opponent::Remote(address) | Opponent::Watched(WatchLink { address, .. }) => {
                Ok((address.clone(), None))
            }
            Opponent::Embedded { model, store, proof_mode } => {
                embedded::start(model, store, *proof_mode, operator)
                    .await
                    .map(|embedded| (embedded.address.clone(), Some(embedded)))
            }
            Opponent::Scripted => return,
        };
        match started {
            Ok((address, None)) => keep_connected(&address, &mut ends).await,
            Ok((address, Some(mut embedded))) => {
                let ended = tokio::select! {
                    () = keep_connected(&address, &mut ends) => None,
                    reason = embedded.ended() => Some(reason),
                };
                match ended {
                    None => embedded.stop().await,
                    Some(reason) => {
                        ends.tell(NetEvent::Failed { reason });
                    }
                }
            }
            Err(reason) => {
                ends.tell(NetEvent::Failed { reason });
            }
        }
    });
}

async fn keep_connected(address: &str, ends: &mut Ends) {
    let mut pause = PAUSE.0;
    loop {
        let mut welcomed = false;
        match connection(address, ends, &mut welcomed).await {
            End::Closed => return,
            End::Failed(reason) => {
                ends.tell(NetEvent::Failed { reason });
                return;
            }
            End::Broken(reason) => {
                if !ends.tell(NetEvent::Broken { reason }) {
                    return;
                }
            }
        }
        if welcomed {
            pause = PAUSE.0;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE.1);
        // What was meant for the old connection is said anew after the welcome.
        while ends.outbox.try_recv().is_ok() {}
        if ends.outbox.is_closed() {
            return;
        }
    }
}

async fn connection(address: &str, ends: &mut Ends, welcomed: &mut bool) -> End {
    let limit = MAX_PROOF_FRAME_BYTES.max(MAX_SERVER_MESSAGE_BYTES);
    let config = WebSocketConfig::default().max_message_size(Some(limit)).max_frame_size(Some(limit));
    let connecting = tokio_tungstenite::connect_async_with_config(address, Some(config), true);
    let (socket, _) = match tokio::time::timeout(CONNECT_TIMEOUT, connecting).await {
        Ok(Ok(connected)) => connected,
        Ok(Err(error)) => return End::Broken(format!("can't reach {address}: {error}")),
        Err(_) => return End::Broken(format!("{address} does not answer")),
    };
    let (mut sink, mut stream) = socket.split();
    let hello = ClientMessage::Hello {
        version: PROTOCOL_VERSION,
        client: concat!("game ", env!("CARGO_PKG_VERSION")).into(),
    };
    let Ok(text) = hello.encode() else { return End::Failed("the hello is too long".into()) };
    if let Err(error) = sink.send(Message::text(text)).await {
        return End::Broken(error.to_string());
    }
    let mut quiet = 0;
    loop {
        tokio::select! {
            frame = stream.next() => {
                quiet = 0;
                match frame {
                    None => return End::Broken("the server closed the connection".into()),
                    Some(Err(error)) => return End::Broken(error.to_string()),
                    Some(Ok(frame)) => match read(&frame) {
                        Ok(Some(event)) => {
                            if let NetEvent::Server { message, .. } = &event
                                && let ServerMessage::Welcome { version, .. } = message.as_ref()
                            {
                                if *version != PROTOCOL_VERSION {
                                    return End::Failed(format!("the server speaks version {version}, this client {PROTOCOL_VERSION}"));
                                }
                                *welcomed = true;
                            }
                            if !ends.tell(event) {
                                return End::Closed;
                            }
                        }
                        Ok(None) => {}
                        Err(reason) => return End::Broken(reason),
                    },
                }
            }
            message = ends.outbox.recv() => match message {
                None => return End::Closed,
                Some(message) => match message.encode() {
                    Ok(text) => if let Err(error) = sink.send(Message::text(text)).await {
                        return End::Broken(error.to_string());
                    },
                    Err(error) => bevy::log::error!("not sent: {error}"),
                },
            },
            () = tokio::time::sleep(QUIET) => {
                quiet += 1;
                if quiet > 1 {
                    return End::Broken("the server is silent".into());
                }
                let Ok(ping) = ClientMessage::Ping.encode() else { continue };
                if let Err(error) = sink.send(Message::text(ping)).await {
                    return End::Broken(error.to_string());
                }
            }
        }
    }
}

fn read(frame: &Message) -> Result<Option<NetEvent>, String> {
    match frame {
        Message::Text(text) => match ServerMessage::decode(text) {
            Ok(message) => {
                Ok(Some(NetEvent::Server { message: Box::new(message), raw: text.as_str().to_owned() }))
            }
            Err(error) => Err(format!("the server sent something unreadable: {error}")),
        },
        Message::Binary(bytes) => match ProofFrame::decode(bytes) {
            Ok(frame) => Ok(Some(NetEvent::Proof(frame))),
            Err(error) => Err(format!("the server sent an unreadable proof: {error}")),
        },
        Message::Close(Some(close)) if !close.reason.is_empty() => {
            Err(format!("the server closed: {}", close.reason))
        }
        Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_) => Ok(None),
    }
}
