//! The table of live games. A game is live while somebody follows it or it has work to do; the rest are on disk.

use crate::{
    chain::Operator,
    clock::{HEARTBEAT, ServerTime},
    config::Limits,
    engine::Engine,
    game_state::{CHAIN_LENGTH, GameState},
    game_task::{Command, GameTask},
    metrics::{Counted, Metrics},
    outbound::{Client, Refusal, when},
    prover_pool::ProverPool,
    run::Phase,
    store::{Event, Store, StoreError, blocking},
};
use engine_circuit::{Level, sampling::SeedChain};
use protocol::{ErrorCode, GameId, GameRecord, GameTerms, Hex32, Outcome, Side, StakesWish};
use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::sync::{Mutex, Semaphore, mpsc, watch};

/// Commands waiting for one game.
const COMMAND_QUEUE: usize = 64;

/// What all games share.
pub(crate) struct Games {
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) store: Arc<Store>,
    /// `None` with proofs off.
    pub(crate) pool: Option<ProverPool>,
    pub(crate) limits: Limits,
    /// The clocks' time.
    pub(crate) time: ServerTime,
    /// When it was last noted on disk that the server runs, in ms since 1970.
    noted_alive_ms: AtomicU64,
    /// Bounds the inferences that run at a time.
    pub(crate) inference: Semaphore,
    /// How far the server is.
    pub(crate) phases: watch::Receiver<Phase>,
    pub(crate) metrics: Metrics,
    /// `None` if the server doesn't play for stakes.
    pub(crate) operator: Option<Arc<Operator>>,
    digest: String,
    live: Mutex<HashMap<GameId, mpsc::Sender<Command>>>,
    /// Tasks of games that run.
    tasks: watch::Sender<usize>,
    /// Every task holds a clone; the server waits until all are dropped.
    alive: mpsc::Sender<()>,
}

impl Games {
    #[allow(clippy::too_many_arguments, reason = "the parts of a server")]
    pub(crate) fn new(
        engine: Arc<dyn Engine>,
        store: Arc<Store>,
        pool: Option<ProverPool>,
        limits: Limits,
        time: ServerTime,
        metrics: Metrics,
        phases: watch::Receiver<Phase>,
        alive: mpsc::Sender<()>,
        operator: Option<Arc<Operator>>,
    ) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            digest: hex::encode(engine.digest()),
            engine,
            store,
            pool,
            limits,
            noted_alive_ms: AtomicU64::new(0),
            time,
            inference: Semaphore::new(cores),
            metrics,
            phases,
            operator,
            live: Mutex::default(),
            tasks: watch::Sender::new(0),
            alive,
        }
    }

    /// Creates a game, stores it and has a client follow it.
    pub(crate) async fn create(
        self: &Arc<Self>,
        human_side: Side,
        record: &GameRecord,
        terms: GameTerms,
        client: Client,
    ) -> Result<GameId, Refusal> {
        if terms.time_control.is_some_and(|control| !control.is_allowed()) {
            return Err(Refusal::new(
                ErrorCode::BadTerms,
                "the time control is outside this server's limits",
            ));
        }
        let Some(level) = Level::new(terms.level) else {
            let message = format!("levels are 1 to {}", Level::STRONGEST);
            return Err(Refusal::new(ErrorCode::BadTerms, message));
        };
        if Outcome::of(record).is_some() {
            return Err(Refusal::new(ErrorCode::BadPosition, "the game is over at this position"));
        }
        let created = Event::Created {
            human_side,
            start_fen: record.start_fen().to_owned(),
            model_digest: self.digest.clone(),
            at_unix_ms: self.time.now_ms(),
            terms,
            seed_secret: level.is_random().then(|| Hex32(rand::random())),
            stakes: None,
            player_key: Some(Hex32(rand::random())),
        };
        self.begin(GameId(rand::random()), created, client).await
    }

    /// Offers a game for stakes, stores the offer and has a client follow the game.
    pub(crate) async fn offer(
        self: &Arc<Self>,
        human_side: Side,
        level: u8,
        wish: &StakesWish,
        client: Client,
    ) -> Result<GameId, Refusal> {
        let refuse = |message: &str| Refusal::new(ErrorCode::NoStakes, message);
        let operator =
            self.operator.as_ref().ok_or_else(|| refuse("this server does not play for stakes"))?;
        if self.pool.is_none() {
            return Err(refuse("this server makes no proofs, so it does not play for stakes"));
        }
        if !Level::new(level).is_some_and(Level::is_random) {
            let message =
                format!("games for stakes are played at levels 1 to {}", Level::STRONGEST.number() - 1);
            return Err(Refusal::new(ErrorCode::BadTerms, message));
        }
        let secret: [u8; 32] = rand::random();
        let head = SeedChain::new(secret, CHAIN_LENGTH).head();
        let white = human_side == Side::White;
        let offer = operator.offer(wish, level, white, self.engine.digest(), head).await?;
        let game_id = GameId(offer.game_id());
        let created = Event::Created {
            human_side,
            start_fen: protocol::record::START_FEN.to_owned(),
            model_digest: self.digest.clone(),
            at_unix_ms: self.time.now_ms(),
            terms: GameTerms { time_control: None, rated: true, level },
            seed_secret: Some(Hex32(secret)),
            stakes: Some(Box::new(offer)),
            player_key: Some(Hex32(rand::random())),
        };
        self.begin(game_id, created, client).await.inspect_err(|_| operator.offers().taken(game_id))
    }

    /// Stores a new game and has a client follow it.
    async fn begin(
        self: &Arc<Self>,
        game_id: GameId,
        created: Event,
        client: Client,
    ) -> Result<GameId, Refusal> {
        let events = [created];
        let state = GameState::replay(&events)
            .ok()
            .flatten()
            .ok_or_else(|| Refusal::new(ErrorCode::BadPosition, "no game starts at this position"))?;
        let (needs_work, key) = (state.needs_work(), state.player_key);
        let mut live = self.live.lock().await;
        check_room(&live, self.limits.max_live_games)?;
        let store = Arc::clone(&self.store);
        blocking(move || store.append(game_id, &events, None, needs_work))
            .await
            .and_then(|result| result)
            .map_err(|error| Refusal::internal(&error))?;
        let game = self.spawn(game_id, state);
        // The queue of a new game is empty.
        drop(game.try_send(Command::Attach { client, have_proofs: Vec::new(), key }));
        live.insert(game_id, game);
        self.metrics.games_created.inc();
        Ok(game_id)
    }

    /// Notes on disk that the server runs, if the last note is old.
    pub(crate) async fn note_alive(&self) {
        let (now_ms, noted_ms) = (self.time.now_ms(), self.noted_alive_ms.load(Ordering::Relaxed));
        let due = u128::from(now_ms.saturating_sub(noted_ms)) >= HEARTBEAT.as_millis();
        let swap =
            || self.noted_alive_ms.compare_exchange(noted_ms, now_ms, Ordering::Relaxed, Ordering::Relaxed);
        if !due || swap().is_err() {
            return;
        }
        let store = Arc::clone(&self.store);
        if let Err(error) = blocking(move || store.note_alive(now_ms)).await.and_then(|result| result) {
            tracing::error!("can't note that the server runs: {error}");
        }
    }

    /// Sends a command to a game, which is read from disk if it isn't live.
    pub(crate) async fn send(self: &Arc<Self>, game_id: GameId, command: Command) -> Result<(), Refusal> {
        self.send_within(self.limits.max_live_games, game_id, command).await
    }

    /// The same for a game for stakes and what the chain says of it: there is always room for that, since a stake depends on it.
    pub(crate) async fn send_from_chain(
        self: &Arc<Self>,
        game_id: GameId,
        command: Command,
    ) -> Result<(), Refusal> {
        self.send_within(usize::MAX, game_id, command).await
    }

    async fn send_within(
        self: &Arc<Self>,
        room: usize,
        game_id: GameId,
        command: Command,
    ) -> Result<(), Refusal> {
        let mut live = self.live.lock().await;
        let game = match live.get(&game_id) {
            Some(game) => game.clone(),
            None => {
                check_room(&live, room)?;
                let game = self.spawn(game_id, self.load(game_id).await?);
                live.insert(game_id, game.clone());
                game
            }
        };
        game.try_send(command).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => {
                Refusal::new(ErrorCode::Busy, "the game has too much to do; try again")
            }
            mpsc::error::TrySendError::Closed(_) => {
                Refusal::new(ErrorCode::ShuttingDown, "the server is shutting down")
            }
        })
    }

    /// Sends a command to a game if it is live.
    pub(crate) async fn send_if_live(&self, game_id: GameId, command: Command) {
        if let Some(game) = self.live.lock().await.get(&game_id) {
            // A full queue: the game finds out by itself that its socket has gone.
            drop(game.try_send(command));
        }
    }

    /// Takes a game out of the table unless commands wait for it. A game that gets `true` ends.
    pub(crate) async fn retire(&self, game_id: GameId, commands: &mpsc::Receiver<Command>) -> bool {
        let mut live = self.live.lock().await;
        let idle = commands.is_empty();
        if idle {
            live.remove(&game_id);
        }
        idle
    }

    /// Takes up the games that a server before this one left with work to do.
    pub(crate) async fn take_up_unfinished(self: Arc<Self>) {
        let store = Arc::clone(&self.store);
        let unfinished = match blocking(move || store.games_with_work()).await.and_then(|result| result) {
            Ok(unfinished) => unfinished,
            Err(error) => {
                tracing::error!("can't read which games are unfinished: {error}");
                return;
            }
        };
        let mut taken_up = 0_usize;
        for game_id in unfinished {
            // Leave room for games of clients.
            while self.live.lock().await.len() > self.limits.max_live_games / 2 {
                tokio::time::sleep(self.limits.retry_interval).await;
            }
            let mut live = self.live.lock().await;
            if live.contains_key(&game_id) {
                continue;
            }
            match self.load(game_id).await {
                Ok(state) if self.pool.is_some() || state.is_bot_turn() => {
                    live.insert(game_id, self.spawn(game_id, state));
                    taken_up += 1;
                }
                Ok(_) => {}
                Err(refusal) => tracing::warn!(game = %game_id, "not taken up: {}", refusal.message),
            }
        }
        if taken_up > 0 {
            tracing::info!(games = taken_up, "took up unfinished games");
        }
    }

    async fn load(&self, game_id: GameId) -> Result<GameState, Refusal> {
        let store = Arc::clone(&self.store);
        let state = blocking(move || {
            let events = store.events(game_id)?;
            GameState::replay(&events)
                .map_err(|reason| StoreError::Damaged(format!("game {game_id}: {reason}")))
        })
        .await
        .and_then(|result| result)
        .map_err(|error| Refusal::internal(&error))?;
        let Some(state) = state else {
            return Err(Refusal::new(ErrorCode::UnknownGame, format!("there is no game {game_id}")));
        };
        if state.model_digest != self.digest {
            let message = format!(
                "this game is played by the network {}; this server runs {}",
                state.model_digest, self.digest
            );
            return Err(Refusal::new(ErrorCode::UnknownGame, message));
        }
        let knows = |operator: &Arc<Operator>, offer| operator.knows(offer);
        if let Some(stakes) = &state.stakes
            && !self.operator.as_ref().is_some_and(|operator| knows(operator, &stakes.offer))
        {
            let message = "this is a game for stakes; the server runs without its chain or with another key";
            return Err(Refusal::new(ErrorCode::NoStakes, message));
        }
        Ok(state)
    }

    fn spawn(self: &Arc<Self>, game_id: GameId, state: GameState) -> mpsc::Sender<Command> {
        let (sender, commands) = mpsc::channel(COMMAND_QUEUE);
        let task = GameTask::new(Arc::clone(self), game_id, state, commands);
        let (games, alive) = (Arc::clone(self), self.alive.clone());
        self.tasks.send_modify(|tasks| *tasks += 1);
        tokio::spawn(async move {
            let counted = Counted::new(&games.metrics.games_live);
            // Counted down if the task panics, too.
            let ended = Ended(&games);
            task.run().await;
            drop((ended, counted));
            drop((games, alive));
        });
        sender
    }

    /// Completes when no game's task runs.
    pub(crate) async fn all_ended(&self) {
        when(&mut self.tasks.subscribe(), |tasks| *tasks == 0).await;
    }
}

fn check_room(live: &HashMap<GameId, mpsc::Sender<Command>>, room: usize) -> Result<(), Refusal> {
    if live.len() >= room {
        return Err(Refusal::new(ErrorCode::Busy, "too many games at a time; try again later"));
    }
    Ok(())
}

struct Ended<'a>(&'a Games);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.tasks.send_modify(|tasks| *tasks = tasks.saturating_sub(1));
    }
}
