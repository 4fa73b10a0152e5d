//! REGISTER by REGISTER, with time in hand.
#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::adapter::MediaProfile;
use crate::moment::Moment;
use crate::sip::flow::{ConnectionId, Flow, ListenerId, TransportKind};
use crate::sip::message::{HeaderName, Message, Request, Response, SipUri, Uri};

mod flows;
mod restored;

struct Setup {
    registrar: Registrar,
    start: Instant,
    cseq: u32,
}

fn flow(kind: TransportKind, connection: Option<u64>) -> Flow {
    Flow {
        kind,
        listener: ListenerId(0),
        local: "192.0.2.10:5060".parse().unwrap(),
        remote: "198.51.100.7:5070".parse().unwrap(),
        connection: connection.map(ConnectionId),
    }
}

const UDP: TransportKind = TransportKind::Udp;

fn request(call_id: &str, cseq: u32, fields: &str) -> Request {
    let text = format!(
        "REGISTER sip:gateway.example SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.7;branch=z9hG4bK1\r\n\
         From: <sip:alice@gateway.example>;tag=f\r\nTo: <sip:alice@gateway.example>\r\n\
         Call-ID: {call_id}\r\nCSeq: {cseq} REGISTER\r\n{fields}\r\n"
    );
    match Message::parse(Bytes::from(text)).unwrap() {
        Message::Request(request) => request,
        Message::Response(_) => panic!("a request"),
    }
}

impl Setup {
    fn new() -> Self {
        Self {
            registrar: Registrar::new(RegistrarConfig::default(), [5; 32]),
            start: Instant::now(),
            cseq: 0,
        }
    }

    fn at(&self, seconds: u64) -> Instant {
        self.start + Duration::from_secs(seconds)
    }

    /// The next REGISTER of Alice's only client, over UDP, and its answer.
    fn register(&mut self, seconds: u64, fields: &str) -> Response {
        self.register_over(seconds, flow(UDP, None), fields)
    }

    fn register_over(&mut self, seconds: u64, flow: Flow, fields: &str) -> Response {
        self.cseq += 1;
        let request = request("call-1", self.cseq, fields);
        let now = self.at(seconds);
        self.registrar.handle_register(&request, "alice", flow, "tag", now)
    }

    fn uris(&self) -> Vec<String> {
        self.registrar.bindings("alice").map(|binding| binding.uri.to_string()).collect()
    }
}

fn summary(response: &Response) -> (u16, Vec<&str>) {
    (response.status.code(), response.headers.get_all(&HeaderName::Contact).collect())
}

#[test]
fn a_contact_is_bound_listed_and_removed() {
    let mut setup = Setup::new();
    let response =
        setup.register(0, "Contact: \"A\" <sip:a@h1>;q=0.5;expires=600\r\nUser-Agent: phone/1\r\n");
    assert_eq!(summary(&response), (200, vec!["<sip:a@h1>;q=0.5;expires=600"]));
    assert_eq!(response.headers.to().unwrap().tag(), Some("tag"));
    let binding = setup.registrar.bindings("alice").next().unwrap().clone();
    assert_eq!((binding.user.as_str(), binding.user_agent.as_str()), ("alice", "phone/1"));
    assert_eq!((binding.profile, binding.flow), (MediaProfile::Rtp, flow(UDP, None)));
    assert_eq!(setup.registrar.binding(binding.key), Some(&binding));

    let response = setup.register(100, "");
    assert_eq!(summary(&response), (200, vec!["<sip:a@h1>;q=0.5;expires=500"]));

    let response = setup.register(101, "Contact: <sip:a@h1>;expires=0\r\n");
    assert_eq!(summary(&response), (200, vec![]));
    assert!(setup.registrar.is_empty());
    assert_eq!(setup.registrar.binding(binding.key), None);
}

#[test]
fn a_refresh_keeps_the_key() {
    let mut setup = Setup::new();
    setup.register(0, "Contact: <sip:a@h1>\r\n");
    let key = setup.registrar.bindings("alice").next().unwrap().key;
    let response = setup.register(50, "Contact: <sip:a@H1;new=1>;expires=120\r\n");
    assert_eq!(summary(&response), (200, vec!["<sip:a@H1;new=1>;expires=120"]));
    assert_eq!(setup.registrar.bindings("alice").next().unwrap().key, key);
}

#[test]
fn keys_are_never_given_twice() {
    let mut setup = Setup::new();
    setup.register(0, "Contact: <sip:a@h1>, <sip:a@h2>\r\n");
    let first: Vec<_> = setup.registrar.bindings("alice").map(|b| b.key).collect();
    setup.register(1, "Contact: *\r\nExpires: 0\r\n");
    setup.register(2, "Contact: <sip:a@h1>\r\n");
    let second = setup.registrar.bindings("alice").next().unwrap().key;
    assert!(first[0] != first[1] && !first.contains(&second));
}

#[test]
fn how_long_a_contact_is_bound() {
    for (fields, expected) in [
        ("Contact: <sip:a@h>\r\n", 3600),
        ("Contact: <sip:a@h>\r\nExpires: 300\r\n", 300),
        ("Contact: <sip:a@h>;expires=200\r\nExpires: 300\r\n", 200),
        ("Contact: <sip:a@h>;expires=60\r\n", 60),
        ("Contact: <sip:a@h>;expires=99999\r\n", 3600),
        ("Contact: <sip:a@h>;expires=280297596632815\r\n", 3600),
        ("Contact: <sip:a@h>\r\nExpires: 100000000000000000000000000000\r\n", 3600),
        ("Contact: <sip:a@h>;expires=soon\r\n", 3600),
        ("Contact: <sip:a@h>;expires=soon\r\nExpires: 300\r\n", 300),
        ("Contact: <sip:a@h>\r\nExpires: -1\r\n", 3600),
    ] {
        let mut setup = Setup::new();
        let response = setup.register(0, fields);
        assert_eq!(summary(&response), (200, vec![&*format!("<sip:a@h>;expires={expected}")]), "{fields}");
        assert_eq!(setup.registrar.poll_timeout(), Some(setup.at(expected)), "{fields}");
    }
}

#[test]
fn too_short_an_expiry_is_told_the_shortest() {
    let mut setup = Setup::new();
    for fields in ["Contact: <sip:a@h>;expires=59\r\n", "Contact: <sip:a@h1>, <sip:a@h2>;expires=1\r\n"] {
        let response = setup.register(0, fields);
        assert_eq!(response.status.code(), 423);
        assert_eq!(response.headers.min_expires(), Ok(Some(60)));
    }
    assert!(setup.registrar.is_empty(), "nothing of the request is done");
}

#[test]
fn bindings_end_on_time() {
    let mut setup = Setup::new();
    setup.register(0, "Contact: <sip:a@h1>;expires=100\r\n");
    setup.register(0, "Contact: <sip:a@h2>;expires=200\r\n");
    assert_eq!(setup.registrar.poll_timeout(), Some(setup.at(100)));
    assert!(setup.registrar.handle_timeout(setup.at(99)).is_empty());
    let ended: Vec<_> =
        setup.registrar.handle_timeout(setup.at(100)).iter().map(|b| b.uri.to_string()).collect();
    assert_eq!(ended, ["sip:a@h1"]);
    assert_eq!(setup.uris(), ["sip:a@h2"]);
    assert_eq!(setup.registrar.poll_timeout(), Some(setup.at(200)));
}

#[test]
fn who_is_no_user_any_more_is_registered_nowhere() {
    let mut setup = Setup::new();
    setup.register(0, "Contact: <sip:a@h1>;expires=100\r\n");
    setup.register(0, "Contact: <sip:a@h2>;expires=200\r\n");
    let users: Vec<_> = setup.registrar.users().map(str::to_owned).collect();
    assert_eq!(users.len(), 1);
    setup.registrar.take_touched();
    assert!(setup.registrar.remove("nobody").is_empty());
    assert_eq!(setup.registrar.remove(&users[0]).len(), 2);
    assert!(setup.registrar.is_empty() && setup.registrar.users().next().is_none());
    assert_eq!(setup.registrar.take_touched().len(), 2, "that is kept too");
    assert_eq!(setup.registrar.poll_timeout(), None);
}

#[test]
fn what_has_expired_is_not_listed_even_before_the_timer_fires() {
    let mut setup = Setup::new();
    setup.register(0, "Contact: <sip:a@h1>;expires=100\r\n");
    assert_eq!(summary(&setup.register(100, "")), (200, vec![]));
    assert_eq!(setup.registrar.handle_timeout(setup.at(100)).len(), 1);
}

#[test]
fn a_star_removes_all_and_needs_expires_0() {
    for fields in ["Contact: *\r\n", "Contact: *\r\nExpires: 60\r\n", "Contact: *\r\nExpires: x\r\n"] {
        let mut setup = Setup::new();
        setup.register(0, "Contact: <sip:a@h1>, <sip:a@h2>\r\n");
        assert_eq!(setup.register(1, fields).status.code(), 400, "{fields}");
        assert_eq!(setup.uris().len(), 2);
        assert_eq!(summary(&setup.register(2, "Contact: *\r\nExpires: 0\r\n")), (200, vec![]));
        assert!(setup.registrar.is_empty());
    }
}

#[test]
fn a_request_that_comes_late_changes_nothing() {
    let mut setup = Setup::new();
    let now = setup.start;
    let mut send = |call_id, cseq, fields| {
        let request = request(call_id, cseq, fields);
        setup.registrar.handle_register(&request, "alice", flow(UDP, None), "t", now).status.code()
    };
    assert_eq!(send("x", 5, "Contact: <sip:a@h1>\r\n"), 200);
    assert_eq!(send("x", 5, "Contact: <sip:a@h1>;expires=0\r\n"), 400);
    assert_eq!(send("x", 4, "Contact: <sip:a@h2>, <sip:a@h1>\r\n"), 400);
    assert_eq!(send("x", 4, "Contact: *\r\nExpires: 0\r\n"), 400);
    assert_eq!(send("x", 4, "Contact: <sip:a@h2>\r\n"), 200, "another contact has another order");
    assert_eq!(send("y", 1, "Contact: <sip:a@h1>;expires=0\r\n"), 200, "so has another Call-ID");
    assert_eq!(setup.uris(), ["sip:a@h2"]);
}

#[test]
fn only_one_s_own_address_can_be_registered() {
    let mut setup = Setup::new();
    let request = request("x", 1, "Contact: <sip:a@h1>\r\n");
    let response = setup.registrar.handle_register(&request, "bob", flow(UDP, None), "t", setup.start);
    assert_eq!(response.status.code(), 403);
    assert!(setup.registrar.is_empty());
}

#[test]
fn an_escaped_address_of_record_is_the_same() {
    let mut setup = Setup::new();
    let mut request = request("x", 1, "Contact: <sip:a@h1>\r\n");
    request.headers.set(HeaderName::To, "<sip:%61lice@gateway.example>");
    let response = setup.registrar.handle_register(&request, "alice", flow(UDP, None), "t", setup.start);
    assert_eq!(response.status.code(), 200);
}

#[test]
fn an_escaped_nul_makes_another_contact() {
    let mut setup = Setup::new();
    setup.register(0, "Contact: <sip:%00@h1>\r\nContact: <sip:%00%00@h1>\r\n");
    assert_eq!(setup.uris(), ["sip:%00@h1", "sip:%00%00@h1"]);
}

#[test]
fn the_same_contact_twice_in_a_request_is_one() {
    let mut setup = Setup::new();
    let response = setup.register(0, "Contact: <sip:a@h1>;expires=100, <sip:a@H1>;expires=200\r\n");
    assert_eq!(summary(&response), (200, vec!["<sip:a@H1>;expires=200"]));
    let response = setup.register(1, "Contact: <sip:a@h1>;expires=0, <sip:a@h1>;expires=100\r\n");
    assert_eq!(summary(&response), (200, vec!["<sip:a@h1>;expires=100"]));
    let response = setup.register(1, "Contact: <sip:a@h2>, <sip:a@h2>;expires=0, <sip:a@h1>;expires=0\r\n");
    assert_eq!(summary(&response), (200, vec![]));
}

#[test]
fn a_user_has_so_many_contacts_and_no_more() {
    let mut setup = Setup::new();
    for at in 0..10 {
        assert_eq!(setup.register(0, &format!("Contact: <sip:a@h{at}>\r\n")).status.code(), 200);
    }
    let refused = setup.register(0, "Contact: <sip:a@h10>\r\n");
    assert_eq!((refused.status.code(), &*refused.reason), (403, "Too Many Contacts"));
    assert_eq!(setup.register(0, "Contact: <sip:a@h9>\r\n").status.code(), 200, "a refresh is none more");
    let moved = setup.register(0, "Contact: <sip:a@h10>, <sip:a@h0>;expires=0\r\n");
    assert_eq!((moved.status.code(), setup.uris().len()), (200, 10));
}

#[test]
fn a_request_has_so_many_contacts_and_no_more() {
    let mut setup = Setup::new();
    let response = setup.register(0, &format!("Contact: {}<sip:a@h>\r\n", "<sip:a@h>, ".repeat(20)));
    assert_eq!((response.status.code(), &*response.reason), (403, "Too Many Contacts"));
}

#[test]
fn contacts_that_cannot_be_called_are_refused() {
    let mut setup = Setup::new();
    let long = format!("Contact: <sip:{}@h>\r\n", "a".repeat(3000));
    for fields in ["Contact: <mailto:a@h>\r\n", "Contact: <tel:+81>\r\n", &long] {
        assert_eq!(setup.register(0, fields).status.code(), 400, "{fields}");
    }
    assert!(setup.registrar.is_empty());
}

#[test]
fn headers_in_a_contact_are_kept_and_never_obeyed() {
    let mut setup = Setup::new();
    setup.register(0, "Contact: <sip:a@h1;ob?Route=%3Csip:evil%3E>\r\n");
    assert_eq!(setup.uris(), ["sip:a@h1;ob?Route=%3Csip:evil%3E"]);
    let binding = setup.registrar.bindings("alice").next().unwrap();
    assert_eq!(binding.uri.as_request_uri().to_string(), "sip:a@h1;ob");
}

const PROXIED: &str = "Via: SIP/2.0/UDP phone;branch=z9hG4bK2\r\n";
const OF_INSTANCE: &str = "Contact: <sip:a@h>;reg-id=1;+sip.instance=\"<urn:uuid:1>\"\r\n";

/// The addresses of the only device of a response: public, temporary.
fn gruus(response: &Response) -> [SipUri; 2] {
    let contact = response.headers.contact().unwrap();
    ["pub-gruu", "temp-gruu"].map(|name| {
        let text = contact.params.get(name).unwrap().trim_matches('"').to_owned();
        text.parse::<Uri>().unwrap().as_sip().unwrap().clone()
    })
}

#[test]
fn a_device_has_an_address_of_its_own_and_one_that_tells_nothing() {
    let mut setup = Setup::new();
    let register = |setup: &mut Setup, seconds| {
        gruus(&setup.register(seconds, &format!("{OF_INSTANCE}Supported: gruu\r\n")))
    };
    let [public, temporary] = register(&mut setup, 0);
    assert_eq!(public.to_string(), "sip:alice@gateway.example;gr=urn:uuid:1");
    let hidden = temporary.to_string();
    assert!(hidden.starts_with("sip:tgruu.") && hidden.ends_with("@gateway.example;gr"), "{hidden}");
    let [again, another] = register(&mut setup, 1);
    assert!(again == public && another != temporary, "each refresh brings a new one");
    let key = setup.registrar.bindings("alice").next().unwrap().key;
    for uri in [&public, &temporary, &another] {
        assert!(matches!(setup.registrar.gruu(uri), Gruu::Of(binding) if binding.key == key), "{uri}");
    }
    // Others are nobody's, and an address without gr is none.
    let parse = |text: &str| text.parse::<Uri>().unwrap().as_sip().unwrap().clone();
    for other in
        ["sip:alice@x;gr=urn:uuid:2", "sip:bob@x;gr=urn:uuid:1", "sip:tgruu.AAAA@x;gr", "sip:alice@x;gr"]
    {
        assert_eq!(setup.registrar.gruu(&parse(other)), Gruu::OfNobody, "{other}");
    }
    assert_eq!(setup.registrar.gruu(&parse("sip:alice@gateway.example")), Gruu::None);
    let forged = parse(&hidden.replace("tgruu.", "tgruu.A"));
    assert_eq!(setup.registrar.gruu(&forged), Gruu::OfNobody);
    // Who has gone has taken his temporary addresses along; the public one finds him when he is back.
    setup.register(2, &OF_INSTANCE.replace("\r\n", ";expires=0\r\n"));
    assert_eq!([setup.registrar.gruu(&public), setup.registrar.gruu(&another)], [Gruu::OfNobody; 2]);
    register(&mut setup, 3);
    assert!(matches!(setup.registrar.gruu(&public), Gruu::Of(_)));
    assert_eq!(setup.registrar.gruu(&another), Gruu::OfNobody);
}

#[test]
fn who_does_not_ask_or_has_no_name_gets_no_address_of_its_own() {
    for fields in [OF_INSTANCE.to_owned(), "Contact: <sip:a@h>\r\nSupported: gruu\r\n".to_owned()] {
        let response = Setup::new().register(0, &fields);
        assert!(!response.headers.contact().unwrap().params.has("pub-gruu"), "{fields}");
    }
    let odd = "Contact: <sip:a@h>;+sip.instance=\"<urn:x:a b>\"\r\nSupported: gruu\r\n";
    let response = Setup::new().register(0, odd);
    assert!(!response.headers.contact().unwrap().params.has("pub-gruu"));
}

proptest! {
    #[test]
    fn no_address_is_taken_for_one_of_ours(user in "[ -~]{0,60}", gr in "[ -~]{0,20}") {
        let mut setup = Setup::new();
        setup.register(0, &format!("{OF_INSTANCE}Supported: gruu\r\n"));
        if let Ok(Uri::Sip(uri)) = format!("sip:tgruu.{user}@h;gr{gr}").parse::<Uri>() {
            prop_assert!(!matches!(setup.registrar.gruu(&uri), Gruu::Of(_)));
        }
    }
}

proptest! {
    #[test]
    fn whatever_is_registered_the_table_agrees_with_itself(
        steps in prop::collection::vec((0..8_u8, 0..14_u8, 0..4_u64, 0..400_u32), 1..60)
    ) {
        let mut setup = Setup::new();
        let mut seconds = 0;
        for (kind, contact, connection, expires) in steps {
            let over = flow(TransportKind::Wss, (connection > 0).then_some(connection));
            match kind {
                0 => drop(setup.registrar.connection_closed(ConnectionId(connection))),
                1 => {
                    seconds += u64::from(expires);
                    setup.registrar.handle_timeout(setup.at(seconds));
                }
                2 => drop(setup.register_over(seconds, over, "Contact: *\r\nExpires: 0\r\n")),
                3 => {
                    let fields = format!("Contact: <sip:{contact}@h>;reg-id=1;+sip.instance=\"<urn:{connection}>\"\r\n");
                    setup.register_over(seconds, over, &fields);
                }
                _ => {
                    let fields = format!("Contact: <sip:{contact}@h>;expires={expires}\r\n");
                    let response = setup.register_over(seconds, over, &fields);
                    prop_assert_eq!(response.status.code() == 423, (1..60).contains(&expires));
                }
            }
            prop_assert!(setup.registrar.table.is_consistent());
            prop_assert!(setup.registrar.bindings("alice").count() <= 10);
            if kind == 1 {
                let now = setup.at(seconds);
                prop_assert!(setup.registrar.bindings("alice").all(|binding| binding.expires_at > now));
            }
        }
    }
}
