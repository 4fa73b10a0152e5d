//! Strangers that send half a message, or nothing: each is closed when its time is up.

use std::pin::Pin;
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite};

use super::super::doors::{Doors, Talk};
use super::wire::options;
use super::wire::peer::StreamPeer;
use crate::support::gateway::GatewayConfig;
use crate::support::host::Host;

/// How long headers may take, a handshake, and a body.
const MESSAGE_DEADLINE: Duration = Duration::from_secs(10);

/// How long a stranger may say nothing that is a message.
const IDLE_DEADLINE: Duration = Duration::from_secs(30);

/// How much sooner a peer may be closed than is said: the HTTP server looks at its clock twice a second.
const EARLY_MAX: Duration = Duration::from_millis(600);

/// A busy machine may be so late.
const LATE_MAX: Duration = Duration::from_secs(6);

/// What a stranger does, and when it is over.
type Stranger<'d> = Pin<Box<dyn Future<Output = ()> + 'd>>;

/// Sends the second text in pieces, which helps nobody, and waits for the end; what came is a refusal or nothing.
async fn drip<S>(mut peer: StreamPeer<S>, at_once: &str, sent: &str, is_refused: bool)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    peer.send(at_once.as_bytes()).await;
    let begun = Instant::now();
    for part in sent.as_bytes().chunks(sent.len().div_ceil(8)) {
        peer.send(part).await;
        tokio::time::sleep(MESSAGE_DEADLINE / 16).await;
    }
    let answer = peer.receive_to_end().await;
    assert_took(begun, MESSAGE_DEADLINE, sent);
    assert_eq!(answer.starts_with("SIP/2.0 400 "), is_refused, "{sent:?} got {answer:?}");
}

/// Says nothing but what keeps alive, and waits for the end.
async fn idle<S: AsyncRead + AsyncWrite + Unpin>(mut peer: StreamPeer<S>, pings: usize) {
    let begun = Instant::now();
    for _ in 0..pings {
        peer.send(b"\r\n\r\n").await;
        tokio::time::sleep(IDLE_DEADLINE / 6).await;
    }
    assert_eq!(peer.receive_to_end().await, "\r\n".repeat(pings), "each ping has its pong");
    assert_took(begun, IDLE_DEADLINE, "nothing");
}

fn assert_took(begun: Instant, deadline: Duration, what: &str) {
    let took = begun.elapsed();
    let is_in_time = took + EARLY_MAX >= deadline && took <= deadline + LATE_MAX;
    assert!(is_in_time, "{what:?}: closed after {took:?}, not {deadline:?}");
}

/// Fails when `stream.rs`, `tcp.rs` or `ws.rs` set no deadline, or another one.
#[tokio::test(flavor = "multi_thread")]
async fn strangers_that_say_half_of_something_or_nothing_are_closed_in_time_and_a_call_does_not_notice() {
    let doors = Doors::new(GatewayConfig::default());
    let talk = Talk::begin(&doors.stage).await;
    let (host, d) = (Host::new(), &doors);
    let from = host.ip();
    let whole = options("TCP", "slow").replace("Content-Length: 0", "Content-Length: 10");
    let (head, half) = (whole.as_str(), &whole[..whole.len() - 10]);
    let tls = async || d.tls(from).await.expect("the gateway takes it");
    let mut strangers: Vec<Stranger<'_>> = vec![
        Box::pin(async { drip(d.tcp(from).await, "", "OPTIO", false).await }),
        Box::pin(async { drip(d.tcp(from).await, "", half, true).await }),
        Box::pin(async { drip(d.tcp(from).await, head, "five", true).await }),
        Box::pin(async { drip(tls().await, "", "OPTIO", false).await }),
        Box::pin(async { drip(tls().await, "", half, true).await }),
        Box::pin(async { drip(tls().await, head, "five", true).await }),
        // The head of a record of a handshake (RFC 8446 5.1), and no handshake.
        Box::pin(async { drip(d.below_tls(from).await, "", "\x16\x03\x01\x01\x00", false).await }),
        Box::pin(async { idle(d.tcp(from).await, 0).await }),
        Box::pin(async { idle(d.tcp(from).await, 4).await }),
        Box::pin(async { idle(tls().await, 4).await }),
    ];
    // Half the request that would open a WebSocket.
    strangers.push(Box::pin(async {
        let (mut peer, begun) = (d.https(from).await.expect("the server takes it"), Instant::now());
        peer.send(b"GET /sip HTTP/1.1\r\nHost: x\r\nUpg").await;
        let answer = peer.receive_to_end().await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408 "), "{answer}");
        assert_took(begun, MESSAGE_DEADLINE, "half an HTTP request");
    }));
    // Its pings are answered, and no sign of good will.
    strangers.push(Box::pin(async {
        let (mut peer, begun) = (d.wss(from).await.expect("it takes pages"), Instant::now());
        assert_eq!(peer.close_code().await, Some(1008));
        assert_took(begun, IDLE_DEADLINE, "a WebSocket");
    }));
    let count = strangers.len();
    futures_util::future::join_all(strangers).await;
    talk.assert_undisturbed().await;
    // The HTTP server counts its own.
    assert_eq!(doors.refused("deadline"), count - 1);
    talk.hang_up().await;
    doors.stage.gateway.assert_all_is_over(1);
}
