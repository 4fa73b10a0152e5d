//! Calls for which there is no room, and what goes on beside them.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use webtrunk_engine::EndCause;

use super::peer::Peer;
use crate::adapter::{Event, Origin};
use crate::commons::Commons;
use crate::room::{Crowded, MediaLoad, RefusedCalls, Room};
use crate::sip::agent::TextConfig;
use crate::sip::message::HeaderName;
use crate::text_rates::TextRates;

/// Media threads that are late.
struct Late;

impl MediaLoad for Late {
    fn has_room(&self) -> Result<(), Crowded> {
        Err(Crowded::Late)
    }
}

fn commons(room: Room) -> Commons {
    let texts = TextRates::new(TextConfig::default());
    Commons::new(room, texts)
}

/// The status that an INVITE gets.
fn invite(peer: &mut Peer) -> u16 {
    invite_to(peer, "bob")
}

/// The status that an INVITE to this number gets; nothing is kept of a refusal.
fn invite_to(peer: &mut Peer, number: &str) -> u16 {
    let open = peer.agent.transactions();
    let mut invite = peer.request("INVITE");
    invite.uri = format!("sip:{number}@192.0.2.1").parse().expect("a URI");
    let (call_id, cseq) = (format!("call-{open}"), invite.headers.cseq().expect("is whole").number);
    invite.headers.set(HeaderName::CallId, format!("{call_id}-{cseq}"));
    peer.receive(invite);
    let response = peer.sent_responses().pop().expect("a response");
    if response.status.code() == 503 {
        let seconds: u32 =
            response.headers.get(&HeaderName::RetryAfter).and_then(|it| it.parse().ok()).expect("seconds");
        assert!((1..=10).contains(&seconds), "{seconds}");
        assert_eq!(peer.agent.transactions(), open, "nothing is kept of it");
    }
    response.status.code()
}

#[test]
fn a_call_that_comes_too_soon_is_refused_at_once_and_what_belongs_to_others_is_not() {
    let mut peer = Peer::new();
    let up = peer.call_in();
    peer.sent_messages();
    peer.limit_rate(NonZeroU32::new(3));
    let answers: Vec<_> = (0..6).map(|_| invite(&mut peer)).collect();
    assert_eq!(answers, [100, 100, 100, 503, 503, 503]);
    for method in ["REGISTER", "OPTIONS"] {
        let request = peer.request(method);
        peer.receive(request);
        assert_eq!(peer.sent_response().status.code(), 200, "{method}");
    }
    let bye = peer.request_in(&up, "BYE");
    peer.receive(bye);
    assert_eq!(peer.sent_response().status.code(), 200);
    peer.now += Duration::from_secs(1);
    assert_eq!(invite(&mut peer), 100, "a second later");
}

/// Who asks for a call is not asked who it is while there is none to be had.
#[test]
fn while_media_threads_are_late_no_call_begins_and_it_is_counted() {
    let mut peer = Peer::new();
    let refused = Arc::new(RefusedCalls::default());
    peer.agent.share(commons(Room::new(None, Some(Arc::new(Late)), Arc::clone(&refused))));
    assert_eq!(invite(&mut peer), 503);
    let mut stranger = peer.request("INVITE");
    stranger.headers.remove(&HeaderName::Authorization);
    peer.receive(stranger);
    assert_eq!(peer.sent_response().status.code(), 503);
    assert_eq!((refused.count_of(Crowded::Late), refused.count_of(Crowded::Rate)), (2, 0));
}

#[test]
fn calls_to_emergency_numbers_begin_while_others_have_no_room() {
    let mut peer = Peer::new();
    peer.limit_rate(NonZeroU32::new(3));
    let answers: Vec<_> = (0..4).map(|_| invite(&mut peer)).collect();
    assert_eq!(answers, [100, 100, 100, 503]);
    let answers: Vec<_> = (0..4).map(|_| invite_to(&mut peer, "112")).collect();
    assert_eq!(answers, [100, 100, 100, 503], "as many again");
    assert_eq!(invite_to(&mut peer, "1123"), 503, "another number");
    peer.now += Duration::from_secs(1);
    let answers: Vec<_> = (0..4).map(|_| invite(&mut peer)).collect();
    assert_eq!(answers, [100, 100, 100, 503]);
    assert_eq!(invite_to(&mut peer, "%3112"), 100, "however it is written");

    let mut peer = Peer::new();
    let refused = Arc::new(RefusedCalls::default());
    peer.agent.share(commons(Room::new(None, Some(Arc::new(Late)), Arc::clone(&refused))));
    assert_eq!([invite_to(&mut peer, "911"), invite(&mut peer)], [100, 503]);
    let mut stranger = peer.request("INVITE");
    stranger.uri = "sip:911@192.0.2.1".parse().expect("a URI");
    stranger.headers.remove(&HeaderName::Authorization);
    peer.receive(stranger);
    assert_eq!(peer.sent_response().status.code(), 401, "who it is has to be proven all the same");
    assert_eq!(refused.count_of(Crowded::Late), 1);
}

/// Whoever may call gets a record of a call that found no room, and one: an INVITE comes again where its refusal was lost.
#[test]
fn who_may_call_and_finds_no_room_is_told_of_once() {
    let mut peer = Peer::new();
    peer.limit_calls(1);
    let refused = Arc::new(RefusedCalls::default());
    peer.agent.share(commons(Room::new(None, None, Arc::clone(&refused))));
    peer.call_in();
    peer.sent_messages();
    let before = peer.told.len();
    let mut again = peer.request("INVITE");
    again.headers.set(HeaderName::CallId, "again");
    for _ in 0..2 {
        peer.receive(again.clone());
        assert_eq!(peer.sent_response().status.code(), 503);
    }
    let mut stranger = peer.request("INVITE");
    stranger.headers.remove(&HeaderName::Authorization);
    peer.receive(stranger);
    let [Event::Refused(call)] = &peer.told[before..] else { panic!("{:?}", &peer.told[before..]) };
    assert_eq!((&call.origin, call.destination.as_str()), (&Origin::User("ann".to_owned()), "bob"));
    assert_eq!((call.caller.user.as_str(), call.cause), ("ann", EndCause::Overloaded));
    assert_eq!(refused.count_of(Crowded::Legs), 2);
}
