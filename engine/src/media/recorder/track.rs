//! One party's voice as samples: decoded, repaired, and put where the clock says.
//!
//! Sound that goes on is moved only by being stretched by up to 1.5 %, which nobody hears; behind a pause it is
//! put where it belongs.

use webtrunk_codecs::resample::Resampler;
use webtrunk_codecs::{CodecId, Decoder, SampleRate};

use super::band::SoundBand;
use super::feed::Heard;
use super::place::Places;
use super::{RATE, frames_in_us};
use crate::media::limits::{CONCEALED_MAX, PACKET_MS_MAX};

/// Sound that is further from its place than this, 40 ms, is put there at once. Chosen by us: it is half of what
/// may be off between the two voices before they seem to interrupt each other.
const JUMP: i64 = 640;

/// Nearer than this to its place, half a millisecond, it is left alone.
const NEAR: i64 = 8;

/// Of so many samples one may be left out or put in.
const STRETCH: i64 = 64;

/// One party's channel.
pub(super) struct Track {
    voice: Option<Voice>,
    /// Samples that were not taken yet.
    waiting: Vec<i16>,
    /// How many samples were taken.
    taken: i64,
    /// The position behind the last sound that was of more than narrow band.
    wide_until: i64,
    pcm: Box<[i16]>,
    resampled: Vec<i16>,
}

/// What decodes the stream of one codec.
struct Voice {
    codec: CodecId,
    decoder: Box<dyn Decoder>,
    resampler: Option<Resampler>,
    places: Places,
    /// The timestamp at which the next packet should begin.
    expected: Option<u32>,
    /// Samples in the packet before, the best guess for one that was lost.
    packet_samples: usize,
}

impl Track {
    pub(super) fn new() -> Self {
        Self {
            voice: None,
            waiting: Vec::new(),
            taken: 0,
            wide_until: 0,
            pcm: vec![0; RATE.samples_in_ms(PACKET_MS_MAX)].into(),
            resampled: Vec::new(),
        }
    }

    /// Takes a packet that came so many microseconds after the begin.
    pub(super) fn handle(&mut self, heard: &Heard<'_>, at_us: u64) {
        if self.voice.as_ref().is_none_or(|voice| voice.codec != heard.codec) {
            self.voice = Voice::open(heard.codec);
        }
        // Away while it is worked with; a codec that cannot be opened is silence.
        let Some(mut voice) = self.voice.take() else { return };
        self.play(&mut voice, heard, at_us);
        self.voice = Some(voice);
    }

    /// The band of what is handed out next.
    pub(super) const fn band(&self) -> SoundBand {
        if self.wide_until > self.taken { SoundBand::Wide } else { SoundBand::Narrow }
    }

    /// Hands out everything before `position`, silence where there is nothing.
    pub(super) fn take_until(&mut self, position: i64, out: &mut Vec<i16>) {
        let wanted = usize::try_from(position - self.taken).unwrap_or(0);
        if self.waiting.len() < wanted {
            self.waiting.resize(wanted, 0);
        }
        out.extend(self.waiting.drain(..wanted));
        self.taken += wanted as i64;
    }

    fn play(&mut self, voice: &mut Voice, heard: &Heard<'_>, at_us: u64) {
        let samples = voice.decoder.duration_of(heard.payload).filter(|samples| *samples <= self.pcm.len());
        let Some(samples) = samples else { return };
        let (begins_us, goes_on) = voice.places.place(heard.timestamp, at_us);
        // It was recorded before it was sent, and ended when it could have come first.
        let place = frames_in_us(begins_us) - voice.to_output(samples) as i64;
        let missing = if goes_on { voice.missing(heard.timestamp) } else { None };
        let repaired = match missing {
            Some(missing) if missing > 0 && heard.lost_before > 0 => {
                self.repair(voice, heard, missing, place)
            }
            _ => 0,
        };
        let follows = missing.is_some_and(|missing| missing == repaired);
        if voice.decoder.decode(heard.payload, &mut self.pcm[..]).is_err() {
            voice.decoder.conceal(&mut self.pcm[..samples]);
        }
        self.put(voice, samples, place, follows);
        if SoundBand::of(heard.codec, heard.payload) == SoundBand::Wide {
            self.wide_until = self.end();
        }
        voice.packet_samples = samples;
        let ticks = samples as u64 * u64::from(heard.codec.clock_rate().hz()) / u64::from(voice.rate().hz());
        voice.expected = Some(heard.timestamp.wrapping_add(ticks as u32));
    }

    /// Restores or invents what was lost before the packet at `place`, as far as that sounds right; returns the samples
    /// made, at the decoder's rate.
    fn repair(&mut self, voice: &mut Voice, heard: &Heard<'_>, missing: usize, place: i64) -> usize {
        let samples = voice.packet_samples;
        let Some(packets) = missing.checked_div(samples) else { return 0 };
        let packets = u32::try_from(packets).unwrap_or(u32::MAX).min(heard.lost_before);
        // The last of them may be restored from the next; where too many are missing, none is near enough.
        let is_short = packets <= CONCEALED_MAX;
        let length = voice.to_output(samples) as i64;
        let mut made = 0;
        for packet in 0..packets.min(CONCEALED_MAX) {
            // Where timestamps run ahead of time there is no gap, and what is invented would pile up.
            if self.end() + length > place + JUMP {
                break;
            }
            if is_short && packet + 1 == packets {
                voice.decoder.recover(heard.payload, &mut self.pcm[..samples]);
            } else {
                voice.decoder.conceal(&mut self.pcm[..samples]);
            }
            self.append(voice, samples, 0);
            made += samples;
        }
        made
    }

    /// Puts decoded samples at their place, or behind what is there where that is near.
    fn put(&mut self, voice: &mut Voice, samples: usize, place: i64, follows: bool) {
        let off = place - self.end();
        let length = voice.to_output(samples) as i64;
        if follows && off.abs() <= JUMP {
            let most = length / STRETCH;
            let stretch = if off.abs() <= NEAR { 0 } else { off.clamp(-most, most) };
            return self.append(voice, samples, stretch);
        }
        let begin = self.waiting.len();
        self.waiting.resize(begin + usize::try_from(off).unwrap_or(0), 0);
        let begin = self.waiting.len();
        self.append(voice, samples, 0);
        // What would lie before what is there already came too late.
        let late = usize::try_from(-off).unwrap_or(0).min(self.waiting.len() - begin);
        self.waiting.drain(begin..begin + late);
    }

    /// Adds decoded samples at the end, longer by `stretch`.
    fn append(&mut self, voice: &mut Voice, samples: usize, stretch: i64) {
        let pcm = &self.pcm[..samples];
        let sound = match &mut voice.resampler {
            Some(resampler) => {
                self.resampled.resize(resampler.output_len(samples), 0);
                let made = resampler.process(pcm, &mut self.resampled);
                &self.resampled[..made]
            }
            None => pcm,
        };
        stretch_into(sound, stretch, &mut self.waiting);
    }

    /// The position behind the last sample.
    fn end(&self) -> i64 {
        self.taken + self.waiting.len() as i64
    }
}

impl Voice {
    fn open(codec: CodecId) -> Option<Self> {
        let rate = codec.native_rate().min(RATE);
        let decoder = webtrunk_codecs::decoder(codec, rate).ok()?;
        let resampler = if rate == RATE { None } else { Some(Resampler::new(rate, RATE)?) };
        let places = Places::new(codec.clock_rate());
        Some(Self { codec, decoder, resampler, places, expected: None, packet_samples: 0 })
    }

    fn rate(&self) -> SampleRate {
        self.decoder.sample_rate()
    }

    /// Samples of the recording that so many of the decoder's last.
    fn to_output(&self, samples: usize) -> usize {
        samples * (RATE.hz() / self.rate().hz()) as usize
    }

    /// Samples of time between the end of the packet before and the begin of this one; `None` where they overlap.
    fn missing(&self, timestamp: u32) -> Option<usize> {
        let ticks = timestamp.wrapping_sub(self.expected?).cast_signed();
        let ticks = u64::try_from(ticks).ok()?;
        let samples = ticks * u64::from(self.rate().hz()) / u64::from(self.codec.clock_rate().hz());
        usize::try_from(samples).ok()
    }
}

/// Adds `sound` to `out`, made longer by `stretch` samples by drawing lines between its own.
fn stretch_into(sound: &[i16], stretch: i64, out: &mut Vec<i16>) {
    let length = sound.len() as i64 + stretch;
    if stretch == 0 || sound.len() < 2 || length < 2 {
        return out.extend(sound);
    }
    let (last, steps) = (sound.len() as i64 - 1, length - 1);
    out.extend((0..length).map(|at| {
        let (whole, part) = (at * last / steps, at * last % steps);
        let [from, to] = [whole, (whole + 1).min(last)].map(|index| i64::from(sound[index as usize]));
        // Between two samples, so it is one.
        (from + (to - from) * part / steps) as i16
    }));
}

#[cfg(test)]
mod tests {
    use super::super::feed::Side;
    use super::*;

    #[test]
    fn sound_is_narrow_until_something_wider_comes_and_again_behind_it() {
        let mut track = Track::new();
        let mut timestamp = 0;
        let mut hear = |track: &mut Track, codec, at_ms: u64| {
            timestamp += 160;
            let heard = Heard { side: Side::Left, codec, timestamp, lost_before: 0, payload: &[0x55; 160] };
            track.handle(&heard, at_ms * 1000);
        };
        hear(&mut track, CodecId::Pcma, 20);
        assert_eq!(track.band(), SoundBand::Narrow);
        hear(&mut track, CodecId::G722, 40);
        assert_eq!(track.band(), SoundBand::Wide, "part of what is taken next");
        hear(&mut track, CodecId::Pcma, 60);
        let mut out = Vec::new();
        track.take_until(frames_in_us(39_000), &mut out);
        assert_eq!(track.band(), SoundBand::Wide);
        track.take_until(frames_in_us(40_000), &mut out);
        assert_eq!(track.band(), SoundBand::Narrow);
    }

    /// Packets of 180 ms every 4 ms, each 1.1 s behind the one before by its timestamp: 225 s of repair in a second.
    #[test]
    fn a_stream_whose_timestamps_run_away_fills_no_memory_with_what_is_invented() {
        let mut track = Track::new();
        let mut at_us = 1_000_000;
        for packet in 0..1000 {
            let (codec, timestamp, payload) = (CodecId::Pcma, packet * 8800, &[0x55; 1440]);
            let heard = Heard { side: Side::Left, codec, timestamp, lost_before: 5, payload };
            track.handle(&heard, at_us);
            at_us += 4000;
        }
        let now = frames_in_us(5_000_000);
        let end = track.end();
        assert!((now - JUMP..=now + JUMP).contains(&end), "{end} at {now}");
    }

    #[test]
    fn sound_is_stretched_without_a_step() {
        let sound: Vec<i16> =
            (0..320).map(|at| (f64::from(at) * 0.1).sin().mul_add(10_000.0, 0.0) as i16).collect();
        for stretch in [-5, -1, 1, 5] {
            let mut out = Vec::new();
            stretch_into(&sound, stretch, &mut out);
            assert_eq!(out.len() as i64, 320 + stretch);
            assert_eq!((out[0], out[out.len() - 1]), (sound[0], sound[319]));
            assert!(out.windows(2).all(|pair| (pair[0] - pair[1]).abs() < 1100), "by {stretch}");
        }
    }
}
