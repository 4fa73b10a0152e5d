//! INVITE with Replaces: which leg it finds, and when there is none (RFC 3891 3).

use webtrunk_engine::{EndCause, LegId};

use super::description;
use super::peer::Peer;
use crate::adapter::{Command, Event, Origin};
use crate::sip::message::{HeaderName, Request};

fn replacing(peer: &mut Peer, replaces: &str) -> Request {
    let mut invite = peer.request("INVITE");
    invite.headers.set(HeaderName::CallId, "another");
    invite.headers.push(HeaderName::Require, "replaces");
    invite.headers.push(HeaderName::Replaces, replaces);
    invite.headers.set(HeaderName::ContentType, "application/sdp");
    invite.body = description(1).to_string().into();
    invite
}

/// What became of an INVITE: the status that refuses it, or the leg whose place it wants.
fn outcome(peer: &mut Peer, invite: Request) -> Result<Option<LegId>, u16> {
    let told = peer.told.len();
    peer.receive(invite);
    let refused = peer.sent_responses().into_iter().find(|response| response.status.is_final());
    match (refused, &peer.told[told..]) {
        (Some(refusal), []) => Err(refusal.status.code()),
        (None, [Event::Incoming(incoming)]) => Ok(incoming.replaces),
        other => panic!("{other:?}"),
    }
}

fn tag_of(to: &str) -> &str {
    to.split("tag=").nth(1).expect("a tag")
}

#[test]
fn an_answered_call_is_found_by_its_tags_and_not_where_it_must_be_early() {
    let mut peer = Peer::new();
    let call = peer.call_in();
    let tag = tag_of(&call.to).to_owned();
    for (replaces, expected) in [
        (format!("call;to-tag={tag};from-tag=ann"), Ok(Some(call.leg))),
        (format!("call;from-tag=ann;to-tag={tag};early-only"), Err(486)),
        (format!("call;to-tag=ann;from-tag={tag}"), Err(481)),
        (format!("other;to-tag={tag};from-tag=ann"), Err(481)),
        (format!("call;to-tag={tag}"), Err(400)),
    ] {
        let invite = replacing(&mut peer, &replaces);
        assert_eq!(outcome(&mut peer, invite), expected, "{replaces}");
    }
    let mut twice = replacing(&mut peer, &format!("call;to-tag={tag};from-tag=ann"));
    twice.headers.push(HeaderName::Replaces, format!("call;to-tag={tag};from-tag=ann"));
    assert_eq!(outcome(&mut peer, twice), Err(400));
    peer.command(Command::Hangup { leg: call.leg, cause: EndCause::Hangup });
    peer.lines();
    let late = replacing(&mut peer, &format!("call;to-tag={tag};from-tag=ann"));
    assert_eq!(outcome(&mut peer, late), Err(603), "its BYE is under way");
}

#[test]
fn of_calls_that_ring_those_that_we_placed_are_found() {
    let mut peer = Peer::new();
    let (leg, invite) = peer.called(Origin::User("bob".into()));
    peer.respond(&invite, 180, "bob");
    let call_id = invite.headers.get(&HeaderName::CallId).expect("a Call-ID").to_owned();
    let from = invite.headers.from().expect("a From");
    let ours = from.tag().expect("a tag");
    // As one with us, and as the phone that rings has it.
    for tags in [format!("to-tag={ours};from-tag=bob"), format!("to-tag=bob;from-tag={ours}")] {
        let pick_up = replacing(&mut peer, &format!("{call_id};{tags};early-only"));
        assert_eq!(outcome(&mut peer, pick_up), Ok(Some(leg)), "{tags}");
    }

    let mut peer = Peer::new();
    let (leg, _) = peer.invite_in(&[]);
    peer.command(Command::Ring { leg, description: None });
    let ringing = peer.sent_responses().pop().expect("180");
    let to = ringing.headers.get(&HeaderName::To).expect("a To").to_owned();
    let replaces = format!("call;to-tag={};from-tag=ann", tag_of(&to));
    let invite = replacing(&mut peer, &replaces);
    assert_eq!(outcome(&mut peer, invite), Err(481), "who called has to say that it does so no more");
}
