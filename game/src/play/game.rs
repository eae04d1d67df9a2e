//! One game as the client knows it, and the words for where its checks stand.

use super::seeds::Seeds;
use engine_circuit::{Level, Seed};
use protocol::{
    ClockReading, GameId, GameRecord, GameTerms, Hex32, Outcome, ProofMode, Side,
    shakmaty::{Color, Move, Position, Square},
};
use std::collections::BTreeMap;

/// Where the check of one move of the opponent stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Badge {
    /// The proof hasn't come yet.
    Proving {
        /// When the wait began, in seconds of the client's clock; the wait for the prover itself is not counted.
        since_s: f64,
    },
    /// The client's verifier is at it.
    Checking,
    /// The client's verifier accepted the proof.
    Verified {
        /// How long that took, in milliseconds.
        verify_ms: f32,
    },
    /// The client's verifier rejected the proof.
    Invalid {
        /// The reason of the verifier.
        reason: String,
    },
    /// There was nothing to check, or no key to check with: not the same as bad.
    NotChecked {
        /// Why.
        reason: String,
    },
}

/// What is known about the network of the server.
#[derive(Clone, Debug, PartialEq)]
pub struct Opponent {
    /// Digest, as the server claims it.
    pub digest: [u8; 32],
    /// Whether this client has the key of that digest pinned.
    pub trust: Trust,
    /// Whether the server proves its moves.
    pub proof_mode: ProofMode,
    /// Whether the prover is ready.
    pub prover_ready: bool,
    /// How far the prover is with getting ready, 0 to 1.
    pub prover_progress: f32,
    /// Why the prover will never be ready.
    pub prover_failed: Option<String>,
}

/// What the client thinks of the digest that the server claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// The key is pinned in this client.
    Pinned,
    /// The key is well-formed and belongs to the digest, and this client does not know it.
    Unknown,
    /// The server has changed its network during the game.
    Changed,
    /// The key the server sent does not belong to the digest it claims.
    Mismatch,
}

/// State of the connection.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Link {
    /// No connection yet.
    #[default]
    Connecting,
    /// Hello and welcome are exchanged.
    Online,
    /// The connection broke; another try comes by itself.
    Broken {
        /// Why.
        reason: String,
    },
    /// It won't get better by itself.
    Failed {
        /// Why.
        reason: String,
    },
}

/// What the server did that stops the game.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offence {
    /// A proof was rejected.
    InvalidProof,
    /// It played an illegal move.
    IllegalMove,
    /// It moved when it was not its turn.
    OutOfTurn,
    /// It sent a game that can't have been played.
    IllegalGame,
    /// It changed what was agreed: side, start position or terms.
    OtherGame,
    /// It changed the history of the game.
    OtherHistory,
    /// It took moves back that nobody asked it to.
    TookBack,
    /// It ended the game against the rules.
    WrongEnd,
    /// Its clock takes time from the player.
    WrongClock,
    /// The seed of a move is not one that it fixed before, or the nonce is not the client's.
    WrongSeed,
    /// Its key does not belong to the digest it claims.
    WrongKey,
}

impl Offence {
    /// Id of the text that names it.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::InvalidProof => "alarm-invalid-proof",
            Self::IllegalMove => "alarm-illegal-move",
            Self::OutOfTurn => "alarm-out-of-turn",
            Self::IllegalGame => "alarm-illegal-game",
            Self::OtherGame => "alarm-other-game",
            Self::OtherHistory => "alarm-other-history",
            Self::TookBack => "alarm-took-back",
            Self::WrongEnd => "alarm-wrong-end",
            Self::WrongClock => "alarm-wrong-clock",
            Self::WrongSeed => "alarm-wrong-seed",
            Self::WrongKey => "alarm-wrong-key",
        }
    }
}

/// Something that stops the game.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// Half-moves before the move it is about.
    pub ply: u32,
    /// What happened.
    pub offence: Offence,
    /// The reason in the words of the part that found it.
    pub reason: String,
    /// Where the evidence was saved, once it was.
    pub evidence: Option<String>,
}

/// What the server said about a proof.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProofFacts {
    /// Time of proving, in milliseconds.
    pub prove_ms: Option<u32>,
    /// Time of the inference, in milliseconds (rounded down).
    pub infer_ms: Option<u32>,
}

/// A clock as the server sent it, and when that was.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LocalClock {
    /// The clock.
    pub reading: ClockReading,
    /// When it came, in seconds of the client's clock.
    pub at_s: f64,
}

impl LocalClock {
    /// The clock as it stands at a time of the client's clock.
    #[must_use]
    pub fn now(&self, now_s: f64) -> ClockReading {
        self.reading.after_ms(((now_s - self.at_s).max(0.0) * 1e3) as u64)
    }
}

/// One game.
#[derive(Clone, Debug)]
pub struct Game {
    /// Name of the game, part of every statement.
    pub id: GameId,
    /// Side of the human.
    pub human: Color,
    /// Digest of the network that plays: every proof of the game is checked with its key.
    pub digest: [u8; 32],
    /// What was agreed.
    pub terms: GameTerms,
    /// Seeds of the opponent's moves, below the strongest level.
    pub seeds: Option<Seeds>,
    /// The client's own record: every statement is built from it.
    pub record: GameRecord,
    /// How the game ended.
    pub outcome: Option<Outcome>,
    /// The check of each of the opponent's moves, by ply.
    pub badges: BTreeMap<u32, Badge>,
    /// Proofs as they came, by ply.
    pub proofs: BTreeMap<u32, Vec<u8>>,
    /// What the server said about its moves, by ply.
    pub facts: BTreeMap<u32, ProofFacts>,
    /// The clock, in a game that has one.
    pub clock: Option<LocalClock>,
    /// Half-moves that the server has confirmed.
    pub confirmed: usize,
    /// The player has resigned and waits for the server to say so.
    pub resigning: bool,
    /// The player wants moves back, down to this many half-moves, and waits for the server.
    pub taking_back: Option<u32>,
    /// How often moves were taken back: results of the verifier from before don't count.
    pub generation: u32,
    /// A move entered during the opponent's turn.
    pub premove: Option<(Square, Square)>,
    /// Position shown instead of the current one, in half-moves.
    pub browsed: Option<usize>,
    /// The game was opened from a file: nobody plays it, no server knows it.
    pub review: bool,
    /// Somebody else plays it, and this client follows it.
    pub watched: bool,
    /// What shows the server that this client is the game's player.
    pub key: Option<Hex32>,
    /// The stakes, if it is played for some.
    pub stakes: Option<super::staked::Staked>,
}

impl Game {
    /// A game at its start.
    #[must_use]
    pub fn new(id: GameId, human: Color, digest: [u8; 32], record: GameRecord) -> Self {
        Self {
            id,
            human,
            digest,
            terms: GameTerms::default(),
            seeds: None,
            confirmed: record.ply(),
            record,
            outcome: None,
            badges: BTreeMap::new(),
            proofs: BTreeMap::new(),
            facts: BTreeMap::new(),
            clock: None,
            resigning: false,
            taking_back: None,
            generation: 0,
            premove: None,
            browsed: None,
            review: false,
            watched: false,
            key: None,
            stakes: None,
        }
    }

    /// Whether the move at `ply` is the opponent's.
    #[must_use]
    pub fn is_bot_ply(&self, ply: u32) -> bool {
        self.record.position_at(ply as usize).is_some_and(|position| position.turn() != self.human)
    }

    /// Number of the opponent's moves before a ply.
    #[must_use]
    pub fn bot_moves_before(&self, ply: u32) -> usize {
        (0..ply).filter(|ply| self.is_bot_ply(*ply)).count()
    }

    /// Level and, below the strongest, the seed of the opponent's move at a ply.
    #[must_use]
    pub fn sampling(&self, ply: u32) -> (Level, Vec<Seed>) {
        let Some(seeds) = &self.seeds else { return (Level::STRONGEST, Vec::new()) };
        let game_ply = self.record.truncated(ply as usize).game_ply();
        (seeds.level(), seeds.seed(self.bot_moves_before(ply), game_ply).into_iter().collect())
    }

    /// Half-moves that the board shows.
    #[must_use]
    pub fn shown_ply(&self) -> usize {
        self.browsed.unwrap_or(self.record.ply()).min(self.record.ply())
    }

    /// The last of the opponent's moves up to the position shown.
    #[must_use]
    pub fn shown_bot_ply(&self) -> Option<u32> {
        let shown = u32::try_from(self.shown_ply()).unwrap_or(u32::MAX);
        self.badges.range(..shown).next_back().map(|(&ply, _)| ply)
    }

    /// The move at a ply.
    #[must_use]
    pub fn move_at(&self, ply: u32) -> Option<Move> {
        self.record.moves().get(ply as usize).copied()
    }

    /// Verified moves and all moves of the opponent.
    #[must_use]
    pub fn verified_count(&self) -> (usize, usize) {
        let verified = self.badges.values().filter(|badge| matches!(badge, Badge::Verified { .. })).count();
        (verified, self.badges.len())
    }

    /// Moves of the opponent without a good check.
    #[must_use]
    pub fn unproven(&self) -> usize {
        let (verified, all) = self.verified_count();
        all - verified
    }

    /// Whether the player of this client plays it.
    #[must_use]
    pub fn is_played_here(&self) -> bool {
        !self.review && !self.watched
    }

    /// Whether the game is over, by the server's word or by the rules.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.outcome.is_some() || Outcome::of(&self.record).is_some()
    }

    /// The ply to which one move of the player would be taken back; `None` if there is none to take back.
    #[must_use]
    pub fn takeback_target(&self) -> Option<u32> {
        let ply = u32::try_from(self.record.ply()).ok()?;
        (0..ply).rev().find(|&ply| !self.is_bot_ply(ply))
    }

    /// The clock now.
    #[must_use]
    pub fn clock_now(&self, now_s: f64) -> Option<ClockReading> {
        self.clock.map(|clock| clock.now(now_s))
    }

    /// The human's side as the wire spells it.
    #[must_use]
    pub fn human_side(&self) -> Side {
        self.human.into()
    }

    pub(super) fn own_unconfirmed(&self) -> Option<(u32, String)> {
        let ply = self.record.ply();
        (ply > self.confirmed && ply > 0).then(|| {
            let mv = self.record.moves()[ply - 1];
            (u32::try_from(ply - 1).unwrap_or(u32::MAX), GameRecord::uci(mv))
        })
    }

    pub(super) fn cut(&mut self, ply: u32) {
        self.record = self.record.truncated(ply as usize);
        let kept = self.bot_moves_before(ply);
        if let Some(seeds) = &mut self.seeds {
            seeds.cut(kept);
        }
        self.confirmed = self.confirmed.min(ply as usize);
        self.badges.retain(|at, _| *at < ply);
        self.proofs.retain(|at, _| *at < ply);
        self.facts.retain(|at, _| *at < ply);
        self.generation += 1;
        self.browsed = None;
        self.premove = None;
    }
}
