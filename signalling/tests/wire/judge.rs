//! Sends a message of the verdicts' table, judges what comes back, and asks whether others are served on.

use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::tungstenite::Message as Frame;

use super::peer::{StreamPeer, UdpPeer};
use super::verdicts::{Case, Heard, Waits, status};
use super::ws::WsPeer;
use super::{PATIENCE, options};

/// Sends it as a datagram, and OPTIONS from another port.
pub(crate) async fn judge_datagram(case: &Case, server: SocketAddr, waits: Waits) {
    let peer = UdpPeer::new(server).await;
    peer.send(&case.octets).await;
    let heard = match peer.receive_within(case.patience(&waits)).await {
        Some(answer) => Heard::Status(status(&answer)),
        None => Heard::Nothing,
    };
    case.check(&heard, "UDP");
    let probe = UdpPeer::new(server).await;
    probe.send(options("UDP", case.name()).as_bytes()).await;
    let answer = probe.receive_within(waits.answer).await;
    assert!(answer.is_some(), "no answer to OPTIONS after {}", case.name());
}

/// Sends it on a stream of its own, and OPTIONS on another.
pub(crate) async fn judge_stream<S: AsyncRead + AsyncWrite + Unpin>(
    case: &Case,
    transport: &str,
    waits: Waits,
    connect: impl AsyncFn() -> StreamPeer<S>,
) {
    let mut peer = connect().await;
    peer.send(&case.octets).await;
    let heard = match peer.receive_within(case.patience(&waits)).await {
        Some(Some(answer)) => Heard::Status(status(&answer)),
        Some(None) => Heard::Closed,
        None => Heard::Nothing,
    };
    if let Some(rule) = case.of_streams() {
        let is_right = match rule {
            "wait_then_close" => matches!(heard, Heard::Status(400) | Heard::Closed),
            "reject_and_close" => heard == Heard::Status(400),
            other => panic!("unknown rule {other}"),
        };
        assert!(is_right, "{}: {heard:?}", case.name());
        assert_eq!(peer.receive_to_end().await, "", "{}: closed", case.name());
    } else {
        case.check(&heard, transport);
    }
    let mut probe = connect().await;
    probe.send(options(transport, case.name()).as_bytes()).await;
    let answer = probe.receive_within(PATIENCE).await;
    assert!(matches!(answer, Some(Some(_))), "no answer to OPTIONS after {}", case.name());
}

/// Sends it on a WebSocket, and OPTIONS on the same one where it is still open.
pub(crate) async fn judge_websocket<S: AsyncRead + AsyncWrite + Unpin>(
    case: &Case,
    waits: Waits,
    connect: impl AsyncFn() -> WsPeer<S>,
) {
    let mut peer = connect().await;
    peer.send(Frame::binary(case.octets.clone())).await;
    let heard = match peer.frame_within(case.patience(&waits)).await {
        Some(Some(Frame::Text(text))) => Heard::Status(status(&text)),
        Some(Some(Frame::Binary(octets))) => Heard::Status(status(&String::from_utf8_lossy(&octets))),
        Some(Some(Frame::Close(_)) | None) => Heard::Closed,
        Some(Some(other)) => panic!("{}: {other:?}", case.name()),
        None => Heard::Nothing,
    };
    case.check(&heard, "WS");
    let mut probe = if heard == Heard::Closed { connect().await } else { peer };
    probe.send_text(&options("WS", case.name())).await;
    probe.receive().await;
}
