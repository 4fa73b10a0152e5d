//! One recording: what is fed goes onto its track, and what lies far enough back into the file.

use std::io::{self, ErrorKind};

use super::feed::{Fed, Feed, Side};
use super::sink::Sink;
use super::storage::Storage;
use super::track::Track;
use super::{Frame, RATE, RecordingEnd, frames_in_us};

/// How far behind the clock is written. A packet waits at most 60 ms for one before it, and the jitter buffers of
/// telephones end at 200 ms; with the recorder's own pace and the pages of Ogg less than a second is lost by a kill.
const LAG_US: u64 = 400_000;

/// Written at one time: a second. After a disk stood still there may be more.
const PART: i64 = RATE.hz() as i64;

/// A recording under way.
pub(super) struct Take<S> {
    feed: Feed,
    left: Track,
    right: Track,
    sink: Sink<S>,
    /// Frames that were written.
    written: i64,
    marks: Vec<u64>,
    sides: [Vec<i16>; 2],
    frames: Vec<Frame>,
}

impl<S: Storage> Take<S> {
    pub(super) fn new(feed: Feed, sink: Sink<S>) -> Self {
        Self {
            feed,
            left: Track::new(),
            right: Track::new(),
            sink,
            written: 0,
            marks: Vec::new(),
            sides: [Vec::new(), Vec::new()],
            frames: Vec::new(),
        }
    }

    /// Writes what lies far enough back, so many microseconds after the begin; tells why there will be no more.
    pub(super) fn step(&mut self, now_us: u64) -> Option<RecordingEnd> {
        // First, so that all that came before the end is there when the end is seen.
        let ends = self.feed.ends();
        self.collect();
        let until_us = ends.map_or(now_us.saturating_sub(LAG_US), |(ends_us, _)| ends_us);
        let written = self.write_until(frames_in_us(i64::try_from(until_us).unwrap_or(i64::MAX)));
        let outcome = match (written, ends) {
            (Ok(()), None) => return None,
            (Ok(()), Some((_, is_stopped))) => self
                .sink
                .finish()
                .map(|()| if is_stopped { RecordingEnd::Stopped } else { RecordingEnd::CallEnded }),
            (Err(error), _) => Err(error),
        };
        self.feed.close();
        Some(outcome.unwrap_or_else(|error| {
            // What can be mended is; that the disk fails is told either way.
            let _ = self.sink.mend();
            end_by(&error)
        }))
    }

    /// Ends the recording now, since the process ends.
    pub(super) fn break_off(&mut self, now_us: u64) {
        self.feed.close();
        self.collect();
        let written = self.write_until(frames_in_us(i64::try_from(now_us).unwrap_or(i64::MAX)));
        // Nobody is left to be told of a disk that fails.
        let _ = written.and_then(|()| self.sink.finish());
    }

    /// The marks that were set since the last call, in microseconds after the begin.
    pub(super) fn take_marks(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.marks)
    }

    /// Packets that were lost on their way here since the last call.
    pub(super) fn take_dropped(&self) -> u64 {
        self.feed.take_dropped()
    }

    fn collect(&mut self) {
        while let Some(fed) = self.feed.poll() {
            match fed {
                Fed::Mark { at_us } => self.marks.push(at_us),
                Fed::Packet { at_us, heard } => match heard.side {
                    Side::Left => self.left.handle(&heard, at_us),
                    Side::Right => self.right.handle(&heard, at_us),
                },
            }
        }
    }

    fn write_until(&mut self, until: i64) -> io::Result<()> {
        while self.written < until {
            let end = until.min(self.written + PART);
            let bands = [self.left.band(), self.right.band()];
            let [left, right] = &mut self.sides;
            left.clear();
            right.clear();
            self.left.take_until(end, left);
            self.right.take_until(end, right);
            self.frames.clear();
            self.frames.extend(left.iter().zip(right).map(|(left, right)| [*left, *right]));
            self.sink.write(&self.frames, bands)?;
            self.written = end;
        }
        Ok(())
    }
}

/// Why a recording ends whose file cannot be written.
pub(super) fn end_by(error: &io::Error) -> RecordingEnd {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => RecordingEnd::DiskFull,
        _ => RecordingEnd::Failed(error.to_string()),
    }
}
