//! Calls stepped by hand: plain RTP legs, datagrams in, datagrams out, virtual time.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use webtrunk_codecs::l16::L16Rate;
use webtrunk_codecs::tone::{Digit, Tone, ToneGenerator, goertzel_dbm0};
use webtrunk_codecs::{CodecId, EncoderConfig, SampleRate, decoder, encoder};

mod addresses;
mod codecs;
mod conference;
mod digits;
mod encoder;
mod hold;
mod pauses;
mod ptimes;
mod quality;
mod tones;
mod transcoding;
mod unsent;
mod weather;

use super::{
    Call, CallEvent, Calls, Conference, ConferenceFull, ConferenceRole, HearSource, KeyMode, PartySpec,
    Supplies,
};
use crate::config::EngineConfig;
use crate::dtls::DtlsCertificate;
use crate::leg::{Leg, RtpTransport};
use crate::media::WallClock;
use crate::net::{Outbox, SocketId};
use crate::rtp::{PayloadType, RtpHeader, RtpPacket, SequenceNumber, Ssrc, Timestamp, is_rtcp};
use crate::sdp::{Direction, LocalMedia, SessionDescription, SrtpPolicy};
use crate::{CallId, EndCause, LegId};

/// Chromium's offer as JsSIP sends it.
const CHROMIUM: &str = include_str!("../sdp/tests/fixtures/chromium_jssip_offer.sdp");

/// How long a key is held: 7200 units at 48 kHz, 1200 at 8 kHz.
const HELD: Duration = Duration::from_millis(150);
const HELD_UNITS: u16 = 1200;

const FRAME: Duration = Duration::from_millis(20);

/// A phone of the test: where it is, what it sends, what it has heard.
struct Phone {
    leg: LegId,
    address: SocketAddr,
    codec: CodecId,
    /// What it sends and asks for.
    ptime_ms: u32,
    /// Whether its descriptions name comfort noise.
    has_noise: bool,
    /// Which telephone-events they name.
    events: &'static str,
    /// More lines of its descriptions.
    lines: String,
    sequence: SequenceNumber,
    timestamp: Timestamp,
    heard: Vec<Heard>,
    reports: Vec<Vec<u8>>,
}

struct Heard {
    payload_type: u8,
    sequence: u16,
    timestamp: u32,
    marker: bool,
    ssrc: u32,
    payload: Vec<u8>,
}

struct Bench {
    call: Call,
    phones: [Phone; 2],
    supplies: Arc<Supplies>,
    outbox: Outbox,
    now: Instant,
}

impl Bench {
    /// Two phones that talk, each with one codec.
    fn talking(left: CodecId, right: CodecId) -> Self {
        Self::between(Phone::new(1, left), Phone::new(2, right), KeyMode::Events)
    }

    /// Two phones that talk; the keys of the right one travel in this way.
    fn between(left: Phone, right: Phone, keys: KeyMode) -> Self {
        let now = Instant::now();
        let supplies = Arc::new(Supplies {
            config: EngineConfig { media_timeout: Duration::from_secs(60), ..EngineConfig::default() },
            clock: WallClock::new(now, SystemTime::UNIX_EPOCH),
            certificate: Arc::new(DtlsCertificate::generate().expect("a certificate")),
        });
        let mut call = Call::new(CallId::next(), Arc::clone(&supplies));
        let mut outbox = Outbox::default();
        let phones = [(1, left, KeyMode::Events), (2, right, keys)].map(|(index, phone, keys)| {
            let mut leg = new_leg(phone.leg, index, phone.codec, &supplies);
            leg.set_keys(keys);
            call.add_leg(leg);
            call.receive_offer(phone.leg, &phone.offer("sendrecv"), None);
            call.create_answer(phone.leg, None, now, &mut outbox);
            phone
        });
        call.hear(phones[0].leg, HearSource::Leg(phones[1].leg), now);
        call.hear(phones[1].leg, HearSource::Leg(phones[0].leg), now);
        let mut bench = Self { call, phones, supplies, outbox, now };
        bench.collect();
        bench
    }

    fn send(&mut self, phone: usize, payload: &[u8]) {
        let mut packet = self.phones[phone].packet(payload);
        self.deliver(phone, &mut packet);
    }

    fn deliver(&mut self, phone: usize, packet: &mut [u8]) {
        let (leg, from) = (self.phones[phone].leg, self.phones[phone].address);
        let local = SocketAddr::from((Ipv4Addr::LOCALHOST, 20_000));
        self.call.handle_datagram(leg, packet, from, local, self.now, &mut self.outbox);
        self.collect();
    }

    fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(at) = self.call.poll_timeout().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.call.handle_timeout(self.now, &mut self.outbox);
            self.collect();
            assert!(self.call.poll_timeout().is_none_or(|at| at > self.now), "what was due is done");
        }
        self.now = until;
    }

    fn collect(&mut self) {
        let phones = &mut self.phones;
        self.outbox.drain(|_, run| {
            for (to, bytes) in run.iter() {
                // RTCP goes to the port above.
                let phone = phones.iter_mut().find(|phone| phone.address.ip() == to.ip());
                match phone {
                    Some(phone) if is_rtcp(bytes) => phone.reports.push(bytes.to_vec()),
                    Some(phone) if phone.address == to => phone.hear(bytes),
                    Some(_) | None => {}
                }
            }
        });
    }

    fn events(&mut self) -> Vec<CallEvent> {
        std::iter::from_fn(|| self.call.poll_event()).collect()
    }
}

impl Phone {
    fn new(index: u8, codec: CodecId) -> Self {
        Self {
            leg: LegId::next(),
            address: SocketAddr::from(([192, 0, 2, index], 4000)),
            codec,
            ptime_ms: 20,
            has_noise: false,
            events: "0-15",
            lines: String::new(),
            sequence: SequenceNumber(65_500),
            timestamp: Timestamp(u32::MAX - 3000),
            heard: Vec::new(),
            reports: Vec::new(),
        }
    }

    fn offer(&self, direction: &str) -> SessionDescription {
        let (ip, port) = (self.address.ip(), self.address.port());
        let (number, name) = match self.codec {
            CodecId::Pcmu => (0, "PCMU/8000"),
            CodecId::Pcma => (8, "PCMA/8000"),
            CodecId::Opus => (111, "opus/48000/2"),
            CodecId::G722 => (9, "G722/8000"),
            CodecId::L16(L16Rate::Narrow) => (111, "L16/8000"),
            CodecId::L16(L16Rate::Wide) => (111, "L16/16000"),
            CodecId::L16(L16Rate::Full) => (111, "L16/48000"),
        };
        let text = format!(
            "v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {port} RTP/AVP {number} 101{}\r\n\
             a=rtpmap:{number} {name}\r\na=rtpmap:101 telephone-event/{}\r\na=fmtp:101 {}\r\na=ptime:{}\r\n{}a={direction}\r\n",
            if self.has_noise { " 13" } else { "" },
            self.codec.clock_rate().hz(),
            self.events,
            self.ptime_ms,
            self.lines
        );
        SessionDescription::parse(text.as_str()).expect("a good offer")
    }

    fn payload_type(&self) -> PayloadType {
        let number = self.codec.static_payload_type().unwrap_or(111);
        PayloadType::new(number).expect("seven bits")
    }

    fn packet(&mut self, payload: &[u8]) -> Vec<u8> {
        let header = RtpHeader {
            payload_type: self.payload_type(),
            marker: false,
            sequence: self.sequence,
            timestamp: self.timestamp,
            ssrc: Ssrc(7),
        };
        self.sequence = self.sequence.next();
        self.timestamp = self.timestamp.plus(self.codec.clock_rate().hz() / 1000 * self.ptime_ms);
        let mut packet = vec![0; RtpHeader::LEN];
        header.write_to(&mut packet);
        packet.extend_from_slice(payload);
        packet
    }

    fn hear(&mut self, bytes: &[u8]) {
        let packet = RtpPacket::parse(bytes).expect("we send good packets");
        self.heard.push(Heard {
            payload_type: packet.payload_type().number(),
            sequence: packet.sequence().0,
            timestamp: packet.timestamp().0,
            marker: packet.marker(),
            ssrc: packet.ssrc().0,
            payload: packet.payload().to_vec(),
        });
    }

    /// What it heard, decoded at 8 kHz.
    fn sound(&self) -> Vec<i16> {
        let mut decoder = decoder(self.codec, SampleRate::HZ_8000).expect("a decoder");
        let mut sound = Vec::new();
        let mut frame = [0; 1600];
        for heard in self.heard.iter().filter(|heard| ![13, 101].contains(&heard.payload_type)) {
            let samples = decoder.decode(&heard.payload, &mut frame).expect("a payload of the codec");
            sound.extend_from_slice(&frame[..samples]);
        }
        sound
    }

    /// The stream is one: one source, and sequence numbers and timestamps without a gap.
    fn assert_unbroken(&self, ticks: u32) {
        for pair in self.heard.windows(2) {
            assert_eq!(pair[1].ssrc, pair[0].ssrc);
            assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1));
            assert_eq!(pair[1].timestamp, pair[0].timestamp.wrapping_add(ticks));
        }
    }
}

fn new_leg(leg: LegId, index: u8, codec: CodecId, supplies: &Supplies) -> Leg {
    let sockets = [SocketId(usize::from(index) * 2), SocketId(usize::from(index) * 2 + 1)];
    let transport = RtpTransport::new(20_000, sockets[0], sockets[1], None);
    let media = (IpAddr::V4(Ipv4Addr::LOCALHOST), SrtpPolicy::Offer);
    Leg::over_rtp(leg, transport, media, vec![codec], LocalMedia::default_opus_fmtp(), supplies)
}

fn new_browser_leg(leg: LegId, supplies: &Supplies, now: Instant) -> Leg {
    let sockets = vec![(SocketAddr::from((Ipv4Addr::LOCALHOST, 30_000)), SocketId(9))];
    let codecs = vec![CodecId::Opus, CodecId::Pcmu];
    Leg::over_webrtc(leg, sockets, codecs, LocalMedia::default_opus_fmtp(), supplies, now)
}

/// `frames` payloads of a tone, 20 ms each.
fn tone(codec: CodecId, frames: usize) -> Vec<Vec<u8>> {
    tone_of(codec, 20, frames)
}

/// `frames` payloads of a tone, of so many milliseconds each.
fn tone_of(codec: CodecId, ms: u32, frames: usize) -> Vec<Vec<u8>> {
    let mut generator = ToneGenerator::new(Tone::sine(1000.0, -10.0), SampleRate::HZ_8000);
    let mut encoder = encoder(codec, SampleRate::HZ_8000, &EncoderConfig::default()).expect("an encoder");
    let mut frame = vec![0; SampleRate::HZ_8000.samples_in_ms(ms)];
    let mut payload = [0; 1275];
    let mut next = || {
        generator.fill(&mut frame);
        let length = encoder.encode(&frame, &mut payload).expect("a frame of the codec");
        payload[..length].to_vec()
    };
    (0..frames).map(|_| next()).collect()
}

#[test]
fn an_offer_that_restarts_ice_has_other_credentials_and_leaves_all_else_as_it_was() {
    let mut bench = Bench::talking(CodecId::Pcmu, CodecId::Pcmu);
    let (now, page) = (bench.now, LegId::next());
    bench.events();
    let socket = (SocketAddr::from(([192, 0, 2, 9], 10_000)), SocketId(9));
    let codecs = CodecId::USUAL.to_vec();
    let leg =
        Leg::over_webrtc(page, vec![socket], codecs, LocalMedia::default_opus_fmtp(), &bench.supplies, now);
    bench.call.add_leg(leg);
    let offer = SessionDescription::parse(CHROMIUM).expect("a good offer");
    bench.call.receive_offer(page, &offer, None);
    bench.call.create_answer(page, None, now, &mut bench.outbox);
    let first = described(bench.events());
    let credentials = |description: &SessionDescription| {
        let (ufrag, pwd) = description.ice_credentials_of(&description.media[0]).expect("WebRTC");
        (ufrag.to_owned(), pwd.to_owned())
    };

    // The peer refuses ours: the old ones hold.
    bench.call.restart_ice(page, Direction::SendRecv, now, &mut bench.outbox);
    let ours = described(bench.events());
    assert_ne!(credentials(&ours), credentials(&first));
    assert_eq!(ours.media[0].shared.fingerprints, first.media[0].shared.fingerprints);
    assert_eq!(ours.origin.version, first.origin.version + 1);
    bench.call.restart_ice(page, Direction::SendRecv, now, &mut bench.outbox);
    assert!(matches!(bench.events()[..], [CallEvent::DescriptionRefused { .. }]), "one is open");
    bench.call.roll_back(page, now, &mut bench.outbox);
    bench.call.receive_offer(page, &offer, None);
    bench.call.create_answer(page, None, now, &mut bench.outbox);
    assert_eq!(credentials(&described(bench.events())), credentials(&first));

    // The peer's own, in one word or both.
    let mut last = credentials(&first);
    for (from, to) in [("a=ice-ufrag:", "a=ice-ufrag:x"), ("a=ice-pwd:", "a=ice-pwd:x")] {
        let restarting = SessionDescription::parse(CHROMIUM.replace(from, to)).expect("a good offer");
        bench.call.receive_offer(page, &restarting, None);
        bench.call.create_answer(page, None, now, &mut bench.outbox);
        let answer = described(bench.events());
        assert_ne!(credentials(&answer), last);
        last = credentials(&answer);
        bench.call.receive_offer(page, &restarting, None);
        bench.call.create_answer(page, None, now, &mut bench.outbox);
        assert_eq!(credentials(&described(bench.events())), last, "the same again restarts nothing");
    }
    let ufrags: Vec<_> = std::iter::from_fn(|| bench.call.poll_route()).collect();
    assert_eq!(ufrags.len(), 5, "one came and went, one came, one came for it: {ufrags:?}");
}

/// The one description among what a call told.
fn described(events: Vec<CallEvent>) -> SessionDescription {
    let descriptions = events.into_iter().filter_map(|event| match event {
        CallEvent::OfferReady { description, .. } | CallEvent::AnswerReady { description, .. } => {
            Some(*description)
        }
        _ => None,
    });
    let descriptions: Vec<_> = descriptions.collect();
    <[SessionDescription; 1]>::try_from(descriptions).map(|[one]| one).expect("one description")
}

#[test]
fn a_phone_on_hold_is_sent_nothing_and_hears_again_after_it() {
    let mut bench = Bench::talking(CodecId::Pcmu, CodecId::Pcmu);
    let frame = [0x55; 160];
    bench.send(1, &frame);
    for direction in ["sendonly", "sendrecv", "inactive", "sendrecv"] {
        let (leg, offer) = (bench.phones[0].leg, bench.phones[0].offer(direction));
        bench.call.receive_offer(leg, &offer, None);
        bench.call.create_answer(leg, None, bench.now, &mut bench.outbox);
        let before = bench.phones[0].heard.len();
        bench.send(1, &frame);
        let heard = bench.phones[0].heard.len() - before;
        assert_eq!(heard, usize::from(direction == "sendrecv"), "{direction}");
    }
    let ssrcs: Vec<_> = bench.phones[0].heard.iter().map(|heard| heard.ssrc).collect();
    assert!(ssrcs.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn silence_for_the_media_timeout_fails_the_leg_but_not_on_hold() {
    let mut bench = Bench::talking(CodecId::Pcmu, CodecId::Pcmu);
    let (leg, offer) = (bench.phones[1].leg, bench.phones[1].offer("inactive"));
    bench.call.receive_offer(leg, &offer, None);
    bench.call.create_answer(leg, None, bench.now, &mut bench.outbox);
    bench.events();
    bench.pass(Duration::from_secs(61));
    let failed: Vec<_> = bench
        .events()
        .into_iter()
        .filter_map(|event| match event {
            CallEvent::LegFailed { leg, cause, .. } => Some((leg, cause)),
            _ => None,
        })
        .collect();
    assert_eq!(failed, [(bench.phones[0].leg, EndCause::MediaTimeout)]);
}

#[test]
fn a_tone_is_played_in_real_time() {
    let mut bench = Bench::talking(CodecId::Pcma, CodecId::Pcmu);
    let leg = bench.phones[0].leg;
    bench.call.hear(leg, HearSource::Tone { hz: 425.0, level_dbm0: -13.0 }, bench.now);
    bench.pass(Duration::from_secs(2));
    let phone = &bench.phones[0];
    assert!((100..=101).contains(&phone.heard.len()), "{} packets", phone.heard.len());
    phone.assert_unbroken(160);
    let level = goertzel_dbm0(&phone.sound()[..8000], SampleRate::HZ_8000, 425.0);
    assert!((level + 13.0).abs() < 0.2, "{level} dBm0");
}

#[test]
fn an_offer_without_a_common_codec_changes_nothing() {
    let mut bench = Bench::talking(CodecId::Pcmu, CodecId::Pcmu);
    let phone = &bench.phones[0];
    let text =
        phone.offer("sendrecv").to_string().replace("RTP/AVP 0", "RTP/AVP 18").replace("0 PCMU", "18 G729");
    let offer = SessionDescription::parse(text.as_str()).expect("a good offer");
    let leg = phone.leg;
    bench.events();
    bench.call.receive_offer(leg, &offer, None);
    bench.call.create_answer(leg, None, bench.now, &mut bench.outbox);
    assert!(matches!(bench.events()[..], [CallEvent::DescriptionRefused { .. }]), "it is told once");
    let before = bench.phones[0].heard.len();
    bench.send(1, &[0x55; 160]);
    assert_eq!(bench.phones[0].heard.len(), before + 1);
}
