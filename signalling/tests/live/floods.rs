//! Floods on real sockets: what is too much of a stranger is dropped, or waits, and others do not notice.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use webtrunk_signalling::sip::flow::TransportKind;
use webtrunk_signalling::sip::transport::GuardConfig;

use crate::support::gateway::{Gateway, config};
use crate::support::options;
use crate::support::peer::{StreamPeer, UdpPeer};
use crate::support::phone::{Phone, status};

/// So many at once, and so many in a second.
const BURST: u32 = 10;
const PER_SECOND: u32 = 5;

fn start() -> Gateway {
    let mut config = config(&[TransportKind::Udp, TransportKind::Tcp]);
    config.transport.guard = GuardConfig {
        requests_per_second: NonZeroU32::new(PER_SECOND),
        requests_burst: BURST,
        ..GuardConfig::default()
    };
    Gateway::start_with(config)
}

/// How many answers come until nothing has come for a while.
async fn answers(peer: &UdpPeer) -> usize {
    let mut count = 0;
    while peer.receive_within(Duration::from_millis(300)).await.is_some() {
        count += 1;
    }
    count
}

/// Fails when `reception.rs` does not ask the guard.
#[tokio::test]
async fn a_stranger_is_answered_as_often_as_it_may_and_who_proved_itself_more_often() {
    let gateway = start();
    // A user's phone, at the stranger's address.
    let mut phone = Phone::connect("alice", TransportKind::Udp, gateway.address(0)).await;
    assert_eq!(status(&phone.register("MD5", "").await), 200);
    let stranger = UdpPeer::new(gateway.address(0)).await;
    for number in 0..100 {
        stranger.send(options("UDP", &format!("flood{number}")).as_bytes()).await;
    }
    let answered = answers(&stranger).await;
    assert!((1..=20).contains(&answered), "{answered}: two were the phone's");
    for _ in 0..20 {
        assert_eq!(status(&phone.register("MD5", "").await), 200, "beside the flood");
    }
    let counted = gateway.transport.counters().snapshot();
    assert!(counted.held_back >= 75 && counted.malformed == 0, "{counted:?}");
}

/// Nothing of a stream is sent again: what comes too early waits. Fails when it is not asked for, or dropped.
#[tokio::test]
async fn on_a_stream_what_is_too_much_waits_and_is_answered() {
    let gateway = start();
    let mut peer = StreamPeer::connect(gateway.address(1)).await;
    let begun = Instant::now();
    let count = BURST + 5;
    for number in 0..count {
        peer.send(options("TCP", &format!("stream{number}")).as_bytes()).await;
    }
    for _ in 0..count {
        assert_eq!(status(&peer.receive().await.expect("an answer to each")), 200);
    }
    assert!(begun.elapsed() > Duration::from_millis(900), "five came a fifth of a second after each other");
    assert!(gateway.transport.counters().snapshot().held_back > 0);
}

/// Whoever forges a Via sends the answer to himself. Fails when `inbound.rs` does not stamp it, or it is believed.
#[tokio::test]
async fn an_answer_goes_where_its_request_came_from_whatever_via_says() {
    let gateway = start();
    let peer = UdpPeer::new(gateway.address(0)).await;
    let elsewhere = UdpPeer::new(gateway.address(0)).await;
    let (ip, port) = (elsewhere.address().ip(), elsewhere.address().port());
    let forged = format!("{ip}:{port};maddr={ip};received=192.0.2.7;rport=9;branch");
    for method in ["OPTIONS", "REGISTER", "INVITE"] {
        let request =
            options("UDP", method).replace("client.invalid;branch", &forged).replace(";rport\r\n", "\r\n");
        let request = request
            .replace("OPTIONS", method)
            .replace("Max-Forwards", "Contact: <sip:a@192.0.2.7>\r\nMax-Forwards");
        peer.send(request.as_bytes()).await;
        let answer = peer.receive().await;
        let own = peer.address();
        assert!(answer.contains("received=127.0.0.1"), "{answer}");
        assert!(
            answer.contains(&format!("rport={}", own.port())) && !answer.contains("received=192.0.2.7"),
            "{answer}"
        );
    }
    assert_eq!(answers(&elsewhere).await, 0);
}

/// Fails when `guard.rs` does not look for scanners.
#[tokio::test]
async fn a_scanner_is_counted_and_gets_no_answer() {
    let gateway = start();
    let scan = |transport, branch| {
        options(transport, branch).replace("Max-Forwards", "User-Agent: sipvicious\r\nMax-Forwards")
    };
    let udp = UdpPeer::new(gateway.address(0)).await;
    udp.send(scan("UDP", "scan").as_bytes()).await;
    assert_eq!(answers(&udp).await, 0);
    let mut tcp = StreamPeer::connect(gateway.address(1)).await;
    tcp.send(scan("TCP", "scan").as_bytes()).await;
    tcp.send(options("TCP", "sound").as_bytes()).await;
    let answer = tcp.receive().await.expect("an answer to what is sound");
    assert!(answer.contains("z9hG4bKsound"), "{answer}");
    assert_eq!(gateway.transport.counters().snapshot().scanners, 2);
}
