//! Appends to a file a contract's key, a game, the statement about its network's moves and their proof in the chain's profile, for
//! `contracts/tools/receipts`: `cargo run -p engine-circuit --example verifier_case -- NETWORK MOVES LEVEL MASK FILE`. NETWORK is a
//! model file, or the size of a random one, such as 64x5; MASK is `legal` or `contenders`. The network plays White at the level, and
//! Black at level 4 so that the game does not end in a repetition.

use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use engine_circuit::chain::verifier_key;
use engine_circuit::model::{NetworkShape, QuantisedNetwork};
use engine_circuit::sampling::{SeedChain, ply_seed};
use engine_circuit::{Level, Model, Profile, Prover, Statement, evaluate, weights};
use protocol::GameRecord;
use protocol::shakmaty::Color;
use serde_json::json;

const GAME: [u8; 32] = [3; 32];
const NONCE: [u8; 32] = [5; 32];

fn model(network: &str) -> Result<Model, Box<dyn Error>> {
    if let Some((channels, blocks)) = network.split_once('x')
        && let (Ok(channels), Ok(blocks)) = (channels.parse(), blocks.parse())
    {
        let network = QuantisedNetwork::random(NetworkShape { channels, blocks }, 7)?;
        return Ok(weights::commit(network, &|_| {}));
    }
    Ok(Model::load(Path::new(network))?)
}

fn hex(bytes: &[u8]) -> String {
    format!("0x{}", bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [network, moves, level, mask, file] = arguments.as_slice() else {
        return Err("usage: verifier_case NETWORK MOVES LEVEL legal|contenders FILE".into());
    };
    let with_contenders = match mask.as_str() {
        "legal" => false,
        "contenders" => true,
        _ => return Err("the mask is legal or contenders".into()),
    };
    let (moves, level): (usize, u8) = (moves.parse()?, level.parse()?);
    let level = Level::new(level).ok_or("no such level")?;
    let black = Level::new(4).ok_or("no such level")?;
    let prover = Prover::in_memory(Arc::new(model(network)?))?;
    let model = prover.model().clone();
    let key = model.verifying_key();
    let chain = SeedChain::new([9; 32], moves);
    let mut game = GameRecord::default();
    let mut seeds = Vec::new();
    for ply in 0..2 * moves - 1 {
        let evaluation = evaluate(&model, &game).ok_or("the game is over")?;
        if ply % 2 == 1 {
            game.play(evaluation.choose(black, &[ply as u8; 32]))?;
            continue;
        }
        let element = chain.element(ply / 2 + 1).ok_or("the chain ends")?;
        let seed = ply_seed(&NONCE, &element, ply as u32);
        game.play(evaluation.choose(level, &seed))?;
        if level.is_random() {
            seeds.push(seed);
        }
    }
    let mut statement = Statement::game(GAME, &game, Color::White)?.at_level(level, &seeds)?;
    let mut lists = Vec::new();
    if with_contenders {
        let traces = prover.traces(&statement.public_moves(key.logit_scale_log2()));
        let logits: Vec<_> = traces.into_iter().map(|trace| trace.logits).collect();
        let contenders = statement.contenders(&logits, key.logit_scale_log2());
        for list in &contenders {
            lists.extend((list.len() as u16).to_be_bytes());
            lists.extend(list.iter().flat_map(|index| index.to_be_bytes()));
        }
        let lengths: Vec<_> = contenders.iter().map(Vec::len).collect();
        eprintln!("contenders a move: {lengths:?}");
        statement = statement.with_contenders(&contenders)?;
    }
    let proof = prover.prove(&statement, Profile::Chain)?.proof;
    let random = |bytes: [u8; 32]| hex(&if level.is_random() { bytes } else { [0; 32] });
    let line = json!({
        "name": format!("{network}, {moves} moves, level {level}, {mask}"),
        "key": hex(&verifier_key(&key, moves)),
        "statement": hex(&[key.digest().as_bytes().as_slice(), &statement.to_bytes()].concat()),
        "proof": hex(&proof),
        "game": {
            "gameId": hex(&GAME), "level": level.number(), "networkIsBlack": false, "nonce": random(NONCE),
            "seedHead": random(chain.head()), "seedElement": random(chain.element(moves).ok_or("the chain ends")?),
            "moves": game.uci_moves(), "contenders": hex(&lists),
        },
    });
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(file)?;
    writeln!(file, "{line}")?;
    Ok(())
}
