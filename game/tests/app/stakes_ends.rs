//! How games for test stakes end, on a devnet: agreed with the real server, over the chain against a server that is played by the test, and after a kill. The network
//! is a small one that loses quickly, so that its proofs take milliseconds.

use crate::{
    common::Client,
    stakes::{
        STAKE, Table, act, answer_with, client, file, kept, offered, open, play_move, scripted, seats,
        wait_for_end, withdraw,
    },
};
use engine_circuit::{
    Level, Model, Profile, Prover,
    model::{NetworkShape, QuantisedNetwork},
    sampling::SeedChain,
    weights,
};
use game::{
    net::NetEvent,
    play::{
        PlayerAction,
        state::{Badge, Blocked},
    },
};
use protocol::{
    GameRecord, Hex32, HexBytes, ProofFrame, ProofMode, ServerMessage,
    shakmaty::{Move, Position},
};
use settle::devnet::Description;
use settlement::{
    dispute::{Act, Awaited, Life},
    game_file::StakedGame,
    player::PlayerGame,
    signed::{SignedOffer, SignedState},
    typed_data::{Outcome, Side as Party},
};
use std::{
    path::Path,
    process::{Child, Command},
    sync::Arc,
    time::{Duration, Instant},
};

/// The moves by which White mates the network.
const MATE: [&str; 4] = ["e2e4", "d1h5", "f1c4", "h5f7"];
/// The moves by which White makes it repeat the first position.
const SHUFFLE: [&str; 2] = ["g1f3", "f3g1"];

/// A network that loses to [`MATE`] and answers [`SHUFFLE`] by moving to and fro. Its logits are so far apart that the noise of level 7 changes nothing.
fn loser() -> Arc<Model> {
    /// Found by trying one after the other.
    const NETWORK: u64 = 30;
    let mut bytes = QuantisedNetwork::random(NetworkShape::new(16, 1).unwrap(), NETWORK).unwrap().to_bytes();
    // The steps of a logit in one unit, as a power of two.
    bytes[14] = 0;
    Arc::new(weights::commit(QuantisedNetwork::from_bytes(&bytes).unwrap(), &|_| {}))
}

fn legal(record: &GameRecord, uci: &str) -> Move {
    let moves = record.position().legal_moves();
    moves.into_iter().find(|&mv| GameRecord::uci(mv) == uci).unwrap_or_else(|| panic!("{uci} is not legal"))
}

fn play(client: &mut Client, uci: &str) {
    let mv = legal(&client.game().record, uci);
    play_move(client, mv);
}

/// Plays a move, and waits for an answer that this client has verified.
fn play_and_wait(client: &mut Client, uci: &str) {
    let ply = client.moves().len();
    play(client, uci);
    client.wait_for("the answer", 60, |client| client.moves().len() == ply + 2);
    client.wait_for("its check", 120, |client| client.game().unproven() == 0);
}

#[test]
fn a_draw_and_a_mate_are_settled_with_the_server() {
    let Some(table) = Table::new(loser()) else { return };
    let mut client = table.client(tempfile::tempdir().unwrap());
    let deposit = table.inside(Party::Operator);
    let id = open(&mut client);
    let offer = kept(&client.folder, id).game().offer().clone();
    let put_in = STAKE + offer.offer.bond;
    for uci in SHUFFLE.iter().cycle().take(5) {
        assert_eq!(protocol::claimable_draw(&client.game().record), None);
        play_and_wait(&mut client, uci);
    }
    act(&mut client, PlayerAction::AskDraw);
    client.click_button(&PlayerAction::Draw);
    wait_for_end(&mut client);
    assert_eq!(table.look(&offer).life, Life::Final { outcome: Some(Outcome::Draw) });
    assert_eq!((table.inside(Party::Player), table.inside(Party::Operator)), (put_in, deposit));
    client.assert_text("nobody won");
    withdraw(&mut client, &table);

    let id = open(&mut client);
    let offer = kept(&client.folder, id).game().offer().clone();
    let (last, first) = MATE.split_last().unwrap();
    for uci in first {
        play_and_wait(&mut client, uci);
    }
    play(&mut client, last);
    wait_for_end(&mut client);
    assert_eq!(table.look(&offer).life, Life::Final { outcome: Some(Outcome::PlayerWins) });
    assert_eq!(table.inside(Party::Player), put_in + STAKE);
    client.assert_text("by checkmate");
    client.assert_text("you won 0.1 test ETH");
    let game = kept(&client.folder, id);
    let results = &game.game().file().results;
    assert!(results.iter().any(|result| result.by == Party::Operator), "the server has signed its loss");
}

/// A server of the test's own, which holds the operator's key.
struct Operator<'a> {
    table: &'a Table,
    prover: Prover,
    seeds: SeedChain,
    offer: SignedOffer,
}

impl Operator<'_> {
    /// A game with the network's next move in it.
    fn answered(&self, game: &StakedGame) -> StakedGame {
        let element = self.seeds.element(game.operators_number()).unwrap();
        let level = Level::new(self.offer.offer.level).unwrap();
        let evaluation = engine_circuit::evaluate(&self.table.model, game.record()).unwrap();
        let mv = evaluation.choose(level, &settle::proof::next_seed(game, &element));
        game.clone().with_move(&GameRecord::uci(mv), Some(element)).unwrap()
    }

    /// A proof of a game's last move.
    fn prove(&self, game: &StakedGame, profile: Profile) -> Vec<u8> {
        self.prover.prove(&settle::proof::statement(game).unwrap(), profile).unwrap().proof
    }

    /// Sends a transaction, with the proof of the operator's own move in it.
    fn send(&self, game: &StakedGame, act: &Act) {
        let proof = act.own_move().map(|_| self.prove(game, Profile::Chain));
        self.table.ask_as(Some(self.table.operator().account), async |chain| {
            chain.act(game, act, proof.as_deref()).await.unwrap();
        });
    }
}

/// Waits until the client has a game of so many half-moves in its file, and gives that.
fn wait_for_file(client: &mut Client, ply: usize) -> StakedGame {
    let id = client.game().id;
    client.wait_for("the file", 60, |client| kept(&client.folder, id).game().record().ply() == ply);
    kept(&client.folder, id).game().clone()
}

fn wait_for_text(client: &mut Client, wanted: &str) {
    client.wait_for(wanted, 60, |client| client.texts().iter().any(|text| text.contains(wanted)));
}

/// One game, in which the server has gone and everything goes over the chain: the client challenges and takes the answer from there, it is challenged and answers, it takes
/// a move that it has not heard of, and it claims its mate.
#[test]
fn a_game_is_played_to_its_end_over_the_chain() {
    let Some(table) = Table::new(loser()) else { return };
    let seeds = SeedChain::new([5; 32], 10);
    let offer = offered(&table, |offer| offer.seed_head = seeds.head());
    let prover = Prover::in_memory(Arc::clone(&table.model)).unwrap();
    let server = Operator { table: &table, prover, seeds, offer: offer.clone() };
    let mut client = scripted(&table);
    let id = answer_with(&mut client, &offer, server.seeds.head());
    client.wait_for("the opening", 30, |_| matches!(table.look(&offer).life, Life::Open { .. }));
    let nonce = HexBytes(kept(&client.folder, id).game().file().nonce);
    client.say(ServerMessage::StakesOpened { game_id: id, nonce });

    // The server is gone: the client presents its move on chain, and takes the answer from there.
    play(&mut client, MATE[0]);
    let game = wait_for_file(&mut client, 1);
    client.tell(NetEvent::Broken { reason: "gone".into() });
    client.click_button(&PlayerAction::TakeToChain);
    client.wait_for("the challenge", 60, |_| table.look(&offer).pending.is_some());
    let answered = server.answered(&game);
    server.send(&answered, &Act::Respond(answered.own_move_from(1, Party::Operator).unwrap()));
    let game = wait_for_file(&mut client, 2);
    assert_eq!(game.state(), answered.state());
    assert_eq!(game.file().moves[1].seed_element, server.seeds.element(1));
    client.wait_for("the move", 60, |client| client.moves().len() == 2);
    assert!(!matches!(client.badge(1), Badge::Verified { .. }), "nobody has sent its proof");
    assert_eq!(client.play().state.blocked(), None, "the contract has checked it");

    // The server challenges: the client's next move is its answer there.
    server.send(&game, &Act::Challenge(game.challenge(Party::Operator, Some(game.state())).unwrap()));
    wait_for_text(&mut client, "the server has turned to the chain");
    let pending = table.look(&offer).pending.unwrap();
    assert_eq!((pending.by, pending.awaited), (Party::Operator, Awaited::Move));
    play(&mut client, MATE[1]);
    client.wait_for("the answer on chain", 60, |_| table.look(&offer).turn == 3);
    assert_eq!(table.look(&offer).pending, None);

    // It challenges with a move that the client has not heard of, and that the chain tells without its seed.
    let game = wait_for_file(&mut client, 3);
    let answered = server.answered(&game);
    let shown = answered.challenge(Party::Operator, Some(game.state())).unwrap();
    server.send(&answered, &Act::Challenge(shown));
    let game = wait_for_file(&mut client, 4);
    assert_eq!(game.state(), answered.state());
    assert_eq!(game.file().moves[3].seed_element, None);
    client.wait_for("the move", 60, |client| client.moves().len() == 4);
    assert_eq!((&client.play().state.alarm, client.play().state.blocked()), (&None, None));
    play(&mut client, MATE[2]);
    client.wait_for("the answer on chain", 60, |_| table.look(&offer).turn == 5);

    // The server is back: its next seed shows the one that was missing, and the client checks its proof again.
    let game = wait_for_file(&mut client, 5);
    let answered = server.answered(&game);
    let key = table.operator().account;
    let signed = SignedState::sign(&offer.domain, &offer.offer, *answered.state(), key.key()).unwrap();
    client.welcome_by(&table.model, ProofMode::Gkr);
    client.say(ServerMessage::BotMove {
        game_id: id,
        ply: 5,
        uci: answered.record().uci_moves().pop().unwrap(),
        infer_ms: 1.0,
        seed_element: server.seeds.element(3).map(Hex32),
        signature: Some(HexBytes(signed.signature)),
    });
    assert_eq!(client.play().state.blocked(), Some(Blocked::Unproven));
    let proof = server.prove(&answered, Profile::Live);
    client.tell(NetEvent::Proof(ProofFrame { game_id: id, ply: 5, proof }));
    client.wait_for("its check", 60, |client| matches!(client.badge(5), Badge::Verified { .. }));
    let elements: Vec<_> = (1..=3).filter_map(|number| server.seeds.element(number)).collect();
    assert_eq!(client.game().seeds.as_ref().unwrap().record().elements, elements);
    assert_eq!(wait_for_file(&mut client, 6).state(), answered.state());

    // Mate, and the server does not sign that it has lost.
    play(&mut client, MATE[3]);
    assert!(client.game().record.position().is_checkmate());
    wait_for_file(&mut client, 7);
    client.click_button(&PlayerAction::TakeToChain);
    client.wait_for("the claim", 60, |_| table.look(&offer).pending.is_some());
    let pending = table.look(&offer).pending.unwrap();
    assert_eq!((pending.by, pending.awaited), (Party::Player, Awaited::End(Outcome::PlayerWins)));
    wait_for_text(&mut client, "the server has to answer before");
    table.wait(offer.offer.response_seconds + 1);
    wait_for_end(&mut client);
    assert_eq!(table.look(&offer).life, Life::Final { outcome: Some(Outcome::PlayerWins) });
    // It went to dispute: the loser's bond goes along.
    assert_eq!(table.inside(Party::Player), 2 * (STAKE + offer.offer.bond));
    client.assert_text("by checkmate");
    client.assert_text("you won 0.1 test ETH");
}

/// Names the table of [`client_to_kill`].
const TO_KILL: &str = "FAIRMATE_TEST_CLIENT_TO_KILL";

/// No test by itself: the next one starts it as a process, and kills that in the middle of a game.
#[test]
fn client_to_kill() {
    let Some(table) = std::env::var_os(TO_KILL) else { return };
    let table = Path::new(&table);
    let text = std::fs::read(table.join("devnet/devnet.json")).unwrap();
    let described: Description = serde_json::from_slice(&text).unwrap();
    let folder = tempfile::tempdir_in(table.join("clients")).unwrap();
    let mut client = client(folder, table, &loser(), seats(&described));
    open(&mut client);
    for uci in SHUFFLE.iter().cycle().take(100) {
        play_and_wait(&mut client, uci);
    }
}

/// Ends with its value, as `kill -9` does.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// The game that a client keeps in its folder, once it has so many half-moves.
fn game_of(clients: &Path, plies: usize) -> Option<PlayerGame> {
    let client = std::fs::read_dir(clients).unwrap().next()?.unwrap().path();
    let mut games = std::fs::read_dir(client.join("stakes")).ok()?.map(|entry| entry.unwrap().path());
    let game = games.find(|path| path.extension().is_some_and(|extension| extension == "json"))?;
    PlayerGame::load(&game).ok().filter(|game| game.game().record().ply() >= plies)
}

#[test]
fn a_killed_client_goes_on_with_its_game() {
    let Some(table) = Table::new(loser()) else { return };
    let clients = table.folder.path().join("clients");
    std::fs::create_dir(&clients).unwrap();
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["stakes_ends::client_to_kill", "--exact", "--nocapture"])
        .env(TO_KILL, table.folder.path())
        .spawn()
        .unwrap();
    let mut child = Killed(child);
    let end = Instant::now() + Duration::from_secs(300);
    let game = loop {
        // Its second move is signed and kept; the server may have heard of it or not.
        if let Some(game) = game_of(&clients, 3) {
            break game;
        }
        assert!(child.0.try_wait().unwrap().is_none(), "it ended by itself");
        assert!(Instant::now() < end, "the client does not come to its second move");
        std::thread::sleep(Duration::from_millis(10));
    };
    drop(child);

    let offer = game.game().offer().clone();
    let id = protocol::GameId(offer.game_id());
    let folder = tempfile::tempdir().unwrap();
    let left = std::fs::read_dir(&clients).unwrap().next().unwrap().unwrap().path();
    std::fs::rename(left, folder.path()).unwrap();
    let signed = kept(&folder, id).game().record().uci_moves();
    let mut client = table.client(folder);
    client.wait_for("the game again", 60, |client| client.play().state.game.is_some());
    // A move that the server has not heard of is sent again, from the file.
    client.wait_for("the player's turn", 120, |client| {
        client.moves().len() >= signed.len() && client.play().state.blocked().is_none()
    });
    assert_eq!((client.game().id, client.play().state.alarm.as_ref()), (id, None));
    assert_eq!(client.moves()[..signed.len()], signed);
    let next = SHUFFLE[client.moves().len() / 2 % 2];
    play_and_wait(&mut client, next);
    let plies = client.moves().len();
    client.wait_for("all in the file", 60, |client| kept(&client.folder, id).game().record().ply() == plies);
    assert!(file(&client.folder, id).exists());
    act(&mut client, PlayerAction::AskResign);
    client.click_button(&PlayerAction::Resign);
    wait_for_end(&mut client);
    assert_eq!(table.look(&offer).life, Life::Final { outcome: Some(Outcome::OperatorWins) });
    client.assert_text("you lost 0.1 test ETH");
}
