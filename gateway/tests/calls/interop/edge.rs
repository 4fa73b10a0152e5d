//! Kamailio as an edge proxy before the gateway (RFC 5626 5): phones come to it by TCP, and by the tokens that it has put into
//! their Paths the gateway finds their flows there.

use std::net::Shutdown;

use tokio::net::TcpStream;
use webtrunk_loadtest::agent::{AgentError, Phone};

use super::ear::{await_no_tone, await_tone};
use super::kamailio::Kamailio;
use super::network::{FAR_HZ, OFFICE_HZ, lift};
use super::offices;
use crate::agents::doors::connect;
use crate::agents::stream_phone::StreamPhone;
use crate::sip::raw_phone::header;
use crate::support::gateway::{Gateway, GatewayConfig, PATIENCE};
use crate::support::gateway_config::SIP_PORT;
use crate::support::host::Host;

/// An office at a trunk of the gateway, and the edge through which alice comes.
struct Stage {
    gateway: Gateway,
    office: Phone,
    edge: Host,
    _kamailio: Kamailio,
    _office_host: Host,
}

/// alice's phone, which comes by this stream: it names an address at which nobody is.
struct EdgePhone {
    phone: StreamPhone,
    stream: std::net::TcpStream,
}

impl Stage {
    /// `None` where there is no Kamailio.
    async fn new() -> Option<Self> {
        let [own, edge, office_host] = std::array::from_fn(|_| Host::new());
        let kamailio = Kamailio::edge(&edge, &own)?;
        let config = GatewayConfig::default()
            .user("alice")
            .trunk("office", &office_host, &["PCMU"])
            .rule("destination = '9\\d+'\nactions = [{ bridge = { trunk = 'office', number = '$0' } }]")
            .rule("destination = 'alice'\nfrom_trunk = 'office'\nactions = [{ bridge = { user = 'alice' } }]")
            .media("tell_hold = true");
        let gateway = Gateway::start_at(own, &config);
        let office = offices::phone(&office_host, &gateway, OFFICE_HZ).await;
        Some(Self { gateway, office, edge, _kamailio: kamailio, _office_host: office_host })
    }

    /// A phone that has a stream to the edge, and has not registered by it.
    async fn phone(&self, home: &Host) -> EdgePhone {
        let stream = connect(home.ip(), self.edge.at(SIP_PORT)).await;
        let kept = stream.into_std().expect("a socket");
        let stream = TcpStream::from_std(kept.try_clone().expect("a descriptor")).expect("a socket");
        EdgePhone { phone: StreamPhone::behind_edge(stream, FAR_HZ, home), stream: kept }
    }
}

impl EdgePhone {
    /// Registers; gives the token that the edge has given its flow.
    async fn register(&mut self) -> String {
        let answer = self.phone.register_beside(&mut Vec::new()).await;
        let path = header(&answer, "Path");
        assert!(path.contains(";ob") && path.starts_with("<sip:"), "the edge knows of no flow: {answer}");
        let token = path.trim_start_matches("<sip:").split_once('@').expect("a token").0;
        token.to_owned()
    }

    /// Closes its stream; the edge knows of it.
    async fn close(&mut self) {
        self.stream.shutdown(Shutdown::Write).expect("it is open");
        self.phone.is_left().await;
    }
}

/// Its token leads each request to it, of calls either way, which both sides hang up.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "make interop"]
async fn a_phone_behind_an_edge_is_called_by_the_token_of_its_flow_and_calls() {
    let Some(stage) = Stage::new().await else { return };
    let home = Host::new();
    let mut alice = stage.phone(&home).await;
    let token = alice.register().await;
    let mut alice = alice.phone;

    let (call, invite) = tokio::join!(stage.office.call("alice"), alice.lift());
    let call = call.expect("an answer");
    assert!(header(&invite, "Record-Route").contains(&token), "{token} has not led here: {invite}");
    await_tone(&call, FAR_HZ.into()).await;
    let mut alice = alice.hears(OFFICE_HZ).await;
    let (held, ()) = tokio::join!(call.hold(), alice.is_offered("sendonly"));
    held.expect("agreed");
    await_no_tone(&call, FAR_HZ.into()).await;
    let (resumed, ()) = tokio::join!(call.resume(), alice.is_offered("sendrecv"));
    resumed.expect("agreed");
    await_tone(&call, FAR_HZ.into()).await;
    let mut alice = alice.hears(OFFICE_HZ).await;
    alice.hang_up(&invite).await;
    call.ended(PATIENCE).await.expect("hung up");

    let (_, call) = tokio::join!(alice.call("9100"), lift(&stage.office));
    await_tone(&call, FAR_HZ.into()).await;
    let mut alice = alice.hears(OFFICE_HZ).await;
    let (ended, _) = tokio::join!(call.hang_up(), alice.is_hung_up());
    ended.expect("confirmed");
    stage.gateway.assert_all_is_over(2);
}

/// The edge says 430, at first of one of its two flows, then of both. They differ in nothing else than the token: both are of one
/// flow between the edge and the gateway.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "make interop"]
async fn a_phone_whose_one_flow_has_closed_at_the_edge_rings_by_the_other_and_without_both_is_out_of_reach() {
    let Some(stage) = Stage::new().await else { return };
    let homes = [Host::new(), Host::new()];
    let mut first = stage.phone(&homes[0]).await;
    let mut second = stage.phone(&homes[1]).await;
    second.phone = second.phone.by_second_flow();
    let tokens = [first.register().await, second.register().await];
    assert_ne!(tokens[0], tokens[1]);

    second.close().await;
    let (call, invite) = tokio::join!(stage.office.call("alice"), first.phone.lift());
    let call = call.expect("an answer");
    assert!(header(&invite, "Record-Route").contains(&tokens[0]), "{invite}");
    stage.gateway.log().wait_for(&["the call goes on at the next hop", "Unreachable"], PATIENCE);
    await_tone(&call, FAR_HZ.into()).await;
    first.phone = first.phone.hears(OFFICE_HZ).await;
    let (ended, _) = tokio::join!(call.hang_up(), first.phone.is_hung_up());
    ended.expect("confirmed");

    first.close().await;
    let refused = stage.office.call("alice").await;
    assert_eq!(refused.err().as_ref().and_then(AgentError::status), Some(480));
    stage.gateway.log().wait_for(&["leg ended", "refused: 430 Flow Failed"], PATIENCE);
    stage.gateway.assert_all_is_over(2);
}
