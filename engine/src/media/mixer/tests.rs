//! Conferences of tones: who hears whom, how loud, and that nothing clicks.

use std::f64::consts::TAU;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use webtrunk_codecs::SampleRate;
use webtrunk_codecs::tone::{FULL_SCALE_DBM0, goertzel_dbm0};

use super::*;

const NARROW: SampleRate = SampleRate::HZ_8000;
const WIDE: SampleRate = SampleRate::HZ_16000;
const FULL: SampleRate = SampleRate::HZ_48000;

/// A party that hums.
struct Voice {
    slot: SlotId,
    rate: SampleRate,
    hz: f64,
    peak: f64,
    at: u32,
    heard: Vec<i16>,
}

struct Conference {
    mixer: Mixer,
    voices: Vec<Voice>,
    now: Instant,
    events: Vec<MixerEvent>,
}

impl Conference {
    fn new(capacity: usize) -> Self {
        Self { mixer: Mixer::new(capacity), voices: Vec::new(), now: Instant::now(), events: Vec::new() }
    }

    fn join(&mut self, rate: SampleRate, hz: f64, role: Role) -> SlotId {
        let slot = self.mixer.join(rate, role).expect("there is room");
        self.voices.push(Voice { slot, rate, hz, peak: 2000.0, at: 0, heard: Vec::new() });
        slot
    }

    fn leave(&mut self, slot: SlotId) {
        self.mixer.leave(slot);
        self.voices.retain(|voice| voice.slot != slot);
    }

    fn run(&mut self, ticks: u32) {
        for _ in 0..ticks {
            for voice in &mut self.voices {
                let frame = self.mixer.input(voice.slot).expect("it is there");
                for sample in frame {
                    let at = f64::from(voice.at) * voice.hz / f64::from(voice.rate.hz());
                    *sample = ((at * TAU).sin() * voice.peak) as i16;
                    voice.at += 1;
                }
            }
            self.mixer.tick(self.now);
            self.now += Duration::from_millis(TICK_MS.into());
            for voice in &mut self.voices {
                voice.heard.extend_from_slice(self.mixer.output(voice.slot));
            }
            self.events.extend(std::iter::from_fn(|| self.mixer.poll_event()));
        }
    }

    fn voice(&mut self, slot: SlotId) -> &mut Voice {
        self.voices.iter_mut().find(|voice| voice.slot == slot).expect("it is there")
    }

    /// Whether `listener` has heard a tone in the last half second.
    fn hears(&mut self, listener: SlotId, hz: f64) -> bool {
        let voice = self.voice(listener);
        let heard = &voice.heard[voice.heard.len() - voice.rate.samples_in_ms(500)..];
        let level = goertzel_dbm0(heard, voice.rate, hz);
        assert!(!(-60.0..-22.0).contains(&level), "{level} dBm0 at {hz} Hz is neither there nor not");
        level > -25.0
    }
}

/// The sharpest bend in the sound: a step of n makes one of n, hums of 2000 next to none.
fn sharpest_bend(samples: &[i16]) -> i32 {
    let bends = samples.windows(3).map(|s| i32::from(s[0]) - 2 * i32::from(s[1]) + i32::from(s[2]));
    bends.map(i32::abs).max().unwrap_or(0)
}

#[test]
fn slots_hear_everyone_but_themselves_at_any_rates() {
    for rates in [[NARROW; 3], [WIDE; 3], [FULL; 3], [NARROW, WIDE, FULL], [FULL, NARROW, NARROW]] {
        let mut conference = Conference::new(3);
        let tones = [500.0, 900.0, 1700.0];
        let slots: Vec<SlotId> =
            rates.iter().zip(tones).map(|(rate, hz)| conference.join(*rate, hz, Role::Party)).collect();
        conference.run(50);
        for (listener, own) in slots.iter().zip(tones) {
            for hz in tones {
                assert_eq!(conference.hears(*listener, hz), hz != own, "{hz} Hz by {listener:?}, {rates:?}");
            }
        }
        for (slot, other) in slots.iter().zip([900.0, 1700.0, 500.0]) {
            let voice = conference.voice(*slot);
            let heard = &voice.heard[voice.heard.len() - voice.rate.samples_in_ms(500)..];
            let expected = 20.0 * (2000.0_f64 / 32_768.0).log10() + FULL_SCALE_DBM0;
            let level = goertzel_dbm0(heard, voice.rate, other);
            assert!((level - expected).abs() < 0.3, "{level} dBm0 for {expected}, {rates:?}");
        }
    }
}

#[test]
fn the_mix_is_wide_when_two_parties_are() {
    let mut conference = Conference::new(4);
    let narrow = conference.join(NARROW, 500.0, Role::Party);
    assert_eq!(conference.mixer.mixing_rate(), NARROW);
    let full = conference.join(FULL, 600.0, Role::Party);
    assert_eq!(conference.mixer.mixing_rate(), NARROW);
    let wide = conference.join(WIDE, 6000.0, Role::Party);
    assert_eq!(conference.mixer.mixing_rate(), WIDE);
    conference.run(50);
    assert!(conference.hears(full, 6000.0) && !conference.hears(narrow, 2000.0));
    let fuller = conference.join(FULL, 11_000.0, Role::Party);
    assert_eq!(conference.mixer.mixing_rate(), FULL);
    conference.run(50);
    assert!(conference.hears(full, 11_000.0) && conference.hears(wide, 500.0));
    conference.leave(fuller);
    conference.leave(wide);
    assert_eq!(conference.mixer.mixing_rate(), NARROW);
    conference.run(50);
    assert!(conference.hears(full, 500.0) && !conference.hears(full, 6000.0));
}

#[test]
fn supervisors_listen_whisper_and_barge() {
    let mut conference = Conference::new(3);
    let agent = conference.join(NARROW, 500.0, Role::Party);
    let customer = conference.join(NARROW, 900.0, Role::Party);
    let supervisor = conference.join(NARROW, 1700.0, Role::Listen);
    for (role, by_agent, by_customer) in [
        (Role::Listen, false, false),
        (Role::Whisper { to: agent }, true, false),
        (Role::Whisper { to: customer }, false, true),
        (Role::Barge, true, true),
        (Role::Listen, false, false),
    ] {
        conference.mixer.set_role(supervisor, role);
        conference.run(50);
        for (listener, is_heard) in [(agent, by_agent), (customer, by_customer)] {
            assert_eq!(conference.hears(listener, 1700.0), is_heard, "{role:?}");
            assert_eq!(conference.mixer.hears(listener, supervisor), is_heard, "{role:?}");
        }
        assert!(conference.hears(supervisor, 500.0) && conference.hears(supervisor, 900.0));
        assert!(conference.hears(agent, 900.0) && conference.hears(customer, 500.0));
        assert!(!conference.hears(supervisor, 1700.0) && !conference.mixer.hears(agent, agent));
        assert!(sharpest_bend(&conference.voice(agent).heard[160..]) < 5000);
    }
}

#[test]
fn a_whisper_is_not_heard_by_who_comes_after_the_one_it_was_for() {
    let mut conference = Conference::new(3);
    let agent = conference.join(NARROW, 500.0, Role::Party);
    let customer = conference.join(NARROW, 900.0, Role::Party);
    let supervisor = conference.join(NARROW, 1700.0, Role::Whisper { to: agent });
    conference.run(50);
    assert!(conference.hears(agent, 1700.0) && !conference.hears(customer, 1700.0));
    conference.leave(agent);
    conference.run(1);
    let stranger = conference.join(NARROW, 500.0, Role::Party);
    assert_eq!(stranger, agent, "the same slot");
    conference.run(50);
    assert!(!conference.hears(stranger, 1700.0) && !conference.mixer.hears(stranger, supervisor));
}

#[test]
fn five_hundred_joins_and_leaves_make_no_click() {
    for rates in [&[NARROW][..], &[WIDE], &[NARROW, WIDE, FULL]] {
        let mut random = StdRng::seed_from_u64(7);
        let mut conference = Conference::new(10);
        let (mut changes, mut bends) = (0, 0);
        // What an abrupt change would make, to know that this test can hear one.
        let mut abrupt = 0;
        while changes < 500 {
            let count = conference.voices.len();
            if count < 10 && (count < 3 || random.random_bool(0.5)) {
                let rate = rates[random.random_range(0..rates.len())];
                conference.join(rate, random.random_range(60.0..110.0), Role::Party);
            } else {
                let leaver = &conference.voices[random.random_range(0..count)];
                let last = f64::from(leaver.at) * leaver.hz / f64::from(leaver.rate.hz());
                abrupt = abrupt.max(((last * TAU).sin() * leaver.peak).abs() as i32);
                let slot = leaver.slot;
                conference.leave(slot);
            }
            changes += 1;
            let ticks = random.random_range(1..6);
            conference.run(ticks);
            for voice in &mut conference.voices {
                // Ten hums of 2000 at 110 Hz bend by 150 at most, at 8 kHz.
                bends = bends.max(sharpest_bend(&voice.heard));
                let kept = voice.heard.len().saturating_sub(2);
                voice.heard.drain(..kept);
            }
        }
        assert!(abrupt > 1900);
        assert!(bends < 300, "a bend of {bends}, {rates:?}");
    }
}

#[test]
fn a_party_that_brings_nothing_for_a_while_makes_no_click() {
    let mut conference = Conference::new(2);
    let listener = conference.join(NARROW, 80.0, Role::Party);
    let other = conference.mixer.join(NARROW, Role::Party).expect("there is room");
    let (mut at, mut heard) = (0_u32, Vec::new());
    for tick in 0..200 {
        if tick % 7 < 4 {
            for sample in conference.mixer.input(other).expect("it is there") {
                *sample = ((f64::from(at) * 90.0 / 8000.0 * TAU).sin() * 8000.0) as i16;
                at += 1;
            }
        }
        conference.mixer.tick(conference.now);
        heard.extend_from_slice(conference.mixer.output(listener));
    }
    assert!(sharpest_bend(&heard) < 300, "{}", sharpest_bend(&heard));
    assert!(heard.iter().any(|sample| *sample > 7000) && heard.windows(160).any(|part| part == [0; 160]));
}

#[test]
fn gain_and_mute_act_without_a_click() {
    let mut conference = Conference::new(2);
    let listener = conference.join(NARROW, 80.0, Role::Party);
    let talker = conference.join(NARROW, 100.0, Role::Party);
    let loudest = |conference: &mut Conference| {
        conference.voice(listener).heard.clear();
        conference.run(10);
        let bend = sharpest_bend(&conference.voice(listener).heard);
        assert!(bend < 200, "a bend of {bend}");
        let heard = &conference.voice(listener).heard[800..];
        heard.iter().map(|sample| sample.unsigned_abs()).max().expect("ten ticks")
    };
    conference.run(2);
    for (gain, expected) in [(0.5, 1000), (4.0, 8000), (100.0, 8000), (0.0, 0), (f32::NAN, 2000)] {
        conference.mixer.set_gain(talker, gain);
        assert!(loudest(&mut conference).abs_diff(expected) < 10, "gain {gain}");
    }
    conference.mixer.set_muted(talker, true);
    assert_eq!(loudest(&mut conference), 0);
    assert!(!conference.mixer.hears(listener, talker));
    conference.mixer.set_muted(talker, false);
    assert!(loudest(&mut conference).abs_diff(2000) < 10);
}

#[test]
fn ten_loud_parties_do_not_clip() {
    let mut conference = Conference::new(11);
    let listener = conference.join(WIDE, 100.0, Role::Party);
    for hz in 0..10 {
        let slot = conference.join(WIDE, 200.0 + 31.0 * f64::from(hz), Role::Party);
        conference.voice(slot).peak = 20_000.0;
    }
    conference.run(100);
    let heard = &conference.voice(listener).heard;
    assert!(heard.iter().all(|sample| sample.unsigned_abs() < 32_767));
    let in_a_row = heard.windows(3).filter(|s| s[0] == s[1] && s[1] == s[2] && s[0].unsigned_abs() > 20_000);
    assert_eq!(in_a_row.count(), 0, "no flat tops");
}

#[test]
fn the_active_speaker_is_told() {
    let mut conference = Conference::new(3);
    let (first, second) =
        (conference.join(NARROW, 300.0, Role::Party), conference.join(WIDE, 400.0, Role::Party));
    let quiet = conference.join(WIDE, 500.0, Role::Listen);
    conference.voice(first).peak = 20.0;
    conference.voice(second).peak = 20.0;
    conference.voice(quiet).peak = 20_000.0;
    conference.run(50);
    assert_eq!(conference.events, []);
    let told = |conference: &mut Conference, ticks| -> Vec<Option<SlotId>> {
        conference.run(ticks);
        let speakers = conference.events.drain(..).filter_map(|event| match event {
            MixerEvent::SpeakerChanged { speaker, .. } => Some(speaker),
            MixerEvent::TalkingStarted { .. } | MixerEvent::TalkingStopped { .. } => None,
        });
        speakers.collect()
    };
    conference.voice(first).peak = 3000.0;
    assert_eq!(told(&mut conference, 25), [Some(first)]);
    conference.voice(second).peak = 20_000.0;
    assert_eq!(told(&mut conference, 10), [], "not at once");
    assert_eq!(told(&mut conference, 40), [Some(second)]);
    conference.voice(second).peak = 0.0;
    assert_eq!(told(&mut conference, 100), [Some(first)]);
    conference.leave(first);
    assert_eq!(told(&mut conference, 5), [None]);
}

#[test]
fn who_cannot_join_is_told_why_and_who_is_not_there_hears_nothing() {
    let mut mixer = Mixer::new(1);
    let odd = SampleRate::new(44_100).expect("not zero");
    assert_eq!(mixer.join(odd, Role::Party), Err(JoinError::SampleRate { hz: 44_100 }));
    let slot = mixer.join(NARROW, Role::Party).expect("there is room");
    assert_eq!(mixer.join(NARROW, Role::Party), Err(JoinError::Full));
    assert_eq!((mixer.len(), mixer.is_empty()), (1, false));
    mixer.tick(Instant::now());
    assert_eq!(mixer.output(slot), [0; 160], "alone");
    mixer.leave(slot);
    mixer.tick(Instant::now());
    assert!(mixer.is_empty() && mixer.input(slot).is_none() && mixer.output(slot).is_empty());
    mixer.set_muted(slot, true);
    mixer.leave(slot);
    assert_eq!(mixer.join(NARROW, Role::Party), Ok(slot));
}
