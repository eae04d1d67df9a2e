//! Files of the client: where they lie, saved games and evidence.

use crate::{
    networks::Networks,
    play::{
        game::{Badge, Game},
        notation,
        seeds::Seeds,
        state::{EarlierGame, PlayState},
    },
    verify::engine,
};
use bevy::prelude::Resource;
use engine_circuit::{Level, bundle::pgn};
use protocol::{EndReason, GameId, GameRecord, Hex32, Outcome, Side, shakmaty::Color};
use std::{
    borrow::Cow,
    io::Error,
    path::{Path, PathBuf},
};

/// Folder of games, bundles and evidence.
#[derive(Resource, Clone, Debug)]
pub struct DataFolder(pub PathBuf);

/// The usual data folder of the user: `$XDG_DATA_HOME/fairmate` or `~/.local/share/fairmate`.
#[must_use]
pub fn usual_data_folder() -> PathBuf {
    let from = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    from("XDG_DATA_HOME")
        .or_else(|| from("HOME").map(|home| home.join(".local/share")))
        .unwrap_or_else(std::env::temp_dir)
        .join("fairmate")
}

/// The folder of shipped models: `$FAIRMATE_MODELS`, beside the program, or in the source tree it was built from.
#[must_use]
pub fn models_folder() -> Option<PathBuf> {
    let beside = std::env::current_exe().ok().and_then(|exe| Some(exe.parent()?.join("assets/models")));
    [
        std::env::var_os("FAIRMATE_MODELS").map(PathBuf::from),
        beside,
        Some(Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/models")),
    ]
    .into_iter()
    .flatten()
    .find(|path| path.is_dir())
}

/// All files of the models folder with an extension, sorted.
#[must_use]
pub fn with_extension(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    paths.sort();
    paths
}

/// The shipped network that plays if none is named: the default of `index.toml`, else the only one there.
///
/// # Errors
///
/// Returns a line for the user.
pub fn default_model() -> Result<PathBuf, String> {
    let folder =
        models_folder().ok_or("the folder assets/models is missing; name a network with --model FILE")?;
    let models = with_extension(&folder, "model");
    let networks = Networks::load(&folder);
    let of_index = networks.default_digest().map(|digest| folder.join(format!("{digest}.model")));
    let of_index = of_index.filter(|path| path.is_file());
    of_index
        .or_else(|| models.first().cloned())
        .ok_or_else(|| format!("no network in {}; name one with --model FILE", folder.display()))
}

fn stamp() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Saves the game with its proofs as one bundle. Returns the file.
///
/// # Errors
///
/// Returns a line for the user.
pub fn save_bundle(folder: &DataFolder, state: &PlayState) -> Result<PathBuf, String> {
    let game = state.game.as_ref().ok_or("there is no game to save yet")?;
    let folder = folder.0.join("bundles");
    let say = |error: Error| error.to_string();
    std::fs::create_dir_all(&folder).map_err(say)?;
    let id = game.id.to_string();
    let path = folder.join(format!("{}-{}.fairmate", stamp(), &id[..8]));
    let bytes = engine::bundle(game)?;
    write(&path, &bytes).map_err(say)?;
    Ok(path)
}

/// Saves the proof of the move at a ply. Returns the file.
///
/// # Errors
///
/// Returns a line for the user.
pub fn save_proof(folder: &DataFolder, state: &PlayState, ply: u32) -> Result<PathBuf, String> {
    let game = state.game.as_ref().ok_or("there is no game")?;
    let proof = game.proofs.get(&ply).ok_or("there is no proof of this move yet")?;
    let folder = folder.0.join("proofs");
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    let id = game.id.to_string();
    let path = folder.join(format!("{}-ply{ply}.proof", &id[..8]));
    write(&path, proof).map_err(|error| error.to_string())?;
    Ok(path)
}

/// Saved games that can be opened, the newest first.
#[must_use]
pub fn saved_games(folder: &DataFolder) -> Vec<PathBuf> {
    let mut paths = with_extension(&folder.0.join("bundles"), "fairmate");
    paths.reverse();
    paths
}

/// Largest file that is opened, in bytes.
const MAX_FILE_BYTES: u64 = engine_circuit::bundle::MAX_BUNDLE_BYTES as u64;

/// Reads a saved game, a bundle with proofs or a PGN without.
///
/// # Errors
///
/// Returns a line for the user.
pub fn open(path: &Path) -> Result<Game, String> {
    let say = |error: String| format!("{}: {error}", path.display());
    let length = std::fs::metadata(path).map_err(|error| say(error.to_string()))?.len();
    if length > MAX_FILE_BYTES {
        return Err(say("the file is too large".into()));
    }
    let bytes = std::fs::read(path).map_err(|error| say(error.to_string()))?;
    if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("pgn")) {
        let text = String::from_utf8(bytes).map_err(|_| say("the file is no text".into()))?;
        return game_of_pgn(&text).map_err(say);
    }
    game_of_bundle(&bytes).map_err(say)
}

fn outcome_of(record: &GameRecord, tags: &[(String, String)]) -> Option<Outcome> {
    let said = |winner| Some(Outcome { winner, reason: EndReason::Resignation });
    Outcome::of(record).or(match pgn::tag(tags, "Result") {
        Some("1-0") => said(Some(Side::White)),
        Some("0-1") => said(Some(Side::Black)),
        _ => None,
    })
}

fn game_of_bundle(bytes: &[u8]) -> Result<Game, String> {
    let bundle = engine_circuit::bundle::Bundle::read(bytes).map_err(|error| error.to_string())?;
    let digest = *bundle.digest().as_bytes();
    let record = bundle.record().clone();
    let mut game = Game::new(GameId(bundle.game_id()), bundle.side().other(), digest, record);
    game.outcome = outcome_of(&game.record, bundle.tags());
    game.proofs = bundle.proofs().clone();
    if let Some(sampling) = bundle.sampling() {
        let plies: Vec<u32> =
            (0..u32::try_from(game.record.ply()).unwrap_or(0)).filter(|&ply| game.is_bot_ply(ply)).collect();
        sampling.seeds(&plies).map_err(|error| error.to_string())?;
        game.terms.level = sampling.level.number();
        game.seeds = Some(Seeds::of_record(sampling.clone()));
    }
    for ply in 0..u32::try_from(game.record.ply()).unwrap_or(0) {
        if game.is_bot_ply(ply) {
            let reason = "the file has no proof of this move".into();
            game.badges.insert(ply, Badge::NotChecked { reason });
        }
    }
    if let Some(ply) = game.proofs.keys().find(|ply| !game.badges.contains_key(ply)) {
        return Err(format!("it has a proof for half-move {ply}, which is not the network's"));
    }
    Ok(game)
}

/// A game without proofs, from its PGN.
///
/// # Errors
///
/// Returns a line for the user.
pub fn game_of_pgn(text: &str) -> Result<Game, String> {
    let read = pgn::read(text.as_bytes()).map_err(|error| error.to_string())?;
    let human = if pgn::tag(&read.tags, "White") == Some("Fairmate") { Color::Black } else { Color::White };
    let mut game = Game::new(GameId([0; 32]), human, [0; 32], read.record);
    game.outcome = outcome_of(&game.record, &read.tags);
    Ok(game)
}

/// A message of the server without the player's key: evidence is shown around, and the game may go on.
fn without_key(raw: &str) -> Cow<'_, str> {
    let Some(at) = raw.find("\"player_key\"") else { return raw.into() };
    match serde_json::from_str::<serde_json::Value>(raw) {
        Ok(serde_json::Value::Object(mut message)) => {
            message.remove("player_key");
            serde_json::Value::Object(message).to_string().into()
        }
        // A long message was kept in part.
        _ => raw[..at].into(),
    }
}

/// Saves what is known about the alarm: statement, proof, game and what the server claimed. Returns the folder.
///
/// # Errors
///
/// Returns the error of the file system.
pub fn save_evidence(folder: &DataFolder, state: &PlayState) -> Result<PathBuf, Error> {
    let (Some(alarm), game) = (&state.alarm, state.game.as_ref()) else {
        return Err(Error::other("nothing to save"));
    };
    let id = game.map_or_else(|| "none".to_owned(), |game| game.id.to_string());
    let folder =
        folder.0.join("evidence").join(format!("{}-{}-ply{}", stamp(), &id[..id.len().min(8)], alarm.ply));
    std::fs::create_dir_all(&folder)?;
    let mut text =
        format!("offence: {:?}\nreason: {}\nply: {}\ngame: {id}\n", alarm.offence, alarm.reason, alarm.ply);
    if let Some(opponent) = &state.opponent {
        text += &format!(
            "model digest: {}\npinned: {:?}\nproof mode: {:?}\n",
            hex::encode(opponent.digest),
            opponent.trust,
            opponent.proof_mode
        );
    }
    if let Some(game) = game {
        text += &format!("start position: {}\n", game.record.start_fen());
        text += &format!("moves: {}\n", game.record.uci_moves().join(" "));
        if let Some(&mv) = game.record.moves().get(alarm.ply as usize) {
            let moves = game.record.truncated(alarm.ply as usize).uci_moves().join(" ");
            text += &format!("moves before: {moves}\nclaimed move: {}\n", GameRecord::uci(mv));
        }
        write(&folder.join("game.pgn"), notation::pgn(game).as_bytes())?;
        if let Some(proof) = game.proofs.get(&alarm.ply) {
            let path = folder.join("proof.bin");
            write(&path, proof)?;
            // Whoever has no engine drops both files on the page that verifies.
            let key = format!("{}.vk", notation::hex_digest(&game.digest));
            let command =
                engine::recheck_command(game, Some(Path::new(&key)), alarm.ply, Path::new("proof.bin"));
            text += &command
                .map_or_else(|reason| reason, |command| format!("check the proof with:\n{command}\n"));
        }
    }
    let heard = state.heard.iter().fold(String::new(), |all, raw| all + &without_key(raw) + "\n");
    write(&folder.join("server-messages.jsonl"), heard.as_bytes())?;
    write(&folder.join("statement.txt"), text.as_bytes())?;
    Ok(folder)
}

/// Marks a game for stakes.
const STAKED: &str = "staked";

fn current_game(folder: &DataFolder) -> PathBuf {
    folder.0.join("current-game")
}

/// Notes the game that is being played, so that the next run of the client takes it up and knows it again; forgets it
/// once it has ended. While something is wrong with it, what was noted before stays: the server's version takes no place of it.
pub fn remember_game(folder: &DataFolder, state: &PlayState) {
    let path = current_game(folder);
    if state.watching.is_some() || state.alarm.is_some() {
        return;
    }
    let game = state.game.as_ref().filter(|game| game.is_played_here());
    let game = game.or(state.aside.as_deref());
    let text = match game {
        Some(game) if game.outcome.is_none() => format!(
            "{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n",
            game.id,
            hex::encode(game.digest),
            if game.human == Color::White { "white" } else { "black" },
            game.record.start_fen(),
            game.record.uci_moves().join(" "),
            game.seeds.as_ref().map_or_else(String::new, |seeds| format!(
                "{} {} {}",
                seeds.level(),
                hex::encode(seeds.head().0),
                hex::encode(seeds.nonce().0)
            )),
            game.key.map_or_else(String::new, |key| hex::encode(key.0)),
            if game.stakes.is_some() { STAKED } else { "" },
        ),
        _ => String::new(),
    };
    if let Err(error) =
        std::fs::create_dir_all(&folder.0).and_then(|()| write_through(&path, text.as_bytes()))
    {
        bevy::log::warn!("{}: {error}", path.display());
    }
}

/// The game that the last run of the client left unfinished.
#[must_use]
pub fn earlier_game(folder: &DataFolder) -> Option<EarlierGame> {
    let text = std::fs::read_to_string(current_game(folder)).ok()?;
    let mut lines = text.lines();
    let id = lines.next()?.parse().ok()?;
    let mut digest = [0; 32];
    hex::decode_to_slice(lines.next()?, &mut digest).ok()?;
    let human = match lines.next()? {
        "white" => Side::White,
        "black" => Side::Black,
        _ => return None,
    };
    let fen = lines.next()?;
    let moves = lines.next().unwrap_or_default();
    let record = GameRecord::replay(fen, moves.split_whitespace()).ok()?;
    let seeds = lines.next().and_then(earlier_seeds);
    let mut key = [0; 32];
    let key = lines.next().and_then(|line| hex::decode_to_slice(line, &mut key).ok().map(|()| Hex32(key)));
    let staked = lines.next() == Some(STAKED);
    Some(EarlierGame { id, digest, human, record, seeds, key, staked })
}

/// Level, head and nonce of a game that goes on.
fn earlier_seeds(line: &str) -> Option<Seeds> {
    let mut words = line.split(' ');
    let level = words.next()?.parse().ok().and_then(Level::new)?;
    let mut hash = || {
        let mut bytes = [0; 32];
        hex::decode_to_slice(words.next()?, &mut bytes).ok().map(|()| Hex32(bytes))
    };
    let (head, nonce) = (hash()?, hash()?);
    Some(Seeds::known(level, head, nonce))
}

/// Writes a file whole or not at all, and returns once it is on the disk: after a power cut it is what it was here.
fn write_through(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let mut partial = path.as_os_str().to_owned();
    partial.push(".part");
    let mut file = std::fs::File::create(&partial)?;
    std::io::Write::write_all(&mut file, bytes)?;
    file.sync_all()?;
    std::fs::rename(&partial, path)?;
    match path.parent() {
        // Not every system lets a folder be opened.
        Some(folder) => std::fs::File::open(folder).map_or(Ok(()), |folder| folder.sync_all()),
        None => Ok(()),
    }
}

/// Writes a file whole or not at all.
///
/// # Errors
///
/// Returns the error of the file system.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let mut partial = path.as_os_str().to_owned();
    partial.push(".part");
    std::fs::write(&partial, bytes)?;
    std::fs::rename(&partial, path)
}
