//! Offers of real peers and our answers to them.

use super::*;
use crate::sdp::AnswerWish;

#[test]
fn the_answer_to_chromium_is_the_one_browsers_connect_by() {
    let mut leg = webrtc_leg(&CodecId::ALL);
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
