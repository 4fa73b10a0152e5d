//! Floods of strangers, beside a call and phones that register: they get a few answers, and nobody else notices.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite};
use webtrunk_codecs::CodecId;
use webtrunk_signalling::auth::digest::Algorithm;

use super::doors::{Doors, Talk};
use super::ear::{assert_hears_no_gap, assert_mostly_hears};
use super::json::page::assert_phone_hears;
use super::stage::{CALLEE_HZ, CALLER_HZ, Stage, phone, talk};
use super::wire::options;
use super::wire::peer::StreamPeer;
use crate::sip::raw_phone::RawPhone;
use crate::support::gateway::{GatewayConfig, PATIENCE, password};
use crate::support::host::Host;

/// Messages of a flood, and in how long a time.
const FLOOD: u32 = 3000;
const FLOOD_TIME: Duration = Duration::from_secs(2);

/// What a flood may do here.
const BURST: usize = 40;
const PER_SECOND: usize = 20;

/// A stranger's messages: half of them REGISTER, half INVITE.
fn junk(host: &Host, number: u32) -> String {
    let (method, ip) = (if number.is_multiple_of(2) { "REGISTER" } else { "INVITE" }, host.ip());
    format!(
        "{method} sip:9100@webtrunk.test SIP/2.0\r\nVia: SIP/2.0/UDP {ip};branch=z9hG4bKjunk{number};rport\r\n\
         Max-Forwards: 70\r\nFrom: <sip:{number}@webtrunk.test>;tag=j{number}\r\nTo: <sip:9100@webtrunk.test>\r\n\
         Call-ID: junk-{number}-{ip}\r\nCSeq: 1 {method}\r\nContact: <sip:x@{ip}>\r\nContent-Length: 0\r\n\r\n"
    )
}

/// Sends the flood from a host of its own; how many answers came.
fn flood(gateway: std::net::SocketAddr) -> usize {
    let host = Host::new();
    let socket = UdpSocket::bind((host.ip(), 0)).expect("the host is ours");
    socket.set_nonblocking(true).expect("a socket");
    let (begun, mut answers, mut buffer) = (Instant::now(), 0, [0; 4096]);
    let mut hear = || {
        while socket.recv(&mut buffer).is_ok() {
            answers += 1;
        }
    };
    for number in 0..FLOOD {
        socket.send_to(junk(&host, number).as_bytes(), gateway).expect("loopback takes it");
        hear();
        let due = begun + FLOOD_TIME * number / FLOOD;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    let may_come = BURST + PER_SECOND * (begun.elapsed().as_secs() as usize + 2);
    std::thread::sleep(Duration::from_millis(500));
    hear();
    assert!(answers <= may_come, "{answers} answers");
    answers
}

/// Fails when `reception.rs` does not ask the guard of datagrams: then each message is answered.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_stranger_sends_too_much_of_is_not_looked_at_while_others_talk_register_and_call() {
    let lines = format!("requests_per_second = {PER_SECOND}\nrequests_burst = {BURST}");
    let stage = Stage::with(&["PCMU"], GatewayConfig::default().defence(&lines));
    let (caller, callee) =
        (phone(stage.caller(CodecId::Pcmu)).await, phone(stage.callee(CodecId::Pcmu)).await);
    let (call, lifted) = talk(&caller, &callee).await;
    let gateway = stage.gateway.sip();
    let flood = tokio::task::spawn_blocking(move || flood(gateway));
    // The trunk sends more than a stranger may.
    for _ in 0..5 {
        let (call, lifted) = talk(&caller, &callee).await;
        call.hang_up().await.expect("confirmed");
        lifted.ended(PATIENCE).await.expect("hung up");
    }
    let home = Host::new();
    let mut alice = RawPhone::new(&home, &stage.gateway, "alice");
    let registered = alice.register(Algorithm::Sha256, &password("alice"), "");
    assert!(registered.starts_with("SIP/2.0 200 "), "{registered}");
    let answers = flood.await.expect("no panic");
    assert!(answers >= BURST, "{answers} answers: what is not too much is looked at");
    for (end, hz) in [(&call, CALLEE_HZ), (&lifted, CALLER_HZ)] {
        assert_phone_hears(end, hz).await;
        assert_mostly_hears(end, hz).await;
        assert_hears_no_gap(end).await;
    }
    assert_eq!(stage.gateway.log().count(&["an address sends more than defence.requests_per_second"]), 1);
    call.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(6);
}

/// So many at once that the last has to wait for a second, and how long that is at the least.
const TOO_MANY: usize = BURST + PER_SECOND;
const WAITS: Duration = Duration::from_millis(900);

fn too_many(transport: &str) -> impl Iterator<Item = String> {
    (0..TOO_MANY).map(move |number| options(transport, &format!("{transport}{number}")))
}

/// Sends too many at once by a stream; fails unless each is answered, and the last later.
async fn assert_waits<S>(mut peer: StreamPeer<S>, transport: &str)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let begun = Instant::now();
    for message in too_many(transport) {
        peer.send(message.as_bytes()).await;
    }
    for _ in 0..TOO_MANY {
        let answer = peer.receive().await.expect("an answer to each");
        assert!(answer.starts_with("SIP/2.0 200 "), "{answer}");
    }
    assert!(begun.elapsed() > WAITS, "{:?} over {transport}", begun.elapsed());
}

/// Nothing of a stream is sent again: what is too much waits. Fails when `reception.rs` does not ask the guard of streams, or
/// drops it.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_stranger_sends_too_much_of_by_a_stream_waits_and_a_call_does_not_notice() {
    let lines = format!("requests_per_second = {PER_SECOND}\nrequests_burst = {BURST}");
    let doors = Doors::new(GatewayConfig::default().defence(&lines));
    let talk = Talk::begin(&doors.stage).await;
    // Each is another source.
    let [by_tcp, by_tls, by_page] = std::array::from_fn(|_| Host::new());
    let stream = doors.tcp(by_tcp.ip()).await;
    let secured = doors.tls(by_tls.ip()).await.expect("the gateway takes it");
    let mut page = doors.wss(by_page.ip()).await.expect("it takes pages");
    let by_websocket = async {
        let begun = Instant::now();
        for message in too_many("WSS") {
            page.send_text(&message).await;
        }
        for _ in 0..TOO_MANY {
            let answer = page.receive().await;
            assert!(answer.starts_with("SIP/2.0 200 "), "{answer}");
        }
        assert!(begun.elapsed() > WAITS, "{:?} over WSS", begun.elapsed());
    };
    tokio::join!(assert_waits(stream, "TCP"), assert_waits(secured, "TLS"), by_websocket);
    let figures = doors.stage.gateway.metrics();
    assert!(!figures.contains("webtrunk_sip_held_back_total{why=\"rate\"} 0\n"), "{figures}");
    talk.assert_undisturbed().await;
    talk.hang_up().await;
    doors.stage.gateway.assert_all_is_over(1);
}

/// Fails when `guard.rs` does not look for scanners.
#[tokio::test(flavor = "multi_thread")]
async fn a_scanner_gets_no_answer_and_neither_does_one_that_is_configured() {
    let stage = Stage::with(&["PCMU"], GatewayConfig::default().defence("scanners = [\"our-auditor\"]"));
    let host = Host::new();
    let mut stranger = RawPhone::new(&host, &stage.gateway, "100");
    for name in ["friendly-scanner", "SIPVicious/0.3", "Our-Auditor 2"] {
        let scan = stranger.request("OPTIONS", "sip:100@webtrunk.test", &format!("User-Agent: {name}\r\n"));
        stranger.send(&scan);
    }
    let sound = stranger.ask("OPTIONS", "sip:100@webtrunk.test", "User-Agent: Linphone/5.1\r\n");
    assert!(sound.starts_with("SIP/2.0 200 ") && sound.contains("CSeq: 4 OPTIONS"), "{sound}");
    assert!(stranger.is_left_alone());
}
