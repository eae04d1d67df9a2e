//! The operator's watch over the chain: looks at every game for stakes that is not settled, tells the game what it sees, and sends the
//! transaction that is the operator's to send ([`next_act`]): answers to challenges with proofs, settlements, challenges of players who have
//! gone. What it knows it reads from the store, so a restart goes on with every game.

use crate::{
    chain::{ChainError, Operator},
    engine::{MoveClaim, Sampling},
    game_task::Command,
    games::Games,
    prover_pool::{Done, Failed, Job},
    run::Phase,
    store::blocking,
};
use engine_circuit::{Level, Profile, sampling::ply_seed};
use protocol::{GameId, GameRecord};
use settlement::{
    dispute::{Act, Life, next_act, unseen_move},
    game_file::{GameFile, StakedGame},
    signed::SignedOffer,
    typed_data::Side,
};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
    time::sleep,
};

/// Looks at the chain between two tries of a transaction that failed.
const PAUSE_LOOKS: u32 = 5;

/// A game on the watch.
struct Watched {
    offer: Arc<SignedOffer>,
    seen: Seen,
    /// No transaction before this.
    pause: Option<Instant>,
}

/// Moves and results of a game when it was last looked at, and since when.
struct Seen {
    moves: usize,
    results: usize,
    since: Instant,
}

impl Seen {
    /// How long nothing has come, given what there is at `now`.
    fn silence(&mut self, moves: usize, results: usize, now: Instant) -> Duration {
        if (moves, results) != (self.moves, self.results) {
            *self = Self { moves, results, since: now };
        }
        now.saturating_duration_since(self.since)
    }
}

/// A transaction that was tried, and whether it went through.
struct Tried {
    game_id: GameId,
    sent: bool,
}

/// Watches until the server shuts down.
pub(crate) async fn watch(games: &Arc<Games>, operator: &Arc<Operator>) {
    let mut phases = games.phases.clone();
    let mut watch = Watch {
        games,
        operator,
        watched: HashMap::new(),
        busy: HashSet::new(),
        acts: JoinSet::new(),
        reachable: true,
    };
    loop {
        watch.look().await;
        tokio::select! {
            () = crate::outbound::when(&mut phases, |phase| *phase > Phase::Running) => return,
            () = sleep(operator.stakes.limits.poll) => {}
            () = operator.wake.notified() => {}
            Some(tried) = watch.acts.join_next() => watch.tried(tried),
        }
    }
}

struct Watch<'a> {
    games: &'a Arc<Games>,
    operator: &'a Arc<Operator>,
    watched: HashMap<GameId, Watched>,
    /// Games with a transaction on its way.
    busy: HashSet<GameId>,
    acts: JoinSet<Tried>,
    /// Whether the chain answered when last asked.
    reachable: bool,
}

impl Watch<'_> {
    fn tried(&mut self, tried: Result<Tried, tokio::task::JoinError>) {
        match tried {
            Ok(Tried { game_id, sent }) => {
                self.busy.remove(&game_id);
                if let Some(watched) = self.watched.get_mut(&game_id).filter(|_| !sent) {
                    watched.pause = Some(Instant::now() + self.operator.stakes.limits.poll * PAUSE_LOOKS);
                }
            }
            Err(error) => {
                // Which game it was is not known any more: all are free again.
                tracing::error!("a task of the operator failed: {error}");
                self.busy.clear();
            }
        }
    }

    /// Looks at every game once.
    async fn look(&mut self) {
        while let Some(tried) = self.acts.try_join_next() {
            self.tried(tried);
        }
        let store = Arc::clone(&self.games.store);
        let open = match blocking(move || store.games_for_stakes()).await.and_then(|result| result) {
            Ok(open) => open,
            Err(error) => return tracing::error!("can't read which games have stakes: {error}"),
        };
        self.watched.retain(|game_id, _| open.contains(game_id));
        for game_id in open {
            if self.busy.contains(&game_id) {
                continue;
            }
            match self.look_at(game_id).await {
                Ok(()) => self.reachable = true,
                Err(error) => {
                    if self.reachable {
                        tracing::warn!("no answer from the chain: {error}");
                    }
                    self.reachable = false;
                    return;
                }
            }
        }
    }

    async fn offer_of(&mut self, game_id: GameId) -> Option<Arc<SignedOffer>> {
        if let Some(watched) = self.watched.get(&game_id) {
            return Some(Arc::clone(&watched.offer));
        }
        let store = Arc::clone(&self.games.store);
        let events = blocking(move || store.events(game_id)).await.and_then(|result| result);
        let offer = match events {
            Ok(events) => events.into_iter().find_map(|event| match event {
                crate::store::Event::Created { stakes, .. } => stakes,
                _ => None,
            }),
            Err(error) => {
                tracing::error!(game = %game_id, "can't read a game for stakes: {error}");
                None
            }
        };
        let offer = Arc::new(*offer?);
        if !self.operator.knows(&offer) {
            return None;
        }
        let seen = Seen { moves: 0, results: 0, since: Instant::now() };
        let watched = Watched { offer: Arc::clone(&offer), seen, pause: None };
        self.watched.insert(game_id, watched);
        Some(offer)
    }

    async fn look_at(&mut self, game_id: GameId) -> Result<(), ChainError> {
        let Some(offer) = self.offer_of(game_id).await else { return Ok(()) };
        let chain = self.operator.stakes.chain.look(&offer).await?;
        let (reply, answer) = oneshot::channel();
        if matches!(chain.life, Life::Unopened) {
            self.operator.offers().wait(game_id, &offer.offer);
        } else {
            self.operator.offers().taken(game_id);
        }
        let seen = Command::Seen { chain: Box::new(chain.clone()), reply };
        if let Err(refusal) = self.games.send_from_chain(game_id, seen).await {
            tracing::debug!(game = %game_id, "not told of the chain: {}", refusal.message);
            return Ok(());
        }
        let Ok(Some(file)) = answer.await else { return Ok(()) };
        let Some(watched) = self.watched.get_mut(&game_id) else { return Ok(()) };
        let silence = watched.seen.silence(file.moves.len(), file.results.len(), Instant::now());
        let silent = silence > self.operator.stakes.limits.patience;
        let quiet = chain.state.is_none() && chain.pending.is_none() && file.results.is_empty() && !silent;
        let paused = watched.pause.is_some_and(|until| until > Instant::now());
        if quiet || paused || !matches!(chain.life, Life::Open { .. }) {
            return Ok(());
        }
        let Some(game) = checked(game_id, file).await else { return Ok(()) };
        if let Some(mv) = unseen_move(&game, &chain, Side::Operator) {
            let ply = u32::try_from(game.record().ply()).unwrap_or(u32::MAX);
            let told = self.games.send(game_id, Command::MoveOnChain { ply, uci: GameRecord::uci(mv) }).await;
            if let Err(refusal) = told {
                tracing::debug!(game = %game_id, "a move on chain is taken later: {}", refusal.message);
            }
            self.operator.wake.notify_one();
            return Ok(());
        }
        if let Some(act) = next_act(&game, &chain, Side::Operator, silent) {
            self.busy.insert(game_id);
            let (games, operator) = (Arc::clone(self.games), Arc::clone(self.operator));
            self.acts.spawn(async move {
                let sent = perform(&games, &operator, game_id, &game, &act).await;
                match &sent {
                    Ok(()) => tracing::info!(game = %game_id, act = name(&act), "sent to the chain"),
                    Err(reason) => tracing::warn!(game = %game_id, act = name(&act), "not sent: {reason}"),
                }
                Tried { game_id, sent: sent.is_ok() }
            });
        }
        Ok(())
    }
}

fn name(act: &Act) -> &'static str {
    match act {
        Act::Settle { .. } => "settle",
        Act::Challenge(_) => "challenge",
        Act::ClaimEnd { .. } => "claim the end",
        Act::Respond(_) => "respond",
        Act::Refute(_) => "refute",
        Act::ClaimTimeout => "claim the timeout",
    }
}

async fn checked(game_id: GameId, file: GameFile) -> Option<StakedGame> {
    match blocking(move || file.check()).await {
        Ok(Ok(game)) => Some(game),
        Ok(Err(error)) => {
            tracing::error!(game = %game_id, "the stored game is damaged: {error}");
            None
        }
        Err(error) => {
            tracing::error!(game = %game_id, "{error}");
            None
        }
    }
}

/// Makes the proof that a transaction needs, and sends it.
async fn perform(
    games: &Games,
    operator: &Operator,
    game_id: GameId,
    game: &StakedGame,
    act: &Act,
) -> Result<(), String> {
    let proof = match act.own_move() {
        Some(ply) => Some(prove(games, game_id, game, ply).await?),
        None => None,
    };
    let sent = operator.stakes.chain.act(game, act, proof.as_deref()).await;
    sent.map_err(|error| error.to_string())
}

/// A proof for the contract of the network's move at a ply.
async fn prove(games: &Games, game_id: GameId, game: &StakedGame, ply: usize) -> Result<Vec<u8>, String> {
    let pool = games.pool.as_ref().ok_or("this server makes no proofs")?;
    let record = game.record().truncated(ply);
    let mv = *game.record().moves().get(ply).ok_or("there is no such move")?;
    let file = game.file();
    let element = file.moves.get(ply).and_then(|mv| mv.seed_element).ok_or("the move has no seed")?;
    let mut nonce = [0; 32];
    nonce[16..].copy_from_slice(&file.nonce);
    let level = Level::new(file.offer.offer.level).ok_or("there is no such level")?;
    let sampling = Sampling { level, seed: ply_seed(&nonce, &element, record.game_ply()) };
    let claim = MoveClaim { game_id, record, mv, sampling, profile: Profile::Chain };
    let (done, mut results) = mpsc::unbounded_channel();
    let job = Job { ply: u32::try_from(ply).unwrap_or(u32::MAX), claim, done };
    pool.submit_for_chain(job);
    match results.recv().await {
        Some(Done { result: Ok(proved), .. }) => Ok(proved.proof),
        Some(Done { result: Err(Failed::Try { reason, .. }), .. }) => Err(reason),
        Some(Done { result: Err(Failed::Stopped), .. }) | None => Err("the server is shutting down".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_move_that_came_after_a_long_wait_ends_the_silence() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut seen = Seen { moves: 2, results: 0, since: start };
        assert_eq!(seen.silence(2, 0, at(59)), Duration::from_secs(59));
        assert_eq!(seen.silence(4, 0, at(61)), Duration::ZERO, "who has just moved is not silent");
        assert_eq!(seen.silence(4, 0, at(71)), Duration::from_secs(10));
        assert_eq!(seen.silence(4, 1, at(72)), Duration::ZERO, "a signed result is a sign of life");
    }
}
