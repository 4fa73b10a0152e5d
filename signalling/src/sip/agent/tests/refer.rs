//! REFER in an answered call, and what its peer is told.

use webtrunk_engine::EndCause;

use super::peer::{InboundCall, Peer};
use crate::adapter::{Command, Event, TransferProgress};
use crate::sip::message::{HeaderName, Message};

fn refer(peer: &mut Peer, call: &InboundCall, to: &str, more: &[(&str, &'static str)]) {
    let mut refer = peer.request_in(call, "REFER");
    refer.headers.push(HeaderName::ReferTo, to);
    for (name, value) in more {
        refer.headers.push(HeaderName::from(*name), *value);
    }
    peer.receive(refer);
}

fn tell(peer: &mut Peer, call: &InboundCall, progress: TransferProgress) {
    peer.command(Command::TransferProgress { leg: call.leg, progress });
}

/// The only notification that was sent, answered: its event, state and body.
fn notified(peer: &mut Peer) -> [String; 3] {
    let requests = peer.sent_requests();
    let [notify] = &requests[..] else { panic!("{requests:?}") };
    assert_eq!(notify.method.as_str(), "NOTIFY");
    assert!(notify.headers.is_content_type("message/sipfrag"));
    let header = |name| notify.headers.get(&name).unwrap_or_default().to_owned();
    peer.respond(notify, 200, "ann");
    let body = String::from_utf8_lossy(&notify.body).into_owned();
    [header(HeaderName::Event), header(HeaderName::SubscriptionState), body]
}

#[test]
fn a_referral_is_accepted_and_told_until_it_is_over() {
    let mut peer = Peer::new();
    let call = peer.call_in();
    refer(&mut peer, &call, "<sip:carol@192.0.2.1>", &[]);
    assert_eq!(peer.lines(), [""; 0], "the gateway has not said whether it may");
    assert!(
        matches!(peer.told.last(), Some(Event::TransferAsked { destination, .. }) if destination == "carol")
    );
    refer(&mut peer, &call, "<sip:dave@192.0.2.1>", &[]);
    assert_eq!(peer.sent_response().status.code(), 491);
    peer.command(Command::TransferProgress { leg: call.leg, progress: TransferProgress::Began });
    let messages = peer.sent_messages();
    assert!(
        matches!(&messages[..], [Message::Response(accepted), Message::Request(notify)]
            if accepted.status.code() == 202 && notify.body.starts_with(b"SIP/2.0 100 Trying\r\n")),
        "{messages:?}"
    );
    tell(&mut peer, &call, TransferProgress::Ringing);
    let active = "active;expires=300".to_owned();
    assert_eq!(notified(&mut peer), ["refer".to_owned(), active, "SIP/2.0 180 Ringing\r\n".to_owned()]);
    tell(&mut peer, &call, TransferProgress::Failed(EndCause::Busy));
    let last = ["refer", "terminated;reason=noresource", "SIP/2.0 486 Busy Here\r\n"].map(str::to_owned);
    assert_eq!(notified(&mut peer), last);
    tell(&mut peer, &call, TransferProgress::Ringing);
    assert_eq!(peer.lines(), [""; 0], "it is over");

    refer(&mut peer, &call, "<sip:carol@192.0.2.1>", &[]);
    tell(&mut peer, &call, TransferProgress::Began);
    let Some(Message::Request(notify)) = peer.sent_messages().pop() else { panic!("no notification") };
    let event = notify.headers.get(&HeaderName::Event).unwrap_or_default();
    assert!(event.starts_with("refer;id="), "a second one has a name of its own: {event}");
    tell(&mut peer, &call, TransferProgress::Done);
    assert_eq!(notified(&mut peer)[2], "SIP/2.0 200 OK\r\n");
}

#[test]
fn who_wants_no_news_gets_none() {
    let mut peer = Peer::new();
    let call = peer.call_in();
    refer(&mut peer, &call, "<sip:carol@192.0.2.1>", &[("Refer-Sub", "false"), ("Require", "norefersub")]);
    tell(&mut peer, &call, TransferProgress::Began);
    let accepted = peer.sent_response();
    assert_eq!(accepted.status.code(), 202);
    assert_eq!(accepted.headers.get(&HeaderName::from("Refer-Sub")), Some("false"));
    tell(&mut peer, &call, TransferProgress::Done);
    assert_eq!(peer.lines(), [""; 0]);
}

#[test]
fn what_is_not_for_us_to_call_is_refused_at_once() {
    let mut peer = Peer::new();
    let call = peer.call_in();
    for (to, status) in [
        ("<tel:+4930>", 416),
        ("<sip:carol@198.51.100.7>", 603),
        ("<sip:carol@192.0.2.1;method=BYE>", 603),
        ("<sip:carol@192.0.2.1?Replaces=1%40a%3Bto-tag%3D2%3Bfrom-tag%3D3>", 603),
        ("<sip:carol@192.0.2.1?Replaces=1>", 400),
        ("<sip:192.0.2.1>", 484),
        ("<sip:carol@192.0.2.1>, <sip:dave@192.0.2.1>", 400),
        ("carol", 400),
    ] {
        refer(&mut peer, &call, to, &[]);
        assert_eq!(peer.sent_response().status.code(), status, "{to}");
    }
    assert!(!peer.told.iter().any(|event| matches!(event, Event::TransferAsked { .. })));
}

#[test]
fn a_peer_may_name_its_own_people_by_its_own_host() {
    let mut peer = Peer::new();
    let call = peer.call_in();
    refer(&mut peer, &call, "<sip:carol@192.0.2.2>", &[]);
    assert!(
        matches!(peer.told.last(), Some(Event::TransferAsked { destination, .. }) if destination == "carol")
    );
}

#[test]
fn a_refusal_of_the_gateway_is_the_answer() {
    let mut peer = Peer::new();
    let call = peer.call_in();
    for (cause, status) in [(EndCause::Forbidden, 403), (EndCause::NotFound, 404), (EndCause::Glare, 491)] {
        refer(&mut peer, &call, "<sip:carol@192.0.2.1>", &[]);
        tell(&mut peer, &call, TransferProgress::Failed(cause));
        assert_eq!(peer.sent_response().status.code(), status);
    }
    refer(&mut peer, &call, "<sip:carol@192.0.2.1>", &[]);
    peer.command(Command::Hangup { leg: call.leg, cause: EndCause::Hangup });
    assert_eq!(peer.lines(), ["487 REFER", "BYE"]);
}

#[test]
fn a_referral_to_a_call_of_ours_names_its_leg_in_whatever_order_the_tags_are() {
    for order in
        ["to-tag%3D{}%3Bfrom-tag%3Dann", "to-tag%3Dann%3Bfrom-tag%3D{}", "to-tag%3Dnull%3Bfrom-tag%3Dann"]
    {
        let mut peer = Peer::new();
        let call = peer.call_in();
        let tag = call.to.split("tag=").nth(1).expect("a tag");
        let replaces = format!("call%3B{}", order.replace("{}", tag));
        // Whose host it is says nothing: it may be a page's name for us, or our Contact without a user.
        for host in ["carol@pbx.example", "192.0.2.1"] {
            refer(&mut peer, &call, &format!("<sip:{host}?Replaces={replaces}>"), &[]);
            let Some(Event::TransferAsked { destination, replaces, .. }) = peer.told.last() else {
                panic!("{:?}", peer.told);
            };
            assert_eq!((&**destination, *replaces), ("bob", Some(call.leg)), "{order}");
            tell(&mut peer, &call, TransferProgress::Failed(EndCause::NotAcceptable));
            peer.lines();
        }
    }
}
