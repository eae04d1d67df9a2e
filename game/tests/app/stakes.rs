//! Games for test stakes on a devnet: the client against the real server in this process, the contracts on anvil.

use crate::common::{Client, model, pinned_to};
use engine_circuit::Model;
use game::{
    net::{NetEvent, Opponent},
    play::{PlayerAction, state::Blocked},
    screens::Overlay,
    settings::Setting,
    stakes::{Seat, Seats},
};
use protocol::{
    ClientMessage, GameId, GameRecord, GameStakes, GameTerms, Hex32, HexBytes, ProofMode, ServerMessage,
    Side, SideChoice, StakesOffer,
    shakmaty::{Move, Position},
};
use settle::{
    Account, Chain, Rpc,
    devnet::{Description, Devnet, anvil_program},
};
use settlement::{
    dispute::{Awaited, Life, OnChain},
    player::PlayerGame,
    signed::SignedOffer,
    typed_data::{Outcome, Side as Party},
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::runtime::Runtime;

pub(crate) const STAKE: u128 = 100_000_000_000_000_000;

pub(crate) struct Table {
    runtime: Runtime,
    devnet: Devnet,
    pub(crate) model: Arc<Model>,
    pub(crate) folder: tempfile::TempDir,
}

fn seat(described: &Description, key: &Path) -> Seat {
    let settlement = described.contracts.settlement.into_array();
    Seat::take(&described.rpc, settlement, key, &described.pass_phrase().unwrap()).unwrap()
}

pub(crate) fn seats(described: &Description) -> Seats {
    Seats {
        player: Some(seat(described, &described.player.key_file)),
        operator: Some(seat(described, &described.operator.key_file)),
    }
}

/// Where a table keeps its network, and its server the games.
pub(crate) fn opponent(folder: &Path) -> Opponent {
    let model = folder.join("network.model");
    Opponent::Embedded { model, store: folder.join("server"), proof_mode: ProofMode::Gkr }
}

/// A client against the server in its own process, once that is ready.
pub(crate) fn client(folder: tempfile::TempDir, table: &Path, model: &Model, seats: Seats) -> Client {
    let mut client = Client::seated(folder, opponent(table), pinned_to(model), seats);
    client.wait_for("the prover", 300, |client| {
        client.play().state.opponent.as_ref().is_some_and(|opponent| opponent.prover_ready)
    });
    client
}

impl Table {
    /// A devnet for a network; none without anvil.
    pub(crate) fn new(model: Arc<Model>) -> Option<Self> {
        if anvil_program().is_none() {
            eprintln!("skipped: anvil is not installed (contracts/tools/set-up installs it)");
            return None;
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("network.model"), model.to_bytes()).unwrap();
        let key = model.verifying_key();
        let devnet = runtime.block_on(Devnet::start(&folder.path().join("devnet"), 0, &key)).unwrap();
        Some(Self { runtime, devnet, model, folder })
    }

    pub(crate) fn description(&self) -> &Description {
        self.devnet.description()
    }

    /// The operator's seat.
    pub(crate) fn operator(&self) -> Seat {
        seat(self.description(), &self.description().operator.key_file)
    }

    pub(crate) fn client(&self, folder: tempfile::TempDir) -> Client {
        client(folder, self.folder.path(), &self.model, seats(self.description()))
    }

    pub(crate) fn ask<T>(&self, question: impl AsyncFnOnce(&Chain) -> T) -> T {
        self.ask_as(None, question)
    }

    /// Asks as an account, which can send transactions.
    pub(crate) fn ask_as<T>(&self, account: Option<Account>, question: impl AsyncFnOnce(&Chain) -> T) -> T {
        self.runtime.block_on(async {
            let rpc = Rpc::connect(&self.description().rpc, Duration::from_secs(10)).await.unwrap();
            let contract = self.description().contracts.settlement;
            question(&Chain::connect(rpc, contract, account).await.unwrap()).await
        })
    }

    /// Time passes on the chain.
    pub(crate) fn wait(&self, seconds: u32) {
        self.ask(async |chain| {
            chain.rpc().raw("evm_increaseTime", serde_json::json!([seconds])).await.unwrap();
            chain.rpc().raw("evm_mine", serde_json::json!([])).await.unwrap();
        });
    }

    /// What a side has in the contract.
    pub(crate) fn inside(&self, side: Party) -> u128 {
        let account = match side {
            Party::Player => self.description().player.address,
            Party::Operator => self.description().operator.address,
        };
        self.ask(async |chain| chain.balance(account).await.unwrap().to())
    }

    pub(crate) fn look(&self, offer: &SignedOffer) -> OnChain {
        self.ask(async |chain| chain.look(offer).await.unwrap())
    }
}

pub(crate) fn act(client: &mut Client, action: PlayerAction) {
    client.app.world_mut().write_message(action);
    client.frames(3);
}

/// Starts a game and waits until it is open.
pub(crate) fn open(client: &mut Client) -> GameId {
    let id = |client: &Client| client.play().state.game.as_ref().map(|game| game.id);
    let before = id(client);
    act(client, PlayerAction::Choose(Setting::Side(SideChoice::White)));
    act(client, PlayerAction::StartStaked(STAKE));
    client.wait_for("the game", 60, |client| id(client) != before);
    client.wait_for("the opening", 60, |client| client.play().state.blocked().is_none());
    client.game().id
}

/// Plays a move by clicks.
pub(crate) fn play_move(client: &mut Client, mv: Move) {
    let ply = client.moves().len();
    let (from, to) = GameRecord::king_move_squares(mv);
    client.click(from);
    client.click(to);
    // The answer may be there already.
    assert!(client.moves().len() > ply, "the move was not played");
}

fn play(client: &mut Client) {
    let mv = client.game().record.position().legal_moves().into_iter().find(|mv| !mv.is_promotion()).unwrap();
    play_move(client, mv);
}

/// Where the client keeps a game.
pub(crate) fn file(folder: &tempfile::TempDir, id: GameId) -> PathBuf {
    folder.path().join("stakes").join(format!("{id}.json"))
}

/// What the client keeps of a game, read from the disk.
pub(crate) fn kept(folder: &tempfile::TempDir, id: GameId) -> PlayerGame {
    PlayerGame::load(&file(folder, id)).unwrap()
}

/// Waits until the client has seen the end on chain and tells of it.
pub(crate) fn wait_for_end(client: &mut Client) {
    client.wait_for("the end on chain", 120, |client| {
        client.game().stakes.as_ref().is_some_and(|stakes| stakes.settled.is_some())
    });
    assert_eq!(client.play().state.alarm, None);
    client.wait_for("the dialog", 30, |client| client.overlay() == Overlay::GameOver);
    client.frames(3);
}

/// Takes the money out by the button, which goes with it.
pub(crate) fn withdraw(client: &mut Client, table: &Table) {
    client.wait_for("the button", 30, |client| client.has_button(&PlayerAction::Withdraw));
    client.click_button(&PlayerAction::Withdraw);
    client.wait_for("the money", 60, |_| table.inside(Party::Player) == 0);
    client.wait_for("no button", 30, |client| !client.has_button(&PlayerAction::Withdraw));
}

#[test]
fn a_game_for_stakes_is_played_across_a_restart_and_settled() {
    let Some(table) = Table::new(model()) else { return };
    let mut client = table.client(tempfile::tempdir().unwrap());
    let deposit = table.inside(Party::Operator);
    let id = open(&mut client);
    let offer = kept(&client.folder, id).game().offer().clone();
    assert!(matches!(table.look(&offer).life, Life::Open { .. }));
    let bond = offer.offer.bond;
    assert_eq!(table.inside(Party::Operator), deposit - STAKE - bond);
    play(&mut client);
    client.wait_for("the answer", 60, |client| client.moves().len() == 2);
    client.wait_for("its check", 300, |client| client.game().unproven() == 0);
    let file = file(&client.folder, id);
    client.wait_for("both in the file", 30, |_| {
        PlayerGame::load(&file).is_ok_and(|game| game.game().file().moves.len() == 2)
    });
    let moves = client.moves();

    // Nothing is lost with the client.
    let folder = client.close();
    let mut client = table.client(folder);
    client.wait_for("the game again", 60, |client| client.play().state.game.is_some());
    client.wait_for("its check again", 300, |client| client.play().state.blocked().is_none());
    assert_eq!((client.game().id, client.moves()), (id, moves));
    play(&mut client);
    client.wait_for("the next answer", 60, |client| client.moves().len() == 4);
    client.wait_for("its check", 300, |client| client.game().unproven() == 0);
    client.wait_for("the line", 30, |client| {
        client.texts().iter().any(|text| text.contains("Stake 0.1 test ETH, open on the chain; 4 moves"))
    });

    act(&mut client, PlayerAction::AskResign);
    act(&mut client, PlayerAction::Resign);
    wait_for_end(&mut client);
    assert_eq!(table.look(&offer).life, Life::Final { outcome: Some(Outcome::OperatorWins) });
    assert_eq!(table.inside(Party::Operator), deposit + STAKE);
    assert_eq!(table.inside(Party::Player), bond);
    client.assert_text("you lost 0.1 test ETH");
    withdraw(&mut client, &table);
}

/// A welcomed client whose server is the test, with a seat as the player.
pub(crate) fn scripted(table: &Table) -> Client {
    let seats = Seats { operator: None, ..seats(table.description()) };
    let pinned = pinned_to(&table.model);
    let mut client = Client::seated(tempfile::tempdir().unwrap(), Opponent::Scripted, pinned, seats);
    client.welcome_by(&table.model, ProofMode::Gkr);
    client
}

/// An offer as the devnet's operator signs it, changed before.
pub(crate) fn offered(table: &Table, change: impl FnOnce(&mut settlement::typed_data::Offer)) -> SignedOffer {
    let seat = table.operator();
    let (domain, now) =
        table.ask(async |chain| (chain.domain(), chain.rpc().latest_block().await.unwrap().1));
    let mut offer = settlement::typed_data::Offer {
        model_digest: *table.model.digest().as_bytes(),
        level: 7,
        seed_head: [9; 32],
        player: table.description().player.address.into_array(),
        operator: seat.account.address().into_array(),
        player_stake: STAKE,
        operator_stake: STAKE,
        bond: STAKE / 5,
        player_is_white: true,
        response_seconds: 1_800,
        expiry: now + 600,
        salt: [3; 32],
    };
    change(&mut offer);
    SignedOffer::sign(domain, offer, seat.account.key()).unwrap()
}

/// Asks for a game and gets the offer as the answer, with the head of a seed chain beside it.
pub(crate) fn answer_with(client: &mut Client, signed: &SignedOffer, head: [u8; 32]) -> GameId {
    act(client, PlayerAction::Choose(Setting::Side(SideChoice::White)));
    act(client, PlayerAction::StartStaked(STAKE));
    client.wait_for("the wish", 30, |client| !client.sent().is_empty());
    let id = GameId(signed.game_id());
    let seeds = protocol::GameSeeds { head: Hex32(head), nonce: None, elements: Vec::new() };
    let record = GameRecord::from_fen(protocol::record::START_FEN).unwrap();
    let terms = GameTerms { time_control: None, rated: true, level: 7 };
    let mut message = ServerMessage::game(id, Side::White, &record, None, terms, Vec::new(), Some(seeds));
    if let ServerMessage::Game { stakes, .. } = &mut message {
        let offer = StakesOffer::from(signed);
        *stakes = Some(Box::new(GameStakes { offer, signatures: Vec::new(), result: None }));
    }
    client.say(message);
    id
}

#[test]
fn an_offer_that_was_not_asked_for_is_refused_and_a_silent_server_loses() {
    let Some(table) = Table::new(model()) else { return };
    let mut client = scripted(&table);
    // Which level is played is said before anything is asked for; and there is nothing to withdraw.
    let said = "Stakes are played at level 7";
    client.assert_text(said);
    act(&mut client, PlayerAction::Choose(Setting::Level(6)));
    assert!(!client.texts().iter().any(|text| text.contains(said)));
    act(&mut client, PlayerAction::Choose(Setting::Level(8)));
    client.assert_text(said);
    assert!(!client.has_button(&PlayerAction::Withdraw));
    type Change = fn(&mut settlement::typed_data::Offer);
    let head = [9; 32];
    let changes: [(Change, [u8; 32], &str); 4] = [
        (|offer| offer.model_digest[0] ^= 1, head, "the offer's network is not what was asked for"),
        (|offer| offer.player_stake *= 2, head, "the offer's stake is not what was asked for"),
        (|offer| offer.bond = 10 * STAKE, head, "the offer's bond is not what was asked for"),
        // Seeds from one chain here and from another before the contract would leave the server the choice.
        (|_| {}, [8; 32], "the seeds of its moves are not those of the offer"),
    ];
    for (change, head, refusal) in changes {
        let signed = offered(&table, change);
        let id = answer_with(&mut client, &signed, head);
        client.wait_for("the refusal", 30, |client| client.play().state.game.is_none());
        client.frames(3);
        assert_eq!(client.overlay(), Overlay::Start);
        client.assert_text(refusal);
        assert_eq!(table.look(&signed).life, Life::Unopened);
        assert!(!file(&client.folder, id).exists());
    }

    // As asked for: it is opened. The server is not heard of again.
    let signed = offered(&table, |_| {});
    let id = answer_with(&mut client, &signed, head);
    client.wait_for("the opening", 30, |_| matches!(table.look(&signed).life, Life::Open { .. }));
    assert_eq!(client.play().state.blocked(), Some(Blocked::Opening), "the server has not seen it");
    let nonce = HexBytes(kept(&client.folder, id).game().file().nonce);
    client.say(ServerMessage::StakesOpened { game_id: id, nonce });
    play(&mut client);
    client.wait_for("the signature", 30, |client| kept(&client.folder, id).game().record().ply() == 1);
    client.tell(NetEvent::Broken { reason: "gone".into() });
    assert_eq!(table.look(&signed).pending, None);
    client.click_button(&PlayerAction::TakeToChain);
    client.wait_for("the challenge", 30, |_| table.look(&signed).pending.is_some());
    let pending = table.look(&signed).pending.unwrap();
    assert_eq!((pending.by, pending.awaited), (Party::Player, Awaited::Move));
    client.wait_for("the line", 30, |client| {
        client.texts().iter().any(|text| text.contains("the server has to answer before"))
    });

    // It does not: the client claims its win by itself.
    table.wait(signed.offer.response_seconds + 1);
    wait_for_end(&mut client);
    assert_eq!(table.look(&signed).life, Life::Final { outcome: Some(Outcome::PlayerWins) });
    assert_eq!(table.inside(Party::Player), 2 * (STAKE + signed.offer.bond));
    client.assert_text("you won 0.1 test ETH");
    withdraw(&mut client, &table);
    client.sent();
    client.assert_text("Rematch for the same stake");
    // It is asked for once there is a connection again.
    client.click_button(&PlayerAction::Rematch);
    client.welcome_by(&table.model, ProofMode::Gkr);
    let mut sent = Vec::new();
    client.wait_for("the wish", 30, |client| {
        sent.extend(client.sent());
        !sent.is_empty()
    });
    match sent.as_slice() {
        [ClientMessage::NewStakedGame { human_side: SideChoice::Black, level: 7, stakes }] => {
            assert_eq!(stakes.stake.0, STAKE);
        }
        sent => panic!("{sent:?}"),
    }
}
