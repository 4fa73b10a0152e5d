//! Opus frames of a browser: what they are, and what they cost the gateway.

use std::hint::black_box;
use std::time::{Duration, Instant};

use webtrunk_codecs::{CodecId, EncoderConfig, SampleRate, decoder, encoder};

/// What the frames of one call are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kind {
    /// The mode and bandwidth of most frames.
    pub(crate) mode: &'static str,
    /// Octets, on average.
    pub(crate) size: f64,
    /// How many hold the frame before once more, 0 to 1.
    pub(crate) redundant: f64,
}

impl Kind {
    /// Of frames of 20 ms, one at least.
    pub(crate) fn of(frames: &[Vec<u8>]) -> Self {
        let count = frames.len() as f64;
        let sizes: usize = frames.iter().map(Vec::len).sum();
        let redundant = frames.iter().filter(|frame| is_redundant(frame)).count();
        Self { mode: usual_mode(frames), size: sizes as f64 / count, redundant: redundant as f64 / count }
    }
}

/// The time that it takes to decode a frame for a G.711 phone and to encode it again, on average.
///
/// For each frame the least of many passes counts, which nothing interrupted.
pub(crate) fn cost(frames: &[Vec<u8>]) -> Duration {
    let mut least = vec![Duration::MAX; frames.len()];
    for _ in 0..PASSES {
        pass(frames, &mut least);
    }
    least.iter().sum::<Duration>().div_f64(frames.len() as f64)
}

const PASSES: usize = 40;

/// All frames in their order, for decoders have a memory.
fn pass(frames: &[Vec<u8>], least: &mut [Duration]) {
    let rate = SampleRate::HZ_8000;
    let mut opus = decoder(CodecId::Opus, rate).expect("a rate of Opus");
    let mut pcmu = encoder(CodecId::Pcmu, rate, &EncoderConfig::default()).expect("a rate of PCMU");
    let (mut samples, mut payload) = ([0; 160], [0; 160]);
    for (frame, least) in frames.iter().zip(least) {
        let began_at = Instant::now();
        opus.decode(frame, &mut samples).expect("a browser's frame of 20 ms");
        pcmu.encode(&samples, black_box(&mut payload)).expect("20 ms");
        *least = began_at.elapsed().min(*least);
    }
}

fn usual_mode(frames: &[Vec<u8>]) -> &'static str {
    let mut counts = [0; 32];
    frames.iter().filter_map(|frame| frame.first()).for_each(|toc| counts[configuration(*toc)] += 1);
    let usual = (0..32).max_by_key(|at| counts[*at]).expect("there are some");
    MODES.iter().find(|(last, _)| usual <= *last).expect("the last is 31").1
}

/// RFC 6716 3.1.
const fn configuration(toc: u8) -> usize {
    (toc >> 3) as usize
}

/// RFC 6716 table 2, by the last configuration of each.
const MODES: [(usize, &str); 9] = [
    (3, "SILK narrow band"),
    (7, "SILK medium band"),
    (11, "SILK wide band"),
    (13, "hybrid super-wide band"),
    (15, "hybrid full band"),
    (19, "CELT narrow band"),
    (23, "CELT wide band"),
    (27, "CELT super-wide band"),
    (31, "CELT full band"),
];

/// Whether a mono frame of 20 ms holds redundancy of SILK: its second bit (RFC 6716 4.2.3).
fn is_redundant(frame: &[u8]) -> bool {
    matches!(frame, [toc, first, ..] if configuration(*toc) < 16 && first & 0x40 != 0)
}
