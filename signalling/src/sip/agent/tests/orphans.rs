//! Answered calls that outlive the process: what is kept of them, and how their peers learn that they are over.

use std::net::SocketAddr;
use std::time::Duration;

use webtrunk_engine::EndCause;

use super::peer::Peer;
use crate::adapter::{Command, Origin};
use crate::sip::call::{CallChange, KeptCall};
use crate::sip::dialog::DialogRecord;
use crate::sip::flow::{ConnectionId, TransportKind};
use crate::sip::message::{HeaderName, Message, Method, Request};

fn changes(peer: &mut Peer) -> Vec<CallChange> {
    std::iter::from_fn(|| peer.agent.poll_call_change()).collect()
}

/// What is kept of a call that the peer placed and we answered.
fn kept(peer: &mut Peer) -> KeptCall {
    peer.keep_calls();
    peer.call_in();
    match changes(peer).pop() {
        Some(CallChange::Set(call)) => *call,
        other => panic!("{other:?}"),
    }
}

/// The same peer, and a process that has just been started.
fn started_again(before: &Peer) -> Peer {
    let mut peer = if before.flow.kind.is_websocket() { Peer::over_websocket() } else { Peer::new() };
    peer.keep_calls();
    peer
}

fn assert_is_bye_of(request: &Request, kept: &KeptCall) {
    assert_eq!(request.method, Method::Bye);
    let header = |name| request.headers.get(&name).map(str::to_owned);
    assert_eq!(header(HeaderName::CallId).as_deref(), Some("call"));
    assert_eq!(header(HeaderName::From), Some(kept.dialog.local.clone()));
    assert_eq!(header(HeaderName::To), Some(kept.dialog.remote.clone()));
    assert!(header(HeaderName::Reason).is_some_and(|reason| reason.contains("500")));
}

#[test]
fn an_answered_call_is_kept_until_its_end_and_again_when_its_peer_moves() {
    let mut peer = Peer::new();
    peer.keep_calls();
    let call = peer.call_in();
    let told = changes(&mut peer);
    let [CallChange::Set(kept)] = &told[..] else { panic!("{told:?}") };
    assert_eq!((kept.transport.as_str(), kept.remote), ("UDP", peer.flow.remote));
    let mut update = peer.request_in(&call, "UPDATE");
    peer.receive(update.clone());
    assert!(changes(&mut peer).is_empty(), "it is where it was");
    update = peer.request_in(&call, "UPDATE");
    update.headers.set(HeaderName::Contact, "<sip:ann@192.0.2.2:5070>");
    peer.receive(update);
    let told = changes(&mut peer);
    let [CallChange::Set(moved)] = &told[..] else { panic!("{told:?}") };
    assert_eq!((moved.key(), moved.dialog.remote_target.as_str()), (kept.key(), "sip:ann@192.0.2.2:5070"));
    peer.sent_messages();
    peer.command(Command::Hangup { leg: call.leg, cause: EndCause::Hangup });
    assert!(changes(&mut peer).is_empty(), "its peer does not know yet");
    let bye = peer.sent_request();
    peer.respond(&bye, 200, "ann");
    assert_eq!(changes(&mut peer), [CallChange::Removed(kept.key())]);
}

#[test]
fn a_call_that_nobody_keeps_costs_nothing() {
    let mut peer = Peer::new();
    peer.call_in();
    assert!(changes(&mut peer).is_empty());
}

#[test]
fn a_phone_whose_call_ended_with_the_process_hears_bye_at_once() {
    let mut peer = Peer::new();
    let kept = kept(&mut peer);
    let mut peer = started_again(&peer);
    peer.agent.end_orphan(&kept, peer.flow, peer.now);
    peer.flush();
    let bye = peer.sent_request();
    assert_is_bye_of(&bye, &kept);
    assert!(changes(&mut peer).is_empty(), "it may be killed again before the phone knows");
    peer.respond(&bye, 200, "ann");
    assert_eq!(changes(&mut peer), [CallChange::Removed(kept.key())]);
    assert!(peer.told.is_empty(), "the gateway never had it");
    assert_eq!(peer.agent.calls(), 0);
}

#[test]
fn a_phone_that_is_gone_is_forgotten_after_a_while() {
    let mut peer = Peer::new();
    let kept = kept(&mut peer);
    let mut peer = started_again(&peer);
    peer.agent.end_orphan(&kept, peer.flow, peer.now);
    peer.run_for(Duration::from_secs(33));
    assert_eq!(changes(&mut peer), [CallChange::Removed(kept.key())]);
    assert_eq!((peer.agent.calls(), peer.agent.dialogs()), (0, 0));
}

#[test]
fn a_browser_whose_call_ended_with_the_process_hears_bye_when_it_is_back() {
    let mut peer = Peer::over_websocket();
    let kept = kept(&mut peer);
    let mut peer = started_again(&peer);
    peer.agent.end_orphan(&kept, peer.flow, peer.now);
    peer.flush();
    assert!(peer.sent_messages().is_empty(), "its stream is gone");
    peer.flow.connection = Some(ConnectionId(7));
    let mut stranger = peer.request("REGISTER");
    stranger.headers.set(HeaderName::Authorization, "eve");
    peer.receive(stranger);
    assert_eq!(peer.lines(), ["200 REGISTER"], "it is not her call");
    let register = peer.request("REGISTER");
    peer.receive(register);
    let mut messages = peer.sent_messages();
    messages.retain(|message| matches!(message, Message::Request(_)));
    let [Message::Request(bye)] = &messages[..] else { panic!("{messages:?}") };
    assert_is_bye_of(bye, &kept);
    peer.respond(bye, 200, "ann");
    assert_eq!(changes(&mut peer), [CallChange::Removed(kept.key())]);
}

#[test]
fn a_browser_that_does_not_come_back_is_waited_for_a_minute() {
    let mut peer = Peer::over_websocket();
    let kept = kept(&mut peer);
    let mut peer = started_again(&peer);
    peer.agent.end_orphan(&kept, peer.flow, peer.now);
    peer.run_for(Duration::from_secs(59));
    assert!(changes(&mut peer).is_empty());
    peer.run_for(Duration::from_secs(2));
    assert_eq!(changes(&mut peer), [CallChange::Removed(kept.key())]);
    assert_eq!((peer.agent.calls(), peer.agent.dialogs()), (0, 0));
}

#[test]
fn a_trunk_that_is_a_name_hears_of_a_call_of_a_process_before_where_that_leads() {
    let mut peer = Peer::new();
    let kept = kept(&mut peer);
    let record = DialogRecord { remote_target: "sip:ann@far.test;transport=tcp".to_owned(), ..kept.dialog };
    let kept = KeptCall {
        dialog: record,
        transport: "TCP".to_owned(),
        is_along_flow: false,
        peer: Origin::Trunk("lab".to_owned()),
        ..kept
    };
    let mut peer = started_again(&peer);
    peer.flow.kind = TransportKind::Tcp;
    peer.agent.end_orphan(&kept, peer.flow, peer.now);
    peer.flush();
    assert!(peer.sent_messages().is_empty(), "its stream is gone");
    let (leg, _) = peer.agent.poll_sought().expect("it is looked up");
    let found = SocketAddr::from(([192, 0, 2, 30], 5070));
    peer.agent.peer_found(leg, Some((TransportKind::Tcp, found)), peer.now);
    peer.flush();
    let to: Vec<_> = peer.sent_flows().iter().map(|flow| flow.remote).collect();
    assert_eq!(to, [found]);
}

#[test]
fn calls_of_a_process_before_take_no_room_from_others() {
    let mut peer = Peer::over_websocket();
    let kept = kept(&mut peer);
    let mut peer = started_again(&peer);
    peer.limit_calls(1);
    for call_id in ["one", "two"] {
        let mut other = kept.clone();
        other.dialog.call_id = call_id.to_owned();
        peer.agent.end_orphan(&other, peer.flow, peer.now);
    }
    assert_eq!(peer.agent.calls(), 2);
    peer.flow.connection = Some(ConnectionId(7));
    peer.call_in();
}

#[test]
fn what_nobody_there_is_can_be_told_is_forgotten() {
    let mut peer = Peer::new();
    let kept = kept(&mut peer);
    let mut peer = started_again(&peer);
    peer.agent.forget_orphan(&kept);
    assert_eq!(changes(&mut peer), [CallChange::Removed(kept.key())]);
}

#[test]
fn what_was_kept_and_is_no_call_is_forgotten() {
    let mut peer = Peer::new();
    let mut kept = kept(&mut peer);
    kept.dialog.remote_target = "tel:+4930".to_owned();
    let mut peer = started_again(&peer);
    peer.agent.end_orphan(&kept, peer.flow, peer.now);
    assert_eq!(changes(&mut peer), [CallChange::Removed(kept.key())]);
    assert_eq!(peer.agent.calls(), 0);
}
