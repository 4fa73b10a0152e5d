//! Who may speak in whose dialog, by flow, credentials and proxies.

use std::collections::HashMap;

use super::*;
use crate::auth::digest::{DigestClient, DigestConfig, Ha1};
use crate::sip::message::{HeaderName, Message};
use crate::sip::registrar::RegistrarConfig;
use crate::sip::transport::TransportConfig;
use crate::source_networks::SourceNetworks;

/// Anybody, whose name is the password.
struct Anybody;

impl Credentials for Anybody {
    fn ha1(&self, user: &str, realm: &str, algorithm: Algorithm) -> Option<Ha1> {
        Some(Ha1::new(algorithm, user, realm, user))
    }
}

/// The same, but those of acme are nobody any more.
struct WithoutAcme;

impl Credentials for WithoutAcme {
    fn ha1(&self, user: &str, realm: &str, algorithm: Algorithm) -> Option<Ha1> {
        Anybody.ha1(user, realm, algorithm)
    }

    fn is_gone(&self, user: &str, _realm: &str) -> bool {
        user.starts_with("acme+")
    }
}

struct Nowhere;

impl Keeper for Nowhere {
    fn keep(&self, _: Change) {}
}

/// What is said in a dialog of alice's.
struct Setup {
    door: Door,
    now: Instant,
}

impl Setup {
    fn new() -> Self {
        Self::within(SourceNetworks::default())
    }

    fn within(networks: SourceNetworks) -> Self {
        let (now, trunks) = (Instant::now(), Trunks::new(Vec::new()));
        let admission = Admission::new(DigestConfig::new("test"), Arc::new(Anybody), trunks, [7; 32], now);
        let admission = admission.within(networks);
        let registrar = Registrar::new(RegistrarConfig::default(), [5; 32]);
        let (layer, _) = TransportLayer::new(TransportConfig::default());
        let door = Door::new(admission, registrar, Locations::default(), layer, Arc::new(Nowhere));
        Self { door, now }
    }

    /// A user registers by a flow, through so many proxies.
    fn registers(&mut self, user: &str, flow: Flow, proxies: usize) {
        let contact = format!("Contact: <sip:{user}@h>\r\n");
        let register = request("REGISTER", user, proxies, &contact);
        let register = proven(&mut self.door, register, user, &flow, self.now);
        let Verdict::Accept { origin } = self.door.admit(&register, &flow, self.now) else {
            panic!("{user} is right")
        };
        let registered = self.door.register(&register, &origin, &flow, self.now);
        assert!(registered.response.status.is_success());
    }

    /// What becomes of a BYE without credentials, and of one with those of a user.
    fn says(&mut self, flow: Flow, proxies: usize) -> [String; 3] {
        let bye = || request("BYE", "alice", proxies, "");
        let bare = say(&self.door.admit_in_dialog(&bye(), &flow, "alice", self.now));
        let [bobs, own] = ["bob", "alice"].map(|user| {
            let proven = proven(&mut self.door, bye(), user, &flow, self.now);
            say(&self.door.admit_in_dialog(&proven, &flow, "alice", self.now))
        });
        [bare, bobs, own]
    }
}

#[test]
fn who_proves_nothing_by_a_flow_of_nobody_is_a_phone_that_has_moved() {
    let mut setup = Setup::new();
    assert_eq!(setup.says(udp(1), 0), ["taken", "403", "taken"]);
    assert_eq!(setup.says(stream(1), 0), ["taken", "403", "taken"]);
}

#[test]
fn another_users_phone_has_to_prove_to_be_this_users_by_datagrams_and_by_streams() {
    for flow in [udp(1), stream(1)] {
        let mut setup = Setup::new();
        setup.registers("bob", flow, 0);
        assert!(setup.door.is_anothers(&flow, "alice", setup.now));
        assert_eq!(setup.says(flow, 0), ["401", "403", "taken"]);
        assert!(!setup.door.is_anothers(&udp(2), "alice", setup.now), "elsewhere");
        assert!(!setup.door.is_anothers(&flow, "bob", setup.now));
    }
}

/// A phone with two accounts that has connected anew, and has registered one of them so far.
#[test]
fn a_stream_of_several_is_nobodys() {
    let mut setup = Setup::new();
    setup.registers("bob", stream(1), 0);
    assert_eq!(setup.says(stream(1), 0), ["401", "403", "taken"]);
    assert!(!setup.door.is_anothers(&stream(1), "alice", setup.now), "alice has spoken by it too");
    assert_eq!(setup.says(stream(1), 0), ["taken", "403", "taken"]);
    setup.registers("bob", stream(2), 0);
    setup.door.connection_closed(ConnectionId(2));
    assert!(!setup.door.is_anothers(&stream(2), "alice", setup.now), "it is closed");
}

/// Neither what bob says through a proxy without Path makes its address his, nor is what comes through one judged by it.
#[test]
fn what_comes_through_a_proxy_is_not_judged_by_its_address() {
    for flow in [udp(1), stream(1)] {
        let mut setup = Setup::new();
        setup.registers("bob", flow, 1);
        assert!(!setup.door.is_anothers(&flow, "alice", setup.now));
        assert_eq!(setup.says(flow, 0), ["taken", "403", "taken"]);
        setup.registers("bob", flow, 0);
        assert_eq!(setup.says(flow, 1), ["taken", "taken", "taken"]);
    }
}

#[test]
fn who_is_registered_from_where_it_may_not_come_from_any_more_is_reached_no_more_and_nobody_else() {
    let networks = SourceNetworks::default();
    let mut setup = Setup::within(networks.clone());
    for (user, host) in [("acme+alice", 1), ("acme+bob", 2), ("carol", 1)] {
        setup.registers(user, udp(host), 0);
    }
    let range = "203.0.113.2".parse().expect("a range");
    networks.set(HashMap::from([("acme".to_owned(), vec![range])]));
    let (users, trunks) = (Arc::new(Anybody), Trunks::new(Vec::new()));
    setup.door.take_up(users, vec![Algorithm::Md5], &trunks, setup.now);
    let is_reached = |user: &str| setup.door.registrar.bindings(user).next().is_some();
    assert_eq!(["acme+alice", "acme+bob", "carol"].map(is_reached), [false, true, true]);
    assert!(setup.door.locations.contacts("acme+alice").is_empty(), "others know");
    let bye = request("BYE", "acme+bob", 0, "");
    let invite = request("INVITE", "acme+bob", 0, "");
    let told = [bye, invite]
        .map(|request| say(&setup.door.admit_in_dialog(&request, &udp(7), "acme+bob", setup.now)));
    assert_eq!(told, ["taken", "403"], "its call goes on from its networks alone");
}

#[test]
fn who_registered_by_a_name_that_lasts_for_a_while_is_reached_no_more_when_its_customer_is_gone() {
    let mut setup = Setup::new();
    for (user, host) in [("acme+alice", 1), ("beta+bob", 2), ("carol", 1)] {
        setup.registers(user, udp(host), 0);
    }
    let trunks = Trunks::new(Vec::new());
    setup.door.take_up(Arc::new(WithoutAcme), vec![Algorithm::Md5], &trunks, setup.now);
    let is_reached = |user: &str| setup.door.registrar.bindings(user).next().is_some();
    assert_eq!(["acme+alice", "beta+bob", "carol"].map(is_reached), [false, true, true]);
    assert!(setup.door.locations.contacts("acme+alice").is_empty(), "others know");
    let may_be = |user: &str| setup.door.may_be_at(user, udp(1).remote.ip());
    assert_eq!(["acme+alice", "carol"].map(may_be), [false, true], "nor does it watch others");
}

fn udp(host: u8) -> Flow {
    Flow {
        kind: TransportKind::Udp,
        listener: ListenerId(0),
        local: ([192, 0, 2, 1], 5060).into(),
        remote: ([203, 0, 113, host], 5060).into(),
        connection: None,
    }
}

fn stream(connection: u64) -> Flow {
    Flow { kind: TransportKind::Tcp, connection: Some(ConnectionId(connection)), ..udp(9) }
}

fn request(method: &str, user: &str, proxies: usize, fields: &str) -> Request {
    let vias: String =
        (0..=proxies).map(|hop| format!("Via: SIP/2.0/TCP h{hop};branch=z9hG4bK{hop}\r\n")).collect();
    let text = format!(
        "{method} sip:test SIP/2.0\r\n{vias}From: <sip:{user}@test>;tag=1\r\nTo: <sip:{user}@test>\r\n\
         Call-ID: {:016x}\r\nCSeq: 1 {method}\r\n{fields}\r\n",
        rand::random::<u64>()
    );
    match Message::parse(text.into()).expect("well formed") {
        Message::Request(request) => request,
        Message::Response(_) => unreachable!("it begins with a method"),
    }
}

/// The request with a user's answer to a challenge of ours.
fn proven(door: &mut Door, mut request: Request, user: &str, flow: &Flow, now: Instant) -> Request {
    let bare = self::request("INVITE", user, 0, "");
    let Verdict::Challenge(headers) = door.admit(&bare, flow, now) else { panic!("it proves nothing") };
    let mut client = DigestClient::new(user, user, Some("test"), [1; 32]);
    client.handle_challenge(headers.www_authenticates(), &mut Default::default()).expect("our realm");
    let value = client.authorize(request.method.as_str(), "sip:test").expect("challenged");
    request.headers.push(HeaderName::Authorization, value);
    request
}

fn say(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Accept { .. } => "taken".to_owned(),
        Verdict::Challenge(_) => "401".to_owned(),
        Verdict::Reject(reject) => reject.status.to_string(),
        Verdict::Drop => "dropped".to_owned(),
    }
}
