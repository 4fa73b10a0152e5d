//! SRTP on a leg whose keys stand in its descriptions; the phone's side is another negotiator's.

use std::time::Duration;

use webtrunk_codecs::CodecId;

use super::*;
use crate::rtp::{PayloadType, SequenceNumber, Ssrc, Timestamp};
use crate::sdp::{
    AnswerWish, Direction, LocalMedia, LocalTransport, Negotiator, SessionDescription, SrtpPolicy,
};
use crate::srtp::SrtpContext;

const RTP: SocketId = SocketId(0);
const RTCP: SocketId = SocketId(1);

/// Where the phone says that it is, and where its signalling comes from.
const PHONE: &str = "192.0.2.70:6000";
const NAT: &str = "203.0.113.9:61000";

struct Bench {
    transport: RtpTransport,
    gateway: Negotiator,
    phone: Negotiator,
    /// What the phone sends and receives by.
    tx: SrtpContext,
    rx: SrtpContext,
    outbox: Outbox,
    now: Instant,
}

impl Bench {
    /// A leg that the phone has called, with a key for this cipher.
    fn new(profile: ProtectionProfile) -> Self {
        let [gateway, phone] = [leg("203.0.113.5", 30_000), leg("192.0.2.70", 6000)];
        let now = Instant::now();
        let transport = RtpTransport::new(30_000, RTP, RTCP, Some(at(NAT).ip()));
        let context = || crate::srtp::SdesKey::random(profile).context();
        let mut bench =
            Self { transport, gateway, phone, tx: context(), rx: context(), outbox: Outbox::default(), now };
        bench.call(profile);
        bench
    }

    /// The phone offers that cipher alone, anew, and is answered; it begins with fresh contexts.
    fn call(&mut self, profile: ProtectionProfile) -> SdesKeys {
        self.phone = leg("192.0.2.70", 6000);
        let mut offer = self.phone.create_offer(Direction::SendRecv).expect("stable");
        let name = profile.sdes_name();
        if profile == ProtectionProfile::Aes128CmHmacSha1_32 {
            // We do not ask for short tags; phones do.
            let text = offer.to_string().replace("AES_CM_128_HMAC_SHA1_80", name);
            offer = SessionDescription::parse(text).expect("sound");
        }
        offer.media[0].crypto.retain(|line| line.to_string().contains(name));
        self.gateway.receive_offer(&offer).expect("met");
        let (_, agreed) = self.gateway.create_answer(AnswerWish::default()).expect("answered");
        let ours = agreed.srtp.expect("keys");
        self.transport.set_remote(at(PHONE), at("192.0.2.70:6001"), self.now);
        self.transport.set_keys(Some(ours));
        (self.tx, self.rx) = (ours.rx.context(), ours.tx.context());
        ours
    }

    fn packet(&mut self, sequence: u16) -> Vec<u8> {
        let mut packet = plain(sequence, b"voice");
        let length = packet.len();
        packet.resize(length + 16, 0);
        let length = self.tx.protect_rtp(&mut packet, length).expect("there is room");
        packet.truncate(length);
        packet
    }

    fn take(&mut self, packet: &[u8], from: &str) -> Result<Vec<u8>, DropReason> {
        let mut packet = packet.to_vec();
        match self.transport.handle_datagram(&mut packet, at(from), self.now)? {
            Received::Rtp(packet) | Received::Rtcp(packet) => Ok(packet.to_vec()),
            Received::Control => panic!("there is none"),
        }
    }

    /// What the gateway puts on the wire for this packet, and where it goes.
    fn send(&mut self, sequence: u16) -> Option<(SocketAddr, Vec<u8>)> {
        self.transport.send_rtp(&header(sequence), b"voice", &mut self.outbox);
        self.sent()
    }

    fn sent(&mut self) -> Option<(SocketAddr, Vec<u8>)> {
        let mut sent = None;
        self.outbox.drain(|_, run| sent = run.iter().next().map(|(to, bytes)| (to, bytes.to_vec())));
        sent
    }

    fn assert_phone_hears(&mut self, sequence: u16) {
        let (_, mut packet) = self.send(sequence).expect("sent");
        assert!(!packet.ends_with(b"voice"), "in the clear");
        assert_eq!(self.rx.unprotect_rtp(&mut packet), Ok(&plain(sequence, b"voice")[..]));
    }
}

fn leg(ip: &str, rtp_port: u16) -> Negotiator {
    let transport = LocalTransport::Rtp {
        address: ip.parse().expect("an address"),
        rtp_port,
        srtp: SrtpPolicy::Require,
        is_dual_stack: false,
    };
    Negotiator::new(LocalMedia {
        session_id: 1,
        codecs: vec![CodecId::Pcmu],
        transport,
        opus_fmtp: LocalMedia::default_opus_fmtp(),
        telephone_event: false,
        comfort_noise: true,
    })
}

fn at(address: &str) -> SocketAddr {
    address.parse().expect("an address")
}

fn header(sequence: u16) -> RtpHeader {
    RtpHeader {
        payload_type: PayloadType::PCMU,
        marker: false,
        sequence: SequenceNumber(sequence),
        timestamp: Timestamp(0),
        ssrc: Ssrc(7),
    }
}

fn plain(sequence: u16, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0; RtpHeader::LEN];
    header(sequence).write_to(&mut packet);
    packet.extend_from_slice(payload);
    packet
}

/// An empty receiver report.
fn report() -> Vec<u8> {
    vec![0x80, 201, 0, 1, 0, 0, 0, 7]
}

#[test]
fn media_and_reports_are_protected_both_ways_under_every_profile() {
    for profile in ProtectionProfile::ALL {
        let mut bench = Bench::new(profile);
        assert_eq!(bench.transport.profile(), Some(profile));
        for sequence in 1..5 {
            let packet = bench.packet(sequence);
            assert_eq!(packet.len(), 17 + profile.rtp_tag_len());
            assert_eq!(bench.take(&packet, PHONE), Ok(plain(sequence, b"voice")), "{profile:?}");
            bench.assert_phone_hears(sequence);
        }
        let mut compound = report();
        compound.resize(8 + 20, 0);
        let length = bench.tx.protect_rtcp(&mut compound, 8).expect("there is room");
        assert_eq!(bench.take(&compound[..length], "192.0.2.70:6001"), Ok(report()));
        let Bench { transport, outbox, .. } = &mut bench;
        transport.send_rtcp(&report(), outbox);
        let (to, mut compound) = bench.sent().expect("sent");
        assert_eq!(to, at("192.0.2.70:6001"));
        assert_eq!(bench.rx.unprotect_rtcp(&mut compound), Ok(&report()[..]));
    }
}

/// The host that signals may be learned from, by whoever shares it: behind a NAT, half an office does.
#[test]
fn who_has_not_the_key_is_neither_heard_nor_learned() {
    let mut bench = Bench::new(ProtectionProfile::Aes128CmHmacSha1_80);
    let mut forged = bench.packet(1);
    *forged.last_mut().expect("a tag") ^= 1;
    for sequence in 1..20 {
        assert_eq!(bench.take(&plain(sequence, &[0x55; 160]), NAT), Err(DropReason::AuthenticationFailed));
        assert_eq!(bench.take(&forged, NAT), Err(DropReason::AuthenticationFailed));
        assert_eq!(bench.take(&forged, PHONE), Err(DropReason::AuthenticationFailed));
        assert_eq!(bench.take(&report(), "192.0.2.70:6001"), Err(DropReason::TooShort), "no tag");
    }
    let stranger = bench.packet(2);
    assert_eq!(bench.take(&stranger, "198.51.100.66:5"), Err(DropReason::WrongSource));
    assert_eq!(bench.send(1).expect("sent").0, at(PHONE), "nobody was learned");
    for sequence in 1..=5 {
        let packet = bench.packet(sequence + 2);
        bench.take(&packet, NAT).expect("who has the key is heard from behind a NAT");
    }
    assert_eq!(bench.send(2).expect("sent").0, at(NAT), "and learned");
}

#[test]
fn a_replayed_packet_is_refused() {
    let mut bench = Bench::new(ProtectionProfile::AeadAes128Gcm);
    let packet = bench.packet(1);
    bench.take(&packet, PHONE).expect("authentic");
    assert_eq!(bench.take(&packet, PHONE), Err(DropReason::Replayed));
}

#[test]
fn a_changed_key_of_the_peer_is_followed_and_ours_goes_on() {
    let profile = ProtectionProfile::Aes128CmHmacSha1_80;
    let mut bench = Bench::new(profile);
    bench.assert_phone_hears(1);
    let stale = bench.packet(1);
    let before = bench.gateway.agreed().and_then(|agreed| agreed.srtp).expect("keys");
    bench.now += Duration::from_secs(60);
    let after = bench.call(profile);
    assert_eq!(before.tx, after.tx);
    assert_ne!(before.rx, after.rx);
    assert_eq!(bench.take(&stale, PHONE), Err(DropReason::AuthenticationFailed), "the old key is dead");
    let packet = bench.packet(2);
    assert_eq!(bench.take(&packet, PHONE), Ok(plain(2, b"voice")));
    bench.assert_phone_hears(2);
}

/// A context begun twice under one key would send two packets under one index, which gives both away. The answers of
/// several branches to one offer may go to and fro between its keys.
#[test]
fn a_key_of_ours_that_comes_back_uses_no_index_twice() {
    let [one, other] = [ProtectionProfile::Aes128CmHmacSha1_80, ProtectionProfile::AeadAes128Gcm];
    let mut bench = Bench::new(one);
    let ours = bench.gateway.agreed().and_then(|agreed| agreed.srtp).expect("keys");
    let (_, sent) = bench.send(10).expect("sent");
    bench.call(other);
    bench.assert_phone_hears(11);
    bench.transport.set_keys(Some(ours));
    bench.rx = ours.tx.context();
    let (_, again) = bench.send(10).expect("sent");
    assert_ne!(again, sent, "another packet index");
    assert_eq!(bench.rx.unprotect_rtp(&mut again.clone()), Ok(&plain(10, b"voice")[..]));
    bench.assert_phone_hears(12);
}

/// Whoever begins a context anew begins at rollover counter zero: so do we, under another key.
#[test]
fn a_cipher_that_is_gone_back_to_is_heard_however_far_the_sequence_is() {
    let [one, other] = [ProtectionProfile::Aes128CmHmacSha1_80, ProtectionProfile::AeadAes128Gcm];
    for (left_at, back_at) in [(10, 45_000), (40_000, 7), (60_000, 20_000)] {
        let mut bench = Bench::new(one);
        let before = bench.gateway.agreed().and_then(|agreed| agreed.srtp).expect("keys");
        bench.assert_phone_hears(left_at);
        bench.call(other);
        bench.assert_phone_hears(left_at + 1);
        let after = bench.call(one);
        assert_ne!(before.tx, after.tx);
        bench.assert_phone_hears(back_at);
        let packet = bench.packet(back_at);
        assert_eq!(bench.take(&packet, PHONE), Ok(plain(back_at, b"voice")), "the other way");
    }
}

/// Keys stay when a description has none: nothing leaves in the clear.
#[test]
fn there_is_no_way_back_to_plain_rtp() {
    let mut bench = Bench::new(ProtectionProfile::Aes128CmHmacSha1_80);
    bench.transport.set_keys(None);
    bench.assert_phone_hears(1);
    assert_eq!(bench.take(&plain(1, &[0x55; 160]), PHONE), Err(DropReason::AuthenticationFailed));
}
