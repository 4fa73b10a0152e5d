//! The built-in full-reference score beside PESQ, on speech that none of its weights was fitted to.

use std::path::Path;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use webtrunk_codecs::opus::OpusEncoderConfig;
use webtrunk_codecs::resample::resample;
use webtrunk_codecs::wav::read_wav;
use webtrunk_codecs::{CodecId, EncoderConfig, SampleRate, decoder, encoder};
use webtrunk_loadtest::hear::{PesqBand, opinion, pesq};

const RATE: SampleRate = SampleRate::HZ_8000;
/// Samples of a packet of 20 ms.
const PACKET: usize = 160;

/// The announcement, which the gateway plays.
fn speech() -> Vec<i16> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../gateway/assets/announcement.wav");
    let clip = read_wav(&std::fs::read(file).expect("in the repository")).expect("WAV");
    resample(&clip.samples, clip.rate, RATE)
}

/// Which packets are lost: the same every time.
fn losses(share: f64) -> impl FnMut() -> bool {
    let mut random = StdRng::seed_from_u64(7);
    move || random.random_bool(share)
}

/// Through a codec and a network that loses this share of its packets, `repaired` by the codec or left silent.
fn carried(speech: &[i16], codec: CodecId, bitrate_bps: u32, share: f64, is_repaired: bool) -> Vec<i16> {
    let opus = OpusEncoderConfig { bitrate_bps, expected_loss_percent: 0, ..OpusEncoderConfig::default() };
    let mut encoder = encoder(codec, RATE, &EncoderConfig { opus }).expect("a rate of the codec");
    let mut decoder = decoder(codec, RATE).expect("a rate of the codec");
    let mut is_lost = losses(share);
    let mut heard = Vec::with_capacity(speech.len());
    for frame in speech.chunks_exact(PACKET) {
        let (mut payload, mut out) = ([0; 1500], [0; PACKET]);
        let length = encoder.encode(frame, &mut payload).expect("20 ms is a frame");
        match (is_lost(), is_repaired) {
            (true, true) => decoder.conceal(&mut out),
            (true, false) => {}
            (false, _) => {
                decoder.decode(&payload[..length], &mut out).expect("it was encoded");
            }
        }
        heard.extend(out);
    }
    heard
}

/// With noise, so many dB below what is said.
fn noisy(speech: &[i16], below_db: f64) -> Vec<i16> {
    let power = speech.iter().map(|it| f64::from(*it).powi(2)).sum::<f64>() / speech.len() as f64;
    // The power of even noise is a third of the square of its peak.
    let peak = (3.0 * power).sqrt() * 10_f64.powf(-below_db / 20.0);
    let mut random = StdRng::seed_from_u64(11);
    speech.iter().map(|it| (f64::from(*it) + random.random_range(-peak..peak)) as i16).collect()
}

/// What was done to speech, by name.
fn degraded(speech: &[i16]) -> Vec<(String, Vec<i16>)> {
    let mut all = vec![("untouched".to_owned(), speech.to_vec())];
    for codec in [CodecId::Pcmu, CodecId::Pcma] {
        all.push((format!("{codec:?}"), carried(speech, codec, 0, 0.0, true)));
    }
    for bitrate in [6000, 8000, 12_000, 24_000] {
        all.push((format!("Opus at {bitrate}"), carried(speech, CodecId::Opus, bitrate, 0.0, true)));
    }
    for share in [0.01, 0.03, 0.05, 0.1, 0.2] {
        all.push((format!("{share} lost, repaired"), carried(speech, CodecId::Pcmu, 0, share, true)));
        all.push((format!("{share} lost, silent"), carried(speech, CodecId::Pcmu, 0, share, false)));
        all.push((format!("Opus, {share} lost"), carried(speech, CodecId::Opus, 24_000, share, true)));
    }
    for below_db in [40.0, 30.0, 20.0, 10.0] {
        all.push((format!("noise at -{below_db} dB"), noisy(speech, below_db)));
    }
    for step in [64, 256, 1024] {
        all.push((format!("in steps of {step}"), speech.iter().map(|it| it / step * step).collect()));
    }
    all
}

/// The place of each value among all.
fn ranks(values: &[f64]) -> Vec<f64> {
    let rank = |value: &f64| values.iter().filter(|it| *it < value).count() as f64;
    values.iter().map(rank).collect()
}

fn correlation(one: &[f64], other: &[f64]) -> f64 {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (a, b) = (mean(one), mean(other));
    let sum = |f: &dyn Fn(f64, f64) -> f64| one.iter().zip(other).map(|(x, y)| f(x - a, y - b)).sum::<f64>();
    sum(&|x, y| x * y) / (sum(&|x, _| x * x) * sum(&|_, y| y * y)).sqrt()
}

#[test]
fn the_built_in_score_agrees_with_pesq() {
    if ["WEBTRUNK_PYTHON", "WEBTRUNK_TEST_PYTHON"].iter().all(|name| std::env::var_os(name).is_none()) {
        assert!(std::env::var("WEBTRUNK_TEST_TOOLS").as_deref() != Ok("required"), "no Python is named");
        eprintln!("passed over: no Python with PESQ is named");
        return;
    }
    let speech = speech();
    let pairs = degraded(&speech);
    let scored = pairs.iter().map(|(name, heard)| {
        let theirs = pesq(&speech[..heard.len()], heard, PesqBand::Narrow).expect("a score");
        (name.as_str(), opinion(&speech, heard).expect("it was heard"), theirs)
    });
    let scored: Vec<_> = scored.collect();
    let (ours, theirs): (Vec<_>, Vec<_>) = scored.iter().map(|(_, ours, theirs)| (*ours, *theirs)).unzip();
    let off: Vec<_> = ours.iter().zip(&theirs).map(|(a, b)| (a - b).abs()).collect();
    let mean = off.iter().sum::<f64>() / off.len() as f64;
    let most = off.iter().copied().fold(0.0, f64::max);
    let (alike, ranked) = (correlation(&ours, &theirs), correlation(&ranks(&ours), &ranks(&theirs)));
    assert!(
        alike > 0.95 && ranked > 0.93 && mean < 0.3 && most < 0.9,
        "{alike} {ranked} {mean} {most}: {scored:#?}"
    );
}

#[test]
fn something_else_is_told_bad_and_a_later_start_does_not_matter() {
    let speech = speech();
    let backwards: Vec<_> = speech.iter().rev().copied().collect();
    assert!(opinion(&speech, &backwards).is_some_and(|it| it < 1.5));
    let late = [&[0; 300], &speech[..]].concat();
    assert!(opinion(&speech, &late).is_some_and(|it| it > 4.0));
    let soft: Vec<_> = speech.iter().map(|it| it / 2).collect();
    assert!(opinion(&speech, &soft).is_some_and(|it| it > 4.0));
    assert_eq!(opinion(&[0; 16_000], &speech), None);
    assert_eq!(opinion(&speech, &[]), None);
    // What was heard is over before anything is said.
    assert_eq!(opinion(&[&[0; 8000], &speech[..]].concat(), &[0; 4000]), None);
}
