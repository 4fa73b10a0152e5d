//! Records that wait outside of the store, on another disk, for as long as the store's own takes nothing.
//!
//! Of a call that goes on there is a line without an end, and another one whenever more of it is known. The file was changed
//! last when its process lived last.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use tracing::{error, info, warn};
use webtrunk_signalling::cdr::{CallRecord, LastSign, RecordId};

use super::books::blocking;
use super::database::Connection;
use super::spool::Spool;
use super::{calls, lines, reserve};

/// Records that go back at a time.
const BATCH: usize = 500;

/// Longest line that is read at once; a record is told within bounds, and far shorter.
const LINE_MAX: u64 = 1 << 20;

/// A file of lines, as the one for everybody; but it is there only while something is wrong.
pub(super) struct Spare {
    path: PathBuf,
    /// It may have some.
    has_records: bool,
    /// When the process before lived last, where that has left a file.
    left_at: Option<SystemTime>,
    /// How many of its records the store has, where that is all of them.
    brought: Option<usize>,
    /// That it cannot be written was told.
    is_failing: bool,
    /// That it has no room of its own was told.
    is_roomless: bool,
}

impl Spare {
    /// A file that the process before may have left.
    pub(super) fn new(path: PathBuf) -> Self {
        let left_at = std::fs::metadata(&path).and_then(|metadata| metadata.modified()).ok();
        Self { path, has_records: true, left_at, brought: None, is_failing: false, is_roomless: false }
    }

    /// Reserves room for it, where there is some.
    pub(super) async fn reserve(&mut self) {
        let path = self.path.clone();
        let held = blocking(move || reserve::hold(&path)).await;
        let file = self.path.display();
        match &held {
            Err(error) if !self.is_roomless => {
                warn!(%error, %file, "there is no room to reserve for the spare file");
            }
            Ok(()) if self.is_roomless => info!(%file, "room is reserved for the spare file again"),
            Ok(()) | Err(_) => {}
        }
        self.is_roomless = held.is_err();
    }

    /// Tries again where there was no room.
    pub(super) async fn reserve_again(&mut self) {
        if self.is_roomless {
            self.reserve().await;
        }
    }

    /// Whether it may have records.
    pub(super) const fn has_records(&self) -> bool {
        self.has_records
    }

    /// Appends records, all or none; where there are none, that the process lives.
    pub(super) async fn append<'a>(
        &mut self,
        records: impl Iterator<Item = &'a CallRecord>,
    ) -> io::Result<()> {
        let mut text = Vec::new();
        for record in records {
            serde_json::to_writer(&mut text, record)?;
            text.push(b'\n');
        }
        let path = self.path.clone();
        if text.is_empty() {
            return blocking(move || touch(&path)).await;
        }
        blocking(move || reserve::make_spare(&path).and_then(|()| lines::append(&path, &text))).await?;
        if !self.has_records {
            warn!(file = %self.path.display(), "records of calls wait in the spare file for the store");
        }
        (self.has_records, self.is_failing) = (true, false);
        Ok(())
    }

    /// Tells that it cannot be written either, once.
    pub(super) fn tell_once(&mut self, error: &io::Error) {
        if !self.is_failing {
            error!(%error, file = %self.path.display(), "records of calls wait in memory: the spare file cannot be written");
        }
        self.is_failing = true;
    }

    /// Brings its records into the store, in their order. What is there already is not doubled, so that it may be tried
    /// again after any fault. Calls that went on when the process before was killed ended when it lived last; those of
    /// this one are in the spool, ended or not.
    pub(super) async fn bring_into(
        &mut self,
        connection: &mut Connection,
        spool: &Spool,
    ) -> Result<(), sqlx::Error> {
        self.brought = None;
        let (mut at, mut count, mut is_done) = (Place::default(), 0, true);
        let mut open: HashMap<RecordId, CallRecord> = HashMap::new();
        loop {
            let path = self.path.clone();
            let batch = blocking(move || read(&path, at)).await.map_err(sqlx::Error::Io)?;
            if batch.next.octet == at.octet {
                break;
            }
            let (closed, going_on): (Vec<_>, Vec<_>) =
                batch.records.into_iter().partition(|record| record.end.is_some());
            open.extend(going_on.into_iter().map(|record| (record.id.clone(), record)));
            closed.iter().for_each(|record| drop(open.remove(&record.id)));
            calls::close(connection, &closed).await?;
            // No record waits for a line that is none; the file stays until that is somewhere else.
            if let Err(error) = self.put_by(batch.unreadable).await {
                self.tell_once(&error);
                is_done = false;
            }
            (at, count) = (batch.next, count + closed.len());
        }
        spool.known().for_each(|id| drop(open.remove(id)));
        let killed = self.killed(open);
        calls::close(connection, &killed).await?;
        self.brought = is_done.then_some(count + killed.len());
        Ok(())
    }

    /// Removes the file where the store has all of it, and all that the spool had.
    pub(super) async fn remove_brought(&mut self) -> Result<(), sqlx::Error> {
        let Some(count) = self.brought.take() else { return Ok(()) };
        let path = self.path.clone();
        blocking(move || remove(&path)).await.map_err(sqlx::Error::Io)?;
        if count > 0 {
            info!(records = count, "records of calls that waited in the spare file are in the store");
        }
        self.has_records = false;
        self.reserve().await;
        Ok(())
    }

    /// Calls of the process before, which nobody has ended, in the order in which they began.
    fn killed(&self, open: HashMap<RecordId, CallRecord>) -> Vec<CallRecord> {
        let last = LastSign { at: self.left_at.unwrap_or_else(SystemTime::now).into(), after_ms: None };
        let mut killed: Vec<_> = open.into_values().map(|record| record.after_crash(last)).collect();
        killed.sort_by(|one, other| one.id.as_str().cmp(other.id.as_str()));
        killed
    }

    /// Lines that are no records of ours wait in a file of their own for somebody who looks at them: no other record waits
    /// for them.
    async fn put_by(&self, lines: Vec<Unreadable>) -> io::Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        let kept = unreadable(&self.path);
        for Unreadable { number, error, .. } in &lines {
            let (file, kept) = (self.path.display(), kept.display());
            warn!(%file, line = number, error, %kept, "a line that is no record of a call is put by");
        }
        let text: Vec<u8> = lines.into_iter().flat_map(|line| line.octets).collect();
        blocking(move || {
            // A process that was killed before the spare file was removed has put them by already.
            if ends_with(&kept, &text)? { Ok(()) } else { lines::append(&kept, &text) }
        })
        .await
    }
}

/// Whether a file ends so; one that is not there does not.
fn ends_with(path: &Path, text: &[u8]) -> io::Result<bool> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        file => file?,
    };
    let Some(begin) = file.metadata()?.len().checked_sub(text.len() as u64) else { return Ok(false) };
    file.seek(SeekFrom::Start(begin))?;
    let mut end = Vec::new();
    file.take(text.len() as u64).read_to_end(&mut end)?;
    Ok(end == text)
}

/// Where lines are put that cannot be read.
fn unreadable(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".unreadable");
    name.into()
}

/// Where in the file it is read.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    octet: u64,
    line: u64,
}

/// Some lines of the file.
struct Batch {
    records: Vec<CallRecord>,
    unreadable: Vec<Unreadable>,
    next: Place,
}

/// A line that is no record.
struct Unreadable {
    /// Which line of the file, from 1.
    number: u64,
    error: String,
    octets: Vec<u8>,
}

/// A batch of lines from this place on; nothing where there is no file. A line that is not whole was being written when the
/// process was killed: its call is open in the store.
fn read(path: &Path, at: Place) -> io::Result<Batch> {
    let mut batch = Batch { records: Vec::new(), unreadable: Vec::new(), next: at };
    let mut file = match File::open(path) {
        Ok(file) => BufReader::new(file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(batch),
        Err(error) => return Err(error),
    };
    file.seek(SeekFrom::Start(at.octet))?;
    let mut octets = Vec::new();
    while batch.records.len() + batch.unreadable.len() < BATCH {
        octets.clear();
        let length = file.by_ref().take(LINE_MAX).read_until(b'\n', &mut octets)?;
        // A piece of a line that never ends is put by as one.
        if !octets.ends_with(b"\n") && (length as u64) < LINE_MAX {
            break;
        }
        batch.next = Place { octet: batch.next.octet + length as u64, line: batch.next.line + 1 };
        match serde_json::from_slice(&octets) {
            Ok(record) => batch.records.push(record),
            Err(error) => {
                let (number, octets) = (batch.next.line, std::mem::take(&mut octets));
                batch.unreadable.push(Unreadable { number, error: error.to_string(), octets });
            }
        }
    }
    Ok(batch)
}

/// Says that the process lives, which needs no room; where there is no file nothing waits there.
fn touch(path: &Path) -> io::Result<()> {
    match File::options().append(true).open(path) {
        Ok(file) => file.set_modified(SystemTime::now()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}
