//! One live game: a task that takes commands one after the other, plays the network's moves and has them proven.
//!
//! Whatever happens is stored before anybody is told of it.

mod followers;
mod staked;

use crate::{
    clock::HEARTBEAT,
    engine::MoveClaim,
    game_state::GameState,
    games::Games,
    outbound::{Client, Outbound, Refusal, when},
    prover_pool::{Done, Failed, Job, Proved},
    run::Phase,
    store::{Event, StoreError, StoredProof, blocking},
};
use engine_circuit::Profile;
use followers::Follower;
use protocol::{
    ErrorCode, GameId, GameRecord, GameSeeds, Hex32, HexBytes, Outcome, ServerMessage, SettledOutcome, Side,
    WireSignature, claimable_draw, shakmaty::Position,
};
use settlement::{dispute::OnChain, game_file::GameFile};
use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant as TokioInstant, sleep, sleep_until},
};

/// Tries to prove a move before clients are told that there is no proof. More follow when a client asks.
const TRIES: u32 = 2;

/// Tries to prove a move in the life of a task, however often clients ask.
const MAX_TRIES: u32 = 6;

/// What a client wants of a game.
pub(crate) enum Command {
    /// Follow the game, with the key as its player: its state, the proofs the client lacks, and whatever happens from now on.
    Attach { client: Client, have_proofs: Vec<u32>, key: Option<Hex32> },
    /// Stop following it.
    Detach { client: u64 },
    /// Play a move of the human.
    Move { client: Client, ply: u32, uci: String, signature: Option<WireSignature> },
    /// Fix the client's half of the seeds.
    Nonce { client: Client, nonce: Hex32 },
    /// Resign.
    Resign { client: Client },
    /// Offer a draw.
    OfferDraw { client: Client },
    /// Claim a draw.
    ClaimDraw { client: Client },
    /// Take moves back.
    TakeBack { client: Client, ply: u32 },
    /// Send a proof again.
    RequestProof { client: Client, ply: u32 },
    /// Look for the player's transaction that opens the game.
    StakesOpened { client: Client, nonce: HexBytes<16> },
    /// Take the player's signature on a result.
    SignResult { client: Client, outcome: SettledOutcome, signature: WireSignature },
    /// Learn what the contract holds of the game, and tell what was signed in it, once it is open.
    Seen { chain: Box<OnChain>, reply: oneshot::Sender<Option<GameFile>> },
    /// Take a move of the human from the chain.
    MoveOnChain { ply: u32, uci: String },
}

/// A proof that couldn't be made.
struct Attempts {
    tries: u32,
    /// Tries after which clients are told.
    limit: u32,
    reason: String,
}

/// A live game.
pub(crate) struct GameTask {
    games: Arc<Games>,
    game_id: GameId,
    state: GameState,
    commands: mpsc::Receiver<Command>,
    followers: BTreeMap<u64, Follower>,
    done_sender: mpsc::UnboundedSender<Done>,
    done: mpsc::UnboundedReceiver<Done>,
    /// The proof the pool has of this game: one at a time, so that games take turns.
    in_flight: Option<u32>,
    attempts: BTreeMap<u32, Attempts>,
    /// When to try again what failed.
    retry_at: Option<TokioInstant>,
}

impl GameTask {
    pub(crate) fn new(
        games: Arc<Games>,
        game_id: GameId,
        state: GameState,
        commands: mpsc::Receiver<Command>,
    ) -> Self {
        let (done_sender, done) = mpsc::unbounded_channel();
        Self {
            games,
            game_id,
            state,
            commands,
            followers: BTreeMap::new(),
            done_sender,
            done,
            in_flight: None,
            attempts: BTreeMap::new(),
            retry_at: None,
        }
    }

    /// Runs until nobody needs the game or the server shuts down.
    pub(crate) async fn run(mut self) {
        let mut phases = self.games.phases.clone();
        loop {
            let phase = *phases.borrow();
            // Commands first: whoever starts a game follows it before the network's first move.
            while let Ok(command) = self.commands.try_recv() {
                self.obey(command).await;
            }
            let retry_at = self.retry_at;
            if retry_at.is_none_or(|at| at <= TokioInstant::now()) {
                self.retry_at = None;
                self.act(phase).await;
            }
            if phase > Phase::Running && !self.awaits_proof() {
                return;
            }
            let flag_in = self.flag_in();
            let wake_at = self.retry_at;
            let retry = async {
                match wake_at {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            self.followers.retain(|_, follower| !follower.client.is_gone());
            let idle = self.followers.is_empty()
                && self.in_flight.is_none()
                && wake_at.is_none()
                && flag_in.is_none();
            tokio::select! {
                () = when(&mut phases, |now| *now > phase) => {
                    if *phases.borrow() == Phase::Stopping {
                        return;
                    }
                }
                Some(done) = self.done.recv() => self.proof_done(done).await,
                command = self.commands.recv() => match command {
                    Some(command) => self.obey(command).await,
                    None => return,
                },
                () = retry => {}
                () = sleep(flag_in.unwrap_or_default().min(HEARTBEAT)), if flag_in.is_some() => {
                    self.games.note_alive().await;
                    self.check_flag().await;
                }
                () = sleep(self.games.limits.game_idle_timeout), if idle => {
                    if self.games.retire(self.game_id, &self.commands).await {
                        return;
                    }
                }
            }
        }
    }

    /// Does what the state of the game calls for: the network's move, then the next proof.
    async fn act(&mut self, phase: Phase) {
        if self.state.is_bot_turn()
            && let Err(error) = self.bot_move().await
        {
            let refusal = Refusal::internal(&error);
            self.broadcast_refusal(&refusal);
            self.retry_later();
        }
        // A proof that isn't begun is made after the next start.
        if phase == Phase::Running {
            self.submit_proof();
        }
    }

    /// Whether a proof is being made, and not only waited for by a prover that gets ready.
    fn awaits_proof(&self) -> bool {
        self.in_flight.is_some() && self.games.pool.as_ref().is_some_and(|pool| pool.state().borrow().ready)
    }

    async fn bot_move(&mut self) -> Result<(), StoreError> {
        let failed = |reason: &str| StoreError::Damaged(format!("the network can't move: {reason}"));
        let permit = self.games.inference.acquire().await.map_err(|error| failed(&error.to_string()))?;
        let ply = self.state.ply();
        let sampling = self.state.sampling(ply).ok_or_else(|| failed("its seed is not known"))?;
        let (engine, record) = (Arc::clone(&self.games.engine), self.state.record.clone());
        let (best, infer_time) = blocking(move || {
            let started = Instant::now();
            let best = engine.choose(&record, sampling);
            (best, started.elapsed())
        })
        .await?;
        drop(permit);
        self.games.metrics.infer_seconds.observe(infer_time.as_secs_f64());
        let infer_ms = infer_time.as_secs_f32() * 1e3;
        let uci = GameRecord::uci(best.ok_or_else(|| failed("it names none"))?);
        let signature = self.sign_move(&uci)?;
        let events = self
            .state
            .events_of_move(&uci, Some(infer_ms), signature)
            .map_err(|error| failed(&error.to_string()))?;
        self.check_flag().await;
        if self.state.outcome.is_some() {
            return Ok(());
        }
        self.commit(events, None).await?;
        self.broadcast(&self.bot_move_message(ply, uci, infer_ms));
        self.broadcast_clock();
        self.broadcast_end();
        Ok(())
    }

    fn submit_proof(&mut self) {
        let Some(pool) = &self.games.pool else { return };
        if self.in_flight.is_some() {
            return;
        }
        let wanted = self.state.missing_proofs().find(|ply| !self.has_failed(*ply));
        let Some(ply) = wanted else { return };
        let Ok(index) = usize::try_from(ply) else { return };
        let Some(&mv) = self.state.record.moves().get(index) else { return };
        let Some(sampling) = self.state.sampling(ply) else { return };
        let record = self.state.record.truncated(index);
        let job = Job {
            ply,
            claim: MoveClaim { game_id: self.game_id, record, mv, sampling, profile: Profile::Live },
            done: self.done_sender.clone(),
        };
        match pool.submit(job) {
            Some(queue) => {
                self.in_flight = Some(ply);
                self.broadcast(&ServerMessage::Proving { game_id: self.game_id, ply, queue });
            }
            None => self.retry_later(),
        }
    }

    async fn proof_done(&mut self, Done { ply, result }: Done) {
        self.in_flight = None;
        match result {
            Ok(Proved { proof, prove_ms }) => {
                let bytes = u32::try_from(proof.len()).unwrap_or(u32::MAX);
                let event = Event::Proof { ply, prove_ms, bytes, clock: None };
                let stored = StoredProof { prove_ms, proof };
                let before = self.state.clock;
                match self.commit(vec![event], Some((ply, stored))).await {
                    Ok(()) => {
                        if self.state.clock != before {
                            self.broadcast_clock();
                        }
                        self.attempts.remove(&ply);
                        self.broadcast_proof(ply);
                    }
                    Err(error) => {
                        // The proof is made again.
                        tracing::error!(game = %self.game_id, ply, "can't store a proof: {error}");
                        self.retry_later();
                    }
                }
            }
            Err(Failed::Stopped) => {}
            Err(Failed::Try { reason, for_good }) => {
                let attempts = self.attempts.entry(ply).or_insert(Attempts {
                    tries: 0,
                    limit: TRIES,
                    reason: String::new(),
                });
                attempts.tries = if for_good { MAX_TRIES } else { attempts.tries + 1 };
                attempts.reason = reason;
                if self.has_failed(ply) {
                    self.broadcast(&self.proof_failed(ply));
                }
            }
        }
    }

    async fn obey(&mut self, command: Command) {
        self.check_flag().await;
        if let Err((client, refusal)) = self.may(&command) {
            return client.refuse(Some(self.game_id), &refusal);
        }
        match command {
            Command::Attach { client, have_proofs, key } => {
                if let Err((client, refusal)) = self.attach(client, &have_proofs, key) {
                    client.refuse(Some(self.game_id), &refusal);
                }
            }
            Command::Detach { client } => {
                self.followers.remove(&client);
            }
            Command::Move { client, ply, uci, signature } => {
                let played = self.human_move(&client, ply, &uci, signature).await;
                self.answer(&client, played);
            }
            Command::Nonce { client, nonce } => {
                let fixed = self.fix_nonce(nonce).await;
                self.answer(&client, fixed);
            }
            Command::Resign { client } => {
                let resigned = self.resign().await;
                self.answer(&client, resigned);
            }
            Command::OfferDraw { client } => match claimable_draw(&self.state.record) {
                None if self.state.outcome.is_none() => {
                    client.tell(ServerMessage::DrawDeclined { game_id: self.game_id });
                }
                _ => {
                    let claimed = self.claim_draw().await;
                    self.answer(&client, claimed);
                }
            },
            Command::ClaimDraw { client } => {
                let claimed = self.claim_draw().await;
                self.answer(&client, claimed);
            }
            Command::TakeBack { client, ply } => {
                let taken_back = self.take_back(&client, ply).await;
                self.answer(&client, taken_back);
            }
            Command::RequestProof { client, ply } => {
                let requested = self.request_proof(&client, ply);
                self.answer(&client, requested);
            }
            Command::StakesOpened { client, nonce } => {
                let looked = self.stakes_opened(&client, nonce);
                self.answer(&client, looked);
            }
            Command::SignResult { client, outcome, signature } => {
                let signed = self.result_signed(&client, outcome, signature).await;
                self.answer(&client, signed);
            }
            Command::Seen { chain, reply } => {
                if let Err(error) = self.seen(&chain).await {
                    tracing::error!(game = %self.game_id, "can't store what is on chain: {error}");
                }
                // Whoever asked may have ended.
                drop(reply.send(self.state.game_file()));
            }
            Command::MoveOnChain { ply, uci } => {
                if let Err(error) = self.move_on_chain(ply, &uci).await {
                    tracing::error!(game = %self.game_id, ply, "can't take a move from the chain: {error}");
                }
            }
        }
    }

    fn answer(&self, client: &Client, result: Result<(), Refusal>) {
        if let Err(refusal) = result {
            client.refuse(Some(self.game_id), &refusal);
        }
    }

    async fn human_move(
        &mut self,
        client: &Client,
        ply: u32,
        uci: &str,
        signature: Option<WireSignature>,
    ) -> Result<(), Refusal> {
        let game_id = self.game_id;
        if let Some((played, _)) = self.state.played(ply) {
            if played != uci || self.state.is_bot_ply(ply) {
                let message = format!("the move at ply {ply} is {played}, not {uci:?}");
                return Err(Refusal::new(ErrorCode::WrongPly, message));
            }
            // The client didn't get the answer; it gets it again.
            client.tell(ServerMessage::MoveAccepted { game_id, ply });
            if let Some((uci, infer_ms)) = self.state.played(ply + 1) {
                let infer_ms = infer_ms.unwrap_or_default();
                client.tell(self.bot_move_message(ply + 1, uci, infer_ms));
            }
            if let Some(outcome) = self.state.outcome {
                client.tell(ServerMessage::GameOver { game_id, outcome });
            }
            return Ok(());
        }
        self.check_running()?;
        if ply != self.state.ply() {
            let message = format!("the game is at ply {}, not {ply}", self.state.ply());
            return Err(Refusal::new(ErrorCode::WrongPly, message));
        }
        if self.state.turn() != self.state.human_side {
            return Err(Refusal::new(ErrorCode::NotYourTurn, "it is the network's turn"));
        }
        let events = self
            .state
            .events_of_move(uci, None, signature)
            .map_err(|error| Refusal::new(ErrorCode::IllegalMove, error.to_string()))?;
        self.check_signature(uci, signature)?;
        self.commit(events, None).await.map_err(|error| Refusal::internal(&error))?;
        self.broadcast_player_move(ply);
        self.broadcast_clock();
        self.broadcast_end();
        Ok(())
    }

    fn bot_move_message(&self, ply: u32, uci: String, infer_ms: f32) -> ServerMessage {
        let seed_element = self.state.seed_element(ply);
        let signature = self.signature_at(ply);
        ServerMessage::BotMove { game_id: self.game_id, ply, uci, infer_ms, seed_element, signature }
    }

    async fn fix_nonce(&mut self, nonce: Hex32) -> Result<(), Refusal> {
        let refuse = |message: &str| Err(Refusal::new(ErrorCode::WrongNonce, message));
        if self.state.stakes.is_some() {
            return refuse("the nonce of a game for stakes is that of its transaction");
        }
        match self.state.public_seeds() {
            None => refuse("the game is played at the strongest level and needs no nonce"),
            Some(GameSeeds { nonce: Some(fixed), .. }) if fixed == nonce => Ok(()),
            Some(GameSeeds { nonce: Some(_), .. }) => refuse("the game has another nonce"),
            Some(GameSeeds { nonce: None, .. }) => {
                self.check_running()?;
                let events = vec![Event::Nonce { nonce }];
                self.commit(events, None).await.map_err(|error| Refusal::internal(&error))
            }
        }
    }

    async fn take_back(&mut self, client: &Client, ply: u32) -> Result<(), Refusal> {
        let refuse = |message: &str| Err(Refusal::new(ErrorCode::NoTakeback, message));
        self.check_running()?;
        if self.state.terms.rated {
            return refuse("a rated game: no move is taken back");
        }
        let position = usize::try_from(ply).ok().and_then(|ply| self.state.record.position_at(ply));
        let Some(position) = position else { return refuse("the game has not come that far") };
        if Side::from(position.turn()) != self.state.human_side {
            return refuse("it is the network's turn there");
        }
        let answer = ServerMessage::TakenBack { game_id: self.game_id, ply };
        if ply == self.state.ply() {
            client.tell(answer);
            return Ok(());
        }
        self.commit(vec![Event::TakenBack { ply, clock: None }], None)
            .await
            .map_err(|error| Refusal::internal(&error))?;
        // A proof in the making may be of a move that is no longer there: nobody waits for it any more.
        (self.done_sender, self.done) = mpsc::unbounded_channel();
        self.in_flight = None;
        self.attempts.retain(|failed, _| *failed < ply);
        self.broadcast(&answer);
        self.broadcast_clock();
        Ok(())
    }

    /// Ends the game if the time of the side to move has run out.
    async fn check_flag(&mut self) {
        let Some(clock) = self.state.clock_now(&self.games.time) else { return };
        let Some(side) = clock.running.filter(|side| clock.left_ms(*side) == 0) else { return };
        if let Err(refusal) = self.end(Outcome::timeout(&self.state.record, side), None).await {
            tracing::error!(game = %self.game_id, "a flag fell and the game can't be ended: {}", refusal.message);
        }
    }

    /// Time until the flag of the side to move falls.
    fn flag_in(&self) -> Option<Duration> {
        let clock = self.state.clock_now(&self.games.time)?;
        clock.running.map(|side| Duration::from_millis(clock.left_ms(side).into()))
    }

    fn clock_message(&self) -> Option<ServerMessage> {
        let clock = self.state.clock_now(&self.games.time)?;
        Some(ServerMessage::Clock { game_id: self.game_id, clock })
    }

    fn broadcast_clock(&self) {
        if let Some(clock) = self.clock_message() {
            self.broadcast(&clock);
        }
    }

    async fn claim_draw(&mut self) -> Result<(), Refusal> {
        self.check_running()?;
        let reason = claimable_draw(&self.state.record).ok_or_else(|| {
            let message = "no draw to claim: the position has not occurred three times, nor are there fifty moves \
                 without capture or pawn move";
            Refusal::new(ErrorCode::NoDraw, message)
        })?;
        self.end(Outcome { winner: None, reason }, None).await
    }

    async fn end(&mut self, outcome: Outcome, because: Option<Event>) -> Result<(), Refusal> {
        self.check_running()?;
        let events = because.into_iter().chain([Event::Ended { outcome, clock: None }]).collect();
        self.commit(events, None).await.map_err(|error| Refusal::internal(&error))?;
        self.broadcast_clock();
        self.broadcast_end();
        Ok(())
    }

    fn request_proof(&mut self, client: &Client, ply: u32) -> Result<(), Refusal> {
        if self.state.proofs.contains(&ply) {
            client.send(Outbound::Proofs { game_id: self.game_id, plies: vec![ply] });
            return Ok(());
        }
        let no_proof = |message: &str| Err(Refusal::new(ErrorCode::NoProof, message));
        if !self.state.is_bot_ply(ply) {
            return no_proof("the network played no move at that ply");
        }
        if self.games.pool.is_none() {
            return no_proof("this server makes no proofs");
        }
        if self.has_failed(ply) {
            match self.attempts.get_mut(&ply) {
                Some(attempts) if attempts.tries < MAX_TRIES => attempts.limit = attempts.tries + 1,
                _ => {
                    client.tell(self.proof_failed(ply));
                    return Ok(());
                }
            }
        }
        let queue = u32::from(self.in_flight.is_some_and(|in_flight| in_flight != ply));
        client.tell(ServerMessage::Proving { game_id: self.game_id, ply, queue });
        Ok(())
    }

    fn check_running(&self) -> Result<(), Refusal> {
        match self.state.outcome {
            Some(_) => Err(Refusal::new(ErrorCode::GameOver, "the game has ended")),
            None => Ok(()),
        }
    }

    fn has_failed(&self, ply: u32) -> bool {
        self.attempts.get(&ply).is_some_and(|attempts| attempts.tries >= attempts.limit)
    }

    fn proof_failed(&self, ply: u32) -> ServerMessage {
        let reason = self.attempts.get(&ply).map(|attempts| attempts.reason.clone()).unwrap_or_default();
        ServerMessage::ProofFailed { game_id: self.game_id, ply, reason }
    }

    /// Stores events, then takes them into the state. On an error nothing has changed.
    async fn commit(
        &mut self,
        mut events: Vec<Event>,
        proof: Option<(u32, StoredProof)>,
    ) -> Result<(), StoreError> {
        let mut next = self.state.clone();
        for event in &events {
            next.apply(event).map_err(StoreError::Damaged)?;
        }
        if let Some(result) = self.result_to_sign(&next)? {
            next.apply(&result).map_err(StoreError::Damaged)?;
            events.push(result);
        }
        if let Some(stamp) = self.state.next_clock(&next, self.games.pool.is_some(), &self.games.time) {
            next.clock = Some(stamp);
            if let Some(clock) = events.last_mut().and_then(Event::clock_mut) {
                *clock = Some(stamp);
            }
        }
        let needs_work = next.needs_work();
        let (store, game_id) = (Arc::clone(&self.games.store), self.game_id);
        blocking(move || {
            let proof = proof.as_ref().map(|(ply, proof)| (*ply, proof));
            store.append(game_id, &events, proof, needs_work)
        })
        .await??;
        self.state = next;
        Ok(())
    }

    fn retry_later(&mut self) {
        self.retry_at = Some(TokioInstant::now() + self.games.limits.retry_interval);
    }

    fn broadcast_end(&self) {
        if let Some(outcome) = self.state.outcome {
            let side = |side: Side| format!("{side:?}");
            tracing::info!(
                game = %self.game_id,
                plies = self.state.ply(),
                winner = %outcome.winner.map_or_else(|| "nobody".to_owned(), side),
                reason = ?outcome.reason,
                "game over"
            );
            self.broadcast(&ServerMessage::GameOver { game_id: self.game_id, outcome });
            self.broadcast_result();
        }
    }
}
