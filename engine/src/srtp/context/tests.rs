//! Contexts in pairs, under every profile: what comes out, and what is refused.

use proptest::prelude::*;

use super::*;

#[test]
fn packets_come_out_as_they_went_in() {
    for profile in ProtectionProfile::ALL {
        let (mut tx, mut rx) = pair(profile);
        for (number, plain) in [
            rtp(1, 10, 0x80, b"payload"),
            rtp(1, 11, 0x80, b""),
            rtp(1, 12, 0x82, b"two CSRCs before the payload"),
            rtp(1, 13, 0x90, &[0xbe, 0xde, 0, 1, 0x10, 7, 0, 0, b'x', b'y']),
        ]
        .into_iter()
        .enumerate()
        {
            let mut packet = protect_rtp(&mut tx, &plain);
            let header_len = header_len(&plain).expect("well formed");
            assert_eq!(packet.len(), plain.len() + profile.rtp_tag_len());
            assert_eq!(packet[..header_len], plain[..header_len], "the header stays readable");
            assert!(number == 1 || packet[header_len..plain.len()] != plain[header_len..]);
            assert_eq!(rx.unprotect_rtp(&mut packet), Ok(&plain[..]), "{profile:?}");

            let plain = rtcp(1, b"sixteen bytes...");
            let mut packet = protect_rtcp(&mut tx, &plain);
            assert_eq!(packet.len(), plain.len() + profile.rtcp_tag_len() + 4);
            assert_eq!(packet[..8], plain[..8], "header and SSRC stay readable");
            assert_ne!(packet[8..plain.len()], plain[8..]);
            assert_eq!(rx.unprotect_rtcp(&mut packet), Ok(&plain[..]), "{profile:?}");
        }
    }
}

#[test]
fn rollover_counter_follows_any_number_of_wraps() {
    for profile in ProtectionProfile::ALL {
        let (mut tx, mut rx) = pair(profile);
        let mut index: u64 = 30_000;
        while index < 300 << 16 {
            let plain = rtp(1, index as u16, 0x80, &index.to_be_bytes());
            let mut packet = protect_rtp(&mut tx, &plain);
            assert_eq!(rx.unprotect_rtp(&mut packet), Ok(&plain[..]), "{profile:?} at {index:#x}");
            index += 32_000;
        }
    }
}

#[test]
fn streams_wrap_on_their_own() {
    let (mut tx, mut rx) = pair(ProtectionProfile::Aes128CmHmacSha1_80);
    for (ssrc, sequence) in [(1, 65_535), (2, 65_535), (1, 0), (2, 65_534), (1, 1), (2, 0)] {
        let plain = rtp(ssrc, sequence, 0x80, b"payload");
        let mut packet = protect_rtp(&mut tx, &plain);
        assert_eq!(rx.unprotect_rtp(&mut packet), Ok(&plain[..]), "stream {ssrc} at {sequence}");
    }
}

#[test]
fn a_replayed_packet_is_refused() {
    for profile in ProtectionProfile::ALL {
        let (mut tx, mut rx) = pair(profile);
        let first = protect_rtp(&mut tx, &rtp(1, 65_530, 0x80, b"payload"));
        rx.unprotect_rtp(&mut first.clone()).expect("authentic");
        assert_eq!(rx.unprotect_rtp(&mut first.clone()), Err(DropReason::Replayed));
        for sequence in 65_531..65_531 + 128 {
            let mut packet = protect_rtp(&mut tx, &rtp(1, sequence as u16, 0x80, b"payload"));
            rx.unprotect_rtp(&mut packet).expect("authentic");
        }
        assert_eq!(rx.unprotect_rtp(&mut first.clone()), Err(DropReason::TooOld));

        let report = protect_rtcp(&mut tx, &rtcp(1, b"sixteen bytes..."));
        rx.unprotect_rtcp(&mut report.clone()).expect("authentic");
        assert_eq!(rx.unprotect_rtcp(&mut report.clone()), Err(DropReason::Replayed));
    }
}

#[test]
fn forged_packets_leave_no_state() {
    for profile in ProtectionProfile::ALL {
        let (mut tx, mut rx) = pair(profile);
        for sequence in [100, 200] {
            let plain = rtp(1, sequence, 0x80, b"payload");
            let packet = protect_rtp(&mut tx, &plain);
            for bit in 0..packet.len() * 8 {
                let mut forged = packet.clone();
                forged[bit / 8] ^= 0x80 >> (bit % 8);
                rx.unprotect_rtp(&mut forged).expect_err("a bit is wrong");
            }
            assert_eq!(rx.unprotect_rtp(&mut packet.clone()), Ok(&plain[..]), "{profile:?}");

            let plain = rtcp(1, b"sixteen bytes...");
            let packet = protect_rtcp(&mut tx, &plain);
            for bit in 0..packet.len() * 8 {
                let mut forged = packet.clone();
                forged[bit / 8] ^= 0x80 >> (bit % 8);
                rx.unprotect_rtcp(&mut forged).expect_err("a bit is wrong");
            }
            assert_eq!(rx.unprotect_rtcp(&mut packet.clone()), Ok(&plain[..]), "{profile:?}");
        }
    }
}

#[test]
fn forged_streams_take_no_room_and_authentic_ones_are_limited() {
    for profile in ProtectionProfile::ALL {
        let (_, mut rx) = pair(profile);
        for ssrc in 1000..1100 {
            let mut forged = rtp(ssrc, 1, 0x80, &[0x55; 40]);
            assert_eq!(rx.unprotect_rtp(&mut forged), Err(DropReason::AuthenticationFailed));
            let mut forged = rtcp(ssrc, &[0x85; 40]);
            assert_eq!(rx.unprotect_rtcp(&mut forged), Err(DropReason::AuthenticationFailed));
        }
        for ssrc in 0..300 {
            let (mut tx, _) = pair(profile);
            let expected = if ssrc < 264 { Ok(()) } else { Err(DropReason::TooManySsrcs) };
            let mut packet = protect_rtp(&mut tx, &rtp(ssrc, 7, 0x80, b"payload"));
            assert_eq!(rx.unprotect_rtp(&mut packet).map(drop), expected, "{profile:?}");
            let mut packet = protect_rtcp(&mut tx, &rtcp(ssrc, b"sixteen bytes..."));
            assert_eq!(rx.unprotect_rtcp(&mut packet).map(drop), expected, "{profile:?}");
        }
        let (mut tx, _) = pair(profile);
        let mut packet = protect_rtp(&mut tx, &rtp(263, 8, 0x80, b"payload"));
        rx.unprotect_rtp(&mut packet).expect("the last goes on");
    }
}

/// A phone that takes another SSRC at every resume is heard, and nothing that it sent before is heard again.
#[test]
fn a_new_stream_is_heard_after_any_number_and_what_gave_way_is_not_replayed() {
    for profile in ProtectionProfile::ALL {
        let (mut tx, mut rx) = pair(profile);
        let mut sent = Vec::new();
        for ssrc in 0..20 {
            for sequence in [7, 8] {
                let plain = rtp(ssrc, sequence, 0x80, b"payload");
                let packet = protect_rtp(&mut tx, &plain);
                assert_eq!(rx.unprotect_rtp(&mut packet.clone()), Ok(&plain[..]), "{profile:?}");
                sent.push(packet);
            }
            let report = protect_rtcp(&mut tx, &rtcp(ssrc, b"sixteen bytes..."));
            rx.unprotect_rtcp(&mut report.clone()).expect("authentic");
            for packet in &sent {
                rx.unprotect_rtp(&mut packet.clone()).expect_err("it was heard before");
            }
            rx.unprotect_rtcp(&mut report.clone()).expect_err("it was read before");
        }
        let plain = rtp(0, 9, 0x80, b"payload");
        assert_eq!(rx.unprotect_rtp(&mut protect_rtp(&mut tx, &plain)), Ok(&plain[..]), "it comes back");
    }
}

#[test]
fn a_stream_is_heard_whose_first_packets_were_lost_with_the_first_wrap() {
    for profile in ProtectionProfile::ALL {
        let (mut tx, mut rx) = pair(profile);
        let late = protect_rtp(&mut tx, &rtp(1, 65_534, 0x80, b"late"));
        protect_rtp(&mut tx, &rtp(1, 65_535, 0x80, b"lost"));
        for sequence in 0..3 {
            let plain = rtp(1, sequence, 0x80, b"payload");
            let mut packet = protect_rtp(&mut tx, &plain);
            assert_eq!(rx.unprotect_rtp(&mut packet), Ok(&plain[..]), "{profile:?} at {sequence}");
        }
        rx.unprotect_rtp(&mut late.clone()).expect("it was overtaken");
        assert_eq!(rx.unprotect_rtp(&mut late.clone()), Err(DropReason::Replayed));
    }
}

/// RFC 3711 3.3.1 has the rollover counter go on under a new key, and libsrtp does so; a new context begins at
/// zero, and others do that.
#[test]
fn under_a_new_key_a_stream_may_go_on_or_begin_anew() {
    for profile in ProtectionProfile::ALL {
        for goes_on in [true, false] {
            let (mut before, mut heard) = pair(profile);
            for sequence in [30_000, 60_000, 20_000] {
                let mut packet = protect_rtp(&mut before, &rtp(1, sequence, 0x80, b"payload"));
                heard.unprotect_rtp(&mut packet).expect("authentic");
            }
            let (mut tx, mut rx) = pair(profile);
            rx.follow(&heard);
            if goes_on {
                tx.rtp.accept(Ssrc(1), (1 << 16) + 20_000);
            }
            let plain = rtp(1, 20_001, 0x80, b"payload");
            let mut packet = protect_rtp(&mut tx, &plain);
            assert_eq!(rx.unprotect_rtp(&mut packet), Ok(&plain[..]), "{profile:?} {goes_on}");
        }
    }
}

#[test]
fn a_key_that_comes_back_takes_nothing_again_and_uses_no_index_twice() {
    for profile in ProtectionProfile::ALL {
        let ((mut tx, mut rx), (_, mut other)) = (pair(profile), pair(profile));
        let old = protect_rtp(&mut tx, &rtp(1, 1000, 0x80, b"payload"));
        rx.unprotect_rtp(&mut old.clone()).expect("authentic");
        other.rtp.accept(Ssrc(1), 41_000);
        tx.follow(&other);
        rx.follow(&other);
        rx.unprotect_rtp(&mut old.clone()).expect_err("a replay");
        for sequence in [41_001, 41_002, 7] {
            let plain = rtp(1, sequence, 0x80, b"payload");
            let mut packet = protect_rtp(&mut tx, &plain);
            assert_eq!(rx.unprotect_rtp(&mut packet), Ok(&plain[..]), "{profile:?} at {sequence}");
        }
    }
}

#[test]
fn srtcp_without_encryption_is_refused() {
    for profile in ProtectionProfile::ALL {
        let (mut tx, mut rx) = pair(profile);
        let mut packet = protect_rtcp(&mut tx, &rtcp(1, b"sixteen bytes..."));
        let from_end = if profile.salt_len() == 12 { 4 } else { 14 };
        let at = packet.len() - from_end;
        assert_eq!(packet[at], 0x80, "the E bit and the first index");
        packet[at] = 0;
        assert_eq!(rx.unprotect_rtcp(&mut packet), Err(DropReason::SrtcpNotEncrypted));
    }
}

#[test]
fn no_part_of_a_packet_passes_for_the_whole() {
    for profile in ProtectionProfile::ALL {
        let (mut tx, mut rx) = pair(profile);
        let packet = protect_rtp(&mut tx, &rtp(1, 7, 0x92, &[0, 0, 0, 1, 1, 2, 3, 4, 9, 9, 9, 9, 9, 9]));
        let report = protect_rtcp(&mut tx, &rtcp(1, b"sixteen bytes..."));
        for len in 0..packet.len() {
            rx.unprotect_rtp(&mut packet.clone()[..len]).expect_err("cut short");
        }
        for len in 0..report.len() {
            rx.unprotect_rtcp(&mut report.clone()[..len]).expect_err("cut short");
        }
        rx.unprotect_rtp(&mut packet.clone()).expect("whole");
        rx.unprotect_rtcp(&mut report.clone()).expect("whole");
    }
}

#[test]
fn no_index_is_used_twice() {
    let (mut tx, _) = pair(ProtectionProfile::AeadAes128Gcm);
    protect_rtp(&mut tx, &rtp(1, 100, 0x80, b"payload"));
    protect_rtp(&mut tx, &rtp(1, 99, 0x80, b"reordered"));
    let again = rtp(1, 100, 0x80, b"another");
    let mut buf = [&again[..], &[0; 16]].concat();
    assert_eq!(tx.protect_rtp(&mut buf, again.len()), Err(ProtectError::IndexReused));
    assert_eq!(buf[..again.len()], again, "it did not leave encrypted");

    tx.rtp.accept(Ssrc(1), (1 << 48) - 1);
    let last = rtp(1, 0, 0x80, b"one too many");
    let mut buf = [&last[..], &[0; 16]].concat();
    assert_eq!(tx.protect_rtp(&mut buf, last.len()), Err(ProtectError::KeyExhausted));

    tx.rtcp.accept(Ssrc(1), (1 << 31) - 2);
    protect_rtcp(&mut tx, &rtcp(1, b"the last one...."));
    let report = rtcp(1, b"one too many....");
    let mut buf = [&report[..], &[0; 20]].concat();
    assert_eq!(tx.protect_rtcp(&mut buf, report.len()), Err(ProtectError::KeyExhausted));
}

#[test]
fn what_cannot_be_protected_is_refused() {
    for profile in ProtectionProfile::ALL {
        let (mut tx, _) = pair(profile);
        let plain = rtp(1, 7, 0x80, b"payload");
        let mut buf = [&plain[..], &vec![0; profile.rtp_tag_len() - 1]].concat();
        assert_eq!(tx.protect_rtp(&mut buf, plain.len()), Err(ProtectError::NoRoom));
        let report = rtcp(1, b"");
        let mut buf = [&report[..], &vec![0; profile.rtcp_tag_len() + 3]].concat();
        assert_eq!(tx.protect_rtcp(&mut buf, report.len()), Err(ProtectError::NoRoom));
        let too_short = Err(ProtectError::Malformed(DropReason::TooShort));
        assert_eq!(tx.protect_rtp(&mut [0x80; 40], 11), too_short);
        assert_eq!(tx.protect_rtcp(&mut [0x80; 40], 7), too_short);
    }
}

#[test]
fn keys_of_another_length_are_refused() {
    for profile in ProtectionProfile::ALL {
        let (key, salt) = ([1; 33], [2; 15]);
        let key_ok = &key[..profile.key_len()];
        let salt_ok = &salt[..profile.salt_len()];
        assert!(SrtpContext::new(profile, key_ok, salt_ok).is_ok());
        assert!(SrtpContext::new(profile, &key[..profile.key_len() + 1], salt_ok).is_err());
        assert!(SrtpContext::new(profile, key_ok, &salt[..profile.salt_len() - 1]).is_err());
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic_and_never_pass(
        bytes in prop::collection::vec(any::<u8>(), 0..200), version_two: bool,
    ) {
        for profile in ProtectionProfile::ALL {
            let (_, mut rx) = pair(profile);
            let mut bytes = bytes.clone();
            if let (true, Some(first)) = (version_two, bytes.first_mut()) {
                *first = 0x80 | *first & 0x3f;
            }
            prop_assert!(rx.unprotect_rtp(&mut bytes.clone()).is_err());
            prop_assert!(rx.unprotect_rtcp(&mut bytes).is_err());
        }
    }
}

/// Two ends with the same keys.
fn pair(profile: ProtectionProfile) -> (SrtpContext, SrtpContext) {
    let key: [u8; 32] = std::array::from_fn(|at| at as u8 ^ 0x5a);
    let salt: [u8; 14] = std::array::from_fn(|at| at as u8 ^ 0xc3);
    let new = || {
        SrtpContext::new(profile, &key[..profile.key_len()], &salt[..profile.salt_len()])
            .expect("lengths of the profile")
    };
    (new(), new())
}

/// A packet whose first byte is `first`, with the CSRCs that this announces.
fn rtp(ssrc: u32, sequence: u16, first: u8, rest: &[u8]) -> Vec<u8> {
    let mut packet = vec![first, 111];
    packet.extend_from_slice(&sequence.to_be_bytes());
    packet.extend_from_slice(&[0, 0, 0, 160]);
    packet.extend_from_slice(&ssrc.to_be_bytes());
    packet.extend(std::iter::repeat_n(0x77, 4 * usize::from(first & 0x0f)));
    packet.extend_from_slice(rest);
    packet
}

/// A receiver report with this body.
fn rtcp(ssrc: u32, body: &[u8]) -> Vec<u8> {
    let words = u8::try_from(body.len() / 4 + 1).expect("short");
    let mut packet = vec![0x80, 201, 0, words];
    packet.extend_from_slice(&ssrc.to_be_bytes());
    packet.extend_from_slice(body);
    packet
}

fn protect_rtp(tx: &mut SrtpContext, plain: &[u8]) -> Vec<u8> {
    let mut buf = [plain, &[0; SRTP_OVERHEAD_MAX]].concat();
    let len = tx.protect_rtp(&mut buf, plain.len()).expect("well formed");
    buf.truncate(len);
    buf
}

fn protect_rtcp(tx: &mut SrtpContext, plain: &[u8]) -> Vec<u8> {
    let mut buf = [plain, &[0; SRTCP_OVERHEAD_MAX]].concat();
    let len = tx.protect_rtcp(&mut buf, plain.len()).expect("well formed");
    buf.truncate(len);
    buf
}
