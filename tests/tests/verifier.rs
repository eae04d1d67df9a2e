//! The move verifier from its committed artefact, in process, on the known answers of `tests/vectors/verifier_proofs.jsonl` (chain profile),
//! every one of which `engine-circuit/tests/verifier_vectors.rs` holds the Rust verifier to.

use std::collections::{BTreeMap, BTreeSet};

use revm::primitives::Address;
use serde_json::Value;
use tests::artefact::{Artefact, contracts_folder};
use tests::evm::{Argument, Evm, EvmError, calldata_of};
use tests::games::{bytes, deploy_verifier};

fn vectors() -> Vec<Value> {
    let path = contracts_folder().join("../tests/vectors/verifier_proofs.jsonl");
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A deployed verifier.
struct Verifier {
    evm: Evm,
    contract: Address,
    names: BTreeMap<Vec<u8>, String>,
}

impl Verifier {
    fn deploy(key: &Value) -> Self {
        let mut evm = Evm::default();
        let contract = deploy_verifier(&mut evm, bytes(key).unwrap()).unwrap();
        // What the contract for openings refuses comes through as it is.
        let parts = ["MoveVerifier", "OpeningVerifier"];
        let names = parts.iter().flat_map(|name| Artefact::load(name).unwrap().error_names()).collect();
        Self { evm, contract, names }
    }

    /// "ok" or the name of the error that one transaction ends in.
    fn verdict(&mut self, statement: &[u8], proof: &[u8]) -> String {
        let arguments = [Argument::Bytes(statement.to_vec()), Argument::Bytes(proof.to_vec())];
        match self.evm.call(self.contract, calldata_of("verify(bytes,bytes)", &arguments)) {
            Ok(_) => "ok".to_owned(),
            Err(EvmError::Reverted(data)) => {
                let name = data.get(..4).and_then(|selector| self.names.get(selector));
                name.unwrap_or_else(|| panic!("no error of the contracts': {data}")).clone()
            }
            Err(other) => panic!("{other}"),
        }
    }
}

#[test]
fn the_contract_answers_every_vector_as_rust_does() {
    let lines = vectors();
    let mut verifier = Verifier::deploy(&lines[0]["key"]);
    let (mut statement, mut honest) = (Vec::new(), Vec::new());
    let mut names = BTreeSet::new();
    for line in &lines[1..] {
        let (name, expected) = (line["name"].as_str().unwrap(), line["expected"].as_str().unwrap());
        let actual = if line.get("of").is_some() {
            let mut proof: Vec<u8> = honest.clone();
            let at = usize::try_from(line["at"].as_u64().unwrap()).unwrap();
            proof.iter_mut().skip(at).zip(bytes(&line["xor"]).unwrap()).for_each(|(byte, xor)| *byte ^= xor);
            proof.resize(usize::try_from(line["length"].as_u64().unwrap()).unwrap(), 0);
            verifier.verdict(&statement, &proof)
        } else {
            (statement, honest) = (bytes(&line["statement"]).unwrap(), bytes(&line["proof"]).unwrap());
            verifier.verdict(&statement, &honest)
        };
        assert_eq!(actual, expected, "{name}");
        names.insert(actual);
    }
    // Nothing that the contract can say about a statement and a proof is without a vector. `OtherFormat` is the constructor's.
    let can_say: BTreeSet<String> =
        verifier.names.into_values().filter(|name| name != "OtherFormat").collect();
    names.remove("ok");
    assert_eq!(names, can_say);
}

#[test]
fn a_key_of_another_format_is_refused() {
    let key = bytes(&vectors()[0]["key"]).unwrap();
    let names = Artefact::load("MoveVerifier").unwrap().error_names();
    for (place, xor) in [(0, 1), (31, 0x80)] {
        let mut other = key.clone();
        other[place] ^= xor;
        match deploy_verifier(&mut Evm::default(), other) {
            Err(EvmError::Reverted(data)) => assert_eq!(names[&data[..4]], "OtherFormat"),
            other => panic!("{other:?}"),
        }
    }
}
