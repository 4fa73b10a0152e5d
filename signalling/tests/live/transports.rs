//! The transports against peers on real sockets: framing, deadlines, caps, keep-alives.

use std::time::{Duration, Instant};

use crate::support::peer::{StreamPeer, UdpPeer};
use crate::support::{Listening, PATIENCE, options};
use bytes::Bytes;
use webtrunk_signalling::sip::flow::TransportKind;
use webtrunk_signalling::sip::message::{Message, Method, Request};
use webtrunk_signalling::sip::transport::{SendError, TransportLimits};

fn request(message: Message) -> Request {
    match message {
        Message::Request(request) => request,
        Message::Response(response) => panic!("a response: {response:?}"),
    }
}

/// Deadlines that a test can sit out, far enough apart to tell which one struck.
fn impatient() -> TransportLimits {
    TransportLimits {
        header_deadline: Duration::from_millis(300),
        body_deadline: Duration::from_millis(300),
        idle_unauthenticated: Duration::from_millis(600),
        write_deadline: Duration::from_millis(500),
        ..TransportLimits::default()
    }
}

#[tokio::test]
async fn a_datagram_comes_in_and_its_response_goes_back() {
    let mut listening = Listening::start(&[TransportKind::Udp], TransportLimits::default());
    let peer = UdpPeer::new(listening.address(0)).await;
    peer.send(b"\r\n\r\n").await;
    peer.send(options("UDP", "one").as_bytes()).await;
    let (flow, message) = listening.message().await;
    assert_eq!(request(message).method, Method::Options);
    assert_eq!((flow.kind, flow.remote, flow.connection), (TransportKind::Udp, peer.address(), None));
    listening.layer.send(&flow, Bytes::from_static(b"hello")).expect("a datagram always leaves");
    assert_eq!(peer.receive().await, "hello");
}

#[tokio::test]
async fn a_malformed_request_gets_400_with_the_reason_on_every_transport() {
    let mut listening =
        Listening::start(&[TransportKind::Udp, TransportKind::Tcp], TransportLimits::default());
    let bad = options("UDP", "bad").replace("Max-Forwards: 70", "Max-Forwards 70");
    let udp = UdpPeer::new(listening.address(0)).await;
    udp.send(bad.as_bytes()).await;
    let over_udp = udp.receive().await;
    let mut tcp = StreamPeer::connect(listening.address(1)).await;
    tcp.send(bad.as_bytes()).await;
    let over_tcp = tcp.receive().await.expect("an answer");
    for answer in [over_udp, over_tcp] {
        let (status_line, rest) = answer.split_once("\r\n").expect("a status line");
        assert!(
            status_line.starts_with("SIP/2.0 400 ") && status_line.contains("Header Line"),
            "{status_line}"
        );
        assert!(rest.contains("branch=z9hG4bKbad") && rest.contains("received=127.0.0.1"), "{rest}");
    }
    // Its framing was whole, so the stream goes on.
    tcp.send(options("TCP", "good").as_bytes()).await;
    listening.message().await;
}

#[tokio::test]
async fn a_malformed_response_and_a_malformed_ack_are_dropped() {
    let mut listening = Listening::start(&[TransportKind::Udp], TransportLimits::default());
    let peer = UdpPeer::new(listening.address(0)).await;
    peer.send(b"SIP/2.0 99999 Odd\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKx\r\n\r\n").await;
    let ack = options("UDP", "ack").replace("OPTIONS", "ACK").replace("Max-Forwards:", "Max-Forwards");
    peer.send(ack.as_bytes()).await;
    peer.send(options("UDP", "good").as_bytes()).await;
    listening.message().await;
    assert_eq!(peer.receive_within(Duration::from_millis(200)).await, None);
}

#[tokio::test]
async fn a_stream_is_cut_into_its_messages() {
    let mut listening = Listening::start(&[TransportKind::Tcp], TransportLimits::default());
    let mut peer = StreamPeer::connect(listening.address(0)).await;
    let two = options("TCP", "one") + &options("TCP", "two");
    for part in two.as_bytes().chunks(97) {
        peer.send(part).await;
    }
    for branch in ["z9hG4bKone", "z9hG4bKtwo"] {
        let (flow, message) = listening.message().await;
        assert_eq!(request(message).headers.via().expect("a Via").branch(), Some(branch));
        listening.layer.send(&flow, Bytes::from(branch)).expect("the stream is open");
        assert_eq!(peer.receive_exactly(branch.len()).await, branch.as_bytes());
    }
}

#[tokio::test]
async fn a_ping_on_a_stream_is_answered() {
    let listening = Listening::start(&[TransportKind::Tcp], TransportLimits::default());
    let mut peer = StreamPeer::connect(listening.address(0)).await;
    peer.send(b"\r\n\r\n").await;
    assert_eq!(peer.receive_exactly(2).await, b"\r\n");
}

#[tokio::test]
async fn a_stun_ping_on_the_udp_port_is_told_where_it_came_from() {
    let mut listening = Listening::start(&[TransportKind::Udp], TransportLimits::default());
    let peer = UdpPeer::new(listening.address(0)).await;
    let transaction = *b"twelve bytes";
    let ping = [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42], &transaction[..]].concat();
    peer.send(&ping).await;
    let pong = peer.receive_octets().await;
    assert_eq!(pong[..8], [1, 1, 0, 12, 0x21, 0x12, 0xa4, 0x42]);
    assert_eq!(pong[8..20], transaction);
    let port = u16::from_be_bytes([pong[26], pong[27]]) ^ 0x2112;
    assert_eq!((port, pong.len()), (peer.address().port(), 32));
    assert_eq!(listening.layer.counters().snapshot().pings_answered, 1);
    // Neither half of it, nor what is none, is taken for a message.
    peer.send(&ping[..19]).await;
    peer.send(options("UDP", "good").as_bytes()).await;
    listening.message().await;
}

#[tokio::test]
async fn slow_headers_and_bodies_that_never_come_end_the_stream() {
    let mut listening = Listening::start(&[TransportKind::Tcp], impatient());
    for (sent, is_answered) in [
        (options("TCP", "slow").replace("Content-Length: 0\r\n\r\n", "Content-"), true),
        (options("TCP", "slow").replace("Content-Length: 0", "Content-Length: 10"), true),
        ("OPTIO".to_owned(), false),
    ] {
        let mut peer = StreamPeer::connect(listening.address(0)).await;
        let started = Instant::now();
        // Dripping does not help: the deadline is the message's.
        for byte in sent.as_bytes().chunks(sent.len().div_ceil(5)) {
            peer.send(byte).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let answer = peer.receive_to_end().await;
        // Well before the usual deadline of ten seconds.
        assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
        assert_eq!(answer.starts_with("SIP/2.0 400 "), is_answered, "{sent:?} got {answer:?}");
        drop(peer);
        listening.closed().await;
    }
    assert_eq!(listening.layer.counters().snapshot().deadlines, 3);
}

#[tokio::test]
async fn a_stranger_may_not_idle_and_a_user_may() {
    let mut listening = Listening::start(&[TransportKind::Tcp], impatient());
    let mut user = StreamPeer::connect(listening.address(0)).await;
    user.send(options("TCP", "user").as_bytes()).await;
    let (flow, _) = listening.message().await;
    listening.layer.mark_authenticated(&flow);
    let mut stranger = StreamPeer::connect(listening.address(0)).await;
    let started = Instant::now();
    // Keep-alives are no sign of good will.
    stranger.send(b"\r\n\r\n").await;
    assert_eq!(stranger.receive_to_end().await, "\r\n");
    assert!(started.elapsed() >= Duration::from_millis(500));
    listening.closed().await;
    assert!(listening.layer.is_open(&flow));
    user.send(options("TCP", "again").as_bytes()).await;
    listening.message().await;
}

#[tokio::test]
async fn a_message_too_large_or_of_two_lengths_ends_the_stream() {
    let mut listening = Listening::start(&[TransportKind::Tcp], TransportLimits::default());
    let endless = "OPTIONS sip:a@b SIP/2.0\r\nSubject: ".to_owned() + &"x".repeat(70_000);
    let announced = options("TCP", "big").replace("Content-Length: 0", "Content-Length: 65536");
    let two = options("TCP", "two").replace("Content-Length: 0", "Content-Length: 0\r\nl: 5");
    // Of the first nobody can say whom to answer by which way.
    for (sent, status) in [(endless, None), (announced, Some("SIP/2.0 513 ")), (two, Some("SIP/2.0 400 "))] {
        let mut peer = StreamPeer::connect(listening.address(0)).await;
        peer.try_send(sent.as_bytes()).await;
        let answer = peer.receive_to_end().await;
        assert!(status.map_or(answer.is_empty(), |status| answer.starts_with(status)), "{answer:?}");
        drop(peer);
        listening.closed().await;
    }
}

#[tokio::test]
async fn connections_of_one_address_are_capped_until_they_authenticate() {
    let limits = TransportLimits { connections_per_address: 3, ..TransportLimits::default() };
    let mut listening = Listening::start(&[TransportKind::Tcp], limits);
    let mut peers = Vec::new();
    let mut flows = Vec::new();
    for branch in ["a", "b", "c"] {
        let mut peer = StreamPeer::connect(listening.address(0)).await;
        peer.send(options("TCP", branch).as_bytes()).await;
        flows.push(listening.message().await.0);
        peers.push(peer);
    }
    let mut fourth = StreamPeer::connect(listening.address(0)).await;
    assert_eq!(fourth.receive_to_end().await, "");
    assert_eq!(listening.layer.counters().snapshot().refused_per_address, 1);
    listening.layer.mark_authenticated(&flows[0]);
    let mut fifth = StreamPeer::connect(listening.address(0)).await;
    fifth.send(options("TCP", "e").as_bytes()).await;
    listening.message().await;
}

#[tokio::test]
async fn a_peer_that_does_not_read_is_cut_and_others_are_not() {
    let mut listening = Listening::start(&[TransportKind::Tcp], impatient());
    let mut deaf = StreamPeer::connect(listening.address(0)).await;
    deaf.send(options("TCP", "deaf").as_bytes()).await;
    let (flow, _) = listening.message().await;
    listening.layer.mark_authenticated(&flow);
    let large = Bytes::from(vec![b'x'; 64 * 1024]);
    let started = Instant::now();
    let refused = loop {
        match listening.layer.send(&flow, large.clone()) {
            Ok(()) => tokio::time::sleep(Duration::from_millis(1)).await,
            Err(error) => break error,
        }
        assert!(started.elapsed() < PATIENCE, "the queue is bounded");
    };
    assert!(matches!(refused, SendError::NotRead | SendError::Closed), "{refused:?}");
    listening.closed().await;
    let mut other = StreamPeer::connect(listening.address(0)).await;
    other.send(options("TCP", "other").as_bytes()).await;
    listening.message().await;
}

#[tokio::test]
async fn a_dialled_stream_carries_what_waited_and_is_used_again() {
    let mut listening = Listening::start(&[TransportKind::Tcp], TransportLimits::default());
    let trunk = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let remote = trunk.local_addr().expect("bound");
    let flow = listening.layer.flow_to(TransportKind::Tcp, remote, None).expect("TCP is configured");
    listening.layer.send(&flow, Bytes::from_static(b"first")).expect("it waits");
    assert_eq!(listening.layer.flow_to(TransportKind::Tcp, remote, None), Ok(flow));
    let (stream, _) = trunk.accept().await.expect("it dials");
    let mut peer = StreamPeer::over(stream);
    assert_eq!(peer.receive_exactly(5).await, b"first");
    peer.send(options("TCP", "back").as_bytes()).await;
    assert_eq!(listening.message().await.0, flow);
    drop(peer);
    listening.closed().await;
    assert_eq!(listening.layer.send(&flow, Bytes::new()), Err(SendError::Closed));
    assert_ne!(listening.layer.flow_to(TransportKind::Tcp, remote, None), Ok(flow));
}

#[tokio::test]
async fn a_trunk_that_refuses_is_reported() {
    let mut listening = Listening::start(&[TransportKind::Tcp], TransportLimits::default());
    let nobody = {
        let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        free.local_addr().expect("bound")
    };
    let flow = listening.layer.flow_to(TransportKind::Tcp, nobody, None).expect("TCP is configured");
    listening.layer.send(&flow, Bytes::from_static(b"lost")).expect("it waits");
    listening.closed().await;
}

#[tokio::test]
async fn stopping_closes_ports_and_streams() {
    let listening = Listening::start(&[TransportKind::Tcp, TransportKind::Ws], TransportLimits::default());
    let mut peer = StreamPeer::connect(listening.address(0)).await;
    peer.send(b"\r\n\r\n").await;
    peer.receive_exactly(2).await;
    listening.layer.stop();
    assert_eq!(peer.receive_to_end().await, "");
    for place in [0, 1] {
        let deadline = Instant::now() + PATIENCE;
        while tokio::net::TcpStream::connect(listening.address(place)).await.is_ok() {
            assert!(Instant::now() < deadline, "listener {place} stays open");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
