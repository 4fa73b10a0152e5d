//! Records that wait outside of the store, on another disk, for as long as the store's own takes nothing.

use std::io::{self, BufRead, BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use sqlx::SqliteConnection;
use tracing::{error, info, warn};
use webtrunk_signalling::cdr::CallRecord;

use super::books::blocking;
use super::{calls, lines};

/// Records that go back at a time.
const BATCH: usize = 500;

/// A file of lines, as the one for everybody; but it is there only while something is wrong.
pub(super) struct Spare {
    path: PathBuf,
    /// It may have some.
    has_records: bool,
    /// That it cannot be written was told.
    is_failing: bool,
}

impl Spare {
    /// A file that the process before may have left.
    pub(super) const fn new(path: PathBuf) -> Self {
        Self { path, has_records: true, is_failing: false }
    }

    /// Whether it may have records.
    pub(super) const fn has_records(&self) -> bool {
        self.has_records
    }

    /// Appends records, all or none.
    pub(super) async fn append<'a>(
        &mut self,
        records: impl Iterator<Item = &'a CallRecord>,
    ) -> io::Result<()> {
        let mut text = Vec::new();
        for record in records {
            serde_json::to_writer(&mut text, record)?;
            text.push(b'\n');
        }
        if text.is_empty() {
            return Ok(());
        }
        let path = self.path.clone();
        blocking(move || lines::append(&path, &text)).await?;
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

    /// Brings its records into the store, in their order, and removes it. What is there already is not doubled, so that
    /// it may be tried again after any fault.
    pub(super) async fn empty_into(&mut self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        let (mut at, mut count) = (0, 0);
        loop {
            let path = self.path.clone();
            let (batch, next) = blocking(move || read(&path, at)).await.map_err(sqlx::Error::Io)?;
            if batch.is_empty() {
                break;
            }
            calls::close(connection, &batch).await?;
            (at, count) = (next, count + batch.len());
        }
        let path = self.path.clone();
        blocking(move || remove(&path)).await.map_err(sqlx::Error::Io)?;
        if count > 0 {
            info!(records = count, "records of calls that waited in the spare file are in the store");
        }
        self.has_records = false;
        Ok(())
    }
}

/// A batch of records from this octet on, and where the next begins; nothing where there is no file. A line that is not
/// whole was being written when the process was killed: its call is open in the store.
fn read(path: &Path, at: u64) -> io::Result<(Vec<CallRecord>, u64)> {
    let mut file = match std::fs::File::open(path) {
        Ok(file) => BufReader::new(file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), at)),
        Err(error) => return Err(error),
    };
    file.seek(SeekFrom::Start(at))?;
    let (mut batch, mut next, mut line) = (Vec::new(), at, String::new());
    while batch.len() < BATCH {
        line.clear();
        let length = file.read_line(&mut line)?;
        if !line.ends_with('\n') {
            break;
        }
        batch.push(serde_json::from_str(&line)?);
        next += length as u64;
    }
    Ok((batch, next))
}

fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}
