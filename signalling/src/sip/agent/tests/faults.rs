//! A broken promise of ours inside one leg: what its peer and the gateway hear, and that all others go on.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use webtrunk_engine::EndCause;

use super::description;
use super::pair::{Loopback, NoKeys};
use super::peer::{Door, Peer};
use crate::adapter::{Command, Event, Origin};
use crate::sip::agent::{Agent, AgentConfig, LocalNames};
use crate::sip::flow::{Flow, TransportKind};
use crate::sip::message::{HeaderName, Host, Method, SipUri, StatusCode};

/// Names that break once, when they are asked for our Contact or our Via.
struct Fragile(Arc<AtomicBool>);

impl Fragile {
    fn breaks(&self) {
        assert!(!self.0.swap(false, Ordering::Relaxed), "a promise of ours is broken");
    }
}

impl LocalNames for Fragile {
    fn sent_by(&self, flow: &Flow) -> (Host, Option<u16>) {
        self.breaks();
        Loopback.sent_by(flow)
    }

    fn contact(&self, flow: &Flow) -> SipUri {
        self.breaks();
        Loopback.contact(flow)
    }

    fn listener(&self, flow: &Flow) -> Arc<str> {
        Loopback.listener(flow)
    }

    fn flow_to(&self, kind: TransportKind, remote: SocketAddr) -> Option<Flow> {
        Loopback.flow_to(kind, remote)
    }
}

/// A peer of a core that breaks when it is told to.
fn fragile(keeps_calls: bool) -> (Peer, Arc<AtomicBool>) {
    let (mut peer, fault) = (Peer::new(), Arc::new(AtomicBool::new(false)));
    let config = AgentConfig { keeps_calls, ..AgentConfig::default() };
    let names = Box::new(Fragile(Arc::clone(&fault)));
    peer.agent = Agent::new(config, [3; 32], Door, names, Box::new(NoKeys));
    (peer, fault)
}

fn is_broken_off(peer: &Peer, leg: webtrunk_engine::LegId) -> bool {
    let is_its = |event: &&Event| event.leg() == leg;
    matches!(peer.told.iter().rfind(is_its), Some(Event::Ended { cause: EndCause::InternalError, .. }))
}

#[test]
fn an_answered_call_that_breaks_gets_bye_and_others_go_on() {
    for keeps_calls in [true, false] {
        let (mut peer, fault) = fragile(keeps_calls);
        let call = peer.call_in();
        let (other, invite) = peer.called(Origin::User("bob".to_owned()));
        peer.respond(&invite, 200, "bob");
        peer.sent_messages();

        let mut again = peer.request_in(&call, "INVITE");
        again.headers.set(HeaderName::ContentType, "application/sdp");
        again.body = description(3).to_string().into();
        peer.receive(again);
        assert!(matches!(peer.told.last(), Some(Event::Reoffered { leg, .. }) if *leg == call.leg));
        peer.sent_messages();
        fault.store(true, Ordering::Relaxed);
        peer.command(Command::AnswerReoffer { leg: call.leg, description: description(4) });
        assert!(is_broken_off(&peer, call.leg), "{:?}", peer.told.last());
        let lines = peer.lines();
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[0].starts_with("500 INVITE") && lines[1] == "BYE", "{lines:?}");
        peer.run_for(Duration::from_secs(40));
        let changes = std::iter::from_fn(|| peer.agent.poll_call_change()).count();
        assert_eq!(changes > 0, keeps_calls);

        // The other one has noticed nothing.
        peer.sent_messages();
        assert_eq!((peer.agent.calls(), peer.agent.dialogs()), (1, 1));
        peer.command(Command::Hangup { leg: other, cause: EndCause::Hangup });
        let bye = peer.sent_request();
        assert_eq!(bye.method, Method::Bye);
        peer.respond(&bye, 200, "bob");
        assert_eq!((peer.agent.calls(), peer.agent.dialogs()), (0, 0));
    }
}

#[test]
fn the_bye_of_a_call_that_broke_goes_along_its_stream_which_is_there() {
    let (mut peer, fault) = fragile(false);
    let whole = Peer::over_websocket().flow;
    peer.flow = whole;
    let call = peer.call_in();
    fault.store(true, Ordering::Relaxed);
    peer.command(Command::Reoffer { leg: call.leg, offer: description(4) });
    assert!(is_broken_off(&peer, call.leg));
    assert_eq!(peer.sent_flows(), [whole]);
}

#[test]
fn a_caller_whose_call_breaks_hears_500() {
    let (mut peer, fault) = fragile(true);
    let invite = peer.request("INVITE");
    peer.receive(invite);
    let Some(Event::Incoming(incoming)) = peer.told.last() else { panic!("a call came in") };
    let leg = incoming.leg;
    peer.sent_messages();
    fault.store(true, Ordering::Relaxed);
    peer.command(Command::Ring { leg, description: None });
    assert!(is_broken_off(&peer, leg));
    let refusal = peer.sent_response();
    assert_eq!(refusal.status, StatusCode::SERVER_INTERNAL_ERROR);
    assert!(refusal.headers.to().expect("a To").tag().is_some());
    assert_eq!((peer.agent.calls(), peer.agent.dialogs()), (0, 0));
    // Nobody acknowledges it, and even so nothing is left.
    peer.run_for(Duration::from_secs(120));
    assert_eq!(peer.agent.transactions(), 0);
}

#[test]
fn a_call_that_breaks_before_it_is_placed_has_ended() {
    let (mut peer, fault) = fragile(true);
    fault.store(true, Ordering::Relaxed);
    let leg = peer.dial_in_vain();
    assert!(is_broken_off(&peer, leg));
    assert_eq!((peer.agent.calls(), peer.agent.transactions()), (0, 0));
}

#[test]
fn a_callee_who_lifts_while_the_call_breaks_hears_bye() {
    let (mut peer, fault) = fragile(true);
    let (leg, invite) = peer.called(Origin::User("bob".to_owned()));
    fault.store(true, Ordering::Relaxed);
    peer.respond(&invite, 200, "bob");
    assert!(is_broken_off(&peer, leg), "{:?}", peer.told.last());
    peer.sent_messages();
    // It repeats what was not acknowledged.
    peer.respond(&invite, 200, "bob");
    let lines = peer.lines();
    assert!(lines.iter().any(|line| *line == "ACK"), "{lines:?}");
    assert!(lines.iter().any(|line| *line == "BYE"), "{lines:?}");
}
