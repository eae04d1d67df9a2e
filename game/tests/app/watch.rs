//! Watching a game by its link, on a real server: every proof is checked here, too, and nothing can be played.

use crate::common::{Client, GAME, model, pinned, prove};
use bevy::input::keyboard::KeyCode;
use engine_circuit::{Level, sampling::SeedChain};
use game::{
    files,
    net::{Opponent, embedded},
    play::{
        Play, PlayerAction,
        seeds::Seeds,
        state::{Badge, Blocked, Offence},
        watch::WatchLink,
    },
    screens::Overlay,
    settings::Setting,
};
use protocol::{
    EndReason, GameId, GameRecord, GameSeeds, GameTerms, Hex32, Outcome, ProofMode, ServerMessage, Side,
    SideChoice, record::START_FEN, shakmaty::Square,
};
use std::sync::mpsc;
use tokio::sync::oneshot;

/// A server on a thread of its own, for as long as this is held.
struct Server {
    address: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
    _store: tempfile::TempDir,
}

impl Server {
    fn start() -> Self {
        let store = tempfile::tempdir().unwrap();
        let folder = store.path().to_owned();
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let model = files::default_model().unwrap();
                let server = embedded::start(&model, &folder, ProofMode::Gkr, None).await.unwrap();
                tell.send(server.address.clone()).unwrap();
                stopped.await.ok();
                server.stop().await;
            });
        });
        Self { address: told.recv().unwrap(), stop: Some(stop), thread: Some(thread), _store: store }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            stop.send(()).ok();
        }
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

#[test]
fn a_game_is_watched_by_its_link_and_every_proof_is_checked() {
    let server = Server::start();
    let mut player = Client::start(Opponent::Remote(server.address.clone()), pinned());
    player.wait_for("the welcome", 60, |client| client.play().state.opponent.is_some());
    player.click_button(&PlayerAction::Choose(Setting::Side(SideChoice::White)));
    // Below level 8 the seeds have to be followed as well.
    player.click_button(&PlayerAction::Choose(Setting::Level(3)));
    player.click_button(&PlayerAction::Start);
    player.wait_for("the game", 60, |client| client.play().state.game.is_some());
    player.wait_for("the player's key", 60, |client| client.game().key.is_some());
    player.click_button(&PlayerAction::CopyLink);
    player.assert_text("whoever has it can watch");
    let link: WatchLink = player.clipboard().parse().unwrap();
    assert_eq!((&link.address, link.game), (&server.address, player.game().id));
    assert_eq!(link.seeds, player.game().seeds.as_ref().map(Seeds::fingerprint));
    assert!(link.seeds.is_some());

    let mut watcher = Client::start(Opponent::Watched(link), pinned());
    assert_eq!(watcher.overlay(), Overlay::None);
    watcher.wait_for("the game", 60, |client| client.play().state.game.is_some());
    watcher.frames(3);
    watcher.assert_text("Watching: White to move");
    assert_eq!(watcher.play().state.blocked(), Some(Blocked::Watching));
    for action in [PlayerAction::AskResign, PlayerAction::AskDraw, PlayerAction::TakeBack] {
        assert!(!watcher.has_button(&action), "{action:?}");
    }
    watcher.drag(Square::D2, Square::D4);
    assert!(watcher.moves().is_empty());

    player.drag(Square::E2, Square::E4);
    player.wait_for("the answer", 60, |client| client.moves().len() == 2);
    let moves = player.moves();
    watcher.wait_for("both moves", 60, |client| client.moves() == moves);
    watcher.wait_for("the check", 300, |client| client.game().verified_count() == (1, 1));
    assert!(matches!(watcher.badge(1), Badge::Verified { .. }));
    assert_eq!(watcher.game().seeds, player.game().seeds);
    // Who watches passes the same link on.
    assert_eq!(watcher.play().state.watch_link(), player.play().state.watch_link());
    // Late comers get moves and proofs.
    let late = player.play().state.watch_link().unwrap();
    let mut late = Client::start(Opponent::Watched(late), pinned());
    late.wait_for("the check", 300, |client| {
        client.play().state.game.as_ref().is_some_and(|game| game.verified_count() == (1, 1))
    });
    assert!(files::earlier_game(&files::DataFolder(watcher.folder.path().to_owned())).is_none());

    // Another run of the player's client shows its key and plays on.
    let folder = player.close();
    let mut player = Client::start_in(folder, Opponent::Remote(server.address.clone()), pinned());
    player.wait_for("the game", 60, |client| client.play().state.game.is_some());
    player.frames(3);
    player.drag(Square::D2, Square::D3);
    player.wait_for("the answer", 60, |client| client.moves().len() == 4);
    watcher.wait_for("four moves", 60, |client| client.moves() == player.moves());
    player.click_button(&PlayerAction::TakeBack);
    player.wait_for("the move back", 60, |client| client.moves().len() == 2);
    watcher.wait_for("the move back", 60, |client| client.moves().len() == 2);
    assert_eq!(watcher.play().state.alarm, None);
    player.click_button(&PlayerAction::AskResign);
    player.click_button(&PlayerAction::Resign);
    watcher.wait_for("the end", 60, |client| client.overlay() == Overlay::GameOver);
    watcher.frames(3);
    watcher.assert_text("The network won");
    assert!(!watcher.has_button(&PlayerAction::Rematch));
}

#[test]
fn a_link_to_no_game_is_said_to_be_one() {
    let server = Server::start();
    let link = WatchLink { address: server.address.clone(), game: GameId([9; 32]), seeds: None };
    let mut watcher = Client::start(Opponent::Watched(link), pinned());
    watcher.wait_for("the refusal", 60, |client| {
        client.texts().iter().any(|text| text.contains("there is no game 0909"))
    });
}

/// Below the strongest level the link names head and nonce by the player's word, so that the server can't tell whoever watches of others.
#[test]
fn seeds_that_the_link_does_not_name() {
    let level = Level::new(3).unwrap();
    let chain = SeedChain::new([7; 32], 4);
    let seeds = Seeds::known(level, Hex32(chain.head()), Hex32([1; 32]));
    let said = |head, nonce| Some(GameSeeds { head, nonce: Some(nonce), elements: Vec::new() });
    let terms = GameTerms { level: 3, ..GameTerms::default() };
    for (link, level, said, caught) in [
        (true, 3, said(seeds.head(), seeds.nonce()), false),
        (true, 3, said(seeds.head(), Hex32([2; 32])), true),
        (true, 3, said(Hex32([2; 32]), seeds.nonce()), true),
        (true, 8, None, true),
        (false, 3, said(seeds.head(), Hex32([2; 32])), false),
    ] {
        let mut client = Client::start(Opponent::Scripted, pinned());
        let mut play = client.app.world_mut().resource_mut::<Play>();
        play.state.watching = Some(GAME);
        play.state.link_seeds = link.then(|| seeds.fingerprint());
        client.welcome(ProofMode::Gkr);
        let record = GameRecord::replay(START_FEN, ["e2e4"]).unwrap();
        let terms = GameTerms { level, ..terms };
        client.say(ServerMessage::game(GAME, Side::White, &record, None, terms, vec![], said));
        let alarm = client.play().state.alarm.as_ref().map(|alarm| alarm.offence);
        assert_eq!(alarm, caught.then_some(Offence::WrongSeed));
        if !caught {
            client.say(ServerMessage::BotMove {
                game_id: GAME,
                ply: 1,
                uci: "e7e5".into(),
                infer_ms: 1.0,
                seed_element: chain.element(1).map(Hex32),
                signature: None,
            });
            client.key(KeyCode::KeyP);
            client.frames(3);
            client.assert_text(if link {
                "has made is the server's word."
            } else {
                "because the link does not name it"
            });
        }
    }
}

/// A client that watches a scripted game after e4 and the network's proven answer.
fn watching(terms: GameTerms) -> (Client, String) {
    let mut client = Client::start(Opponent::Scripted, pinned());
    client.app.world_mut().resource_mut::<Play>().state.watching = Some(GAME);
    client.welcome(ProofMode::Gkr);
    let record = GameRecord::replay(START_FEN, ["e2e4"]).unwrap();
    let (uci, proof) = prove(&record);
    client.say(ServerMessage::game(GAME, Side::White, &record, None, terms, vec![], None));
    client.bot_plays(1, &uci);
    client.bring_proof(1, proof);
    client.wait_for("the check", 60, |client| matches!(client.badge(1), Badge::Verified { .. }));
    assert_eq!(client.game().digest, *model().digest().as_bytes());
    (client, uci)
}

fn player_move(ply: u32, uci: &str) -> ServerMessage {
    ServerMessage::PlayerMove { game_id: GAME, ply, uci: uci.into() }
}

#[test]
fn whoever_watches_a_lying_server_sees_it() {
    for (message, offence) in [
        (player_move(2, "e4e6"), Offence::IllegalMove),
        (player_move(0, "d2d4"), Offence::OtherHistory),
        (player_move(3, "d2d4"), Offence::OutOfTurn),
        (ServerMessage::TakenBack { game_id: GAME, ply: 0 }, Offence::TookBack),
    ] {
        let (mut client, _) = watching(GameTerms { rated: true, ..GameTerms::default() });
        if offence == Offence::OutOfTurn {
            client.say(player_move(2, "b1c3"));
        }
        client.say(message);
        assert_eq!(client.play().state.alarm.as_ref().map(|alarm| alarm.offence), Some(offence));
        assert_eq!(client.overlay(), Overlay::Alarm);
    }
    let (mut client, uci) = watching(GameTerms::default());
    client.say(player_move(0, "e2e4"));
    client.say(player_move(2, "b1c3"));
    assert_eq!(client.moves(), ["e2e4", &uci, "b1c3"]);
    client.say(ServerMessage::TakenBack { game_id: GAME, ply: 2 });
    assert_eq!(client.moves().len(), 2);
    client.end(Outcome { winner: Some(Side::White), reason: EndReason::Resignation });
    assert_eq!(client.play().state.alarm, None);
    client.assert_text("The player won");
}
