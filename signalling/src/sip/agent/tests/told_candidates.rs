//! Candidates of ours that are told after a description, to peers whose signalling may be gone with an address.

use std::time::Duration;

use webtrunk_engine::sdp::{Candidate, CandidateFragment, FRAGMENT_TYPE, SessionDescription};
use webtrunk_engine::{EndCause, LegId};

use super::peer::{InboundCall, Peer};
use super::streams::come_by;
use crate::adapter::{Command, Event, News};
use crate::sip::flow::ConnectionId;
use crate::sip::message::{HeaderName, Method, Request};

const SECOND: Duration = Duration::from_secs(1);

fn found(leg: LegId, port: u16) -> Command {
    let candidate = Candidate::host(([192, 0, 2, 1], port).into(), 65_535);
    let fragment = CandidateFragment::new("8hhY", "asd88fgpdd777uzjYhagZg", "0", vec![candidate]);
    Command::Tell { leg, news: News::Candidates(Box::new(fragment)) }
}

/// The port of what an INFO tells.
fn told(info: &Request) -> Result<u16, String> {
    let fragment = CandidateFragment::parse(&info.body).map_err(|error| error.to_string())?;
    fragment.candidates_of("0").map(|all| all[0].port).map_err(|error| error.to_string())
}

/// Our description with the credentials of those candidates, or others.
fn described(ufrag: &str) -> Box<SessionDescription> {
    let text = format!(
        "v=0\r\no=- 2 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
         a=ice-ufrag:{ufrag}\r\na=ice-pwd:asd88fgpdd777uzjYhagZg\r\n\
         m=audio 40000 RTP/AVP 0\r\na=mid:0\r\na=rtpmap:0 PCMU/8000\r\n"
    );
    Box::new(SessionDescription::parse(text).expect("the test writes it well"))
}

/// A browser in a call, which takes candidates later, and is told of some by its first connection, or as it is gone.
fn browser_told(is_gone: bool) -> (Peer, InboundCall, Request) {
    let mut peer = Peer::over_websocket();
    let call = peer.call_in_with(&[("Recv-Info", "trickle-ice")]);
    peer.command(Command::Reoffer { leg: call.leg, offer: described("8hhY") });
    let offer = peer.sent_request();
    peer.respond(&offer, 200, "ann");
    peer.sent_flows();
    if is_gone {
        peer.agent.flow_closed(ConnectionId(1), peer.now);
    }
    peer.command(found(call.leg, 5000));
    let info = peer.sent_request();
    (peer, call, info)
}

fn has_ended(peer: &Peer) -> bool {
    peer.told.iter().any(|event| matches!(event, Event::Ended { .. }))
}

/// The INFOs among what was sent since the last look.
fn infos(peer: &mut Peer) -> Vec<Request> {
    peer.sent_requests().into_iter().filter(|request| request.method == Method::Info).collect()
}

#[test]
fn candidates_of_ours_are_told_one_info_at_a_time_to_a_peer_that_takes_them_and_to_no_other() {
    let mut peer = Peer::new();
    let call = peer.call_in();
    peer.command(found(call.leg, 1));
    assert_eq!(peer.lines(), [""; 0], "it said nothing of the package");

    let mut peer = Peer::new();
    let call = peer.call_in_with(&[("Recv-Info", "foo, Trickle-ICE")]);
    peer.command(found(call.leg, 1));
    let first = peer.sent_request();
    assert_eq!(first.headers.get(&HeaderName::from("Info-Package")), Some("trickle-ice"));
    assert_eq!(first.headers.get(&HeaderName::ContentType), Some(FRAGMENT_TYPE));
    assert_eq!(told(&first), Ok(1));
    peer.command(found(call.leg, 2));
    peer.command(found(call.leg, 3));
    assert_eq!(peer.lines(), [""; 0], "two could overtake each other");
    peer.respond(&first, 200, "callee");
    assert_eq!(told(&peer.sent_request()), Ok(3), "the newest has all");
    assert_eq!(peer.lines(), [""; 0]);
}

/// Media may go on by another address than that which is gone with signalling.
#[test]
fn candidates_that_nobody_answers_end_no_call_and_are_told_again_where_the_peer_is_next() {
    for is_answered_by_a_proxy in [false, true] {
        let (mut peer, call, info) = browser_told(false);
        if is_answered_by_a_proxy {
            peer.respond(&info, 408, "ann");
        }
        peer.run_for(33 * SECOND);
        assert!(!has_ended(&peer), "by a proxy: {is_answered_by_a_proxy}");
        assert_eq!(peer.lines(), [""; 0], "not again where nobody is");
        come_by(&mut peer, 2);
        let again = infos(&mut peer);
        assert_eq!(again.iter().map(told).collect::<Vec<_>>(), [Ok(5000)]);
        peer.respond(&again[0], 200, "ann");
        come_by(&mut peer, 3);
        assert!(infos(&mut peer).is_empty(), "once it has them");
        peer.command(Command::Hangup { leg: call.leg, cause: EndCause::Hangup });
        assert_eq!(peer.lines(), ["BYE"]);
    }
}

#[test]
fn candidates_that_came_while_nobody_answered_are_tried_once_where_the_peer_was() {
    let (mut peer, call, _) = browser_told(false);
    peer.command(found(call.leg, 6000));
    assert_eq!(peer.lines(), [""; 0], "one at a time");
    peer.run_for(32 * SECOND);
    assert_eq!(infos(&mut peer).iter().map(told).collect::<Vec<_>>(), [Ok(6000)]);
    peer.run_for(100 * SECOND);
    assert!(infos(&mut peer).is_empty() && !has_ended(&peer));
}

#[test]
fn a_peer_that_does_not_know_the_dialog_is_in_no_call() {
    let (mut peer, _, info) = browser_told(false);
    peer.respond(&info, 481, "ann");
    assert!(has_ended(&peer));
}

#[test]
fn candidates_that_went_with_a_stream_are_told_when_the_peer_is_back_by_whatever_it_does_first() {
    for (is_gone, by_update) in [(false, false), (true, false), (false, true), (true, true)] {
        let (mut peer, call, _) = browser_told(is_gone);
        let first = peer.flow;
        if !is_gone {
            peer.agent.flow_closed(ConnectionId(1), peer.now);
        }
        peer.agent.flow_failed(&first, peer.now);
        peer.flush();
        peer.command(found(call.leg, 6000));
        peer.agent.flow_failed(&first, peer.now);
        peer.flush();
        peer.sent_flows();
        assert!(!has_ended(&peer));
        peer.flow.connection = Some(ConnectionId(2));
        let comes = if by_update { peer.request_in(&call, "UPDATE") } else { peer.request("REGISTER") };
        peer.receive(comes);
        let again = infos(&mut peer);
        assert_eq!(again.iter().map(told).collect::<Vec<_>>(), [Ok(6000)], "all of them, once: {by_update}");
    }
}

#[test]
fn candidates_of_what_was_agreed_before_are_told_no_more() {
    let (mut peer, call, _) = browser_told(true);
    let first = peer.flow;
    peer.agent.flow_failed(&first, peer.now);
    peer.flush();
    peer.flow.connection = Some(ConnectionId(2));
    let mut invite = peer.request_in(&call, "INVITE");
    invite.headers.set(HeaderName::ContentType, "application/sdp");
    invite.body = described("theirs").to_string().into();
    peer.receive(invite);
    let asked = infos(&mut peer);
    assert_eq!(asked.len(), 1, "nobody has said yet that they are of no use");
    peer.command(Command::AnswerReoffer { leg: call.leg, description: described("another") });
    let second = peer.flow;
    peer.agent.flow_failed(&second, peer.now);
    peer.flush();
    peer.sent_flows();
    come_by(&mut peer, 3);
    assert!(infos(&mut peer).is_empty());
}
