//! Connections that close under calls.

use std::net::SocketAddr;
use std::time::Duration;

use webtrunk_engine::{EndCause, LegId};

use super::description;
use super::peer::Peer;
use crate::adapter::{Command, Event, MediaProfile, Origin};
use crate::sip::agent::Reach;
use crate::sip::flow::{ConnectionId, TransportKind};
use crate::sip::hop::Sought;
use crate::sip::message::{HeaderName, Method, Request};

#[test]
fn a_browser_is_a_webrtc_peer_and_gets_a_websocket_contact() {
    let mut peer = Peer::over_websocket();
    let call = peer.call_in();
    assert!(matches!(&peer.told[0], Event::Incoming(i) if i.profile == MediaProfile::Webrtc));
    let update = peer.request_in(&call, "UPDATE");
    peer.receive(update);
    let ok = peer.sent_response();
    assert_eq!(ok.headers.get(&HeaderName::Contact), Some("<sip:webtrunk@192.0.2.1:5060;transport=ws>"));
}

#[test]
fn a_waiting_call_ends_with_its_connection() {
    let mut peer = Peer::over_websocket();
    let invite = peer.request("INVITE");
    peer.receive(invite);
    peer.agent.flow_closed(ConnectionId(1), peer.now);
    peer.flush();
    assert!(matches!(peer.told.last(), Some(Event::Ended { cause: EndCause::SignallingLost, .. })));
    peer.sent_flows();
    let (_, _) = peer.called(Origin::Trunk("lab".to_owned()));
    peer.agent.flow_closed(ConnectionId(1), peer.now);
    peer.flush();
    assert!(matches!(peer.told.last(), Some(Event::Ended { cause: EndCause::GatewayFailure, .. })));
    peer.run_for(Duration::from_secs(64));
    assert_eq!((peer.agent.calls(), peer.agent.transactions()), (0, 0));
}

#[test]
fn an_answered_call_outlives_its_connection_and_is_found_on_the_peers_next_one() {
    let mut peer = Peer::over_websocket();
    let call = peer.call_in();
    peer.agent.flow_closed(ConnectionId(1), peer.now);
    peer.flush();
    assert!(!peer.told.iter().any(|event| matches!(event, Event::Ended { .. })));
    peer.flow.connection = Some(ConnectionId(2));
    let mut stranger = peer.request("REGISTER");
    stranger.headers.set(HeaderName::Authorization, "eve");
    peer.receive(stranger);
    peer.flow.connection = Some(ConnectionId(3));
    let register = peer.request("REGISTER");
    peer.receive(register);
    peer.sent_flows();
    peer.command(Command::Hangup { leg: call.leg, cause: EndCause::Hangup });
    let flows = peer.sent_flows();
    assert_eq!(flows.iter().map(|flow| flow.connection).collect::<Vec<_>>(), [Some(ConnectionId(3))]);
}

/// The old connection may look open for long; and the contact may be another.
#[test]
fn a_call_goes_on_where_its_peer_registers_in_place_of_an_open_connection() {
    for (user, left, expected) in [("eve", "1", 1), ("ann", "9", 1), ("ann", "1", 2)] {
        let mut peer = Peer::over_websocket();
        let call = peer.call_in();
        peer.flow.connection = Some(ConnectionId(2));
        let mut register = peer.request("REGISTER");
        register.headers.set(HeaderName::Authorization, user);
        register.headers.set(HeaderName::Contact, "<sip:ann@other.invalid>");
        register.headers.set(HeaderName::Subject, left);
        peer.receive(register);
        peer.sent_flows();
        peer.command(Command::Hangup { leg: call.leg, cause: EndCause::Hangup });
        assert_eq!(peer.sent_flows()[0].connection, Some(ConnectionId(expected)), "{user} left {left}");
    }
}

/// What was sent by a connection that is dead and looks open would never be heard.
#[test]
fn an_offer_goes_along_with_a_peer_that_registers_in_place_of_an_open_connection() {
    let mut peer = Peer::over_websocket();
    let call = peer.call_in();
    peer.sent_flows();
    peer.command(Command::Reoffer { leg: call.leg, offer: description(3) });
    let offer = peer.sent_request();
    peer.flow.connection = Some(ConnectionId(2));
    let mut register = peer.request("REGISTER");
    register.headers.set(HeaderName::Subject, "1");
    peer.receive(register);
    let flows = peer.sent_flows();
    let connections: Vec<_> = flows.iter().map(|flow| flow.connection).collect();
    assert_eq!(connections, [Some(ConnectionId(2)); 2], "the offer, and the answer to REGISTER");
    peer.respond(&offer, 200, "one");
    assert!(matches!(peer.told.last(), Some(Event::ReofferAnswered { .. })));
}

#[test]
fn a_request_from_a_new_connection_moves_the_call_there() {
    let mut peer = Peer::over_websocket();
    let call = peer.call_in();
    peer.flow.connection = Some(ConnectionId(2));
    let update = peer.request_in(&call, "UPDATE");
    peer.receive(update);
    peer.sent_flows();
    peer.command(Command::Hangup { leg: call.leg, cause: EndCause::Hangup });
    assert_eq!(peer.sent_flows()[0].connection, Some(ConnectionId(2)));
}

/// It would go on hearing nobody, where nothing else tells it.
#[test]
fn a_bye_waits_a_minute_for_a_peer_whose_stream_is_gone_and_leaves_nothing_behind() {
    for is_back in [true, false] {
        let mut peer = Peer::over_websocket();
        let call = peer.call_in();
        peer.agent.flow_closed(ConnectionId(1), peer.now);
        peer.sent_flows();
        peer.command(Command::Hangup { leg: call.leg, cause: EndCause::Hangup });
        assert!(peer.sent_flows().is_empty(), "nobody would hear it there");
        peer.run_for(Duration::from_secs(59));
        if is_back {
            let bye = bye_by_another(&mut peer);
            peer.respond(&bye, 200, "ann");
        } else {
            peer.run_for(Duration::from_secs(1));
        }
        assert_eq!((peer.agent.calls(), peer.agent.dialogs()), (0, 0), "is back: {is_back}");
    }
}

/// Comes back by another stream, and gives the BYE that it gets there.
fn bye_by_another(peer: &mut Peer) -> Request {
    peer.flow.connection = Some(ConnectionId(2));
    let register = peer.request("REGISTER");
    peer.receive(register);
    let mut requests = peer.sent_requests();
    assert_eq!(requests.len(), 1, "{requests:?}");
    let bye = requests.remove(0);
    assert_eq!(bye.method, Method::Bye);
    bye
}

#[test]
fn a_core_that_is_to_stop_does_not_wait_for_peers_whose_streams_are_gone() {
    let mut peer = Peer::over_websocket();
    peer.call_in();
    peer.agent.flow_closed(ConnectionId(1), peer.now);
    peer.command(Command::Drain);
    peer.run_for(Duration::from_secs(33));
    assert!(peer.agent.is_drained());
}

/// Nobody knows whether it was read.
#[test]
fn a_bye_that_went_with_its_stream_is_said_once_more_by_another() {
    let mut peer = Peer::new();
    (peer.flow.kind, peer.flow.connection) = (TransportKind::Tcp, Some(ConnectionId(1)));
    let (leg, invite) = peer.called_at(Origin::Trunk("lab".to_owned()), Reach::Target);
    peer.respond(&invite, 200, "one");
    peer.sent_flows();
    // That of INVITE stays for a while, to know copies of the 200 (RFC 6026 7.2).
    let of_invite = peer.agent.transactions();
    peer.command(Command::Hangup { leg, cause: EndCause::Hangup });
    assert_eq!(connections(&mut peer), [1]);
    peer.agent.flow_closed(ConnectionId(1), peer.now);
    peer.flush();
    let again = peer.sent_flows();
    let ways: Vec<_> = again.iter().map(|flow| (flow.kind, flow.connection)).collect();
    assert_eq!(ways, [(TransportKind::Tcp, None)], "each is a stream of its own to the test's core");
    peer.agent.flow_failed(&again[0], peer.now);
    peer.flush();
    assert!(peer.sent_flows().is_empty());
    let left = (peer.agent.calls(), peer.agent.transactions(), peer.agent.dialogs());
    assert_eq!(left, (0, of_invite, 0));
    assert_eq!(of_invite, 1, "of BYE nothing is left");

    let mut peer = Peer::over_websocket();
    let call = peer.call_in();
    peer.sent_flows();
    peer.command(Command::Hangup { leg: call.leg, cause: EndCause::Hangup });
    assert_eq!(connections(&mut peer), [1]);
    peer.agent.flow_closed(ConnectionId(1), peer.now);
    peer.flush();
    assert!(peer.sent_flows().is_empty(), "nobody would hear it there");
    let bye = bye_by_another(&mut peer);
    peer.respond(&bye, 200, "ann");
    assert_eq!((peer.agent.calls(), peer.agent.dialogs()), (0, 0));
}

/// Where a trunk says that it is.
const NAMED: &str = "<sip:one@far.test;transport=tcp>";

/// A call with a trunk over a stream that the core has not opened, and whose Contact is a name; the core's leg and INVITE.
fn with_named_trunk(peer: &mut Peer) -> (LegId, Request) {
    peer.flow.kind = TransportKind::Tcp;
    peer.flow.connection = Some(ConnectionId(1));
    let (leg, invite) = peer.called_at(Origin::Trunk("lab".to_owned()), Reach::Target);
    peer.respond_with(&invite, 200, "one", |ok| {
        ok.headers.set(HeaderName::Contact, NAMED);
    });
    peer.sent_flows();
    (leg, invite)
}

#[test]
fn a_trunk_that_is_found_by_a_name_alone_is_hung_up_where_that_leads_once_its_stream_has_closed() {
    let found: SocketAddr = ([192, 0, 2, 30], 5070).into();
    for is_found_before in [true, false] {
        let mut peer = Peer::new();
        let (leg, _) = with_named_trunk(&mut peer);
        assert_eq!(peer.agent.poll_sought(), None, "its stream is open");
        peer.agent.flow_closed(ConnectionId(1), peer.now);
        let sought = Sought { host: "far.test".to_owned(), port: None, kind: TransportKind::Tcp };
        assert_eq!(peer.agent.poll_sought(), Some((leg, sought)));
        let hang_up = Command::Hangup { leg, cause: EndCause::Hangup };
        let at = Some((TransportKind::Tcp, found));
        if is_found_before {
            peer.agent.peer_found(leg, at, peer.now);
            peer.command(hang_up);
        } else {
            peer.command(hang_up);
            assert!(peer.sent_flows().is_empty(), "nobody would hear it there");
            peer.agent.peer_found(leg, at, peer.now);
            peer.flush();
        }
        assert_eq!(peer.agent.poll_sought(), None, "it is looked up once");
        let to: Vec<_> = peer.sent_flows().iter().map(|flow| flow.remote).collect();
        assert_eq!(to, [found]);
    }
}

#[test]
fn a_trunk_whose_name_leads_nowhere_is_given_up_when_it_is_hung_up() {
    for is_answered in [true, false] {
        let mut peer = Peer::new();
        let (leg, _) = with_named_trunk(&mut peer);
        peer.agent.flow_closed(ConnectionId(1), peer.now);
        peer.command(Command::Hangup { leg, cause: EndCause::Hangup });
        if is_answered {
            peer.agent.peer_found(leg, None, peer.now);
        }
        peer.run_for(Duration::from_secs(64));
        assert_eq!((peer.agent.calls(), peer.agent.transactions(), peer.agent.dialogs()), (0, 0, 0));
    }
}

/// Nobody knew the name when the stream closed.
#[test]
fn a_bye_that_waits_for_an_ack_has_the_name_of_its_trunk_looked_up_when_it_is_due() {
    let (mut peer, found) = (Peer::new(), SocketAddr::from(([192, 0, 2, 30], 5070)));
    let (leg, invite) = with_named_trunk(&mut peer);
    let mut reinvite = peer.request_of_callee(&invite, "one", "INVITE");
    reinvite.headers.set(HeaderName::Contact, NAMED);
    reinvite.headers.set(HeaderName::ContentType, "application/sdp");
    reinvite.body = description(5).to_string().into();
    peer.receive(reinvite);
    peer.command(Command::AnswerReoffer { leg, description: description(6) });
    peer.agent.flow_closed(ConnectionId(1), peer.now);
    assert!(peer.agent.poll_sought().is_some());
    peer.agent.peer_found(leg, None, peer.now);
    peer.command(Command::Hangup { leg, cause: EndCause::Hangup });
    assert_eq!(peer.agent.poll_sought(), None, "the answer has no ACK yet");
    peer.run_for(Duration::from_secs(32));
    assert!(peer.agent.poll_sought().is_some());
    peer.sent_flows();
    peer.agent.peer_found(leg, Some((TransportKind::Tcp, found)), peer.now);
    peer.flush();
    let to: Vec<_> = peer.sent_flows().iter().map(|flow| flow.remote).collect();
    assert_eq!(to, [found]);
}

/// The stream closes when the call is over for the core already.
#[test]
fn a_bye_that_waits_for_an_ack_goes_by_another_stream_where_its_own_closes_meanwhile() {
    let (mut peer, found) = (Peer::new(), SocketAddr::from(([192, 0, 2, 30], 5070)));
    let (leg, invite) = with_named_trunk(&mut peer);
    let mut reinvite = peer.request_of_callee(&invite, "one", "INVITE");
    reinvite.headers.set(HeaderName::Contact, NAMED);
    reinvite.headers.set(HeaderName::ContentType, "application/sdp");
    reinvite.body = description(5).to_string().into();
    peer.receive(reinvite);
    peer.command(Command::AnswerReoffer { leg, description: description(6) });
    peer.command(Command::Hangup { leg, cause: EndCause::Hangup });
    peer.agent.flow_closed(ConnectionId(1), peer.now);
    assert_eq!(peer.agent.poll_sought(), None, "nothing is due yet");
    peer.run_for(Duration::from_secs(32));
    assert!(peer.agent.poll_sought().is_some());
    peer.sent_flows();
    peer.agent.peer_found(leg, Some((TransportKind::Tcp, found)), peer.now);
    peer.flush();
    let to: Vec<_> = peer.sent_flows().iter().map(|flow| flow.remote).collect();
    assert_eq!(to, [found]);

    for returns_after in [20, 40] {
        let mut peer = Peer::over_websocket();
        let (leg, _) = peer.invite_in(&[]);
        peer.command(Command::Answer { leg, description: description(2) });
        peer.command(Command::Hangup { leg, cause: EndCause::Hangup });
        peer.agent.flow_closed(ConnectionId(1), peer.now);
        peer.run_for(Duration::from_secs(returns_after));
        assert!(peer.sent_requests().is_empty(), "nobody would hear it there");
        if returns_after < 32 {
            register_by(&mut peer, "ann", 2);
            peer.run_for(Duration::from_secs(32 - returns_after));
            let methods: Vec<_> = peer.sent_requests().into_iter().map(|request| request.method).collect();
            assert_eq!(methods, [Method::Bye]);
        } else {
            bye_by_another(&mut peer);
        }
    }
}

/// The client has come by another stream, and registered there in place of the first.
pub(super) fn register_by(peer: &mut Peer, user: &'static str, connection: u64) {
    peer.flow.connection = Some(ConnectionId(connection));
    let mut register = peer.request("REGISTER");
    register.headers.set(HeaderName::Authorization, user);
    register.headers.set(HeaderName::Subject, "1");
    peer.receive(register);
    peer.sent_flows();
}

/// The client has come by another stream in place of the one that it had.
pub(super) fn come_by(peer: &mut Peer, connection: u64) {
    come_as(peer, "ann", connection);
}

/// The same of another user's.
pub(super) fn come_as(peer: &mut Peer, user: &'static str, connection: u64) {
    let left = peer.flow.connection.replace(ConnectionId(connection)).expect("a stream").0;
    let mut register = peer.request("REGISTER");
    register.headers.set(HeaderName::Authorization, user);
    register.headers.set(HeaderName::Subject, left.to_string());
    peer.receive(register);
}

pub(super) fn connections(peer: &mut Peer) -> Vec<u64> {
    let flows = peer.sent_flows();
    flows.iter().map(|flow| flow.connection.expect("a stream").0).collect()
}

#[test]
fn a_ringing_peer_that_registers_elsewhere_is_cancelled_there_whether_the_first_stream_is_open_or_not() {
    for is_open in [true, false] {
        let mut peer = Peer::over_websocket();
        let (leg, invite) = peer.called(Origin::User("ann".to_owned()));
        peer.respond(&invite, 180, "one");
        register_by(&mut peer, "ann", 2);
        if !is_open {
            peer.agent.flow_closed(ConnectionId(1), peer.now);
            peer.flush();
            assert!(!peer.told.iter().any(|event| matches!(event, Event::Ended { .. })), "it rings on");
        }
        peer.command(Command::Hangup { leg, cause: EndCause::Cancelled });
        assert_eq!(connections(&mut peer), [2], "CANCEL");
        peer.respond(&invite, 487, "one");
        assert_eq!(connections(&mut peer), [2], "its ACK");
    }
}

#[test]
fn a_ringing_peer_that_registers_elsewhere_is_acknowledged_and_hung_up_there() {
    let mut peer = Peer::over_websocket();
    let (leg, invite) = peer.called(Origin::User("ann".to_owned()));
    peer.respond(&invite, 180, "one");
    register_by(&mut peer, "ann", 2);
    peer.agent.flow_closed(ConnectionId(1), peer.now);
    peer.respond(&invite, 200, "one");
    peer.respond(&invite, 200, "one");
    assert_eq!(connections(&mut peer), [2, 2], "an ACK for each");
    peer.command(Command::Hangup { leg, cause: EndCause::Hangup });
    assert_eq!(connections(&mut peer), [2]);
}

/// Nobody registers: the stream by which it answers tells where it is. An older one does not.
#[test]
fn a_peer_that_answers_by_a_newer_stream_is_acknowledged_and_hung_up_there() {
    for (answers_by, expected) in [(2, 2), (0, 1)] {
        let mut peer = Peer::over_websocket();
        let (leg, invite) = peer.called(Origin::User("ann".to_owned()));
        peer.respond(&invite, 180, "one");
        peer.flow.connection = Some(ConnectionId(answers_by));
        peer.respond(&invite, 200, "one");
        peer.command(Command::Hangup { leg, cause: EndCause::Hangup });
        assert_eq!(connections(&mut peer), [expected; 2], "ACK and BYE");
    }
}

/// The first 2xx was acknowledged by a stream that is gone since.
#[test]
fn an_answer_that_is_repeated_after_a_move_is_acknowledged_where_the_peer_is_now() {
    let mut peer = Peer::over_websocket();
    let (_, invite) = peer.called(Origin::User("ann".to_owned()));
    peer.respond(&invite, 200, "one");
    assert_eq!(connections(&mut peer), [1]);
    register_by(&mut peer, "ann", 2);
    peer.agent.flow_closed(ConnectionId(1), peer.now);
    peer.respond(&invite, 200, "one");
    assert_eq!(connections(&mut peer), [2]);
}

#[test]
fn a_caller_that_registers_elsewhere_is_answered_and_hung_up_there_and_may_give_up_by_either_stream() {
    let mut peer = Peer::over_websocket();
    let (leg, _) = peer.invite_in(&[]);
    register_by(&mut peer, "eve", 3);
    register_by(&mut peer, "ann", 2);
    peer.agent.flow_closed(ConnectionId(1), peer.now);
    peer.flush();
    assert!(!peer.told.iter().any(|event| matches!(event, Event::Ended { .. })), "it goes on");
    peer.command(Command::Answer { leg, description: description(2) });
    assert_eq!(connections(&mut peer), [2]);

    for gives_up_by in [1, 2] {
        let mut peer = Peer::over_websocket();
        let invite = peer.request("INVITE");
        peer.receive(invite.clone());
        register_by(&mut peer, "ann", 2);
        let mut cancel = invite;
        cancel.method = Method::Cancel;
        let cseq = cancel.headers.cseq().expect("the test's").number;
        cancel.headers.set(HeaderName::CSeq, format!("{cseq} CANCEL"));
        peer.flow.connection = Some(ConnectionId(gives_up_by));
        peer.receive(cancel);
        assert!(
            matches!(peer.told.last(), Some(Event::Ended { cause: EndCause::Cancelled, .. })),
            "by {gives_up_by}: {:?}",
            peer.told.last()
        );
    }
}

/// BYE waits for the ACK, which comes by the stream that the caller has now.
#[test]
fn a_caller_that_acknowledges_by_a_newer_stream_is_hung_up_there() {
    let mut peer = Peer::over_websocket();
    let (leg, invite) = peer.invite_in(&[]);
    peer.command(Command::Answer { leg, description: description(2) });
    let ok = peer.sent_responses().pop().expect("the answer");
    peer.command(Command::Hangup { leg, cause: EndCause::Hangup });
    let to = ok.headers.get(&HeaderName::To).expect("a To").to_owned();
    let cseq = invite.headers.cseq().expect("the test's").number;
    peer.flow.connection = Some(ConnectionId(2));
    let mut ack = peer.request("ACK");
    ack.headers.set(HeaderName::To, to);
    ack.headers.set(HeaderName::CSeq, format!("{cseq} ACK"));
    peer.sent_flows();
    peer.receive(ack);
    assert_eq!(connections(&mut peer), [2], "BYE");
}

#[test]
fn a_bye_that_nobody_has_answered_goes_along_with_its_peer() {
    let mut peer = Peer::over_websocket();
    let call = peer.call_in();
    peer.command(Command::Hangup { leg: call.leg, cause: EndCause::Hangup });
    assert_eq!(connections(&mut peer), [1]);
    peer.flow.connection = Some(ConnectionId(2));
    let mut register = peer.request("REGISTER");
    register.headers.set(HeaderName::Subject, "1");
    peer.receive(register);
    assert_eq!(connections(&mut peer), [2, 2], "BYE, and the answer to REGISTER");
}
