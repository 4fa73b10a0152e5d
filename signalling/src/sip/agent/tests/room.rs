//! Calls for which there is no room, and what goes on beside them.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use super::peer::Peer;
use crate::sip::agent::{Crowded, MediaLoad, RefusedCalls};
use crate::sip::message::HeaderName;

/// Media threads that are late.
struct Late;

impl MediaLoad for Late {
    fn has_room(&self) -> Result<(), Crowded> {
        Err(Crowded::Late)
    }
}

/// An INVITE's final response, without its ACK; whether anything is kept of a refusal.
fn invite(peer: &mut Peer) -> u16 {
    let open = peer.agent.transactions();
    let mut invite = peer.request("INVITE");
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
    peer.agent.ask_for_room(Some(Arc::new(Late)), Arc::clone(&refused));
    assert_eq!(invite(&mut peer), 503);
    let mut stranger = peer.request("INVITE");
    stranger.headers.remove(&HeaderName::Authorization);
    peer.receive(stranger);
    assert_eq!(peer.sent_response().status.code(), 503);
    assert_eq!((refused.by_lateness(), refused.by_rate()), (2, 0));
}
