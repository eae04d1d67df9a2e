//! A position's evaluation as people read it: the network's move and its policy over the legal moves.

use protocol::GameRecord;
use protocol::shakmaty::{Move, Position};

use crate::encode::{planes, policy_index};
use crate::infer::infer;
use crate::model::Model;

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
    /// The move it plays.
    pub best: Move,
    /// All legal moves: highest logit first, of equals the lowest index.
    pub policy: Vec<PolicyEntry>,
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
    let best = policy.first()?;
    let (best, top) = (best.mv, f64::from(best.logit));
    let scale = f64::from(model.network().logit_scale_log2()).exp2();
    policy.iter_mut().for_each(|entry| entry.probability = ((f64::from(entry.logit) - top) / scale).exp());
    let total: f64 = policy.iter().map(|entry| entry.probability).sum();
    policy.iter_mut().for_each(|entry| entry.probability /= total);
    Some(Evaluation { best, policy })
}
