//! Pages that are not on the list, or speak something else: no WebSocket lets them in, and a call notices nothing.

use super::super::doors::Talk;
use super::super::stage::Stage;
use super::wire::ws::WsPeer;
use crate::sip::raw_phone::REGISTRAR;
use crate::sip::script::Script;
use crate::support::gateway::GatewayConfig;
use crate::support::host::Host;

const PAGE: &str = "https://phone.example";

/// Subprotocol and origin of who is refused, and by which status (RFC 6455 10.2, RFC 7118 4.1).
const REFUSED: [(Option<&str>, &str, u16); 6] = [
    (Some("sip"), "https://evil.example", 403),
    (Some("sip"), "http://phone.example", 403),
    (Some("sip"), "https://phone.example:8443", 403),
    (Some("sip"), "null", 403),
    (Some("chat"), PAGE, 400),
    (None, PAGE, 400),
];

/// Fails when the door does not look at the origin, or at what is spoken, or lets in none that it should.
#[tokio::test(flavor = "multi_thread")]
async fn foreign_pages_are_not_let_in_one_of_the_list_registers_and_a_call_does_not_notice() {
    let own = Host::new();
    let door = own.at(8090);
    let listener = format!("origins = ['{PAGE}']\n[[sip_ws.listeners]]\ntransport = 'ws'\nbind = '{door}'");
    let stage = Stage::at(own, &["PCMU"], GatewayConfig::default().sip_ws(&listener), "");
    let talk = Talk::begin(&stage).await;
    for (subprotocol, origin, status) in REFUSED {
        let refused = WsPeer::open(door, subprotocol, Some(origin)).await.err();
        assert_eq!(refused, Some(status), "{subprotocol:?} of {origin}");
    }

    let mut page = WsPeer::open(door, Some("sip"), Some(PAGE)).await.expect("it is on the list");
    let mut script = Script::new("alice", "WS", "page.invalid", "<sip:alice@page.invalid;transport=ws>");
    page.send_text(&script.register("")).await;
    let challenged = page.receive().await;
    let proof = script.proof(&challenged, "REGISTER", REGISTRAR);
    page.send_text(&script.register(&proof)).await;
    let registered = page.receive().await;
    assert!(registered.starts_with("SIP/2.0 200 "), "{registered}");
    assert_eq!(stage.gateway.status()["registered_users"], 1);

    talk.assert_undisturbed().await;
    talk.hang_up().await;
    stage.gateway.assert_all_is_over(1);
}
