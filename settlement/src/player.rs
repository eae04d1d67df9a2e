//! The player's side of a game for stakes off chain: takes an offer only as it was asked for, signs the state after its own move only once the
//! caller has verified the operator's move before it, and keeps everything signed in a file ([`GameFile`]) before it hands it out.

use std::io::Write;
use std::path::{Path, PathBuf};

use protocol::{GameRecord, RecordError};
use thiserror::Error;

use crate::game_file::{GameFile, GameFileError, SignedMove, StakedGame};
use crate::position::PositionWords;
use crate::signature::{Address, Key, Signature, SignatureError};
use crate::signed::{SignedOffer, SignedResult, SignedState};
use crate::typed_data::{Domain, Hash, Outcome, Side, State};

/// What a player asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Chain and contract.
    pub domain: Domain,
    /// The player's account.
    pub player: Address,
    /// The network whose key the player has pinned.
    pub model_digest: Hash,
    /// The level.
    pub level: u8,
    /// Wei of each side.
    pub stake: u128,
    /// Highest bond, in wei.
    pub max_bond: u128,
    /// The player's colour; none if it is the operator's to choose.
    pub white: Option<bool>,
    /// Shortest time to answer on chain that the player accepts, in seconds.
    pub min_response_seconds: u32,
}

/// What is wrong with an offer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OfferRefused {
    /// The operator has not signed it.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// It is not what was asked for.
    #[error("the offer's {0} is not what was asked for")]
    Otherwise(&'static str),
    /// It can't be taken any more.
    #[error("the offer has expired")]
    Expired,
}

impl Wanted {
    /// Checks an offer. `now` in seconds since 1970.
    ///
    /// # Errors
    ///
    /// Returns [`OfferRefused`] for the first thing that is not as wanted.
    pub fn check(&self, signed: &SignedOffer, now: u64) -> Result<(), OfferRefused> {
        let offer = &signed.offer;
        let otherwise = [
            (signed.domain != self.domain, "contract"),
            (offer.player != self.player, "player"),
            (offer.operator == self.player, "operator"),
            (offer.model_digest != self.model_digest, "network"),
            (offer.level != self.level, "level"),
            (offer.player_stake != self.stake || offer.operator_stake < self.stake, "stake"),
            (offer.bond > self.max_bond, "bond"),
            (self.white.is_some_and(|white| white != offer.player_is_white), "colour"),
            (offer.response_seconds < self.min_response_seconds, "time to answer"),
        ];
        if let Some((_, what)) = otherwise.into_iter().find(|(wrong, _)| *wrong) {
            return Err(OfferRefused::Otherwise(what));
        }
        if now > offer.expiry {
            return Err(OfferRefused::Expired);
        }
        Ok(signed.check()?)
    }
}

/// Why a player does not sign, or does not take what the operator sent.
#[derive(Debug, Error)]
pub enum PlayerError {
    /// The move is not legal.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// A signature is not what it should be.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// It is the other side's turn.
    #[error("it is not the {0}'s turn")]
    WrongTurn(Side),
    /// Another move of this ply is signed already.
    #[error("after {ply} half-moves another move is signed already: {signed}")]
    OtherMoveSigned {
        /// Half-moves before it.
        ply: usize,
        /// The move.
        signed: String,
    },
    /// A move off chain comes with the element of its seed; on chain the contract has seen it.
    #[error("the move came without its seed element")]
    NoSeedElement,
    /// The element is not in the offer's seed chain.
    #[error(transparent)]
    SeedElement(GameFileError),
    /// The game has not ended like this.
    #[error("the game has not ended like this")]
    WrongResult,
    /// The game's file can't be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not that of a game.
    #[error("{path}: {reason}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// A game for stakes as its player keeps it.
#[derive(Debug)]
pub struct PlayerGame {
    path: PathBuf,
    game: StakedGame,
}

impl PlayerGame {
    /// Begins a game: its file is on disk, with the nonce, when this returns; only then is `open` sent.
    ///
    /// # Errors
    ///
    /// Returns [`PlayerError`] if the offer is not signed, or the file is there or can't be written.
    pub fn begin(path: &Path, offer: SignedOffer, nonce: [u8; 16]) -> Result<Self, PlayerError> {
        if path.exists() {
            return Err(io(path)(std::io::ErrorKind::AlreadyExists.into()));
        }
        let file = GameFile { offer, nonce, moves: Vec::new(), results: Vec::new() };
        let game =
            Self { path: path.to_owned(), game: file.check().map_err(|error| malformed(path, &error))? };
        game.save(game.game.file())?;
        Ok(game)
    }

    /// Takes a game up from its file.
    ///
    /// # Errors
    ///
    /// Returns [`PlayerError`] if it can't be read, or anything in it is not signed as it should be.
    pub fn load(path: &Path) -> Result<Self, PlayerError> {
        let text = std::fs::read(path).map_err(io(path))?;
        let file: GameFile = serde_json::from_slice(&text)
            .map_err(|error| PlayerError::Malformed { path: path.to_owned(), reason: error.to_string() })?;
        Ok(Self { path: path.to_owned(), game: file.check().map_err(|error| malformed(path, &error))? })
    }

    /// The game.
    #[must_use]
    pub fn game(&self) -> &StakedGame {
        &self.game
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes a move of the operator's whose proof the caller has verified, or the contract has. `signature`: the operator's on the state after it, none if
    /// the move was made on chain; then the element may be missing, too. A move that is in the file already is taken again only if it is the same.
    ///
    /// # Errors
    ///
    /// Returns [`PlayerError`] if the move is not legal, not the operator's to make, or not signed by it, or if its seed element is missing or does not
    /// lead back to the head in the offer; nothing changed then.
    pub fn take_verified(
        &mut self,
        ply: usize,
        uci: &str,
        signature: Option<Signature>,
        seed_element: Option<Hash>,
    ) -> Result<(), PlayerError> {
        if let Some(known) = self.game.file().moves.get(ply) {
            return self.same(ply, known, uci);
        }
        if signature.is_some() && seed_element.is_none() {
            return Err(PlayerError::NoSeedElement);
        }
        self.add(Side::Operator, ply, uci, signature, seed_element)
    }

    /// Signs the state after a move of the player's. The same move gets the same signature again; never is a second move of one ply signed.
    ///
    /// # Errors
    ///
    /// Returns [`PlayerError`] if it is not the player's turn in what was verified, or the file can't be written.
    pub fn sign_move(&mut self, ply: usize, uci: &str, key: &Key) -> Result<Signature, PlayerError> {
        if let Some(known) = self.game.file().moves.get(ply) {
            self.same(ply, known, uci)?;
            if let Some(signature) = known.signature {
                return Ok(signature);
            }
            return Err(PlayerError::WrongTurn(Side::Player));
        }
        let (state, _) = self.next(Side::Player, ply, uci)?;
        let SignedOffer { domain, offer, .. } = self.game.offer();
        let signed = SignedState::sign(domain, offer, state, key)?;
        self.add(Side::Player, ply, uci, Some(signed.signature), None)?;
        Ok(signed.signature)
    }

    /// Takes a move of the player's that it made on chain.
    ///
    /// # Errors
    ///
    /// As [`PlayerGame::sign_move`].
    pub fn moved_on_chain(&mut self, ply: usize, uci: &str) -> Result<(), PlayerError> {
        if let Some(known) = self.game.file().moves.get(ply) {
            return self.same(ply, known, uci);
        }
        self.add(Side::Player, ply, uci, None, None)
    }

    /// Takes the operator's signature on a result: that the player has won, or a draw that the board shows.
    ///
    /// # Errors
    ///
    /// Returns [`PlayerError::WrongResult`] for any other, [`PlayerError::Signature`] if it is not the operator's.
    pub fn take_result(&mut self, outcome: Outcome, signature: Signature) -> Result<(), PlayerError> {
        let drawn = outcome == Outcome::Draw && self.drawn();
        if outcome != Outcome::PlayerWins && !drawn {
            return Err(PlayerError::WrongResult);
        }
        let game_id = self.game.offer().game_id();
        self.add_result(SignedResult { game_id, outcome, by: Side::Operator, signature })
    }

    /// Signs a result: the player's loss, whether on the board or by giving up, or a draw that the board shows or that may be claimed.
    ///
    /// # Errors
    ///
    /// Returns [`PlayerError::WrongResult`] for any other.
    pub fn sign_result(&mut self, outcome: Outcome, key: &Key) -> Result<Signature, PlayerError> {
        let agreed = match outcome {
            Outcome::OperatorWins => true,
            Outcome::Draw => self.drawn(),
            Outcome::PlayerWins => false,
        };
        if !agreed {
            return Err(PlayerError::WrongResult);
        }
        let result = SignedResult::sign(self.game.offer(), outcome, key)?;
        let signature = result.signature;
        self.add_result(result)?;
        Ok(signature)
    }

    /// Whether the board shows a draw, or one that may be claimed.
    fn drawn(&self) -> bool {
        let record = self.game.record();
        let by_rules = protocol::Outcome::of(record).is_some_and(|outcome| outcome.winner.is_none());
        by_rules || protocol::claimable_draw(record).is_some()
    }

    fn same(&self, ply: usize, known: &SignedMove, uci: &str) -> Result<(), PlayerError> {
        if known.uci == uci {
            Ok(())
        } else {
            Err(PlayerError::OtherMoveSigned { ply, signed: known.uci.clone() })
        }
    }

    /// The state after a side's move.
    fn next(&self, side: Side, ply: usize, uci: &str) -> Result<(State, GameRecord), PlayerError> {
        if self.game.to_move() != side || self.game.record().ply() != ply {
            return Err(PlayerError::WrongTurn(side));
        }
        let mut record = self.game.record().clone();
        record.play_uci(uci)?;
        Ok((self.game.state().after(PositionWords::of(&record)), record))
    }

    fn add(
        &mut self,
        side: Side,
        ply: usize,
        uci: &str,
        signature: Option<Signature>,
        seed_element: Option<Hash>,
    ) -> Result<(), PlayerError> {
        let (state, record) = self.next(side, ply, uci)?;
        let SignedOffer { domain, offer, .. } = self.game.offer();
        if let Some(signature) = signature {
            SignedState { state, signature }.check(domain, offer)?;
        }
        let uci = record.uci_moves().pop().unwrap_or_default();
        let mut file = self.game.file().clone();
        file.moves.push(SignedMove { uci, signature, seed_element });
        self.replace(file)
    }

    fn add_result(&mut self, result: SignedResult) -> Result<(), PlayerError> {
        result.check(self.game.offer())?;
        if self
            .game
            .file()
            .results
            .iter()
            .any(|known| known.by == result.by && known.outcome == result.outcome)
        {
            return Ok(());
        }
        let mut file = self.game.file().clone();
        file.results.push(result);
        self.replace(file)
    }

    fn replace(&mut self, file: GameFile) -> Result<(), PlayerError> {
        let game = file.check().map_err(|error| match error {
            error @ GameFileError::SeedElement { .. } => PlayerError::SeedElement(error),
            error => malformed(&self.path, &error),
        })?;
        self.save(game.file())?;
        self.game = game;
        Ok(())
    }

    /// Writes the file beside, flushes it to the disk, and puts it in its place: a kill leaves the old one or the new one.
    fn save(&self, file: &GameFile) -> Result<(), PlayerError> {
        let text = serde_json::to_vec_pretty(file)
            .map_err(|error| PlayerError::Malformed { path: self.path.clone(), reason: error.to_string() })?;
        let beside = self.path.with_extension("new");
        let written = std::fs::File::create(&beside).and_then(|mut out| {
            out.write_all(&text)?;
            out.sync_all()
        });
        written.map_err(io(&beside))?;
        std::fs::rename(&beside, &self.path).map_err(io(&self.path))?;
        let folder =
            self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(io(folder))
    }
}

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> PlayerError {
    move |source| PlayerError::Io { path: path.to_owned(), source }
}

fn malformed(path: &Path, error: &GameFileError) -> PlayerError {
    PlayerError::Malformed { path: path.to_owned(), reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{element, game_file, offer, operator, player};

    fn wanted() -> Wanted {
        let signed = offer();
        Wanted {
            domain: signed.domain,
            player: signed.offer.player,
            model_digest: signed.offer.model_digest,
            level: 4,
            stake: signed.offer.player_stake,
            max_bond: 100,
            white: None,
            min_response_seconds: 600,
        }
    }

    #[test]
    fn an_offer_is_taken_only_as_asked_for() {
        let signed = offer();
        assert_eq!(wanted().check(&signed, signed.offer.expiry), Ok(()));
        assert_eq!(wanted().check(&signed, signed.offer.expiry + 1), Err(OfferRefused::Expired));
        type Change = (fn(&mut Wanted), &'static str);
        let changes: [Change; 9] = [
            (|wanted| wanted.domain.chain_id = 1, "contract"),
            (|wanted| wanted.player = [3; 20], "player"),
            (|wanted| wanted.model_digest = [3; 32], "network"),
            (|wanted| wanted.level = 5, "level"),
            (|wanted| wanted.stake -= 1, "stake"),
            (|wanted| wanted.stake += 1, "stake"),
            (|wanted| wanted.max_bond = 99, "bond"),
            (|wanted| wanted.white = Some(false), "colour"),
            (|wanted| wanted.min_response_seconds = 601, "time to answer"),
        ];
        for (change, what) in changes {
            let mut other = wanted();
            change(&mut other);
            assert_eq!(other.check(&signed, 0), Err(OfferRefused::Otherwise(what)));
        }
        let mut forged = signed;
        forged.signature[5] ^= 1;
        assert!(matches!(wanted().check(&forged, 0), Err(OfferRefused::Signature(_))));
    }

    #[test]
    fn nothing_is_signed_on_what_is_not_verified() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("game.json");
        let mut game = PlayerGame::begin(&path, offer(), [7; 16]).unwrap();
        assert!(PlayerGame::begin(&path, offer(), [8; 16]).is_err(), "a game is not overwritten");
        let moves = ["e2e4", "e7e5", "g1f3", "b8c6"];
        let theirs = game_file(&moves).moves;
        let first = game.sign_move(0, "e2e4", &player()).unwrap();
        assert_eq!(Some(first), theirs[0].signature);
        // On disk before it was handed out; the same again after a kill, and no other.
        let mut game = PlayerGame::load(&path).unwrap();
        assert_eq!(game.sign_move(0, "e2e4", &player()).unwrap(), first);
        assert!(matches!(
            game.sign_move(0, "d2d4", &player()),
            Err(PlayerError::OtherMoveSigned { ply: 0, .. })
        ));
        // The operator's move is not verified yet.
        assert!(matches!(game.sign_move(2, "g1f3", &player()), Err(PlayerError::WrongTurn(Side::Player))));
        let (signed, shown) = (theirs[1].signature, Some(element(1)));
        assert!(game.take_verified(1, "e7e5", theirs[2].signature, shown).is_err(), "not its signature");
        assert!(game.take_verified(1, "e7e6", signed, shown).is_err(), "of another move");
        assert!(game.take_verified(1, "e2e4", signed, shown).is_err(), "not legal");
        for not_in_chain in [[9; 32], element(0), element(2)] {
            let error = game.take_verified(1, "e7e5", signed, Some(not_in_chain)).unwrap_err();
            assert!(matches!(error, PlayerError::SeedElement(_)), "{error}");
        }
        let error = game.take_verified(1, "e7e5", signed, None).unwrap_err();
        assert!(matches!(error, PlayerError::NoSeedElement), "{error}");
        // Nothing of that is in the file.
        assert_eq!(
            (game.game().record().ply(), PlayerGame::load(&path).unwrap().game().record().ply()),
            (1, 1)
        );
        game.take_verified(1, "e7e5", signed, shown).unwrap();
        game.take_verified(1, "e7e5", signed, shown).unwrap();
        assert!(game.take_verified(1, "c7c5", signed, shown).is_err());
        assert_eq!(Some(game.sign_move(2, "g1f3", &player()).unwrap()), theirs[2].signature);
        assert!(game.sign_move(3, "b8c6", &player()).is_err(), "the operator's turn");
        assert!(matches!(game.sign_move(3, "b8c6", &operator()), Err(PlayerError::WrongTurn(_))));
        let read = PlayerGame::load(&path).unwrap();
        assert_eq!(read.game().file().moves.len(), 3);
        assert_eq!(read.game().file().moves[1].seed_element, shown);
        // What the contract has verified may come without its element; the next one is held to both.
        game.take_verified(3, "b8c6", None, None).unwrap();
        game.sign_move(4, "f1b5", &player()).unwrap();
        for (number, taken) in [(2, false), (4, false), (3, true)] {
            assert_eq!(game.take_verified(5, "a7a6", None, Some(element(number))).is_ok(), taken, "{number}");
        }
        std::fs::write(&path, "{}").unwrap();
        assert!(matches!(PlayerGame::load(&path), Err(PlayerError::Malformed { .. })));
    }

    #[test]
    fn only_what_the_board_shows_is_agreed_to() {
        let folder = tempfile::tempdir().unwrap();
        let mut game = PlayerGame::begin(&folder.path().join("game.json"), offer(), [7; 16]).unwrap();
        let signed = |outcome, key: &Key| SignedResult::sign(&offer(), outcome, key).unwrap().signature;
        let draw = signed(Outcome::Draw, &operator());
        assert!(matches!(game.take_result(Outcome::Draw, draw), Err(PlayerError::WrongResult)));
        assert!(matches!(game.sign_result(Outcome::Draw, &player()), Err(PlayerError::WrongResult)));
        assert!(matches!(game.sign_result(Outcome::PlayerWins, &player()), Err(PlayerError::WrongResult)));
        let lost = signed(Outcome::OperatorWins, &operator());
        assert!(matches!(game.take_result(Outcome::OperatorWins, lost), Err(PlayerError::WrongResult)));
        let own = signed(Outcome::PlayerWins, &player());
        assert!(matches!(game.take_result(Outcome::PlayerWins, own), Err(PlayerError::Signature(_))));
        game.take_result(Outcome::PlayerWins, signed(Outcome::PlayerWins, &operator())).unwrap();
        game.sign_result(Outcome::OperatorWins, &player()).unwrap();
        assert_eq!(game.game().file().results.len(), 2);

        let mut game = PlayerGame::begin(&folder.path().join("drawn.json"), offer(), [7; 16]).unwrap();
        let shuffled = ["g1f3", "g8f6", "f3g1", "f6g8", "g1f3", "g8f6", "f3g1", "f6g8"];
        for (ply, mv) in game_file(&shuffled).moves.iter().enumerate() {
            if ply % 2 == 0 {
                game.sign_move(ply, &mv.uci, &player()).unwrap();
            } else {
                game.take_verified(ply, &mv.uci, mv.signature, mv.seed_element).unwrap();
            }
        }
        game.take_result(Outcome::Draw, draw).unwrap();
        game.sign_result(Outcome::Draw, &player()).unwrap();
    }
}
