//! Strangers that send too long messages, or two as one, and strangers that are too many: all are ended at once.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::tungstenite::Message as Frame;
use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::{Credentials, Phone, PhoneConfig, PhoneTransport};

use super::super::doors::{Doors, Talk};
use super::super::stage::phone;
use super::wire::peer::StreamPeer;
use super::wire::{options, ws};
use crate::support::gateway::{Gateway, GatewayConfig, PATIENCE, password};
use crate::support::host::Host;
use crate::support::process::wait_until;

/// Far below every deadline.
const AT_ONCE: Duration = Duration::from_secs(6);

/// More than a message may have.
const TOO_LONG: usize = 70_000;

/// Connections of strangers that one address has where nothing is written.
const PER_ADDRESS: usize = 50;

/// Fails unless it ends at once, with a refusal or without.
async fn assert_ends<S>(mut peer: StreamPeer<S>, sent: &str, is_refused: bool)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let begun = Instant::now();
    peer.try_send(sent.as_bytes()).await;
    let answer = peer.receive_to_end().await;
    assert_eq!(answer.starts_with("SIP/2.0 513 "), is_refused, "{answer}");
    assert_eq!(answer.is_empty(), !is_refused, "{answer}");
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
}

/// Fails when `cutter.rs` or `websocket.rs` let a message be as long as it likes.
#[tokio::test(flavor = "multi_thread")]
async fn too_long_a_message_ends_its_stream_at_once_and_a_call_does_not_notice() {
    let doors = Doors::new(GatewayConfig::default());
    let talk = Talk::begin(&doors.stage).await;
    let (host, d) = (Host::new(), &doors);
    let from = host.ip();
    let endless = "OPTIONS sip:a@b SIP/2.0\r\nSubject: ".to_owned() + &"x".repeat(TOO_LONG);
    let announced = options("TCP", "long").replace("Content-Length: 0", "Content-Length: 65536");
    for (sent, is_refused) in [(&endless, false), (&announced, true)] {
        assert_ends(d.tcp(from).await, sent, is_refused).await;
        assert_ends(d.tls(from).await.expect("the gateway takes it"), sent, is_refused).await;
    }
    let mut whole = d.wss(from).await.expect("it takes pages");
    whole.send_text(&endless).await;
    assert_eq!(whole.close_code().await, Some(1009));
    let mut pieces = d.wss(from).await.expect("it takes pages");
    for frame in ws::fragments(&vec![b'x'; TOO_LONG], 10_000) {
        pieces.send(Frame::Frame(frame)).await;
    }
    assert_eq!(pieces.close_code().await, Some(1009));
    // Masked text of 2^40 octets, of which nothing comes.
    let mut announcing = d.wss(from).await.expect("it takes pages");
    announcing.send_raw(&[0x81, 0xff, 0, 0, 1, 0, 0, 0, 0, 0, 1, 2, 3, 4]).await;
    assert_eq!(announcing.close_code().await, Some(1009));
    talk.assert_undisturbed().await;
    talk.hang_up().await;
    doors.stage.gateway.assert_all_is_over(1);
}

/// Fails when `cutter.rs` takes one of several lengths, or guesses one: then who looks at the stream before us may see one message
/// where we see two.
#[tokio::test(flavor = "multi_thread")]
async fn what_hides_behind_a_message_of_two_lengths_is_not_looked_at_and_a_call_does_not_notice() {
    let doors = Doors::new(GatewayConfig::default());
    let talk = Talk::begin(&doors.stage).await;
    let (host, d) = (Host::new(), &doors);
    let from = host.ip();
    let hidden = options("TCP", "hidden");
    let length = hidden.len();
    for lengths in [
        format!("Content-Length: {length}\r\nContent-Length: 0"),
        format!("Content-Length: 0\r\nl: {length}"),
        format!("Content-Length: 0, {length}"),
        "Content-Length: -1".to_owned(),
    ] {
        let sent = options("TCP", "open").replace("Content-Length: 0", &lengths) + &hidden;
        assert_hides_nothing(d.tcp(from).await, &sent).await;
        assert_hides_nothing(d.tls(from).await.expect("the gateway takes it"), &sent).await;
    }
    talk.assert_undisturbed().await;
    talk.hang_up().await;
    doors.stage.gateway.assert_all_is_over(1);
}

/// Fails unless the first message is refused, the second is answered by nothing, and the stream ends at once.
async fn assert_hides_nothing<S>(mut peer: StreamPeer<S>, sent: &str)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let begun = Instant::now();
    peer.send(sent.as_bytes()).await;
    let answer = peer.receive_to_end().await;
    assert!(answer.starts_with("SIP/2.0 400 "), "{answer}");
    assert!(answer.contains("z9hG4bKopen") && !answer.contains("z9hG4bKhidden"), "{answer}");
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
}

/// Fails when `connections.rs` does not count strangers by their address, or counts users among them.
#[tokio::test(flavor = "multi_thread")]
async fn an_address_has_few_connections_of_strangers_and_others_register_and_talk_beside_them() {
    let doors = Doors::new(GatewayConfig::default());
    let talk = Talk::begin(&doors.stage).await;
    let (host, d) = (Host::new(), &doors);
    let from = host.ip();
    let (mut streams, mut secured, mut pages) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..PER_ADDRESS {
        match number % 3 {
            0 => streams.push(d.tcp(from).await),
            1 => secured.push(d.tls(from).await.expect("it is not too many")),
            _ => pages.push(d.wss(from).await.expect("it is not too many")),
        }
    }
    let mut one_more = d.tcp(from).await;
    assert_eq!(one_more.receive_to_end().await, "");
    assert!(d.tls(from).await.is_none(), "it is one too many");
    assert_eq!(d.wss(from).await.err(), Some(503));
    assert_eq!(doors.refused("per_address"), 3);
    let gateway = &doors.stage.gateway;
    let told = "an address has as many connections of strangers as sip.strangers_per_address lets it have";
    assert_eq!(gateway.log().count(&[told]), 1);

    // From another address a phone is let in, and by its user's password it is no stranger.
    let alice = alice_over_tcp(gateway).await;
    alice.register().await.expect("there is a place for it");
    // Those who have a place are served.
    let mut stranger = streams.pop().expect("there are some");
    stranger.send(options("TCP", "served").as_bytes()).await;
    assert!(stranger.receive().await.is_some_and(|answer| answer.starts_with("SIP/2.0 200 ")));
    // Who leaves makes room.
    drop(stranger);
    drop(streams);
    let deadline = Instant::now() + PATIENCE;
    while d.tls(from).await.is_none() {
        assert!(Instant::now() < deadline, "there is no place");
    }
    talk.assert_undisturbed().await;
    talk.hang_up().await;
    gateway.assert_all_is_over(1);
}

/// A user's phone by a stream.
async fn alice_over_tcp(gateway: &Gateway) -> Phone {
    phone(PhoneConfig {
        bind: (Ipv4Addr::LOCALHOST, 0).into(),
        transport: PhoneTransport::Tcp,
        server: Some(gateway.sip()),
        user: "alice".to_owned(),
        credentials: Some(Credentials::new("alice", &password("alice"))),
        codecs: vec![CodecId::Pcmu],
        ..PhoneConfig::default()
    })
    .await
}

/// Says something, by a name that nothing else had, that is answered.
async fn assert_served<S>(peer: &mut StreamPeer<S>, branch: &str)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    peer.send(options("TCP", branch).as_bytes()).await;
    let answer = peer.receive().await.expect("it is not closed");
    assert!(answer.starts_with("SIP/2.0 200 "), "{answer}");
}

/// All places are few where open files are: what calls leave of them. Fails when `connections.rs` does not count all
/// streams, or makes room by another than the idlest stranger.
#[tokio::test(flavor = "multi_thread")]
async fn where_all_places_are_taken_the_idlest_stranger_makes_room_and_users_and_calls_stay() {
    let config =
        GatewayConfig::default().open_files(400).media("calls_max = 10").sip("strangers_per_address = 1000");
    let doors = Doors::new(config);
    let gateway = &doors.stage.gateway;
    let talk = Talk::begin(&doors.stage).await;
    let alice = alice_over_tcp(gateway).await;
    alice.register().await.expect("there is a place for it");
    let told = gateway.log().wait_for(&["the limit of open files"], PATIENCE);
    let (_, rest) = told.split_once("\"sip_connections\":").expect("it is told");
    let places: usize = rest.split(',').next().and_then(|count| count.parse().ok()).expect("a count");

    let (host, mut strangers) = (Host::new(), Vec::new());
    for _ in 1..places {
        strangers.push(doors.tcp(host.ip()).await);
    }
    let taken = format!("webtrunk_sip_streams {places}\n");
    assert!(wait_until(PATIENCE, || gateway.metrics().contains(&taken)), "{}", gateway.metrics());
    assert_eq!((doors.refused("full"), doors.refused("evicted")), (0, 0));
    // Who came first is not the idlest any more.
    assert_served(&mut strangers[0], "first").await;
    let begun = Instant::now();
    let mut late = doors.tcp(host.ip()).await;
    assert_served(&mut late, "late").await;
    assert_eq!(strangers[1].receive_to_end().await, "");
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
    assert_eq!((doors.refused("full"), doors.refused("evicted")), (0, 1));
    assert_served(&mut strangers[0], "first-again").await;
    assert_served(&mut late, "late-again").await;
    assert_eq!(gateway.status()["registered_users"], 1, "the user's stream was cut");
    talk.assert_undisturbed().await;
    talk.hang_up().await;
    gateway.assert_all_is_over(1);
}
