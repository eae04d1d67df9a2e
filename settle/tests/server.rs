//! A server that plays for stakes on a real chain (anvil with the contracts): a player that verifies every move and signs only then, a
//! dispute across a restart of the server, answered with a proof, a settlement, and a win on time when the server is gone for good.

#[path = "../../server/tests/common/mod.rs"]
mod common;

use common::{Client, Received, TestServer};
use engine_circuit::{
    Level, Model, Profile, Statement, VerifyingKey,
    model::{NetworkShape, QuantisedNetwork},
    sampling::{follows, ply_seed},
    verify, weights,
};
use protocol::{
    ClientMessage, GameId, GameRecord, HexBytes, ProofMode, ServerMessage, SideChoice, StakesWish, Wei,
    WireSignature, shakmaty::Position,
};
use server::{ServerConfig, Stakes, StakesLimits};
use settle::{
    Account, Chain, Deployment, Rpc, deploy,
    devnet::{Anvil, anvil_program},
};
use settlement::{
    dispute::{Act, Life, OnChain, next_act, unseen_move},
    player::{PlayerGame, Wanted},
    signed::SignedOffer,
    typed_data::{Outcome, Side},
};
use std::{path::Path, sync::Arc, time::Duration};

const STAKE: u128 = 1_000_000_000_000_000_000;
const BOND: u128 = STAKE / 10;
const LEVEL: u8 = 4;

fn account(side: Side) -> Account {
    Account::new(&[if side == Side::Player { 1 } else { 2 }; 32]).unwrap()
}

struct Table {
    rpc: Rpc,
    contracts: Deployment,
    player: Chain,
    model: Arc<Model>,
    // Ends last.
    _anvil: Anvil,
}

impl Table {
    async fn new() -> Self {
        let network = QuantisedNetwork::random(NetworkShape::new(16, 1).unwrap(), 7).unwrap();
        let model = Arc::new(weights::commit(network, &|_| {}));
        let anvil = Anvil::start(0, None).unwrap();
        let rpc = Rpc::connect(&anvil.url(), Duration::from_secs(60)).await.unwrap();
        for side in [Side::Player, Side::Operator] {
            let parameters = serde_json::json!([account(side).address(), "0x3635c9adc5dea00000"]);
            rpc.raw("anvil_setBalance", parameters).await.unwrap();
        }
        let contracts = deploy(&rpc, &account(Side::Operator), &model.verifying_key(), 1).await.unwrap();
        let chain = |side| Chain::connect(rpc.clone(), contracts.settlement, Some(account(side)));
        chain(Side::Operator).await.unwrap().deposit(10 * STAKE).await.unwrap();
        let player = chain(Side::Player).await.unwrap();
        Self { rpc, contracts, player, model, _anvil: anvil }
    }

    async fn serve(&self, folder: &Path) -> TestServer {
        let chain =
            Chain::connect(self.rpc.clone(), self.contracts.settlement, Some(account(Side::Operator)));
        let limits = StakesLimits { bond: BOND, poll: Duration::from_millis(100), ..StakesLimits::default() };
        let key = Arc::new(account(Side::Operator).key().clone());
        let stakes = Stakes { key, chain: Arc::new(chain.await.unwrap()), limits };
        let config = ServerConfig::new(
            Arc::clone(&self.model),
            ProofMode::Gkr,
            folder.join("store"),
            folder.join("model.cache"),
        );
        TestServer::start(ServerConfig { stakes: Some(stakes), ..config }).await
    }

    async fn wait(&self, seconds: u32) {
        self.rpc.raw("evm_increaseTime", serde_json::json!([seconds])).await.unwrap();
        self.rpc.raw("evm_mine", serde_json::json!([])).await.unwrap();
    }

    /// What a side has in the contract.
    async fn held(&self, side: Side) -> u128 {
        self.player.balance(account(side).address()).await.unwrap().to()
    }

    /// Waits until the chain shows what is wanted.
    async fn until(&self, offer: &SignedOffer, wanted: impl Fn(&OnChain) -> bool) -> OnChain {
        for _ in 0..1_200 {
            let seen = self.player.look(offer).await.unwrap();
            if wanted(&seen) {
                return seen;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the chain never came to that: {:?}", self.player.look(offer).await);
    }
}

/// A player with its own verifier.
struct Player<'a> {
    table: &'a Table,
    key: VerifyingKey,
    client: Client,
    game_id: GameId,
    game: PlayerGame,
    /// The last element of the seed chain.
    element: [u8; 32],
}

/// The network's move as it came.
struct Answer {
    uci: String,
    element: [u8; 32],
    signature: WireSignature,
}

impl<'a> Player<'a> {
    /// Asks for a game, checks the offer, takes it on chain, and waits until the server has seen that.
    async fn open(table: &'a Table, server: &TestServer, file: &Path) -> Self {
        let mut client = Client::connect(server.address).await;
        let domain = table.player.domain();
        let address = account(Side::Player).address().into_array();
        let stakes = StakesWish {
            chain_id: domain.chain_id,
            settlement: HexBytes(domain.contract),
            player: HexBytes(address),
            stake: Wei(STAKE),
        };
        client
            .send(ClientMessage::NewStakedGame { human_side: SideChoice::White, level: LEVEL, stakes })
            .await;
        let ServerMessage::Game { game_id, stakes: Some(stakes), .. } = client.game_message().await else {
            panic!("no offer");
        };
        let key = table.model.verifying_key();
        let offer = SignedOffer::try_from(&stakes.offer).unwrap();
        let wanted = Wanted {
            domain,
            player: address,
            model_digest: *key.digest().as_bytes(),
            level: LEVEL,
            stake: STAKE,
            max_bond: BOND,
            white: Some(true),
            min_response_seconds: 60,
        };
        let (_, now) = table.rpc.latest_block().await.unwrap();
        wanted.check(&offer, now).unwrap();
        assert_eq!(game_id.0, offer.game_id());
        let (nonce, element) = ([0x5a; 16], offer.offer.seed_head);
        let game = PlayerGame::begin(file, offer, nonce).unwrap();
        table.player.open(game.game().offer(), nonce).await.unwrap();
        client.send(ClientMessage::StakesOpened { game_id, nonce: HexBytes(nonce) }).await;
        let told = ServerMessage::StakesOpened { game_id, nonce: HexBytes(nonce) };
        assert_eq!(client.game_message().await, told);
        Self { table, key, client, game_id, game, element }
    }

    fn record(&self) -> &GameRecord {
        self.game.game().record()
    }

    /// The first legal move by name that does not end the game.
    fn choose(&self) -> String {
        let position = self.record().position();
        let goes_on = |mv: &_| position.clone().play(*mv).is_ok_and(|next| !next.is_game_over());
        position.legal_moves().into_iter().filter(goes_on).map(GameRecord::uci).min().unwrap()
    }

    async fn play(&mut self) {
        let (uci, ply) = (self.choose(), self.record().ply());
        let signature = self.game.sign_move(ply, &uci, account(Side::Player).key()).unwrap();
        let (game_id, ply) = (self.game_id, u32::try_from(ply).unwrap());
        self.client
            .send(ClientMessage::Move { game_id, ply, uci, signature: Some(HexBytes(signature)) })
            .await;
    }

    /// Takes the network's move once its proof is verified; until then nothing can be signed.
    async fn answer(&mut self) {
        let ply = self.record().ply();
        let (mut answer, mut proof): (Option<Answer>, Option<Vec<u8>>) = (None, None);
        while answer.is_none() || proof.is_none() {
            match self.client.next().await {
                Received::Message(ServerMessage::BotMove {
                    ply: at,
                    uci,
                    seed_element: Some(element),
                    signature: Some(signature),
                    ..
                }) if at as usize == ply => answer = Some(Answer { uci, element: element.0, signature }),
                Received::Proof(frame) if frame.ply as usize == ply => proof = Some(frame.proof),
                Received::Message(ServerMessage::Error { message, .. }) => panic!("{message}"),
                Received::Closed(_) => panic!("the server closed the connection"),
                _ => {}
            }
        }
        let (Answer { uci, element, signature }, proof) = (answer.unwrap(), proof.unwrap());
        assert!(follows(&self.element, &element));
        let mut nonce = [0; 32];
        nonce[16..].copy_from_slice(&self.game.game().file().nonce);
        let seed = ply_seed(&nonce, &element, u32::try_from(ply).unwrap());
        let before = self.record().clone();
        let mut after = before.clone();
        let mv = after.play_uci(&uci).unwrap();
        let statement = Statement::single(self.game_id.0, &before, mv).unwrap();
        let statement = statement.at_level(Level::new(LEVEL).unwrap(), &[seed]).unwrap();
        verify(&self.key, &statement, Profile::Live, &proof).unwrap();
        self.game.take_verified(ply, &uci, Some(signature.0), Some(element)).unwrap();
        self.element = element;
    }

    /// What the player does on chain now; `silent`: the server does not answer.
    async fn act(&self, silent: bool) -> Option<Act> {
        let offer = self.game.game().offer();
        let seen = self.table.player.look(offer).await.unwrap();
        let act = next_act(self.game.game(), &seen, Side::Player, silent)?;
        self.table.player.act(self.game.game(), &act, None).await.unwrap();
        Some(act)
    }

    /// Takes the operator's answer from the chain, where the contract has verified it.
    async fn answered_on_chain(&mut self) {
        let offer = self.game.game().offer().clone();
        let ply = self.record().ply();
        let seen =
            self.table.until(&offer, |chain| chain.turn as usize > ply && chain.pending.is_none()).await;
        let mv = unseen_move(self.game.game(), &seen, Side::Player).unwrap();
        let element = seen.seed_element.unwrap();
        assert!(follows(&self.element, &element));
        self.game.take_verified(ply, &GameRecord::uci(mv), None, Some(element)).unwrap();
        self.element = element;
    }

    async fn reconnect(&mut self, server: &TestServer) -> ServerMessage {
        self.client = Client::connect(server.address).await;
        let have = (0..u32::try_from(self.record().ply()).unwrap()).collect();
        self.client.resume(self.game_id, have).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn games_for_stakes_on_a_chain() {
    if anvil_program().is_none() {
        eprintln!("skipped: anvil is not installed (contracts/tools/set-up installs it)");
        return;
    }
    let table = Table::new().await;
    let folder = tempfile::tempdir().unwrap();
    let deposit = table.held(Side::Operator).await;
    let server = table.serve(folder.path()).await;
    let mut player = Player::open(&table, &server, &folder.path().join("first.json")).await;
    let offer = player.game.game().offer().clone();
    assert_eq!(table.held(Side::Operator).await, deposit - STAKE - BOND);
    player.play().await;
    player.answer().await;
    // Nothing is wrong: nothing is sent.
    assert_eq!(player.act(false).await, None);

    // The server goes away; the player makes its next move on chain. The server comes back and answers there, with a proof.
    server.stop().await;
    let (uci, ply) = (player.choose(), player.record().ply());
    player.game.sign_move(ply, &uci, account(Side::Player).key()).unwrap();
    assert!(matches!(player.act(true).await, Some(Act::Challenge(_))));
    let server = table.serve(folder.path()).await;
    player.answered_on_chain().await;
    let ServerMessage::Game { moves, stakes: Some(stakes), .. } = player.reconnect(&server).await else {
        panic!("the server has forgotten the game");
    };
    assert_eq!(moves, player.record().uci_moves());
    assert_eq!(stakes.signatures.len(), 2);

    // They go on off chain, and the player gives up: the operator settles with its signature.
    player.play().await;
    player.answer().await;
    let signature = player.game.sign_result(Outcome::OperatorWins, account(Side::Player).key()).unwrap();
    let outcome = Outcome::OperatorWins.into();
    let message =
        ClientMessage::SignResult { game_id: player.game_id, outcome, signature: HexBytes(signature) };
    player.client.send(message).await;
    let over = table.until(&offer, |chain| matches!(chain.life, Life::Final { .. })).await;
    assert_eq!(over.life, Life::Final { outcome: Some(Outcome::OperatorWins) });
    // It went to dispute: the loser's bond goes along.
    assert_eq!(table.held(Side::Operator).await, deposit + STAKE + BOND);
    assert_eq!(table.held(Side::Player).await, 0);

    // Another game: the server is gone for good, and the player wins on time, from its file.
    let mut player = Player::open(&table, &server, &folder.path().join("second.json")).await;
    player.play().await;
    player.answer().await;
    server.stop().await;
    let (uci, ply) = (player.choose(), player.record().ply());
    player.game.sign_move(ply, &uci, account(Side::Player).key()).unwrap();
    player.game = PlayerGame::load(&folder.path().join("second.json")).unwrap();
    assert!(matches!(player.act(true).await, Some(Act::Challenge(_))));
    assert_eq!(player.act(true).await, None, "there is still time");
    table.wait(StakesLimits::default().response_seconds + 1).await;
    assert_eq!(player.act(true).await, Some(Act::ClaimTimeout));
    assert_eq!(table.held(Side::Player).await, 2 * STAKE + 2 * BOND);
    assert_eq!(player.act(true).await, None);
}
