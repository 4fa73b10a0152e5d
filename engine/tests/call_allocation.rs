//! A call between a browser and a phone, stepped by hand: once both are heard, nothing that comes or goes
//! allocates, whether packets are transcoded, passed through or mixed, lost, out of order, digits or reports, and recorded.

#[path = "support/allocations.rs"]
mod allocations;
#[path = "support/browser.rs"]
mod browser;
#[path = "support/check.rs"]
mod check;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use webtrunk_codecs::tone::{Tone, ToneGenerator};
use webtrunk_codecs::{CodecId, EncoderConfig, SampleRate, encoder};
use webtrunk_engine::call::{
    Call, CallEvent, Calls, Conference, ConferenceRole, HearSource, PartySpec, Supplies,
};
use webtrunk_engine::config::EngineConfig;
use webtrunk_engine::dtls::DtlsCertificate;
use webtrunk_engine::leg::{Leg, RtpTransport};
use webtrunk_engine::media::{Feed, WallClock, tap};
use webtrunk_engine::net::{Outbox, SocketId};
use webtrunk_engine::rtp::rtcp::{Cname, CompoundReport, ReportBlock, SenderInfo};
use webtrunk_engine::rtp::{
    NtpTime, PayloadType, RtpHeader, SequenceNumber, ShortNtpTime, Ssrc, Timestamp, is_rtcp,
};
use webtrunk_engine::sdp::{Crypto, CryptoLine, LocalMedia, SessionDescription, SrtpPolicy};
use webtrunk_engine::srtp::{ProtectionProfile, SdesKey, SrtpContext};
use webtrunk_engine::{CallId, LegId};

use allocations::allocations;
use browser::{Browser, Manners, Version};

const FRAME: Duration = Duration::from_millis(20);

/// Twenty seconds: a browser whose checks pass unnoticed keeps its consent for thirty.
const FRAMES: usize = 1000;

const EVENT: u8 = 101;

/// A peer: what it will send, and what of ours has reached it.
struct Party {
    leg: LegId,
    address: SocketAddr,
    local: SocketAddr,
    srtp: Option<SrtpContext>,
    /// One datagram a frame; an empty one is lost on the way.
    packets: Vec<Vec<u8>>,
    /// Our stream to it.
    hears: Option<Ssrc>,
    voices: usize,
    events: usize,
    reports: usize,
}

struct Bench {
    lent: Lent,
    parties: [Party; 2],
    now: Instant,
    cname: Cname,
    keys: usize,
    /// Nobody reads it: two seconds fit, and what comes then is left out of the recording.
    _feed: Feed,
    conference: Option<Conference>,
}

/// What a conference borrows.
struct Lent {
    call: Call,
    outbox: Outbox,
}

impl Calls for Lent {
    fn with_call<T>(&mut self, _: CallId, act: impl FnOnce(&mut Call, &mut Outbox) -> T) -> Option<T> {
        Some(act(&mut self.call, &mut self.outbox))
    }
}

impl Bench {
    /// A browser and a phone that hear each other, each with one codec; the phone's cipher, if it has one.
    fn talking(browser: CodecId, phone: CodecId, srtp: Option<ProtectionProfile>) -> Self {
        let now = Instant::now();
        let supplies = Arc::new(Supplies {
            config: EngineConfig::default(),
            clock: WallClock::new(now, SystemTime::UNIX_EPOCH),
            certificate: Arc::new(DtlsCertificate::generate().expect("a certificate")),
        });
        let mut call = Call::new(CallId::next(), Arc::clone(&supplies));
        let mut outbox = Outbox::default();
        let parties = [
            add_browser(&mut call, browser, &supplies, &mut outbox, now),
            add_phone(&mut call, phone, srtp, &supplies, &mut outbox, now),
        ];
        let (tap, feed) = tap(now);
        call.record(parties[0].leg, tap);
        call.hear(parties[0].leg, HearSource::Leg(parties[1].leg), now);
        call.hear(parties[1].leg, HearSource::Leg(parties[0].leg), now);
        let cname = Cname::from_random([7; 12]);
        let lent = Lent { call, outbox };
        let mut bench = Self { lent, parties, now, cname, keys: 0, conference: None, _feed: feed };
        bench.collect();
        while bench.lent.call.poll_event().is_some() {}
        while bench.lent.call.poll_source().is_some() {}
        bench
    }

    /// The same two in a conference.
    fn conferring(browser: CodecId, phone: CodecId) -> Self {
        let mut bench = Self::talking(browser, phone, None);
        let mut conference = Conference::new(Arc::from("room"), 2, bench.now);
        for Party { leg, .. } in &bench.parties {
            let (name, role) = (Arc::from("somebody"), ConferenceRole::Party);
            let spec = PartySpec { leg: *leg, name, role, gain_db: 0.0, is_muted: false };
            let id = bench.lent.call.id();
            conference.join(id, spec, bench.now, &mut bench.lent).expect("there is room");
        }
        bench.conference = Some(conference);
        bench
    }

    /// What the shard does in the time of one frame.
    fn step(&mut self, frame: usize) {
        for party in 0..2 {
            let mut packet = std::mem::take(&mut self.parties[party].packets[frame]);
            if !packet.is_empty() {
                self.deliver(party, &mut packet);
            }
            self.parties[party].packets[frame] = packet;
            if frame % 50 == 10 {
                self.report(party, frame);
            }
        }
        let until = self.now + FRAME;
        while let Some(at) = self.lent.call.poll_timeout().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.lent.call.handle_timeout(self.now, &mut self.lent.outbox);
            self.settle();
        }
        self.now = until;
        if let Some(conference) = &mut self.conference {
            conference.handle_timeout(self.now, &mut self.lent);
            self.settle();
        }
    }

    fn deliver(&mut self, party: usize, datagram: &mut [u8]) {
        let Party { leg, address, local, .. } = self.parties[party];
        self.lent.call.handle_datagram(leg, datagram, address, local, self.now, &mut self.lent.outbox);
        self.settle();
    }

    /// What is told of one party's keys goes to the other.
    fn settle(&mut self) {
        let call = &mut self.lent.call;
        while let Some(event) = call.poll_event() {
            let [browser, phone] = [self.parties[0].leg, self.parties[1].leg];
            let other = |leg| if leg == browser { phone } else { browser };
            match event {
                CallEvent::DigitBegan { leg, digit } => call.begin_digit(other(leg), digit, self.now),
                CallEvent::DigitPressed { leg, digit, duration } => {
                    self.keys += 1;
                    call.end_digit(other(leg), digit, duration);
                }
                // A tone is speech to the ear that watches, until it has stayed the same for long.
                CallEvent::AudioChanged { .. } => {}
                CallEvent::ConferenceJoined { .. }
                | CallEvent::PartyJoined { .. }
                | CallEvent::TalkingChanged { .. }
                | CallEvent::SpeakerChanged { .. } => {}
                event => panic!("{event:?}"),
            }
        }
        self.collect();
    }

    fn collect(&mut self) {
        let parties = &mut self.parties;
        self.lent.outbox.drain(|_, run| {
            for (to, bytes) in run.iter() {
                let is_media = bytes.len() > 12 && bytes[0] >> 6 == 2;
                let party = parties.iter_mut().find(|party| party.address.ip() == to.ip() && is_media);
                let Some(party) = party else { continue };
                if is_rtcp(bytes) {
                    party.reports += 1;
                    continue;
                }
                // Encrypted or not, the header is in the clear.
                party.hears = Some(Ssrc(u32::from_be_bytes([bytes[8], bytes[9], bytes[10], bytes[11]])));
                let is_event = bytes[1] & 0x7f == EVENT;
                party.events += usize::from(is_event);
                party.voices += usize::from(!is_event);
            }
        });
    }

    /// A sender report with what the party has of our stream: one in ten was lost.
    fn report(&mut self, party: usize, frame: usize) {
        let Some(ssrc) = self.parties[party].hears else { return };
        let block = ReportBlock {
            ssrc,
            fraction_lost: 26,
            cumulative_lost: 10,
            highest_sequence: frame as u32,
            jitter: 8,
            last_sender_report: ShortNtpTime(0),
            delay_since_last_sender_report: 0,
        };
        let sender_info = SenderInfo {
            ntp_time: NtpTime((frame as u64) << 32),
            rtp_timestamp: Timestamp(0),
            packet_count: 1,
            octet_count: 1,
        };
        let report = CompoundReport {
            ssrc: Ssrc(party as u32),
            sender_info: Some(sender_info),
            blocks: &[block],
            extended: None,
            cname: &self.cname,
            is_goodbye: false,
        };
        let mut datagram = [0; 256];
        let mut length = report.write_to(&mut datagram);
        if let Some(srtp) = &mut self.parties[party].srtp {
            length = srtp.protect_rtcp(&mut datagram, length).expect("there is room");
        }
        self.deliver(party, &mut datagram[..length]);
    }
}

fn add_browser(
    call: &mut Call,
    codec: CodecId,
    supplies: &Supplies,
    outbox: &mut Outbox,
    now: Instant,
) -> Party {
    let leg = LegId::next();
    let (address, local) =
        (SocketAddr::from(([198, 51, 100, 7], 6000)), SocketAddr::from(([192, 0, 2, 1], 5000)));
    let fmtp = LocalMedia::default_opus_fmtp();
    call.add_leg(Leg::over_webrtc(leg, vec![(local, SocketId(0))], vec![codec], fmtp, supplies, now));
    let manners = Manners { is_client: false, version: Version::Dtls13 };
    let mut browser = Browser::new(address, manners, now);
    let answer =
        negotiate(call, leg, &offer(codec, address, "UDP/TLS/RTP/SAVPF", &browser.security), outbox, now);
    let keys = browser.connect(call, leg, local, &answer, outbox, now);
    let profile = ProtectionProfile::AeadAes256Gcm;
    let keys = profile.split_keying_material(&keys).expect("of the right length");
    let srtp = SrtpContext::new(profile, keys.server.key, keys.server.salt);
    let mut srtp = srtp.expect("of the right length");
    let packets = packets(codec, Ssrc(0), Some(&mut srtp));
    Party { leg, address, local, srtp: Some(srtp), packets, hears: None, voices: 0, events: 0, reports: 0 }
}

fn add_phone(
    call: &mut Call,
    codec: CodecId,
    profile: Option<ProtectionProfile>,
    supplies: &Supplies,
    outbox: &mut Outbox,
    now: Instant,
) -> Party {
    let leg = LegId::next();
    let (address, local) =
        (SocketAddr::from(([203, 0, 113, 5], 4000)), SocketAddr::from(([192, 0, 2, 1], 20_000)));
    let transport = RtpTransport::new(20_000, SocketId(1), SocketId(2), None);
    let ours = (IpAddr::V4(Ipv4Addr::LOCALHOST), SrtpPolicy::Offer);
    call.add_leg(Leg::over_rtp(leg, transport, ours, vec![codec], LocalMedia::default_opus_fmtp(), supplies));
    let key = profile.map(SdesKey::random);
    let security = key.map(|key| Crypto { tag: 1, key }).map(CryptoLine::from);
    let security = security.map(|line| format!("a=crypto:{line}\r\n")).unwrap_or_default();
    negotiate(call, leg, &offer(codec, address, "RTP/AVP", &security), outbox, now);
    let mut srtp = key.map(|key| key.context());
    let packets = packets(codec, Ssrc(1), srtp.as_mut());
    Party { leg, address, local, srtp, packets, hears: None, voices: 0, events: 0, reports: 0 }
}

fn offer(codec: CodecId, address: SocketAddr, protocol: &str, security: &str) -> String {
    let (ip, port, number) = (address.ip(), address.port(), number(codec).number());
    let name = if codec == CodecId::Opus { "opus/48000/2" } else { "PCMU/8000" };
    format!(
        "v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {port} {protocol} {number} {EVENT}\r\n\
         a=rtpmap:{number} {name}\r\na=rtpmap:{EVENT} telephone-event/{}\r\na=sendrecv\r\n{security}",
        codec.clock_rate().hz()
    )
}

fn negotiate(
    call: &mut Call,
    leg: LegId,
    offer: &str,
    outbox: &mut Outbox,
    now: Instant,
) -> SessionDescription {
    call.receive_offer(leg, &SessionDescription::parse(offer).expect("a good offer"), None);
    call.create_answer(leg, None, now, outbox);
    let mut events = std::iter::from_fn(|| call.poll_event());
    let answer = events.find_map(|event| match event {
        CallEvent::AnswerReady { description, .. } => Some(*description),
        _ => None,
    });
    answer.expect("the offer can be met")
}

fn number(codec: CodecId) -> PayloadType {
    PayloadType::new(codec.static_payload_type().unwrap_or(111)).expect("seven bits")
}

/// What a party sends: voice, in each second a key of 100 ms; one in ten packets is lost and two are swapped.
fn packets(codec: CodecId, ssrc: Ssrc, mut srtp: Option<&mut SrtpContext>) -> Vec<Vec<u8>> {
    let mut tone = ToneGenerator::new(Tone::sine(440.0, -12.0), SampleRate::HZ_8000);
    let mut encoder = encoder(codec, SampleRate::HZ_8000, &EncoderConfig::default()).expect("an encoder");
    let step = codec.clock_rate().hz() / 50;
    let mut packets: Vec<_> = (0..FRAMES)
        .map(|frame| {
            let (mut samples, mut packet) = ([0; 160], vec![0; 1500]);
            tone.fill(&mut samples);
            let body = &mut packet[RtpHeader::LEN..];
            // The key goes down in the 40th frame of a second.
            let (length, payload_type, since) = match frame % 50 {
                pressed @ 40..48 => {
                    let grown = (pressed as u32 - 39).min(5) * step;
                    let end = if pressed < 45 { 10 } else { 0x8a };
                    body[..4].copy_from_slice(&[5, end, (grown >> 8) as u8, grown as u8]);
                    (4, PayloadType::new(EVENT).expect("seven bits"), pressed - 40)
                }
                _ => (encoder.encode(&samples, body).expect("a frame of the codec"), number(codec), 0),
            };
            let header = RtpHeader {
                payload_type,
                marker: frame % 50 == 40,
                sequence: SequenceNumber(frame as u16),
                timestamp: Timestamp((frame - since) as u32 * step),
                ssrc,
            };
            header.write_to(&mut packet);
            let length = RtpHeader::LEN + length;
            let length = match &mut srtp {
                Some(srtp) => srtp.protect_rtp(&mut packet, length).expect("there is room"),
                None => length,
            };
            packet.truncate(length);
            packet
        })
        .collect();
    for frame in (0..FRAMES).filter(|frame| frame % 10 == 3) {
        packets.swap(frame, frame + 1);
        packets[frame + 4].clear();
    }
    packets
}

#[test]
fn a_call_does_not_allocate_per_packet() {
    for (browser, phone, srtp) in [
        (CodecId::Opus, CodecId::Pcmu, None),
        (CodecId::Opus, CodecId::Opus, Some(ProtectionProfile::Aes128CmHmacSha1_80)),
        (CodecId::Pcmu, CodecId::Pcmu, Some(ProtectionProfile::AeadAes128Gcm)),
    ] {
        let mut bench = Bench::talking(browser, phone, srtp);
        // The first packet of a stream may make room for it, and the first report for its kind.
        (0..20).for_each(|frame| bench.step(frame));
        for frame in 20..FRAMES {
            let before = allocations();
            bench.step(frame);
            assert_eq!(allocations() - before, 0, "in frame {frame} of {browser:?} and {phone:?}");
        }
        // All of it happened.
        assert_eq!(bench.keys, 2 * FRAMES / 50);
        let stats = bench.lent.call.stats();
        for (party, leg) in bench.parties.iter().zip(&stats) {
            assert!(party.voices > 700 && party.events > 100 && party.reports > 2, "{leg:?}");
            assert!(leg.reordered >= 80 && leg.lost >= 80 && leg.peer_lost_percent == 10, "{leg:?}");
            assert_eq!(leg.is_transcoded, browser != phone);
            assert_eq!(leg.recovered + leg.concealed > 80, browser != phone, "{leg:?}");
        }
    }
}

#[test]
fn a_conference_does_not_allocate_per_tick() {
    let mut bench = Bench::conferring(CodecId::Opus, CodecId::Pcmu);
    // The first packet of a stream may make room for it, the first frame of a party opens its place.
    (0..20).for_each(|frame| bench.step(frame));
    for frame in 20..FRAMES {
        let before = allocations();
        bench.step(frame);
        assert_eq!(allocations() - before, 0, "in frame {frame}");
    }
    assert_eq!(bench.keys, 2 * FRAMES / 50);
    for (party, leg) in bench.parties.iter().zip(&bench.lent.call.stats()) {
        assert!(party.voices > 700 && party.events > 100 && party.reports > 2, "{leg:?}");
        assert!(leg.is_transcoded && leg.recovered + leg.concealed > 40, "{leg:?}");
        assert!(leg.reordered + leg.late >= 80 && leg.lost >= 80, "{leg:?}");
    }
}
