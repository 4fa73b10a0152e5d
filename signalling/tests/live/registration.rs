//! Registrations: right and wrong passwords, replays, expiry, removal (RFC 3261 10, 22; RFC 8760).

use std::time::{Duration, Instant};

use webtrunk_signalling::adapter::MediaProfile;
use webtrunk_signalling::sip::flow::TransportKind;
use webtrunk_signalling::sip::transport::TransportLimits;

use crate::support::digest::Challenge;
use crate::support::gateway::{Gateway, PASSWORD};
use crate::support::phone::{Extra, Phone, header, status};

const KINDS: [TransportKind; 3] = [TransportKind::Udp, TransportKind::Tcp, TransportKind::Ws];
const DOMAIN: &str = "sip:webtrunk.test";

fn start() -> Gateway {
    Gateway::start(&KINDS, TransportLimits::default())
}

async fn phone(gateway: &Gateway, user: &'static str, kind: TransportKind) -> Phone {
    let place = KINDS.iter().position(|known| *known == kind).expect("one of them");
    Phone::connect(user, kind, gateway.address(u16::try_from(place).expect("three"))).await
}

#[tokio::test]
async fn users_register_on_every_transport_by_both_algorithms() {
    for (kind, algorithm, profile) in [
        (TransportKind::Udp, "MD5", MediaProfile::Rtp),
        (TransportKind::Tcp, "SHA-256", MediaProfile::Rtp),
        (TransportKind::Ws, "MD5", MediaProfile::Webrtc),
        (TransportKind::Ws, "SHA-256", MediaProfile::Webrtc),
    ] {
        let gateway = start();
        let mut phone = phone(&gateway, "alice", kind).await;
        let response = phone.register(algorithm, "Expires: 600\r\n").await;
        assert_eq!(status(&response), 200, "{response}");
        assert!(header(&response, "Contact").contains("expires=600"), "{response}");
        let contacts = gateway.contacts("alice", 1).await;
        assert_eq!(contacts[0].profile, profile);
        assert!(contacts[0].address.is_loopback());
    }
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_user_get_the_same_answer() {
    let gateway = start();
    let mut phone = phone(&gateway, "alice", TransportKind::Udp).await;
    let request = phone.request("REGISTER", DOMAIN, &Extra::default());
    phone.send(&request).await;
    let challenge = Challenge::of(&phone.receive().await, "MD5");
    let mut refusals = Vec::new();
    for user in ["alice", "nobody"] {
        let answer = challenge.answer("REGISTER", DOMAIN, user, "guessed", 1);
        // The same request but for who it says it is.
        let request = request.replace("Content-Length", &format!("{answer}Content-Length"));
        phone.send(&request).await;
        let refusal = phone.receive().await;
        assert_eq!(status(&refusal), 401);
        let nonce =
            refusal.split("nonce=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a nonce");
        refusals.push(refusal.replace(nonce, "-"));
    }
    assert_eq!(refusals[0], refusals[1]);
    assert_eq!(gateway.locations.reachable_users(), 0);
}

#[tokio::test]
async fn replayed_credentials_are_stale_and_counted_on_ones_are_taken() {
    let gateway = start();
    let mut phone = phone(&gateway, "alice", TransportKind::Udp).await;
    let request = phone.request("REGISTER", DOMAIN, &Extra::default());
    phone.send(&request).await;
    let challenge = Challenge::of(&phone.receive().await, "SHA-256");
    let mut attempt = async |count| {
        let headers = challenge.answer("REGISTER", DOMAIN, "alice", PASSWORD, count);
        let request = phone.request("REGISTER", DOMAIN, &Extra { headers: &headers, body: "" });
        phone.send(&request).await;
        phone.receive().await
    };
    assert_eq!(status(&attempt(1).await), 200);
    let replayed = attempt(1).await;
    assert_eq!(status(&replayed), 401);
    assert!(replayed.contains("stale=true"), "{replayed}");
    assert_eq!(status(&attempt(2).await), 200);
}

#[tokio::test]
async fn a_nonce_does_not_travel() {
    let gateway = start();
    let mut here = phone(&gateway, "alice", TransportKind::Udp).await;
    let request = here.request("REGISTER", DOMAIN, &Extra::default());
    here.send(&request).await;
    let challenge = Challenge::of(&here.receive().await, "MD5");
    let answer = challenge.answer("REGISTER", DOMAIN, "alice", PASSWORD, 1);
    let elsewhere = tokio::net::UdpSocket::bind("127.0.0.2:0").await.expect("all of 127/8 is ours");
    let stolen = here.request("REGISTER", DOMAIN, &Extra { headers: &answer, body: "" });
    elsewhere.send_to(stolen.as_bytes(), gateway.address(0)).await.expect("a route");
    let mut buffer = vec![0; 4096];
    let (length, _) = elsewhere.recv_from(&mut buffer).await.expect("an answer");
    let refusal = String::from_utf8_lossy(&buffer[..length]).into_owned();
    assert_eq!(status(&refusal), 401);
    assert!(refusal.contains("stale=true"), "{refusal}");
    assert_eq!(gateway.locations.reachable_users(), 0);
}

#[tokio::test]
async fn a_registration_expires() {
    let gateway = start();
    let mut phone = phone(&gateway, "alice", TransportKind::Udp).await;
    let started = Instant::now();
    assert_eq!(status(&phone.register("MD5", "Expires: 2\r\n").await), 200);
    gateway.contacts("alice", 1).await;
    gateway.contacts("alice", 0).await;
    assert!(started.elapsed() >= Duration::from_secs(2));
}

#[tokio::test]
async fn registrations_are_removed_one_by_one_and_all_at_once() {
    let gateway = start();
    let mut one = phone(&gateway, "alice", TransportKind::Udp).await;
    let mut two = phone(&gateway, "alice", TransportKind::Ws).await;
    one.register("MD5", "").await;
    two.register("MD5", "").await;
    gateway.contacts("alice", 2).await;
    assert_eq!(status(&one.register("MD5", "Expires: 0\r\n").await), 200);
    gateway.contacts("alice", 1).await;
    let star = two.register("MD5", "Expires: 0\r\n").await;
    assert!(!star.contains("\r\nContact:"), "{star}");
    gateway.contacts("alice", 0).await;
}

#[tokio::test]
async fn a_closed_websocket_takes_its_registration_along() {
    let gateway = start();
    let mut stays = phone(&gateway, "alice", TransportKind::Udp).await;
    let mut goes = phone(&gateway, "alice", TransportKind::Ws).await;
    stays.register("MD5", "").await;
    goes.register("MD5", "").await;
    gateway.contacts("alice", 2).await;
    drop(goes);
    let left = gateway.contacts("alice", 1).await;
    assert_eq!(left[0].profile, MediaProfile::Rtp);
}

#[tokio::test]
async fn nobody_registers_as_somebody_else() {
    let gateway = start();
    let mut phone = phone(&gateway, "alice", TransportKind::Udp).await;
    let as_bob = |request: String| request.replace("sip:alice@webtrunk.test", "sip:bob@webtrunk.test");
    let request = as_bob(phone.request("REGISTER", DOMAIN, &Extra::default()));
    phone.send(&request).await;
    let challenge = Challenge::of(&phone.receive().await, "MD5");
    let headers = challenge.answer("REGISTER", DOMAIN, "alice", PASSWORD, 1);
    let request = as_bob(phone.request("REGISTER", DOMAIN, &Extra { headers: &headers, body: "" }));
    phone.send(&request).await;
    assert_eq!(status(&phone.receive().await), 403);
    assert_eq!(gateway.locations.reachable_users(), 0);
}
