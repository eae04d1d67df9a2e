//! The encoding against shakmaty: every legal move has exactly one index, and every index leads back.

use engine_circuit::encode::{
    POLICY_SIZE, geometric_indices, legal_indices, legal_move, planes, policy_index,
};
use protocol::GameRecord;
use protocol::record::START_FEN;
use protocol::shakmaty::{Chess, Position};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

fn check(position: &Chess) {
    let indices = legal_indices(position);
    let moves = position.legal_moves();
    assert_eq!(indices.len(), moves.len());
    assert!(indices.windows(2).all(|pair| pair[0] < pair[1]), "two moves share an index: {position:?}");
    for &mv in &moves {
        let index = policy_index(mv, position.turn());
        assert!(index < POLICY_SIZE);
        assert!(geometric_indices().binary_search(&(index as u16)).is_ok());
        assert_eq!(legal_move(position, index), Some(mv), "{position:?}");
    }
}

#[test]
fn every_legal_move_has_one_index_in_a_hundred_thousand_positions() {
    let starts = [
        START_FEN,
        "r3k2r/p1ppqpb1/bn2pnp1/3PN3/1p2P3/2N2Q1p/PPPBBPPP/R3K2R w KQkq - 0 1",
        "8/2p5/3p4/KP5r/1R3p1k/8/4P1P1/8 w - - 0 1",
        "r3k2r/Pppp1ppp/1b3nbN/nP6/BBP1P3/q4N2/Pp1P2PP/R2Q1RK1 w kq - 0 1",
        "n1n5/PPPk4/8/8/8/8/4Kppp/5N1N b - - 0 1",
    ];
    let mut rng = StdRng::seed_from_u64(1);
    let mut seen = 0;
    while seen < 100_000 {
        for fen in starts {
            let mut position = GameRecord::from_fen(fen).unwrap().position().clone();
            for _ in 0..120 {
                check(&position);
                seen += 1;
                let moves = position.legal_moves();
                if moves.is_empty() || position.is_insufficient_material() {
                    break;
                }
                position = position.play(moves[rng.random_range(0..moves.len())]).unwrap();
            }
        }
    }
}

#[test]
fn an_index_that_is_no_legal_move_leads_nowhere() {
    let position = Chess::default();
    let legal = legal_indices(&position);
    assert_eq!(legal.len(), 20);
    let back = (0..POLICY_SIZE + 100).filter(|&index| legal_move(&position, index).is_some());
    assert_eq!(back.collect::<Vec<_>>(), legal);
}

#[test]
fn planes_are_those_of_the_specification() {
    let record = GameRecord::replay(START_FEN, ["e2e4", "a7a6", "e4e5", "d7d5"]).unwrap();
    let input = planes(record.position(), record.last_move_squares());
    let on = |plane: usize| (0..64).filter(|&s| input[plane * 64 + s] == 128).collect::<Vec<_>>();
    assert_eq!(on(5), [4], "own king on e1");
    assert_eq!(on(11), [60], "the opponent's on e8");
    assert!((12..16).all(|plane| on(plane).len() == 64), "all castling rights");
    assert_eq!(on(16), [43], "en passant on d6 is legal");
    assert_eq!(input[17 * 64], 0);
    assert_eq!((on(18), on(19)), (vec![51], vec![35]), "d7d5");

    // Seen from Black the ranks are mirrored, the files are not.
    let record = GameRecord::replay(START_FEN, ["e2e4"]).unwrap();
    let input = planes(record.position(), record.last_move_squares());
    let on = |plane: usize| (0..64).filter(|&s| input[plane * 64 + s] == 128).collect::<Vec<_>>();
    assert_eq!((on(5), on(11)), (vec![4], vec![60]));
    assert_eq!(on(16), Vec::<usize>::new(), "no pawn can take en passant");
    assert_eq!((on(18), on(19)), (vec![52], vec![36]));
    assert_eq!(input[17 * 64], 0);
    let record = GameRecord::from_fen("8/8/8/8/8/4k3/8/4K3 w - - 200 150").unwrap();
    assert_eq!(planes(record.position(), None)[17 * 64 + 9], 127);
}
