//! A call for tests: alice, over secure WebSocket, calls a phone; its 200 comes twice.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, UNIX_EPOCH};

use webtrunk_engine::CallId;
use webtrunk_signalling::sip::flow::{Flow, ListenerId, TransportKind};
use webtrunk_signalling::sip::trace::{CallTrace, Direction, Passing};

use Direction::{In, Out};

/// Where everybody is.
pub(super) struct Places {
    pub(super) alice: SocketAddr,
    pub(super) phone: SocketAddr,
    pub(super) own: SocketAddr,
}

/// In the one family and in the other.
pub(super) fn places() -> [Places; 2] {
    let at = |text: &str| text.parse().expect("an address");
    [
        Places { alice: at("192.0.2.7:51234"), phone: at("192.0.2.9:5060"), own: at("192.0.2.1:443") },
        Places {
            alice: at("[2001:db8::7]:51234"),
            phone: at("[2001:db8::9]:5060"),
            own: at("[2001:db8::1]:443"),
        },
    ]
}

const OFFER: &str =
    "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111 0\r\na=rtpmap:111 opus/48000/2\r\na=ice-pwd:S3cr3tIce\r\n";
const PLAIN: &str = "v=0\r\nm=audio 4000 RTP/AVP 0\r\n";

/// The call, as it is kept.
pub(super) fn call(places: &Places) -> CallTrace {
    let (browser, phone) = ((TransportKind::Wss, places.alice), (TransportKind::Udp, places.phone));
    let script = [
        (0, In, browser, "a", "INVITE sip:2001@w SIP/2.0", "INVITE", OFFER),
        (1, Out, browser, "a", "SIP/2.0 100 Trying", "INVITE", ""),
        (2, Out, phone, "b", "INVITE sip:2001@192.0.2.9 SIP/2.0", "INVITE", PLAIN),
        (40, In, phone, "b", "SIP/2.0 180 Ringing", "INVITE", ""),
        (41, Out, browser, "a", "SIP/2.0 180 Ringing", "INVITE", ""),
        (2000, In, phone, "b", "SIP/2.0 200 OK", "INVITE", PLAIN),
        (2001, Out, phone, "b", "ACK sip:2001@192.0.2.9 SIP/2.0", "ACK", ""),
        (2003, Out, browser, "a", "SIP/2.0 200 OK", "INVITE", OFFER),
        (2500, In, phone, "b", "SIP/2.0 200 OK", "INVITE", PLAIN),
        (2600, In, browser, "a", "ACK sip:w SIP/2.0", "ACK", ""),
        (9000, In, browser, "a", "BYE sip:w SIP/2.0", "BYE", ""),
        (9001, Out, browser, "a", "SIP/2.0 200 OK", "BYE", ""),
        (9002, Out, phone, "b", "BYE sip:2001@192.0.2.9 SIP/2.0", "BYE", ""),
        (9040, In, phone, "b", "SIP/2.0 200 OK", "BYE", ""),
    ];
    let began_at = Instant::now();
    let passing = |(ms, direction, (kind, remote), call_id, start, method, body): (
        u64,
        _,
        (_, _),
        &str,
        &str,
        &str,
        &str,
    )| {
        let via = "Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1";
        let kind_of_body = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        let message = format!(
            "{start}\r\n{via}\r\nFrom: \"Al <ice>\" <sip:alice@w>;tag=1\r\nTo: <sip:2001@w>;tag=2\r\nCall-ID: {call_id}@w\r\n\
             CSeq: 1 {method}\r\nX-Token: S3cr3tToken\r\n{kind_of_body}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let after = Duration::from_millis(ms);
        let flow = Flow { kind, listener: ListenerId(0), local: places.own, remote, connection: None };
        let (at, now) = (UNIX_EPOCH + Duration::from_secs(1_800_000_000) + after, began_at + after);
        let octets = message.into_bytes().into();
        let passing = Passing { at, now, flow, direction, octets };
        Arc::new(passing.redacted(places.own).expect("it has a Call-ID"))
    };
    CallTrace {
        call: Some(CallId::next()),
        call_ids: vec!["a@w".into(), "b@w".into()],
        is_over: true,
        messages: script.into_iter().map(passing).collect(),
        omitted: 0,
    }
}
