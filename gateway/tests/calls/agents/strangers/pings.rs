//! Pages that are users, and answer no pings, or read nothing: each is closed, and nobody else waits for it.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use tokio::net::{TcpSocket, TcpStream};
use webtrunk_codecs::CodecId;

use super::super::ear::{assert_has_few_gaps, assert_mostly_hears};
use super::super::stage::{CALLEE_HZ, CALLER_HZ, Stage, phone, talk_from_webrtc, webrtc};
use super::wire::ws::WsPeer;
use crate::sip::raw_phone::{REGISTRAR, RawPhone};
use crate::sip::script::Script;
use crate::support::gateway::{Gateway, GatewayConfig, PATIENCE};
use crate::support::process::wait_until;

/// A page that registers, and then only does what it is told.
struct Page {
    peer: WsPeer<TcpStream>,
}

impl Page {
    /// bob's, whose system keeps little of what it does not read.
    async fn registered(gateway: &Gateway) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(4096).expect("an option of TCP");
        socket.bind((Ipv4Addr::LOCALHOST, 0).into()).expect("loopback");
        let url = gateway.websocket();
        let at = url.trim_start_matches("ws://").trim_end_matches("/sip").parse().expect("an address");
        let mut peer = WsPeer::over(socket.connect(at).await.expect("it listens"), &url).await;
        let mut script = Script::new("bob", "WS", "bob.invalid", "<sip:bob@bob.invalid;transport=ws>");
        peer.send_text(&script.register("")).await;
        let proof = script.proof(&peer.receive().await, "REGISTER", REGISTRAR);
        peer.send_text(&script.register(&proof)).await;
        let registered = peer.receive().await;
        assert!(registered.starts_with("SIP/2.0 200 "), "{registered}");
        Self { peer }
    }
}

fn config() -> GatewayConfig {
    let to_bob = "destination = 'bob'\nactions = [{ bridge = { user = 'bob' } }]";
    GatewayConfig::default().user("bob").rule(to_bob)
}

fn registered_users(gateway: &Gateway) -> u64 {
    gateway.status()["registered_users"].as_u64().expect("a count")
}

/// Fails when `ws.rs` sends no pings, or does not mind who answers none.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_answers_no_pings_is_closed_while_another_talks() {
    let stage = Stage::with(&["PCMU"], config().sip_ws("ping_s = 1"));
    let gateway = &stage.gateway;
    let (alice, callee) = (webrtc(stage.alice()).await, phone(stage.callee(CodecId::Pcmu)).await);
    alice.register().await.expect("the password is right");
    let (call, lifted) = talk_from_webrtc(&alice, &callee).await;
    let begun = Instant::now();
    let mut page = Page::registered(gateway).await;
    assert_eq!(registered_users(gateway), 2);
    // Whoever reads nothing answers nothing.
    assert!(wait_until(PATIENCE, || registered_users(gateway) == 1), "it is closed");
    let took = begun.elapsed();
    assert!((2400..9000).contains(&took.as_millis()), "two pings and a half: {took:?}");
    assert_eq!(page.peer.close_code().await, None, "there was nobody to say goodbye to");
    // Alice's page answers its pings, and stays.
    call.heard_packets(500, PATIENCE).await.expect("audio");
    assert_eq!(registered_users(gateway), 1);
    for (end, hz) in [(&call, CALLEE_HZ), (&lifted, CALLER_HZ)] {
        assert_mostly_hears(end, hz).await;
        assert_has_few_gaps(&end.heard().await.expect("a log"));
    }
    assert_eq!(gateway.log().count(&["WebSocket closed", "Silent"]), 1);
    call.hang_up().await.expect("confirmed");
    gateway.assert_all_is_over(1);
}

/// More than systems keep on the way to who does not read.
const FLOOD: usize = 1500;
const LONG: usize = 16_000;

/// Far above what an answer takes, and far below how long a write may be stuck.
const PROMPT: Duration = Duration::from_secs(3);

/// The carrier writes to bob, until the gateway has closed his page; how long others waited for an answer at most.
fn write_to_bob(stage: &Stage) -> Duration {
    let gateway = &stage.gateway;
    let (mut writer, mut other) =
        (RawPhone::new(&stage.carrier, gateway, "2001"), RawPhone::new(&stage.carrier, gateway, "2002"));
    let (text, mut slowest) = ("x".repeat(LONG), Duration::ZERO);
    for number in 0..FLOOD {
        let message =
            writer.request_with("MESSAGE", "sip:bob@webtrunk.test", "Content-Type: text/plain\r\n", &text);
        writer.send(&message);
        std::thread::sleep(Duration::from_millis(3));
        if number % 50 == 0 {
            let asked_at = Instant::now();
            let answer = other.ask("OPTIONS", "sip:webtrunk.test", "");
            assert!(answer.starts_with("SIP/2.0 200 "), "{answer}");
            slowest = slowest.max(asked_at.elapsed());
            if registered_users(gateway) == 1 {
                break;
            }
        }
    }
    slowest
}

/// Fails when what waits for a page has no bound, or is waited for by others.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_does_not_read_is_closed_while_another_talks_and_nobody_waits_for_it() {
    let from_carrier =
        "destination = 'bob'\nfrom_trunk = 'carrier'\nactions = [{ bridge = { user = 'bob' } }]";
    let config = config().rule(from_carrier).messages("per_second = 1000");
    let stage = Stage::with_lines(&["PCMU"], config, "messages = true");
    let gateway = &stage.gateway;
    let (alice, callee) = (webrtc(stage.alice()).await, phone(stage.callee(CodecId::Pcmu)).await);
    alice.register().await.expect("the password is right");
    let (call, lifted) = talk_from_webrtc(&alice, &callee).await;
    let _page = Page::registered(gateway).await;
    assert_eq!(registered_users(gateway), 2);
    let slowest = tokio::task::block_in_place(|| write_to_bob(&stage));
    assert!(wait_until(PATIENCE, || registered_users(gateway) == 1), "it is closed");
    assert!(slowest < PROMPT, "{slowest:?}");
    assert_eq!(gateway.log().count(&["WebSocket closed"]), 1);
    assert!(gateway.overflows("sip_out") > 0, "what found no room is counted");
    call.heard_packets(500, PATIENCE).await.expect("audio");
    for (end, hz) in [(&call, CALLEE_HZ), (&lifted, CALLER_HZ)] {
        assert_mostly_hears(end, hz).await;
        assert_has_few_gaps(&end.heard().await.expect("a log"));
    }
    call.hang_up().await.expect("confirmed");
    gateway.assert_all_is_over(1);
}
