//! A position's evaluation as people read it: the network's move and its policy over the legal moves.

use protocol::GameRecord;
use protocol::shakmaty::{Move, Position};

use crate::encode::{planes, policy_index};
use crate::infer::infer;
use crate::model::Model;
use crate::sampling::{Level, Seed};
use crate::statement::Value;

/// A legal move with what the network thinks of it.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyEntry {
    /// The move.
    pub mv: Move,
    /// In UCI notation.
    pub uci: String,
    /// Policy index.
    pub index: usize,
    /// Logit.
    pub logit: i32,
    /// Softmax over the legal moves of `logit / 2^logit_scale_log2`.
    pub probability: f64,
}

/// The network's view of a position.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// The move it plays at the strongest level.
    pub best: Move,
    /// All legal moves: highest logit first, of equals the lowest index.
    pub policy: Vec<PolicyEntry>,
    /// Win, draw, loss for the side to move, in steps.
    pub value: Value,
    /// The same as probabilities: softmax of `value / 2^(logit_scale_log2 + 6)`.
    pub value_probabilities: [f64; 3],
    /// Of the network.
    pub logit_scale_log2: u8,
}

/// `exp(x / scale)` of each, divided by their sum.
fn softmax(values: impl Iterator<Item = i32> + Clone, scale: f64) -> Vec<f64> {
    let top = f64::from(values.clone().max().unwrap_or(0));
    let weights: Vec<f64> = values.map(|value| ((f64::from(value) - top) / scale).exp()).collect();
    let total: f64 = weights.iter().sum();
    weights.into_iter().map(|weight| weight / total).collect()
}

impl Evaluation {
    /// The move that a level plays with a seed.
    #[must_use]
    pub fn choose(&self, level: Level, seed: &Seed) -> Move {
        let noisy = |entry: &&PolicyEntry| {
            let noise = level.noise(seed, entry.index, self.logit_scale_log2);
            (entry.logit + noise, std::cmp::Reverse(entry.index))
        };
        self.policy.iter().max_by_key(noisy).map_or(self.best, |entry| entry.mv)
    }
}

/// Evaluates the network on a record's last position; `None` if there is no legal move.
#[must_use]
pub fn evaluate(model: &Model, record: &GameRecord) -> Option<Evaluation> {
    let position = record.position();
    let trace = infer(model.network(), &planes(position, record.last_move_squares()));
    let mut policy: Vec<PolicyEntry> = position
        .legal_moves()
        .iter()
        .map(|&mv| {
            let index = policy_index(mv, position.turn());
            PolicyEntry { mv, uci: GameRecord::uci(mv), index, logit: trace.logits[index], probability: 0.0 }
        })
        .collect();
    policy.sort_by_key(|entry| (std::cmp::Reverse(entry.logit), entry.index));
    let scale_log2 = model.network().logit_scale_log2();
    let best = policy.first()?.mv;
    let scale = f64::from(scale_log2).exp2();
    let probabilities = softmax(policy.iter().map(|entry| entry.logit), scale);
    policy.iter_mut().zip(probabilities).for_each(|(entry, probability)| entry.probability = probability);
    let value = trace.value();
    let shares = softmax(value.iter().copied(), scale * 64.0);
    let value_probabilities = std::array::from_fn(|j| shares[j]);
    Some(Evaluation { best, policy, value, value_probabilities, logit_scale_log2: scale_log2 })
}
