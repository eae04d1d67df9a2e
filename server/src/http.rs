//! The HTTP before a WebSocket: the head of a request, and the answers to requests that ask for no WebSocket.

use crate::metrics::{CONTENT_TYPE, Metrics};
use std::io;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_tungstenite::tungstenite::{
    Error,
    error::ProtocolError,
    handshake::{
        machine::TryParse,
        server::{Request, create_response, write_response},
    },
};

/// Longest head of a request, in bytes.
const MAX_HEAD_BYTES: usize = 8 << 10;

/// A request without its body, and what came behind it.
pub(crate) struct Head {
    pub(crate) request: Request,
    pub(crate) rest: Vec<u8>,
}

/// Reads the head of a request.
///
/// # Errors
///
/// Fails when the other end goes, or sends something else than a GET.
pub(crate) async fn read_head(tcp: &mut TcpStream) -> io::Result<Head> {
    let bad = |reason: String| io::Error::new(io::ErrorKind::InvalidData, reason);
    let mut bytes = Vec::with_capacity(1 << 10);
    loop {
        let searched = bytes.len();
        if tcp.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        // The end may lie across two reads.
        let unsearched = bytes.get(searched.saturating_sub(3)..).unwrap_or_default();
        if unsearched.windows(4).any(|window| window == b"\r\n\r\n") {
            break;
        }
        if bytes.len() > MAX_HEAD_BYTES {
            return Err(bad(format!("the head of a request has more than {MAX_HEAD_BYTES} bytes")));
        }
    }
    match Request::try_parse(&bytes) {
        Ok(Some((length, request))) => {
            let rest = bytes.split_off(length.min(bytes.len()));
            Ok(Head { request, rest })
        }
        Ok(None) => Err(bad("no head of a request".to_owned())),
        Err(error @ Error::Protocol(ProtocolError::WrongHttpMethod)) => {
            respond(tcp, Status::METHOD_NOT_ALLOWED, TEXT, "GET only\n").await?;
            Err(bad(error.to_string()))
        }
        Err(error) => Err(bad(error.to_string())),
    }
}

/// Whether a request asks for a WebSocket.
pub(crate) fn wants_websocket(request: &Request) -> bool {
    request.headers().contains_key("upgrade")
}

/// Accepts a request for a WebSocket.
///
/// # Errors
///
/// Fails when the other end goes, or if its request isn't as WebSockets want it.
pub(crate) async fn accept_websocket(tcp: &mut TcpStream, request: &Request) -> io::Result<()> {
    let mut bytes = Vec::new();
    let response = create_response(request).and_then(|response| write_response(&mut bytes, &response));
    if let Err(error) = response {
        respond(tcp, Status::BAD_REQUEST, TEXT, &format!("{error}\n")).await?;
        return Err(io::Error::new(io::ErrorKind::InvalidData, error.to_string()));
    }
    tcp.write_all(&bytes).await
}

/// Status line of an answer.
#[derive(Clone, Copy)]
pub(crate) struct Status(&'static str);

impl Status {
    pub(crate) const OK: Self = Self("200 OK");
    pub(crate) const BAD_REQUEST: Self = Self("400 Bad Request");
    pub(crate) const FORBIDDEN: Self = Self("403 Forbidden");
    pub(crate) const NOT_FOUND: Self = Self("404 Not Found");
    pub(crate) const METHOD_NOT_ALLOWED: Self = Self("405 Method Not Allowed");
    pub(crate) const INTERNAL: Self = Self("500 Internal Server Error");
    pub(crate) const UNAVAILABLE: Self = Self("503 Service Unavailable");
}

/// Media type of plain answers.
pub(crate) const TEXT: &str = "text/plain; charset=utf-8";

/// Media type of a page.
const HTML: &str = "text/html; charset=utf-8";

/// What the server has to say about itself.
pub(crate) struct Health {
    /// Why it can't do its work, if it can't.
    pub(crate) failed: Option<String>,
    /// Word for the prover's state.
    pub(crate) prover: &'static str,
}

/// Answers a request that asks for no WebSocket. `metrics` is `None` on the listener for players.
///
/// # Errors
///
/// Fails when the other end goes.
pub(crate) async fn answer(
    tcp: &mut TcpStream,
    request: &Request,
    health: &Health,
    metrics: Option<&Metrics>,
) -> io::Result<()> {
    match (request.uri().path(), metrics) {
        ("/health", _) => {
            let (status, word) = match &health.failed {
                None => (Status::OK, "ok"),
                Some(reason) => (Status::UNAVAILABLE, reason.as_str()),
            };
            let body = format!("{word}\nprover: {}\n", health.prover);
            respond(tcp, status, TEXT, &body).await
        }
        ("/metrics", Some(metrics)) => match metrics.encode() {
            Ok(text) => respond(tcp, Status::OK, CONTENT_TYPE, &text).await,
            Err(error) => {
                tracing::error!("metrics: {error}");
                respond(tcp, Status::INTERNAL, TEXT, "the metrics can't be written\n").await
            }
        },
        ("/verify", None) => {
            let page = verifier_web::page::page();
            let headers = format!(
                "Content-Security-Policy: {}\r\nReferrer-Policy: no-referrer\r\n\
                 Cross-Origin-Opener-Policy: same-origin\r\nCross-Origin-Resource-Policy: same-origin\r\n",
                page.policy
            );
            respond_with(tcp, Status::OK, HTML, &headers, &page.html).await
        }
        ("/", None) => {
            let body = "This is a Fairmate server: it speaks WebSocket. Connect with a client, or check a game's proofs at /verify.\n";
            respond(tcp, Status::OK, TEXT, body).await
        }
        _ => respond(tcp, Status::NOT_FOUND, TEXT, "nothing here\n").await,
    }
}

/// Sends an answer and ends the connection.
///
/// # Errors
///
/// Fails when the other end goes.
pub(crate) async fn respond(
    tcp: &mut TcpStream,
    status: Status,
    content_type: &str,
    body: &str,
) -> io::Result<()> {
    respond_with(tcp, status, content_type, "", body).await
}

/// The same with more headers, each with its line's end.
async fn respond_with(
    tcp: &mut TcpStream,
    Status(status): Status,
    content_type: &str,
    headers: &str,
    body: &str,
) -> io::Result<()> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\nCache-Control: no-store\r\n\
         X-Content-Type-Options: nosniff\r\n{headers}Connection: close\r\n\r\n"
    );
    tcp.write_all(head.as_bytes()).await?;
    tcp.write_all(body.as_bytes()).await?;
    tcp.shutdown().await
}
