//! Phones that have registered through proxies (RFC 3327), which find them again by tokens of their own (RFC 5626 5.2).

use std::net::SocketAddr;

use webtrunk_codecs::CodecId;
use webtrunk_codecs::g711::Law;
use webtrunk_loadtest::agent::{Call, Phone};
use webtrunk_signalling::auth::digest::Algorithm;

use super::ear::assert_hears_from_now;
use super::stage::{CALLEE_HZ, CALLER_HZ, Stage, phone};
use crate::sip::proxy::Proxy;
use crate::sip::raw_phone::{RawPhone, audio_port, description, header};
use crate::sip::rtp_peer::RtpPeer;
use crate::support::gateway::{GatewayConfig, PATIENCE, password};
use crate::support::host::Host;

const RULE: &str =
    "destination = 'alice'\nfrom_trunk = 'office'\nactions = [{ bridge = { user = 'alice' } }]";

/// What her phone believes to have for an address: nobody is there.
const NOBODY: &str = "10.255.255.254:5060";

const AUDIO_PORT: u16 = 7000;

/// A gateway with an office that calls alice, and where her phone is.
struct Ground {
    stage: Stage,
    office: Phone,
    home: Host,
}

impl Ground {
    async fn new() -> Self {
        let stage = Stage::with(&["PCMU"], GatewayConfig::default().rule(RULE));
        let office = phone(stage.caller(CodecId::Pcmu)).await;
        Self { stage, office, home: Host::new() }
    }

    /// Her phone, which has registered through a proxy, with these parameters of its contact.
    fn registered(&self, edge: &Proxy, contact: &str) -> RawPhone {
        let mut alice = RawPhone::towards(edge.address(), &self.home, 0, "alice");
        alice.show(NOBODY);
        alice.say_of_contact(contact);
        let headers = "Supported: path, outbound\r\nExpires: 600\r\n";
        let answer = alice.register(Algorithm::Sha256, &password("alice"), headers);
        assert!(answer.starts_with("SIP/2.0 200 "), "{answer}");
        alice
    }

    /// The office calls, she lifts, and both hear each other; gives the office's end, and the INVITE.
    async fn talk(&self, alice: &RawPhone) -> (Call, String) {
        let mut mouth = RtpPeer::new(&self.home, AUDIO_PORT);
        let dialing = self.office.dial("alice").await.expect("a user");
        let invite = alice.next("INVITE ");
        assert!(invite.starts_with(&format!("INVITE sip:alice@{NOBODY} ")), "{invite}");
        let headers = format!(
            "{}Contact: <sip:alice@{NOBODY}>\r\nContent-Type: application/sdp\r\n",
            recorded(&invite, "Record-Route")
        );
        alice.respond_with(&invite, "200 OK", &headers, &description(self.home.ip(), AUDIO_PORT));
        let call = dialing.answered(PATIENCE).await.expect("an answer");
        alice.next("ACK ");
        let rtp = SocketAddr::new(self.stage.gateway.sip().ip(), audio_port(&invite));
        mouth.say(rtp, Law::Mu, CALLEE_HZ.into());
        assert_hears_from_now(&call, CALLEE_HZ).await;
        mouth.assert_hears(Law::Mu, CALLER_HZ.into());
        (call, invite)
    }

    /// The office hangs up; gives the BYE.
    async fn hang_up(&self, call: &Call, alice: &RawPhone) -> String {
        call.hang_up().await.expect("confirmed");
        let bye = alice.next("BYE ");
        alice.respond(&bye, "200 OK");
        bye
    }
}

/// What a call's proxies have recorded of its way, as header lines of this name.
fn recorded(invite: &str, name: &str) -> String {
    let head = invite.lines().take_while(|line| !line.is_empty());
    let routes = head.filter_map(|line| line.strip_prefix("Record-Route: "));
    routes.fold(String::new(), |lines, route| format!("{lines}{name}: {route}\r\n"))
}

/// The Routes of the requests of this method that came to a proxy.
fn routes(proxy: &Proxy, method: &str) -> Vec<String> {
    proxy.requests(method).iter().map(|request| header(request, "Route").to_owned()).collect()
}

/// Of Path the proxy is passed first that put itself there last; later requests go by Record-Route.
#[tokio::test(flavor = "multi_thread")]
async fn a_phone_behind_two_proxies_is_called_along_both_and_hung_up_by_what_they_recorded() {
    let (ground, hosts) = (Ground::new().await, [Host::new(), Host::new()]);
    let inner = Proxy::start(&hosts[0], ground.stage.gateway.sip());
    let edge = Proxy::start(&hosts[1], inner.address());
    let alice = ground.registered(&edge, "");
    let (call, _) = ground.talk(&alice).await;
    let bye = ground.hang_up(&call, &alice).await;
    assert_eq!(header(&bye, "Route"), "", "{bye}");
    ground.stage.gateway.assert_all_is_over(1);
    assert_eq!(routes(&inner, "INVITE"), [format!("{}, {}", inner.path(0), edge.path(0))]);
    assert_eq!(routes(&edge, "INVITE"), [edge.path(0)]);
    for method in ["ACK", "BYE"] {
        let recorded = format!("{}, {}", inner.record_route(0), edge.record_route(0));
        assert_eq!(routes(&inner, method), [recorded], "{method}");
    }
}

/// Two flows of one phone have a token each, which nobody but the edge can read. Of the one that was registered last the edge
/// says that it is gone.
#[tokio::test(flavor = "multi_thread")]
async fn an_edge_gets_its_tokens_back_as_they_were_and_is_asked_for_the_other_flow_where_one_has_failed() {
    let (ground, host) = (Ground::new().await, Host::new());
    let edge = Proxy::start(&host, ground.stage.gateway.sip());
    let [first, second] = [1, 2]
        .map(|flow| ground.registered(&edge, &format!(";+sip.instance=\"<urn:uuid:1>\";reg-id={flow}")));
    let (call, invite) = ground.talk(&second).await;
    let bye = second.request_in(&invite, "raw", (1, "BYE"), &recorded(&invite, "Route"), "");
    let answer = second.ask_this(&bye);
    assert!(answer.starts_with("SIP/2.0 200 "), "{answer}");
    call.ended(PATIENCE).await.expect("hung up");
    assert_eq!(routes(&edge, "INVITE"), [edge.path(1)]);

    edge.lose(1);
    let (call, _) = ground.talk(&first).await;
    ground.hang_up(&call, &first).await;
    assert!(second.is_left_alone());
    ground.stage.gateway.assert_all_is_over(2);
    let [_, failed, again] = &edge.requests("INVITE")[..] else { panic!("{:?}", edge.requests("INVITE")) };
    assert_eq!([failed, again].map(|invite| header(invite, "Route")), [edge.path(1), edge.path(0)]);
    assert_eq!(header(failed, "Call-ID"), header(again, "Call-ID"), "it is the same call");
}
