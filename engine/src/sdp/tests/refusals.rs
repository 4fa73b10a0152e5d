//! Offers and answers that cannot be met, and that they change nothing.

use super::*;
use crate::sdp::{AnswerWish, Direction, NegotiationError, Protocol};

#[test]
fn offers_to_a_browser_leg_that_cannot_be_met() {
    let without = |line: &str| CHROMIUM.replace(line, "");
    let fingerprint = CHROMIUM.lines().find(|line| line.starts_with("a=fingerprint")).expect("has one");
    let table = [
        (SIPP.to_owned(), NegotiationError::ProfileMismatch(Protocol::RtpAvp)),
        (without(fingerprint), NegotiationError::NoFingerprint),
        (CHROMIUM.replace(fingerprint, "a=fingerprint:sha-1 00:11"), NegotiationError::NoFingerprint),
        (without("a=ice-ufrag:q9Zx\n"), NegotiationError::NoIceCredentials),
        (without("a=ice-pwd:mB3kT0yLw7RzqS2vXo8cNf5H\n"), NegotiationError::NoIceCredentials),
        (without("a=rtcp-mux\n"), NegotiationError::NoRtcpMux),
        (CHROMIUM.replace("setup:actpass", "setup:holdconn"), NegotiationError::DtlsRoleConflict),
        (CHROMIUM.replace("m=audio 51472", "m=audio 0"), NegotiationError::NoAudio),
        (CHROMIUM.replace("m=audio", "m=video"), NegotiationError::NoAudio),
        (CHROMIUM.replace(" 111 63 9 0 8 13 110 126", " 9 13 110 126"), NegotiationError::NoCommonCodec),
        // With rtcp-mux a codec numbered 72 would look like RTCP.
        (CHROMIUM.replace("111", "72").replace(" 9 0 8 13", ""), NegotiationError::NoCommonCodec),
    ];
    for (index, (offer, expected)) in table.into_iter().enumerate() {
        let refused = webrtc_leg(&CodecId::USUAL).receive_offer(&parse(&offer)).expect_err("cannot be met");
        assert_eq!(refused, expected, "row {index}");
    }
}

#[test]
fn offers_to_a_phone_leg_that_cannot_be_met() {
    let table = [
        (CHROMIUM.to_owned(), NegotiationError::ProfileMismatch(Protocol::UdpTlsRtpSavpf)),
        (PBX_SDES.to_owned(), NegotiationError::SrtpForbidden(Protocol::RtpSavp)),
        (SIPP.replace("c=IN IP4 192.0.2.70\n", ""), NegotiationError::NoAddress),
        (
            SIPP.replace("c=IN IP4 192.0.2.70", "c=IN IP4 phone.example.com"),
            NegotiationError::UnusableAddress,
        ),
        (SIPP.replace("c=IN IP4 192.0.2.70", "c=IN IP4 233.252.0.1/64"), NegotiationError::UnusableAddress),
        (SIPP.replace("c=IN IP4 192.0.2.70", "c=IN IP4 255.255.255.255"), NegotiationError::UnusableAddress),
        (SIPP.replace("c=IN IP4 192.0.2.70", "c=IN IP6 ff02::1"), NegotiationError::UnusableAddress),
        (SIPP.replace("6000", "65535"), NegotiationError::UnusableAddress),
        (format!("{SIPP}a=rtcp:0\n"), NegotiationError::UnusableAddress),
        (format!("{SIPP}a=rtcp:5 IN IP4 0.0.0.0\n"), NegotiationError::UnusableAddress),
        (SIPP.replace("audio 6000", "audio 0") + "a=bundle-only\n", NegotiationError::UnusableAddress),
        (SIPP.replace("0 8\n", "18\n"), NegotiationError::NoCommonCodec),
        (TRUNK_IPV6.replace("18 8 0 100", "18 100 13"), NegotiationError::NoCommonCodec),
        (format!("{SIPP}a=rtpmap:0 PCMU/16000\na=rtpmap:8 PCMA/8000/2\n"), NegotiationError::NoCommonCodec),
        (SIPP.replace("0 8\n", "0\na=rtpmap:0 opus/48000/2\n"), NegotiationError::NoCommonCodec),
        (SIPP.replace("m=audio 6000 RTP/AVP 0 8\n", ""), NegotiationError::NoAudio),
    ];
    for (index, (offer, expected)) in table.into_iter().enumerate() {
        let refused = rtp_leg(&CodecId::USUAL).receive_offer(&parse(&offer)).expect_err("cannot be met");
        assert_eq!(refused, expected, "row {index}");
    }
}

#[test]
fn media_of_the_other_address_family_is_refused_unless_we_have_both() {
    let described = |ours: &str, is_dual_stack| {
        let address = ours.parse().expect("an address");
        let transport =
            LocalTransport::Rtp { address, rtp_port: 30_000, srtp: SrtpPolicy::Forbid, is_dual_stack };
        leg(&CodecId::USUAL, transport)
    };
    let hold = SIPP.replace("c=IN IP4 192.0.2.70", "c=IN IP4 0.0.0.0");
    let rtcp = format!("{SIPP}a=rtcp:6001 IN IP6 2001:db8::9\n");
    for (ours, offer, is_met) in [
        ("203.0.113.5", TRUNK_IPV6, false),
        ("203.0.113.5", SIPP, true),
        ("203.0.113.5", rtcp.as_str(), false),
        ("2001:db8::5", TRUNK_IPV6, true),
        ("2001:db8::5", SIPP, false),
        ("2001:db8::5", hold.as_str(), true),
    ] {
        let refused = described(ours, false).receive_offer(&parse(offer)).err();
        assert_eq!(refused.is_none(), is_met, "{ours}: {refused:?}");
        let is_named = matches!(refused, None | Some(NegotiationError::OtherFamily { .. }));
        assert!(is_named, "{refused:?}");
        assert!(described(ours, true).receive_offer(&parse(offer)).is_ok(), "{ours} and the other");
    }
}

#[test]
fn the_first_audio_that_can_be_met_is_taken() {
    let secure_first = format!("{PBX_SDES}m=audio 11900 RTP/AVP 0\na=rtpmap:0 PCMU/8000\n");
    let mut leg = rtp_leg(&CodecId::USUAL);
    assert_eq!(leg.receive_offer(&parse(&secure_first)).expect("met").section, 1);
}

#[test]
fn answers_that_do_not_meet_our_offer() {
    let answer = SIPP;
    let table = [
        (answer.replace("audio 6000", "audio 0"), NegotiationError::AudioRefused),
        (answer.replace("m=audio", "m=video"), NegotiationError::NoAudio),
        (answer.replace("m=audio 6000 RTP/AVP 0 8\n", ""), NegotiationError::NoAudio),
        (
            answer.replace("0 8\n", "101\na=rtpmap:101 telephone-event/8000\n"),
            NegotiationError::NoCommonCodec,
        ),
        (answer.replace("RTP/AVP", "RTP/SAVP"), NegotiationError::SrtpForbidden(Protocol::RtpSavp)),
    ];
    for (index, (answer, expected)) in table.into_iter().enumerate() {
        let mut leg = rtp_leg(&CodecId::USUAL);
        leg.create_offer(Direction::SendRecv).expect("stable");
        assert_eq!(leg.receive_answer(&parse(&answer)), Err(expected), "row {index}");
        assert_eq!(leg.agreed(), None);
        leg.receive_answer(&parse(SIPP)).expect("the offer is still open");
    }
}

#[test]
fn browsers_answers_need_all_that_their_offers_need() {
    let answer = CHROMIUM.replace("setup:actpass", "setup:passive");
    let table = [
        (answer.replace("setup:passive", "setup:active"), NegotiationError::DtlsRoleConflict),
        (answer.replace("setup:passive", "setup:holdconn"), NegotiationError::DtlsRoleConflict),
        (answer.replace("a=rtcp-mux\n", ""), NegotiationError::NoRtcpMux),
        (answer.replace("sha-256", "sha-1"), NegotiationError::NoFingerprint),
    ];
    for (index, (faulty, expected)) in table.into_iter().enumerate() {
        let mut leg = webrtc_leg(&CodecId::USUAL);
        leg.create_offer(Direction::SendRecv).expect("stable");
        assert_eq!(leg.receive_answer(&parse(&faulty)), Err(expected), "row {index}");
        leg.receive_answer(&parse(&answer)).expect("the offer is still open");
    }
}

#[test]
fn a_refused_offer_leaves_the_agreement() {
    let mut leg = rtp_leg(&CodecId::USUAL);
    leg.receive_offer(&parse(BARESIP)).expect("met");
    let (answer, agreed) = leg.create_answer(AnswerWish::default()).expect("answered");
    for unmet in [PBX_SDES, CHROMIUM, &SIPP.replace("0 8\n", "18\n")] {
        leg.receive_offer(&parse(unmet)).expect_err("cannot be met");
        assert_eq!(leg.agreed(), Some(&agreed));
        assert_eq!(leg.create_answer(AnswerWish::default()), Err(NegotiationError::NoOffer));
    }
    leg.receive_offer(&parse(BARESIP)).expect("met");
    assert_eq!(leg.create_answer(AnswerWish::default()), Ok((answer, agreed)));
}
