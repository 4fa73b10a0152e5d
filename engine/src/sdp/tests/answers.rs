//! Offers of real peers and our answers to them.

use super::*;
use crate::rtp::PayloadType;
use crate::sdp::{AnswerWish, Direction, Negotiated, OpusParameters, PayloadFormat, RemoteTransport};

#[test]
fn the_answer_to_chromium_is_the_one_browsers_connect_by() {
    let mut leg = webrtc_leg(&CodecId::USUAL);
    leg.receive_offer(&parse(CHROMIUM)).expect("met");
    let (answer, _) = leg.create_answer(AnswerWish::default()).expect("answered");
    let expected = "\
v=0
o=- 7 1 IN IP4 203.0.113.5
s=-
c=IN IP4 203.0.113.5
t=0 0
a=group:BUNDLE 0
a=ice-lite
m=audio 40000 UDP/TLS/RTP/SAVPF 111 110
a=candidate:H65535 1 udp 2130706431 203.0.113.5 40000 typ host
a=end-of-candidates
a=mid:0
a=ice-ufrag:gwUF
a=ice-pwd:gatewaypasswordof24chars
a=ice-options:trickle
a=fingerprint:sha-256 AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB
a=setup:active
a=sendrecv
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=rtpmap:110 telephone-event/48000
a=fmtp:111 minptime=10;useinbandfec=1
a=fmtp:110 0-15
a=ptime:20
a=msid:webtrunk-7 audio
";
    assert_eq!(answer.to_string(), expected.replace('\n', "\r\n"));
}

#[test]
fn a_phones_offer_is_answered_with_its_own_numbers() {
    let mut leg = rtp_leg(&[CodecId::Pcma, CodecId::Pcmu]);
    leg.receive_offer(&parse(TRUNK_IPV6)).expect("met");
    let (answer, _) = leg.create_answer(AnswerWish::default()).expect("answered");
    let expected = "\
v=0
o=- 7 1 IN IP4 203.0.113.5
s=-
c=IN IP4 203.0.113.5
t=0 0
m=audio 30000 RTP/AVP 8 100
a=sendrecv
a=rtpmap:8 PCMA/8000
a=rtpmap:100 telephone-event/8000
a=fmtp:100 0-15
a=ptime:20
";
    assert_eq!(answer.to_string(), expected.replace('\n', "\r\n"));
}

#[test]
fn only_audio_of_a_video_call_is_accepted_and_bundled() {
    let mut leg = webrtc_leg(&CodecId::USUAL);
    leg.receive_offer(&parse(CHROMIUM_VIDEO)).expect("met");
    let (answer, _) = leg.create_answer(AnswerWish::default()).expect("answered");
    assert_eq!(answer.groups.len(), 1);
    assert_eq!(answer.groups[0].mids, ["0"]);
    let sections: Vec<_> = answer.media.iter().map(|media| (media.port, media.mid.as_deref())).collect();
    assert_eq!(sections, [(40_000, Some("0")), (0, Some("1")), (0, Some("2"))]);
    let text = answer.to_string();
    assert!(text.contains("m=video 0 UDP/TLS/RTP/SAVPF 96 97 102\r\na=mid:1\r\n"));
    assert!(text.contains("m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:2\r\n"));
}

#[test]
fn audio_that_only_rides_on_another_section_is_accepted() {
    let bundle_only = CHROMIUM_VIDEO
        .replace("m=audio 9 ", "m=audio 0 ")
        .replace("a=mid:0\n", "a=mid:0\na=bundle-only\n")
        .replace("BUNDLE 0 1 2", "BUNDLE 1 0 2");
    let mut leg = webrtc_leg(&CodecId::USUAL);
    leg.receive_offer(&parse(&bundle_only)).expect("met");
    let (answer, _) = leg.create_answer(AnswerWish::default()).expect("answered");
    assert_eq!(answer.media[0].port, 40_000);
    assert_eq!(answer.groups[0].mids, ["0"]);
}

#[test]
fn a_bundled_section_needs_no_transport_of_its_own() {
    let audio_line = CHROMIUM_VIDEO.find("m=audio").expect("has audio");
    let video_line = CHROMIUM_VIDEO.find("m=video").expect("has video");
    let (head, rest) = CHROMIUM_VIDEO.split_at(audio_line);
    let (audio, video) = rest.split_at(video_line - audio_line);
    let said_by_video = ["a=ice-", "a=fingerprint", "a=setup", "a=rtcp-mux"];
    let bare = |line: &&str| !said_by_video.iter().any(|start| line.starts_with(start));
    let audio: String = audio.lines().filter(bare).map(|line| format!("{line}\n")).collect();
    let candidate = "a=candidate:1 1 udp 2113937151 192.0.2.9 5000 typ host\na=mid:1\n";
    let offer = format!("{head}{audio}{}", video.replace("a=mid:1\n", candidate)).replace("0 1 2", "1 0 2");
    let mut leg = webrtc_leg(&CodecId::USUAL);
    match &leg.receive_offer(&parse(&offer)).expect("met").transport {
        RemoteTransport::Webrtc(remote) => {
            assert_eq!(remote.ufrag, "Ab3d");
            assert_eq!(remote.candidates.len(), 1);
        }
        other => panic!("not WebRTC: {other:?}"),
    }
}

#[test]
fn plain_rtp_is_not_bundled_but_keeps_its_name() {
    let named = SIPP.replace("m=audio", "a=group:BUNDLE x\nm=audio").trim_end().to_owned() + "\na=mid:x\n";
    let mut leg = rtp_leg(&CodecId::USUAL);
    leg.receive_offer(&parse(&named)).expect("met");
    let (answer, _) = leg.create_answer(AnswerWish::default()).expect("answered");
    assert!(answer.groups.is_empty());
    assert_eq!(answer.media[0].mid.as_deref(), Some("x"));
}

#[test]
fn a_section_outside_the_bundle_stays_outside() {
    let mut leg = webrtc_leg(&CodecId::USUAL);
    leg.receive_offer(&parse(&CHROMIUM_VIDEO.replace("BUNDLE 0 1 2", "BUNDLE 1 2"))).expect("met");
    let (answer, _) = leg.create_answer(AnswerWish::default()).expect("answered");
    assert!(answer.groups.is_empty());
}

#[test]
fn our_default_address_is_the_best_udp_candidate() {
    let offer = |candidates: &[&str]| {
        let candidates = candidates.iter().map(|text| Candidate::parse(text).expect("a candidate")).collect();
        let transport = LocalTransport::Webrtc {
            ufrag: "gwUF".to_owned(),
            pwd: "gatewaypasswordof24chars".to_owned(),
            fingerprint: Fingerprint::sha256([1; 32]),
            candidates,
            more_may_come: false,
            ice_lite: false,
        };
        let offer = leg(&CodecId::USUAL, transport).create_offer(Direction::SendRecv).expect("stable");
        assert!(!offer.ice_lite);
        (offer.connection.expect("always said").to_string(), offer.media[0].port)
    };
    let tcp = "1 1 tcp 1518214911 203.0.113.5 443 typ host tcptype passive";
    let udp = "2 1 udp 2130706431 2001:db8::5 40000 typ host";
    assert_eq!(offer(&[tcp, udp]), ("2001:db8::5".to_owned(), 40_000));
    assert_eq!(offer(&[tcp]), ("0.0.0.0".to_owned(), 9));
}

#[test]
fn sections_before_the_audio_are_refused_in_place() {
    let mut leg = rtp_leg(&CodecId::USUAL);
    let remote = leg.receive_offer(&parse(PBX_FAX)).expect("met");
    assert_eq!(remote.section, 1);
    assert!(remote.is_on_hold());
    let (answer, agreed) = leg.create_answer(AnswerWish::default()).expect("answered");
    let ports: Vec<u16> = answer.media.iter().map(|media| media.port).collect();
    assert_eq!(ports, [0, 30_000, 0]);
    assert_eq!(agreed.direction, Direction::Inactive);
    assert!(answer.to_string().contains("m=image 0 udptl t38\r\nm=audio 30000 RTP/AVPF 8 96 13\r\n"));
}

#[test]
fn the_choice_of_codec_follows_wish_order_and_offer() {
    use CodecId::{Opus, Pcma, Pcmu};
    let table: [(&str, &[CodecId], Option<CodecId>, &str); 13] = [
        (CHROMIUM, &CodecId::USUAL, None, "Opus 111/111 digits 110/110 at 48000, 20 ms"),
        (CHROMIUM, &CodecId::USUAL, Some(Pcma), "Pcma 8/8 digits 126/126 at 8000, 20 ms"),
        (CHROMIUM, &[Pcmu, Opus], None, "Pcmu 0/0 digits 126/126 at 8000, 20 ms"),
        (CHROMIUM, &[Pcmu], Some(Opus), "Pcmu 0/0 digits 126/126 at 8000, 20 ms"),
        (FIREFOX, &CodecId::USUAL, None, "Opus 109/109 digits 101/101 at 8000, 20 ms"),
        (FIREFOX, &[Pcma], None, "Pcma 8/8 digits 101/101 at 8000, 20 ms"),
        (BARESIP, &CodecId::USUAL, None, "Opus 96/96 digits 101/101 at 8000, 20 ms"),
        (BARESIP, &CodecId::USUAL, Some(Pcmu), "Pcmu 0/0 digits 101/101 at 8000, 20 ms"),
        (SIPP, &CodecId::USUAL, None, "Pcmu 0/0 no digits, 20 ms"),
        (SIPP, &CodecId::USUAL, Some(Opus), "Pcmu 0/0 no digits, 20 ms"),
        (SIPP, &[Pcma, Pcmu], None, "Pcma 8/8 no digits, 20 ms"),
        (TRUNK_IPV6, &CodecId::USUAL, None, "Pcmu 0/0 digits 100/100 at 8000, 30 ms"),
        (PBX_FAX, &CodecId::USUAL, None, "Pcma 8/8 digits 96/96 at 8000, 20 ms"),
    ];
    for (index, (offer, codecs, prefer, expected)) in table.into_iter().enumerate() {
        let offer = parse(offer);
        let mut leg = if offer.is_webrtc() { webrtc_leg(codecs) } else { rtp_leg(codecs) };
        leg.receive_offer(&offer).expect("met");
        let (_, agreed) =
            leg.create_answer(AnswerWish { prefer, ..AnswerWish::default() }).expect("answered");
        assert_eq!(summary(&agreed), expected, "row {index}");
        assert_eq!(leg.agreed(), Some(&agreed));
    }
}

#[test]
fn the_answers_direction_is_our_wish_within_the_offers_limit() {
    for offered in Direction::ALL {
        for wished in Direction::ALL {
            let offer = SIPP.replace("t=0 0\n", &format!("t=0 0\na={}\n", offered.as_str()));
            let mut leg = rtp_leg(&CodecId::USUAL);
            leg.receive_offer(&parse(&offer)).expect("met");
            let wish = AnswerWish { direction: wished, ..AnswerWish::default() };
            let (answer, agreed) = leg.create_answer(wish).expect("answered");
            assert_eq!(agreed.direction.sends(), wished.sends() && offered.receives());
            assert_eq!(agreed.direction.receives(), wished.receives() && offered.sends());
            assert_eq!(answer.media[0].shared.direction, Some(agreed.direction));
        }
    }
}

#[test]
fn hold_in_the_old_way_stops_sending_and_names_no_address() {
    for (unspecified, family) in [("0.0.0.0", "IP4"), ("::", "IP6")] {
        let offer = SIPP.replace("c=IN IP4 192.0.2.70", &format!("c=IN {family} {unspecified}"));
        let mut leg = rtp_leg(&CodecId::USUAL);
        assert!(leg.receive_offer(&parse(&offer)).expect("met").is_on_hold());
        let (_, agreed) = leg.create_answer(AnswerWish::default()).expect("answered");
        assert_eq!(agreed.direction, Direction::RecvOnly);
        assert_eq!(agreed.remote, RemoteTransport::RtpOnHold);
    }
    // With ICE it is only the address before the first candidate (RFC 8840 4.1.1).
    let mut leg = webrtc_leg(&CodecId::USUAL);
    assert!(!leg.receive_offer(&parse(CHROMIUM_VIDEO)).expect("met").is_on_hold());
}

#[test]
fn rtcp_goes_above_rtp_unless_the_peer_says_where() {
    let rtcp_of = |attribute: &str| {
        let mut leg = rtp_leg(&CodecId::USUAL);
        leg.receive_offer(&parse(&format!("{SIPP}{attribute}"))).expect("met");
        match leg.create_answer(AnswerWish::default()).expect("answered").1.remote {
            RemoteTransport::Rtp { rtp, rtcp } => (rtp.to_string(), rtcp.to_string()),
            other => panic!("not plain RTP: {other:?}"),
        }
    };
    let rtp = "192.0.2.70:6000".to_owned();
    assert_eq!(rtcp_of(""), (rtp.clone(), "192.0.2.70:6001".to_owned()));
    assert_eq!(rtcp_of("a=rtcp:7777\n"), (rtp.clone(), "192.0.2.70:7777".to_owned()));
    assert_eq!(rtcp_of("a=rtcp:7777 IN IP6 2001:db8::7\n"), (rtp, "[2001:db8::7]:7777".to_owned()));
}

#[test]
fn mapped_addresses_are_what_they_map() {
    let mut leg = rtp_leg(&CodecId::USUAL);
    let mapped = SIPP.replace("c=IN IP4 192.0.2.70", "c=IN IP6 ::ffff:192.0.2.70");
    leg.receive_offer(&parse(&mapped)).expect("met");
    let (_, agreed) = leg.create_answer(AnswerWish::default()).expect("answered");
    assert!(
        matches!(agreed.remote, RemoteTransport::Rtp { rtp, .. } if rtp.to_string() == "192.0.2.70:6000")
    );
}

#[test]
fn the_peer_hears_our_opus_wishes_and_we_its() {
    let mut leg = webrtc_leg(&CodecId::USUAL);
    leg.receive_offer(&parse(FIREFOX)).expect("met");
    let narrow_band = OpusParameters {
        max_playback_rate_hz: Some(8_000),
        max_average_bitrate_bps: Some(20_000),
        ..LocalMedia::default_opus_fmtp()
    };
    let wish = AnswerWish { opus_fmtp: Some(narrow_band), ..AnswerWish::default() };
    let (answer, agreed) = leg.create_answer(wish).expect("answered");
    let said = answer.media[0].fmtps[0].parameters.as_str();
    assert_eq!(said, "minptime=10;maxplaybackrate=8000;maxaveragebitrate=20000;useinbandfec=1");
    assert_eq!(agreed.opus, OpusParameters::parse("maxplaybackrate=48000;stereo=1;useinbandfec=1"));

    let offer = leg.create_offer(Direction::SendRecv).expect("stable");
    assert_eq!(offer.media[0].fmtps[0].parameters, said, "asked of the peer until something else is");
}

#[test]
fn a_leg_without_digits_answers_without() {
    let transport = LocalTransport::Rtp {
        address: "203.0.113.5".parse().expect("an address"),
        rtp_port: 30_000,
        srtp: SrtpPolicy::Forbid,
        is_dual_stack: false,
    };
    let mut leg = Negotiator::new(LocalMedia { telephone_event: false, ..media(&CodecId::USUAL, transport) });
    leg.receive_offer(&parse(BARESIP)).expect("met");
    let (answer, agreed) = leg.create_answer(AnswerWish::default()).expect("answered");
    assert_eq!(answer.media[0].formats, ["96"]);
    assert_eq!(agreed.telephone_event, None);
    assert_eq!(agreed.receivable.len(), 1);
}

#[test]
fn digits_are_those_that_the_peer_takes() {
    let mut leg = rtp_leg(&CodecId::USUAL);
    leg.receive_offer(&parse(&BARESIP.replace("101 0-15", "101 0-11"))).expect("met");
    let (_, agreed) = leg.create_answer(AnswerWish::default()).expect("answered");
    let events = agreed.telephone_event.expect("offered").events;
    assert!(events.contains(11) && !events.contains(12));
}

#[test]
fn the_receivable_formats_are_the_answered_ones() {
    let mut leg = webrtc_leg(&CodecId::USUAL);
    leg.receive_offer(&parse(CHROMIUM)).expect("met");
    let (answer, agreed) = leg.create_answer(AnswerWish::default()).expect("answered");
    let answered: Vec<_> = answer.media[0].payload_types().collect();
    let receivable: Vec<_> = agreed.receivable.iter().map(|receivable| receivable.payload_type).collect();
    assert_eq!(answered, receivable);
    assert_eq!(agreed.receivable[0].format, PayloadFormat::Codec(CodecId::Opus));
}

#[test]
fn the_codecs_in_common_are_told_in_the_peers_order() {
    let mut leg = rtp_leg(&[CodecId::Pcmu, CodecId::Pcma]);
    assert!(leg.remote_codecs().is_empty());
    leg.receive_offer(&parse(TRUNK_IPV6)).expect("met");
    assert_eq!(leg.remote_codecs(), [CodecId::Pcma, CodecId::Pcmu]);
}

fn summary(agreed: &Negotiated) -> String {
    let numbers = |tx: PayloadType, rx: PayloadType| format!("{}/{}", tx.number(), rx.number());
    let digits = agreed.telephone_event.map_or("no digits".to_owned(), |digits| {
        let numbers = numbers(digits.payload_type_tx, digits.payload_type_rx);
        format!("digits {numbers} at {}", digits.clock_rate.hz())
    });
    let audio = numbers(agreed.payload_type_tx, agreed.payload_type_rx);
    format!("{:?} {audio} {digits}, {} ms", agreed.codec, agreed.ptime_tx_ms)
}
