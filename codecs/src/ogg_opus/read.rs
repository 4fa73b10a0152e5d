//! Bytes of an Ogg-Opus file to samples, with a clear word on what is wrong with it.
//!
//! Files come from anywhere. What they decode to is bounded by the caller: two bytes may stand for 120 ms.

use std::io::{Cursor, ErrorKind};

use ::ogg::{OggReadError, PacketReader};
use opus::MSDecoder;

use super::CONTAINER_HZ;
use super::head::{Head, HeadError, is_tags};
use crate::SampleRate;
use crate::wav::Clip;

/// Samples of one channel in the longest packet, 120 ms.
const PACKET_MAX: usize = CONTAINER_HZ as usize / 1000 * 120;

/// Why a file cannot be played: always the file's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OggOpusError {
    /// It does not begin as an Ogg file does.
    #[error("not an Ogg file")]
    NotOgg,
    /// It ends before there is anything to hear.
    #[error("the Ogg file ends within its headers")]
    Truncated,
    /// Its header cannot be met.
    #[error(transparent)]
    Head(#[from] HeadError),
    /// The comment header is not where it is due.
    #[error("no comment header where one is due")]
    MissingTags,
    /// A page or a packet of it is damaged.
    #[error("the Ogg file is damaged after {seconds} s")]
    Damaged {
        /// Whole seconds that are sound.
        seconds: usize,
    },
    /// It goes on for longer than is read.
    #[error("it lasts longer than {seconds} s")]
    TooLong {
        /// What was allowed.
        seconds: usize,
    },
}

/// Reads a file of one or two channels, at most `seconds_max` of it; of two it takes the mean.
///
/// Of several streams that follow each other the first is read. A file that was cut short gives what is there.
///
/// # Errors
/// [`OggOpusError`] says what is wrong with the file.
pub fn read_ogg_opus(file: &[u8], seconds_max: usize) -> Result<Clip, OggOpusError> {
    let mut samples = Vec::new();
    let (_, length) = decode(file, seconds_max, |channels, frames| match channels {
        1 => samples.extend(frames),
        _ => {
            samples.extend(frames.as_chunks().0.iter().map(|&[left, right]: &[i16; 2]| left.midpoint(right)))
        }
    })?;
    samples.truncate(length);
    Ok(Clip { samples, rate: SampleRate::HZ_48000 })
}

/// Reads each channel of a file by itself, at 48 kHz.
///
/// # Errors
/// As [`read_ogg_opus`].
pub fn read_ogg_opus_channels(file: &[u8], seconds_max: usize) -> Result<Vec<Vec<i16>>, OggOpusError> {
    let mut channels = vec![Vec::new(); 2];
    let (count, length) = decode(file, seconds_max, |count, frames| {
        for frame in frames.chunks_exact(count) {
            channels.iter_mut().zip(frame).for_each(|(channel, sample)| channel.push(*sample));
        }
    })?;
    channels.truncate(count);
    channels.iter_mut().for_each(|channel| channel.truncate(length));
    Ok(channels)
}

/// Hands the frames of every packet to `sink`, with their number of channels; returns that, and how many of all
/// frames are the recording.
fn decode(
    file: &[u8],
    seconds_max: usize,
    mut sink: impl FnMut(usize, &[i16]),
) -> Result<(usize, usize), OggOpusError> {
    let mut packets = PacketReader::new(Cursor::new(file));
    let first = match packets.read_packet() {
        Ok(first) => first.ok_or(OggOpusError::NotOgg)?,
        Err(error) if is_cut_short(&error) && file.starts_with(b"OggS") => {
            return Err(OggOpusError::Truncated);
        }
        Err(_) => return Err(OggOpusError::NotOgg),
    };
    let serial = first.stream_serial();
    let head = Head::parse(&first.data)?;
    let tags = packets.read_packet().map_err(|_| OggOpusError::Truncated)?.ok_or(OggOpusError::Truncated)?;
    if !is_tags(&tags.data) {
        return Err(OggOpusError::MissingTags);
    }
    let channels = usize::from(head.channels);
    let decoder = MSDecoder::new(CONTAINER_HZ, head.streams, head.coupled, &head.mapping[..channels]);
    let mut decoder = decoder.map_err(|_| HeadError::Contradiction)?;
    decoder.set_gain(head.gain.into()).map_err(|_| HeadError::Contradiction)?;
    let mut buffer = vec![0; PACKET_MAX * channels];
    let (mut skip, mut made, mut last) = (usize::from(head.pre_skip), 0_usize, None);
    let seconds = |made: usize| made / CONTAINER_HZ as usize;
    loop {
        let packet = match packets.read_packet() {
            Ok(Some(packet)) => packet,
            Ok(None) => break,
            Err(error) if is_cut_short(&error) => break,
            Err(_) => return Err(OggOpusError::Damaged { seconds: seconds(made) }),
        };
        if packet.stream_serial() != serial || packet.data.is_empty() {
            continue;
        }
        let decoded = decoder.decode(&packet.data, &mut buffer, false);
        let decoded = decoded.map_err(|_| OggOpusError::Damaged { seconds: seconds(made) })?;
        let skipped = skip.min(decoded);
        skip -= skipped;
        sink(channels, &buffer[skipped * channels..decoded * channels]);
        made += decoded - skipped;
        if made > seconds_max * CONTAINER_HZ as usize {
            return Err(OggOpusError::TooLong { seconds: seconds_max });
        }
        if packet.last_in_stream() {
            last = packet.absgp_page().checked_sub(u64::from(head.pre_skip));
            break;
        }
    }
    // The last page tells how much of its last packet counts (RFC 7845 4.4).
    let length = last.and_then(|last| usize::try_from(last).ok()).map_or(made, |last| last.min(made));
    Ok((channels, length))
}

fn is_cut_short(error: &OggReadError) -> bool {
    matches!(error, OggReadError::ReadError(error) if error.kind() == ErrorKind::UnexpectedEof)
}

#[cfg(test)]
mod tests {
    use super::super::OggOpusWriter;
    use super::*;
    use crate::opus::OpusEncoderConfig;
    use crate::tone::{Tone, ToneGenerator, goertzel_dbm0};
    use proptest::prelude::*;

    const RATE: SampleRate = SampleRate::HZ_16000;

    /// A file of two tones, left and right, of so many milliseconds.
    fn file(ms: u32) -> Vec<u8> {
        let mut writer = OggOpusWriter::new(RATE, &OpusEncoderConfig::default(), 7).expect("a rate we run");
        let [left, right] = [440.0, 850.0].map(|hz| {
            let mut samples = vec![0; RATE.samples_in_ms(ms)];
            ToneGenerator::new(Tone::sine(hz, -10.0), RATE).fill(&mut samples);
            samples
        });
        let frames: Vec<[i16; 2]> = left.into_iter().zip(right).map(|(left, right)| [left, right]).collect();
        frames.chunks(1000).for_each(|part| writer.push(part));
        writer.finish();
        writer.take_pages()
    }

    #[test]
    fn two_tones_stay_on_their_sides_at_their_level() {
        let channels = read_ogg_opus_channels(&file(3010), 10).expect("well-formed");
        assert_eq!(channels.iter().map(Vec::len).collect::<Vec<_>>(), [3010 * 48; 2]);
        for (channel, own, other) in [(0, 440.0, 850.0), (1, 850.0, 440.0)] {
            let heard = &channels[channel][48_000..96_000];
            let level = |hz| goertzel_dbm0(heard, SampleRate::HZ_48000, hz);
            assert!((level(own) + 10.0).abs() < 0.3, "{own} Hz at {} dBm0", level(own));
            assert!(level(other) < -60.0, "{other} Hz at {} dBm0", level(other));
        }
    }

    #[test]
    fn of_two_channels_the_mean_is_taken() {
        let clip = read_ogg_opus(&file(2000), 10).expect("well-formed");
        assert_eq!((clip.samples.len(), clip.rate), (96_000, SampleRate::HZ_48000));
        for hz in [440.0, 850.0] {
            let level = goertzel_dbm0(&clip.samples[24_000..72_000], clip.rate, hz);
            assert!((level + 16.0).abs() < 0.3, "{hz} Hz at {level} dBm0");
        }
    }

    #[test]
    fn a_file_that_was_cut_short_gives_what_is_there() {
        let whole = file(4000);
        let clip = read_ogg_opus(&whole[..whole.len() * 3 / 4], 10).expect("its beginning is sound");
        assert!((2 * 48_000..=3 * 48_000).contains(&clip.samples.len()), "{}", clip.samples.len());
    }

    #[test]
    fn errors_say_what_is_wrong() {
        let whole = file(2000);
        let mut damaged = whole.clone();
        let middle = damaged.len() / 2;
        damaged[middle] ^= 0x55;
        assert_eq!(read_ogg_opus(b"RIFF", 10), Err(OggOpusError::NotOgg));
        assert_eq!(read_ogg_opus(&[], 10), Err(OggOpusError::NotOgg));
        assert_eq!(read_ogg_opus(&whole[..40], 10), Err(OggOpusError::Truncated));
        assert!(matches!(read_ogg_opus(&damaged, 10), Err(OggOpusError::Damaged { .. })));
        assert_eq!(read_ogg_opus(&whole, 1), Err(OggOpusError::TooLong { seconds: 1 }));
    }

    proptest! {
        #[test]
        fn no_file_can_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..400), at in 0..3000_usize) {
            let mut changed = file(200);
            let at = at % changed.len();
            let end = changed.len().min(at + bytes.len());
            changed[at..end].copy_from_slice(&bytes[..end - at]);
            let _ = read_ogg_opus(&changed, 5);
            bytes.splice(0..0, *b"OggS");
            let _ = read_ogg_opus_channels(&bytes, 5);
        }
    }
}
