//! The client against the real server in this process.

use crate::common::Client;
use game::{
    files,
    net::Opponent,
    play::{PlayerAction, state::Badge},
    screens::Overlay,
    settings::Setting,
};
use protocol::{ProofMode, SideChoice, shakmaty::Position};

fn embedded(proof_mode: ProofMode) -> (Client, tempfile::TempDir) {
    let store = tempfile::tempdir().unwrap();
    let opponent = Opponent::Embedded {
        model: files::default_model().unwrap(),
        store: store.path().to_owned(),
        proof_mode,
    };
    let mut client = Client::start(opponent, crate::common::pinned());
    client.wait_for("the welcome", 60, |client| client.play().state.opponent.is_some());
    (client, store)
}

/// Plays the first legal move by clicks, and waits for the answer.
fn play_one(client: &mut Client) {
    let game = client.play().state.game.as_ref().unwrap();
    let ply = game.record.ply();
    let mv = game.record.position().legal_moves().into_iter().find(|mv| !mv.is_promotion()).unwrap();
    let (from, to) = protocol::GameRecord::king_move_squares(mv);
    client.click(from);
    client.click(to);
    assert!(client.moves().len() > ply, "the move was not played");
    client.wait_for("the answer", 60, |client| {
        client.moves().len() >= ply + 2 || client.play().state.game.as_ref().unwrap().outcome.is_some()
    });
}

#[test]
fn plays_and_verifies_every_move() {
    let (mut client, _store) = embedded(ProofMode::Gkr);
    client.click_button(&PlayerAction::Choose(Setting::Side(SideChoice::White)));
    client.click_button(&PlayerAction::Start);
    client.wait_for("the game", 60, |client| client.play().state.game.is_some());
    client.frames(3);
    for _ in 0..3 {
        play_one(&mut client);
        client
            .wait_for("the proof", 300, |client| client.play().state.game.as_ref().unwrap().unproven() == 0);
    }
    assert!(
        client
            .play()
            .state
            .game
            .as_ref()
            .unwrap()
            .badges
            .values()
            .all(|b| matches!(b, Badge::Verified { .. }))
    );
    client.frames(3);
    client.assert_text("3/3 verified");
    client.click_button(&PlayerAction::AskResign);
    client.click_button(&PlayerAction::Resign);
    client.wait_for("the end", 60, |client| client.overlay() == Overlay::GameOver);
    client.frames(3);
    client.assert_text("by resignation");
}

/// A game at a level: every move is verified with the seed that client and server made together, the bundle carries the seeds, and
/// the game opens again with them.
#[test]
fn a_game_at_a_level_is_verified_with_its_seeds() {
    let (mut client, store) = embedded(ProofMode::Gkr);
    client.click_button(&PlayerAction::Choose(Setting::Side(SideChoice::Black)));
    client.click_button(&PlayerAction::Choose(Setting::Level(2)));
    client.click_button(&PlayerAction::Start);
    client.wait_for("the network's first move", 60, |client| {
        client.play().state.game.is_some() && client.moves().len() == 1
    });
    client.frames(3);
    play_one(&mut client);
    client.wait_for("the proofs", 300, |client| client.game().unproven() == 0);
    let game = client.game().clone();
    let seeds = game.seeds.clone().unwrap();
    assert_eq!((game.terms.level, seeds.record().elements.len()), (2, 2));
    assert!(game.badges.values().all(|badge| matches!(badge, Badge::Verified { .. })), "{:?}", game.badges);
    let folder = files::DataFolder(store.path().to_owned());
    let path = files::save_bundle(&folder, &client.play().state).unwrap();
    let bundle = engine_circuit::bundle::Bundle::read(&std::fs::read(&path).unwrap()).unwrap();
    let model = engine_circuit::Model::load(&files::default_model().unwrap()).unwrap();
    // The game ends with the network's move: all of its moves are in the file.
    assert_eq!(bundle.verify(&model.verifying_key()).unwrap().len(), 2);
    let again = files::open(&path).unwrap();
    assert_eq!((again.terms.level, again.seeds.as_ref()), (2, Some(&seeds)));
    files::remember_game(&folder, &client.play().state);
    let kept = files::earlier_game(&folder).unwrap().seeds.unwrap();
    assert_eq!((kept.head(), kept.nonce(), kept.level()), (seeds.head(), seeds.nonce(), seeds.level()));
}

#[test]
fn plays_as_black_without_proofs() {
    let (mut client, _store) = embedded(ProofMode::Off);
    client.click_button(&PlayerAction::Choose(Setting::Side(SideChoice::Black)));
    client.click_button(&PlayerAction::Start);
    client.wait_for("the network's first move", 60, |client| client.moves().len() == 1);
    client.frames(3);
    client.assert_text("does not prove");
    for _ in 0..5 {
        play_one(&mut client);
    }
    assert_eq!(client.moves().len(), 11);
}
