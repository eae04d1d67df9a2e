//! Provers that lie inside the protocol. Each does everything else as well as it can, so that ONE of the verifier's checks
//! stands in its way: with that check removed its proof is accepted. The expected error names the check.

mod common;

use std::sync::{Arc, OnceLock};

use engine_circuit::argument::columns::ColumnError;
use engine_circuit::argument::linear::LinearError;
use engine_circuit::argument::lookups::LookupError;
use engine_circuit::channel::ChannelError;
use engine_circuit::commitment::{OpeningError, Openings};
use engine_circuit::dishonest::{Lies, OpeningLie, TreeLie};
use engine_circuit::field::{Ext, Val};
use engine_circuit::infer::{argmax, infer};
use engine_circuit::model::{NetworkShape, QuantisedNetwork};
use engine_circuit::shape::{Shape, WitnessLayout};
use engine_circuit::statement::PublicMove;
use engine_circuit::witness::{Witness, weight_table};
use engine_circuit::{Model, Profile, Prover, Statement, VerifyError, evaluate, verify, weights};
use p3_field::PrimeCharacteristicRing;
use protocol::GameRecord;
use protocol::record::START_FEN;

const CHANNELS: usize = 16;
/// Of random networks.
const LOGIT_SCALE_LOG2: u8 = 14;

fn network(seed: u64) -> QuantisedNetwork {
    QuantisedNetwork::random(NetworkShape { channels: CHANNELS, blocks: 1 }, seed).unwrap()
}

fn prover() -> &'static Prover {
    static PROVER: OnceLock<Prover> = OnceLock::new();
    PROVER.get_or_init(|| Prover::in_memory(Arc::new(weights::commit(network(7), &|_| {}))).unwrap())
}

/// A statement, its circuit and the honest values.
struct Case {
    statement: Statement,
    moves: Vec<PublicMove>,
    shape: Shape,
    witness: Witness,
}

impl Case {
    fn new(statement: Statement) -> Self {
        let moves = statement.public_moves(LOGIT_SCALE_LOG2);
        let shape = prover().model().verifying_key().circuit(moves.len());
        let witness = Witness::new(&shape, prover().model().network(), &moves, &prover().traces(&moves));
        Self { statement, moves, shape, witness }
    }

    fn layout(&self) -> &WitnessLayout {
        &self.shape.witness
    }

    fn verdict(&self, witness: &Witness, lies: &Lies<'_>) -> Result<(), VerifyError> {
        common::verdict(prover(), &self.statement, witness, lies)
    }

    /// In one profile.
    fn verdict_in(&self, profile: Profile, lies: &Lies<'_>) -> Result<(), VerifyError> {
        let proof = common::prove(prover(), &self.statement, profile, &self.witness, lies);
        common::check(&prover().model().verifying_key(), &self.statement, profile, &proof)
    }

    fn openings(&self, profile: Profile) -> Openings {
        Openings::new(profile, self.layout().num_variables, self.shape.weight_variables())
    }

    /// The committed table with one entry changed.
    fn committed(&self, entry: usize) -> Vec<Val> {
        let mut table = self.witness.table.clone();
        table[entry] += Val::ONE;
        table
    }
}

fn record() -> GameRecord {
    GameRecord::replay(START_FEN, ["e2e4", "c7c5", "g1f3"]).unwrap()
}

/// The policy's move number `rank`, 0 the network's own.
fn ranked(rank: usize) -> Case {
    let mv = evaluate(prover().model(), &record()).unwrap().policy[rank].mv;
    Case::new(Statement::single([3; 32], &record(), mv).unwrap())
}

const OPENING: Result<(), VerifyError> = Err(VerifyError::Witness(OpeningError::FinalClaim));

#[test]
fn without_a_lie_the_proof_is_accepted() {
    let case = ranked(0);
    assert_eq!(case.verdict(&case.witness, &Lies::default()), Ok(()));
}

#[test]
fn a_false_root_is_found_at_the_next_level() {
    let case = ranked(1);
    let lies = Lies { tree: TreeLie::Root, ..Lies::default() };
    assert_eq!(case.verdict(&case.witness, &lies), Err(VerifyError::Lookups(LookupError::Level(1))));
}

#[test]
fn a_false_root_pushed_down_the_tree_is_found_at_the_leaves() {
    let case = ranked(1);
    let lies = Lies { tree: TreeLie::Down, ..Lies::default() };
    assert_eq!(case.verdict(&case.witness, &lies), Err(VerifyError::Columns(ColumnError::Numerator)));
}

#[test]
fn a_forged_lowest_limb_is_found_at_the_leaves() {
    // The best move's gap is negative; its computed limb is replaced by a zero that is counted.
    let mut case = ranked(1);
    let best =
        argmax(&prover().traces(&case.moves)[0].logits, &case.moves[0].mask, &case.moves[0].noise).unwrap();
    let at = case.shape.logit_entry(0, best) - case.layout().logits;
    let zero_count = case.layout().range_counts;
    case.witness.limb0[at] = Val::ZERO;
    case.witness.table[zero_count] += Val::ONE;
    let verdict = case.verdict(&case.witness, &Lies::default());
    assert_eq!(verdict, Err(VerifyError::Columns(ColumnError::Denominator)));
}

#[test]
fn logits_that_are_not_the_networks_are_found_in_the_layers() {
    let case = ranked(1);
    let mut traces = prover().traces(&case.moves);
    let top = *traces[0].logits.iter().max().unwrap();
    traces[0].logits[case.moves[0].chosen] = top + 1;
    let witness = Witness::new(&case.shape, prover().model().network(), &case.moves, &traces);
    assert_eq!(case.verdict(&witness, &Lies::default()), Err(VerifyError::Linear(LinearError::Weights)));
}

#[test]
fn another_position_in_the_layers_is_found_at_their_source() {
    // Another position's evaluation, proven as this one's: the linear argument runs on the other planes.
    let here = ranked(0);
    let other = GameRecord::replay(START_FEN, ["e2e4", "c7c5", "b1c3"]).unwrap();
    let mv = evaluate(prover().model(), &other).unwrap().best;
    let mut there = Statement::single([3; 32], &other, mv).unwrap().public_moves(LOGIT_SCALE_LOG2);
    let trace = infer(prover().model().network(), &there[0].planes);
    let chosen = argmax(&trace.logits, &here.moves[0].mask, &here.moves[0].noise).unwrap();
    let case = Case::new(here.statement.with_choice(0, chosen));
    there[0].mask.clone_from(&case.moves[0].mask);
    there[0].noise.clone_from(&case.moves[0].noise);
    there[0].chosen = chosen;
    let witness = Witness::new(&case.shape, prover().model().network(), &there, &[trace]);
    let lies = Lies { linear_moves: Some(&there), ..Lies::default() };
    assert_eq!(case.verdict(&witness, &lies), Err(VerifyError::Linear(LinearError::Source)));
}

#[test]
fn an_inflated_winner_is_found_in_the_opening() {
    // The winner's logit is no column; in the lookups it is the best move's plus one.
    let case = ranked(1);
    let traces = prover().traces(&case.moves);
    let inflated = i64::from(*traces[0].logits.iter().max().unwrap()) + 1;
    let network = prover().model().network();
    let witness = Witness::with_winners(&case.shape, network, &case.moves, &traces, &[inflated]);
    assert_eq!(case.verdict(&witness, &Lies::default()), OPENING);
}

#[test]
fn a_column_other_than_the_one_committed_is_found_in_the_opening() {
    let case = ranked(0);
    let layout = *case.layout();
    let other = case.moves[0].mask.iter().find(|&&index| index != case.moves[0].chosen).unwrap();
    for (name, entry) in [
        ("quotients", layout.quotients + 1_234),
        ("logits", case.shape.logit_entry(0, *other)),
        ("limbs", layout.limbs + 777),
        ("multiplicities of the activation table", layout.activation_counts + 33_000),
        ("multiplicities of the range table", layout.range_counts + 12),
    ] {
        let table = case.committed(entry);
        let lies = Lies { committed: Some(&table), ..Lies::default() };
        assert_eq!(case.verdict(&case.witness, &lies), OPENING, "{name}");
    }
}

#[test]
fn activations_that_differ_between_lookups_and_layers_are_found_in_the_opening() {
    // One activation of the last layer is another in the layers than in the lookups; the head's logits follow from it.
    let honest = ranked(0);
    let network = prover().model().network();
    let mut traces = prover().traces(&honest.moves);
    let (channel, square) = (5, 27);
    let at = ((honest.shape.num_layers - 1) * CHANNELS + channel) * 64 + square;
    let in_lookups = traces[0].activations[at];
    let in_layers = in_lookups ^ 0x40;
    let change = i32::from(in_layers) - i32::from(in_lookups);
    for plane in 0..engine_circuit::encode::HEAD_PLANES {
        traces[0].logits[plane * 64 + square] += i32::from(network.head_kernel(plane)[channel]) * change;
    }
    let chosen = argmax(&traces[0].logits, &honest.moves[0].mask, &honest.moves[0].noise).unwrap();
    let case = Case::new(honest.statement.with_choice(0, chosen));
    let lookups = Witness::new(&case.shape, network, &case.moves, &traces);
    traces[0].activations[at] = in_layers;
    let layers = Witness::new(&case.shape, network, &case.moves, &traces);
    assert_ne!(lookups.table, layers.table);
    for (name, committed) in [("lookups'", &lookups.table), ("layers'", &layers.table)] {
        let lies = Lies { committed: Some(committed), linear_witness: Some(&layers), ..Lies::default() };
        assert_eq!(case.verdict(&lookups, &lies), OPENING, "the {name} activations committed");
    }
}

#[test]
fn a_false_out_of_domain_value_is_found_in_the_opening() {
    let case = ranked(0);
    let lies = Lies { out_of_domain: Ext::ONE, ..Lies::default() };
    assert_eq!(case.verdict(&case.witness, &lies), OPENING);
}

#[test]
fn other_weights_than_the_committed_are_found_in_their_opening() {
    let honest = ranked(0);
    // The skips of both networks must be the same, they are public: only the weights differ.
    let skips =
        |network: &QuantisedNetwork| network.layers().iter().map(|layer| layer.skip).collect::<Vec<_>>();
    let seed = (8..100).find(|&seed| skips(&network(seed)) == skips(prover().model().network())).unwrap();
    let other = network(seed);
    let trace = infer(&other, &honest.moves[0].planes);
    let chosen = argmax(&trace.logits, &honest.moves[0].mask, &honest.moves[0].noise).unwrap();
    let case = Case::new(honest.statement.with_choice(0, chosen));
    let witness = Witness::new(&case.shape, &other, &case.moves, &[trace]);
    let table = weight_table(&other, &case.shape);
    let lies = Lies { weights: Some(&table), ..Lies::default() };
    assert_eq!(case.verdict(&witness, &lies), Err(VerifyError::Weights(OpeningError::FinalClaim)));
}

#[test]
fn weights_whose_fixed_value_is_another_are_found_in_their_opening() {
    // A key that binds its root to another value: no proof under it verifies, not even of the honest network.
    let honest = prover().model();
    let commitment = engine_circuit::weights::commit(network(7), &|_| {});
    let (root, value) = commitment.verifying_key().commitment();
    let forged = Model::from_parts(network(7), root, value + Ext::ONE);
    assert_ne!(forged.digest(), honest.digest());
    let prover = Prover::in_memory(Arc::new(forged)).unwrap();
    let case = ranked(0);
    let verdict = common::verdict(&prover, &case.statement, &case.witness, &Lies::default());
    assert_eq!(verdict, Err(VerifyError::Weights(OpeningError::FinalClaim)));
}

/// Words of the opening that the witness is in, and the error of that opening.
fn witness_words(case: &Case, profile: Profile) -> (usize, fn(OpeningError) -> VerifyError) {
    match case.openings(profile) {
        Openings::Separate { witness, .. } => (witness.words.len(), VerifyError::Witness),
        Openings::Joint(schedule) => (schedule.words.len(), VerifyError::Joint),
    }
}

#[test]
fn a_table_replaced_between_words_is_found_by_the_queries() {
    let case = ranked(0);
    let table = case.committed(case.layout().quotients + 99);
    for profile in Profile::ALL {
        let (words, opening) = witness_words(&case, profile);
        for stage in 1..=words {
            let witness_opening = OpeningLie { replaced_table: Some(stage), ..OpeningLie::default() };
            let lies = Lies { committed: Some(&table), witness_opening, ..Lies::default() };
            let error = if stage == words { OpeningError::LastWord } else { OpeningError::FinalClaim };
            assert_eq!(case.verdict_in(profile, &lies), Err(opening(error)), "{profile:?}, stage {stage}");
        }
    }
}

/// Other weights than the committed, and the folded table replaced by one that fits them: the weights' rows, opened at the
/// witness's positions, are not its.
#[test]
fn a_replaced_table_does_not_hide_other_weights() {
    let honest = ranked(0);
    let skips =
        |network: &QuantisedNetwork| network.layers().iter().map(|layer| layer.skip).collect::<Vec<_>>();
    let seed = (8..100).find(|&seed| skips(&network(seed)) == skips(prover().model().network())).unwrap();
    let other = network(seed);
    let trace = infer(&other, &honest.moves[0].planes);
    let (mask, noise) = (&honest.moves[0].mask, &honest.moves[0].noise);
    let chosen = argmax(&trace.logits, mask, noise).unwrap();
    let mut case = Case::new(honest.statement.with_choice(0, chosen));
    case.witness = Witness::new(&case.shape, &other, &case.moves, &[trace]);
    let table = weight_table(&other, &case.shape);
    let (words, opening) = witness_words(&case, Profile::Chain);
    for stage in 1..=words {
        let witness_opening = OpeningLie { replaced_table: Some(stage), ..OpeningLie::default() };
        let lies = Lies { weights: Some(&table), witness_opening, ..Lies::default() };
        let error = if stage == words { OpeningError::LastWord } else { OpeningError::FinalClaim };
        assert_eq!(case.verdict_in(Profile::Chain, &lies), Err(opening(error)), "stage {stage}");
    }
}

/// Each side's error made up for by the other's, at the round where both are in the claim: it would be right without the batching
/// challenge.
#[test]
fn an_error_in_the_weights_does_not_cancel_one_in_the_witness() {
    let case = ranked(0);
    let key = prover().model().verifying_key();
    let (root, value) = key.commitment();
    let Openings::Joint(schedule) = case.openings(Profile::Chain) else { panic!("one opening") };
    // The error of the table that begins is halved in each round until the other joins.
    let [witness, weights] = [0, 1].map(|table| schedule.tables[table].folds);
    let of_weights = Ext::ONE;
    let of_witness = -Ext::TWO.exp_u64(witness as u64) / Ext::TWO.exp_u64(weights as u64);
    let forged = Model::from_parts(network(7), root, value + of_weights);
    let prover = Prover::in_memory(Arc::new(forged)).unwrap();
    let halved_error = if witness > weights { of_witness } else { of_weights };
    let witness_opening = OpeningLie { halved_error, ..OpeningLie::default() };
    let lies = Lies { out_of_domain: of_witness, witness_opening, ..Lies::default() };
    let proof = common::prove(&prover, &case.statement, Profile::Chain, &case.witness, &lies);
    let verdict = common::check(&prover.model().verifying_key(), &case.statement, Profile::Chain, &proof);
    assert_eq!(verdict, Err(VerifyError::Joint(OpeningError::FinalClaim)));
}

/// Rows of either table: honest bytes at another position, one value changed, a sibling changed.
#[test]
fn rows_of_either_table_must_lead_to_its_root() {
    let case = ranked(0);
    let Openings::Joint(schedule) = case.openings(Profile::Chain) else {
        panic!("the chain's opening is joint")
    };
    let proof = common::prove(prover(), &case.statement, Profile::Chain, &case.witness, &Lies::default());
    let key = prover().model().verifying_key();
    let mut found = [0; 2];
    for at in (0..proof.len()).step_by(29) {
        let mut bad = proof.clone();
        bad[at] ^= 1;
        if let Err(VerifyError::Joint(OpeningError::TableRoot(number))) =
            common::check(&key, &case.statement, Profile::Chain, &bad)
        {
            found[number] += 29;
        }
    }
    for (shape, found) in schedule.tables.iter().zip(found) {
        // Rows alone are that many bytes; positions that coincide are opened once.
        let rows = (schedule.words[0].queries - 2) * (4 << shape.folds);
        assert!(found > rows, "{found} bytes of {shape:?} are bound by its root");
    }
}

#[test]
fn a_false_out_of_domain_value_of_a_later_word_is_found() {
    let case = ranked(0);
    for profile in Profile::ALL {
        let (words, opening) = witness_words(&case, profile);
        for word in 1..words {
            let witness_opening = OpeningLie { out_of_domain: Some(word), ..OpeningLie::default() };
            let verdict = case.verdict_in(profile, &Lies { witness_opening, ..Lies::default() });
            assert_eq!(verdict, Err(opening(OpeningError::FinalClaim)), "{profile:?}, word {word}");
        }
    }
    let Openings::Separate { weights, .. } = case.openings(Profile::Live) else {
        panic!("live openings are two")
    };
    for word in 1..weights.words.len() {
        let weights_opening = OpeningLie { out_of_domain: Some(word), ..OpeningLie::default() };
        let verdict = case.verdict_in(Profile::Live, &Lies { weights_opening, ..Lies::default() });
        assert_eq!(verdict, Err(VerifyError::Weights(OpeningError::FinalClaim)));
    }
}

#[test]
fn nonces_without_work_are_refused() {
    let case = ranked(0);
    let lazy = OpeningLie { no_work: true, ..OpeningLie::default() };
    let grinding = |error: &OpeningError| matches!(error, OpeningError::Channel(ChannelError::Grinding(_)));
    let in_witness = Lies { witness_opening: lazy, ..Lies::default() };
    let live = case.verdict_in(Profile::Live, &in_witness);
    assert!(matches!(&live, Err(VerifyError::Witness(error)) if grinding(error)), "{live:?}");
    let chain = case.verdict_in(Profile::Chain, &in_witness);
    assert!(matches!(&chain, Err(VerifyError::Joint(error)) if grinding(error)), "{chain:?}");
    let in_weights = case.verdict_in(Profile::Live, &Lies { weights_opening: lazy, ..Lies::default() });
    assert!(matches!(&in_weights, Err(VerifyError::Weights(error)) if grinding(error)), "{in_weights:?}");
}

#[test]
fn the_same_weights_under_another_digest_need_another_proof() {
    // The scale of probabilities is no part of the circuit: weights, commitment and shape are the same, the digest is not.
    let mut bytes = network(7).to_bytes();
    bytes[14] += 1;
    let (root, value) = prover().model().verifying_key().commitment();
    let twin = Model::from_parts(QuantisedNetwork::from_bytes(&bytes).unwrap(), root, value);
    let statement = ranked(0).statement;
    let proof = prover().prove(&statement, Profile::Live).unwrap().proof;
    assert!(verify(&twin.verifying_key(), &statement, Profile::Live, &proof).is_err());
    let twin = Prover::in_memory(Arc::new(twin)).unwrap();
    let proof = twin.prove(&statement, Profile::Live).unwrap().proof;
    assert_eq!(verify(&twin.model().verifying_key(), &statement, Profile::Live, &proof), Ok(()));
}
