//! Nodes that are away, overloaded, or none, or that mix two blocks: real sockets, answers written by hand.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use alloy::primitives::aliases::{U40, U80};
use alloy::primitives::{Address, Bytes, U256};
use alloy::rpc::types::{Block, Log};
use alloy::sol_types::{SolCall, SolEvent, SolValue};
use protocol::GameRecord;
use serde_json::{Value, json};
use settle::bindings::settlement::Settlement as abi;
use settle::{Chain, ChainError, Rpc};
use settlement::dispute::{Awaited, Life, Pending};
use settlement::signature::Key;
use settlement::signed::SignedOffer;
use settlement::typed_data::{Domain, Offer, Side, State};

/// Serves one answer a request, then nothing more; gives its address.
fn node(answers: Vec<(&'static str, &'static str)>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/a-secret-access-key", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for (status, body) in answers {
            let (mut socket, _) = listener.accept().unwrap();
            read_request(&mut socket);
            write_answer(&mut socket, status, body);
        }
    });
    url
}

fn write_answer(socket: &mut TcpStream, status: &str, body: &str) {
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    socket.write_all(head.as_bytes()).and_then(|()| socket.write_all(body.as_bytes())).unwrap();
}

/// Reads head and body, so that closing the socket does not cut the request off; gives the body.
fn read_request(socket: &mut TcpStream) -> String {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&bytes);
        let whole = text.split_once("\r\n\r\n").filter(|(head, body)| {
            let head = head.to_lowercase();
            let length =
                head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
            body.len() >= length.unwrap_or(0)
        });
        if let Some((_, body)) = whole {
            return body.to_owned();
        }
        match socket.read(&mut buffer) {
            Ok(0) | Err(_) => return String::new(),
            Ok(count) => bytes.extend_from_slice(&buffer[..count]),
        }
    }
}

const CHAIN_7: (&str, &str) = ("200 OK", r#"{"jsonrpc":"2.0","id":0,"result":"0x7"}"#);
const BUSY: (&str, &str) = ("503 Service Unavailable", "busy");
const LIMITED: (&str, &str) =
    ("200 OK", r#"{"jsonrpc":"2.0","id":0,"error":{"code":-32005,"message":"rate limit exceeded"}}"#);

#[tokio::test]
async fn a_busy_node_is_asked_again() {
    let url = node(vec![BUSY, LIMITED, ("429 Too Many Requests", ""), CHAIN_7]);
    let rpc = Rpc::connect(&url, Duration::from_secs(60)).await.unwrap();
    assert_eq!(rpc.chain_id(), 7);
}

#[tokio::test]
async fn patience_ends() {
    let start = Instant::now();
    let url = node(vec![BUSY; 30]);
    let error = Rpc::connect(&url, Duration::from_secs(1)).await.unwrap_err();
    assert!(start.elapsed() >= Duration::from_millis(200), "asked more than once");
    assert!(matches!(&error, ChainError::Unreachable { reason, .. } if reason.contains("503")), "{error}");
    assert!(!error.to_string().contains("a-secret-access-key"), "{error}");
}

#[tokio::test]
async fn what_is_no_node_is_said_at_once() {
    for answer in [("200 OK", "<html>welcome</html>"), ("404 Not Found", "")] {
        let error = Rpc::connect(&node(vec![answer]), Duration::from_secs(60)).await.unwrap_err();
        assert!(matches!(error, ChainError::Node { .. }), "{error}");
        assert!(!error.to_string().contains("a-secret-access-key"), "{error}");
    }
    // A port that is free again: nobody listens.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = Rpc::connect(&url, Duration::ZERO).await.unwrap_err();
    assert!(matches!(error, ChainError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("settle devnet"), "{error}");
}

const CHAIN_ID: u64 = 31_337;
const CONTRACT: Address = Address::repeat_byte(6);
const BLOCK: (u64, u64) = (7, 1_000);

/// A node whose chain holds one game in dispute, and how often its latest block was asked for.
struct Disputed {
    chain: Chain,
    offer: SignedOffer,
    state: State,
    looks: Arc<AtomicU32>,
}

impl Disputed {
    /// State and log are of half-move 3. What the contract knows of the game is said as in `statuses`, one after the other, the last for ever: so a node answers that
    /// takes in blocks meanwhile.
    async fn new(statuses: &[abi::gamesReturn]) -> Self {
        let operator = Key::new(&[2; 32]).unwrap();
        let offer = Offer {
            operator: operator.address(),
            player: [1; 20],
            model_digest: [3; 32],
            seed_head: [4; 32],
            player_stake: 10,
            operator_stake: 10,
            bond: 1,
            response_seconds: 600,
            expiry: 2_000,
            level: 4,
            player_is_white: true,
            salt: [5; 32],
        };
        let domain = Domain { chain_id: CHAIN_ID, contract: CONTRACT.into_array() };
        let offer = SignedOffer::sign(domain, offer, &operator).unwrap();
        let record = GameRecord::replay(protocol::record::START_FEN, ["e2e4", "e7e5", "g1f3"]).unwrap();
        let state = State::of(offer.game_id(), &record);
        let presented = abi::Presented {
            gameId: state.game_id.into(),
            state: abi::State {
                gameId: state.game_id.into(),
                board: U256::from_be_bytes(state.position.board),
                meta: U80::from_be_bytes(state.position.meta),
                history: state.history.into(),
            },
            pending: 1,
            byPlayer: true,
            deadline: U40::from(1_600),
        };
        let mut log = Log { block_number: Some(BLOCK.0), ..Log::default() };
        log.inner.address = CONTRACT;
        log.inner.data = presented.encode_log_data();
        let mut block = <Block>::default();
        (block.header.inner.number, block.header.inner.timestamp) = BLOCK;

        let mut statuses: VecDeque<Vec<u8>> =
            statuses.iter().map(abi::gamesCall::abi_encode_returns).collect();
        let looks = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&looks);
        let hash = state.hash();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let mut called = |data: &[u8]| match data[..4].try_into().unwrap() {
                abi::gamesCall::SELECTOR if statuses.len() > 1 => statuses.pop_front().unwrap(),
                abi::gamesCall::SELECTOR => statuses[0].clone(),
                abi::stateOnChainCall::SELECTOR => hash.to_vec(),
                abi::rulesCall::SELECTOR | abi::routerCall::SELECTOR => Address::ZERO.abi_encode(),
                other => panic!("{other:?} is called"),
            };
            for socket in listener.incoming() {
                let mut socket = socket.unwrap();
                let request: Value = serde_json::from_str(&read_request(&mut socket)).unwrap();
                let result = match request["method"].as_str().unwrap() {
                    "eth_chainId" => json!(format!("{CHAIN_ID:#x}")),
                    "eth_getCode" => json!("0x01"),
                    "eth_getLogs" => json!([log]),
                    "eth_getBlockByNumber" => {
                        counted.fetch_add(1, Ordering::Relaxed);
                        json!(block)
                    }
                    "eth_call" => {
                        let input: Bytes = request["params"][0]["input"].as_str().unwrap().parse().unwrap();
                        json!(Bytes::from(called(&input)))
                    }
                    other => panic!("{other} is asked for"),
                };
                let body = json!({ "jsonrpc": "2.0", "id": request["id"], "result": result });
                write_answer(&mut socket, "200 OK", &body.to_string());
            }
        });
        let rpc = Rpc::connect(&url, Duration::from_secs(10)).await.unwrap();
        let chain = Chain::connect(rpc, CONTRACT, None).await.unwrap();
        Self { chain, offer, state, looks }
    }
}

/// An open game in dispute. `pending` 1: the operator has to move.
fn status(turn: u16, pending: u8) -> abi::gamesReturn {
    abi::gamesReturn {
        nonce: 9,
        deadline: U40::from(1_600 * u64::from(pending)),
        turn,
        playerFloor: 0,
        operatorFloor: 0,
        status: 1,
        pending,
        presentedByPlayer: true,
        disputed: true,
        playerBondLost: false,
        operatorBondLost: false,
    }
}

#[tokio::test]
async fn parts_of_two_blocks_are_no_look_at_a_game() {
    let whole = Disputed::new(&[status(3, 1)]).await;
    let seen = whole.chain.look_at(&whole.offer, BLOCK).await.unwrap();
    assert_eq!((seen.life, seen.now), (Life::Open { nonce: 9u128.to_be_bytes() }, BLOCK.1));
    assert_eq!((seen.turn, seen.state), (3, Some(whole.state)));
    let pending = Pending { by: Side::Player, awaited: Awaited::Move, deadline: 1_600 };
    assert_eq!(seen.pending, Some(pending));

    // The turn of another block than the state, before and after.
    let other_turn = Disputed::new(&[status(1, 1)]).await;
    let error = other_turn.chain.look_at(&other_turn.offer, BLOCK).await.unwrap_err();
    assert!(matches!(error, ChainError::Malformed(at) if at == CONTRACT), "{error}");
    // Answered between the first question and the last, and the state is none the wiser.
    let answered = Disputed::new(&[status(3, 1), status(3, 0)]).await;
    let error = answered.chain.look_at(&answered.offer, BLOCK).await.unwrap_err();
    assert!(matches!(error, ChainError::Malformed(at) if at == CONTRACT), "{error}");
}

#[tokio::test]
async fn a_look_that_mixed_two_blocks_is_taken_again() {
    let node = Disputed::new(&[status(1, 1), status(3, 1), status(3, 0)]).await;
    let seen = node.chain.look(&node.offer).await.unwrap();
    assert_eq!((seen.turn, seen.pending, seen.state), (3, None, Some(node.state)));
    assert_eq!(node.looks.load(Ordering::Relaxed), 3);
    // A node that never gets its parts together is given up.
    let broken = Disputed::new(&[status(1, 1)]).await;
    let error = broken.chain.look(&broken.offer).await.unwrap_err();
    assert!(matches!(error, ChainError::Malformed(at) if at == CONTRACT), "{error}");
    assert_eq!(broken.looks.load(Ordering::Relaxed), 10);
}
