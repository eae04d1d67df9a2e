//! Nodes that are away, overloaded, or none: real sockets, answers written by hand.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use settle::{ChainError, Rpc};

/// Serves one answer a request, then nothing more; gives its address.
fn node(answers: Vec<(&'static str, &'static str)>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/a-secret-access-key", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for (status, body) in answers {
            let (mut socket, _) = listener.accept().unwrap();
            read_request(&mut socket);
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            socket.write_all(head.as_bytes()).and_then(|()| socket.write_all(body.as_bytes())).unwrap();
        }
    });
    url
}

/// Head and body, so that closing the socket does not cut the request off.
fn read_request(socket: &mut std::net::TcpStream) {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&bytes).to_lowercase();
        let whole = text.split_once("\r\n\r\n").is_some_and(|(head, body)| {
            let length =
                head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
            body.len() >= length.unwrap_or(0)
        });
        if whole {
            return;
        }
        match socket.read(&mut buffer) {
            Ok(0) | Err(_) => return,
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
