//! The chess rules in Solidity against shakmaty and the published perft counts, from the committed artefact.

use std::collections::BTreeMap;

use engine_circuit::encode;
use engine_circuit::statement::Statement;
use protocol::GameRecord;
use protocol::shakmaty::fen::Fen;
use protocol::shakmaty::{CastlingMode, CastlingSide, Chess, EnPassantMode, Move, Position, Role, Square};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use revm::primitives::{Address, U256};
use tests::artefact::{self, Artefact};
use tests::chess::{Words, move_word, words};
use tests::evm::{Argument, Evm, EvmError, byte_string, calldata, calldata_of, word};

/// Code size limit of EIP-170.
const CODE_SIZE_LIMIT: usize = 24_576;

/// Bytes of a statement before the first position, without the model's digest: game, number of moves, level, values flag.
const HEADER: usize = 36;

const KIWIPETE: &str = "r3k2r/p1ppqpb1/bn2pnp1/3PN3/1p2P3/2N2Q1p/PPPBBPPP/R3K2R w KQkq - 0 1";
const ENDGAME: &str = "8/2p5/3p4/KP5r/1R3p1k/8/4P1P1/8 w - - 0 1";
const PROMOTIONS: &str = "r3k2r/Pppp1ppp/1b3nbN/nP6/BBP1P3/q4N2/Pp1P2PP/R2Q1RK1 w kq - 0 1";
const TALKCHESS: &str = "rnbq1k1r/pp1Pbppp/2p5/8/2B5/8/PPP1NnPP/RNBQK2R w KQ - 1 8";
const MIDDLEGAME: &str = "r4rk1/1pp1qppp/p1np1n2/2b1p1B1/2B1P1b1/P1NP1N2/1PP1QPPP/R4RK1 w - - 0 10";

/// The deployed contract.
struct Rules {
    evm: Evm,
    contract: Address,
}

impl Rules {
    fn deploy() -> Self {
        let mut evm = Evm::default();
        let contract = evm.deploy(&Artefact::load("ChessRules").unwrap(), &[]).unwrap();
        Self { evm, contract }
    }

    fn call(&mut self, signature: &str, at: Words, more: &[u64]) -> Result<Vec<u8>, EvmError> {
        let mut arguments = vec![at.board, at.meta];
        arguments.extend(more.iter().map(|&word| U256::from(word)));
        self.evm.call(self.contract, calldata(signature, &arguments)).map(|returned| returned.data.to_vec())
    }

    fn legal_indices(&mut self, at: Words) -> Vec<usize> {
        let data = self.call("legalMoves(uint256,uint80)", at, &[]).unwrap();
        byte_string(&data).chunks(2).map(|index| usize::from(index[0]) << 8 | usize::from(index[1])).collect()
    }

    fn is_legal(&mut self, at: Words, mv: u16) -> bool {
        let data = self.call("isLegal(uint256,uint80,uint16)", at, &[mv.into()]).unwrap();
        word(&data, 0) == U256::ONE
    }

    fn play(&mut self, at: Words, mv: u16) -> Words {
        let data = self.call("play(uint256,uint80,uint16)", at, &[mv.into()]).unwrap();
        Words { board: word(&data, 0), meta: word(&data, 1) }
    }

    /// 0 none, 1 checkmate, 2 stalemate, 3 insufficient material, 4 seventy-five moves.
    fn ending(&mut self, at: Words) -> u64 {
        word(&self.call("ending(uint256,uint80)", at, &[]).unwrap(), 0).to()
    }

    fn in_check(&mut self, at: Words) -> bool {
        word(&self.call("inCheck(uint256,uint80)", at, &[]).unwrap(), 0) == U256::ONE
    }

    /// Leaves at a depth, counted by the contract alone; every node on the way is compared with shakmaty.
    fn perft(&mut self, position: &Chess, at: Words, ply: u32, depth: u32) -> usize {
        let indices = self.legal_indices(at);
        assert_eq!(indices, encode::legal_indices(position), "legal moves of {}", fen(position));
        if depth == 1 {
            return indices.len();
        }
        let mut leaves = 0;
        for mv in position.legal_moves() {
            let next = self.play(at, move_word(mv));
            let mut child = position.clone();
            child.play_unchecked(mv);
            let expected = words(&child, ply + 1, Some(GameRecord::king_move_squares(mv)));
            assert_eq!(next, expected, "{} then {}", fen(position), GameRecord::uci(mv));
            leaves += self.perft(&child, next, ply + 1, depth - 1);
        }
        leaves
    }
}

fn position(fen: &str) -> Chess {
    fen.parse::<Fen>().unwrap().into_position(CastlingMode::Standard).unwrap()
}

fn fen(position: &Chess) -> String {
    Fen::from_position(position, EnPassantMode::Legal).to_string()
}

fn perft(fen: &str, expected: usize) {
    let position = position(fen);
    let at = words(&position, 0, None);
    let at = Words { meta: at.meta | U256::from(u8::from(position.turn().is_black())) << 48, ..at };
    assert_eq!(Rules::deploy().perft(&position, at, u32::from(position.turn().is_black()), 4), expected);
}

#[test]
fn perft_of_the_first_position() {
    perft("rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1", 197_281);
}

#[test]
fn perft_of_kiwipete() {
    perft(KIWIPETE, 4_085_603);
}

#[test]
fn perft_of_the_endgame() {
    perft(ENDGAME, 43_238);
}

#[test]
fn perft_of_the_promotions() {
    perft(PROMOTIONS, 422_333);
}

#[test]
fn perft_of_the_talkchess_position() {
    perft(TALKCHESS, 2_103_487);
}

#[test]
fn perft_of_the_middlegame() {
    perft(MIDDLEGAME, 3_894_594);
}

/// A move word that may or may not be legal: mostly an own piece to anywhere, so that geometry, pins and checks decide.
fn any_move(position: &Chess, rng: &mut StdRng) -> u16 {
    let own: Vec<Square> = position.us().into_iter().collect();
    let from = if rng.random_ratio(1, 16) {
        rng.random_range(0..64)
    } else {
        u32::from(own[rng.random_range(0..own.len())]) as u16
    };
    let promotion = if rng.random_ratio(1, 8) { rng.random_range(0..16) } else { 0 };
    from | rng.random_range(0..64) << 6 | promotion << 12
}

/// Moves by pieces of the side to move as if neither checks nor pins existed; those that aren't legal test exactly these.
fn pseudo_legal(position: &Chess) -> Vec<u16> {
    use protocol::shakmaty::attacks;
    let occupied = position.board().occupied();
    let mut moves = Vec::new();
    for from in position.us() {
        let piece = position.board().piece_at(from).unwrap();
        let mut targets = attacks::attacks(from, piece, occupied) & !position.us();
        if piece.role == Role::Pawn {
            targets &= position
                .ep_square(EnPassantMode::Always)
                .map_or(position.them(), |passed| position.them().with(passed));
        }
        for to in targets {
            let promotion =
                if piece.role == Role::Pawn && matches!(u32::from(to.rank()), 0 | 7) { 5 } else { 0 };
            moves.push(u32::from(from) as u16 | (u32::from(to) as u16) << 6 | promotion << 12);
        }
    }
    if [CastlingSide::KingSide, CastlingSide::QueenSide]
        .iter()
        .any(|&side| position.castles().has(position.turn(), side))
    {
        let rank = if position.turn().is_white() { 0 } else { 56 };
        moves.push((rank + 4) | (rank + 6) << 6);
        moves.push((rank + 4) | (rank + 2) << 6);
    }
    moves
}

/// Chooses a move, with more of the rare kinds than chance gives.
fn choose(position: &Chess, rng: &mut StdRng) -> Move {
    let moves = position.legal_moves();
    let rare: Vec<Move> = moves
        .iter()
        .copied()
        .filter(|mv| mv.is_castle() || mv.is_en_passant() || mv.is_promotion())
        .collect();
    if !rare.is_empty() && rng.random_ratio(1, 2) {
        rare[rng.random_range(0..rare.len())]
    } else {
        moves[rng.random_range(0..moves.len())]
    }
}

fn expected_ending(position: &Chess) -> u64 {
    if position.is_checkmate() {
        1
    } else if position.is_stalemate() {
        2
    } else if position.is_insufficient_material() {
        3
    } else if position.halfmoves() >= 150 {
        4
    } else {
        0
    }
}

/// Random games from tricky positions; at least `count` positions, each compared in everything the contract knows.
fn differential(seed: u64, count: usize, starts: &[&str], at_least: &[(&str, usize)]) {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut rules = Rules::deploy();
    let mut seen = BTreeMap::<&str, usize>::new();
    let mut compared = 0;
    while compared < count {
        let mut position = position(starts[rng.random_range(0..starts.len())]);
        let mut ply = u32::from(position.turn().is_black());
        let mut at = words(&position, ply, None);
        // Short games for openings and their castling, long ones for bare boards and full clocks.
        let plies = if rng.random_ratio(2, 3) { 60 } else { 400 };
        for _ in 0..plies {
            compared += 1;
            let legal = position.legal_moves();
            assert_eq!(rules.legal_indices(at), encode::legal_indices(&position), "{}", fen(&position));
            let ending = expected_ending(&position);
            // All that is near an end, and a share of the rest.
            if ending != 0 || position.halfmoves() > 140 || compared % 4 == 0 {
                assert_eq!(rules.ending(at), ending, "{}", fen(&position));
            }
            let legal_words: Vec<u16> = legal.iter().map(|&mv| move_word(mv)).collect();
            let mut tried: Vec<u16> =
                pseudo_legal(&position).into_iter().filter(|mv| !legal_words.contains(mv)).collect();
            tried.shuffle(&mut rng);
            tried.truncate(3);
            *seen.entry("illegal by check, pin or castling").or_default() += tried.len();
            tried.push(any_move(&position, &mut rng));
            for mv in tried {
                let is_legal = legal_words.contains(&mv);
                assert_eq!(rules.is_legal(at, mv), is_legal, "{} move {mv:#x}", fen(&position));
            }
            if position.ep_square(EnPassantMode::PseudoLegal) != position.ep_square(EnPassantMode::Legal) {
                *seen.entry("en-passant pin").or_default() += 1;
            }
            let name = ["none", "checkmate", "stalemate", "insufficient material", "seventy-five moves"];
            *seen.entry(name[ending as usize]).or_default() += 1;
            if position.is_check() {
                *seen.entry("check").or_default() += 1;
                assert!(rules.in_check(at), "{}", fen(&position));
            } else if compared % 8 == 0 {
                assert!(!rules.in_check(at), "{}", fen(&position));
            }
            // A finished game is played on where moves are left: rules and network are defined there too.
            if legal.is_empty() || (ending != 0 && rng.random_ratio(1, 8)) {
                break;
            }
            let mv = choose(&position, &mut rng);
            *seen.entry("castling").or_default() += usize::from(mv.is_castle());
            *seen.entry("en passant").or_default() += usize::from(mv.is_en_passant());
            *seen.entry("promotion").or_default() += usize::from(mv.is_promotion());
            let next = rules.play(at, move_word(mv));
            position.play_unchecked(mv);
            ply += 1;
            at = words(&position, ply, Some(GameRecord::king_move_squares(mv)));
            assert_eq!(next, at, "{} after {}", fen(&position), GameRecord::uci(mv));
        }
    }
    for &(what, least) in at_least {
        assert!(seen.get(what).copied().unwrap_or_default() >= least, "too few of {what}: {seen:?}");
    }
}

#[test]
fn agrees_with_shakmaty_on_52_000_positions_of_whole_games() {
    differential(
        1,
        52_000,
        &["rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1", KIWIPETE, TALKCHESS, MIDDLEGAME],
        &[
            ("check", 1000),
            ("castling", 100),
            ("en passant", 20),
            ("promotion", 200),
            ("checkmate", 10),
            ("insufficient material", 100),
            ("illegal by check, pin or castling", 10_000),
        ],
    );
}

#[test]
fn agrees_with_shakmaty_on_52_000_positions_of_rare_kinds() {
    differential(
        2,
        52_000,
        &[
            ENDGAME,
            PROMOTIONS,
            // Castling past and through attacks, both sides.
            "r3k2r/8/8/1b2q3/1B2Q3/8/8/R3K2R w KQkq - 0 1",
            "r3k2r/8/8/1b2q3/1B2Q3/8/8/R3K2R b KQkq - 0 1",
            // En-passant pins along rank, diagonal and file.
            "8/2p1p3/8/K2P3r/R4p1k/8/4P1P1/8 b - - 0 1",
            "k6b/2p1p1p1/8/1P1P1P2/p1p1p1p1/8/1P1P1P1P/B6K w - - 0 1",
            "2r1r1k1/2p1p1p1/8/1P1P1P2/p1p1p1p1/8/1P1P1P1P/2R1R1K1 b - - 0 1",
            // Few pieces: mates, stalemates, bare material, long clocks.
            "8/8/8/3k4/8/3K4/1P6/8 w - - 140 100",
            "5k2/8/5K2/5P2/8/8/8/8 w - - 0 1",
            "2b1k3/8/8/8/8/8/8/2B1KN2 w - - 130 1",
            "k7/8/1K6/8/8/8/8/1Q6 w - - 0 1",
        ],
        &[
            ("check", 1000),
            ("castling", 60),
            ("en passant", 80),
            ("en-passant pin", 15),
            ("promotion", 300),
            ("checkmate", 30),
            ("stalemate", 5),
            ("insufficient material", 500),
            ("seventy-five moves", 100),
            ("illegal by check, pin or castling", 10_000),
        ],
    );
}

/// Every policy index of positions of whole games: legal as shakmaty says, possible as the encoding's geometry says.
#[test]
fn judges_policy_indices() {
    let mut rules = Rules::deploy();
    let mut rng = StdRng::seed_from_u64(4);
    let indices: Vec<u16> = (0..4_800).collect();
    let listed: Vec<u8> = indices.iter().flat_map(|index| index.to_be_bytes()).collect();
    for start in ["rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1", KIWIPETE, PROMOTIONS, TALKCHESS]
    {
        let mut record = GameRecord::from_fen(start).unwrap();
        while !record.position().legal_moves().is_empty() && record.ply() < 60 {
            let at = words(record.position(), record.game_ply(), record.last_move_squares());
            let position = Argument::Static(vec![at.board.to_be_bytes(), at.meta.to_be_bytes()]);
            let data =
                calldata_of("judge(uint256,uint80,bytes)", &[position, Argument::Bytes(listed.clone())]);
            let judged = rules.evm.call(rules.contract, data).unwrap().data;
            let legal = encode::legal_indices(record.position());
            let expected = indices.iter().map(|index| {
                let geometric = encode::geometric_indices().binary_search(index).is_ok();
                if legal.binary_search(&usize::from(*index)).is_ok() {
                    1
                } else if geometric {
                    0
                } else {
                    2
                }
            });
            assert_eq!(byte_string(&judged), expected.collect::<Vec<u8>>(), "{}", fen(record.position()));
            let mv = choose(record.position(), &mut rng);
            record.play(mv).unwrap();
        }
    }
}

#[test]
fn gives_a_statements_bytes() {
    let mut rules = Rules::deploy();
    let mut rng = StdRng::seed_from_u64(3);
    for start in ["rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1", KIWIPETE] {
        let mut record = GameRecord::from_fen(start).unwrap();
        while !record.position().legal_moves().is_empty() && record.ply() < 150 {
            let mv = choose(record.position(), &mut rng);
            let statement = Statement::single([7; 32], &record, mv).unwrap().to_bytes();
            let at = words(record.position(), record.game_ply(), record.last_move_squares());
            let data = rules.call("statementBytes(uint256,uint80)", at, &[]).unwrap();
            let head = byte_string(&data);
            assert_eq!(head, &statement[HEADER..HEADER + 42]);
            let indices = rules.legal_indices(at);
            let mut rest = (indices.len() as u16).to_be_bytes().to_vec();
            rest.extend(indices.iter().flat_map(|&index| (index as u16).to_be_bytes()));
            assert_eq!(rest, statement[HEADER + 42..HEADER + 42 + rest.len()]);
            let data = rules
                .evm
                .call(
                    rules.contract,
                    calldata("policyIndex(uint80,uint16)", &[at.meta, U256::from(move_word(mv))]),
                )
                .unwrap()
                .data;
            assert_eq!(word(&data, 0).to::<usize>(), encode::policy_index(mv, record.position().turn()));
            record.play(mv).unwrap();
        }
    }
}

#[test]
fn the_oriented_position_holds_the_input_planes() {
    let mut rules = Rules::deploy();
    let mut rng = StdRng::seed_from_u64(4);
    let mut record = GameRecord::from_fen(KIWIPETE).unwrap();
    while !record.position().legal_moves().is_empty() && record.ply() < 100 {
        let at = words(record.position(), record.game_ply(), record.last_move_squares());
        let data = rules.call("oriented(uint256,uint80)", at, &[]).unwrap();
        let (board, meta) = (word(&data, 0), word(&data, 1));
        let byte = |shift: usize| (meta >> shift).to::<u128>() as usize & 0xff;
        let mut planes = [0u8; encode::NUM_PLANES * 64];
        for square in 0..64_usize {
            let nibble: U256 = board >> (252 - 4 * square);
            let piece = nibble.to_be_bytes::<32>()[31] as usize & 15;
            if piece != 0 {
                planes[(if piece < 8 { piece - 1 } else { piece - 3 }) * 64 + square] = 128;
            }
        }
        for right in (0..4).filter(|right| byte(32) >> right & 1 == 1) {
            planes[(12 + right) * 64..(13 + right) * 64].fill(128);
        }
        for (plane, square) in [(16, byte(24)), (18, byte(8)), (19, byte(0))] {
            if square < 64 {
                planes[plane * 64 + square] = 128;
            }
        }
        planes[17 * 64..18 * 64].fill(byte(16).min(127) as u8);
        assert_eq!(planes, encode::planes(record.position(), record.last_move_squares()));
        let mv = choose(record.position(), &mut rng);
        record.play(mv).unwrap();
    }
}

#[test]
fn an_illegal_move_is_refused_by_name() {
    let mut rules = Rules::deploy();
    let at = words(&Chess::default(), 0, None);
    let error = rules.call("play(uint256,uint80,uint16)", at, &[4 | 20 << 6]).unwrap_err();
    let EvmError::Reverted(data) = error else { panic!("{error}") };
    assert_eq!(
        data[..],
        calldata("IllegalMove(uint256,uint80,uint16)", &[at.board, at.meta, U256::from(4 | 20 << 6)])
    );
}

#[test]
fn artefacts_are_fresh_and_fit_the_code_size_limit() {
    let names = artefact::names().unwrap();
    assert!(!names.is_empty());
    for name in names {
        let artefact = Artefact::load(&name).unwrap();
        assert!(artefact.deployed_bytecode().unwrap().len() <= CODE_SIZE_LIMIT, "{name} is too large");
    }
}
