//! Which addresses WebRTC callers are told of, and from where their checks are answered, by configuration.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::{Call, Credentials, Dialect, Voice, WebrtcConfig};

use super::ear::assert_hears;
use super::json::page::assert_phone_hears;
use super::stage::{
    CALLEE_HZ, CALLER_HZ, LEVEL_DBM0, Stage, lift, lift_webrtc, phone, talk_from_webrtc, webrtc,
};
use crate::support::gateway::{Gateway, GatewayConfig, password};
use crate::support::host::Host;
use crate::support::machine::Machine;

/// The addresses by which the gateway's description says that it is reached, best first.
fn told(call: &Call) -> Vec<IpAddr> {
    let candidates = call.remote_description().expect("a description").ice.expect("WebRTC").candidates;
    candidates.iter().map(|candidate| candidate.ip()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_whose_network_is_not_let_in_gets_no_media() {
    let (inside, outside) = (Host::new(), Host::new());
    let lists = format!("checks_allow = [\"127.0.0.0/8\"]\nchecks_deny = [\"{}\"]", outside.ip());
    let stage = Stage::with(&["PCMU"], GatewayConfig::default().media(&lists));
    let carrier = phone(stage.callee(CodecId::Pcmu)).await;
    let at = |host: &Host| WebrtcConfig { media_address: Some(host.ip()), ..stage.alice() };

    let alice = webrtc(at(&outside)).await;
    let (call, lifted) = tokio::join!(alice.dial("9100"), lift(&carrier));
    let call = call.expect("a number").answered(Duration::from_secs(10)).await.expect("an answer");
    call.media_ready(Duration::from_secs(3)).await.expect_err("no check is answered");
    assert!(call.heard().await.expect("a log").packets.is_empty());
    call.hang_up().await.expect("confirmed");
    drop(lifted);

    let alice = webrtc(at(&inside)).await;
    let (call, lifted) = talk_from_webrtc(&alice, &carrier).await;
    assert_hears(&call, CALLEE_HZ).await;
    assert_hears(&lifted, CALLER_HZ).await;
    call.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(2);
}

/// Somebody at whom a page would have the gateway knock.
struct Stranger {
    host: Host,
    doors: Vec<UdpSocket>,
}

impl Stranger {
    /// One with so many doors.
    fn new(doors: usize) -> Self {
        let host = Host::new();
        let doors = (0..doors).map(|_| {
            let door = UdpSocket::bind(host.at(0)).expect("the host is ours");
            door.set_nonblocking(true).expect("it is open");
            door
        });
        Self { doors: doors.collect(), host }
    }

    fn doors(&self) -> Vec<SocketAddr> {
        self.doors.iter().map(|door| door.local_addr().expect("it is bound")).collect()
    }

    /// What came since this was last asked, by door.
    fn knocks(&self) -> Vec<Vec<Vec<u8>>> {
        let mut buffer = [0; 2048];
        let mut heard = |door: &UdpSocket| {
            std::iter::from_fn(|| door.recv(&mut buffer).ok().map(|length| buffer[..length].to_vec()))
                .collect()
        };
        self.doors.iter().map(&mut heard).collect()
    }
}

/// A caller and a callee that both say that they are where somebody else is: their own checks tell where they are.
#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_whom_both_parties_name_as_their_candidates_is_sent_nothing() {
    let stranger = Stranger::new(20);
    let stage = Stage::with_bob(&["PCMU"]);
    let elsewhere = || Dialect { elsewhere: stranger.doors(), ..Dialect::default() };
    let bob = webrtc(WebrtcConfig { dialect: elsewhere(), ..stage.bob() }).await;
    bob.register().await.expect("the password is right");
    let alice = webrtc(WebrtcConfig { dialect: elsewhere(), ..stage.alice() }).await;
    let (call, lifted) = tokio::join!(alice.call("bob"), lift_webrtc(&bob));
    let call = call.expect("an answer");
    assert_hears(&call, CALLEE_HZ).await;
    assert_hears(&lifted, CALLER_HZ).await;
    call.hold().await.expect("agreed");
    call.resume().await.expect("agreed");
    assert_phone_hears(&call, CALLEE_HZ).await;
    assert_phone_hears(&lifted, CALLER_HZ).await;
    call.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(1);
    let knocks = stranger.knocks();
    assert!(knocks.iter().all(Vec::is_empty), "{knocks:?} came to {}", stranger.host.ip());
}

/// A lite peer has to be checked, and whom it names gets checks: ten candidates at most, few each, none once the call is
/// over, and none at all where the configuration has it so.
#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_whom_a_lite_peer_names_gets_few_checks_and_where_that_is_denied_none() {
    const CHECKED_MAX: usize = 9;
    const CHECKS_MAX: usize = 10;
    const STUN: [u8; 4] = [0x21, 0x12, 0xA4, 0x42];
    for is_denied in [false, true] {
        let stranger = Stranger::new(20);
        let lists =
            if is_denied { format!("checks_deny = [\"{}\"]", stranger.host.ip()) } else { String::new() };
        let stage = Stage::with(&["PCMU"], GatewayConfig::default().media(&lists));
        let carrier = phone(stage.callee(CodecId::Pcmu)).await;
        let dialect = Dialect { elsewhere: stranger.doors(), ..Dialect::default() };
        let alice = webrtc(WebrtcConfig { is_lite: true, dialect, ..stage.alice() }).await;
        let (call, lifted) = talk_from_webrtc(&alice, &carrier).await;
        assert_hears(&call, CALLEE_HZ).await;
        assert_hears(&lifted, CALLER_HZ).await;
        let knocks = stranger.knocks();
        let checked = knocks.iter().filter(|knocks| !knocks.is_empty()).count();
        let most = knocks.iter().map(Vec::len).max();
        let told = format!("{checked} doors, {most:?} checks at one");
        assert!(checked <= if is_denied { 0 } else { CHECKED_MAX } && most <= Some(CHECKS_MAX), "{told}");
        let is_check = |knock: &Vec<u8>| knock.starts_with(&[0, 1]) && knock[4..8] == STUN;
        assert!(knocks.iter().flatten().all(is_check), "{knocks:?}");
        call.hang_up().await.expect("confirmed");
        stage.gateway.assert_all_is_over(1);
        stranger.knocks();
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert!(stranger.knocks().iter().all(Vec::is_empty), "the call is over");
    }
}

#[test]
fn of_a_machines_addresses_those_are_told_and_answer_that_may() {
    let [inside, outside] = [Machine::new(), Machine::new()];
    let ours = ["10.99.0.1/24", "10.99.7.1/24", "fd00:99::1/64", "fd00:77::1/64"];
    let theirs = ["10.99.0.2/24", "10.99.0.66/24", "10.99.7.2/24"];
    inside.lay_cable("office", &ours, &outside, &theirs);
    let lists = "candidates_allow = ['10.99.0.0/16', 'fd00:99::/64']\ncandidates_deny = ['10.99.7.0/24']\n\
                 checks_allow = ['10.99.0.0/24', '10.99.7.0/24']\nchecks_deny = ['10.99.0.66']";
    let config = GatewayConfig::default()
        .origin("https://phone.example")
        .user("alice")
        .user("bob")
        .all_addresses()
        .media(lists)
        .rule("destination = 'bob'\nactions = [{ bridge = { user = 'bob' } }]");
    let gateway = inside.run(|| Gateway::start_at(Host::machine("10.99.0.1"), &config));
    let user = |name: &str, at: &str, hz: u16| WebrtcConfig {
        credentials: Credentials::new(name, &password(name)),
        media_address: Some(at.parse().expect("an address")),
        voice: Some(Voice::tone(hz, LEVEL_DBM0)),
        ..WebrtcConfig::new(&gateway.websocket(), name, "")
    };
    outside.block_on(async || {
        let bob = webrtc(user("bob", "10.99.7.2", CALLEE_HZ)).await;
        bob.register().await.expect("the password is right");
        let alice = webrtc(user("alice", "10.99.0.2", CALLER_HZ)).await;
        let (call, lifted) = tokio::join!(alice.call("bob"), lift_webrtc(&bob));
        let call = call.expect("an answer");
        assert_hears(&call, CALLEE_HZ).await;
        assert_hears(&lifted, CALLER_HZ).await;
        let expected = ["10.99.0.1", "fd00:99::1"].map(|text| text.parse::<IpAddr>().expect("an address"));
        assert_eq!((told(&call), told(&lifted)), (expected.to_vec(), expected.to_vec()));
        call.hang_up().await.expect("confirmed");

        let alice = webrtc(user("alice", "10.99.0.66", CALLER_HZ)).await;
        let (call, lifted) = tokio::join!(alice.dial("bob"), lift_webrtc(&bob));
        let call = call.expect("a user").answered(Duration::from_secs(10)).await.expect("an answer");
        call.media_ready(Duration::from_secs(3)).await.expect_err("no check is answered");
        assert!(call.heard().await.expect("a log").packets.is_empty());
        call.hang_up().await.expect("confirmed");
        drop(lifted);
    });
    inside.run(|| gateway.assert_all_is_over(2));
}
