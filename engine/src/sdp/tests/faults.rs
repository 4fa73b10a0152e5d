//! A faulty text is refused with the line and the fault.

use super::*;
use crate::sdp::SdpFault;

#[test]
fn each_fault_names_its_line() {
    let head = "v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nt=0 0\n";
    let table = [
        (String::new(), 1, SdpFault::NoVersion),
        ("o=- 1 1 IN IP4 192.0.2.1\n".to_owned(), 1, SdpFault::NoVersion),
        ("v=1\n".to_owned(), 1, SdpFault::NoVersion),
        ("v=0\ns=-".to_owned(), 2, SdpFault::NoOrigin),
        ("v=0\no=- x 1 IN IP4 192.0.2.1".to_owned(), 2, SdpFault::Malformed("origin")),
        (format!("{head}v=0"), 5, SdpFault::OutOfPlace('v')),
        (format!("{head}s=again"), 5, SdpFault::OutOfPlace('s')),
        (format!("{head}nonsense"), 5, SdpFault::NotALine),
        (format!("{head}ab=c"), 5, SdpFault::NotALine),
        (format!("{head}x=c"), 5, SdpFault::UnknownType('x')),
        (format!("{head}a=tool:a\rb=c"), 5, SdpFault::ControlCharacter),
        (format!("{head}c=IN IP4"), 5, SdpFault::Malformed("connection")),
        (format!("{head}m=audio 65536 RTP/AVP 0"), 5, SdpFault::Malformed("media line")),
        (format!("{head}m=audio 1 RTP/AVP"), 5, SdpFault::Malformed("media line")),
        (format!("{head}m=audio 1 RTP/AVP{}", " 0".repeat(129)), 5, SdpFault::Malformed("media line")),
        (format!("{head}a=ice-ufrag:abc"), 5, SdpFault::Malformed("ICE ufrag")),
        (format!("{head}a=ice-pwd:short"), 5, SdpFault::Malformed("ICE password")),
        (format!("{head}a=fingerprint:sha-256 00"), 5, SdpFault::Malformed("fingerprint")),
        (format!("{head}a=setup:maybe"), 5, SdpFault::Malformed("setup")),
        (format!("{head}{}", "m=audio 1 RTP/AVP 0\n".repeat(17)), 21, SdpFault::TooManyMedia),
        (format!("{head}{}", "a=x\n".repeat(2000)), 2001, SdpFault::TooManyLines),
        (format!("{head}{}", "a".repeat(65_536)), 1, SdpFault::TooLong),
    ];
    for (text, line, fault) in table {
        let error = SessionDescription::parse(&text).expect_err(&text);
        assert_eq!((error.line, error.fault), (line, fault), "{}", &text[..text.len().min(120)]);
    }
}

#[test]
fn the_error_reads_as_a_sentence() {
    let error = SessionDescription::parse("v=0\no=-").expect_err("no origin");
    assert_eq!(error.to_string(), "session description, line 2: malformed origin");
}

#[test]
fn what_a_call_can_do_without_may_be_odd() {
    let odd = "v=0\nt=0 0\no=- 1 1 IN IP4 192.0.2.1\n\nc=IN IP4 192.0.2.1\nm=audio 5004 RTP/AVP 0 96 \n\
               c=IN IP4 192.0.2.2\nc=IN IP4 192.0.2.3\n\
               a=ptime:20.0\na=ptime:30\na=maxptime:x\na=rtpmap:96\na=fmtp:96\na=candidate:what\na=rtcp:none\n\
               a=fingerprint:md5 00:11\na=mid:\na=sendonly \na=recvonly\n\n";
    let description = parse(odd);
    let audio = &description.media[0];
    assert_eq!(audio.ptime_ms, Some(20));
    assert_eq!(description.connection_of(audio).map(ToString::to_string).as_deref(), Some("192.0.2.2"));
    assert_eq!(audio.shared.direction, Some(super::super::Direction::SendOnly));
    let unread: Vec<String> = audio.attributes.iter().map(ToString::to_string).collect();
    let expected = [
        "ptime:30",
        "maxptime:x",
        "rtpmap:96",
        "fmtp:96",
        "candidate:what",
        "rtcp:none",
        "fingerprint:md5 00:11",
        "mid:",
        "recvonly",
    ];
    assert_eq!(unread, expected);
    assert_eq!(parse(&description.to_string()), description);
}

#[test]
fn names_in_other_character_sets_are_no_fault() {
    let latin1 = b"v=0\no=- 1 1 IN IP4 192.0.2.1\ns=Caf\xe9\nt=0 0\n";
    assert_eq!(SessionDescription::parse(latin1).expect("lenient").name, "Caf\u{fffd}");
}
