//! The recorder's thread: opens files, steps every recording, tells how each begins and ends.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use tracing::{error, info, warn};

use super::feed::{Feed, Tap, tap};
use super::name::name;
use super::sink::Sink;
use super::take::{Take, end_by};
use super::{RecordingEnd, RecordingFile, RecordingFormat, recovery};
use crate::CallId;

/// How often what came is written. Each time costs two or three system calls a recording.
const PACE: Duration = Duration::from_millis(200);

/// How long the end of the process waits for files to be ended, should a disk stand still.
const FAREWELL: Duration = Duration::from_secs(2);

/// Recordings that may wait for the thread. Chosen by us: while a disk stands still each keeps the room that its packets come
/// through, also when its call is over.
const WAITING_MAX: usize = 128;

/// Recordings are for their owner alone.
const MODE: u32 = 0o600;

/// Names that are tried where others are taken.
const ATTEMPTS: u32 = 10;

/// The handle of the thread; cheap to clone. The thread ends with the last of them.
#[derive(Clone)]
pub(crate) struct Recorder {
    orders: mpsc::Sender<Order>,
    backlog: Arc<Backlog>,
}

/// What waits for the thread, and what found no room to.
#[derive(Debug, Default)]
struct Backlog {
    /// Recordings that the thread has not begun.
    waiting: AtomicUsize,
    /// Recordings for which too many waited.
    refused: AtomicU64,
    /// Packets that found no room between a call and its recording.
    missed: AtomicU64,
}

/// What is to be recorded.
pub(crate) struct Begin {
    pub(crate) call: CallId,
    pub(crate) format: RecordingFormat,
    /// Where what becomes of it is told; called on the recorder's thread.
    pub(crate) tell: Box<dyn Fn(Told) + Send>,
}

/// What becomes of a recording.
#[derive(Debug)]
pub(crate) enum Told {
    /// Its file is open.
    Started { file: RecordingFile },
    /// There will be no more of it; without a file nothing was recorded.
    Ended { file: Option<RecordingFile>, end: RecordingEnd },
}

enum Order {
    Begin(Begin, Feed, Instant),
    Drain(mpsc::Sender<()>),
}

/// A recording with its file.
struct Running {
    take: Take<File>,
    file: RecordingFile,
    begin: Begin,
    begun_at: Instant,
    marks: Option<File>,
}

impl Recorder {
    /// Starts the thread, which sets right what a killed process left in `folder`.
    ///
    /// # Errors
    /// When the folder cannot be read, or there is no thread to be had.
    pub(crate) fn start(folder: PathBuf) -> io::Result<Self> {
        folder.read_dir()?;
        let (orders, received) = mpsc::channel();
        let backlog = Arc::new(Backlog::default());
        let known = Arc::clone(&backlog);
        thread::Builder::new().name("recorder".to_owned()).spawn(move || run(&folder, &received, &known))?;
        Ok(Self { orders, backlog })
    }

    /// Begins a recording; what is to be heard goes into the tap.
    pub(crate) fn begin(&self, begin: Begin, now: Instant) -> Tap {
        let (tap, feed) = tap(now);
        if self.backlog.waiting.fetch_add(1, Ordering::Relaxed) >= WAITING_MAX {
            self.backlog.waiting.fetch_sub(1, Ordering::Relaxed);
            self.backlog.refused.fetch_add(1, Ordering::Relaxed);
            error!(call = %begin.call, "recording cannot be started: the disk does not answer");
            feed.close();
            let end = RecordingEnd::Failed("the disk does not answer".to_owned());
            (begin.tell)(Told::Ended { file: None, end });
        } else if let Err(mpsc::SendError(Order::Begin(begin, feed, _))) =
            self.orders.send(Order::Begin(begin, feed, now))
        {
            feed.close();
            (begin.tell)(Told::Ended { file: None, end: RecordingEnd::InternalError });
        }
        tap
    }

    /// Recordings that were not begun since too many waited.
    pub(crate) fn refused(&self) -> u64 {
        self.backlog.refused.load(Ordering::Relaxed)
    }

    /// Packets that recordings miss since the disk was too slow, as far as the thread has come.
    pub(crate) fn packets_missed(&self) -> u64 {
        self.backlog.missed.load(Ordering::Relaxed)
    }

    /// Ends every file, and returns when that is done or took too long.
    pub(crate) fn drain(&self) {
        let (done, is_done) = mpsc::channel();
        if self.orders.send(Order::Drain(done)).is_ok() && is_done.recv_timeout(FAREWELL).is_err() {
            warn!("recordings are left that could not be ended in time");
        }
    }
}

fn run(folder: &Path, orders: &mpsc::Receiver<Order>, backlog: &Backlog) {
    match recovery::recover(folder) {
        Ok(0) => {}
        Ok(recovered) => info!(recovered, "recordings of a killed process were set right"),
        Err(error) => warn!(%error, folder = %folder.display(), "recordings cannot be looked through"),
    }
    let mut running: Vec<Running> = Vec::new();
    let mut due_at = Instant::now();
    loop {
        let wait =
            if running.is_empty() { Duration::MAX } else { due_at.saturating_duration_since(Instant::now()) };
        match orders.recv_timeout(wait) {
            Ok(Order::Begin(begin, feed, begun_at)) => {
                backlog.waiting.fetch_sub(1, Ordering::Relaxed);
                if running.is_empty() {
                    due_at = Instant::now() + PACE;
                }
                running.extend(open(folder, begin, feed, begun_at));
                continue;
            }
            Ok(Order::Drain(done)) => {
                running.drain(..).for_each(|recording| recording.end(RecordingEnd::CallEnded, true));
                // Whoever asked may have given up.
                let _ = done.send(());
                continue;
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) if running.is_empty() => return,
            Err(RecvTimeoutError::Disconnected) => {
                thread::sleep(due_at.saturating_duration_since(Instant::now()));
            }
        }
        due_at = Instant::now() + PACE;
        running = running.into_iter().filter_map(|recording| recording.step(backlog)).collect();
    }
}

/// Opens the file of a recording; where that cannot be done, it has ended.
fn open(folder: &Path, begin: Begin, feed: Feed, begun_at: Instant) -> Option<Running> {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let opened = create(folder, |attempt| name(begin.call, since_epoch, attempt, begin.format))
        .and_then(|(file, path)| Ok((Sink::begin(file, begin.format, rand::random())?, path)));
    match opened {
        Ok((sink, file)) => {
            info!(call = %begin.call, file = %file.display(), "recording started");
            (begin.tell)(Told::Started { file: file.clone() });
            Some(Running { take: Take::new(feed, sink), file, begin, begun_at, marks: None })
        }
        Err(error) => {
            error!(call = %begin.call, folder = %folder.display(), %error, "recording cannot be started");
            feed.close();
            (begin.tell)(Told::Ended { file: None, end: end_by(&error) });
            None
        }
    }
}

/// Makes a file that was not there before.
fn create(folder: &Path, name: impl Fn(u32) -> String) -> io::Result<(File, PathBuf)> {
    let mut attempt = 0;
    loop {
        let path = folder.join(name(attempt));
        match OpenOptions::new().write(true).create_new(true).mode(MODE).open(&path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists && attempt < ATTEMPTS => attempt += 1,
            file => return Ok((file?, path)),
        }
    }
}

impl Running {
    /// Writes what came; `None` when that was the last.
    fn step(mut self, backlog: &Backlog) -> Option<Self> {
        let now_us = self.now_us();
        // A broken assumption of ours may end this recording, never the others.
        let stepped = catch_unwind(AssertUnwindSafe(|| self.take.step(now_us)));
        let ended = stepped.unwrap_or(Some(RecordingEnd::InternalError));
        let dropped = self.take.take_dropped();
        if dropped > 0 {
            backlog.missed.fetch_add(dropped, Ordering::Relaxed);
            warn!(call = %self.begin.call, file = %self.file.display(), dropped, "recording misses packets: the disk is too slow");
        }
        self.write_marks();
        match ended {
            None => Some(self),
            Some(end) => {
                self.end(end, false);
                None
            }
        }
    }

    fn now_us(&self) -> u64 {
        u64::try_from(self.begun_at.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// Tells the end; breaks the recording off where it has not ended by itself.
    fn end(mut self, end: RecordingEnd, is_early: bool) {
        if is_early {
            self.take.break_off(self.now_us());
            self.write_marks();
        }
        let (call, file) = (self.begin.call, self.file.display());
        match &end {
            RecordingEnd::Stopped | RecordingEnd::CallEnded => info!(%call, %file, ?end, "recording stopped"),
            RecordingEnd::DiskFull | RecordingEnd::Failed(_) | RecordingEnd::InternalError => {
                error!(%call, %file, ?end, "recording stopped, and its call goes on");
            }
        }
        (self.begin.tell)(Told::Ended { file: Some(self.file), end });
    }

    /// Marks stand beside the recording, one a line, in seconds after its begin.
    fn write_marks(&mut self) {
        for at_us in self.take.take_marks() {
            let line = format!("{}.{:03}\n", at_us / 1_000_000, at_us / 1000 % 1000);
            if let Err(error) = self.mark_file().and_then(|mut file| file.write_all(line.as_bytes())) {
                warn!(call = %self.begin.call, %error, "a mark cannot be written");
            }
        }
    }

    fn mark_file(&mut self) -> io::Result<&File> {
        if self.marks.is_none() {
            let path = self.file.with_extension("marks");
            self.marks = Some(OpenOptions::new().append(true).create_new(true).mode(MODE).open(path)?);
        }
        self.marks.as_ref().ok_or_else(|| io::Error::other("it was opened just now"))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use webtrunk_codecs::CodecId;

    use super::super::feed::{Heard, Side};
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    /// A recorder with a folder of its own, and what it tells.
    struct Bench {
        folder: PathBuf,
        recorder: Recorder,
        tell: mpsc::Sender<Told>,
        told: mpsc::Receiver<Told>,
    }

    impl Bench {
        fn new(name: &str) -> Self {
            let folder = std::env::temp_dir().join(format!("webtrunk-{name}-{}", std::process::id()));
            fs::create_dir(&folder).expect("a folder of our own");
            let recorder = Recorder::start(folder.clone()).expect("the folder is there");
            let (tell, told) = mpsc::channel();
            Self { folder, recorder, tell, told }
        }

        fn begin(&self, now: Instant) -> Tap {
            let tell = self.tell.clone();
            let tell = Box::new(move |told| tell.send(told).expect("somebody listens"));
            self.recorder.begin(Begin { call: CallId::next(), format: RecordingFormat::Wav, tell }, now)
        }

        /// Begins a recording, in the telling of which the thread waits, as it does for a disk, until the sender is gone.
        fn hold(&self, now: Instant) -> (Tap, mpsc::Sender<()>) {
            let ((told, is_told), (release, released)) = (mpsc::channel(), mpsc::channel::<()>());
            let tell = Box::new(move |_: Told| {
                let _ = told.send(());
                let _ = released.recv();
            });
            let begin = Begin { call: CallId::next(), format: RecordingFormat::Wav, tell };
            let tap = self.recorder.begin(begin, now);
            is_told.recv_timeout(PATIENCE).expect("it has begun");
            (tap, release)
        }

        fn next(&self) -> Told {
            self.told.recv_timeout(PATIENCE).expect("it is told in time")
        }
    }

    #[test]
    fn a_drain_ends_a_recording_with_its_marks_and_nobody_else_may_read_it() {
        let bench = Bench::new("drain");
        let now = Instant::now();
        let mut tap = bench.begin(now);
        tap.mark(now + Duration::from_millis(1500));
        bench.recorder.drain();
        let Told::Started { file } = bench.next() else { panic!("nothing began") };
        let ended = bench.next();
        let is_so = matches!(&ended, Told::Ended { file: Some(ended), end: RecordingEnd::CallEnded } if *ended == file);
        assert!(is_so, "{ended:?}");
        let marks = file.with_extension("marks");
        assert_eq!(fs::read_to_string(&marks).expect("it was marked"), "1.500\n");
        for file in [&file, &marks] {
            assert_eq!(fs::metadata(file).expect("it is there").permissions().mode() & 0o777, MODE);
        }
        assert!(tap.is_over());
        fs::remove_dir_all(&bench.folder).expect("it is ours");
    }

    #[test]
    fn while_the_thread_stands_still_a_few_recordings_wait_and_no_more() {
        let bench = Bench::new("still");
        let now = Instant::now();
        let (_first, release) = bench.hold(now);
        let waiting: Vec<_> = (0..WAITING_MAX).map(|_| bench.begin(now)).collect();
        let one_more = bench.begin(now);
        let ended = bench.next();
        assert!(matches!(&ended, Told::Ended { file: None, end: RecordingEnd::Failed(_) }), "{ended:?}");
        assert!(one_more.is_over() && waiting.iter().all(|tap| !tap.is_over()));
        assert_eq!(bench.recorder.refused(), 1);
        drop(release);
        for _ in &waiting {
            assert!(matches!(bench.next(), Told::Started { .. }));
        }
        let _next = bench.begin(now);
        assert!(matches!(bench.next(), Told::Started { .. }), "there is room again");
        assert_eq!(bench.recorder.refused(), 1);
        bench.recorder.drain();
        fs::remove_dir_all(&bench.folder).expect("it is ours");
    }

    #[test]
    fn packets_that_a_thread_which_stands_still_does_not_take_are_counted() {
        let bench = Bench::new("missed");
        let now = Instant::now();
        let (_first, release) = bench.hold(now);
        let mut tap = bench.begin(now);
        for number in 0..1000 {
            let (side, codec, timestamp) = (Side::Left, CodecId::Pcmu, 160 * number);
            let heard = Heard { side, codec, timestamp, lost_before: 0, payload: &[0xff; 160] };
            tap.hear(heard, now + Duration::from_millis(20) * number);
        }
        assert_eq!(bench.recorder.packets_missed(), 0, "it has not come to them");
        tap.stop(now + Duration::from_secs(20));
        drop(release);
        assert!(matches!(bench.next(), Told::Started { .. }));
        assert!(matches!(bench.next(), Told::Ended { end: RecordingEnd::Stopped, .. }));
        // The ring has room for 712.
        assert_eq!(bench.recorder.packets_missed(), 288);
        fs::remove_dir_all(&bench.folder).expect("it is ours");
    }

    #[test]
    fn a_folder_that_is_gone_ends_a_recording_at_its_begin_and_no_later_one() {
        let bench = Bench::new("gone");
        fs::remove_dir(&bench.folder).expect("it is ours");
        let tap = bench.begin(Instant::now());
        let ended = bench.next();
        assert!(matches!(&ended, Told::Ended { file: None, end: RecordingEnd::Failed(_) }), "{ended:?}");
        assert!(tap.is_over());
        fs::create_dir(&bench.folder).expect("a folder of our own");
        let tap = bench.begin(Instant::now());
        assert!(matches!(bench.next(), Told::Started { .. }));
        tap.stop(Instant::now());
        let ended = bench.next();
        assert!(matches!(&ended, Told::Ended { file: Some(_), end: RecordingEnd::Stopped }), "{ended:?}");
        fs::remove_dir_all(&bench.folder).expect("it is ours");
    }
}
