//! What trunks are told that offer to keep calls back.

use std::num::NonZeroU32;
use std::time::Duration;

use super::peer::{LAB, Peer};
use crate::sip::message::{HeaderName, Response, Via};

/// A peer at the trunk, of which three calls may begin in a second.
fn trunk() -> Peer {
    let mut peer = Peer::new();
    peer.flow.remote.set_ip(LAB);
    peer.limit_rate(NonZeroU32::new(3));
    peer
}

/// The first response to a request that offers to listen.
fn ask(peer: &mut Peer, method: &str, algorithms: &str) -> Response {
    let mut request = peer.request(method);
    let via = request.headers.get(&HeaderName::Via).expect("is whole").to_owned();
    request.headers.set(HeaderName::Via, format!("{via};oc{algorithms}"));
    let call_id = format!("call-{}", request.headers.cseq().expect("is whole").number);
    request.headers.set(HeaderName::CallId, call_id);
    peer.receive(request);
    peer.sent_response()
}

fn told(response: &Response) -> [String; 4] {
    let Via { params, .. } = response.headers.via().expect("is whole");
    ["oc", "oc-algo", "oc-validity", "oc-seq"].map(|name| params.get(name).unwrap_or_default().to_owned())
}

#[test]
fn a_trunk_that_offers_to_listen_is_told_how_much_to_keep_back() {
    for (algorithms, algorithm, value) in [
        ("", "\"loss\"", "50"),
        (";oc-algo=\"loss\"", "\"loss\"", "50"),
        (";oc-algo=\"loss,rate\"", "\"rate\"", "3"),
    ] {
        let mut peer = trunk();
        let responses: Vec<_> = (0..6).map(|_| ask(&mut peer, "INVITE", algorithms)).collect();
        let statuses: Vec<_> = responses.iter().map(|response| response.status.code()).collect();
        assert_eq!(statuses, [100, 100, 100, 503, 503, 503]);
        for response in &responses {
            assert_eq!(told(response)[..3], ["0", algorithm, "0"], "not yet");
            assert!(!response.headers.has(&HeaderName::RetryAfter), "it is not to stay away");
        }
        let numbers: Vec<f64> =
            responses.iter().map(|it| told(it)[3].parse().expect("a number with a point")).collect();
        assert!(numbers.is_sorted_by(|before, after| before < after), "{numbers:?}");

        peer.now += Duration::from_secs(1);
        let options = ask(&mut peer, "OPTIONS", algorithms);
        assert_eq!(told(&options)[..3], [value, algorithm, "3000"], "three of six were refused");
        for _ in 0..10 {
            peer.now += Duration::from_secs(1);
            ask(&mut peer, "OPTIONS", algorithms);
        }
        assert_eq!(told(&ask(&mut peer, "OPTIONS", algorithms))[..3], ["0", algorithm, "0"]);
    }
}

#[test]
fn whoever_is_no_trunk_is_told_nothing_whatever_it_offers() {
    let mut peer = Peer::new();
    peer.limit_rate(NonZeroU32::new(1));
    let statuses = [(); 2].map(|()| {
        let response = ask(&mut peer, "INVITE", ";oc-algo=\"loss\"");
        assert_eq!(told(&response), ["", "\"loss\"", "", ""], "as it came");
        assert_eq!(response.headers.has(&HeaderName::RetryAfter), response.status.code() == 503);
        response.status.code()
    });
    assert_eq!(statuses, [100, 503]);
}

#[test]
fn a_trunk_that_does_not_offer_it_hears_when_to_come_again_and_nothing_else() {
    let mut peer = trunk();
    peer.limit_rate(NonZeroU32::new(1));
    for status in [100, 503] {
        let mut invite = peer.request("INVITE");
        invite.headers.set(HeaderName::CallId, status.to_string());
        peer.receive(invite);
        let response = peer.sent_response();
        assert_eq!(response.status.code(), status);
        assert_eq!(told(&response), ["", "", "", ""]);
        assert_eq!(response.headers.has(&HeaderName::RetryAfter), status == 503);
    }
}

/// Who claims to have been told already has not been.
#[test]
fn a_stranger_that_claims_to_be_told_hears_when_to_come_again() {
    let mut peer = Peer::new();
    peer.limit_rate(NonZeroU32::new(1));
    for status in [100, 503] {
        let response = ask(&mut peer, "INVITE", "=5;oc-seq=1.0");
        assert_eq!(response.status.code(), status);
        assert_eq!(response.headers.has(&HeaderName::RetryAfter), status == 503);
    }
}

/// Such a transaction is known by its whole Via, and would not be found again once that was changed.
#[test]
fn a_trunk_whose_branches_are_no_names_is_told_nothing_and_its_retransmissions_are_known() {
    let mut peer = trunk();
    let mut invite = peer.request("INVITE");
    let via = invite.headers.get(&HeaderName::Via).expect("is whole").replace("branch=z9hG4bK", "branch=");
    invite.headers.set(HeaderName::Via, format!("{via};oc"));
    for _ in 0..2 {
        peer.receive(invite.clone());
        let response = peer.sent_response();
        assert_eq!(response.status.code(), 100);
        assert_eq!(told(&response), ["", "", "", ""]);
        assert_eq!(peer.agent.calls(), 1, "the second is the first again");
    }
}
