//! Disks that are full, and processes that are killed.

use std::cell::RefCell;
use std::io::{self, ErrorKind, Seek, SeekFrom, Write};
use std::rc::Rc;
use std::time::{Duration, Instant};

use webtrunk_codecs::CodecId;
use webtrunk_codecs::ogg_opus::read_ogg_opus_channels;
use webtrunk_codecs::wav::{STEREO_HEADER, stereo_header};

use super::super::feed::{Heard, Side, tap};
use super::super::recovery::recover;
use super::super::sink::Sink;
use super::super::storage::Storage;
use super::super::take::Take;
use super::super::{RATE, RecordingEnd, RecordingFormat};
use super::party::{Party, tone};

/// A file in memory, on a disk with so much room.
#[derive(Clone)]
pub(super) struct Memory {
    bytes: Rc<RefCell<Vec<u8>>>,
    position: usize,
    room: usize,
    error: ErrorKind,
}

impl Default for Memory {
    fn default() -> Self {
        Self { bytes: Rc::default(), position: 0, room: usize::MAX, error: ErrorKind::StorageFull }
    }
}

impl Memory {
    /// Left and right of a WAV file, as long as its header says.
    pub(super) fn wav(&self) -> [Vec<i16>; 2] {
        let bytes = self.bytes.borrow();
        let told = u32::from_le_bytes([bytes[40], bytes[41], bytes[42], bytes[43]]);
        assert_eq!(bytes[..STEREO_HEADER], stereo_header(RATE, told.into()));
        let data = &bytes[STEREO_HEADER..][..told as usize];
        let side = |side: usize| {
            let frames = data.as_chunks::<4>().0.iter();
            frames.map(|frame| i16::from_le_bytes([frame[2 * side], frame[2 * side + 1]])).collect()
        };
        [side(0), side(1)]
    }

    /// The channels of an Ogg-Opus file.
    pub(super) fn ogg(&self) -> Vec<Vec<i16>> {
        read_ogg_opus_channels(&self.bytes.borrow(), 100).expect("whole pages")
    }

    /// How much of a recording can be read, in milliseconds.
    fn readable_ms(&self, format: RecordingFormat) -> usize {
        match format {
            RecordingFormat::Wav => self.wav()[0].len() / 16,
            RecordingFormat::Ogg => self.ogg()[0].len() / 48,
        }
    }
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut file = self.bytes.borrow_mut();
        let taken = bytes.len().min(self.room - self.position);
        if taken == 0 && !bytes.is_empty() {
            return Err(self.error.into());
        }
        let end = self.position + taken;
        if file.len() < end {
            file.resize(end, 0);
        }
        file[self.position..end].copy_from_slice(&bytes[..taken]);
        self.position = end;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Memory {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let SeekFrom::Start(position) = to else { return Err(ErrorKind::Unsupported.into()) };
        self.position = position as usize;
        Ok(position)
    }
}

impl Storage for Memory {
    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.bytes.borrow_mut().truncate(length as usize);
        Ok(())
    }
}

/// Records one party in steps of 200 ms to a disk, and calls `after` each; tells how it ended.
fn record(
    disk: &Memory,
    format: RecordingFormat,
    steps: u64,
    mut after: impl FnMut(u64),
) -> Option<RecordingEnd> {
    let now = Instant::now();
    let (mut tap, feed) = tap(now);
    let mut party = Party::new(CodecId::Pcmu, 0.0, 1);
    let mut take = Take::new(feed, Sink::begin(disk.clone(), format, 1).expect("the headers have room"));
    for step in 1..=steps {
        for _ in 0..10 {
            let came = party.say(tone(440.0)).expect("nothing is lost");
            let (codec, timestamp, payload) = (party.codec(), came.timestamp, &came.payload);
            let heard = Heard { side: Side::Left, codec, timestamp, lost_before: 0, payload };
            tap.hear(heard, now + Duration::from_micros(came.at_us));
        }
        if let Some(end) = take.step(step * 200_000) {
            assert!(tap.is_over(), "the media thread is told");
            return Some(end);
        }
        after(step * 200);
    }
    None
}

#[test]
fn whenever_the_process_is_killed_all_but_the_last_second_can_be_read() {
    for format in [RecordingFormat::Wav, RecordingFormat::Ogg] {
        let disk = Memory::default();
        record(&disk, format, 30, |now_ms| {
            // Killed just before the next step.
            let (readable_ms, killed_at_ms) = (disk.readable_ms(format) as u64, now_ms + 200);
            assert!(readable_ms + 1000 >= killed_at_ms, "{format:?}: {readable_ms} of {killed_at_ms} ms");
        });
    }
}

#[test]
fn a_full_disk_ends_the_recording_where_its_file_is_whole() {
    for (format, room) in [(RecordingFormat::Wav, 100_001), (RecordingFormat::Ogg, 10_001)] {
        let disk = Memory { room, ..Memory::default() };
        assert_eq!(record(&disk, format, 100, |_| ()), Some(RecordingEnd::DiskFull), "{format:?}");
        assert!(disk.readable_ms(format) > 1000, "{format:?}: {} ms", disk.readable_ms(format));
        assert!(disk.bytes.borrow().len() <= room);
    }
}

#[test]
fn a_failing_disk_is_told_as_what_the_system_says() {
    let disk = Memory { room: 70_000, error: ErrorKind::PermissionDenied, ..Memory::default() };
    let end = record(&disk, RecordingFormat::Wav, 100, |_| ());
    assert_eq!(end, Some(RecordingEnd::Failed("permission denied".to_owned())));
}

#[test]
fn what_a_killed_process_left_is_set_right_and_nothing_else_is_touched() {
    let folder = std::env::temp_dir().join(format!("webtrunk-recovery-{}", std::process::id()));
    std::fs::create_dir(&folder).expect("a folder of our own");
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.join(name), bytes).expect("it is ours");
    let file = |told: u64, data: usize| [&stereo_header(RATE, told)[..], &vec![7; data]].concat();
    let foreign = [b"RIFF....WAVE".as_slice(), &[0; 100]].concat();
    write("short.wav", &file(400, 1003));
    write("sound.wav", &file(400, 400));
    write("foreign.wav", &foreign);
    write("tiny.wav", b"RIFF");
    let recovered = recover(&folder);
    let read = |name: &str| std::fs::read(folder.join(name)).expect("it is ours");
    let left = ["short.wav", "sound.wav", "foreign.wav", "tiny.wav"].map(read);
    std::fs::remove_dir_all(&folder).expect("it is ours");
    assert_eq!(recovered.ok(), Some(1));
    assert_eq!(left, [file(1000, 1000), file(400, 400), foreign, b"RIFF".to_vec()]);
}
