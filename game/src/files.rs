//! Files of the client: where they lie, saved games and evidence.

use crate::play::{
    notation,
    state::{EarlierGame, PlayState},
};
use bevy::prelude::Resource;
use protocol::GameRecord;
use std::{
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
    let index = std::fs::read_to_string(folder.join("index.toml")).unwrap_or_default();
    let value = |line: &str| Some(line.split_once('=')?.1.trim().trim_matches('"').to_owned());
    // `default = "NAME"`, at the top of the file, is a digest or the name of an entry with `name` and `digest`.
    let default = index.lines().find(|line| line.trim_start().starts_with("default")).and_then(value);
    let mut wanted = default.clone();
    let mut name = None;
    for line in index.lines() {
        match line.split('=').next().map(str::trim) {
            Some("name") => name = value(line),
            Some("digest") if name.is_some() && name == default => wanted = value(line),
            _ => {}
        }
    }
    let of_index = wanted.map(|digest| folder.join(format!("{digest}.model"))).filter(|path| path.is_file());
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
    let game = state.game.as_ref().ok_or("there is no game")?;
    let folder = folder.0.join("bundles");
    let say = |error: Error| error.to_string();
    std::fs::create_dir_all(&folder).map_err(say)?;
    let id = game.id.to_string();
    let path = folder.join(format!("{}-{}.fairmate", stamp(), &id[..8]));
    let bytes = crate::verify::engine::bundle(state)?;
    write(&path, &bytes).map_err(say)?;
    Ok(path)
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
    let mut text = format!("{}\nreason: {}\nply: {}\ngame: {id}\n", alarm.title, alarm.reason, alarm.ply);
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
            write(&folder.join("proof.bin"), proof)?;
        }
    }
    write(&folder.join("statement.txt"), text.as_bytes())?;
    Ok(folder)
}

fn current_game(folder: &DataFolder) -> PathBuf {
    folder.0.join("current-game")
}

/// Notes which game is being played, so that the next run of the client takes it up; forgets it once it has ended.
pub fn remember_game(folder: &DataFolder, state: &PlayState) {
    let path = current_game(folder);
    let text = match (&state.game, &state.opponent) {
        (Some(game), Some(opponent)) if game.outcome.is_none() => {
            format!("{}\n{}\n", game.id, hex::encode(opponent.digest))
        }
        _ => String::new(),
    };
    if let Err(error) = std::fs::create_dir_all(&folder.0).and_then(|()| write(&path, text.as_bytes())) {
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
    Some(EarlierGame { id, digest })
}

/// Writes a file whole or not at all.
fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let mut partial = path.as_os_str().to_owned();
    partial.push(".part");
    std::fs::write(&partial, bytes)?;
    std::fs::rename(&partial, path)
}
