//! Lost packets: recovered where the next one carries a copy, concealed without a gap where not.

use crate::espeak::Talk;
use crate::sound::{energy, snr_db, speech, tone};
use webtrunk_codecs::opus::{OpusApplication, OpusDecoder, OpusEncoder, OpusEncoderConfig};
use webtrunk_codecs::{CodecId, Decoder, Encoder, EncoderConfig, SampleRate, decoder, encoder};

const RATE: SampleRate = SampleRate::HZ_8000;
/// 20 ms.
const FRAME: usize = 160;

#[test]
fn redundancy_sounds_better_than_concealment() {
    for rate in [SampleRate::HZ_8000, SampleRate::HZ_16000, SampleRate::HZ_48000] {
        let frame = rate.samples_in_ms(20);
        let config = OpusEncoderConfig { expected_loss_percent: 20, ..Default::default() };
        let packets = opus_packets(rate, &config, &speech(rate, 6000), frame);
        let whole = play(rate, frame, &packets, |_| Fate::Played).0;
        let (concealed, _) =
            play(rate, frame, &packets, |n| if n % 5 == 4 { Fate::Concealed } else { Fate::Played });
        let (recovered, found) =
            play(rate, frame, &packets, |n| if n % 5 == 4 { Fate::Recovered } else { Fate::Played });
        let lost = |heard: &[i16]| -> Vec<i16> {
            heard.chunks(frame).skip(4).step_by(5).flatten().copied().collect()
        };
        let by_concealment = snr_db(&lost(&whole), &lost(&concealed));
        let by_redundancy = snr_db(&lost(&whole), &lost(&recovered));
        let losses = packets.len() / 5;
        assert!(found > losses * 3 / 4, "{found} of {losses} had redundancy, {rate:?}");
        assert!(
            by_redundancy > by_concealment + 4.0,
            "{by_redundancy} dB over {by_concealment} dB, {rate:?}"
        );
    }
}

#[test]
fn without_redundancy_recovery_is_concealment() {
    let configs = [
        ("not asked for", OpusEncoderConfig { inband_fec: false, ..Default::default() }),
        ("no loss expected", OpusEncoderConfig { expected_loss_percent: 0, ..Default::default() }),
        ("CELT", OpusEncoderConfig { application: OpusApplication::LowDelay, ..Default::default() }),
    ];
    for (what, config) in configs {
        let packets = opus_packets(RATE, &config, &speech(RATE, 2000), FRAME);
        let lossy = |fate| move |n: usize| if n % 5 == 4 { fate } else { Fate::Played };
        let (recovered, found) = play(RATE, FRAME, &packets, lossy(Fate::Recovered));
        let (concealed, _) = play(RATE, FRAME, &packets, lossy(Fate::Concealed));
        assert_eq!(found, 0, "{what}");
        assert!(recovered == concealed, "{what}");
    }
}

#[test]
fn the_far_ends_report_switches_redundancy() {
    let mut encoder = OpusEncoder::new(RATE, &OpusEncoderConfig::default()).unwrap();
    let said = speech(RATE, 2000);
    for (percent, expected) in [(0, false), (15, true), (0, false)] {
        encoder.set_expected_loss(percent);
        let packets = encode_all(&mut encoder, &said, FRAME);
        // The first packet after a change still follows the old setting.
        let (_, found) =
            play(RATE, FRAME, &packets[1..], |n| if n % 5 == 4 { Fate::Recovered } else { Fate::Played });
        assert_eq!(found > 0, expected, "at {percent} % loss");
    }
}

#[test]
fn of_a_longer_loss_the_end_is_recovered() {
    let config = OpusEncoderConfig { expected_loss_percent: 20, ..Default::default() };
    let packets = opus_packets(RATE, &config, &speech(RATE, 6000), FRAME);
    let whole = play(RATE, FRAME, &packets, |_| Fate::Played).0;
    let (mut said, mut concealed, mut recovered, mut found) = (Vec::new(), Vec::new(), Vec::new(), 0);
    // Of every ten packets the last three are lost.
    for end in (10..packets.len()).step_by(10) {
        let after_loss = |fill: &mut dyn FnMut(&mut OpusDecoder, &mut [i16])| {
            let mut decoder = OpusDecoder::new(RATE).unwrap();
            let mut out = [0; 3 * FRAME];
            for packet in &packets[..end - 3] {
                decoder.decode(packet, &mut out).unwrap();
            }
            fill(&mut decoder, &mut out);
            out[2 * FRAME..].to_vec()
        };
        said.extend_from_slice(&whole[(end - 1) * FRAME..end * FRAME]);
        concealed.extend(after_loss(&mut |decoder, out| decoder.conceal(out)));
        recovered.extend(after_loss(&mut |decoder, out| {
            found += usize::from(decoder.recover(&packets[end], out))
        }));
    }
    let (by_concealment, by_redundancy) = (snr_db(&said, &concealed), snr_db(&said, &recovered));
    assert!(found > 20, "{found} of 29 had redundancy");
    assert!(by_redundancy > by_concealment + 2.0, "{by_redundancy} dB over {by_concealment} dB");
}

#[test]
fn a_longer_next_packet_does_not_fit_the_hole() {
    let config = OpusEncoderConfig { expected_loss_percent: 20, ..Default::default() };
    let packets = opus_packets(RATE, &config, &speech(RATE, 2400), 3 * FRAME);
    let mut decoder = OpusDecoder::new(RATE).unwrap();
    let mut out = [0; 3 * FRAME];
    let mut found = 0;
    for packet in &packets {
        assert!(!decoder.recover(packet, &mut out[..FRAME]), "a copy of 60 ms in a hole of 20");
        found += usize::from(decoder.recover(packet, &mut out));
        decoder.decode(packet, &mut out).unwrap();
    }
    assert!(found > packets.len() / 2, "{found} of {} packets of 60 ms had redundancy", packets.len());
}

#[test]
fn a_copy_that_would_follow_on_celt_is_not_claimed() {
    let silk = OpusEncoderConfig { expected_loss_percent: 20, ..Default::default() };
    let celt = OpusEncoderConfig { application: OpusApplication::LowDelay, ..Default::default() };
    let said = speech(RATE, 1000);
    let (silk, celt) = (opus_packets(RATE, &silk, &said, FRAME), opus_packets(RATE, &celt, &said, FRAME));
    let mut out = [0; FRAME];
    let after = |played: &[u8], out: &mut [i16]| {
        let mut decoder = OpusDecoder::new(RATE).unwrap();
        decoder.decode(played, out).unwrap();
        decoder
    };
    // In the middle of a syllable, where packets carry copies.
    assert!(after(&silk[30], &mut out).recover(&silk[32], &mut out));
    assert!(!after(&celt[30], &mut out).recover(&silk[32], &mut out));
    let mut concealed = [0; FRAME];
    after(&celt[30], &mut concealed).conceal(&mut concealed);
    assert_eq!(out, concealed);
}

#[test]
fn a_hole_of_20_ms_in_a_tone_has_no_gap_and_no_click() {
    for codec in [CodecId::Pcmu, CodecId::Pcma] {
        let heard = with_a_hole(codec, &tone(RATE, 440.0, -10.0, 1000), 25);
        let usual = energy(&heard[20 * FRAME..25 * FRAME]) / 20.0;
        for part in heard[25 * FRAME..27 * FRAME].chunks(FRAME / 4) {
            let share = energy(part) / usual;
            // A third of the level has faded away at the end.
            assert!((0.4..1.3).contains(&share), "{codec:?}: {share} of the usual energy");
        }
        let steepest =
            |samples: &[i16]| samples.windows(2).map(|pair| pair[1].abs_diff(pair[0])).max().unwrap();
        let usual = steepest(&heard[20 * FRAME..25 * FRAME]);
        let around = steepest(&heard[25 * FRAME - 1..28 * FRAME]);
        assert!(around <= usual * 4 / 3, "{codec:?}: a step of {around} where {usual} is the steepest");
    }
}

#[test]
fn a_hole_of_20_ms_in_speech_is_filled_in_any_codec() {
    let said = speech(RATE, 6000);
    for codec in CodecId::ALL {
        let shares = (10..290).step_by(10).map(|hole| {
            let place = hole * FRAME..(hole + 1) * FRAME;
            let heard = with_a_hole(codec, &said[..(hole + 1) * FRAME], hole);
            (energy(&heard[place.clone()]), energy(&said[place]))
        });
        let (filled, spoken) = shares.fold((0.0, 0.0), |sums, share| (sums.0 + share.0, sums.1 + share.1));
        let share = filled / spoken;
        assert!((0.4..1.5).contains(&share), "{codec:?}: {share} of the energy that was lost");
    }
}

/// Of what is lost of speech by G.711 more is right than silence has (0 dB) and than the last packet has that is said again, with the
/// same losses: a floor under the quality that `make compare` scores beside ITU-T G.711 Appendix I.
#[test]
fn what_is_lost_of_speech_is_nearer_to_it_than_the_last_packet_again() {
    let Some(mut talk) = Talk::new() else { return };
    let mut random = 1_u32;
    for loss_percent in [5, 10] {
        let (mut lost, mut concealed, mut again) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..6 {
            let (_, said, _) = talk.next();
            let fates: Vec<bool> = said
                .chunks_exact(FRAME)
                .enumerate()
                .map(|(index, _)| {
                    random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    index > 10 && (random >> 8) % 100 < loss_percent
                })
                .collect();
            let heard = with_losses(CodecId::Pcmu, &said, &fates);
            for index in (0..fates.len()).filter(|index| fates[*index] && !fates[index - 1]) {
                let at = |index: usize| index * FRAME..(index + 1) * FRAME;
                lost.extend_from_slice(&said[at(index)]);
                concealed.extend_from_slice(&heard[at(index)]);
                again.extend_from_slice(&heard[at(index - 1)]);
            }
        }
        let (by_concealment, by_repetition) = (snr_db(&lost, &concealed), snr_db(&lost, &again));
        assert!(by_concealment > 1.0, "{by_concealment} dB at {loss_percent} %");
        assert!(
            by_concealment > by_repetition + 2.0,
            "{by_concealment} dB, and {by_repetition} dB by repetition"
        );
    }
}

/// What is heard of `said` when the packet numbered `hole` is lost.
fn with_a_hole(codec: CodecId, said: &[i16], hole: usize) -> Vec<i16> {
    let fates: Vec<bool> = (0..said.len() / FRAME).map(|index| index == hole).collect();
    with_losses(codec, said, &fates)
}

/// What is heard of `said` when those packets are lost.
fn with_losses(codec: CodecId, said: &[i16], is_lost: &[bool]) -> Vec<i16> {
    let mut encoder = encoder(codec, RATE, &EncoderConfig::default()).unwrap();
    let mut decoder = decoder(codec, RATE).unwrap();
    let (mut payload, mut heard) = ([0; 1920], Vec::new());
    for (frame, is_lost) in said.chunks_exact(FRAME).zip(is_lost) {
        let bytes = encoder.encode(frame, &mut payload).unwrap();
        let mut out = [0; FRAME];
        if *is_lost {
            decoder.conceal(&mut out);
        } else {
            decoder.decode(&payload[..bytes], &mut out).unwrap();
        }
        heard.extend(out);
    }
    heard
}

#[derive(Clone, Copy)]
enum Fate {
    Played,
    Concealed,
    Recovered,
}

/// Plays the packets, each by its fate; returns the sound and how many copies were found.
fn play(
    rate: SampleRate,
    frame: usize,
    packets: &[Vec<u8>],
    fate: impl Fn(usize) -> Fate,
) -> (Vec<i16>, usize) {
    let mut decoder = OpusDecoder::new(rate).unwrap();
    let (mut heard, mut found) = (Vec::new(), 0);
    for (index, packet) in packets.iter().enumerate() {
        let mut out = vec![0; frame];
        match (fate(index), packets.get(index + 1)) {
            (Fate::Played, _) => assert_eq!(decoder.decode(packet, &mut out), Ok(frame)),
            (Fate::Recovered, Some(next)) => found += usize::from(decoder.recover(next, &mut out)),
            (Fate::Concealed | Fate::Recovered, _) => decoder.conceal(&mut out),
        }
        heard.extend(out);
    }
    (heard, found)
}

fn opus_packets(rate: SampleRate, config: &OpusEncoderConfig, said: &[i16], frame: usize) -> Vec<Vec<u8>> {
    encode_all(&mut OpusEncoder::new(rate, config).unwrap(), said, frame)
}

fn encode_all(encoder: &mut OpusEncoder, said: &[i16], frame: usize) -> Vec<Vec<u8>> {
    let mut payload = [0; 1500];
    let encode = |frame: &[i16]| {
        let bytes = encoder.encode(frame, &mut payload).unwrap();
        payload[..bytes].to_vec()
    };
    said.chunks_exact(frame).map(encode).collect()
}
