//! Labelled games (`sf_labelled_games.tsv.zst`) or plain games (`masters_segments.tsv.zst`) to fixed-size records.
//!
//! Usage: `training-prepare GAMES... OUT_DIR`, each file `.tsv.zst` or `.tsv`. Games are numbered through all files in the order
//! given; a training position (planes, last move included) that has occurred before is left out. Writes
//! - `train.bin`, `val.bin`: records of [`RECORD_BYTES`] bytes, in the order of the games;
//! - `val.legal`: per validation record its legal policy indices as a bitmap of 4,672 bits (584 bytes, bit `i % 8` of
//!   byte `i / 8`).
//!
//! Record, little-endian (`training/records.py` reads the same):
//!
//! | offset | type | content |
//! |---|---|---|
//! | 0 | u8 x 64 | piece code per square seen from the side to move: 0 empty, 1-6 own pawn..king, 7-12 the opponent's |
//! | 64 | u8 | castling rights, bit `k` = plane `12 + k` |
//! | 65 | u8 | en-passant square (plane 16) or 255 |
//! | 66 | u8 | plane 17's value |
//! | 67, 68 | u8, u8 | last move's from- and to-square, 255 if unknown |
//! | 69 | u8 | number of labels, 1..4 |
//! | 70 | i8 | result for the side to move: 1, 0, -1, or 2 if unfinished |
//! | 71 | u8 | 1 if there are scores, 0 if the label is only the move played |
//! | 72 | u16 x 4 | policy indices, best first, 65535 for none |
//! | 80 | i16 x 4 | centipawns for the side to move, clipped to +-10000; mate in n: `30000 - n`, mated in n: `-30000 + n` |
//! | 88 | u32 | game number (line of the file) |
//! | 92 | u32 | ply within the game |
use std::collections::HashSet;
use std::error::Error;
use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io::{BufRead, BufReader, BufWriter, Read, Write};

use engine_circuit::encode::{self, NUM_SQUARES, POLICY_SIZE, Planes};
use protocol::GameRecord;
use protocol::shakmaty::fen::Fen;
use protocol::shakmaty::uci::UciMove;
use protocol::shakmaty::{CastlingMode, Chess, Color, Move, Position};

const RECORD_BYTES: usize = 96;
const LEGAL_BYTES: usize = POLICY_SIZE / 8;
/// One game in this many is kept for validation.
const VALIDATION_ONE_IN: u64 = 50;

type Failure = Box<dyn Error>;

/// SplitMix64's finaliser: the fixed hash that splits the games.
fn mix(value: u64) -> u64 {
    let z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn parse_move(text: &str, pos: &Chess) -> Result<Move, Failure> {
    Ok(UciMove::from_ascii(text.as_bytes())?.to_move(pos)?)
}

/// Centipawns or `#n` to the record's i16.
fn parse_score(text: &str) -> Result<i16, Failure> {
    if let Some(mate) = text.strip_prefix('#') {
        let n: i32 = mate.parse()?;
        let score = if mate.starts_with('-') { -30000 - n } else { 30000 - n };
        Ok(score as i16)
    } else {
        Ok(text.parse::<i32>()?.clamp(-10000, 10000) as i16)
    }
}

/// One ply's labels: policy indices with scores, best first; `PLAYED` alone is a label without a score.
fn labels(text: &str, played: Move, pos: &Chess) -> Result<(Vec<(u16, i16)>, bool), Failure> {
    let turn = pos.turn();
    let Some((_, list)) = text.split_once(':') else {
        return Ok((vec![(encode::policy_index(played, turn) as u16, 0)], false));
    };
    let mut out = Vec::with_capacity(4);
    for item in list.split(',').take(4) {
        let (mv, score) = item.split_once('=').ok_or("label without a score")?;
        out.push((encode::policy_index(parse_move(mv, pos)?, turn) as u16, parse_score(score)?));
    }
    Ok((out, true))
}

/// Packs the planes without loss; the inverse is `records.py`'s `decode`.
fn pack(planes: &Planes) -> [u8; 69] {
    let mut out = [0u8; 69];
    let plane = |number: usize| &planes[number * NUM_SQUARES..(number + 1) * NUM_SQUARES];
    let find = |number: usize| plane(number).iter().position(|&v| v != 0).map_or(255, |s| s as u8);
    for number in 0..12 {
        for (code, &value) in out.iter_mut().zip(plane(number)) {
            if value != 0 {
                *code = number as u8 + 1;
            }
        }
    }
    for k in 0..4 {
        out[64] |= u8::from(plane(12 + k)[0] != 0) << k;
    }
    out[65] = find(16);
    out[66] = plane(17)[0];
    out[67] = find(18);
    out[68] = find(19);
    out
}

struct Outputs {
    train: BufWriter<File>,
    val: BufWriter<File>,
    val_legal: BufWriter<File>,
    counts: [u64; 2],
    /// Hashes of the training positions so far; of 4 million, two collide with probability 4e-7.
    seen: HashSet<u64>,
    hasher: RandomState,
    repeated: u64,
}

/// Writes one game's records; stops at the first ply that cannot be read.
fn game(line: &str, number: u32, out: &mut Outputs) -> Result<(), Failure> {
    let columns: Vec<&str> = line.split('\t').collect();
    let (fen, result, plies) = match columns.as_slice() {
        [fen, result, plies] => (*fen, *result, *plies),
        [fen, plies] => (*fen, "*", *plies),
        _ => return Err("neither two nor three columns".into()),
    };
    let white = match result {
        "1-0" => 1i8,
        "0-1" => -1,
        "1/2-1/2" => 0,
        _ => 2,
    };
    let validation = mix(u64::from(number)).is_multiple_of(VALIDATION_ONE_IN);
    let mut pos: Chess = fen.parse::<Fen>()?.into_position(CastlingMode::Standard)?;
    let mut last = None;
    for (ply, text) in plies.split_ascii_whitespace().enumerate() {
        let played = parse_move(text.split(':').next().unwrap_or(""), &pos)?;
        let (list, scored) = labels(text, played, &pos)?;
        let mut record = [0u8; RECORD_BYTES];
        record[..69].copy_from_slice(&pack(&encode::planes(&pos, last)));
        record[69] = list.len() as u8;
        record[70] = if white == 2 || pos.turn() == Color::White { white } else { -white } as u8;
        record[71] = u8::from(scored);
        record[72..80].fill(0xff);
        for (k, (index, score)) in list.iter().enumerate() {
            record[72 + 2 * k..74 + 2 * k].copy_from_slice(&index.to_le_bytes());
            record[80 + 2 * k..82 + 2 * k].copy_from_slice(&score.to_le_bytes());
        }
        record[88..92].copy_from_slice(&number.to_le_bytes());
        record[92..96].copy_from_slice(&(ply as u32).to_le_bytes());
        if validation {
            out.val.write_all(&record)?;
            let mut bitmap = [0u8; LEGAL_BYTES];
            for index in encode::legal_indices(&pos) {
                bitmap[index / 8] |= 1 << (index % 8);
            }
            out.val_legal.write_all(&bitmap)?;
            out.counts[1] += 1;
        } else if out.seen.insert(out.hasher.hash_one(&record[..69])) {
            out.train.write_all(&record)?;
            out.counts[0] += 1;
        } else {
            out.repeated += 1;
        }
        last = Some(GameRecord::king_move_squares(played));
        pos = pos.play(played)?;
    }
    Ok(())
}

fn main() -> Result<(), Failure> {
    let args: Vec<String> = std::env::args().collect();
    let [_, sources @ .., target] = args.as_slice() else {
        return Err("usage: training-prepare GAMES... OUT_DIR".into());
    };
    if sources.is_empty() {
        return Err("usage: training-prepare GAMES... OUT_DIR".into());
    }
    fs::create_dir_all(target)?;
    let create = |name: &str| File::create(format!("{target}/{name}")).map(BufWriter::new);
    let mut out = Outputs {
        train: create("train.bin")?,
        val: create("val.bin")?,
        val_legal: create("val.legal")?,
        counts: [0; 2],
        seen: HashSet::new(),
        hasher: RandomState::new(),
        repeated: 0,
    };
    let (mut games, mut cut_short) = (0u32, 0u32);
    for source in sources {
        let file = File::open(source).map_err(|error| format!("{source}: {error}"))?;
        let plain: Box<dyn Read> =
            if source.ends_with(".zst") { Box::new(zstd::Decoder::new(file)?) } else { Box::new(file) };
        for line in BufReader::new(plain).lines() {
            if let Err(error) = game(&line?, games, &mut out) {
                cut_short += 1;
                if cut_short <= 5 {
                    eprintln!("game {games} cut short: {error}");
                }
            }
            games += 1;
        }
    }
    for file in [&mut out.train, &mut out.val, &mut out.val_legal] {
        file.flush()?;
    }
    println!(
        "{games} games, {cut_short} cut short; {} training, {} validation records, {} repetitions left out",
        out.counts[0], out.counts[1], out.repeated
    );
    Ok(())
}
