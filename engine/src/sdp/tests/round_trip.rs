//! What is printed reads back, and nothing that is read can panic.

use proptest::prelude::*;

use super::*;
use crate::sdp::*;

proptest! {
    #[test]
    fn printed_descriptions_read_back(description in descriptions()) {
        prop_assert_eq!(SessionDescription::parse(description.to_string()), Ok(description));
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let _ = SessionDescription::parse(&bytes);
    }

    #[test]
    fn damaged_descriptions_read_back_or_are_refused(
        index in 0..ALL_PEERS.len(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = ALL_PEERS[index].as_bytes().to_vec();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Ok(description) = SessionDescription::parse(&bytes) {
            prop_assert_eq!(SessionDescription::parse(description.to_string()), Ok(description.clone()));
            negotiate_with(&description);
        }
    }

    #[test]
    fn shuffled_lines_read_back_or_are_refused(
        lines in prop::collection::vec((0..ALL_PEERS.len(), any::<prop::sample::Index>()), 0..60),
    ) {
        let mut text = "v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nm=audio 9 UDP/TLS/RTP/SAVPF 111 0\n".to_owned();
        for (peer, at) in lines {
            let lines: Vec<&str> = ALL_PEERS[peer].lines().filter(|line| !line.starts_with(['v', 'o', 's'])).collect();
            text.push_str(lines[at.index(lines.len())]);
            text.push('\n');
        }
        if let Ok(description) = SessionDescription::parse(&text) {
            prop_assert_eq!(SessionDescription::parse(description.to_string()), Ok(description.clone()));
            negotiate_with(&description);
        }
    }
}

/// Whatever a peer says, as an offer or an answer, both kinds of leg survive it and stay consistent.
fn negotiate_with(description: &SessionDescription) {
    for mut leg in [rtp_leg(&CodecId::USUAL), webrtc_leg(&CodecId::USUAL)] {
        if leg.receive_offer(description).is_ok() {
            let (answer, agreed) =
                leg.create_answer(AnswerWish::default()).expect("an accepted offer is answered");
            assert_eq!(answer.media.len(), description.media.len());
            assert_eq!(
                agreed.receivable.first().map(|first| first.payload_type),
                Some(agreed.payload_type_rx)
            );
            assert_eq!(parse(&answer.to_string()), answer);
        }
        leg.create_offer(Direction::SendRecv).expect("stable");
        if let Ok(agreed) = leg.receive_answer(description) {
            assert!(
                agreed.receivable.iter().any(|receivable| receivable.payload_type == agreed.payload_type_rx)
            );
        }
    }
}

fn descriptions() -> impl Strategy<Value = SessionDescription> {
    let origin = (words(), any::<u64>(), any::<u64>(), hosts())
        .prop_map(|(username, session_id, version, host)| Origin { username, session_id, version, host });
    let groups = (words(), prop::collection::vec(words(), 0..4));
    let groups = groups.prop_map(|(semantics, mids)| Group { semantics, mids });
    (
        origin,
        words(),
        prop::option::of(hosts()),
        prop::collection::vec(groups, 0..3),
        any::<bool>(),
        shared(),
        unknown_attributes(),
        prop::collection::vec(sections(), 0..5),
    )
        .prop_map(|(origin, name, connection, groups, ice_lite, shared, attributes, media)| {
            SessionDescription { origin, name, connection, groups, ice_lite, shared, attributes, media }
        })
}

fn sections() -> impl Strategy<Value = MediaDescription> {
    let line = (0..7usize, any::<u16>(), 1..9u16, 0..9usize, prop::collection::vec(words(), 1..8));
    let line = line.prop_map(|(kind, port, port_count, protocol, formats)| {
        let kinds = ["audio", "video", "application", "image", "text", "message", "hologram"];
        let protocols = [
            "RTP/AVP",
            "RTP/AVPF",
            "RTP/SAVP",
            "RTP/SAVPF",
            "UDP/TLS/RTP/SAVP",
            "UDP/TLS/RTP/SAVPF",
            "TCP/DTLS/RTP/SAVP",
            "TCP/DTLS/RTP/SAVPF",
            "udptl",
        ];
        let (kind, protocol) = (MediaKind::parse(kinds[kind]), Protocol::parse(protocols[protocol]));
        MediaDescription { port_count, ..MediaDescription::new(kind, port, protocol, formats) }
    });
    let payload_types =
        || (0..128u8).prop_map(|number| crate::rtp::PayloadType::new(number).expect("below 128"));
    let rtpmaps = (payload_types(), words(), 1..200_000u32, 1..9u8);
    let rtpmaps = rtpmaps.prop_map(|(payload_type, encoding_name, hz, channels)| {
        let clock_rate = webtrunk_codecs::ClockRate::new(hz).expect("not zero");
        RtpMap { payload_type, encoding_name, clock_rate, channels }
    });
    let fmtps = (payload_types(), "[a-z=;0-9]{1,30}");
    let fmtps = fmtps.prop_map(|(payload_type, parameters)| Fmtp { payload_type, parameters });
    let rtcp = (any::<u16>(), prop::option::of(hosts())).prop_map(|(port, host)| RtcpAddress { port, host });
    let formats = (
        prop::collection::vec(rtpmaps, 0..5),
        prop::collection::vec(fmtps, 0..5),
        prop::option::of(1..500u16),
        prop::option::of(1..500u16),
    );
    let transport = (
        prop::option::of(hosts()),
        prop::option::of(words()),
        shared(),
        prop::collection::vec(candidates(), 0..4),
        any::<[bool; 2]>(),
        prop::option::of(rtcp),
        prop::collection::vec("[0-9] AES_CM_128_HMAC_SHA1_80 inline:[A-Za-z]{8}", 0..2),
    );
    (line, formats, transport, unknown_attributes()).prop_map(|(line, formats, transport, attributes)| {
        let (rtpmaps, fmtps, ptime_ms, maxptime_ms) = formats;
        let (connection, mid, shared, candidates, flags, rtcp, crypto) = transport;
        let [end_of_candidates, rtcp_mux] = flags;
        MediaDescription {
            rtpmaps,
            fmtps,
            ptime_ms,
            maxptime_ms,
            connection,
            mid,
            shared,
            candidates,
            end_of_candidates,
            rtcp_mux,
            rtcp,
            crypto: crypto.iter().map(|value| CryptoLine::new(value)).collect(),
            attributes,
            ..line
        }
    })
}

fn shared() -> impl Strategy<Value = SharedAttributes> {
    let fingerprints = (0..3usize, any::<[u8; 4]>()).prop_map(|(function, certificate)| {
        let functions = [HashFunction::Sha256, HashFunction::Sha384, HashFunction::Sha512];
        Fingerprint::of(functions[function], &certificate)
    });
    let setups = prop::sample::select(vec![Setup::Active, Setup::Passive, Setup::ActPass, Setup::HoldConn]);
    (
        prop::option::of(prop::sample::select(Direction::ALL.to_vec())),
        prop::option::of("[A-Za-z0-9+/]{4,20}"),
        prop::option::of("[A-Za-z0-9+/]{22,40}"),
        prop::collection::vec(words(), 0..3),
        prop::collection::vec(fingerprints, 0..3),
        prop::option::of(setups),
    )
        .prop_map(|(direction, ice_ufrag, ice_pwd, ice_options, fingerprints, setup)| SharedAttributes {
            direction,
            ice_ufrag,
            ice_pwd,
            ice_options,
            fingerprints,
            setup,
        })
}

fn candidates() -> impl Strategy<Value = Candidate> {
    let kinds = [
        CandidateKind::Host,
        CandidateKind::ServerReflexive,
        CandidateKind::PeerReflexive,
        CandidateKind::Relayed,
    ];
    let transports = [
        CandidateTransport::Udp,
        CandidateTransport::Tcp(TcpType::Active),
        CandidateTransport::Tcp(TcpType::Passive),
        CandidateTransport::Tcp(TcpType::SimultaneousOpen),
    ];
    (
        ("[a-zA-Z0-9+/]{1,32}", 1..=255u8, prop::sample::select(transports.to_vec()), any::<u32>()),
        (
            hosts(),
            any::<u16>(),
            prop::sample::select(kinds.to_vec()),
            prop::option::of((hosts(), any::<u16>())),
        ),
        prop::collection::vec(("ext-[a-z]{1,8}", words()), 0..3),
    )
        .prop_map(|((foundation, component, transport, priority), address, extensions)| {
            let (host, port, kind, related) = address;
            Candidate { foundation, component, transport, priority, host, port, kind, related, extensions }
        })
}

fn hosts() -> impl Strategy<Value = Host> {
    prop_oneof![
        any::<std::net::IpAddr>().prop_map(Host::Ip),
        "[a-z]{1,10}-[a-z0-9]{1,10}\\.local".prop_map(Host::Name),
    ]
}

/// Names that no typed attribute has.
fn unknown_attributes() -> impl Strategy<Value = Vec<Attribute>> {
    let attribute = ("x-[a-z]{1,8}", prop::option::of("[ -~&&[^ ]]{0,30}"));
    prop::collection::vec(attribute.prop_map(|(name, value)| Attribute { name, value }), 0..4)
}

fn words() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9.+_-]{1,12}"
}
