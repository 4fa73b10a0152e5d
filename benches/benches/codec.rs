//! Every codec call on 20 ms of speech-like sound, and the floor of a transcoded call:
//! both directions of Opus <-> PCMU and nothing else.

mod measured;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use std::f64::consts::TAU;
use std::hint::black_box;
use webtrunk_codecs::comfort_noise::{NoiseGenerator, Sid, SilenceDetector};
use webtrunk_codecs::g711::{G711Decoder, Law};
use webtrunk_codecs::g722::G722Decoder;
use webtrunk_codecs::l16::L16Rate;
use webtrunk_codecs::opus::{OpusBandwidth, OpusEncoderConfig};
use webtrunk_codecs::resample::Resampler;
use webtrunk_codecs::tone::{Digit, DtmfDetector, Tone, ToneGenerator};
use webtrunk_codecs::{CodecId, Decoder, Encoder, EncoderConfig, SampleRate, decoder, encoder};

const NARROW: SampleRate = SampleRate::HZ_8000;
const WIDE: SampleRate = SampleRate::HZ_16000;
const FULL: SampleRate = SampleRate::HZ_48000;
/// Frames that a bench goes through in turn: two seconds, eight syllables.
const FRAMES: usize = 100;

criterion_group! {
    name = benches;
    config = measured::criterion();
    targets = g711, g722, l16, opus_encode, opus_decode, opus_loss, resampling, keys, comfort_noise, floor
}
criterion_main!(benches);

fn g711(c: &mut Criterion) {
    let frames = speech(NARROW);
    for (name, codec) in [("pcmu", CodecId::Pcmu), ("pcma", CodecId::Pcma)] {
        bench_encoder(
            c,
            &format!("{name} encode"),
            open_encoder(codec, NARROW, OpusEncoderConfig::default()),
            &frames,
        );
        let packets = encode_all(open_encoder(codec, NARROW, OpusEncoderConfig::default()), &frames);
        bench_decoder(c, &format!("{name} decode"), open_decoder(codec, NARROW), &packets);
    }
    // Both laws conceal alike.
    let packets = encode_all(open_encoder(CodecId::Pcmu, NARROW, OpusEncoderConfig::default()), &frames);
    let mut heard = G711Decoder::new(Law::Mu);
    let mut out = [0; 160];
    for packet in &packets[..20] {
        heard.decode(packet, &mut out).expect("our own packet");
    }
    c.bench_function("pcmu conceal", |b| {
        b.iter_batched_ref(
            || heard.clone(),
            |decoder| decoder.conceal(black_box(&mut out)),
            BatchSize::SmallInput,
        );
    });
}

fn g722(c: &mut Criterion) {
    for (rate, name) in [(WIDE, "16k"), (NARROW, "8k")] {
        let frames = speech(rate);
        let open = || open_encoder(CodecId::G722, rate, OpusEncoderConfig::default());
        bench_encoder(c, &format!("g722 encode {name}"), open(), &frames);
        let packets = encode_all(open(), &frames);
        bench_decoder(c, &format!("g722 decode {name}"), open_decoder(CodecId::G722, rate), &packets);
    }
    let packets = encode_all(open_encoder(CodecId::G722, WIDE, OpusEncoderConfig::default()), &speech(WIDE));
    let mut heard = G722Decoder::new(WIDE).expect("a rate of G.722");
    let mut out = [0; 320];
    for packet in &packets[..20] {
        heard.decode(packet, &mut out).expect("our own packet");
    }
    c.bench_function("g722 conceal", |b| {
        b.iter_batched_ref(
            || heard.clone(),
            |decoder| decoder.conceal(black_box(&mut out)),
            BatchSize::SmallInput,
        );
    });
}

fn l16(c: &mut Criterion) {
    let codec = CodecId::L16(L16Rate::Wide);
    for (rate, name) in [(WIDE, "16k"), (NARROW, "8k")] {
        let frames = speech(rate);
        let open = || open_encoder(codec, rate, OpusEncoderConfig::default());
        bench_encoder(c, &format!("l16 wide encode {name}"), open(), &frames);
        bench_decoder(
            c,
            &format!("l16 wide decode {name}"),
            open_decoder(codec, rate),
            &encode_all(open(), &frames),
        );
    }
}

fn opus_encode(c: &mut Criterion) {
    for (rate, name) in [(NARROW, "8k"), (WIDE, "16k"), (FULL, "48k")] {
        let frames = speech(rate);
        let encoder = open_encoder(CodecId::Opus, rate, OpusEncoderConfig::default());
        bench_encoder(c, &format!("opus encode {name} c5"), encoder, &frames);
        for complexity in [0, 5, 10] {
            let config = OpusEncoderConfig { complexity, inband_fec: false, ..Default::default() };
            let encoder = open_encoder(CodecId::Opus, rate, config);
            bench_encoder(c, &format!("opus encode {name} c{complexity} without fec"), encoder, &frames);
        }
    }
}

fn opus_decode(c: &mut Criterion) {
    for (stream, packets) in [("full band", full_band()), ("narrow band", narrow_band())] {
        for (rate, name) in [(NARROW, "8k"), (WIDE, "16k"), (FULL, "48k")] {
            let decoder = open_decoder(CodecId::Opus, rate);
            bench_decoder(c, &format!("opus decode {stream} to {name}"), decoder, &packets);
        }
    }
    let (packets, decoder) = (full_band(), open_decoder(CodecId::Opus, NARROW));
    let mut next = (0..FRAMES).cycle();
    c.bench_function("opus duration_of", |b| {
        b.iter(|| decoder.duration_of(black_box(&packets[next.next().unwrap_or(0)])));
    });
}

/// Concealment and recovery change the decoder, so each comes with the decoding of the packet after it.
fn opus_loss(c: &mut Criterion) {
    let config = OpusEncoderConfig { expected_loss_percent: 20, ..Default::default() };
    let packets = encode_all(open_encoder(CodecId::Opus, NARROW, config), &speech(NARROW));
    let mut out = [0; 160];
    let mut decoder = open_decoder(CodecId::Opus, NARROW);
    let mut next = packets.iter().cycle();
    let mut packet = || next.next().expect("a cycle has no end");
    c.bench_function("opus conceal and decode 8k", |b| {
        b.iter(|| {
            decoder.conceal(&mut out);
            decoder.decode(packet(), &mut out)
        });
    });
    c.bench_function("opus recover and decode 8k", |b| {
        b.iter(|| {
            let packet = packet();
            decoder.recover(packet, &mut out);
            decoder.decode(packet, &mut out)
        });
    });
}

fn resampling(c: &mut Criterion) {
    for (from, to, name) in [
        (NARROW, FULL, "8k to 48k"),
        (FULL, NARROW, "48k to 8k"),
        (NARROW, WIDE, "8k to 16k"),
        (WIDE, FULL, "16k to 48k"),
    ] {
        let mut resampler = Resampler::new(from, to).expect("fixed rates");
        let mut out = vec![0; to.samples_in_ms(20)];
        let frames = speech(from);
        let mut next = frames.iter().cycle();
        c.bench_function(&format!("resample {name}"), |b| {
            b.iter(|| resampler.process(next.next().expect("a cycle has no end"), black_box(&mut out)));
        });
    }
}

/// 20 ms of speech, of silence and of a key.
fn keys(c: &mut Criterion) {
    for (rate, name) in [(NARROW, "8k"), (WIDE, "16k")] {
        let mut key = vec![vec![0; rate.samples_in_ms(20)]; FRAMES];
        let mut generator = ToneGenerator::new(Tone::key(Digit::all().next().expect("sixteen keys")), rate);
        key.iter_mut().for_each(|frame| generator.fill(frame));
        let silence = vec![vec![0; rate.samples_in_ms(20)]];
        for (what, frames) in [("speech", speech(rate)), ("silence", silence), ("a key", key)] {
            let mut detector = DtmfDetector::new(rate).expect("a rate it runs");
            let mut next = frames.iter().cycle();
            c.bench_function(&format!("dtmf detect {name} in {what}"), |b| {
                b.iter(|| {
                    let frame = next.next().expect("a cycle has no end");
                    detector.push(black_box(frame), |event| {
                        black_box(event);
                    });
                });
            });
        }
    }
}

/// 20 ms of noise made, and looked at.
fn comfort_noise(c: &mut Criterion) {
    let mut noise = NoiseGenerator::new(NARROW, 1);
    noise.update(&Sid::white(-50.0).with_spectrum(&[-0.7, 0.3]));
    let (mut frame, mut detector) = ([0; 160], SilenceDetector::new(NARROW));
    c.bench_function("comfort noise generate 8k", |b| b.iter(|| noise.fill(black_box(&mut frame))));
    c.bench_function("comfort noise detect 8k", |b| b.iter(|| detector.push(black_box(&frame))));
}

/// 20 ms of a call in both directions: times fifty is what a second of it must cost.
fn floor(c: &mut Criterion) {
    let frames = speech(NARROW);
    let from_phone = encode_all(open_encoder(CodecId::Pcmu, NARROW, OpusEncoderConfig::default()), &frames);
    for (stream, from_browser) in [("full band", full_band()), ("narrow band", narrow_band())] {
        for complexity in [0, 5, 10] {
            let config = OpusEncoderConfig { complexity, ..Default::default() };
            let (mut opus_in, mut opus_out) =
                (open_decoder(CodecId::Opus, NARROW), open_encoder(CodecId::Opus, NARROW, config));
            let (mut pcmu_in, mut pcmu_out) =
                (open_decoder(CodecId::Pcmu, NARROW), open_encoder(CodecId::Pcmu, NARROW, config));
            let (mut pcm, mut payload) = ([0; 160], [0; 500]);
            let mut next = from_browser.iter().zip(&from_phone).cycle();
            c.bench_function(&format!("floor opus {stream} and pcmu c{complexity}"), |b| {
                b.iter(|| {
                    let (opus, pcmu) = next.next().expect("a cycle has no end");
                    opus_in.decode(opus, &mut pcm).expect("our own packet");
                    pcmu_out.encode(&pcm, black_box(&mut payload)).expect("20 ms");
                    pcmu_in.decode(pcmu, &mut pcm).expect("our own packet");
                    opus_out.encode(&pcm, black_box(&mut payload)).expect("20 ms");
                });
            });
        }
    }
}

fn bench_encoder(c: &mut Criterion, name: &str, mut encoder: Box<dyn Encoder>, frames: &[Vec<i16>]) {
    let mut payload = [0; 1500];
    let mut next = frames.iter().cycle();
    c.bench_function(name, |b| {
        b.iter(|| encoder.encode(next.next().expect("a cycle has no end"), black_box(&mut payload)));
    });
}

fn bench_decoder(c: &mut Criterion, name: &str, mut decoder: Box<dyn Decoder>, packets: &[Vec<u8>]) {
    let mut pcm = [0; 960];
    let mut next = packets.iter().cycle();
    c.bench_function(name, |b| {
        b.iter(|| decoder.decode(next.next().expect("a cycle has no end"), black_box(&mut pcm)));
    });
}

/// What a browser sends of its own accord: hybrid frames, 32 kbit/s.
fn full_band() -> Vec<Vec<u8>> {
    encode_all(open_encoder(CodecId::Opus, FULL, OpusEncoderConfig::default()), &speech(FULL))
}

/// What it sends when told `maxplaybackrate=8000;maxaveragebitrate=20000`.
fn narrow_band() -> Vec<Vec<u8>> {
    let max_bandwidth = Some(OpusBandwidth::Narrow);
    let config = OpusEncoderConfig { max_bandwidth, bitrate_bps: 20_000, ..Default::default() };
    encode_all(open_encoder(CodecId::Opus, FULL, config), &speech(FULL))
}

fn open_encoder(codec: CodecId, rate: SampleRate, opus: OpusEncoderConfig) -> Box<dyn Encoder> {
    encoder(codec, rate, &EncoderConfig { opus }).expect("the codec has this rate")
}

fn open_decoder(codec: CodecId, rate: SampleRate) -> Box<dyn Decoder> {
    decoder(codec, rate).expect("the codec has this rate")
}

fn encode_all(mut encoder: Box<dyn Encoder>, frames: &[Vec<i16>]) -> Vec<Vec<u8>> {
    let mut payload = [0; 1500];
    let encode = |frame: &Vec<i16>| {
        let bytes = encoder.encode(frame, &mut payload).expect("20 ms");
        payload[..bytes].to_vec()
    };
    frames.iter().map(encode).collect()
}

/// A gliding voice of harmonics up to 10 kHz with four syllables a second, over a little noise.
fn speech(rate: SampleRate) -> Vec<Vec<i16>> {
    let mut phase = 0.0;
    let mut noise = 1_u32;
    let samples: Vec<i16> = (0..FRAMES * rate.samples_in_ms(20))
        .map(|n| {
            let seconds = n as f64 / f64::from(rate.hz());
            let pitch = 140.0 + 40.0 * (TAU * 0.7 * seconds).sin();
            phase += pitch / f64::from(rate.hz());
            let top = (0.45 * f64::from(rate.hz())).min(10_000.0);
            let harmonics = (1..).map(f64::from).take_while(|harmonic| harmonic * pitch < top);
            let voice: f64 = harmonics.map(|harmonic| (TAU * harmonic * phase).sin() / harmonic).sum();
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let hiss = f64::from(noise >> 16) / 65_536.0 - 0.5;
            let syllable = (TAU * 2.0 * seconds).sin().abs();
            (syllable * (4000.0 * voice + 600.0 * hiss)) as i16
        })
        .collect();
    samples.chunks(rate.samples_in_ms(20)).map(<[i16]>::to_vec).collect()
}
