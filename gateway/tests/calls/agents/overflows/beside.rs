//! What is beside calls: copies of their messages, what the store keeps, and streams that wait to be looked at.

use std::io::{ErrorKind, Write};
use std::net::TcpStream;

use tempfile::TempDir;
use tokio::task::block_in_place;
use webtrunk_codecs::CodecId;
use webtrunk_signalling::auth::digest::Algorithm;

use super::assert_is_heard;
use crate::agents::ladders::{ladder, what};
use crate::agents::sighted::OF_CALLEE;
use crate::agents::stage::{CALLEE_HZ, CALLER_HZ, Stage, phone, talk, talk_from_webrtc, webrtc};
use crate::sip::raw_phone::{REGISTRAR, RawPhone, header};
use crate::support::collector::Collector;
use crate::support::gateway::{Gateway, GatewayConfig, PATIENCE, password};
use crate::support::host::Host;
use crate::support::process::wait_until;
use crate::support::stall::Stall;

/// Requests of which, with their answers, there are more than may wait for the collector of HEP, and for ladders.
const FOR_COLLECTOR: usize = 600;
const FOR_LADDERS: usize = 850;

/// What may wait to be looked at, and what is too much.
const STREAMS: usize = 256;
const STREAMS_TOO_MANY: usize = 16;

/// Contacts of a user, each of which is a change for the store whenever all of them are registered.
const CONTACTS: usize = 100;

fn ask(phone: &mut RawPhone, count: usize) {
    for _ in 0..count {
        let answer = phone.ask("OPTIONS", REGISTRAR, "");
        assert!(answer.starts_with("SIP/2.0 200 "), "{answer}");
    }
}

/// Fails when messages wait for whoever copies them, or its queue is that of ladders.
#[tokio::test(flavor = "multi_thread")]
async fn messages_for_which_there_is_no_room_cost_copies_or_ladders_and_no_call() {
    let collector = Collector::start(Host::new());
    let hep = format!("[hep]\ncollector = \"{}\"\n", collector.address());
    let stage = Stage::with(&["PCMU"], GatewayConfig::default().sections(&hep));
    let (gateway, process) = (&stage.gateway, stage.gateway.process.id());
    let (caller, callee) =
        (phone(stage.caller(CodecId::Pcmu)).await, phone(stage.callee(CodecId::Pcmu)).await);
    let (call, lifted) = talk(&caller, &callee).await;
    let mut other = RawPhone::new(&stage.carrier, gateway, "2002");

    let stall = Stall::of(process, "hep");
    block_in_place(|| ask(&mut other, FOR_COLLECTOR));
    assert!(gateway.overflows("hep") > 0);
    assert_eq!(gateway.overflows("ladders"), 0);
    assert_is_heard(&call, CALLEE_HZ).await;
    drop(stall);
    // What waited comes first, and is more than the collector's socket may hold.
    let is_copied = || {
        let answer = other.ask("OPTIONS", REGISTRAR, "");
        let number = header(&answer, "CSeq").to_owned();
        wait_until(PATIENCE / 20, || collector.copies().iter().any(|copy| copy.message.contains(&number)))
    };
    assert!(block_in_place(|| wait_until(PATIENCE, is_copied)));

    let stall = Stall::of(process, "sight");
    block_in_place(|| ask(&mut other, FOR_LADDERS));
    assert!(gateway.overflows("ladders") > 0);
    assert_is_heard(&lifted, CALLER_HZ).await;
    drop(stall);
    let has_room = || {
        let before = gateway.overflows("ladders");
        ask(&mut other, 1);
        gateway.overflows("ladders") == before
    };
    assert!(block_in_place(|| wait_until(PATIENCE, has_room)), "what waited is read");
    call.hang_up().await.expect("confirmed");
    lifted.ended(PATIENCE).await.expect("BYE");
    let (next, next_lifted) = talk(&caller, &callee).await;
    assert_is_heard(&next, CALLEE_HZ).await;
    next.hang_up().await.expect("confirmed");
    next_lifted.ended(PATIENCE).await.expect("BYE");
    let is_whole = || {
        let shown = ladder(gateway, "last");
        [0, 1].map(|call_id| what(&shown, call_id))
            == [OF_CALLEE, OF_CALLEE].map(|of| of.map(str::to_owned).to_vec())
    };
    assert!(block_in_place(|| wait_until(PATIENCE, is_whole)), "{:#}", ladder(gateway, "last"));
    gateway.assert_all_is_over(2);
}

/// Fails when streams of strangers wait without a bound.
#[tokio::test(flavor = "multi_thread")]
async fn media_streams_for_which_there_is_no_room_are_closed_at_once_and_counted_and_calls_go_on() {
    let config =
        GatewayConfig::default().media("tcp = true\ncalls_max = 10").sip("strangers_per_address = 1000");
    let stage = Stage::with(&["PCMU"], config);
    let gateway = &stage.gateway;
    let (alice, callee) = (webrtc(stage.alice()).await, phone(stage.callee(CodecId::Pcmu)).await);
    let (call, lifted) = talk_from_webrtc(&alice, &callee).await;
    assert_is_heard(&call, CALLEE_HZ).await;

    let stall = Stall::of_main(gateway.process.id());
    let streams: Vec<_> = (0..STREAMS + STREAMS_TOO_MANY).map(|_| stream(gateway)).collect();
    let closed = || streams.iter().filter(|stream| is_closed(stream)).count();
    assert!(block_in_place(|| wait_until(PATIENCE, || closed() == STREAMS_TOO_MANY)), "{}", closed());
    assert_is_heard(&call, CALLEE_HZ).await;
    drop(stall);
    assert_eq!(gateway.overflows("media_streams"), STREAMS_TOO_MANY as u64);
    // Nor do those that waited keep anybody from calling.
    let (next, _next_lifted) = talk_from_webrtc(&alice, &callee).await;
    assert_is_heard(&next, CALLEE_HZ).await;
    assert_is_heard(&lifted, CALLER_HZ).await;
    for call in [call, next] {
        call.hang_up().await.expect("confirmed");
    }
    gateway.assert_all_is_over(2);
}

/// A connection that begins as one that carries media (RFC 4571 2), and says no more.
fn stream(gateway: &Gateway) -> TcpStream {
    let mut stream = TcpStream::connect(gateway.http_authority()).expect("it listens");
    stream.write_all(&[0]).expect("it is open");
    stream.set_nonblocking(true).expect("a socket");
    stream
}

fn is_closed(stream: &TcpStream) -> bool {
    match stream.peek(&mut [0]) {
        Ok(length) => length == 0,
        Err(error) => error.kind() != ErrorKind::WouldBlock,
    }
}

/// Fails when registrations or calls wait for a disk, or what comes again finds no place.
#[tokio::test(flavor = "multi_thread")]
async fn registrations_for_which_the_store_has_no_room_are_counted_and_kept_when_they_come_again() {
    let folder = TempDir::new().expect("a folder");
    let mut config = GatewayConfig::default()
        .sip(&format!("contacts_max = {CONTACTS}"))
        .store(&folder.path().join("webtrunk.db"));
    for user in ["bob", "carol", "dave"] {
        config = config.user(user);
    }
    let mut stage = Stage::with(&["PCMU"], config);
    let (alice, callee) = (webrtc(stage.alice()).await, phone(stage.callee(CodecId::Pcmu)).await);
    let home = Host::new();
    let [mut bob, mut carol, mut dave] =
        ["bob", "carol", "dave"].map(|user| RawPhone::new(&home, &stage.gateway, user));
    let address = bob.address();
    let more: String = (1..CONTACTS).map(|number| format!("m: <sip:bob{number}@{address}>\r\n")).collect();

    let stall = Stall::of(stage.gateway.process.id(), "sqlx-sqlite");
    // The store has taken as many as came until it began to write.
    let is_full = || {
        register(&mut bob, "bob", &more);
        stage.gateway.overflows("store_registrations") > 0
    };
    assert!(block_in_place(|| wait_until(PATIENCE, is_full)));
    let lost = stage.gateway.overflows("store_registrations");
    block_in_place(|| register(&mut carol, "carol", ""));
    block_in_place(|| register(&mut dave, "dave", ""));
    assert_eq!(stage.gateway.overflows("store_registrations"), lost + 2);
    let (call, lifted) = talk_from_webrtc(&alice, &callee).await;
    assert_is_heard(&call, CALLEE_HZ).await;
    assert_is_heard(&lifted, CALLER_HZ).await;
    assert_eq!(stage.gateway.status()["registered_users"], 3, "they are reached all the same");
    drop(stall);
    call.hang_up().await.expect("confirmed");
    lifted.ended(PATIENCE).await.expect("BYE");
    let is_kept = || {
        let before = stage.gateway.overflows("store_registrations");
        register(&mut carol, "carol", "");
        stage.gateway.overflows("store_registrations") == before
    };
    assert!(block_in_place(|| wait_until(PATIENCE, is_kept)), "there is room again");
    assert_eq!(stage.gateway.log().count(&["the store is behind, and changes of registrations"]), 1);
    stage.gateway.stop_and_start_again();
    // Dave's phone has not come again.
    assert_eq!(stage.gateway.status()["registered_users"], 2);
}

fn register(phone: &mut RawPhone, user: &str, headers: &str) {
    let registered = phone.register(Algorithm::Md5, &password(user), headers);
    assert!(registered.starts_with("SIP/2.0 200 "), "{registered}");
}
