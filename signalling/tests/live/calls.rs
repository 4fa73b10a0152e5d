//! Calls through the adapter on real sockets: in from users, out to contacts and trunks.

use std::time::{Duration, Instant};

use webtrunk_engine::EndCause;
use webtrunk_signalling::adapter::{Command, Dial, Event, MediaProfile, Origin, Party, Target};
use webtrunk_signalling::sip::flow::TransportKind;
use webtrunk_signalling::sip::transport::{Binding, TransportLimits};
use webtrunk_signalling::sip::trunk::{TrunkConfig, TrunkCredentials};

use crate::support::gateway::{self, Gateway, SDP, config, description};
use crate::support::peer::StreamPeer;
use crate::support::phone::{Extra, Phone, header, status};

const KINDS: [TransportKind; 3] = [TransportKind::Udp, TransportKind::Tcp, TransportKind::Ws];

fn start() -> Gateway {
    Gateway::start(&KINDS, TransportLimits::default())
}

fn dial(target: Target) -> Box<Dial> {
    let caller = Party { user: "07010002000".into(), display_name: "Desk \"one\"".into() };
    gateway::dial(target, caller)
}

/// A trunk that is a stub on this machine.
fn trunk(host: &str, port: u16, transport: TransportKind) -> TrunkConfig {
    TrunkConfig {
        port: Some(port),
        transport,
        credentials: Some(TrunkCredentials {
            username: "webtrunk".into(),
            password: "open sesame".into(),
            realm: Some("provider.test".into()),
        }),
        ..TrunkConfig::new("provider", host)
    }
}

fn to_trunk(number: &str) -> Target {
    Target::Trunk { trunk: "provider".into(), number: number.into() }
}

#[tokio::test]
async fn a_user_calls_is_answered_and_hangs_up() {
    for (place, kind) in (0..).zip(KINDS) {
        let mut gateway = start();
        let mut phone = Phone::connect("alice", kind, gateway.address(place)).await;
        let invite = Extra { headers: "Content-Type: application/sdp\r\n", body: SDP };
        let call = async {
            let call = gateway.incoming().await;
            gateway.command(Command::Ring { leg: call.leg, description: None }).await;
            gateway.command(Command::Answer { leg: call.leg, description: description() }).await;
            call
        };
        let (answer, call) =
            tokio::join!(phone.authenticated("MD5", "INVITE", "sip:9196@webtrunk.test", &invite), call);
        assert_eq!((status(&answer), call.destination.as_str()), (200, "9196"));
        assert_eq!(call.origin, Origin::User("alice".into()));
        let profile = if kind == TransportKind::Ws { MediaProfile::Webrtc } else { MediaProfile::Rtp };
        assert_eq!((call.profile, call.caller.user.as_str()), (profile, "alice"));
        assert!(call.offer.is_some() && answer.ends_with("PCMU/8000\r\n"), "{answer}");

        let ack = in_dialog(&phone.request("ACK", &target(&answer), &Extra::default()), &answer, "ACK");
        phone.send(&ack).await;
        let acknowledged = gateway.event().await;
        assert!(
            matches!(acknowledged, Event::Acknowledged { leg, .. } if leg == call.leg),
            "{acknowledged:?}"
        );
        let bye = in_dialog(&phone.request("BYE", &target(&answer), &Extra::default()), &answer, "BYE");
        phone.send(&bye).await;
        assert_eq!(status(&phone.final_response().await), 200);
        let ended = gateway.event().await;
        assert!(
            matches!(ended, Event::Ended { leg, cause: EndCause::Hangup } if leg == call.leg),
            "{ended:?}"
        );
    }
}

#[tokio::test]
async fn a_registered_user_is_called_on_the_flow_that_it_registered() {
    for (place, kind) in (0..).zip(KINDS) {
        let mut gateway = start();
        let mut phone = Phone::connect("bob", kind, gateway.address(place)).await;
        assert_eq!(status(&phone.register("MD5", "").await), 200);
        let contact = gateway.contacts("bob", 1).await.remove(0);
        let dial = dial(contact.target("bob"));
        let leg = dial.leg;
        gateway.command(Command::Dial(dial)).await;
        let invite = phone.receive().await;
        assert!(invite.starts_with("INVITE sip:bob@"), "{invite}");
        assert!(
            header(&invite, "Via").starts_with(&format!("SIP/2.0/{} 127.0.0.1:", kind.via_name())),
            "{invite}"
        );
        assert!(
            header(&invite, "From").starts_with("\"Desk \\\"one\\\"\" <sip:07010002000@127.0.0.1"),
            "{invite}"
        );
        phone.send(&phone.response(&invite, "180 Ringing", "")).await;
        assert!(matches!(gateway.event().await, Event::Progress { is_ringing: true, .. }));
        phone.send(&phone.response(&invite, "200 OK", SDP)).await;
        let answered = gateway.event().await;
        assert!(
            matches!(&answered, Event::Answered { leg: l, description: Some(_), signalled_from } if *l == leg && signalled_from.is_loopback()),
            "{answered:?}"
        );
        assert!(phone.receive().await.starts_with("ACK "));
        gateway.command(Command::Hangup { leg, cause: EndCause::Hangup }).await;
        let bye = phone.receive().await;
        assert!(bye.starts_with("BYE "), "{bye}");
        phone.send(&phone.response(&bye, "200 OK", "")).await;
        assert!(matches!(gateway.event().await, Event::Ended { cause: EndCause::Hangup, .. }));
    }
}

#[tokio::test]
async fn who_is_gone_or_unknown_cannot_be_called() {
    let mut gateway = start();
    let nobody = Target::Contact { user: "bob".into(), binding: 77 };
    for (target, expected) in [(nobody, EndCause::Unavailable), (to_trunk("1"), EndCause::NotFound)] {
        gateway.command(Command::Dial(dial(target))).await;
        let event = gateway.event().await;
        assert!(matches!(event, Event::Ended { cause, .. } if cause == expected), "{event:?}");
    }
}

#[tokio::test]
async fn a_stranger_never_rings() {
    let gateway = start();
    let mut stranger = Phone::connect("alice", TransportKind::Udp, gateway.address(0)).await;
    let invite = Extra { headers: "Content-Type: application/sdp\r\n", body: SDP };
    let request = stranger.request("INVITE", "sip:bob@webtrunk.test", &invite);
    stranger.send(&request).await;
    assert_eq!(status(&stranger.receive().await), 401);
    gateway.assert_untouched().await;
}

#[tokio::test]
async fn a_trunk_gets_its_digest_and_no_other_realm_does() {
    for (realm, is_answered) in [("provider.test", true), ("evil.test", false)] {
        let stub = tokio::net::UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        let port = stub.local_addr().expect("bound").port();
        let mut config = config(&KINDS);
        config.trunks = vec![trunk("localhost", port, TransportKind::Udp)];
        let mut gateway = Gateway::start_with(config);
        let phone = Phone::connect("stub", TransportKind::Udp, gateway.address(0)).await;
        let mut buffer = vec![0; 8192];
        let mut receive = async || {
            let (length, from) = stub.recv_from(&mut buffer).await.expect("a request");
            (String::from_utf8(buffer[..length].to_vec()).expect("we write UTF-8"), from)
        };
        gateway.command(Command::Dial(dial(to_trunk("+81 3")))).await;
        let (invite, from) = receive().await;
        assert!(invite.starts_with(&format!("INVITE sip:+81%203@localhost:{port} SIP/2.0")), "{invite}");
        assert_eq!(from, gateway.address(0), "from the listener's own port");
        let challenge = format!(
            "401 Unauthorized\r\nWWW-Authenticate: Digest realm=\"{realm}\", nonce=\"n\", qop=\"auth\""
        );
        stub.send_to(phone.response(&invite, &challenge, "").as_bytes(), from).await.expect("a route");
        let (ack, _) = receive().await;
        assert!(ack.starts_with("ACK "), "{ack}");
        if is_answered {
            let (again, _) = receive().await;
            assert!(again.starts_with("INVITE "), "{again}");
            assert!(header(&again, "Authorization").contains("username=\"webtrunk\""), "{again}");
            stub.send_to(phone.response(&again, "486 Busy Here", "").as_bytes(), from)
                .await
                .expect("a route");
            assert!(matches!(end_told(&mut gateway).await, Event::Ended { cause: EndCause::Busy, .. }));
        } else {
            assert!(matches!(end_told(&mut gateway).await, Event::Ended { cause: EndCause::Forbidden, .. }));
        }
    }
}

#[tokio::test]
async fn a_trunk_over_tcp_is_dialled_and_a_dead_one_fails() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("bound").port();
    let mut config = config(&KINDS);
    config.trunks = vec![trunk("127.0.0.1", port, TransportKind::Tcp)];
    let mut gateway = Gateway::start_with(config);
    gateway.command(Command::Dial(dial(to_trunk("100")))).await;
    let (stream, _) = listener.accept().await.expect("it dials");
    let mut stub = StreamPeer::over(stream);
    let invite = stub.receive().await.expect("an INVITE");
    assert!(invite.starts_with(&format!("INVITE sip:100@127.0.0.1:{port} SIP/2.0")), "{invite}");
    let own_port = gateway.address(1).port();
    assert!(header(&invite, "Via").starts_with(&format!("SIP/2.0/TCP 127.0.0.1:{own_port};")), "{invite}");
    // A trunk that hangs up its stream has failed the call.
    drop((stub, listener));
    assert!(matches!(gateway.event().await, Event::Ended { cause: EndCause::GatewayFailure, .. }));
    gateway.command(Command::Dial(dial(to_trunk("100")))).await;
    assert!(matches!(gateway.event().await, Event::Ended { cause: EndCause::GatewayFailure, .. }));
}

#[tokio::test]
async fn a_trunk_without_an_address_fails_in_time_and_can_be_given_up() {
    let mut config = config(&KINDS);
    config.trunks = vec![trunk("no-such-host.invalid", 5060, TransportKind::Udp)];
    let mut gateway = Gateway::start_with(config);
    let started = Instant::now();
    gateway.command(Command::Dial(dial(to_trunk("100")))).await;
    let event = gateway.event().await;
    assert!(matches!(event, Event::Ended { cause: EndCause::GatewayFailure, .. }), "{event:?}");
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    let dial = dial(to_trunk("100"));
    let leg = dial.leg;
    gateway.command(Command::Dial(dial)).await;
    gateway.command(Command::Hangup { leg, cause: EndCause::Cancelled }).await;
    gateway.command(Command::Drain).await;
    let event = gateway.event().await;
    assert!(matches!(event, Event::Ended { leg: ended, .. } if ended == leg), "{event:?}");
    assert!(gateway.has_stopped().await, "one end for each leg");
}

#[tokio::test]
async fn a_trunk_calls_from_its_network_without_a_password() {
    let mut config = config(&KINDS);
    let mut provider = trunk("provider.test", 5060, TransportKind::Udp);
    provider.source_networks = vec!["127.0.0.0/8".parse().expect("a range")];
    config.trunks = vec![provider];
    let mut gateway = Gateway::start_with(config);
    let mut stub = Phone::connect("4930123456", TransportKind::Udp, gateway.address(0)).await;
    let invite = stub.request("INVITE", "sip:07010002000@127.0.0.1", &Extra::default());
    stub.send(&invite).await;
    let call = gateway.incoming().await;
    assert_eq!(call.origin, Origin::Trunk("provider".into()));
    assert_eq!((call.caller.user.as_str(), call.offer.is_none()), ("4930123456", true));
    gateway.command(Command::Hangup { leg: call.leg, cause: EndCause::NotFound }).await;
    assert_eq!(status(&stub.final_response().await), 404);
}

#[tokio::test]
async fn peers_behind_nat_are_told_the_external_address() {
    let cases = [
        ("10.0.0.0/8", "127.0.0.5", "127.0.0.5"),
        ("127.0.0.0/8", "127.0.0.5", "127.0.0.1"),
        // Who is on this machine is behind no NAT that has an address elsewhere.
        ("10.0.0.0/8", "203.0.113.5", "127.0.0.1"),
    ];
    for (local, external, told) in cases {
        let mut config = config(&[TransportKind::Udp]);
        let listener = &mut config.transport.listeners[0];
        listener.external_address = Some(external.parse().expect("an address"));
        listener.local_networks = vec![local.parse().expect("a range")];
        let gateway = Gateway::start_with(config);
        let mut phone = Phone::connect("bob", TransportKind::Udp, gateway.address(0)).await;
        phone.register("MD5", "").await;
        let contact = gateway.contacts("bob", 1).await.remove(0);
        gateway.command(Command::Dial(dial(contact.target("bob")))).await;
        let invite = phone.receive().await;
        let port = gateway.address(0).port();
        assert!(header(&invite, "Via").contains(&format!(" {told}:{port};")), "{invite}");
        assert_eq!(header(&invite, "Contact"), format!("<sip:{told}:{port}>"));
        let media = gateway.transport.addresses().media_address([127, 0, 0, 1].into(), Some(contact.address));
        assert_eq!(media.to_string(), told);
    }
}

#[tokio::test]
async fn sockets_of_all_addresses_and_of_ipv6_name_the_address_that_the_peer_reaches() {
    for (bind, reached) in [("0.0.0.0:0", "127.0.0.1"), ("[::1]:0", "[::1]"), ("[::]:0", "[::1]")] {
        let mut config = config(&[TransportKind::Udp]);
        config.transport.listeners[0].binding = Binding::Own(bind.parse().expect("an address"));
        let gateway = Gateway::start_with(config);
        let port = gateway.address(0).port();
        let server = format!("{reached}:{port}").parse().expect("an address");
        let mut phone = Phone::connect("bob", TransportKind::Udp, server).await;
        assert_eq!(status(&phone.register("SHA-256", "").await), 200, "{bind}");
        let contact = gateway.contacts("bob", 1).await.remove(0);
        gateway.command(Command::Dial(dial(contact.target("bob")))).await;
        let invite = phone.receive().await;
        assert!(header(&invite, "Via").starts_with(&format!("SIP/2.0/UDP {reached}:{port};")), "{invite}");
        assert_eq!(header(&invite, "Contact"), format!("<sip:{reached}:{port}>"));
    }
}

#[tokio::test]
async fn draining_ends_calls_refuses_new_ones_and_stops() {
    let mut gateway = start();
    let mut phone = Phone::connect("alice", TransportKind::Ws, gateway.address(2)).await;
    let invite = Extra { headers: "Content-Type: application/sdp\r\n", body: SDP };
    let call = async {
        let call = gateway.incoming().await;
        gateway.command(Command::Drain).await;
        call
    };
    let (refusal, call) =
        tokio::join!(phone.authenticated("MD5", "INVITE", "sip:9196@x.test", &invite), call);
    assert_eq!(status(&refusal), 503, "{refusal}");
    let ended = gateway.event().await;
    assert!(
        matches!(ended, Event::Ended { leg, cause: EndCause::ShuttingDown } if leg == call.leg),
        "{ended:?}"
    );
    phone.send(&acknowledgement(&refusal, "sip:9196@x.test")).await;
    assert!(gateway.has_stopped().await);
}

/// The end of a leg, before which the codes of who ended it may be told.
async fn end_told(gateway: &mut Gateway) -> Event {
    loop {
        match gateway.event().await {
            Event::EndTold { .. } => {}
            event => return event,
        }
    }
}

/// The ACK of a refusal, which belongs to the INVITE's own transaction (RFC 3261 17.1.1.3).
fn acknowledgement(refusal: &str, uri: &str) -> String {
    let line = |name| format!("{name}: {}\r\n", header(refusal, name));
    let number = header(refusal, "CSeq").split(' ').next().expect("a number");
    let same: String = ["Via", "From", "To", "Call-ID"].map(line).concat();
    format!("ACK {uri} SIP/2.0\r\n{same}CSeq: {number} ACK\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n")
}

/// The remote target that an answer gave.
fn target(answer: &str) -> String {
    header(answer, "Contact").trim_matches(['<', '>']).to_owned()
}

/// A request of a dialog: To with the tag of the answer, and for ACK the number of the INVITE.
fn in_dialog(request: &str, answer: &str, method: &str) -> String {
    let to = format!("To: {}", header(answer, "To"));
    let cseq = header(answer, "CSeq").split(' ').next().expect("a number");
    let line = |line: &str| match line.split(':').next() {
        Some("To") => to.clone(),
        Some("CSeq") if method == "ACK" => format!("CSeq: {cseq} ACK"),
        _ => line.to_owned(),
    };
    request.split("\r\n").map(line).collect::<Vec<_>>().join("\r\n")
}
