//! The games on disk: append-only events per game in an embedded database (redb), and the proofs beside them.
//!
//! [`Store::append`] returns after the disk has the data; whoever acknowledges something to a client does so after
//! it. Calls block, so async code runs them through [`blocking`].

use crate::clock::{ClockStamp, Outage};
use protocol::{GameId, GameTerms, Hex32, Outcome, Side, WireSignature};
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};
use serde::{Deserialize, Serialize};
use settlement::signed::{SignedOffer, SignedResult};
use std::path::Path;

/// (game, number of the event) -> event as JSON.
const EVENTS: TableDefinition<'_, ([u8; 32], u32), &[u8]> = TableDefinition::new("events");
/// (game, ply) -> proving time in ms (4 bytes, big-endian), proof.
const PROOFS: TableDefinition<'_, ([u8; 32], u32), &[u8]> = TableDefinition::new("proofs");
/// Games in which it is the network's turn or a proof is missing.
const WORK: TableDefinition<'_, [u8; 32], ()> = TableDefinition::new("work");
/// Games for stakes that are not settled.
const STAKES: TableDefinition<'_, [u8; 32], ()> = TableDefinition::new("stakes");
/// Times in which no server ran, for the clocks: from, to, in ms since 1970.
const OUTAGES: TableDefinition<'_, u64, u64> = TableDefinition::new("outages");
/// When a server last said that it runs, in ms since 1970, under the key "alive".
const ALIVE: TableDefinition<'_, &str, u64> = TableDefinition::new("alive");
/// Version of this layout, under the key "format".
const META: TableDefinition<'_, &str, u32> = TableDefinition::new("meta");

const FORMAT: u32 = 1;
const CACHE_BYTES: usize = 32 << 20;

/// Something that happened in a game.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Event {
    /// The game began; always its first event.
    Created {
        /// Side of the human.
        human_side: Side,
        /// Start position.
        start_fen: String,
        /// Digest of the network that plays, in hex.
        model_digest: String,
        /// When, in ms since 1970.
        at_unix_ms: u64,
        /// What was agreed.
        #[serde(default)]
        terms: GameTerms,
        /// Last element of the seed chain, the server's secret; below the strongest level.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seed_secret: Option<Hex32>,
        /// What is offered, in a game for stakes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stakes: Option<Box<SignedOffer>>,
        /// What the game's player shows. Games from before there were keys have none: whoever knows such a game plays it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        player_key: Option<Hex32>,
    },
    /// The client's half of the seeds. In a game for stakes the player has opened it on chain with this nonce.
    Nonce {
        /// The nonce.
        nonce: Hex32,
    },
    /// A move.
    Move {
        /// Half-moves before it.
        ply: u32,
        /// The move in UCI notation.
        uci: String,
        /// Time of the inference if it is the network's, in milliseconds.
        infer_ms: Option<f32>,
        /// The clock after it, if the game has one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        clock: Option<ClockStamp>,
        /// The mover's, on the state after it, in a game for stakes; none for a move that came over the chain.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signature: Option<WireSignature>,
    },
    /// Moves were taken back.
    TakenBack {
        /// Half-moves that stay.
        ply: u32,
        /// The clock after it, if the game has one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        clock: Option<ClockStamp>,
    },
    /// The proof of a move was made and checked; its bytes are stored beside the event.
    Proof {
        /// Half-moves before the move.
        ply: u32,
        /// Time of proving, in milliseconds.
        prove_ms: u32,
        /// Length of the proof.
        bytes: u32,
        /// The clock after it, if it started one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        clock: Option<ClockStamp>,
    },
    /// A side gave up.
    Resigned {
        /// The side.
        side: Side,
    },
    /// The game ended.
    Ended {
        /// How.
        outcome: Outcome,
        /// The clock at the end, if the game has one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        clock: Option<ClockStamp>,
    },
    /// A side has signed how a game for stakes ends.
    ResultSigned {
        /// The result.
        result: Box<SignedResult>,
    },
    /// A game for stakes is over on chain, or was never opened there: nothing is left to do.
    Settled,
}

impl Event {
    /// The place for the clock after the event, in those that may move it.
    pub(crate) fn clock_mut(&mut self) -> Option<&mut Option<ClockStamp>> {
        match self {
            Self::Move { clock, .. }
            | Self::TakenBack { clock, .. }
            | Self::Proof { clock, .. }
            | Self::Ended { clock, .. } => Some(clock),
            Self::Created { .. }
            | Self::Nonce { .. }
            | Self::Resigned { .. }
            | Self::ResultSigned { .. }
            | Self::Settled => None,
        }
    }
}

/// A stored proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredProof {
    pub(crate) prove_ms: u32,
    pub(crate) proof: Vec<u8>,
}

/// What goes wrong between the server and its disk.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The folder can't be made or read.
    #[error("can't use the folder {path}: {source}")]
    Folder {
        /// The folder.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The database reports an error; another server that has it open is one.
    #[error("store: {0}")]
    Database(Box<redb::Error>),
    /// The store was written by another version of the server.
    #[error("the store has format {found}, this server reads format {FORMAT}")]
    Format {
        /// The format found.
        found: u32,
    },
    /// What was read makes no sense.
    #[error("damaged store: {0}")]
    Damaged(String),
}

impl<E: Into<redb::Error>> From<E> for StoreError {
    fn from(error: E) -> Self {
        Self::Database(Box::new(error.into()))
    }
}

/// The games on disk.
pub(crate) struct Store {
    database: Database,
    /// Dropped after the database is closed.
    pub(crate) open: Option<tokio::sync::mpsc::Sender<()>>,
}

impl Store {
    /// Opens the store in a folder, which is made if need be.
    pub(crate) fn open(folder: &Path) -> Result<Self, StoreError> {
        let in_folder = |source| StoreError::Folder { path: folder.display().to_string(), source };
        std::fs::create_dir_all(folder).map_err(in_folder)?;
        let database = Database::builder().set_cache_size(CACHE_BYTES).create(folder.join("games.redb"))?;
        let mut transaction = database.begin_write()?;
        transaction.set_quick_repair(true);
        {
            transaction.open_table(EVENTS)?;
            transaction.open_table(PROOFS)?;
            transaction.open_table(WORK)?;
            transaction.open_table(STAKES)?;
            transaction.open_table(OUTAGES)?;
            transaction.open_table(ALIVE)?;
            let mut meta = transaction.open_table(META)?;
            let found = meta.get("format")?.map_or(FORMAT, |format| format.value());
            if found != FORMAT {
                return Err(StoreError::Format { found });
            }
            meta.insert("format", FORMAT)?;
        }
        transaction.commit()?;
        Ok(Self { database, open: None })
    }

    /// Appends events to a game, and the bytes of the one [`Event::Proof`] among them, in one transaction that is
    /// on disk when this returns. `needs_work` says whether the game is to be taken up again after a restart.
    pub(crate) fn append(
        &self,
        game: GameId,
        events: &[Event],
        proof: Option<(u32, &StoredProof)>,
        needs_work: bool,
    ) -> Result<(), StoreError> {
        let mut transaction = self.database.begin_write()?;
        // A restart after kill -9 opens the store at once, however large it is.
        transaction.set_quick_repair(true);
        {
            let mut table = transaction.open_table(EVENTS)?;
            let first = match table.range((game.0, 0)..=(game.0, u32::MAX))?.next_back() {
                Some(entry) => entry?.0.value().1 + 1,
                None => 0,
            };
            for (number, event) in (first..).zip(events) {
                if (number == 0) != matches!(event, Event::Created { .. }) {
                    return Err(StoreError::Damaged(format!("game {game} is created once, and first")));
                }
                let bytes =
                    serde_json::to_vec(event).map_err(|error| StoreError::Damaged(error.to_string()))?;
                table.insert((game.0, number), bytes.as_slice())?;
            }
            for event in events {
                match event {
                    Event::TakenBack { ply, .. } => {
                        transaction
                            .open_table(PROOFS)?
                            .retain_in((game.0, *ply)..=(game.0, u32::MAX), |_, _| false)?;
                    }
                    Event::Created { stakes: Some(_), .. } => {
                        transaction.open_table(STAKES)?.insert(game.0, ())?;
                    }
                    Event::Settled => {
                        transaction.open_table(STAKES)?.remove(game.0)?;
                    }
                    _ => {}
                }
            }
            if let Some((ply, StoredProof { prove_ms, proof })) = proof {
                let mut bytes = Vec::with_capacity(4 + proof.len());
                bytes.extend_from_slice(&prove_ms.to_be_bytes());
                bytes.extend_from_slice(proof);
                transaction.open_table(PROOFS)?.insert((game.0, ply), bytes.as_slice())?;
            }
            let mut work = transaction.open_table(WORK)?;
            if needs_work {
                work.insert(game.0, ())?;
            } else {
                work.remove(game.0)?;
            }
        }
        transaction.commit()?;
        Ok(())
    }

    /// The events of a game, oldest first; none if there is no such game.
    pub(crate) fn events(&self, game: GameId) -> Result<Vec<Event>, StoreError> {
        let transaction = self.database.begin_read()?;
        let table = transaction.open_table(EVENTS)?;
        let mut events = Vec::new();
        for entry in table.range((game.0, 0)..=(game.0, u32::MAX))? {
            let event = serde_json::from_slice(entry?.1.value())
                .map_err(|error| StoreError::Damaged(format!("game {game}: {error}")))?;
            events.push(event);
        }
        Ok(events)
    }

    /// The proof of a move.
    pub(crate) fn proof(&self, game: GameId, ply: u32) -> Result<Option<StoredProof>, StoreError> {
        let transaction = self.database.begin_read()?;
        let table = transaction.open_table(PROOFS)?;
        let Some(bytes) = table.get((game.0, ply))? else { return Ok(None) };
        match bytes.value().split_first_chunk::<4>() {
            Some((&prove_ms, proof)) => {
                Ok(Some(StoredProof { prove_ms: u32::from_be_bytes(prove_ms), proof: proof.to_vec() }))
            }
            None => Err(StoreError::Damaged(format!("game {game}: the proof at ply {ply} is cut short"))),
        }
    }

    /// Notes that the server runs at this moment.
    pub(crate) fn note_alive(&self, unix_ms: u64) -> Result<(), StoreError> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_quick_repair(true);
        transaction.open_table(ALIVE)?.insert("alive", unix_ms)?;
        transaction.commit()?;
        Ok(())
    }

    /// Notes that no server ran since the last one said that it does, and returns all such times.
    pub(crate) fn note_outage(&self, now_unix_ms: u64) -> Result<Vec<Outage>, StoreError> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_quick_repair(true);
        let outages = {
            let mut alive = transaction.open_table(ALIVE)?;
            let mut outages = transaction.open_table(OUTAGES)?;
            let last = alive.get("alive")?.map(|last| last.value());
            if let Some(last) = last {
                outages.insert(last, now_unix_ms.max(last))?;
            }
            alive.insert("alive", now_unix_ms)?;
            let mut all = Vec::new();
            for entry in outages.iter()? {
                let (from, to) = entry?;
                all.push((from.value(), to.value()));
            }
            all
        };
        transaction.commit()?;
        Ok(outages)
    }

    /// Games in which it is the network's turn or a proof is missing.
    pub(crate) fn games_with_work(&self) -> Result<Vec<GameId>, StoreError> {
        self.games_in(WORK)
    }

    /// Games for stakes that are not settled.
    pub(crate) fn games_for_stakes(&self) -> Result<Vec<GameId>, StoreError> {
        self.games_in(STAKES)
    }

    fn games_in(&self, table: TableDefinition<'_, [u8; 32], ()>) -> Result<Vec<GameId>, StoreError> {
        let transaction = self.database.begin_read()?;
        let table = transaction.open_table(table)?;
        table.iter()?.map(|entry| Ok(GameId(entry?.0.value()))).collect()
    }
}

/// Runs something that blocks off the async threads. The outer error says that it panicked.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| StoreError::Damaged(format!("a task of the server failed: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn created() -> Event {
        Event::Created {
            human_side: Side::White,
            start_fen: protocol::record::START_FEN.into(),
            model_digest: "00".repeat(32),
            at_unix_ms: 1,
            terms: GameTerms::default(),
            seed_secret: None,
            stakes: None,
            player_key: None,
        }
    }

    #[test]
    fn what_was_appended_is_there_after_reopening() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (GameId([1; 32]), GameId([2; 32]));
        let mv =
            Event::Move { ply: 0, uci: "e2e4".into(), infer_ms: Some(1.5), clock: None, signature: None };
        let event = Event::Proof { ply: 0, prove_ms: 7, bytes: 3, clock: None };
        let proof = StoredProof { prove_ms: 7, proof: vec![1, 2, 3] };
        {
            let store = Store::open(folder.path()).unwrap();
            store.append(one, &[created()], None, true).unwrap();
            store.append(two, &[created()], None, true).unwrap();
            store.append(one, std::slice::from_ref(&mv), None, true).unwrap();
            store.append(one, std::slice::from_ref(&event), Some((0, &proof)), false).unwrap();
        }
        let store = Store::open(folder.path()).unwrap();
        assert_eq!(store.events(one).unwrap(), [created(), mv, event]);
        assert_eq!(store.events(two).unwrap(), [created()]);
        assert_eq!(store.events(GameId([3; 32])).unwrap(), []);
        assert_eq!(store.proof(one, 0).unwrap(), Some(proof));
        assert_eq!(store.proof(one, 1).unwrap(), None);
        assert_eq!(store.games_with_work().unwrap(), [two]);
    }

    #[test]
    fn refuses_a_second_server_and_events_without_a_game() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        assert!(matches!(Store::open(folder.path()), Err(StoreError::Database(_))));
        let mv = Event::Move { ply: 0, uci: "e2e4".into(), infer_ms: None, clock: None, signature: None };
        assert!(store.append(GameId([1; 32]), &[mv], None, true).is_err());
        store.append(GameId([1; 32]), &[created()], None, true).unwrap();
        assert!(store.append(GameId([1; 32]), &[created()], None, true).is_err());
        assert_eq!(store.events(GameId([1; 32])).unwrap(), [created()]);
    }

    #[test]
    fn proofs_of_what_was_taken_back_are_gone() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let game = GameId([1; 32]);
        store.append(game, &[created()], None, true).unwrap();
        let proof = StoredProof { prove_ms: 7, proof: vec![1] };
        for ply in [1, 3] {
            let event = Event::Proof { ply, prove_ms: 7, bytes: 1, clock: None };
            store.append(game, &[event], Some((ply, &proof)), false).unwrap();
        }
        store.append(game, &[Event::TakenBack { ply: 2, clock: None }], None, false).unwrap();
        assert_eq!(store.proof(game, 1).unwrap(), Some(proof));
        assert_eq!(store.proof(game, 3).unwrap(), None);
    }

    #[test]
    fn outages_are_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        assert_eq!(store.note_outage(10).unwrap(), []);
        store.note_alive(25).unwrap();
        assert_eq!(store.note_outage(40).unwrap(), [(25, 40)]);
        store.note_alive(50).unwrap();
        assert_eq!(store.note_outage(60).unwrap(), [(25, 40), (50, 60)]);
    }

    #[test]
    fn refuses_what_is_no_store() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("games.redb"), b"something else").unwrap();
        assert!(Store::open(folder.path()).is_err());
        let file = folder.path().join("file");
        std::fs::write(&file, b"").unwrap();
        assert!(matches!(Store::open(&file), Err(StoreError::Folder { .. })));
    }
}
