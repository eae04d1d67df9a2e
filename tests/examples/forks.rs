//! Gas of a verification and of a whole game's, by the rules of Osaka and of revm's Amsterdam (values of a devnet), in process:
//! `cargo run -p tests --example forks -- FILE`, the lines those of `cargo run -p engine-circuit --example verifier_case`.

#![allow(clippy::print_stdout, reason = "a program")]

use std::error::Error;

use revm::primitives::U256;
use revm::primitives::hardfork::SpecId;
use serde_json::Value;
use tests::evm::DEFAULT_CALLER;
use tests::games::{Game, GameChain, bytes};

fn main() -> Result<(), Box<dyn Error>> {
    let file = std::env::args().nth(1).ok_or("usage: forks FILE")?;
    for line in std::fs::read_to_string(file)?.lines() {
        let line: Value = serde_json::from_str(line)?;
        let game = Game::read(&line, &line["game"])?;
        for (name, spec) in [("Osaka", SpecId::OSAKA), ("Amsterdam", SpecId::AMSTERDAM)] {
            let mut chain = GameChain::new(bytes(&line["key"])?)?.under(spec);
            let verified =
                chain.evm.call(chain.verifier, game.verifier_call()).map(|returned| returned.gas_used);
            let attested = chain.evm.send(DEFAULT_CALLER, chain.games, U256::ZERO, game.call("attest"));
            println!(
                "{}, {name}: verified {verified:?}, whole game attested {:?}",
                game.name,
                attested.map(|r| r.gas_used)
            );
        }
    }
    Ok(())
}
