//! Phones that are called, and whose stream closes before they have answered.

use std::time::Duration;

use webtrunk_engine::{EndCause, LegId};

use super::peer::Peer;
use super::streams::{come_as, come_by, connections, register_by};
use crate::adapter::{Command, Event, Origin};
use crate::sip::flow::ConnectionId;
use crate::sip::message::{HeaderName, Method, Request};

const SECOND: Duration = Duration::from_secs(1);

/// A phone that is called, and rings where it `rings`.
fn called(rings: bool) -> (Peer, LegId, Request) {
    let mut peer = Peer::over_websocket();
    let (leg, invite) = peer.called(Origin::User("ann".to_owned()));
    if rings {
        peer.respond(&invite, 180, "one");
    }
    (peer, leg, invite)
}

fn close(peer: &mut Peer) {
    peer.agent.flow_closed(ConnectionId(1), peer.now);
    peer.flush();
}

/// What was sent by the stream that is gone came to nothing.
fn fail(peer: &mut Peer) {
    let flow = peer.flow;
    assert_eq!(flow.connection, Some(ConnectionId(1)));
    peer.agent.flow_failed(&flow, peer.now);
    peer.flush();
}

fn ended(peer: &Peer) -> Option<EndCause> {
    peer.told.iter().find_map(|event| match event {
        Event::Ended { cause, .. } => Some(*cause),
        _ => None,
    })
}

#[test]
fn a_phone_has_a_minute_to_come_back_whether_it_rang_or_not() {
    for rings in [false, true] {
        let (mut peer, ..) = called(rings);
        peer.run_for(20 * SECOND);
        close(&mut peer);
        peer.run_for(60 * SECOND - Duration::from_millis(1));
        assert_eq!(ended(&peer), None, "it may come back, rings: {rings}");
        peer.run_for(Duration::from_millis(1));
        assert_eq!(ended(&peer), Some(EndCause::SignallingLost), "it did not, rings: {rings}");
        assert_eq!(peer.agent.calls(), 0);
        // It may ring on, and lift.
        peer.run_for(181 * SECOND);
        assert_eq!(peer.agent.transactions(), 0);
    }
}

#[test]
fn a_phone_that_nobody_would_know_again_is_not_waited_for() {
    for rings in [false, true] {
        let mut peer = Peer::over_websocket();
        peer.comes_back = false;
        let (_, invite) = peer.called(Origin::User("ann".to_owned()));
        if rings {
            peer.respond(&invite, 180, "one");
        }
        close(&mut peer);
        assert_eq!(ended(&peer), Some(EndCause::SignallingLost), "rings: {rings}");
    }
}

#[test]
fn another_request_by_the_closed_stream_fails_no_call_that_waits() {
    for is_told_first in [false, true] {
        let (mut peer, _, invite) = called(true);
        if is_told_first {
            close(&mut peer);
            fail(&mut peer);
        } else {
            fail(&mut peer);
            peer.run_for(50 * SECOND);
            close(&mut peer);
            peer.run_for(9 * SECOND);
            assert_eq!(ended(&peer), None, "a minute from then on that it was gone");
        }
        assert_eq!(ended(&peer), None);
        register_by(&mut peer, "ann", 2);
        peer.respond(&invite, 200, "one");
        assert_eq!(connections(&mut peer), [2], "its ACK");
        assert!(matches!(peer.told.last(), Some(Event::Answered { .. })));
    }
    let (mut peer, ..) = called(true);
    fail(&mut peer);
    peer.run_for(50 * SECOND);
    close(&mut peer);
    peer.run_for(11 * SECOND);
    assert_eq!(ended(&peer), Some(EndCause::SignallingLost), "a minute in all");
}

#[test]
fn an_invite_that_nobody_heard_is_sent_again_when_the_phone_is_back_and_has_its_time_then() {
    let (mut peer, ..) = called(false);
    close(&mut peer);
    peer.run_for(59 * SECOND);
    peer.sent_flows();
    come_by(&mut peer, 2);
    let lines = peer.lines();
    assert!(lines.contains(&"INVITE".to_owned()), "{lines:?}");
    peer.run_for(31 * SECOND);
    assert_eq!(ended(&peer), None);
    peer.run_for(2 * SECOND);
    assert_eq!(ended(&peer), Some(EndCause::GatewayFailure), "no word of it for 32 s");
}

/// What it was told by the stream that is gone it never heard.
#[test]
fn a_phone_that_was_cancelled_while_it_was_gone_is_cancelled_when_it_is_back() {
    for is_minute_over in [false, true] {
        let mut peer = Peer::over_websocket();
        // Whom its To names.
        let (leg, invite) = peer.called(Origin::User("bob".to_owned()));
        peer.respond(&invite, 180, "one");
        close(&mut peer);
        if is_minute_over {
            peer.run_for(60 * SECOND);
        } else {
            peer.command(Command::Hangup { leg, cause: EndCause::Cancelled });
        }
        assert_eq!(connections(&mut peer), [1]);
        fail(&mut peer);
        peer.run_for(50 * SECOND);
        assert_eq!(peer.sent_flows(), []);
        come_as(&mut peer, "bob", 2);
        let lines = peer.lines();
        assert_eq!(lines, ["CANCEL", "200 REGISTER"]);
        peer.respond(&invite, 487, "one");
        assert_eq!(peer.sent_request().method, Method::Ack);
        assert_eq!(peer.agent.calls(), 0);
    }
}

#[test]
fn a_phone_that_was_cancelled_while_it_was_gone_and_lifts_is_acknowledged_and_hung_up() {
    let (mut peer, leg, invite) = called(true);
    close(&mut peer);
    peer.command(Command::Hangup { leg, cause: EndCause::Cancelled });
    fail(&mut peer);
    peer.sent_flows();
    peer.run_for(100 * SECOND);
    peer.flow.connection = Some(ConnectionId(2));
    peer.respond(&invite, 200, "one");
    let sent: Vec<_> = peer.sent_messages().iter().map(super::pair::start_line).collect();
    assert_eq!(sent, ["ACK", "BYE"]);
    peer.respond(&invite, 200, "one");
    assert_eq!(connections(&mut peer), [2], "the ACK was lost; one BYE is under way");
}

#[test]
fn a_prack_that_its_stream_lost_is_sent_again_when_the_phone_is_back() {
    let mut peer = Peer::over_websocket();
    let (_, invite) = peer.called(Origin::User("ann".to_owned()));
    peer.respond_with(&invite, 180, "one", |response| {
        response.headers.push(HeaderName::Require, "100rel");
        response.headers.push(HeaderName::RSeq, "1");
    });
    let prack = peer.sent_request();
    assert_eq!(prack.method, Method::Prack);
    close(&mut peer);
    fail(&mut peer);
    peer.run_for(40 * SECOND);
    come_by(&mut peer, 2);
    let lines = peer.lines();
    assert_eq!(lines, ["PRACK", "200 REGISTER"]);
    peer.respond(&prack, 200, "one");
    peer.respond(&invite, 200, "one");
    assert!(matches!(peer.told.last(), Some(Event::Answered { .. })));
}
