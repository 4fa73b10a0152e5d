//! What real peers write is read in full, and told apart.

use super::*;
use crate::sdp::{CandidateKind, Direction, Host, MediaKind, Protocol, Setup};

#[test]
fn every_peer_round_trips_in_both_line_ends() {
    for text in ALL_PEERS {
        let description = parse(text);
        let printed = description.to_string();
        assert_eq!(parse(&printed), description, "{text}");
        assert_eq!(parse(&text.replace('\n', "\r\n")), description, "{text}");
        assert_eq!(printed.matches('\n').count(), printed.matches("\r\n").count());
    }
}

#[test]
fn browsers_and_phones_are_told_apart() {
    for text in [CHROMIUM, CHROMIUM_VIDEO, FIREFOX] {
        assert!(parse(text).is_webrtc(), "{text}");
    }
    for text in [BARESIP, SIPP, TRUNK_IPV6, PBX_SDES, PBX_FAX] {
        assert!(!parse(text).is_webrtc(), "{text}");
    }
    let without_ice = CHROMIUM.replace("a=ice-ufrag:q9Zx\n", "");
    assert!(!parse(&without_ice).is_webrtc());
    assert!(!parse(&CHROMIUM.replace("m=audio 51472", "m=audio 0")).is_webrtc());
    // Opportunistic SRTP (RFC 8643) of a phone is still plain RTP.
    assert!(!parse(&CHROMIUM.replace("UDP/TLS/RTP/SAVPF", "RTP/AVP")).is_webrtc());
}

#[test]
fn chromium_is_read_in_full() {
    let description = parse(CHROMIUM);
    let audio = &description.media[0];
    assert_eq!((audio.kind.clone(), audio.port), (MediaKind::Audio, 51_472));
    assert_eq!(audio.protocol, Protocol::UdpTlsRtpSavpf);
    assert_eq!(description.ice_credentials_of(audio), Some(("q9Zx", "mB3kT0yLw7RzqS2vXo8cNf5H")));
    assert_eq!(description.setup_of(audio), Some(Setup::ActPass));
    assert_eq!(description.fingerprints_of(audio).len(), 1);
    assert_eq!(audio.candidates.len(), 5);
    assert_eq!(audio.candidates[3].kind, CandidateKind::ServerReflexive);
    assert!(matches!(&audio.candidates[2].host, Host::Name(name) if name.ends_with(".local")));
    assert!(audio.rtcp_mux && audio.has_attribute("rtcp-rsize") && audio.has_attribute("ssrc"));
    assert_eq!(audio.rtpmaps.len(), 8);
}

#[test]
fn what_firefox_says_once_holds_for_its_media() {
    let description = parse(FIREFOX);
    let audio = &description.media[0];
    assert!(audio.shared.fingerprints.is_empty());
    assert_eq!(description.fingerprints_of(audio).len(), 1);
    assert_eq!(description.direction_of(audio), Direction::SendRecv);
    assert!(audio.end_of_candidates);
}

#[test]
fn a_section_takes_from_the_session_what_it_does_not_say() {
    let description = parse(PBX_FAX);
    let audio = &description.media[1];
    assert_eq!(description.direction_of(audio), Direction::Inactive);
    assert_eq!(description.connection_of(audio).map(ToString::to_string).as_deref(), Some("192.0.2.81"));
}

#[test]
fn a_bundled_section_takes_from_the_first_of_its_group() {
    let described_on_video =
        CHROMIUM_VIDEO.replacen("a=ice-ufrag:Ab3d\n", "", 1).replace("BUNDLE 0 1 2", "BUNDLE 1 0 2");
    let description = parse(&described_on_video);
    let (audio, video) = (&description.media[0], &description.media[1]);
    assert_eq!(description.tagged_section_of(audio), video);
    assert_eq!(description.ice_credentials_of(audio), Some(("Ab3d", "0123456789abcdefghijklmn")));
}
