//! The connection to the server: a thread of its own with channels both ways, so that no system ever waits.

pub mod embedded;
mod socket;

use crate::{Step, play::watch::WatchLink};
use bevy::{
    prelude::*,
    winit::{EventLoopProxyWrapper, WinitUserEvent},
};
use protocol::{ClientMessage, ProofFrame, ServerMessage};
use std::{
    path::PathBuf,
    sync::{Arc, Mutex, mpsc},
};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Where the opponent is.
#[derive(Resource, Clone, Debug)]
pub enum Opponent {
    /// A server at an address `ws://…`.
    Remote(String),
    /// A game of somebody else, on a server.
    Watched(WatchLink),
    /// A server inside this process, on a free port of the loopback interface.
    Embedded {
        /// The network.
        model: PathBuf,
        /// Folder of its games.
        store: PathBuf,
        /// Whether it proves its moves.
        proof_mode: protocol::ProofMode,
    },
    /// No connection at all: messages are written by whoever holds the other ends, for tests.
    Scripted,
}

/// What the connection has to tell.
#[derive(Message, Clone, Debug)]
pub enum NetEvent {
    /// A message of the server.
    Server {
        /// The message.
        message: Box<ServerMessage>,
        /// As it came, for evidence.
        raw: String,
    },
    /// A proof.
    Proof(ProofFrame),
    /// The connection broke or could not be made; another try follows by itself.
    Broken {
        /// Why.
        reason: String,
    },
    /// There will be no further try.
    Failed {
        /// Why.
        reason: String,
    },
}

/// Sends messages to the server.
#[derive(Resource, Debug)]
pub struct NetSender(UnboundedSender<ClientMessage>);

impl NetSender {
    /// Puts somebody between the client and the server, who hears what is sent from now on and passes it on by the sender returned.
    pub fn pass_through(&mut self, hearer: UnboundedSender<ClientMessage>) -> UnboundedSender<ClientMessage> {
        std::mem::replace(&mut self.0, hearer)
    }

    /// Sends a message. What can't be sent because the connection is gone is made good by resuming the game.
    pub fn send(&self, message: ClientMessage) {
        if self.0.send(message).is_err() {
            warn!("the network thread has ended");
        }
    }
}

/// Wakes the window's event loop, which sleeps while nothing happens.
#[derive(Clone, Debug, Default)]
pub struct Waker(Option<bevy::winit::EventLoopProxy<WinitUserEvent>>);

impl Waker {
    /// The waker of an app; one that does nothing if the app has no window.
    #[must_use]
    pub fn of(world: &World) -> Self {
        Self(world.get_resource::<EventLoopProxyWrapper>().map(|proxy| (**proxy).clone()))
    }

    /// Wakes.
    pub fn wake(&self) {
        if let Some(proxy) = &self.0
            && proxy.send_event(WinitUserEvent::WakeUp).is_err()
        {
            // The window is closing.
        }
    }
}

/// Events of the network thread.
#[derive(Resource)]
struct NetInbox(Mutex<mpsc::Receiver<NetEvent>>);

/// The ends of the network thread.
pub(crate) struct Ends {
    pub(crate) outbox: UnboundedReceiver<ClientMessage>,
    pub(crate) inbox: mpsc::Sender<NetEvent>,
    pub(crate) waker: Waker,
}

impl Ends {
    /// Hands an event to the app. `false` once the app is gone.
    pub(crate) fn tell(&self, event: NetEvent) -> bool {
        let told = self.inbox.send(event).is_ok();
        self.waker.wake();
        told
    }
}

/// For tests with [`Opponent::Scripted`]: what the client sent, and a way to answer.
#[derive(Resource, Clone)]
pub struct Script {
    /// Messages of the client, oldest first.
    pub sent: Arc<Mutex<UnboundedReceiver<ClientMessage>>>,
    /// Events for the client.
    pub answer: mpsc::Sender<NetEvent>,
}

/// Starts the network thread and drains its events.
#[derive(Debug)]
pub struct NetPlugin;

impl Plugin for NetPlugin {
    fn build(&self, app: &mut App) {
        let (outgoing, outbox) = unbounded_channel();
        let (inbox, incoming) = mpsc::channel();
        let ends = Ends { outbox, inbox, waker: Waker::of(app.world()) };
        app.add_message::<NetEvent>()
            .insert_resource(NetSender(outgoing))
            .insert_resource(NetInbox(Mutex::new(incoming)))
            .add_systems(Update, drain.in_set(Step::Receive));
        let opponent = app.world().resource::<Opponent>().clone();
        let operator = app.world().resource::<crate::stakes::Seats>().operator.clone();
        if matches!(opponent, Opponent::Scripted) {
            app.insert_resource(Script { sent: Arc::new(Mutex::new(ends.outbox)), answer: ends.inbox });
            return;
        }
        let spawned = std::thread::Builder::new()
            .name("network".into())
            .spawn(move || socket::run(&opponent, operator.as_ref(), ends));
        if let Err(error) = spawned {
            error!("can't start the network thread: {error}");
        }
    }
}

fn drain(inbox: Res<'_, NetInbox>, mut events: MessageWriter<'_, NetEvent>) {
    let Ok(inbox) = inbox.0.lock() else { return };
    events.write_batch(inbox.try_iter());
}
