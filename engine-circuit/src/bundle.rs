//! A game with the proofs of one side's moves in one file: a zip archive, entries stored without compression.
//!
//! `game.pgn`; `manifest.json` (`format`, `digest`, `game_id`, `side`, `plies`, `created`, for a level below the strongest `sampling`:
//! `level`, `head`, `nonce`, `elements`); `proofs/<ply>.proof`, one for each of the
//! side's moves, `ply` counting the half-moves of the record before it. Statements come from the PGN's moves; of the
//! manifest only the game's id, side and seeds enter them; the seeds' chain is checked and the digest compared with the key's.

pub mod pgn;

use std::collections::BTreeMap;
use std::io::{Cursor, Read, Write};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use protocol::GameRecord;
use protocol::shakmaty::{Color, Move, Position};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

use crate::commitment::Profile;
use crate::model::{Digest, VerifyingKey};
use crate::sampling::{Level, Seed, SeedError, SeedRecord};
use crate::statement::{Statement, StatementError};
use crate::verify::{VerifyError, verify};
use pgn::{PgnError, Tags};

/// Version of the format.
pub const FORMAT: u32 = 2;
/// Largest bundle read, in bytes.
pub const MAX_BUNDLE_BYTES: usize = 512 << 20;
/// Largest proof in a bundle, in bytes.
pub const MAX_PROOF_BYTES: usize = 8 << 20;
const MAX_MANIFEST_BYTES: usize = 64 << 10;
const PGN_NAME: &str = "game.pgn";
const MANIFEST_NAME: &str = "manifest.json";

/// A game and the proofs of one side's moves.
#[derive(Clone, Debug)]
pub struct Bundle {
    record: GameRecord,
    tags: Tags,
    digest: Digest,
    game_id: [u8; 32],
    side: Color,
    sampling: Option<SeedRecord>,
    proofs: BTreeMap<u32, Vec<u8>>,
    created: String,
}

/// A move of the bundle's side, the level at which it was chosen, and its seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenMove {
    /// Half-moves of the record before it, by which [`Bundle::proofs`] has its proof.
    pub ply: u32,
    /// The move.
    pub mv: Move,
    /// The level.
    pub level: Level,
    /// Seed of the noise, below the strongest level.
    pub seed: Option<Seed>,
}

/// Why a bundle was rejected.
#[derive(Debug, Error)]
pub enum BundleError {
    /// Too large, or an entry of it is.
    #[error("the bundle's {what} has {actual} bytes, at most {limit} are read")]
    TooLarge {
        /// Which part.
        what: String,
        /// Its size.
        actual: u64,
        /// The bound.
        limit: usize,
    },
    /// Not a zip archive of stored entries.
    #[error("the bundle is not a zip archive of stored entries: {0}")]
    Zip(String),
    /// An entry occurs twice.
    #[error("an entry of the bundle occurs twice")]
    DuplicateEntry,
    /// An entry that does not belong there.
    #[error("the bundle has an unknown entry {0:?}")]
    UnknownEntry(String),
    /// An entry is missing.
    #[error("the bundle has no {0}")]
    MissingEntry(&'static str),
    /// The manifest is malformed.
    #[error("the bundle's manifest: {0}")]
    Manifest(String),
    /// The game is malformed.
    #[error(transparent)]
    Pgn(#[from] PgnError),
    /// The bundle names another model.
    #[error("the bundle is about model {bundle}, the key is of model {key}")]
    Digest {
        /// In the bundle.
        bundle: Digest,
        /// Of the key.
        key: Digest,
    },
    /// The side made no move, so there is nothing to verify.
    #[error("the side has no moves in the game")]
    NoMoves,
    /// A move of the side without a proof.
    #[error("the move at ply {0} has no proof")]
    MissingProof(u32),
    /// A proof at a ply that is not a move of the side.
    #[error("the bundle has a proof for ply {0}, which is not a move of its side")]
    UnexpectedProof(u32),
    /// The move can't be stated.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// The seeds are not the server's chain.
    #[error(transparent)]
    Seeds(#[from] SeedError),
    /// A proof does not verify.
    #[error("the proof of ply {ply} is rejected: {source}")]
    Rejected {
        /// Half-moves before the move.
        ply: u32,
        /// Why.
        source: VerifyError,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    format: u32,
    digest: String,
    game_id: String,
    side: String,
    plies: Vec<u32>,
    created: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sampling: Option<ManifestSampling>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ManifestSampling {
    level: u8,
    head: String,
    nonce: String,
    elements: Vec<String>,
}

impl ManifestSampling {
    fn new(record: &SeedRecord) -> Self {
        Self {
            level: record.level.number(),
            head: hex::encode(record.head),
            nonce: hex::encode(record.nonce),
            elements: record.elements.iter().map(hex::encode).collect(),
        }
    }

    fn read(&self) -> Option<SeedRecord> {
        Some(SeedRecord {
            level: Level::new(self.level)?,
            head: hash(&self.head)?,
            nonce: hash(&self.nonce)?,
            elements: self.elements.iter().map(|element| hash(element)).collect::<Option<_>>()?,
        })
    }
}

/// 32 bytes from 64 hexadecimal digits.
fn hash(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text, &mut bytes).ok().map(|()| bytes)
}

/// `2026-01-31T12:00:00Z` for seconds since 1970.
fn utc(seconds: u64) -> String {
    // Howard Hinnant, "chrono-compatible low-level date algorithms", civil_from_days.
    let (days, time) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", time / 3_600, time / 60 % 60, time % 60)
}

fn side_name(side: Color) -> &'static str {
    if side.is_white() { "white" } else { "black" }
}

impl Bundle {
    /// A bundle of a game; `proofs` by half-moves of the record before the move. The PGN gets the tags `ModelDigest` and
    /// `GameId`.
    #[must_use]
    pub fn new(
        record: &GameRecord,
        tags: &[(String, String)],
        digest: Digest,
        game_id: [u8; 32],
        side: Color,
        proofs: BTreeMap<u32, Vec<u8>>,
    ) -> Self {
        let mut tags: Tags =
            tags.iter().filter(|(name, _)| name != "ModelDigest" && name != "GameId").cloned().collect();
        tags.push(("ModelDigest".to_owned(), digest.to_string()));
        tags.push(("GameId".to_owned(), hex::encode(game_id)));
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs());
        Self {
            record: record.clone(),
            tags,
            digest,
            game_id,
            side,
            sampling: None,
            proofs,
            created: utc(now),
        }
    }

    /// The same for a game below the strongest level.
    #[must_use]
    pub fn with_sampling(mut self, sampling: SeedRecord) -> Self {
        self.sampling = Some(sampling);
        self
    }

    /// Level and seeds; `None` for a game at the strongest level.
    #[must_use]
    pub fn sampling(&self) -> Option<&SeedRecord> {
        self.sampling.as_ref()
    }

    /// The game.
    #[must_use]
    pub fn record(&self) -> &GameRecord {
        &self.record
    }

    /// The PGN's tags.
    #[must_use]
    pub fn tags(&self) -> &[(String, String)] {
        &self.tags
    }

    /// The model's name.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The game's id.
    #[must_use]
    pub fn game_id(&self) -> [u8; 32] {
        self.game_id
    }

    /// The side whose moves are proven.
    #[must_use]
    pub fn side(&self) -> Color {
        self.side
    }

    /// Proofs by half-moves before the move.
    #[must_use]
    pub fn proofs(&self) -> &BTreeMap<u32, Vec<u8>> {
        &self.proofs
    }

    /// When it was made, UTC.
    #[must_use]
    pub fn created(&self) -> &str {
        &self.created
    }

    /// The file form.
    ///
    /// # Errors
    ///
    /// Returns [`BundleError::Zip`] if the archive can't be written.
    pub fn write(&self) -> Result<Vec<u8>, BundleError> {
        let manifest = Manifest {
            format: FORMAT,
            digest: self.digest.to_string(),
            game_id: hex::encode(self.game_id),
            side: side_name(self.side).to_owned(),
            plies: self.proofs.keys().copied().collect(),
            created: self.created.clone(),
            sampling: self.sampling.as_ref().map(ManifestSampling::new),
        };
        let mut manifest =
            serde_json::to_vec_pretty(&manifest).map_err(|e| BundleError::Zip(e.to_string()))?;
        manifest.push(b'\n');
        let game = pgn::write(&self.tags, &self.record);
        let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
        let mut add = |name: &str, bytes: &[u8]| {
            let options = SimpleFileOptions::default()
                .compression_method(CompressionMethod::Stored)
                .last_modified_time(DateTime::default());
            archive.start_file(name, options).map_err(|e| BundleError::Zip(e.to_string()))?;
            archive.write_all(bytes).map_err(|e| BundleError::Zip(e.to_string()))
        };
        add(PGN_NAME, game.as_bytes())?;
        add(MANIFEST_NAME, &manifest)?;
        for (ply, proof) in &self.proofs {
            add(&format!("proofs/{ply}.proof"), proof)?;
        }
        Ok(archive.finish().map_err(|e| BundleError::Zip(e.to_string()))?.into_inner())
    }

    /// Reads a bundle. Nothing in it is verified yet.
    ///
    /// # Errors
    ///
    /// Returns [`BundleError`] naming what is wrong; never panics on a malformed one.
    #[deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    pub fn read(bytes: &[u8]) -> Result<Self, BundleError> {
        let too_large =
            |what: &str, actual: u64, limit| BundleError::TooLarge { what: what.to_owned(), actual, limit };
        if bytes.len() > MAX_BUNDLE_BYTES {
            return Err(too_large("file", bytes.len() as u64, MAX_BUNDLE_BYTES));
        }
        let zip = |error: zip::result::ZipError| BundleError::Zip(error.to_string());
        let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(zip)?;
        if archive.has_duplicate_names() {
            return Err(BundleError::DuplicateEntry);
        }
        let (mut game, mut manifest, mut proofs) = (None, None, BTreeMap::new());
        // Stored entries that don't overlap can't be larger together than the file.
        let mut left = bytes.len();
        for at in 0..archive.len() {
            let entry = archive.by_index(at).map_err(zip)?;
            let name = entry.name().map_err(zip)?.into_owned();
            let ply = name.strip_prefix("proofs/").and_then(|name| name.strip_suffix(".proof"));
            let ply = ply
                .and_then(|ply| ply.parse::<u32>().ok())
                .filter(|ply| name == format!("proofs/{ply}.proof"));
            let limit = match (name.as_str(), ply) {
                (PGN_NAME, _) => pgn::MAX_PGN_BYTES,
                (MANIFEST_NAME, _) => MAX_MANIFEST_BYTES,
                (_, Some(_)) => MAX_PROOF_BYTES,
                (_, None) => return Err(BundleError::UnknownEntry(name.chars().take(80).collect())),
            };
            if entry.compression() != CompressionMethod::Stored || entry.encrypted() {
                return Err(BundleError::Zip(format!("{name} is compressed or encrypted")));
            }
            let size = entry.size();
            if size > limit as u64 {
                return Err(too_large(&name, size, limit));
            }
            left = left
                .checked_sub(size as usize)
                .ok_or_else(|| BundleError::Zip("its entries overlap".to_owned()))?;
            let mut contents = Vec::with_capacity(size as usize);
            entry
                .take(size + 1)
                .read_to_end(&mut contents)
                .map_err(|error| BundleError::Zip(format!("{name}: {error}")))?;
            if contents.len() as u64 != size {
                return Err(BundleError::Zip(format!("{name} does not have the length it declares")));
            }
            match ply {
                Some(ply) => drop(proofs.insert(ply, contents)),
                None if name == PGN_NAME => game = Some(contents),
                None => manifest = Some(contents),
            }
        }
        let game = pgn::read(&game.ok_or(BundleError::MissingEntry(PGN_NAME))?)?;
        let manifest: Manifest =
            serde_json::from_slice(&manifest.ok_or(BundleError::MissingEntry(MANIFEST_NAME))?)
                .map_err(|error| BundleError::Manifest(error.to_string()))?;
        let wrong = |what: &str| BundleError::Manifest(what.to_owned());
        if manifest.format != FORMAT {
            return Err(wrong("the format is not 2"));
        }
        let digest =
            Digest::from_hex(&manifest.digest).ok_or_else(|| wrong("digest is not 64 hex digits"))?;
        let game_id = hash(&manifest.game_id).ok_or_else(|| wrong("game_id is not 64 hex digits"))?;
        let sampling = match &manifest.sampling {
            None => None,
            Some(sampling) => {
                Some(sampling.read().ok_or_else(|| wrong("sampling has a level or hash that is none"))?)
            }
        };
        let side = match manifest.side.as_str() {
            "white" => Color::White,
            "black" => Color::Black,
            _ => return Err(wrong("side is neither white nor black")),
        };
        if !manifest.plies.iter().eq(proofs.keys()) {
            return Err(wrong("plies does not list the proofs"));
        }
        // The PGN's own tags are for people; they must not tell them something else.
        let says =
            |name, value: &str| pgn::tag(&game.tags, name).is_none_or(|tag| tag.eq_ignore_ascii_case(value));
        if !says("ModelDigest", &manifest.digest) || !says("GameId", &manifest.game_id) {
            return Err(wrong("the PGN's tags name another model or game"));
        }
        let created = manifest.created;
        Ok(Self { record: game.record, tags: game.tags, digest, game_id, side, sampling, proofs, created })
    }

    /// The side's moves, each with its proof, in order; checks everything but the proofs.
    ///
    /// # Errors
    ///
    /// Returns [`BundleError`] if the bundle is about another model, if a move of the side has no proof or a proof has no
    /// move, or if the seeds are not the server's chain.
    pub fn proven_moves(&self, key: &VerifyingKey) -> Result<Vec<ProvenMove>, BundleError> {
        if self.digest != key.digest() {
            return Err(BundleError::Digest { bundle: self.digest, key: key.digest() });
        }
        let side_moves: Vec<_> = (0u32..)
            .zip(self.record.moves())
            .filter(|(ply, _)| {
                self.record.position_at(*ply as usize).is_some_and(|position| position.turn() == self.side)
            })
            .collect();
        if let Some(ply) = self.proofs.keys().find(|ply| !side_moves.iter().any(|(p, _)| p == *ply)) {
            return Err(BundleError::UnexpectedProof(*ply));
        }
        if let Some((ply, _)) = side_moves.iter().find(|(ply, _)| !self.proofs.contains_key(ply)) {
            return Err(BundleError::MissingProof(*ply));
        }
        if side_moves.is_empty() {
            return Err(BundleError::NoMoves);
        }
        let (level, seeds) = match &self.sampling {
            None => (Level::STRONGEST, Vec::new()),
            Some(sampling) => {
                let start = self.record.truncated(0).game_ply();
                let plies: Vec<u32> = side_moves.iter().map(|(ply, _)| start + ply).collect();
                (sampling.level, sampling.seeds(&plies)?)
            }
        };
        let proven = side_moves.into_iter().enumerate();
        Ok(proven
            .map(|(number, (ply, &mv))| ProvenMove { ply, mv, level, seed: seeds.get(number).copied() })
            .collect())
    }

    /// What the proof of a move is about.
    ///
    /// # Errors
    ///
    /// Returns [`StatementError`] if the move, which must be one of [`Self::proven_moves`], can't be stated.
    pub fn statement(&self, proven: &ProvenMove) -> Result<Statement, StatementError> {
        Statement::single(self.game_id, &self.record.truncated(proven.ply as usize), proven.mv)?
            .at_level(proven.level, proven.seed.as_slice())
    }

    /// Verifies every move of the side under a key; gives ply and milliseconds by move.
    ///
    /// # Errors
    ///
    /// Returns [`BundleError`] if [`Self::proven_moves`] does, or if a proof is rejected.
    pub fn verify(&self, key: &VerifyingKey) -> Result<Vec<(u32, f64)>, BundleError> {
        let verified = self.proven_moves(key)?.into_iter().map(|proven| {
            let ply = proven.ply;
            let proof = self.proofs.get(&ply).ok_or(BundleError::MissingProof(ply))?;
            let start = Instant::now();
            verify(key, &self.statement(&proven)?, Profile::Live, proof)
                .map_err(|source| BundleError::Rejected { ply, source })?;
            Ok((ply, start.elapsed().as_secs_f64() * 1e3))
        });
        verified.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundle() -> Bundle {
        let record = GameRecord::replay(protocol::record::START_FEN, ["e2e4", "e7e5", "g1f3"]).unwrap();
        let proofs = BTreeMap::from([(0, vec![1, 2, 3]), (2, vec![4; 100])]);
        Bundle::new(&record, &[], Digest::from_hex(&"ab".repeat(32)).unwrap(), [7; 32], Color::White, proofs)
    }

    fn zipped(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, contents) in entries {
            archive.start_file(*name, SimpleFileOptions::default()).unwrap();
            archive.write_all(contents).unwrap();
        }
        archive.finish().unwrap().into_inner()
    }

    #[test]
    fn what_is_written_is_read() {
        let bundle = bundle();
        let bytes = bundle.write().unwrap();
        let read = Bundle::read(&bytes).unwrap();
        assert_eq!(read.record().uci_moves(), bundle.record().uci_moves());
        assert_eq!(read.proofs(), bundle.proofs());
        assert_eq!(
            (read.digest(), read.game_id(), read.side()),
            (bundle.digest, bundle.game_id, bundle.side)
        );
        assert_eq!(read.write().unwrap(), bytes);
    }

    #[test]
    fn damage_never_panics_and_truncation_is_an_error() {
        let bytes = bundle().write().unwrap();
        for at in 0..bytes.len() {
            assert!(Bundle::read(&bytes[..at]).is_err(), "cut at {at}");
            for flip in [1, 0x80] {
                let mut damaged = bytes.clone();
                damaged[at] ^= flip;
                // Bytes that carry nothing (times, version numbers) may differ.
                drop(Bundle::read(&damaged));
            }
        }
    }

    #[test]
    fn entries_that_do_not_belong_are_refused() {
        let pgn = b"1. e4 *".as_slice();
        assert!(matches!(Bundle::read(&zipped(&[("x", b"")])), Err(BundleError::UnknownEntry(_))));
        assert!(matches!(
            Bundle::read(&zipped(&[("proofs/01.proof", b"")])),
            Err(BundleError::UnknownEntry(_))
        ));
        assert!(matches!(
            Bundle::read(&zipped(&[(PGN_NAME, pgn)])),
            Err(BundleError::MissingEntry(MANIFEST_NAME))
        ));
        assert!(matches!(Bundle::read(b"no archive"), Err(BundleError::Zip(_))));
        let large = vec![b' '; MAX_MANIFEST_BYTES + 1];
        assert!(matches!(
            Bundle::read(&zipped(&[(MANIFEST_NAME, &large)])),
            Err(BundleError::TooLarge { .. })
        ));
        let mut twice = zipped(&[("proofs/1.proof", b"a"), ("proofs/2.proof", b"b")]);
        for at in 0..twice.len() - 14 {
            if &twice[at..at + 14] == b"proofs/2.proof" {
                twice[at + 7] = b'1';
            }
        }
        assert!(matches!(Bundle::read(&twice), Err(BundleError::DuplicateEntry | BundleError::Zip(_))));
    }

    #[test]
    fn dates() {
        assert_eq!(utc(0), "1970-01-01T00:00:00Z");
        assert_eq!(utc(1_709_210_096), "2024-02-29T12:34:56Z");
    }
}
