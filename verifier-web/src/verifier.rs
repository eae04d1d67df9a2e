//! Opens a bundle or a single proof under a key and verifies one proof after the other, so that a caller can show progress.

use engine_circuit::{
    Profile, Statement, VerifyError, VerifyingKey,
    bundle::{Bundle, BundleError, ProvenMove},
    security, verify,
};
use protocol::{
    GameRecord,
    shakmaty::{EnPassantMode, Position, Square, fen::Fen, san::SanPlus},
};
use serde::Serialize;

use crate::claim::{Claim, ClaimError, Stated};

/// What a key says of its network.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KeyFacts {
    /// Name of the network: 64 hexadecimal digits.
    pub digest: String,
    /// Its channels.
    pub channels: usize,
    /// Its blocks.
    pub blocks: usize,
}

/// A half-move, for a board.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ply {
    /// In standard algebraic notation.
    pub san: String,
    /// From- and to-square, castling as the king's move.
    pub squares: [String; 2],
    /// Position after it.
    pub fen: String,
    /// The king that is in check then.
    pub check: Option<String>,
}

/// A proof and what it is about.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ProofFacts {
    /// Half-moves before each of its moves.
    pub plies: Vec<usize>,
    /// Legal moves in each of the positions.
    pub legal: Vec<usize>,
    /// Length of the proof, bytes.
    pub bytes: usize,
    /// Seeds of the moves below the strongest level, in hexadecimal digits.
    pub seeds: Vec<String>,
    /// Win, draw, loss of each position, if the proof covers them.
    pub values: Vec<[i32; 3]>,
    /// Soundness without conjectures, bits.
    pub security_bits: f64,
}

/// What was opened.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GameFacts {
    /// Network that the file names; a single proof names none.
    pub digest: Option<String>,
    /// The game's id in hexadecimal digits.
    pub game_id: String,
    /// The side whose moves are proven; `None` for a single proof.
    pub side: Option<&'static str>,
    /// Level of play.
    pub level: u8,
    /// `live` or `chain`.
    pub profile: &'static str,
    /// When the file was made.
    pub created: Option<String>,
    /// Tags of its PGN.
    pub tags: Vec<(String, String)>,
    /// Start position, the king that is in check there, and the number of its half-move.
    pub start: (String, Option<String>, u32),
    /// The moves.
    pub plies: Vec<Ply>,
    /// The proofs, in order; empty if the file is refused.
    pub proofs: Vec<ProofFacts>,
    /// Why nothing in the file can be verified.
    pub refused: Option<String>,
}

/// Why nothing was opened.
#[derive(Debug)]
pub enum OpenError {
    /// No key is set.
    NoKey,
    /// The bundle can't be read.
    Bundle(BundleError),
    /// The statement can't be read.
    Claim(ClaimError),
    /// The statement is not text.
    Encoding,
}

impl std::fmt::Display for OpenError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoKey => f.write_str("no verifying key is set"),
            Self::Bundle(error) => error.fmt(f),
            Self::Claim(error) => error.fmt(f),
            Self::Encoding => f.write_str("the statement is not text in UTF-8"),
        }
    }
}

impl std::error::Error for OpenError {}

/// Why a proof was rejected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rejection {
    /// [`VerifyError::path`], or why there was nothing to verify.
    pub name: String,
    /// For people.
    pub reason: String,
}

impl From<VerifyError> for Rejection {
    fn from(error: VerifyError) -> Self {
        Self { name: error.path(), reason: error.to_string() }
    }
}

enum Opened {
    Bundle(Box<Bundle>, Vec<ProvenMove>),
    Proof(Box<Stated>, Vec<u8>),
}

/// A key and what was opened under it.
#[derive(Default)]
pub struct Verifier {
    key: Option<VerifyingKey>,
    opened: Option<Opened>,
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verifier").field("key", &self.key).finish_non_exhaustive()
    }
}

fn profile_name(profile: Profile) -> &'static str {
    match profile {
        Profile::Live => "live",
        Profile::Chain => "chain",
    }
}

fn checked_king(position: &impl Position) -> Option<String> {
    let king: Option<Square> = position.board().king_of(position.turn());
    king.filter(|_| position.is_check()).map(|king| king.to_string())
}

fn fen(position: &protocol::shakmaty::Chess) -> String {
    Fen::from_position(position, EnPassantMode::Legal).to_string()
}

/// Start and moves of a record.
fn plies(record: &GameRecord) -> Vec<Ply> {
    let positions = (0..).map_while(|ply| Some((record.position_at(ply)?, record.position_at(ply + 1)?)));
    let shown = record.moves().iter().zip(positions).map(|(&mv, (before, after))| {
        let (from, to) = GameRecord::king_move_squares(mv);
        Ply {
            san: SanPlus::from_move(before.clone(), mv).to_string(),
            squares: [from.to_string(), to.to_string()],
            fen: fen(after),
            check: checked_king(after),
        }
    });
    shown.collect()
}

fn start(record: &GameRecord) -> (String, Option<String>, u32) {
    let check = record.position_at(0).and_then(checked_king);
    (record.start_fen().to_owned(), check, record.truncated(0).game_ply())
}

fn legal(record: &GameRecord, ply: usize) -> usize {
    record.position_at(ply).map_or(0, |position| position.legal_moves().len())
}

impl Verifier {
    /// A verifier without a key.
    #[must_use]
    pub const fn new() -> Self {
        Self { key: None, opened: None }
    }

    /// Takes a verifying key's file. Whatever was opened is closed.
    ///
    /// # Errors
    ///
    /// Returns a line for the user if the file is none.
    pub fn set_key(&mut self, bytes: &[u8]) -> Result<KeyFacts, String> {
        self.opened = None;
        self.key = None;
        let key = VerifyingKey::from_bytes(bytes).map_err(|error| error.to_string())?;
        let shape = key.shape();
        let digest = key.digest().to_string();
        self.key = Some(key);
        Ok(KeyFacts { digest, channels: shape.channels, blocks: shape.blocks })
    }

    /// Opens a game with its proofs. One that can be read but not be verified under the key is shown all the same, with
    /// [`GameFacts::refused`].
    ///
    /// # Errors
    ///
    /// Returns [`OpenError`] if the file is no bundle.
    pub fn open_bundle(&mut self, bytes: &[u8]) -> Result<GameFacts, OpenError> {
        self.opened = None;
        let key = self.key.as_ref().ok_or(OpenError::NoKey)?;
        let bundle = Bundle::read(bytes).map_err(OpenError::Bundle)?;
        let (moves, refused) = match bundle.proven_moves(key) {
            Ok(moves) => (moves, None),
            Err(error) => (Vec::new(), Some(error.to_string())),
        };
        let record = bundle.record();
        let security_bits = security::composed_bits(key, 1, Profile::Live);
        let proofs = moves.iter().map(|proven| {
            let ply = proven.ply as usize;
            ProofFacts {
                plies: vec![ply],
                legal: vec![legal(record, ply)],
                bytes: bundle.proofs().get(&proven.ply).map_or(0, Vec::len),
                seeds: proven.seed.iter().map(hex::encode).collect(),
                values: Vec::new(),
                security_bits,
            }
        });
        let facts = GameFacts {
            digest: Some(bundle.digest().to_string()),
            game_id: hex::encode(bundle.game_id()),
            side: Some(if bundle.side().is_white() { "white" } else { "black" }),
            level: bundle.sampling().map(|sampling| sampling.level).unwrap_or_default().number(),
            profile: profile_name(Profile::Live),
            created: Some(bundle.created().to_owned()),
            tags: bundle.tags().to_vec(),
            start: start(record),
            plies: plies(record),
            proofs: proofs.collect(),
            refused,
        };
        self.opened = Some(Opened::Bundle(Box::new(bundle), moves));
        Ok(facts)
    }

    /// Opens a single proof with the text that says what it is about.
    ///
    /// # Errors
    ///
    /// Returns [`OpenError`] if the text is no statement.
    pub fn open_proof(&mut self, claim: &[u8], proof: Vec<u8>) -> Result<GameFacts, OpenError> {
        self.opened = None;
        let key = self.key.as_ref().ok_or(OpenError::NoKey)?;
        let claim = std::str::from_utf8(claim).map_err(|_| OpenError::Encoding)?;
        let stated = Claim::read(claim).and_then(|claim| claim.state()).map_err(OpenError::Claim)?;
        let record = &stated.record;
        let facts = ProofFacts {
            plies: stated.plies.clone(),
            legal: stated.plies.iter().map(|&ply| legal(record, ply)).collect(),
            bytes: proof.len(),
            seeds: stated.seeds.iter().map(hex::encode).collect(),
            values: stated.values.clone(),
            security_bits: security::composed_bits(key, stated.statement.num_moves(), stated.profile),
        };
        let facts = GameFacts {
            digest: None,
            game_id: hex::encode(stated.game_id),
            side: None,
            level: stated.level.number(),
            profile: profile_name(stated.profile),
            created: None,
            tags: Vec::new(),
            start: start(record),
            plies: plies(record),
            proofs: vec![facts],
            refused: None,
        };
        self.opened = Some(Opened::Proof(Box::new(stated), proof));
        Ok(facts)
    }

    /// Verifies the proof of this number in [`GameFacts::proofs`].
    ///
    /// # Errors
    ///
    /// Returns [`Rejection`] if the proof is rejected, or if there is none of that number.
    pub fn verify(&self, number: usize) -> Result<(), Rejection> {
        self.with_proof(number, verify)
    }

    /// Verifies a copy of a proof in which the lowest bit of one byte, counted round and round, is changed.
    ///
    /// # Errors
    ///
    /// Returns [`Rejection`] as it must.
    pub fn verify_tampered(&self, number: usize, at: usize) -> Result<(), Rejection> {
        self.with_proof(number, |key, statement, profile, proof| {
            let mut copy = proof.to_vec();
            let at = at.checked_rem(copy.len()).unwrap_or(0);
            if let Some(byte) = copy.get_mut(at) {
                *byte ^= 1;
            }
            verify(key, statement, profile, &copy)
        })
    }

    fn with_proof(
        &self,
        number: usize,
        check: impl FnOnce(&VerifyingKey, &Statement, Profile, &[u8]) -> Result<(), VerifyError>,
    ) -> Result<(), Rejection> {
        let none = || Rejection {
            name: "NoProof".to_owned(),
            reason: "there is no such proof to verify".to_owned(),
        };
        let key = self.key.as_ref().ok_or_else(none)?;
        match self.opened.as_ref().ok_or_else(none)? {
            Opened::Bundle(bundle, moves) => {
                let proven = moves.get(number).ok_or_else(none)?;
                let proof = bundle.proofs().get(&proven.ply).ok_or_else(none)?;
                let statement = bundle
                    .statement(proven)
                    .map_err(|error| Rejection { name: "Statement".to_owned(), reason: error.to_string() })?;
                Ok(check(key, &statement, Profile::Live, proof)?)
            }
            Opened::Proof(stated, proof) if number == 0 => {
                Ok(check(key, &stated.statement, stated.profile, proof)?)
            }
            Opened::Proof(..) => Err(none()),
        }
    }
}
