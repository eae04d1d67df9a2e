//! Whole games for stakes on anvil under Osaka's rules with the transaction cap, with proofs of the shipped model that the real verifier checks.

mod common;

use std::time::Duration;

use common::{BOND, Play, RESPONSE_SECONDS, STAKE, Table, account, connect, forge, model, prove, prover};
use engine_circuit::Profile;
use settle::chain::{Claim, EventKind, Life, Pending};
use settle::{Chain, ChainError, Receipt, Rpc, TRANSACTION_GAS_LIMIT, proof, verification};
use settlement::game_file::GameFile;
use settlement::position::move_word;
use settlement::typed_data::{Outcome, Side};

/// Why a contract refused.
fn refusal<T: std::fmt::Debug>(result: Result<T, ChainError>) -> String {
    match result.unwrap_err() {
        ChainError::Rejected(rejection) => {
            assert!(!rejection.sentence.is_empty());
            rejection.name
        }
        error => panic!("no refusal: {error}"),
    }
}

/// The operator's answer on chain to what is pending, with its proof.
async fn answer(table: &Table, play: &mut Play) -> Receipt {
    let on_chain = table.operator.state_on_chain(&play.id()).await.unwrap().unwrap().state;
    assert_eq!(on_chain, *play.game().state());
    let (uci, element) = play.next_move();
    let game = play.game().with_move(&uci, element).unwrap();
    let word = move_word(*game.record().moves().last().unwrap());
    let receipt = table.operator.respond(play.offer(), &on_chain, word, element, prove(&game)).await.unwrap();
    play.file = game.file().clone();
    receipt
}

/// The player's challenge with its last move.
async fn challenge(table: &Table, play: &Play, side: Side) -> Result<Receipt, ChainError> {
    let on_chain = table.player.state_on_chain(&play.id()).await?.map(|on_chain| on_chain.state);
    let presented = play.game().challenge(side, on_chain.as_ref()).unwrap();
    let evidence = if side == Side::Operator { prove(&play.game()) } else { Vec::new() };
    table.chain(side).challenge(play.offer(), &presented, evidence).await
}

const WIN: i128 = (2 * STAKE + BOND) as i128;
const LOSS: i128 = -((STAKE + BOND) as i128);
/// What a dispute moves beside the stakes.
const BONDS: i128 = BOND as i128;

#[tokio::test]
async fn a_game_in_peace_takes_two_transactions() {
    let Some(table) = Table::new().await else { return };
    let mut play = table.open(1, true).await;
    assert_eq!(table.player.status(&play.id()).await.unwrap().life, Life::Open);
    play.steps(6);
    // The operator resigns.
    play.sign_result(Side::Operator, Outcome::PlayerWins);
    let signature = *play.result_of(Side::Operator).unwrap();
    assert_eq!(
        refusal(table.player.settle(play.offer(), Outcome::PlayerWins, None, None).await),
        "InvalidSignature"
    );
    table.player.settle(play.offer(), Outcome::PlayerWins, None, Some(&signature)).await.unwrap();
    assert_eq!(table.gains().await, (WIN, LOSS + BONDS));
    assert_eq!(table.player.outcome(&play.id()).await.unwrap(), Some(Outcome::PlayerWins));
    let again = table.player.settle(play.offer(), Outcome::PlayerWins, None, Some(&signature)).await;
    assert_eq!(refusal(again), "WrongStatus");

    let player = account(Side::Player).address();
    let before = table.rpc.balance(player).await.unwrap();
    let held = table.player.balance(player).await.unwrap();
    table.player.withdraw(held, player).await.unwrap();
    assert!(table.rpc.balance(player).await.unwrap() > before);
    assert_eq!(refusal(table.player.withdraw(held, player).await), "InsufficientBalance");
}

#[tokio::test]
async fn a_draw_needs_both_signatures() {
    let Some(table) = Table::new().await else { return };
    let mut play = table.open(2, false).await;
    play.steps(3);
    play.sign_result(Side::Player, Outcome::Draw);
    let players = *play.result_of(Side::Player).unwrap();
    let stranger =
        Chain::connect(table.rpc.clone(), table.contracts.settlement, Some(account(Side::Operator)));
    let operator = stranger.await.unwrap();
    assert_eq!(
        refusal(table.player.settle(play.offer(), Outcome::Draw, Some(&players), None).await),
        "InvalidSignature"
    );
    operator.settle(play.offer(), Outcome::Draw, Some(&players), None).await.unwrap();
    assert_eq!(table.gains().await, ((STAKE + BOND) as i128, 0));
}

#[tokio::test]
async fn to_resign_needs_nobody_else() {
    let Some(table) = Table::new().await else { return };
    let mut play = table.open(3, true).await;
    play.steps(4);
    table.player.settle(play.offer(), Outcome::OperatorWins, None, None).await.unwrap();
    assert_eq!(table.gains().await, (BOND as i128, STAKE as i128));
}

#[tokio::test]
async fn a_silent_operator_loses() {
    let Some(table) = Table::new().await else { return };
    let mut play = table.open(4, true).await;
    play.steps(5);
    challenge(&table, &play, Side::Player).await.unwrap();
    let status = table.operator.status(&play.id()).await.unwrap();
    assert_eq!((status.pending, status.presented_by, status.turn), (Pending::Move, Side::Player, 5));
    assert_eq!(refusal(table.player.claim_timeout(play.offer()).await), "DeadlineAhead");
    table.wait(RESPONSE_SECONDS + 1).await;
    table.player.claim_timeout(play.offer()).await.unwrap();
    assert_eq!(table.gains().await, (WIN + BONDS, LOSS));
}

/// The game goes on from the chain after an answer, and the player's silence loses.
#[tokio::test]
async fn a_proven_answer_is_taken_and_the_silent_player_loses() {
    let Some(table) = Table::new().await else { return };
    let mut play = table.open(5, true).await;
    let opened = table.rpc.latest_block().await.unwrap();
    play.steps(3);
    challenge(&table, &play, Side::Player).await.unwrap();
    let challenged = (table.rpc.latest_block().await.unwrap(), *play.game().state());
    let receipt = answer(&table, &mut play).await;
    assert!(receipt.gas_used < TRANSACTION_GAS_LIMIT, "{receipt:?}");
    eprintln!(
        "respond with proof, shipped model: {} gas, {} bytes of calldata",
        receipt.gas_used, receipt.calldata_bytes
    );
    let on_chain = table.player.state_on_chain(&play.id()).await.unwrap().unwrap();
    assert_eq!(
        (on_chain.state, on_chain.seed_element),
        (*play.game().state(), play.file.moves[3].seed_element)
    );
    // A look is of one block, all of it, whatever has come since.
    let then = table.player.look_at(play.offer(), challenged.0).await.unwrap();
    assert_eq!((then.turn, then.state, then.seed_element), (3, Some(challenged.1), None));
    assert!(then.pending.is_some_and(|pending| pending.by == Side::Player));
    let then = table.player.look_at(play.offer(), opened).await.unwrap();
    assert_eq!((then.turn, then.state, then.pending), (0, None, None));
    let now = table.player.look(play.offer()).await.unwrap();
    assert_eq!((now.turn, now.state, now.pending), (4, Some(*play.game().state()), None));

    // The player verifies what it reads on chain and goes on off chain, then falls silent.
    play.steps(2);
    let receipt = challenge(&table, &play, Side::Operator).await.unwrap();
    eprintln!("challenge by the operator with proof, shipped model: {} gas", receipt.gas_used);
    table.wait(RESPONSE_SECONDS + 1).await;
    table.operator.claim_timeout(play.offer()).await.unwrap();
    assert_eq!(table.gains().await, (0, (STAKE + BOND) as i128));
}

#[tokio::test]
async fn the_second_best_move_has_no_proof() {
    let Some(table) = Table::new().await else { return };
    let mut play = table.open(6, true).await;
    play.steps(1);
    challenge(&table, &play, Side::Player).await.unwrap();
    let on_chain = *play.game().state();
    let (best, element) = play.next_move();
    let own = play.game().with_move(&best, element).unwrap();
    let policy = engine_circuit::evaluate(&model(), play.game().record()).unwrap().policy;
    let second = policy.iter().find(|entry| protocol::GameRecord::uci(entry.mv) != best).unwrap();
    let other = play.game().with_move(&protocol::GameRecord::uci(second.mv), element).unwrap();
    let word = move_word(second.mv);
    let statement = proof::statement(&other).unwrap();
    assert!(proof::prove(prover(), &other).is_err());
    for wrong in [forge(&statement), prove(&own), vec![1; 1_000], Vec::new()] {
        let refused = table.operator.respond(play.offer(), &on_chain, word, element, wrong.clone()).await;
        let name = refusal(refused);
        assert!(
            [
                "Numerator",
                "Denominator",
                "RootNumerator",
                "Level",
                "NonCanonical",
                "Truncated",
                "NotAttested"
            ]
            .contains(&name.as_str()),
            "{name}"
        );
    }
    // A legal move with another element, an element of another number, and no legal move at all.
    let word = move_word(*own.record().moves().last().unwrap());
    let refused = table.operator.respond(play.offer(), &on_chain, word, Some([1; 32]), Vec::new()).await;
    assert_eq!(refusal(refused), "WrongSeedElement");
    let refused = table.operator.respond(play.offer(), &on_chain, 0o0101, element, Vec::new()).await;
    assert_eq!(refusal(refused), "IllegalMove");
    table.wait(RESPONSE_SECONDS + 1).await;
    let late = table.operator.respond(play.offer(), &on_chain, word, element, prove(&own)).await;
    assert_eq!(refusal(late), "DeadlinePassed");
    table.player.claim_timeout(play.offer()).await.unwrap();
    assert_eq!(table.gains().await, (WIN + BONDS, LOSS));
}

#[tokio::test]
async fn a_stale_challenge_is_refuted_and_costs_the_bond() {
    let Some(table) = Table::new().await else { return };
    let mut play = table.open(7, true).await;
    play.steps(8);
    let stale =
        Play { file: GameFile { moves: play.file.moves[..3].to_vec(), ..play.file.clone() }, ..play.clone() };
    challenge(&table, &stale, Side::Player).await.unwrap();
    let later = play.game().latest_signed_by(Side::Player).unwrap();
    assert_eq!(later.state.position.ply(), 7);
    let earlier = stale.game().latest_signed_by(Side::Player).unwrap();
    assert_eq!(refusal(table.operator.refute(play.offer(), &earlier).await), "NotLater");
    table.operator.refute(play.offer(), &later).await.unwrap();
    assert_eq!(table.gains().await, (0, LOSS + BONDS));
    let status = table.player.status(&play.id()).await.unwrap();
    assert_eq!((status.pending, status.bond_lost), (Pending::Nothing, [true, false]));
    assert_eq!(refusal(challenge(&table, &stale, Side::Player).await), "StaleState");
    // With a new bond the player can still present what is not stale.
    play.steps(1);
    challenge(&table, &play, Side::Player).await.unwrap();
    table.wait(RESPONSE_SECONDS + 1).await;
    table.player.claim_timeout(play.offer()).await.unwrap();
    assert_eq!(table.gains().await, (WIN + BONDS, LOSS + BONDS));
}

#[tokio::test]
async fn an_illegal_move_is_refused() {
    let Some(table) = Table::new().await else { return };
    let mut play = table.open(8, true).await;
    play.steps(3);
    let mut presented = play.game().challenge(Side::Player, None).unwrap();
    presented.move_word = 0o3304;
    let error = table.player.challenge(play.offer(), &presented, Vec::new()).await.unwrap_err();
    assert_eq!(error.to_string(), "e1d4 is not legal in that position (IllegalMove)");
}

#[tokio::test]
async fn a_game_that_never_began_is_called_off() {
    let Some(table) = Table::new().await else { return };
    let mut play = table.open(9, true).await;
    let presented = play.game().claim(Side::Player, None).unwrap();
    table.player.claim_end(&play.game(), &presented, Vec::new(), Claim::NotStarted).await.unwrap();
    assert_eq!(table.player.status(&play.id()).await.unwrap().pending, Pending::End(Outcome::Draw));
    table.wait(RESPONSE_SECONDS + 1).await;
    table.operator.claim_timeout(play.offer()).await.unwrap();
    assert_eq!(table.gains().await, ((STAKE + BOND) as i128, 0));

    play = table.open(10, true).await;
    play.steps(2);
    let presented = play.game().claim(Side::Player, None).unwrap();
    for claim in [Claim::Rules, Claim::Threefold, Claim::FiftyMoves, Claim::NotStarted] {
        let refused = table.player.claim_end(&play.game(), &presented, Vec::new(), claim).await;
        assert_eq!(refusal(refused), "ClaimNotTrue", "{claim:?}");
    }
}

#[tokio::test]
async fn two_games_at_once_do_not_touch_each_other() {
    let Some(table) = Table::new().await else { return };
    let (first, second) = tokio::join!(table.open(11, true), table.open(12, false));
    let (mut first, mut second) = (first, second);
    first.steps(3);
    second.steps(2);
    let (one, two) =
        tokio::join!(challenge(&table, &first, Side::Player), challenge(&table, &second, Side::Player));
    assert_ne!(one.unwrap().transaction, two.unwrap().transaction);
    // What answers one game answers no other.
    let on_chain = *second.game().state();
    let (uci, element) = first.next_move();
    let game = first.game().with_move(&uci, element).unwrap();
    let word = move_word(*game.record().moves().last().unwrap());
    let refused = table.operator.respond(second.offer(), &on_chain, word, element, prove(&game)).await;
    assert!(["WrongSeedElement", "IllegalMove"].contains(&refusal(refused).as_str()));
    answer(&table, &mut first).await;
    table.wait(RESPONSE_SECONDS + 1).await;
    table.player.claim_timeout(second.offer()).await.unwrap();
    assert_eq!(refusal(table.player.claim_timeout(first.offer()).await), "NothingPending");
    table.player.settle(first.offer(), Outcome::OperatorWins, None, None).await.unwrap();
    // Won one with the other's bond, lost one that went to dispute with the own.
    assert_eq!(
        table.gains().await,
        (WIN + BONDS, LOSS + (2 * STAKE + 2 * BOND) as i128 - (STAKE + BOND) as i128)
    );
}

#[tokio::test]
async fn a_node_that_goes_away_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state.json");
    let Some(mut table) = Table::with_state(Some(&state)).await else { return };
    let mut play = table.open(13, true).await;
    play.steps(3);
    let port = table.anvil.port();
    table.anvil.stop();

    let impatient = table.player.rpc().clone().with_patience(Duration::ZERO);
    let error = impatient.latest_block().await.unwrap_err();
    assert!(matches!(error, ChainError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains(&format!("127.0.0.1:{port}")), "{error}");

    // A challenge begun while the node is away arrives when it is back.
    let back = async {
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        tokio::task::spawn_blocking(move || settle::devnet::Anvil::start(port, Some(&state))).await.unwrap()
    };
    let (challenged, anvil) = tokio::join!(challenge(&table, &play, Side::Player), back);
    let _anvil = anvil.unwrap();
    challenged.unwrap();
    assert_eq!(table.operator.status(&play.id()).await.unwrap().pending, Pending::Move);
    answer(&table, &mut play).await;
}

/// All that is left of the operator is its file, its key, its seeds and the block up to which it had read.
#[tokio::test]
async fn a_restart_in_the_middle_of_a_dispute_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let Some(table) = Table::new().await else { return };
    let mut play = table.open(14, true).await;
    let (events, cursor) = table.operator.events(table.contracts.block).await.unwrap();
    assert!(matches!(events[..], [ref event] if matches!(event.kind, EventKind::Opened { .. })));
    play.steps(4);
    let file = folder.path().join("game.json");
    std::fs::write(&file, serde_json::to_vec(&play.file).unwrap()).unwrap();
    play.steps(1);
    challenge(&table, &play, Side::Player).await.unwrap();
    let (url, contract, id) = (table.anvil.url(), table.contracts.settlement, play.id());
    let Table { anvil: _anvil, .. } = &table;

    let rpc: Rpc = connect(&url).await;
    let operator = Chain::connect(rpc, contract, Some(account(Side::Operator))).await.unwrap();
    let (events, next) = operator.events(cursor).await.unwrap();
    assert!(next > cursor);
    let presented = events.iter().find_map(|event| match &event.kind {
        EventKind::Presented { state, by: Side::Player, pending: Pending::Move, .. }
            if event.game_id == id =>
        {
            Some(*state)
        }
        _ => None,
    });
    let read: GameFile = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let game = read.check().unwrap().follow(&presented.unwrap(), None).unwrap();
    assert_eq!((game.record().ply(), game.to_move()), (5, Side::Operator));
    let element = play.seeds.element(game.operators_number());
    let uci = proof::networks_move(&model(), &game, &element.unwrap()).unwrap();
    let answered = game.with_move(&uci, element).unwrap();
    let word = move_word(*answered.record().moves().last().unwrap());
    operator.respond(answered.offer(), &presented.unwrap(), word, element, prove(&answered)).await.unwrap();
    assert_eq!(operator.events(next).await.unwrap().0.len(), 1);

    // And the player's file learns the answer from the chain.
    let on_chain = table.player.state_on_chain(&id).await.unwrap().unwrap();
    let followed = play.game().follow(&on_chain.state, on_chain.seed_element).unwrap();
    assert_eq!(
        followed.file(),
        &GameFile {
            moves: [play.file.moves.clone(), vec![answered.file().moves[5].clone()]].concat(),
            ..play.file.clone()
        }
    );
}

#[tokio::test]
async fn proofs_of_a_move_and_of_a_whole_game_verify_on_chain() {
    let Some(table) = Table::new().await else { return };
    let mut play = table.open(15, false).await;
    play.steps(5);
    let (router, digest) = (table.contracts.router, model().digest());
    let last = play.game();
    let statement = verification::statement_bytes(&digest, &proof::statement(&last).unwrap());
    let evidence = prove(&last);
    verification::verify(&table.rpc, router, statement.clone(), evidence.clone()).await.unwrap();
    let mut damaged = evidence.clone();
    damaged[40_000] ^= 1;
    assert!(matches!(
        verification::verify(&table.rpc, router, statement.clone(), damaged).await,
        Err(ChainError::Rejected(_))
    ));
    let operator = account(Side::Operator);
    let receipt = verification::verify_in_transaction(
        &table.rpc,
        &operator,
        router,
        statement.clone(),
        evidence.clone(),
    )
    .await;
    eprintln!("verify one move, shipped model: {} gas", receipt.unwrap().gas_used);

    // Attested once, the statement needs no proof any more: nor does the operator's challenge with it.
    assert_eq!(
        refusal(verification::verify(&table.rpc, router, statement.clone(), Vec::new()).await),
        "NotAttested"
    );
    verification::attest(&table.rpc, &operator, router, statement.clone(), evidence).await.unwrap();
    verification::verify(&table.rpc, router, statement, Vec::new()).await.unwrap();
    let presented = play.game().challenge(Side::Operator, None).unwrap();
    table.operator.challenge(play.offer(), &presented, Vec::new()).await.unwrap();

    let game = proof::game_statement(&play.game()).unwrap();
    assert_eq!(game.num_moves(), 3);
    let whole = prover().prove_checked(&game, Profile::Chain).unwrap().proof;
    let bytes = verification::statement_bytes(&digest, &game);
    verification::verify(&table.rpc, router, bytes, whole.clone()).await.unwrap();
    let games = table.contracts.game_verifier;
    let call = verification::game_call(&play.game(), whole.clone()).unwrap();
    assert_eq!(verification::verify_game(&table.rpc, None, games, call.clone()).await.unwrap(), None);
    let receipt = verification::verify_game(&table.rpc, Some(&operator), games, call).await.unwrap().unwrap();
    eprintln!(
        "verify a game of 3 moves by replaying it, shipped model: {} gas, {} bytes of calldata",
        receipt.gas_used, receipt.calldata_bytes
    );
    // Not of a longer game, nor of one with another nonce.
    play.steps(2);
    let longer = verification::game_call(&play.game(), whole.clone()).unwrap();
    assert!(matches!(
        verification::verify_game(&table.rpc, None, games, longer).await,
        Err(ChainError::Rejected(_))
    ));
    play.file.moves.truncate(5);
    play.file.nonce[0] ^= 1;
    let other = verification::game_call(&play.game(), whole).unwrap();
    assert!(matches!(
        verification::verify_game(&table.rpc, None, games, other).await,
        Err(ChainError::Rejected(_))
    ));
}
