//! Conferences stepped by hand: phones of several calls, each on its own clock, in virtual time.

use std::f64::consts::TAU;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use webtrunk_codecs::tone::FULL_SCALE_DBM0;
use webtrunk_codecs::{Decoder, Encoder};

use super::*;

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
fn supervisors_listen_whisper_and_barge() {
    let to = |name: &str| ConferenceRole::Whisper { to: Arc::from(name) };
    for (role, by_agent, by_customer) in [
        (ConferenceRole::Listen, false, false),
        (to("agent"), true, false),
        (to("customer"), false, true),
        (to("nobody"), false, false),
        (ConferenceRole::Barge, true, true),
    ] {
        let mut room = Room::new(8, 5);
        let is_known = role.is_known();
        // The supervisor is there before the one whom it whispers to.
        let agent = room.join_as(CodecId::Pcmu, 500.0, "agent", ConferenceRole::Party);
        let supervisor = room.join_as(CodecId::Pcmu, 1700.0, "boss", role.clone());
        let customer = room.join_as(CodecId::Pcmu, 900.0, "customer", ConferenceRole::Party);
        room.run(Duration::from_secs(2));
        assert!(room.hears(supervisor, 500.0) && room.hears(supervisor, 900.0), "{role:?}");
        assert!(room.hears(agent, 900.0) && room.hears(customer, 500.0), "{role:?}");
        assert_eq!(room.hears(agent, 1700.0), by_agent, "{role:?}");
        assert_eq!(room.hears(customer, 1700.0), by_customer, "{role:?}");
        let is_told =
            |event: &CallEvent| matches!(event, CallEvent::PartyJoined { party, .. } if *party == supervisor);
        assert_eq!(room.events.iter().any(is_told), is_known, "{role:?}");
    }
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
        CallEvent::SpeakerChanged { leg, speaker } if *leg == first => {
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
fn parties_are_as_loud_as_they_are_let_in() {
    let mut room = Room::new(8, 8);
    let listener = room.join(CodecId::Pcmu, 500.0);
    for (hz, gain_db, is_muted) in [(900.0, 6.0, false), (1300.0, -6.0, false), (1700.0, 0.0, true)] {
        let (name, role) = (Arc::from("somebody"), ConferenceRole::Party);
        let joined = room.enter(CodecId::Pcmu, hz, |leg| PartySpec { leg, name, role, gain_db, is_muted });
        joined.expect("there is room");
    }
    room.run(Duration::from_secs(2));
    let talker = room.talker(listener);
    let level = |hz| goertzel_dbm0(&talker.sound[8000..], SampleRate::HZ_8000, hz);
    let plain = 20.0 * (2000.0_f64 / 32_768.0).log10() + FULL_SCALE_DBM0;
    assert!((level(900.0) - plain - 6.0).abs() < 0.5 && (level(1300.0) - plain + 6.0).abs() < 0.5);
    assert!(level(1700.0) < -50.0);
}

#[test]
fn losses_and_jitter_of_one_party_make_no_hole_for_the_others() {
    for (seed, loss, jitter_ms) in [(11, 0.01, 30), (12, 0.05, 30), (13, 0.05, 100), (14, 0.1, 30)] {
        let mut room = Room::new(8, seed);
        let listener = room.join(LINEAR, 500.0);
        let talker = room.join(CodecId::Opus, 900.0);
        // The encoder adds redundancy where loss is told.
        room.talker(talker).encoder.set_expected_loss(20);
        (room.loss, room.jitter) = (loss, Duration::from_millis(jitter_ms));
        room.run(Duration::from_secs(10));
        let stats = room.call_of(talker).stats();
        let [stats] = &stats[..] else { panic!("one leg") };
        assert!(stats.lost > 0 && stats.recovered + stats.concealed > 0, "{stats:?}");
        assert!(stats.packets_received > 400 && stats.is_transcoded, "{stats:?}");
        room.talker(listener).phone.assert_unbroken(160);
        room.talker(talker).phone.assert_unbroken(960);
        let sound = &room.talker(listener).sound[8000..];
        let quiet = sound.chunks(160).filter(|chunk| chunk.iter().all(|sample| sample.abs() < 300)).count();
        let share = quiet as f64 / (sound.len() / 160) as f64;
        assert!(share < 0.02, "{share} of the time is silent, seed {seed}");
    }
}

#[test]
fn the_delay_of_a_conference_is_short_again_five_seconds_after_a_burst() {
    let mut room = Room::new(8, 15);
    let listener = room.join(LINEAR, 500.0);
    let talker = room.join(LINEAR, 900.0);
    room.run(Duration::from_secs(2));
    room.jitter = Duration::from_millis(150);
    room.run(Duration::from_secs(2));
    room.jitter = Duration::ZERO;
    room.run(Duration::from_millis(4500));
    // A pause, and then the tone begins with one packet: how long after it was sent is it heard?
    room.talker(talker).peak = 0.0;
    room.run(Duration::from_millis(500));
    room.talker(talker).peak = 8000.0;
    room.talker(listener).sound.clear();
    let sent_at = room.talker(talker).next_at;
    let mut heard_at = None;
    while heard_at.is_none() && room.now < sent_at + Duration::from_secs(1) {
        room.run(Duration::from_millis(1));
        let is_heard = room.talker(listener).sound.iter().any(|sample| sample.abs() > 1000);
        heard_at = is_heard.then_some(room.now);
    }
    let delay = heard_at.expect("it is heard").saturating_duration_since(sent_at);
    // The frame in which it begins may begin up to a tick earlier than the tone in it.
    assert!(delay < Duration::from_millis(60), "{delay:?}");
}

#[test]
fn a_party_that_changes_its_codec_stays() {
    let mut room = Room::new(8, 16);
    let (first, second) = (room.join(CodecId::Pcmu, 500.0), room.join(CodecId::Pcmu, 900.0));
    room.run(Duration::from_secs(1));
    let now = room.now;
    let codec = CodecId::G722;
    let id = room.talker(second).call;
    let talker = room.talker(second);
    talker.phone.codec = codec;
    talker.encoder = encoder(codec, codec.native_rate(), &EncoderConfig::default()).expect("an encoder");
    talker.decoder = decoder(codec, codec.native_rate()).expect("a decoder");
    talker.sound.clear();
    let offer = talker.phone.offer("sendrecv");
    room.hall.with_call(id, |call, outbox| {
        call.receive_offer(second, &offer, None);
        call.create_answer(second, None, now, outbox);
    });
    room.run(Duration::from_secs(1));
    assert!(room.hears(first, 900.0) && room.hears(second, 500.0) && !room.hears(second, 900.0));
    room.talker(first).phone.assert_unbroken(160);
    room.talker(second).phone.assert_unbroken(160);
}

/// Who asks for pauses gets them of the mix too, and what comes behind one is marked (RFC 3551 4.1).
#[test]
fn a_pause_of_all_others_is_not_sent_and_what_follows_begins_a_talkspurt() {
    let mut room = Room::new(8, 18);
    let (first, second) = (room.join(CodecId::Pcmu, 500.0), room.join(CodecId::Opus, 900.0));
    let (id, now) = (room.talker(second).call, room.now);
    room.talker(second).phone.lines = "a=fmtp:111 usedtx=1\r\n".to_owned();
    let offer = room.talker(second).phone.offer("sendrecv");
    room.hall.with_call(id, |call, outbox| {
        call.receive_offer(second, &offer, None);
        call.create_answer(second, None, now, outbox);
    });
    for peak in [2000.0, 0.0, 2000.0] {
        room.talker(first).peak = peak;
        room.run(Duration::from_secs(2));
    }
    let heard = &room.talker(second).phone.heard;
    let pauses = heard.windows(2).filter(|pair| pair[1].timestamp.wrapping_sub(pair[0].timestamp) > 960);
    let marked: Vec<_> = pauses.map(|pair| pair[1].marker).collect();
    assert!(marked.len() >= 2 && marked.iter().all(|marked| *marked), "{marked:?}");
    assert!(heard.windows(2).all(|pair| pair[1].sequence == pair[0].sequence.wrapping_add(1)));
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

#[test]
fn the_time_of_frames_that_are_left_out_after_a_stall_passes() {
    let mut room = Room::new(8, 18);
    let (first, second) = (room.join(CodecId::Pcmu, 500.0), room.join(CodecId::Opus, 900.0));
    room.run(Duration::from_secs(1));
    let last = |room: &mut Room, leg| room.talker(leg).phone.heard.last().expect("audio").timestamp;
    let before = [first, second].map(|leg| last(&mut room, leg));
    let counts = [first, second].map(|leg| room.talker(leg).phone.heard.len());
    // The thread stands still.
    room.now += Duration::from_millis(500);
    room.run(Duration::from_secs(1));
    for ((leg, before), (count, clock)) in
        [first, second].into_iter().zip(before).zip(counts.into_iter().zip([8, 48]))
    {
        let passed = last(&mut room, leg).wrapping_sub(before);
        let expected = 1500 * clock;
        assert!(passed.abs_diff(expected) <= 20 * clock, "{passed} ticks, not {expected}");
        let made = room.talker(leg).phone.heard.len() - count;
        assert!((49..=56).contains(&made), "{made} packets of a second: none is sent in a burst");
    }
}

/// The level of a tone in what a party heard in the last half second, against that of a hum as it comes.
fn gain_db(room: &mut Room, listener: LegId, hz: f64) -> f64 {
    let sound = &room.talker(listener).sound;
    let plain = 20.0 * (2000.0_f64 / 32_768.0).log10() + FULL_SCALE_DBM0;
    goertzel_dbm0(&sound[sound.len() - 4000..], SampleRate::HZ_8000, hz) - plain
}

#[test]
fn a_party_is_changed_while_it_talks_and_nothing_clicks() {
    let mut room = Room::new(8, 19);
    let listener = room.join(LINEAR, 60.0);
    let talker = room.join(LINEAR, 110.0);
    room.run(Duration::from_secs(1));
    let change = |room: &mut Room, gain_db, is_muted| {
        let (name, role) = (Arc::from("somebody"), ConferenceRole::Party);
        let spec = PartySpec { leg: talker, name, role, gain_db, is_muted };
        room.conference.change(spec, &mut room.hall);
        room.run(Duration::from_secs(1));
    };
    for (gain, is_muted, expected) in [
        (0.0, true, None),
        (0.0, false, Some(0.0)),
        (6.0, false, Some(6.0)),
        (-9.0, false, Some(-9.0)),
        (12.0, true, None),
    ] {
        change(&mut room, gain, is_muted);
        let heard = gain_db(&mut room, listener, 110.0);
        match expected {
            Some(expected) => assert!((heard - expected).abs() < 0.5, "{heard:.2} dB, not {expected}"),
            None => assert!(heard < -40.0, "{heard:.2} dB of a muted party"),
        }
        let told = room.events.iter().filter(|event| {
            matches!(event, CallEvent::PartyChanged { party, gain_db, is_muted: muted, .. }
                if *party == talker && *gain_db == gain && *muted == is_muted)
        });
        assert_eq!(told.count(), 2, "both are told");
        room.events.clear();
    }
    // A ramp of 10 ms from full level to nothing bends by 4000 / 80 at its ends, twice that with the gain.
    let bend = sharpest_bend(&room.talker(listener).sound[800..]);
    assert!(bend < 250, "a bend of {bend}");
}

#[test]
fn a_supervisor_changes_its_role_and_only_who_takes_part_is_told_of() {
    let to = |name: &str| ConferenceRole::Whisper { to: Arc::from(name) };
    let mut room = Room::new(8, 20);
    let agent = room.join_as(CodecId::Pcmu, 500.0, "agent", ConferenceRole::Party);
    let customer = room.join_as(CodecId::Pcmu, 900.0, "customer", ConferenceRole::Party);
    let supervisor = room.join_as(CodecId::Pcmu, 1700.0, "boss", ConferenceRole::Listen);
    room.run(Duration::from_secs(1));
    room.events.clear();
    for (role, by_agent, by_customer, news) in [
        (to("agent"), true, false, ""),
        (ConferenceRole::Barge, true, true, "joined"),
        (to("customer"), false, true, "left"),
        (ConferenceRole::Listen, false, false, ""),
        (ConferenceRole::Barge, true, true, "joined"),
        (ConferenceRole::Listen, false, false, "left"),
    ] {
        let (name, spoken) = (Arc::from("boss"), role.clone());
        let spec = PartySpec { leg: supervisor, name, role, gain_db: 0.0, is_muted: false };
        room.conference.change(spec, &mut room.hall);
        room.run(Duration::from_secs(1));
        assert_eq!(room.hears(agent, 1700.0), by_agent, "{spoken:?}");
        assert_eq!(room.hears(customer, 1700.0), by_customer, "{spoken:?}");
        assert!(room.hears(supervisor, 500.0) && room.hears(agent, 900.0));
        let told = room.events.drain(..).filter_map(|event| match event {
            CallEvent::PartyJoined { leg, party, .. } if party == supervisor && leg == agent => {
                Some("joined")
            }
            CallEvent::PartyLeft { leg, party, .. } if party == supervisor && leg == agent => Some("left"),
            CallEvent::PartyJoined { leg, .. } | CallEvent::PartyLeft { leg, .. } if leg == supervisor => {
                Some("itself")
            }
            _ => None,
        });
        assert_eq!(told.collect::<String>(), news, "{spoken:?}");
    }
}
