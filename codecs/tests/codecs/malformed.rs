//! Whatever arrives, a decoder answers by samples or an error, and what it says of a payload's length holds.

use proptest::prelude::*;
use webtrunk_codecs::l16::L16Rate;
use webtrunk_codecs::{CodecId, DecodeError, SampleRate, decoder};

/// 120 ms at 48 kHz, the longest payload of Opus, and of G.711 what fits a datagram.
const LONGEST: usize = 5760;

proptest! {
    #[test]
    fn a_decoder_outlives_any_sequence_of_payloads(
        codec in codec(),
        payloads in prop::collection::vec(payload(), 1..12),
    ) {
        let (codec, rate) = codec;
        let mut decoder = decoder(codec, rate).unwrap();
        let mut out = [0; LONGEST];
        for payload in &payloads {
            let said = decoder.duration_of(payload);
            match decoder.decode(payload, &mut out) {
                Ok(samples) => prop_assert_eq!(Some(samples), said),
                Err(DecodeError::OutputTooSmall) => prop_assert!(said.is_some_and(|said| said > LONGEST)),
                Err(DecodeError::Malformed) => prop_assert_eq!(said, None),
            }
            decoder.recover(payload, &mut out[..rate.samples_in_ms(20)]);
            decoder.conceal(&mut out[..payload.len()]);
        }
    }

    #[test]
    fn a_buffer_one_short_is_refused(codec in codec(), payload in payload()) {
        let (codec, rate) = codec;
        let mut decoder = decoder(codec, rate).unwrap();
        if let Some(samples) = decoder.duration_of(&payload) {
            let refused = decoder.decode(&payload, &mut vec![0; samples - 1]);
            prop_assert_eq!(refused, Err(DecodeError::OutputTooSmall));
        }
    }
}

fn codec() -> impl Strategy<Value = (CodecId, SampleRate)> {
    prop::sample::select(vec![
        (CodecId::Pcmu, SampleRate::HZ_8000),
        (CodecId::Pcma, SampleRate::HZ_8000),
        (CodecId::Opus, SampleRate::HZ_8000),
        (CodecId::Opus, SampleRate::HZ_16000),
        (CodecId::Opus, SampleRate::HZ_48000),
        (CodecId::G722, SampleRate::HZ_8000),
        (CodecId::G722, SampleRate::HZ_16000),
        (CodecId::L16(L16Rate::Narrow), SampleRate::HZ_48000),
        (CodecId::L16(L16Rate::Wide), SampleRate::HZ_16000),
        (CodecId::L16(L16Rate::Full), SampleRate::HZ_8000),
    ])
}

/// Any bytes; the second is small often, so that Opus packets of several frames are well-formed often.
fn payload() -> impl Strategy<Value = Vec<u8>> {
    let shape = prop_oneof![any::<u8>(), 0..8_u8, 0x80..0x88_u8, 0xc0..0xc8_u8];
    let rest = prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 0..200),
        1 => prop::collection::vec(any::<u8>(), 0..2048),
    ];
    (any::<u8>(), shape, rest, 0..4_usize).prop_map(|(toc, shape, rest, keep)| {
        let whole = [vec![toc, shape], rest].concat();
        if keep == 0 { whole[..whole.len() % 3].to_vec() } else { whole }
    })
}
