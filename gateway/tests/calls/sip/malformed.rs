//! Messages that break SIP's grammar: the sender is told what is wrong, and everybody else is served on.

use std::net::UdpSocket;

use super::hops::call;
use super::raw_phone::{RawPhone, description};
use super::stage::Stage;
use crate::support::gateway::GatewayConfig;
use crate::support::gateway_config::SIP_PORT;
use crate::support::host::Host;

/// What is changed in a sound INVITE, and the status that answers it.
const FAULTS: [(&str, &str, u16); 13] = [
    ("Call-ID: ", "X-Call-ID: ", 400),
    ("From: ", "X-From: ", 400),
    ("To: ", "X-To: ", 400),
    ("CSeq: ", "X-CSeq: ", 400),
    (" INVITE\r\n", " OPTIONS\r\n", 400),
    ("CSeq: ", "CSeq: 99999999999", 400),
    ("Max-Forwards: 70", "Max-Forwards: many", 400),
    ("Content-Length: 0", "Content-Length: 1000", 400),
    ("Content-Length: 0", "Content-Length: -1", 400),
    ("From: <sip:", "From: <sip:\"", 400),
    ("INVITE sip:", "INVITE unknown:", 416),
    ("INVITE sip:9100@webtrunk.test", "INVITE urn:service:sos", 416),
    ("webtrunk.test SIP/2.0\r\n", "webtrunk.test SIP/7.0\r\n", 505),
];

#[test]
fn requests_are_answered_with_the_reason() {
    let Some(stage) = Stage::new() else { return };
    let mut phone = RawPhone::new(&stage.caller, &stage.gateway, "2001");
    for (sound, broken, status) in FAULTS {
        let request = phone.request("INVITE", "sip:9100@webtrunk.test", "");
        assert!(request.contains(sound), "{sound:?}");
        phone.send(&request.replacen(sound, broken, 1));
        let response = phone.receive();
        let line = response.lines().next().unwrap_or_default();
        assert!(line.starts_with(&format!("SIP/2.0 {status} ")), "{broken:?}: {line}");
        assert_ne!(line, "SIP/2.0 400 Bad Request", "{broken:?}: it is not told what is wrong");
        let alive = phone.ask("OPTIONS", "sip:webtrunk.test", "");
        assert!(alive.starts_with("SIP/2.0 200 "), "after {broken:?}: {alive}");
    }
    stage.gateway.assert_all_is_over(0);
}

#[test]
fn a_description_that_is_none_is_refused_with_the_reason() {
    let Some(stage) = Stage::new() else { return };
    let mut phone = RawPhone::new(&stage.caller, &stage.gateway, "2001");
    let request = phone.request("INVITE", "sip:9100@webtrunk.test", "Content-Type: application/sdp\r\n");
    let body = "v=0\r\nnonsense\r\n";
    let length = format!("Content-Length: {}", body.len());
    phone.send(&(request.replace("Content-Length: 0", &length) + body));
    let response = loop {
        let response = phone.receive();
        if !response.starts_with("SIP/2.0 100 ") {
            break response;
        }
    };
    assert!(response.starts_with("SIP/2.0 400 "), "{response}");
    assert!(!response.starts_with("SIP/2.0 400 Bad Request\r\n"), "{response}");
    stage.gateway.assert_all_is_over(0);
}

/// A lookup that a description steers is one that a stranger steers. Fails when a name in a description is looked up, or taken.
#[test]
fn a_description_that_names_a_host_is_refused_and_no_name_server_is_asked() {
    let names = Host::new();
    let server = UdpSocket::bind(names.at(5353)).expect("the host is ours");
    server.set_nonblocking(true).expect("an option of sockets");
    let asks = format!("nameservers = [\"{}\"]", names.at(5353));
    let Some(stage) = Stage::with(&["PCMU"], GatewayConfig::default().sip(&asks)) else { return };
    let carrier = RawPhone::at_port(&stage.callee, SIP_PORT, &stage.gateway, "9100");
    let mut phone = RawPhone::new(&stage.caller, &stage.gateway, "2001");
    let own = stage.caller.ip();
    let body =
        description(own, 7000).replace(&format!("\r\nc=IN IP4 {own}\r\n"), "\r\nc=IN IP4 phone.test\r\n");
    assert!(body.contains("phone.test"), "{body}");
    let headers = "Content-Type: application/sdp\r\n";
    let invite = phone.request_with("INVITE", "sip:9100@webtrunk.test", headers, &body);
    let refused = phone.ask_this(&invite);
    assert!(refused.starts_with("SIP/2.0 4"), "{refused}");
    phone.acknowledge(&refused);
    stage.gateway.assert_all_is_over(1);
    assert!(server.recv(&mut [0; 512]).is_err(), "a name server is asked");
    assert!(carrier.is_left_alone(), "it is called all the same");
}

/// RFC 5031 4.2 asks for the emergency service by a name that is no SIP URI; here it has numbers alone.
#[test]
fn who_asks_for_the_emergency_service_by_its_urn_is_told_why_not_and_gets_through_by_its_number() {
    let to_carrier = "destination = '112'\nfrom_trunk = 'office'\n\
                      actions = [{ bridge = { trunk = 'carrier', number = '$0' } }]";
    let Some(stage) = Stage::with(&["PCMU"], GatewayConfig::default().rule(to_carrier)) else { return };
    let mut phone = RawPhone::new(&stage.caller, &stage.gateway, "2001");
    for urn in ["urn:service:sos", "urn:service:sos.fire"] {
        let refused = phone.ask("INVITE", urn, "");
        assert!(refused.starts_with("SIP/2.0 416 Unsupported URI Scheme\r\n"), "{urn}: {refused}");
        phone.acknowledge(&refused);
    }
    call(&stage.gateway, &stage.caller, "112", (&stage.callee, &stage.gateway));
    stage.gateway.assert_all_is_over(1);
}
