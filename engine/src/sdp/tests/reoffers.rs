//! Later offers, from both sides: what stays for the leg's life, and what rises.

use super::*;
use crate::sdp::{AnswerWish, Direction, Negotiated, NegotiationError, RemoteTransport, Setup};

#[test]
fn ten_holds_and_resumes_from_either_side_keep_the_browser_leg_as_it_was() {
    let mut gateway = webrtc_leg(&CodecId::USUAL);
    gateway.receive_offer(&parse(CHROMIUM)).expect("met");
    let (first, agreed) = gateway.create_answer(AnswerWish::default()).expect("answered");
    let mut last = first.clone();
    for round in 0..10 {
        for direction in [Direction::SendOnly, Direction::SendRecv] {
            let reoffer = CHROMIUM.replace("a=sendrecv", &format!("a={}", direction.as_str()));
            gateway.receive_offer(&parse(&reoffer)).expect("met");
            let (answer, again) = gateway.create_answer(AnswerWish::default()).expect("answered");
            assert_eq!(again.direction, direction.reversed(), "round {round}");
            assert_same_leg(&first, &answer);
            assert_same_agreement(&agreed, &again);
            assert_version_is_right(&last, &answer);
            last = answer;
        }
        for direction in [Direction::Inactive, Direction::SendRecv] {
            let offer = gateway.create_offer(direction).expect("stable");
            assert_same_leg(&first, &offer);
            assert_eq!(offer.media[0].formats[0], "111", "the codec in use comes first");
            assert_version_is_right(&last, &offer);
            let answer = CHROMIUM
                .replace("a=setup:actpass", "a=setup:passive")
                .replace("a=sendrecv", &format!("a={}", direction.reversed().as_str()));
            let again = gateway.receive_answer(&parse(&answer)).expect("met");
            assert_eq!(again.direction, direction);
            assert_same_agreement(&agreed, &again);
            last = offer;
        }
    }
}

/// A forked call: one device offers anew while it rings (RFC 3311), and another one answers.
#[test]
fn another_branch_answers_our_offer_though_the_first_one_has_offered_anew() {
    let mut leg = rtp_leg(&CodecId::USUAL);
    leg.create_offer(Direction::SendRecv).expect("stable");
    let first = leg.receive_answer(&parse(SIPP)).expect("met");
    leg.receive_offer(&parse(&SIPP.replace("audio 6000", "audio 6100"))).expect("met");
    let (_, moved) = leg.create_answer(AnswerWish::default()).expect("answered");
    let other = leg.receive_answer(&parse(&SIPP.replace("audio 6000", "audio 6200"))).expect("met");
    let ports = [&first, &moved, &other].map(|agreed| match &agreed.remote {
        RemoteTransport::Rtp { rtp, .. } => rtp.port(),
        RemoteTransport::Webrtc(_) | RemoteTransport::RtpOnHold => 0,
    });
    assert_eq!(ports, [6000, 6100, 6200]);
}

#[test]
fn a_server_stays_server_in_its_own_offers() {
    let mut gateway = webrtc_leg(&CodecId::USUAL);
    gateway.receive_offer(&parse(&CHROMIUM.replace("actpass", "active"))).expect("met");
    let (answer, agreed) = gateway.create_answer(AnswerWish::default()).expect("answered");
    assert_eq!(answer.media[0].shared.setup, Some(Setup::Passive));
    assert!(matches!(agreed.remote, RemoteTransport::Webrtc(webrtc) if webrtc.setup == Setup::Active));

    let offer = gateway.create_offer(Direction::SendRecv).expect("stable");
    assert_eq!(offer.media[0].shared.setup, Some(Setup::Passive));
    gateway.receive_answer(&parse(&CHROMIUM.replace("actpass", "active"))).expect("met");

    gateway.receive_offer(&parse(CHROMIUM)).expect("actpass leaves it to us");
    let (answer, _) = gateway.create_answer(AnswerWish::default()).expect("answered");
    assert_eq!(answer.media[0].shared.setup, Some(Setup::Passive));
    let conflict = gateway.receive_offer(&parse(&CHROMIUM.replace("actpass", "passive"))).map(|_| ());
    assert_eq!(conflict, Err(NegotiationError::DtlsRoleConflict));
}

#[test]
fn a_client_stays_client() {
    let mut gateway = webrtc_leg(&CodecId::USUAL);
    let offer = gateway.create_offer(Direction::SendRecv).expect("stable");
    assert_eq!(offer.media[0].shared.setup, Some(Setup::Active));
    let agreed = gateway.receive_answer(&parse(&CHROMIUM.replace("actpass", "passive"))).expect("met");
    assert!(matches!(agreed.remote, RemoteTransport::Webrtc(webrtc) if webrtc.setup == Setup::Passive));
    let conflict = gateway.receive_offer(&parse(&CHROMIUM.replace("actpass", "active"))).map(|_| ());
    assert_eq!(conflict, Err(NegotiationError::DtlsRoleConflict));
    gateway.receive_offer(&parse(CHROMIUM)).expect("actpass leaves it to us");
    let (answer, _) = gateway.create_answer(AnswerWish::default()).expect("answered");
    assert_eq!(answer.media[0].shared.setup, Some(Setup::Active));
}

#[test]
fn the_same_description_keeps_its_version() {
    let mut leg = rtp_leg(&CodecId::USUAL);
    let mut answer = || {
        leg.receive_offer(&parse(BARESIP)).expect("met");
        leg.create_answer(AnswerWish::default()).expect("answered").0
    };
    let first = answer();
    assert_eq!(answer(), first);
    assert_eq!(first.origin.version, 1);
}

#[test]
fn versions_rise_over_offers_that_were_rolled_back() {
    let mut leg = rtp_leg(&CodecId::USUAL);
    let mut version = |direction| {
        let offer = leg.create_offer(direction).expect("stable");
        leg.rollback();
        offer.origin.version
    };
    let versions = [Direction::SendRecv, Direction::SendOnly, Direction::SendOnly, Direction::SendRecv]
        .map(&mut version);
    assert_eq!(versions, [1, 2, 2, 3]);
}

#[test]
fn glare_is_told_and_rolled_back() {
    let mut leg = rtp_leg(&CodecId::USUAL);
    leg.receive_offer(&parse(SIPP)).expect("met");
    let (_, agreed) = leg.create_answer(AnswerWish::default()).expect("answered");
    leg.create_offer(Direction::SendOnly).expect("stable");
    let crossed = leg.receive_offer(&parse(SIPP)).map(|_| ());
    assert_eq!(crossed, Err(NegotiationError::OfferOutstanding));
    leg.rollback();
    assert_eq!(leg.agreed(), Some(&agreed));
    leg.receive_offer(&parse(SIPP)).expect("met");
}

#[test]
fn the_codec_in_use_stays_unless_wished_or_withdrawn() {
    let mut leg = rtp_leg(&CodecId::USUAL);
    let mut codec = |offer: &str, prefer| {
        leg.receive_offer(&parse(offer)).expect("met");
        leg.create_answer(AnswerWish { prefer, ..AnswerWish::default() }).expect("answered").1.codec
    };
    assert_eq!(codec(BARESIP, Some(CodecId::Pcma)), CodecId::Pcma);
    assert_eq!(codec(BARESIP, None), CodecId::Pcma);
    assert_eq!(codec(BARESIP, Some(CodecId::Opus)), CodecId::Opus);
    assert_eq!(codec(SIPP, None), CodecId::Pcmu);
}

#[test]
fn our_offers_begin_with_the_codec_in_use() {
    let mut leg = rtp_leg(&CodecId::USUAL);
    leg.receive_offer(&parse(SIPP)).expect("met");
    leg.create_answer(AnswerWish { prefer: Some(CodecId::Pcma), ..AnswerWish::default() }).expect("answered");
    let offer = leg.create_offer(Direction::SendRecv).expect("stable");
    assert_eq!(offer.media[0].formats, ["8", "111", "0", "110", "101", "13"]);
}

#[test]
fn a_format_that_finds_no_free_number_is_left_out_and_not_taken_in_answers() {
    let foreign: String = (96..128).map(|number| format!(" {number}")).collect();
    let mut leg = rtp_leg(&CodecId::USUAL);
    leg.receive_offer(&parse(&SIPP.replace("0 8\n", &format!("0 8{foreign}\n")))).expect("met");
    leg.create_answer(AnswerWish::default()).expect("answered");
    let offer = leg.create_offer(Direction::SendRecv).expect("stable");
    assert_eq!(offer.media[0].formats, ["0", "8", "13"]);
    let unasked = SIPP.replace("0 8\n", "111 8\na=rtpmap:111 opus/48000/2\n");
    assert_eq!(leg.receive_answer(&parse(&unasked)).expect("met").codec, CodecId::Pcma);
}

#[test]
fn a_number_that_the_peer_gives_a_new_meaning_is_not_taken_over() {
    let mut leg = rtp_leg(&CodecId::USUAL);
    leg.receive_offer(&parse(BARESIP)).expect("met");
    leg.create_answer(AnswerWish::default()).expect("answered");
    let swapped = BARESIP.replace("96", "X").replace("101", "96").replace('X', "101");
    leg.receive_offer(&parse(&swapped)).expect("met");
    let (answer, agreed) = leg.create_answer(AnswerWish::default()).expect("answered");
    assert_eq!(answer.media[0].formats, ["96", "101"], "what they have meant here from the first");
    assert_eq!(agreed.payload_type_tx.number(), 101);
    assert_eq!(agreed.payload_type_rx.number(), 96);
}

#[test]
fn sections_that_the_peer_added_stay_in_our_offers() {
    let mut leg = webrtc_leg(&CodecId::USUAL);
    leg.receive_offer(&parse(CHROMIUM)).expect("met");
    leg.create_answer(AnswerWish::default()).expect("answered");
    assert_eq!(leg.create_offer(Direction::SendRecv).expect("stable").media.len(), 1);
    leg.rollback();
    leg.receive_offer(&parse(CHROMIUM_VIDEO)).expect("met");
    leg.create_answer(AnswerWish::default()).expect("answered");
    let offer = leg.create_offer(Direction::SendRecv).expect("stable");
    let sections: Vec<_> = offer.media.iter().map(|media| (media.port, media.mid.as_deref())).collect();
    assert_eq!(sections, [(40_000, Some("0")), (0, Some("1")), (0, Some("2"))]);
}

#[test]
fn audio_does_not_move_to_another_section() {
    let mut leg = rtp_leg(&CodecId::USUAL);
    leg.receive_offer(&parse(SIPP)).expect("met");
    leg.create_answer(AnswerWish::default()).expect("answered");
    let moved = SIPP.trim_end().replace("audio 6000", "audio 0") + "\nm=audio 6002 RTP/AVP 0\n";
    assert_eq!(leg.receive_offer(&parse(&moved)).map(|_| ()), Err(NegotiationError::NoAudio));
}

#[test]
fn the_final_answer_replaces_an_early_one() {
    let mut leg = rtp_leg(&CodecId::USUAL);
    leg.create_offer(Direction::SendRecv).expect("stable");
    let early = leg.receive_answer(&parse(SIPP)).expect("met");
    let final_answer = SIPP.replace("192.0.2.70", "192.0.2.71").replace("0 8\n", "8\n");
    let agreed = leg.receive_answer(&parse(&final_answer)).expect("met");
    assert_eq!((early.codec, agreed.codec), (CodecId::Pcmu, CodecId::Pcma));
    assert!(
        matches!(agreed.remote, RemoteTransport::Rtp { rtp, .. } if rtp.to_string() == "192.0.2.71:6000")
    );
    assert_eq!(leg.agreed(), Some(&agreed));
}

fn assert_same_leg(first: &SessionDescription, later: &SessionDescription) {
    let (before, after) = (&first.media[0], &later.media[0]);
    assert_eq!(after.shared.ice_ufrag, before.shared.ice_ufrag);
    assert_eq!(after.shared.ice_pwd, before.shared.ice_pwd);
    assert_eq!(after.shared.fingerprints, before.shared.fingerprints);
    assert_eq!(after.shared.setup, before.shared.setup);
    assert_eq!((&after.mid, after.port), (&before.mid, before.port));
    assert_eq!(later.origin.session_id, first.origin.session_id);
    assert_eq!(later.groups, first.groups);
    for rtpmap in &before.rtpmaps {
        assert!(after.rtpmaps.contains(rtpmap), "{rtpmap} is still so numbered");
    }
}

fn assert_same_agreement(first: &Negotiated, later: &Negotiated) {
    assert_eq!(later.codec, first.codec);
    assert_eq!(later.payload_type_tx, first.payload_type_tx);
    assert_eq!(later.payload_type_rx, first.payload_type_rx);
    assert_eq!(later.telephone_event, first.telephone_event);
    assert_eq!(later.remote, first.remote);
}

/// RFC 3264 8: an unchanged description keeps its version, a changed one has the next.
fn assert_version_is_right(before: &SessionDescription, after: &SessionDescription) {
    let mut unstamped = after.clone();
    unstamped.origin.version = before.origin.version;
    let step = u64::from(unstamped != *before);
    assert_eq!(after.origin.version, before.origin.version + step);
}
