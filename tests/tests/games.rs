//! Whole games through the contracts' committed artefacts, in process: rules, statement, real proofs, attestation and token.
//! The games are those of `tests/vectors/verifier_games.jsonl`, which `engine-circuit/tests/verifier_vectors.rs` holds the Rust verifier to.

use revm::primitives::{U256, keccak256};
use serde_json::Value;
use tests::artefact::contracts_folder;
use tests::evm::{Argument, DEFAULT_CALLER, EvmError, byte_string, calldata_of, encode_all, word};
use tests::games::{GAME, Game, GameChain, bytes, error_name};

fn lines(file: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(contracts_folder().join("../tests/vectors").join(file)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn all() -> Vec<Game> {
    let games = lines("verifier_games.jsonl");
    games.iter().map(|line| Game::read(line, line).unwrap()).collect()
}

fn chain() -> GameChain {
    GameChain::new(bytes(&lines("verifier_proofs.jsonl")[0]["key"]).unwrap()).unwrap()
}

/// The name of the error that a verification ends in.
fn refusal(chain: &mut GameChain, game: &Game) -> String {
    match chain.verify(game) {
        Err(EvmError::Reverted(data)) => {
            let contracts = ["GameVerifier", "MoveVerifier", "OpeningVerifier", "VerifierRouter"];
            error_name(&data, &contracts).unwrap_or_else(|| panic!("{}: {data}", game.name))
        }
        other => panic!("{}: {other:?}", game.name),
    }
}

#[test]
fn a_game_is_verified_in_one_transaction() {
    let mut chain = chain();
    for game in all() {
        let arguments = [
            Argument::Static(game.words.clone()),
            Argument::Bytes(game.moves.clone()),
            Argument::Static(vec![game.element]),
            Argument::Bytes(game.contenders.clone()),
        ];
        let data = calldata_of(&format!("statement({GAME},bytes,bytes32,bytes)"), &arguments);
        let built = chain.evm.call(chain.games, data).unwrap().data;
        // Behind the offset of the bytes come the four words of the end.
        let offset = usize::try_from(word(&built, 0)).unwrap();
        assert_eq!(byte_string(&[&[0; 32], &built[offset..]].concat()), game.statement, "{}", game.name);
        let end = chain.verify(&game).unwrap_or_else(|error| panic!("{}: {error}", game.name)).data;
        assert_eq!(word(&end, 1) >> 48, U256::from(game.moves.len() / 2), "{}", game.name);
    }
}

#[test]
fn nothing_but_the_proven_game_is_verified() {
    let mut chain = chain();
    for game in all() {
        let mut refuses = |expected: &str, change: &dyn Fn(&mut Game)| {
            let mut changed = game.clone();
            change(&mut changed);
            assert_eq!(refusal(&mut chain, &changed), expected, "{}", game.name);
        };
        // Another model, game, side; an illegal move, one without proof; a false proof; none.
        refuses("UnknownModel", &|game| game.words[0][0] ^= 1);
        refuses("Level", &|game| game.words[1][0] ^= 1);
        refuses("WrongSeedElement", &|game| {
            game.words[2][31] = 3;
            game.element[0] ^= 1;
        });
        refuses("Level", &|game| {
            let at = game.proof.len() / 100;
            game.proof[at] ^= 1;
        });
        refuses("Truncated", &|game| game.proof.truncate(1000));
        refuses("NotAttested", &|game| game.proof.clear());
        // a2 to a2 is no move of anybody's.
        refuses("IllegalMove", &|game| game.moves[..2].copy_from_slice(&[0x02, 0x08]));
    }
}

#[test]
fn an_attested_game_is_known_without_its_proof() {
    let mut chain = chain();
    for game in all() {
        let used =
            chain.evm.send(DEFAULT_CALLER, chain.games, U256::ZERO, game.call("attest")).unwrap().gas_used;
        let mut known = game.clone();
        known.proof.clear();
        let read = chain.verify(&known).unwrap().gas_used;
        assert!(read < used / 4, "{}: {read} of {used} gas", game.name);
        let attested =
            calldata_of("attested(bytes32)", &[Argument::Static(vec![keccak256(&game.statement).0])]);
        assert_eq!(word(&chain.evm.call(chain.router, attested).unwrap().data, 0), U256::ONE);
        // The game goes on: no token.
        let domain = chain.evm.call(chain.tokens, calldata_of("PROMPT_DOMAIN()", &[])).unwrap().data;
        let prompt = [domain.to_vec(), game.words.concat()].concat();
        let token = keccak256(&prompt).0;
        let arguments = [
            Argument::Static(vec![token]),
            Argument::Bytes(prompt),
            Argument::Bytes(game.moves.clone()),
            Argument::Bytes(encode_all(&[known.evidence()])),
        ];
        let data = calldata_of("addAigcData(uint256,bytes,bytes,bytes)", &arguments);
        match chain.evm.send(DEFAULT_CALLER, chain.tokens, U256::ZERO, data) {
            Err(EvmError::Reverted(data)) => assert_eq!(data[..4], keccak256("NotProven(uint256)")[..4]),
            other => panic!("{other:?}"),
        }
    }
}
