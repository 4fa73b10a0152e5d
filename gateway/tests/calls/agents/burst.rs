//! A burst of jitter on a phone's way into a conference: its sound is held back while that lasts, and soon no more.

use std::time::{Duration, SystemTime};

use webtrunk_codecs::g711::Law;
use webtrunk_codecs::tone::goertzel_dbm0;
use webtrunk_codecs::wav::Clip;
use webtrunk_codecs::{CodecId, SampleRate};
use webtrunk_loadtest::agent::{Heard, PhoneConfig, Sent, Voice};

use super::ear::assert_has_few_gaps;
use super::stage::{LEVEL_DBM0, Stage, phone};
use crate::support::gateway::{GatewayConfig, PATIENCE};
use crate::support::relay::{Faults, Relay};

const RATE: SampleRate = SampleRate::HZ_8000;

/// Samples of 10 ms and of a packet.
const TENTH: usize = 80;
const PACKET: usize = 160;

/// What the phone says, a tenth of a second each, over and over: where one follows the other, what is heard tells when it
/// was spoken. Whole periods fill a tenth of a second, and 10 ms tell them apart.
const TONES_HZ: [u16; 4] = [500, 800, 1100, 1400];
const PACKETS_A_TONE: usize = 5;

/// From the fifth second on, for three, packets are late by up to seven of them.
const BURST: (u64, u64) = (250, 400);
const JITTER_MS: u64 = 150;
const STORMY: Faults = Faults { jitter_ms: JITTER_MS, burst: Some(BURST), ..Faults::NONE };

/// How soon after the burst the delay is what it may be.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(5);
const DELAY_MAX: Duration = Duration::from_millis(60);

/// What it is in the burst, or that was none.
const HELD_BACK: Duration = Duration::from_millis(90);

/// A tone that began to be heard, and for how long its sound was on its way.
#[derive(Debug, Clone, Copy)]
struct Mark {
    at: SystemTime,
    delay: Duration,
}

fn tones() -> Voice {
    let peak = 32_767.0 * 10_f64.powf((LEVEL_DBM0 - webtrunk_codecs::tone::FULL_SCALE_DBM0) / 20.0);
    let sample = |hz: u16, at: usize| {
        let turns = f64::from(hz) * at as f64 / f64::from(RATE.hz());
        ((turns * std::f64::consts::TAU).sin() * peak) as i16
    };
    let tone = |hz: u16| (0..PACKETS_A_TONE * PACKET).map(move |at| sample(hz, at));
    let samples = TONES_HZ.into_iter().flat_map(tone).collect();
    Voice::from_clip(Clip { samples, rate: RATE }).expect("long enough")
}

/// Which of the tones this is.
fn tone_of(samples: &[i16]) -> usize {
    let level = |tone: &usize| goertzel_dbm0(samples, RATE, TONES_HZ[*tone].into());
    (0..TONES_HZ.len()).max_by(|a, b| level(a).total_cmp(&level(b))).expect("there are tones")
}

/// Every change from a tone to the next one.
fn marks(sent: &Sent, heard: &Heard) -> Vec<Mark> {
    let samples: Vec<i16> =
        heard.packets.iter().flat_map(|it| it.payload.iter().map(|code| Law::Mu.decode(*code))).collect();
    assert_eq!(samples.len(), heard.packets.len() * PACKET, "packets of 20 ms");
    let heard_at = |sample: usize| {
        heard.packets[sample / PACKET].at + Duration::from_micros((sample % PACKET) as u64 * 125)
    };
    let places: Vec<usize> = (0..samples.len() - TENTH).step_by(TENTH / 5).collect();
    let is_of = |place: usize| tone_of(&samples[place..place + TENTH]);
    let changes = places.windows(2).filter_map(|pair| {
        let tone = is_of(pair[1]);
        let is_next = tone == (is_of(pair[0]) + 1) % TONES_HZ.len();
        is_next.then(|| (tone, heard_at(pair[1] + TENTH / 2)))
    });
    let spoken_at = |tone: usize, at: SystemTime| {
        let begins = |index: u32| index as usize % (TONES_HZ.len() * PACKETS_A_TONE) == tone * PACKETS_A_TONE;
        sent.packets.iter().rfind(|it| begins(it.index) && it.at <= at).map(|it| it.at)
    };
    changes
        .filter_map(|(tone, at)| {
            let delay = at.duration_since(spoken_at(tone, at)?).ok()?;
            Some(Mark { at, delay })
        })
        .collect()
}

/// The median delay of each half second between these times.
fn delays(marks: &[Mark], from: SystemTime, to: SystemTime) -> Vec<Duration> {
    let within: Vec<&Mark> = marks.iter().filter(|mark| mark.at >= from && mark.at < to).collect();
    let medians = within.windows(5).map(|five| {
        let mut delays: Vec<Duration> = five.iter().map(|mark| mark.delay).collect();
        delays.sort();
        delays[2]
    });
    medians.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_of_jitter_delays_a_party_and_is_forgotten_within_five_seconds() {
    let relay = Relay::new();
    let config = GatewayConfig::default().rule(
        "destination = '8100'\nfrom_trunk = 'office|carrier'\nactions = ['answer', { conference = { room = '100' } }]",
    );
    let (stage, speaker) = Stage::behind_nat_with(&relay, STORMY, config);
    let speaker = phone(PhoneConfig { voice: Some(tones()), ..speaker }).await;
    let listener = phone(PhoneConfig { voice: None, ..stage.callee(CodecId::Pcmu) }).await;
    let party = speaker.call("8100").await.expect("an answer");
    let listener = listener.call("8100").await.expect("an answer");
    let seconds = FORGOTTEN_AFTER.as_secs() as usize + 1;
    listener.heard_packets(BURST.1 as usize + seconds * 50, PATIENCE).await.expect("audio");
    let (sent, heard) = (party.sent().await.expect("a log"), listener.heard().await.expect("a log"));
    let sent_at = |packet: u64| sent.packets[packet as usize].at;
    let ended_at = sent_at(BURST.1) + Duration::from_millis(JITTER_MS);
    let marks = marks(&sent, &heard);
    let delays = |from, to| delays(&marks, from, to).into_iter();
    let before = delays(sent_at(100), sent_at(BURST.0)).min().expect("tones are heard");
    let meanwhile = delays(sent_at(BURST.0 + 50), ended_at).max().expect("tones are heard");
    let last_second = ended_at + FORGOTTEN_AFTER - Duration::from_secs(1);
    let after = delays(last_second, ended_at + FORGOTTEN_AFTER).max().expect("tones are heard");
    let told = format!("{before:?} before, {meanwhile:?} in the burst, {after:?} after it");
    assert!(before < DELAY_MAX && after < DELAY_MAX, "{told}");
    assert!(meanwhile > HELD_BACK, "{told}");
    // The sound goes on all the time, and nothing of it is lost.
    assert_has_few_gaps(&heard.since(sent_at(100)));
    party.hang_up().await.expect("confirmed");
    listener.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(2);
    assert_eq!(stage.figures("rtp")["lost"], 0);
}
