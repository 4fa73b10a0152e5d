//! Conferences stepped by hand: phones of several calls, each on its own clock, in virtual time.

use std::f64::consts::TAU;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use webtrunk_codecs::tone::FULL_SCALE_DBM0;
use webtrunk_codecs::{Decoder, Encoder};

use super::*;

mod changes;
mod time;

/// A party of the test, and the call that it is in.
struct Talker {
    phone: Phone,
    call: CallId,
    hz: f64,
    peak: f64,
    at: u32,
    encoder: Box<dyn Encoder>,
    decoder: Box<dyn Decoder>,
    next_at: Instant,
    /// Sent, and to come at this time.
    on_the_way: Vec<(Instant, Vec<u8>)>,
    /// What it heard, at its codec's own rate, and when the last of it came.
    sound: Vec<i16>,
    decoded: usize,
}

/// Calls, lent to their conference.
struct Hall {
    calls: Vec<Call>,
    outbox: Outbox,
}

struct Room {
    hall: Hall,
    conference: Conference,
    talkers: Vec<Talker>,
    supplies: Arc<Supplies>,
    now: Instant,
    events: Vec<CallEvent>,
    made: u8,
    random: StdRng,
    /// How the packets of the talkers fare.
    loss: f64,
    jitter: Duration,
}

impl Calls for Hall {
    fn with_call<T>(&mut self, id: CallId, act: impl FnOnce(&mut Call, &mut Outbox) -> T) -> Option<T> {
        let call = self.calls.iter_mut().find(|call| call.id() == id)?;
        Some(act(call, &mut self.outbox))
    }
}

impl Room {
    fn new(parties_max: usize, seed: u64) -> Self {
        let now = Instant::now();
        let supplies = Arc::new(Supplies {
            config: EngineConfig::default(),
            clock: WallClock::new(now, SystemTime::UNIX_EPOCH),
            certificate: Arc::new(DtlsCertificate::generate().expect("a certificate")),
        });
        Self {
            hall: Hall { calls: Vec::new(), outbox: Outbox::default() },
            conference: Conference::new(Arc::from("room"), parties_max, now),
            talkers: Vec::new(),
            supplies,
            now,
            events: Vec::new(),
            made: 0,
            random: StdRng::seed_from_u64(seed),
            loss: 0.0,
            jitter: Duration::ZERO,
        }
    }

    fn join(&mut self, codec: CodecId, hz: f64) -> LegId {
        self.join_as(codec, hz, "somebody", ConferenceRole::Party)
    }

    fn join_as(&mut self, codec: CodecId, hz: f64, name: &str, role: ConferenceRole) -> LegId {
        let name = Arc::from(name);
        self.enter(codec, hz, |leg| PartySpec { leg, name, role, gain_db: 0.0, is_muted: false })
            .expect("there is room")
    }

    /// Another call, whose phone hums.
    fn enter(
        &mut self,
        codec: CodecId,
        hz: f64,
        spec: impl FnOnce(LegId) -> PartySpec,
    ) -> Result<LegId, ConferenceFull> {
        self.made = self.made.wrapping_add(1);
        let phone = Phone::new(self.made, codec);
        let (leg, rate) = (phone.leg, codec.native_rate());
        let mut call = Call::new(CallId::next(), Arc::clone(&self.supplies));
        call.add_leg(self.new_leg(leg, codec));
        call.receive_offer(leg, &phone.offer("sendrecv"), None);
        call.create_answer(leg, None, self.now, &mut self.hall.outbox);
        let id = call.id();
        self.hall.calls.push(call);
        self.talkers.push(Talker {
            phone,
            call: id,
            hz,
            peak: 2000.0,
            at: 0,
            encoder: encoder(codec, rate, &EncoderConfig::default()).expect("an encoder"),
            decoder: decoder(codec, rate).expect("a decoder"),
            next_at: self.now + Duration::from_micros(self.random.random_range(0..20_000)),
            on_the_way: Vec::new(),
            sound: Vec::new(),
            decoded: 0,
        });
        self.conference.join(id, spec(leg), self.now, &mut self.hall).map(|()| leg)
    }

    /// A leg that may change to G.722.
    fn new_leg(&self, leg: LegId, codec: CodecId) -> Leg {
        let sockets = [0, 1].map(|n| SocketId(usize::from(self.made) * 2 + n));
        let transport = RtpTransport::new(20_000, sockets[0], sockets[1], None);
        let media = (IpAddr::V4(Ipv4Addr::LOCALHOST), SrtpPolicy::Offer);
        let fmtp = LocalMedia::default_opus_fmtp();
        Leg::over_rtp(leg, transport, media, vec![codec, CodecId::G722], fmtp, &self.supplies)
    }

    /// The call hangs up; nobody tells the conference.
    fn leave(&mut self, leg: LegId) {
        let index = self.talkers.iter().position(|talker| talker.phone.leg == leg).expect("it is there");
        let gone = self.talkers.remove(index);
        self.hall.calls.retain(|call| call.id() != gone.call);
    }

    fn run(&mut self, time: Duration) {
        let until = self.now + time;
        while self.now < until {
            self.now += Duration::from_millis(1);
            for index in 0..self.talkers.len() {
                if self.talkers[index].next_at <= self.now {
                    self.speak(index);
                }
                self.deliver(index);
            }
            for call in &mut self.hall.calls {
                call.handle_timeout(self.now, &mut self.hall.outbox);
            }
            self.conference.handle_timeout(self.now, &mut self.hall);
            for call in &mut self.hall.calls {
                self.events.extend(std::iter::from_fn(|| call.poll_event()));
            }
            self.collect();
        }
    }

    fn speak(&mut self, index: usize) {
        let talker = &mut self.talkers[index];
        let payload = talker.hum();
        let packet = talker.phone.packet(&payload);
        talker.next_at += FRAME;
        if self.random.random::<f64>() < self.loss {
            return;
        }
        let delay = self.random.random::<f64>() * self.jitter.as_secs_f64();
        talker.on_the_way.push((self.now + Duration::from_secs_f64(delay), packet));
    }

    fn deliver(&mut self, index: usize) {
        let talker = &mut self.talkers[index];
        let (leg, from, id) = (talker.phone.leg, talker.phone.address, talker.call);
        let (due, waiting) =
            std::mem::take(&mut talker.on_the_way).into_iter().partition(|(at, _)| *at <= self.now);
        talker.on_the_way = waiting;
        let due: Vec<(Instant, Vec<u8>)> = due;
        for (_, mut packet) in due {
            let (local, now) = (SocketAddr::from((Ipv4Addr::LOCALHOST, 20_000)), self.now);
            self.hall.with_call(id, |call, outbox| {
                call.handle_datagram(leg, &mut packet, from, local, now, outbox);
            });
        }
    }

    fn collect(&mut self) {
        let talkers = &mut self.talkers;
        self.hall.outbox.drain(|_, run| {
            for (to, bytes) in run.iter().filter(|(_, bytes)| !is_rtcp(bytes)) {
                if let Some(talker) = talkers.iter_mut().find(|talker| talker.phone.address == to) {
                    talker.phone.hear(bytes);
                }
            }
        });
        talkers.iter_mut().for_each(Talker::decode);
    }

    fn talker(&mut self, leg: LegId) -> &mut Talker {
        self.talkers.iter_mut().find(|talker| talker.phone.leg == leg).expect("it is there")
    }

    /// Whether a party has heard a tone in the last half second.
    fn hears(&mut self, leg: LegId, hz: f64) -> bool {
        let talker = self.talker(leg);
        let rate = talker.decoder.sample_rate();
        let level = goertzel_dbm0(&talker.sound[talker.sound.len() - rate.samples_in_ms(500)..], rate, hz);
        assert!(!(-50.0..-22.0).contains(&level), "{level} dBm0 at {hz} Hz is neither there nor not");
        level > -25.0
    }

    fn call_of(&mut self, leg: LegId) -> &mut Call {
        let id = self.talker(leg).call;
        self.hall.calls.iter_mut().find(|call| call.id() == id).expect("it is there")
    }
}

impl Talker {
    fn hum(&mut self) -> Vec<u8> {
        let rate = self.encoder.sample_rate();
        let hum = |at: u32| (f64::from(at) * self.hz / f64::from(rate.hz()) * TAU).sin() * self.peak;
        let samples = rate.samples_in_ms(20) as u32;
        let frame: Vec<i16> = (self.at..self.at + samples).map(|at| hum(at) as i16).collect();
        self.at += samples;
        let mut payload = [0; 2000];
        let length = self.encoder.encode(&frame, &mut payload).expect("a frame of the codec");
        payload[..length].to_vec()
    }

    fn decode(&mut self) {
        let mut frame = [0; 2880];
        for heard in self.phone.heard[self.decoded..].iter().filter(|heard| heard.payload_type != 101) {
            let samples = self.decoder.decode(&heard.payload, &mut frame).expect("a payload of the codec");
            self.sound.extend_from_slice(&frame[..samples]);
        }
        self.decoded = self.phone.heard.len();
    }
}

/// The sharpest bend in the sound: a step of n makes one of n, hums of 2000 next to none.
fn sharpest_bend(samples: &[i16]) -> i32 {
    let bends = samples.windows(3).map(|s| i32::from(s[0]) - 2 * i32::from(s[1]) + i32::from(s[2]));
    bends.map(i32::abs).max().unwrap_or(0)
}

const LINEAR: CodecId = CodecId::L16(L16Rate::Narrow);

#[test]
fn everyone_hears_the_others_and_not_himself_whatever_the_codecs() {
    let mut room = Room::new(8, 1);
    let tones = [(CodecId::Opus, 500.0), (CodecId::Pcmu, 900.0), (CodecId::G722, 1700.0)];
    let legs = tones.map(|(codec, hz)| room.join(codec, hz));
    room.run(Duration::from_secs(3));
    let expected = 20.0 * (2000.0_f64 / 32_768.0).log10() + FULL_SCALE_DBM0;
    for (listener, (codec, own)) in legs.into_iter().zip(tones) {
        for (_, hz) in tones {
            assert_eq!(room.hears(listener, hz), hz != own, "{hz} Hz by {codec:?}");
            let talker = room.talker(listener);
            let rate = talker.decoder.sample_rate();
            let level = goertzel_dbm0(&talker.sound[talker.sound.len() / 2..], rate, hz);
            assert!(hz == own || (level - expected).abs() < 1.0, "{level} dBm0 of {hz} Hz by {codec:?}");
        }
        let talker = room.talker(listener);
        talker.phone.assert_unbroken(codec.clock_rate().hz() / 50);
        assert!((148..=151).contains(&talker.phone.heard.len()), "{}", talker.phone.heard.len());
    }
}

#[test]
fn two_with_wide_band_hear_it_of_each_other() {
    let mut room = Room::new(8, 2);
    let wide = room.join(CodecId::G722, 6000.0);
    let full = room.join(CodecId::Opus, 500.0);
    let narrow = room.join(CodecId::Pcmu, 900.0);
    room.run(Duration::from_secs(2));
    assert!(room.hears(full, 6000.0) && room.hears(wide, 500.0) && room.hears(narrow, 500.0));
    assert!(!room.hears(narrow, 2000.0), "nothing is folded back");
}

#[test]
fn parties_come_and_go_while_the_others_go_on() {
    let mut room = Room::new(8, 3);
    let (first, second) = (room.join(CodecId::Pcmu, 500.0), room.join(CodecId::Pcmu, 900.0));
    room.run(Duration::from_secs(1));
    let third = room.join(CodecId::Pcmu, 1700.0);
    room.run(Duration::from_secs(1));
    assert!(room.hears(first, 900.0) && room.hears(first, 1700.0) && room.hears(third, 500.0));
    room.leave(third);
    room.run(Duration::from_secs(1));
    assert!(room.hears(first, 900.0) && !room.hears(first, 1700.0));
    // Told to hear something else, a party is in the conference no more.
    let now = room.now;
    room.call_of(second).hear(second, HearSource::Silence, now);
    room.run(Duration::from_secs(1));
    assert!(!room.hears(first, 900.0) && !room.hears(second, 500.0));
    room.talker(first).phone.assert_unbroken(160);
    room.talker(second).phone.assert_unbroken(160);
    room.leave(first);
    room.run(FRAME);
    assert!(room.conference.is_empty());
}

#[test]
fn five_hundred_joins_and_leaves_of_ten_parties_make_no_click() {
    let mut room = Room::new(10, 4);
    let (mut changes, mut bends, mut abrupt) = (0, 0, 0);
    while changes < 500 {
        let count = room.talkers.len();
        if count < 10 && (count < 3 || room.random.random_bool(0.5)) {
            let hz = room.random.random_range(60.0..110.0);
            room.join(LINEAR, hz);
        } else {
            let leaver = room.random.random_range(0..count);
            let leaver = &room.talkers[leaver];
            let last = f64::from(leaver.at) * leaver.hz / 8000.0;
            abrupt = abrupt.max(((last * TAU).sin() * leaver.peak).abs() as i32);
            let leg = leaver.phone.leg;
            room.leave(leg);
        }
        changes += 1;
        let time = room.random.random_range(20..120);
        room.run(Duration::from_millis(time));
        for talker in &mut room.talkers {
            // Ten hums of 2000 at 110 Hz bend by 150 at most, at 8 kHz. Where one begins its slope is new, 172 at
            // most, and two may begin in one tick; a click would bend by as much as its step.
            bends = bends.max(sharpest_bend(&talker.sound));
            talker.phone.assert_unbroken(160);
            let kept = talker.sound.len().saturating_sub(2);
            talker.sound.drain(..kept);
            let kept = talker.phone.heard.len().saturating_sub(1);
            talker.phone.heard.drain(..kept);
            talker.decoded = talker.phone.heard.len();
        }
    }
    assert!(abrupt > 1900, "what this test could hear");
    assert!(bends < 500, "a bend of {bends}");
}

#[test]
fn who_comes_goes_and_speaks_is_told() {
    let mut room = Room::new(8, 6);
    let first = room.join(CodecId::Pcmu, 500.0);
    room.talker(first).peak = 0.0;
    let second = room.join(CodecId::Pcmu, 900.0);
    room.run(Duration::from_secs(1));
    room.leave(second);
    room.run(Duration::from_secs(2));
    let told = |event: &CallEvent| match event {
        CallEvent::ConferenceJoined { leg, parties } => Some(format!("{} joined {parties}", *leg == first)),
        CallEvent::PartyJoined { leg, parties, .. } => {
            Some(format!("{} joined by other {parties}", *leg == first))
        }
        CallEvent::PartyLeft { leg, parties, .. } => {
            Some(format!("{} left by other {parties}", *leg == first))
        }
        CallEvent::SpeakerChanged { leg, speaker, .. } if *leg == first => {
            Some(format!("speaker {}", speaker.is_some()))
        }
        _ => None,
    };
    let told: Vec<String> = room.events.iter().filter_map(told).collect();
    let expected = [
        "true joined 1",
        "true joined by other 2",
        "false joined 2",
        "speaker true",
        "true left by other 1",
        "speaker false",
    ];
    assert_eq!(told, expected);
}

#[test]
fn who_begins_and_ceases_to_talk_is_told_to_its_own_call() {
    let mut room = Room::new(8, 6);
    let first = room.join(CodecId::Pcmu, 500.0);
    let second = room.join(CodecId::Pcmu, 900.0);
    room.talker(second).peak = 0.0;
    room.run(Duration::from_secs(1));
    room.talker(first).peak = 0.0;
    room.run(Duration::from_secs(2));
    let told = room.events.iter().filter_map(|event| match event {
        CallEvent::TalkingChanged { leg, is_talking } => Some((*leg, *is_talking)),
        _ => None,
    });
    assert_eq!(told.collect::<Vec<_>>(), [(first, true), (first, false)]);
}

#[test]
fn a_full_conference_lets_nobody_in() {
    let mut room = Room::new(2, 7);
    let (first, second) = (room.join(CodecId::Pcmu, 500.0), room.join(CodecId::Pcmu, 900.0));
    let spec = |leg| PartySpec {
        leg,
        name: Arc::from("third"),
        role: ConferenceRole::Listen,
        gain_db: 0.0,
        is_muted: false,
    };
    assert_eq!(room.enter(CodecId::Pcmu, 1700.0, spec), Err(ConferenceFull));
    room.run(Duration::from_secs(1));
    assert!(room.hears(first, 900.0) && room.hears(second, 500.0) && !room.hears(first, 1700.0));
    room.leave(second);
    room.run(FRAME);
    assert!(room.enter(CodecId::Pcmu, 1700.0, spec).is_ok());
}

#[test]
fn who_is_in_a_full_conference_may_join_it_again() {
    let mut room = Room::new(2, 7);
    let (first, second) = (room.join(CodecId::Pcmu, 500.0), room.join(CodecId::Pcmu, 900.0));
    room.run(Duration::from_secs(1));
    let (id, now) = (room.talker(second).call, room.now);
    let (name, role) = (Arc::from("second"), ConferenceRole::Party);
    let spec = PartySpec { leg: second, name, role, gain_db: 0.0, is_muted: false };
    assert_eq!(room.conference.join(id, spec, now, &mut room.hall), Ok(()));
    room.run(Duration::from_secs(1));
    assert!(room.hears(first, 900.0) && room.hears(second, 500.0));
}

#[test]
fn whose_place_in_a_full_conference_is_taken_has_it_no_more_before_the_next_tick() {
    let mut room = Room::new(2, 7);
    let (first, second) = (room.join(CodecId::Pcmu, 500.0), room.join(CodecId::Pcmu, 900.0));
    room.run(Duration::from_secs(1));
    let now = room.now;
    room.call_of(second).hear(second, HearSource::Nothing, now);
    let third = room.join(CodecId::Pcmu, 1700.0);
    room.run(Duration::from_secs(1));
    assert!(room.hears(first, 1700.0) && !room.hears(first, 900.0));
    assert!(room.hears(third, 500.0) && !room.hears(third, 900.0));
}

#[test]
fn a_key_of_a_party_is_told() {
    let mut room = Room::new(8, 17);
    let leg = room.join(CodecId::Pcmu, 500.0);
    room.join(CodecId::Pcmu, 900.0);
    room.run(Duration::from_secs(1));
    let now = room.now;
    for payload in [[5, 10, 0, 160], [5, 0x8a, 1, 64]] {
        let talker = room.talker(leg);
        let header = RtpHeader {
            payload_type: PayloadType::new(101).expect("seven bits"),
            marker: payload[1] == 10,
            sequence: talker.phone.sequence,
            timestamp: talker.phone.timestamp,
            ssrc: Ssrc(7),
        };
        talker.phone.sequence = header.sequence.next();
        let mut packet = vec![0; RtpHeader::LEN];
        header.write_to(&mut packet);
        packet.extend_from_slice(&payload);
        talker.on_the_way.push((now, packet));
    }
    room.run(Duration::from_millis(100));
    let digit = Digit::parse('5').expect("a key");
    let is_told = |event: &CallEvent| matches!(event, CallEvent::DigitPressed { leg: of, digit: key, .. } if *of == leg && *key == digit);
    assert!(room.events.iter().any(is_told));
}
