//! Games for stakes between a client and a server, without a chain: what is refused, what is signed, and that a killed server never signs
//! two states of one ply. What the contract holds is set by the tests here; the same with the contract itself on anvil is
//! `settle/tests/server.rs`.

mod common;

use common::{Client, TestEngine, TestServer, config};
use futures_util::future::BoxFuture;
use protocol::{
    ClientMessage, ErrorCode, GameId, GameRecord, GameTerms, Hex32, HexBytes, ProofMode, ServerMessage,
    SettledOutcome, SideChoice, StakesOffer, StakesWish, Wei, WireSignature,
    shakmaty::{Move, Position},
};
use server::{
    Account, Chain, ChainError, Engine, EngineError, MoveProver, Sampling, ServerConfig, Stakes, StakesLimits,
};
use settlement::{
    dispute::{Act, Awaited, Life, OnChain, Pending},
    game_file::StakedGame,
    position::PositionWords,
    signature::{Address, Key},
    signed::{SignedOffer, SignedResult, SignedState},
    typed_data::{Domain, Outcome, Side, State},
};
use std::{
    collections::HashMap,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

const DOMAIN: Domain = Domain { chain_id: 31_337, contract: [6; 20] };
const NONCE: [u8; 16] = [7; 16];

fn player() -> Key {
    Key::new(&[1; 32]).unwrap()
}

fn operator() -> Key {
    Key::new(&[2; 32]).unwrap()
}

/// What a contract would hold, as a test sets it.
#[derive(Clone)]
struct Held {
    chain: Arc<Mutex<OnChain>>,
    balance: u128,
    sent: Arc<Mutex<Vec<Act>>>,
    /// Looks at games.
    looks: Arc<AtomicUsize>,
}

impl Held {
    fn new(life: Life) -> Self {
        let chain = OnChain { life, now: 1_000, pending: None, turn: 0, state: None, seed_element: None };
        Self {
            chain: Arc::new(Mutex::new(chain)),
            balance: 1_000,
            sent: Arc::default(),
            looks: Arc::default(),
        }
    }

    fn set(&self, change: impl FnOnce(&mut OnChain)) {
        change(&mut self.chain.lock().unwrap());
    }
}

impl Chain for Held {
    fn domain(&self) -> Domain {
        DOMAIN
    }

    fn account(&self, account: Address) -> BoxFuture<'_, Result<Account, ChainError>> {
        assert_eq!(account, operator().address());
        Box::pin(async { Ok(Account { balance: self.balance, now: 1_000 }) })
    }

    fn look<'a>(&'a self, _: &'a SignedOffer) -> BoxFuture<'a, Result<OnChain, ChainError>> {
        self.looks.fetch_add(1, Ordering::Relaxed);
        Box::pin(async { Ok(self.chain.lock().unwrap().clone()) })
    }

    fn act<'a>(
        &'a self,
        _: &'a StakedGame,
        act: &'a Act,
        proof: Option<&'a [u8]>,
    ) -> BoxFuture<'a, Result<(), ChainError>> {
        assert_eq!(proof.is_some(), act.own_move().is_some());
        self.sent.lock().unwrap().push(act.clone());
        Box::pin(async { Ok(()) })
    }
}

fn staked(engine: TestEngine, store: &Path, chain: &Held) -> ServerConfig {
    let limits = StakesLimits {
        max_stake: 500,
        bond: 100,
        poll: Duration::from_millis(20),
        ..StakesLimits::default()
    };
    let stakes = Stakes { key: Arc::new(operator()), chain: Arc::new(chain.clone()), limits };
    ServerConfig { stakes: Some(stakes), ..config(engine, ProofMode::Gkr, store) }
}

fn wish() -> StakesWish {
    StakesWish {
        chain_id: DOMAIN.chain_id,
        settlement: HexBytes(DOMAIN.contract),
        player: HexBytes(player().address()),
        stake: Wei(500),
    }
}

/// A player at a board with an offer on it.
struct Table {
    client: Client,
    game_id: GameId,
    offer: SignedOffer,
    record: GameRecord,
    state: State,
}

impl Table {
    async fn sit(address: SocketAddr, human_side: SideChoice) -> Self {
        let mut client = Client::connect(address).await;
        client.send(ClientMessage::NewStakedGame { human_side, level: 3, stakes: wish() }).await;
        let (game_id, offer) = match client.game_message().await {
            ServerMessage::Game { game_id, stakes: Some(stakes), seeds: Some(seeds), terms, .. } => {
                assert_eq!((seeds.nonce, terms.rated, terms.level), (None, true, 3));
                let offer = SignedOffer::try_from(&stakes.offer).unwrap();
                assert_eq!(offer.offer.seed_head, seeds.head.0);
                (game_id, offer)
            }
            other => panic!("expected an offer, got {other:?}"),
        };
        offer.check().unwrap();
        assert_eq!(game_id.0, offer.game_id());
        let record = GameRecord::default();
        let state = State::of(game_id.0, &record);
        Self { client, game_id, offer, record, state }
    }

    async fn opened(&mut self) {
        self.client.send(ClientMessage::StakesOpened { game_id: self.game_id, nonce: HexBytes(NONCE) }).await;
        let told = ServerMessage::StakesOpened { game_id: self.game_id, nonce: HexBytes(NONCE) };
        assert_eq!(self.client.game_message().await, told);
    }

    /// The message of a move, signed.
    fn signed_move(&self, uci: &str) -> (ClientMessage, GameRecord, State) {
        let mut record = self.record.clone();
        record.play_uci(uci).unwrap();
        let state = self.state.after(PositionWords::of(&record));
        let signed = SignedState::sign(&self.offer.domain, &self.offer.offer, state, &player()).unwrap();
        let ply = u32::try_from(self.record.ply()).unwrap();
        let signature = Some(HexBytes(signed.signature));
        (ClientMessage::Move { game_id: self.game_id, ply, uci: uci.into(), signature }, record, state)
    }

    async fn play(&mut self, uci: &str) {
        let (message, record, state) = self.signed_move(uci);
        let ply = u32::try_from(self.record.ply()).unwrap();
        self.client.send(message).await;
        assert_eq!(
            self.client.game_message().await,
            ServerMessage::MoveAccepted { game_id: self.game_id, ply }
        );
        (self.record, self.state) = (record, state);
    }

    /// Takes the network's move and checks its signature.
    async fn answer(&mut self) {
        match self.client.game_message().await {
            ServerMessage::BotMove {
                ply, uci, signature: Some(signature), seed_element: Some(_), ..
            } => {
                assert_eq!(ply as usize, self.record.ply());
                self.take(&uci, signature);
            }
            other => panic!("expected a signed move, got {other:?}"),
        }
    }

    fn take(&mut self, uci: &str, signature: WireSignature) {
        self.record.play_uci(uci).unwrap();
        self.state = self.state.after(PositionWords::of(&self.record));
        let signed = SignedState { state: self.state, signature: signature.0 };
        signed.check(&self.offer.domain, &self.offer.offer).unwrap();
    }

    async fn refused(&mut self, message: ClientMessage, expected: ErrorCode) {
        self.client.send(message).await;
        match self.client.game_message().await {
            ServerMessage::Error { code, message, .. } => assert_eq!(code, expected, "{message}"),
            other => panic!("expected a refusal, got {other:?}"),
        }
    }

    fn result(&self, outcome: Outcome, key: &Key) -> ClientMessage {
        let signed = SignedResult::sign(&self.offer, outcome, key).unwrap();
        ClientMessage::SignResult {
            game_id: self.game_id,
            outcome: outcome.into(),
            signature: HexBytes(signed.signature),
        }
    }
}

#[tokio::test]
async fn offers_are_made_within_limits() {
    let folder = tempfile::tempdir().unwrap();
    let ask = |level, change: fn(&mut StakesWish)| {
        let mut stakes = wish();
        change(&mut stakes);
        ClientMessage::NewStakedGame { human_side: SideChoice::White, level, stakes }
    };
    let plain =
        TestServer::start(config(TestEngine::default(), ProofMode::Gkr, &folder.path().join("0"))).await;
    let mut client = Client::connect(plain.address).await;
    client.send(ask(3, |_| ())).await;
    let answer = client.game_message().await;
    assert!(
        matches!(&answer, ServerMessage::Error { code: ErrorCode::NoStakes, message, .. } if message.contains("does not play for stakes"))
    );
    plain.stop().await;

    let chain = Held::new(Life::Unopened);
    let server = TestServer::start(staked(TestEngine::default(), &folder.path().join("1"), &chain)).await;
    let mut client = Client::connect(server.address).await;
    for (message, expected) in [
        (ask(0, |_| ()), ErrorCode::BadTerms),
        (ask(8, |_| ()), ErrorCode::BadTerms),
        (ask(3, |wish| wish.chain_id = 1), ErrorCode::NoStakes),
        (ask(3, |wish| wish.settlement.0[0] ^= 1), ErrorCode::NoStakes),
        (ask(3, |wish| wish.stake = Wei(501)), ErrorCode::NoStakes),
        (ask(3, |wish| wish.player = HexBytes(operator().address())), ErrorCode::NoStakes),
    ] {
        client.send(message).await;
        let answer = client.game_message().await;
        assert!(matches!(&answer, ServerMessage::Error { code, .. } if *code == expected), "{answer:?}");
    }
    server.stop().await;
    let poor = Held { balance: 599, ..Held::new(Life::Unopened) };
    let server = TestServer::start(staked(TestEngine::default(), &folder.path().join("2"), &poor)).await;
    let mut client = Client::connect(server.address).await;
    client.send(ask(3, |_| ())).await;
    let answer = client.game_message().await;
    assert!(
        matches!(&answer, ServerMessage::Error { message, .. } if message.contains("deposit")),
        "{answer:?}"
    );
    server.stop().await;
}

/// Offers cost a player nothing: those that wait are limited, for a player and in all. One that was taken makes room.
#[tokio::test]
async fn offers_that_wait_are_limited() {
    let folder = tempfile::tempdir().unwrap();
    let chain = Held::new(Life::Unopened);
    let mut config = staked(TestEngine::default(), folder.path(), &chain);
    let limits = &mut config.stakes.as_mut().unwrap().limits;
    (limits.max_offers, limits.max_offers_per_player) = (3, 2);
    let server = TestServer::start(config.clone()).await;
    let mut client = Client::connect(server.address).await;
    let ask = async |client: &mut Client, player: u8| {
        let stakes = StakesWish { player: HexBytes([player; 20]), ..wish() };
        client.send(ClientMessage::NewStakedGame { human_side: SideChoice::White, level: 3, stakes }).await;
        loop {
            match client.game_message().await {
                ServerMessage::Game { .. } => return Ok(()),
                ServerMessage::Error { code: ErrorCode::Busy, message, .. } => return Err(message),
                // Of an offer before this one.
                ServerMessage::StakesOpened { .. } => {}
                other => panic!("expected an offer or a refusal, got {other:?}"),
            }
        }
    };
    for _ in 0..2 {
        ask(&mut client, 1).await.unwrap();
    }
    assert!(ask(&mut client, 1).await.unwrap_err().contains("this player"));
    ask(&mut client, 2).await.unwrap();
    assert!(ask(&mut client, 3).await.unwrap_err().contains("too many offers"));
    server.stop().await;
    // They still wait after a restart, once the chain was looked at for each.
    let looked = chain.looks.load(Ordering::Relaxed);
    let server = TestServer::start(config.clone()).await;
    until(|| chain.looks.load(Ordering::Relaxed) > looked + 3).await;
    let mut client = Client::connect(server.address).await;
    assert!(ask(&mut client, 3).await.unwrap_err().contains("too many offers"));
    chain.set(|chain| chain.life = Life::Open { nonce: NONCE });
    let looked = chain.looks.load(Ordering::Relaxed);
    until(|| chain.looks.load(Ordering::Relaxed) > looked + 6).await;
    ask(&mut client, 3).await.unwrap();
    server.stop().await;
    // One that comes to nothing does not wait.
    chain.set(|chain| chain.life = Life::Unopened);
    config.limits.max_live_games = 0;
    config.store_dir = folder.path().join("full");
    let server = TestServer::start(config).await;
    let mut client = Client::connect(server.address).await;
    for _ in 0..4 {
        assert!(ask(&mut client, 1).await.unwrap_err().contains("too many games"));
    }
    server.stop().await;
}

/// Waits for a condition.
async fn until(condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(common::PATIENCE, waiting).await.expect("it does not come to that");
}

/// Whoever fills the server with games without stakes does not keep the operator from answering a challenge.
#[tokio::test]
async fn a_full_server_answers_a_challenge() {
    let folder = tempfile::tempdir().unwrap();
    let chain = Held::new(Life::Open { nonce: NONCE });
    let mut config = staked(TestEngine::default(), folder.path(), &chain);
    config.limits.max_live_games = 1;
    config.limits.game_idle_timeout = Duration::from_millis(5);
    config.stakes.as_mut().unwrap().limits.poll = Duration::from_millis(300);
    let server = TestServer::start(config).await;
    let mut table = Table::sit(server.address, SideChoice::White).await;
    table.opened().await;
    table.play("e2e4").await;
    let challenged = table.state;
    table.answer().await;
    drop(table.client);
    let mut casual = Client::connect(server.address).await;
    let terms = GameTerms::default();
    let new = || ClientMessage::NewGame { human_side: SideChoice::White, start_fen: None, terms };
    tokio::time::timeout(common::PATIENCE, async {
        loop {
            casual.send(new()).await;
            match casual.game_message().await {
                ServerMessage::Game { .. } => break,
                ServerMessage::Error { code: ErrorCode::Busy, .. } => {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                other => panic!("expected a game or a refusal, got {other:?}"),
            }
        }
    })
    .await
    .unwrap();
    casual.send(new()).await;
    let full = casual.game_message().await;
    assert!(matches!(full, ServerMessage::Error { code: ErrorCode::Busy, .. }), "{full:?}");
    chain.set(|chain| {
        let pending = Pending { by: Side::Player, awaited: Awaited::Move, deadline: 2_000 };
        (chain.pending, chain.turn, chain.state) =
            (Some(pending), challenged.position.ply(), Some(challenged));
    });
    until(|| !chain.sent.lock().unwrap().is_empty()).await;
    let sent = chain.sent.lock().unwrap()[0].clone();
    assert!(matches!(sent, Act::Respond(_)), "{sent:?}");
    server.stop().await;
}

/// Nothing is played before the game is open on chain; every state is signed by its mover; what isn't is refused with its name.
#[tokio::test]
async fn both_sides_sign_every_state() {
    let folder = tempfile::tempdir().unwrap();
    let chain = Held::new(Life::Unopened);
    let server = TestServer::start(staked(TestEngine::default(), folder.path(), &chain)).await;
    let mut table = Table::sit(server.address, SideChoice::White).await;
    let game_id = table.game_id;
    let (first, ..) = table.signed_move("e2e4");
    table.refused(first.clone(), ErrorCode::NotOpened).await;
    let nonce = ClientMessage::Nonce { game_id, nonce: Hex32([9; 32]) };
    table.refused(nonce, ErrorCode::WrongNonce).await;
    chain.set(|chain| chain.life = Life::Open { nonce: NONCE });
    table.opened().await;
    let other = ClientMessage::StakesOpened { game_id, nonce: HexBytes([8; 16]) };
    table.refused(other, ErrorCode::WrongNonce).await;

    let ClientMessage::Move { signature: Some(good), .. } = first else { unreachable!() };
    let (ClientMessage::Move { signature: other, .. }, ..) = table.signed_move("d2d4") else {
        unreachable!()
    };
    let mut damaged = good;
    damaged.0[64] = 0;
    for signature in [None, other, Some(damaged)] {
        let message = ClientMessage::Move { game_id, ply: 0, uci: "e2e4".into(), signature };
        table.refused(message, ErrorCode::BadSignature).await;
    }
    for uci in ["e2e4", "d2d4", "g1f3"] {
        table.play(uci).await;
        table.answer().await;
    }
    table.refused(ClientMessage::TakeBack { game_id, ply: 4 }, ErrorCode::NoTakeback).await;
    table.refused(ClientMessage::Resign { game_id }, ErrorCode::BadSignature).await;
    let drawn = table.result(Outcome::Draw, &player());
    table.refused(drawn, ErrorCode::NoDraw).await;
    let won = table.result(Outcome::PlayerWins, &player());
    table.refused(won, ErrorCode::WrongResult).await;
    let ClientMessage::SignResult { outcome, .. } = table.result(Outcome::OperatorWins, &player()) else {
        unreachable!()
    };
    let forged = ClientMessage::SignResult { game_id, outcome, signature: good };
    table.refused(forged, ErrorCode::BadSignature).await;

    // Resigning: the operator settles with the player's signature.
    let lost = table.result(Outcome::OperatorWins, &player());
    table.client.send(lost.clone()).await;
    assert!(matches!(table.client.game_message().await, ServerMessage::GameOver { .. }));
    table.client.send(lost).await;
    assert!(matches!(table.client.game_message().await, ServerMessage::GameOver { .. }));
    until(|| !chain.sent.lock().unwrap().is_empty()).await;
    let sent = chain.sent.lock().unwrap()[0].clone();
    assert!(matches!(sent, Act::Settle { outcome: Outcome::OperatorWins, player: Some(_), .. }), "{sent:?}");
    chain.set(|chain| chain.life = Life::Final { outcome: Some(Outcome::OperatorWins) });
    // A game without stakes takes no signature.
    let (casual, _) = table.client.new_game_on(SideChoice::White, None, GameTerms::default()).await;
    let message = ClientMessage::Move { game_id: casual, ply: 0, uci: "e2e4".into(), signature: Some(good) };
    table.refused(message, ErrorCode::BadSignature).await;
    server.stop().await;
}

/// A loss of the network's is signed by the operator, with the move that ends the game; a game that ends on chain is over here, too.
#[tokio::test]
async fn the_loser_signs() {
    let folder = tempfile::tempdir().unwrap();
    let chain = Held::new(Life::Open { nonce: NONCE });
    let server = TestServer::start(staked(TestEngine::default(), folder.path(), &chain)).await;
    let mut table = Table::sit(server.address, SideChoice::White).await;
    table.opened().await;
    // The network plays the first move by name: a7a5, a5a4, ...
    for uci in ["e2e4", "d1h5", "f1c4", "h5f7"] {
        table.play(uci).await;
        if table.record.position().is_checkmate() {
            break;
        }
        table.answer().await;
    }
    assert!(table.record.position().is_checkmate());
    assert!(matches!(table.client.game_message().await, ServerMessage::GameOver { .. }));
    let ServerMessage::ResultSigned { outcome: SettledOutcome::PlayerWins, signature, .. } =
        table.client.game_message().await
    else {
        panic!("the loser has not signed");
    };
    let result = SignedResult {
        game_id: table.game_id.0,
        outcome: Outcome::PlayerWins,
        by: Side::Operator,
        signature: signature.0,
    };
    result.check(&table.offer).unwrap();
    let lost = table.result(Outcome::OperatorWins, &player());
    table.refused(lost, ErrorCode::WrongResult).await;
    server.stop().await;

    // Everything is there after a restart, with the chain's verdict on another game.
    let server = TestServer::start(staked(TestEngine::default(), folder.path(), &chain)).await;
    let mut client = Client::connect(server.address).await;
    let ServerMessage::Game { stakes: Some(stakes), moves, .. } = client.resume(table.game_id, vec![]).await
    else {
        panic!("no stakes");
    };
    assert_eq!(stakes.offer, StakesOffer::from(&table.offer));
    assert_eq!((stakes.signatures.len(), moves.len()), (3, 7));
    assert_eq!(stakes.result.unwrap().signature, signature);
    let mut second = Table::sit(server.address, SideChoice::White).await;
    second.opened().await;
    chain.set(|chain| chain.life = Life::Final { outcome: Some(Outcome::PlayerWins) });
    let ServerMessage::GameOver { outcome, .. } = second.client.game_message().await else {
        panic!("goes on")
    };
    assert_eq!((outcome.winner, outcome.reason), (Some(protocol::Side::White), protocol::EndReason::OnChain));
    server.stop().await;
    // Without its chain a server leaves such games alone.
    let plain = TestServer::start(config(TestEngine::default(), ProofMode::Gkr, folder.path())).await;
    let mut client = Client::connect(plain.address).await;
    let answer = client.resume(table.game_id, vec![]).await;
    assert!(matches!(answer, ServerMessage::Error { code: ErrorCode::NoStakes, .. }), "{answer:?}");
    plain.stop().await;
}

/// Plays any legal move: asked twice, it answers differently.
struct Fickle(TestEngine);

impl Engine for Fickle {
    fn digest(&self) -> [u8; 32] {
        self.0.digest()
    }

    fn verifying_key(&self) -> Vec<u8> {
        self.0.verifying_key()
    }

    fn choose(&self, record: &GameRecord, _: Sampling) -> Option<Move> {
        let moves = record.position().legal_moves();
        let at = u32::from_be_bytes(Hex32(rand_bytes()).0[..4].try_into().ok()?) as usize;
        moves.get(at % moves.len().max(1)).copied()
    }

    fn open_prover(
        &self,
        cache: &Path,
        progress: &(dyn Fn(f32) + Sync),
    ) -> Result<Arc<dyn MoveProver>, EngineError> {
        self.0.open_prover(cache, progress)
    }
}

/// Differs from call to call and process to process.
fn rand_bytes() -> [u8; 32] {
    use std::hash::{BuildHasher, Hasher};
    let number = std::hash::RandomState::new().build_hasher().finish();
    settlement::keccak256(&number.to_be_bytes())
}

const CHILD: &str = "FAIRMATE_TEST_STAKES_STORE";

/// Not a test by itself: the server that `a_killed_server_never_signs_twice` starts and kills.
#[test]
fn child_server() {
    let Some(store) = std::env::var_os(CHILD) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let chain = Held::new(Life::Open { nonce: NONCE });
        let config = ServerConfig {
            engine: Arc::new(Fickle(TestEngine::default())),
            ..staked(TestEngine::default(), Path::new(&store), &chain)
        };
        let server = TestServer::start(config).await;
        // On stderr, which the harness doesn't keep.
        eprintln!("listening on {}", server.address);
        std::future::pending::<()>().await;
    });
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn start_child(store: &Path) -> (Killed, SocketAddr) {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child_server", "--nocapture"])
        .env(CHILD, store)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut child = Killed(child);
    let mut lines = BufReader::new(child.0.stderr.take().unwrap()).lines();
    let address = lines.find_map(|line| line.unwrap().strip_prefix("listening on ").map(str::to_owned));
    std::thread::spawn(move || lines.for_each(drop));
    (child, address.expect("the server did not start").parse().unwrap())
}

/// Kills the server at every moment between a move of the player's and the answer: whatever it has signed and sent stays as it was.
#[tokio::test]
async fn a_killed_server_never_signs_twice() {
    let folder = tempfile::tempdir().unwrap();
    let (mut child, mut address) = start_child(folder.path());
    let mut table = Table::sit(address, SideChoice::White).await;
    table.opened().await;
    let mut signed: HashMap<usize, (State, WireSignature)> = HashMap::new();
    for round in 0..10_u64 {
        let own = table.record.position().legal_moves().into_iter().map(GameRecord::uci).min();
        let Some(uci) = own else { break };
        let (message, record, state) = table.signed_move(&uci);
        table.client.send(message).await;
        // Sometimes before the move is stored, sometimes after the answer was sent.
        tokio::time::sleep(Duration::from_millis(3 * (round % 6))).await;
        child.0.kill().unwrap();
        child.0.wait().unwrap();
        // What came before the kill counts.
        let mut heard = Vec::new();
        loop {
            match table.client.next().await {
                common::Received::Message(ServerMessage::BotMove { uci, signature, .. }) => {
                    heard.push((uci, signature.unwrap()));
                }
                common::Received::Closed(_) => break,
                _ => {}
            }
        }
        (child, address) = start_child(folder.path());
        table.client = Client::connect(address).await;
        let ServerMessage::Game { moves, stakes: Some(stakes), .. } =
            table.client.resume(table.game_id, vec![]).await
        else {
            panic!("the game is gone");
        };
        if moves.len() == table.record.ply() {
            // The move was lost with the server.
            assert!(heard.is_empty());
            table.play(&uci).await;
        } else {
            (table.record, table.state) = (record, state);
        }
        let (uci, signature) = match moves.get(table.record.ply()) {
            Some(uci) => (uci.clone(), stakes.signatures.last().copied().flatten().unwrap()),
            None => loop {
                if let ServerMessage::BotMove { uci, signature: Some(signature), .. } =
                    table.client.game_message().await
                {
                    break (uci, signature);
                }
            },
        };
        for before in heard {
            assert_eq!(before, (uci.clone(), signature), "two answers to one move");
        }
        table.take(&uci, signature);
        assert!(signed.insert(table.record.ply(), (table.state, signature)).is_none());
        let all: Vec<_> = stakes.signatures.iter().flatten().collect();
        for (number, signature) in all.into_iter().enumerate() {
            assert_eq!(signed.get(&(2 * number + 2)).map(|known| &known.1), Some(signature));
        }
        if table.record.position().is_game_over() {
            break;
        }
    }
    drop(child);
}

/// Whoever watches a game for stakes follows it on the board, and sees nothing that was signed.
#[tokio::test]
async fn who_watches_sees_no_signature() {
    let folder = tempfile::tempdir().unwrap();
    let chain = Held::new(Life::Unopened);
    let server = TestServer::start(staked(TestEngine::default(), folder.path(), &chain)).await;
    let mut table = Table::sit(server.address, SideChoice::White).await;
    let mut watcher = Client::connect(server.address).await;
    let game_id = table.game_id;
    let ServerMessage::Game { stakes: None, seeds: Some(seeds), .. } = watcher.watch(game_id, vec![]).await
    else {
        panic!("not the game as it is watched");
    };
    // The nonce is not known to the server before the game is open, and to those who watch no sooner.
    assert_eq!((seeds.nonce, seeds.elements.len()), (None, 0));
    chain.set(|chain| chain.life = Life::Open { nonce: NONCE });
    table.opened().await;
    for (ply, uci) in (0..).step_by(2).zip(["e2e4", "d1h5", "f1c4", "h5f7"]) {
        let (message, ..) = table.signed_move(uci);
        watcher.send(message).await;
        let refused = watcher.game_message().await;
        assert!(matches!(refused, ServerMessage::Error { code: ErrorCode::OnlyWatching, .. }), "{refused:?}");
        table.play(uci).await;
        assert_eq!(watcher.game_message().await, ServerMessage::PlayerMove { game_id, ply, uci: uci.into() });
        if table.record.position().is_checkmate() {
            break;
        }
        table.answer().await;
        match watcher.game_message().await {
            ServerMessage::BotMove { ply: at, signature: None, seed_element: Some(_), .. } => {
                assert_eq!(at, ply + 1);
            }
            other => panic!("expected the move without its signature, got {other:?}"),
        }
    }
    assert!(matches!(watcher.game_message().await, ServerMessage::GameOver { .. }));
    // The signed result goes to the player alone: the next that the watcher hears is the answer to its question.
    assert!(matches!(table.client.game_message().await, ServerMessage::GameOver { .. }));
    assert!(matches!(table.client.game_message().await, ServerMessage::ResultSigned { .. }));
    match watcher.watch(game_id, vec![]).await {
        ServerMessage::Game { stakes: None, seeds: Some(seeds), moves, .. } => {
            assert_eq!((seeds.nonce.is_some(), seeds.elements.len(), moves.len()), (true, 3, 7));
        }
        other => panic!("expected the game, got {other:?}"),
    }
    server.stop().await;
}
