//! G.722 against another implementation, ffmpeg's, to the bit: octets and samples kept as fixtures.

use webtrunk_codecs::g722::{G722Decoder, G722Encoder};
use webtrunk_codecs::{Decoder, Encoder, SampleRate};

const SAID_OCTETS: &[u8] = include_bytes!("../fixtures/g722/said.g722");
const SAID_SAMPLES: &[u8] = include_bytes!("../fixtures/g722/said.s16");
const ANY_SAMPLES: &[u8] = include_bytes!("../fixtures/g722/octets.s16");

#[test]
fn every_octet_is_the_one_of_the_other_encoder() {
    let mut encoder = G722Encoder::new(SampleRate::HZ_16000).unwrap();
    let mut octets = vec![0; SAID_OCTETS.len()];
    for (pcm, octets) in said().chunks(320).zip(octets.chunks_mut(160)) {
        encoder.encode(pcm, octets).unwrap();
    }
    let differing = octets.iter().zip(SAID_OCTETS).position(|(ours, theirs)| ours != theirs);
    assert_eq!((octets.len(), differing), (4000, None));
}

#[test]
fn every_sample_is_the_one_of_the_other_decoder() {
    for (octets, samples) in [(SAID_OCTETS.to_vec(), SAID_SAMPLES), (any_octets(), ANY_SAMPLES)] {
        let mut decoder = G722Decoder::new(SampleRate::HZ_16000).unwrap();
        let expected = samples.as_chunks::<2>().0.iter().map(|pair| i16::from_le_bytes(*pair));
        let mut heard = vec![0; 2 * octets.len()];
        for (octets, heard) in octets.chunks(160).zip(heard.chunks_mut(320)) {
            decoder.decode(octets, heard).unwrap();
        }
        let differing = heard.iter().zip(expected.clone()).position(|(ours, theirs)| *ours != theirs);
        assert_eq!((heard.len(), differing), (expected.len(), None));
    }
}

/// Sweeps and noise from silence to the loudest, then a square wave of full scale.
fn said() -> Vec<i16> {
    const LEVELS: [i32; 8] = [0, 60, 900, 6000, 20_000, 32_767, 2500, 32_767];
    /// Eighths of noise in the sound.
    const NOISE: [i32; 8] = [0, 4, 1, 2, 8, 0, 3, 1];
    let mut random = 1;
    let mut phase = 0_i32;
    (0..8000)
        .map(|n| {
            let noise = (next(&mut random) >> 16).cast_signed() - 32_768;
            phase = (phase + 200 + 3 * n as i32) & 0xffff;
            let sweep = ((2 * phase - 65_536).abs() - 32_768).min(32_767);
            let share = NOISE[n / 500 % 8];
            let mix = (sweep * (8 - share) + noise * share).div_euclid(8);
            match n / 1000 {
                7 => {
                    if mix >= 0 {
                        i16::MAX
                    } else {
                        i16::MIN
                    }
                }
                part => (mix * LEVELS[part]).div_euclid(32_768) as i16,
            }
        })
        .collect()
}

/// Stretches of one code, which drive a decoder to its ends, then whatever comes.
fn any_octets() -> Vec<u8> {
    let mut random = 7;
    let octet = |n: u32| {
        let any = (next(&mut random) >> 24) as u8;
        if n % 200 < 60 { (n / 100 * 37) as u8 } else { any }
    };
    (0..4000).map(octet).collect()
}

fn next(random: &mut u32) -> u32 {
    *random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
    *random
}
