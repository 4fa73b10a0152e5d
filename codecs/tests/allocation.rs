//! After a codec was opened, nothing that happens per packet allocates.

#![allow(clippy::unwrap_used)]

#[path = "../../engine/tests/support/allocations.rs"]
mod allocations;

use webtrunk_codecs::comfort_noise::{NoiseGenerator, Sid, SilenceDetector};
use webtrunk_codecs::resample::Resampler;
use webtrunk_codecs::tone::{Digit, DtmfDetector, Tone, ToneGenerator};
use webtrunk_codecs::{CodecId, EncoderConfig, SampleRate, decoder, encoder};

use allocations::allocations;

#[test]
fn no_codec_allocates_per_packet() {
    for codec in CodecId::ALL {
        let mut encoder = encoder(codec, SampleRate::HZ_8000, &EncoderConfig::default()).unwrap();
        let mut decoder = decoder(codec, SampleRate::HZ_8000).unwrap();
        let mut voice = ToneGenerator::new(Tone::ringback(), SampleRate::HZ_8000);
        let (mut pcm, mut payload, mut out) = ([0; 160], [0; 1920], [0; 480]);
        let before = allocations();
        for index in 0..200 {
            voice.fill(&mut pcm);
            let bytes = encoder.encode(&pcm, &mut payload).unwrap();
            encoder.set_expected_loss(index);
            match index % 10 {
                3 => decoder.conceal(&mut out),
                6 => {
                    decoder.recover(&payload[..bytes], &mut out[..160]);
                }
                _ => {}
            }
            assert_eq!(decoder.duration_of(&payload[..bytes]), Some(160));
            assert_eq!(decoder.decode(&payload[..bytes], &mut out), Ok(160));
            assert!(decoder.decode(&[], &mut out).is_err());
        }
        assert_eq!(allocations() - before, 0, "{codec:?}");
    }
}

#[test]
fn no_resampler_allocates_per_packet() {
    let (low, high) = (SampleRate::HZ_8000, SampleRate::HZ_48000);
    let (mut up, mut down) = (Resampler::new(low, high).unwrap(), Resampler::new(high, low).unwrap());
    let (mut wide, mut narrow) = ([0; 960], [500; 160]);
    let before = allocations();
    for _ in 0..100 {
        assert_eq!(up.process(&narrow, &mut wide), 960);
        assert_eq!(down.process(&wide, &mut narrow), 160);
    }
    assert_eq!(allocations() - before, 0);
}

#[test]
fn listening_for_keys_does_not_allocate() {
    for rate in [SampleRate::HZ_8000, SampleRate::HZ_16000] {
        let mut detector = DtmfDetector::new(rate).unwrap();
        let mut key = ToneGenerator::new(Tone::key(Digit::parse('5').unwrap()).with_cadence(60, 60), rate);
        let (mut pcm, mut heard) = ([0; 320], 0);
        detector.push(&pcm, |_| {});
        let before = allocations();
        for _ in 0..100 {
            key.fill(&mut pcm);
            detector.push(&pcm, |_| heard += 1);
        }
        assert_eq!(allocations() - before, 0);
        assert!(heard > 20, "{heard} events");
    }
}

#[test]
fn comfort_noise_does_not_allocate() {
    let rate = SampleRate::HZ_16000;
    let (mut noise, mut detector) = (NoiseGenerator::new(rate, 1), SilenceDetector::new(rate));
    let (mut pcm, mut payload) = ([0; 320], [0; 20]);
    noise.update(&Sid::white(-50.0));
    let before = allocations();
    for _ in 0..100 {
        noise.fill(&mut pcm);
        detector.push(&pcm);
        let octets = detector.sid().write_to(&mut payload).unwrap();
        noise.update(&Sid::parse(&payload[..octets]).unwrap());
    }
    assert_eq!(allocations() - before, 0);
}
