//! What is written of calls: to the store, and from there to the file of lines.
//!
//! ```text
//!  filed --> spool --> store --> file of lines
//!              |         ^
//!              `-> spare file (while the store takes nothing)
//! ```

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::Instant;
use tracing::{error, info, warn};
use webtrunk_signalling::cdr::{CallRecord, RecordId, Unseen};

use super::calls::Heartbeat;
use super::database::Connection;
use super::filing_queue::Filed;
use super::spare::Spare;
use super::spool::Spool;
use super::{StoreError, calls, lines};
use crate::config::CdrConfig;

/// How often old records are looked for, and room for the spare file where there was none.
const PRUNE: Duration = Duration::from_secs(3600);

/// Records that go to the file of lines at a time.
const LINES: u32 = 1000;

/// Calls that wait to be written, and how far the file of lines is.
pub(super) struct Books {
    spool: Spool,
    /// Where records wait while the store takes none.
    spare: Option<Spare>,
    /// The file of lines, where there is one.
    lines: Option<PathBuf>,
    keep_days: u32,
    /// What lengths are counted from in the store.
    opened_at: Instant,
    pruned_at: Option<Instant>,
    /// What the process before left is in the store. Nothing of this one may be there before.
    is_recovered: bool,
    /// Calls that ended with the process before, until somebody takes them.
    crashed: Vec<CallRecord>,
    /// The file of lines may lack some.
    has_news: bool,
    /// The store knows with which record the file of lines ends.
    is_end_known: bool,
    /// What was tried with the file of lines last has failed.
    is_failing: bool,
}

impl Books {
    /// Books that go on where those of the process before ended. A disk that takes nothing is no reason not to begin.
    ///
    /// # Errors
    /// A file in which records are to be is something else.
    pub(super) async fn open(cdr: &CdrConfig, connection: &mut Connection) -> Result<Self, StoreError> {
        for file in cdr.file.iter().chain(&cdr.spare) {
            let path = file.clone();
            let last = blocking(move || lines::last_id(&path)).await;
            last.map_err(|source| StoreError::Lines { file: file.clone(), source })?;
        }
        let mut books = Self {
            spool: Spool::default(),
            spare: cdr.spare.clone().map(Spare::new),
            lines: cdr.file.clone(),
            keep_days: cdr.keep_days,
            opened_at: Instant::now(),
            pruned_at: None,
            is_recovered: false,
            crashed: Vec::new(),
            has_news: true,
            is_end_known: false,
            is_failing: false,
        };
        let recovered = match books.recover(connection).await {
            Ok(()) => books.remove_spare().await,
            error => error,
        };
        match recovered {
            Ok(()) => books.append_lines(connection).await,
            Err(error) => {
                error!(%error, "calls of the process before wait for the store to be written again");
                if let Some(spare) = &mut books.spare {
                    spare.reserve().await;
                }
            }
        }
        Ok(books)
    }

    /// Brings what the process before left into the store: records that waited elsewhere, then calls that it had.
    async fn recover(&mut self, connection: &mut Connection) -> Result<(), sqlx::Error> {
        self.bring_spare(connection).await?;
        self.crashed = calls::recover(connection).await?;
        self.is_recovered = true;
        Ok(())
    }

    /// The calls that ended with the process before, once; those that the store could be told of when it was opened.
    pub(super) fn take_crashed(&mut self) -> Vec<CallRecord> {
        std::mem::take(&mut self.crashed)
    }

    /// Takes in what is filed of a call.
    pub(super) fn take(&mut self, Filed { filing, at }: Filed) {
        self.spool.take(filing, at);
    }

    /// Takes in how a call ended for whose record there was no room.
    pub(super) fn end_unseen(&mut self, id: RecordId, unseen: Unseen) {
        self.spool.end_unseen(id, unseen);
    }

    /// Whether something waits to be written.
    pub(super) fn has_work(&self) -> bool {
        !self.spool.is_empty()
    }

    /// How many rows wait to be written.
    pub(super) fn len(&self) -> usize {
        self.spool.len()
    }

    /// Whether more may wait.
    pub(super) fn has_room(&self) -> bool {
        !self.spool.is_full()
    }

    /// Whether it is of use to write now, even if nothing waits.
    pub(super) fn wants_tick(&self) -> bool {
        let is_behind = self.is_failing || !self.is_recovered || self.has_spare_records();
        self.spool.has_calls() || is_behind || self.is_prune_due()
    }

    fn has_spare_records(&self) -> bool {
        self.spare.as_ref().is_some_and(Spare::has_records)
    }

    fn is_prune_due(&self) -> bool {
        self.pruned_at.is_none_or(|at| at.elapsed() >= PRUNE)
    }

    /// Writes what waits, and that the process lives.
    pub(super) async fn write(&mut self, connection: &mut Connection) -> Result<(), sqlx::Error> {
        if !self.is_recovered {
            self.recover(connection).await?;
            // Nobody is told of them by then.
            self.crashed.clear();
            self.has_news = true;
        } else if self.has_spare_records() {
            self.bring_spare(connection).await?;
            self.has_news = true;
        }
        let heartbeat = Heartbeat::now(self.opened_at);
        calls::write(connection, &self.spool, heartbeat).await?;
        self.has_news |= self.spool.closed().next().is_some() || !self.spool.unseen().is_empty();
        self.spool.clear();
        self.remove_spare().await?;
        if self.has_news || self.is_failing {
            self.append_lines(connection).await;
        }
        if self.is_prune_due() {
            self.pruned_at = Some(Instant::now());
            if let Some(spare) = &mut self.spare {
                spare.reserve_again().await;
            }
            let pruned =
                calls::prune(connection, (heartbeat.at, self.keep_days), self.lines.is_some()).await?;
            if pruned > 0 {
                info!(
                    records = pruned,
                    days = self.keep_days,
                    "records of calls that are older are forgotten"
                );
            }
        }
        Ok(())
    }

    /// Brings what waits in the spare file into the store.
    async fn bring_spare(&mut self, connection: &mut Connection) -> Result<(), sqlx::Error> {
        match &mut self.spare {
            Some(spare) => spare.bring_into(connection, &self.spool).await,
            None => Ok(()),
        }
    }

    /// Removes the spare file where the store has all of it. What waits in the spool may wait there too, so that is written
    /// before.
    async fn remove_spare(&mut self) -> Result<(), sqlx::Error> {
        match &mut self.spare {
            Some(spare) => spare.remove_brought().await,
            None => Ok(()),
        }
    }

    /// Brings the file of lines up to date. Where that fails the store has the records, and it is tried again.
    async fn append_lines(&mut self, connection: &mut Connection) {
        let Some(path) = self.lines.clone() else {
            self.has_news = false;
            return;
        };
        let appended = self.try_append(path.clone(), connection).await;
        match appended {
            Ok(()) => {
                if self.is_failing {
                    info!(file = %path.display(), "records of calls can be written to their file again");
                }
                (self.has_news, self.is_failing) = (false, false);
            }
            Err(error) => {
                if !self.is_failing {
                    warn!(%error, file = %path.display(), "records of calls wait in the store: their file cannot be written");
                }
                (self.is_failing, self.is_end_known) = (true, false);
            }
        }
    }

    async fn try_append(&mut self, path: PathBuf, connection: &mut Connection) -> Result<(), sqlx::Error> {
        if !self.is_end_known {
            // Some lines may be in the file of which the store could not be told.
            let file = path.clone();
            if let Some(last) = blocking(move || lines::last_id(&file)).await.map_err(sqlx::Error::Io)? {
                calls::set_lines_by_id(connection, &last).await?;
            }
            self.is_end_known = true;
        }
        loop {
            let rows = calls::not_in_lines(connection, LINES).await?;
            let Some((last, _)) = rows.last() else { return Ok(()) };
            let last = *last;
            let text: String = rows.into_iter().flat_map(|(_, record)| [record, "\n".to_owned()]).collect();
            let file = path.clone();
            blocking(move || lines::append(&file, text.as_bytes())).await.map_err(sqlx::Error::Io)?;
            calls::set_lines(connection, last).await?;
        }
    }

    /// The store takes nothing: what it has to get waits in the spare file, where there is one, so that neither a kill nor
    /// a long while loses it. Calls that go on are there as far as they are, for a process that is killed.
    pub(super) async fn set_aside(&mut self) {
        // Whether lines were written was not told, where it was not waited for.
        self.is_end_known = false;
        let Some(spare) = &mut self.spare else { return };
        match spare.append(self.spool.waits_here_alone()).await {
            Ok(()) => self.spool.is_elsewhere(),
            Err(error) => spare.tell_once(&error),
        }
    }
}

/// Runs what waits for a disk where it keeps nobody waiting.
pub(super) async fn blocking<T: Send + 'static>(
    act: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(act).await.unwrap_or_else(|panicked| Err(io::Error::other(panicked)))
}
