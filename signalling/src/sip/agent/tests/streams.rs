//! Connections that close under calls.

use webtrunk_engine::EndCause;

use super::description;
use super::peer::Peer;
use crate::adapter::{Command, Event, MediaProfile, Origin};
use crate::sip::flow::ConnectionId;
use crate::sip::message::HeaderName;

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
    let (_, _) = peer.called(Origin::User("ann".to_owned()));
    peer.agent.flow_closed(ConnectionId(1), peer.now);
    peer.flush();
    assert!(matches!(peer.told.last(), Some(Event::Ended { cause: EndCause::SignallingLost, .. })));
    let (_, _) = peer.called(Origin::Trunk("lab".to_owned()));
    peer.agent.flow_closed(ConnectionId(1), peer.now);
    peer.flush();
    assert!(matches!(peer.told.last(), Some(Event::Ended { cause: EndCause::GatewayFailure, .. })));
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

#[test]
fn a_bye_that_cannot_be_sent_leaves_nothing_behind() {
    let mut peer = Peer::over_websocket();
    let call = peer.call_in();
    peer.agent.flow_closed(ConnectionId(1), peer.now);
    peer.command(Command::Hangup { leg: call.leg, cause: EndCause::MediaTimeout });
    let flow = peer.flow;
    peer.agent.flow_failed(&flow, peer.now);
    assert_eq!((peer.agent.calls(), peer.agent.transactions(), peer.agent.dialogs()), (0, 0, 0));
}
