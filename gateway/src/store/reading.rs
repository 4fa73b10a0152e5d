//! Records of calls, read by another process than the one that writes them.

use std::io;

use webtrunk_signalling::cdr::{CallRecord, Stamp};

use super::database::{self, Connection};
use super::{StoreError, StorePlace};

/// Records that are read at a time.
const PAGE: u32 = 500;

/// When calls began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Period {
    /// At this time or later.
    pub since: Option<Stamp>,
    /// Before this time.
    pub until: Option<Stamp>,
}

/// Records cannot be read, or not be written where they are to go.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Where they are to go.
    #[error("records of calls cannot be written: {0}; give where they go room, or have them go elsewhere")]
    Out(#[from] io::Error),
    /// Some of them are none.
    #[error(
        "{count} records cannot be read and are left out, all others are written; the first has seq {seq} in the table calls: {error}; \
         have them read by the version that wrote them, or look at the table"
    )]
    Unreadable {
        /// How many.
        count: u64,
        /// Where the first of them is.
        seq: i64,
        /// What is wrong with it.
        error: serde_json::Error,
    },
}

/// Reads records of calls, beside a gateway that may be running.
pub struct CallReader {
    place: StorePlace,
    connection: Connection,
}

impl CallReader {
    /// Opens a store. Needs a tokio runtime around it.
    ///
    /// # Errors
    /// [`StoreError`] where it is not there, or cannot be read.
    pub async fn open(place: &StorePlace) -> Result<Self, StoreError> {
        Ok(Self { place: place.clone(), connection: database::open_to_read(place).await? })
    }

    /// Hands over each record whose call began in the period, in the order in which they ended. A record that cannot be read
    /// keeps no other back.
    ///
    /// # Errors
    /// [`ReadError`]; what was handed over before is sound, and all that can be read where it is [`ReadError::Unreadable`].
    pub async fn read(
        mut self,
        Period { since, until }: Period,
        mut hand_over: impl FnMut(&CallRecord) -> io::Result<()>,
    ) -> Result<(), ReadError> {
        let unreadable_store = |source: sqlx::Error| StoreError::unreadable(&self.place, source);
        let (mut last, mut unreadable) = (0, None);
        loop {
            let rows: Vec<(i64, String)> = sqlx::query_as(
                "SELECT seq, record FROM calls WHERE seq > $1 AND began_at_ms >= $2 AND began_at_ms < $3 ORDER BY seq LIMIT $4",
            )
            .bind(last)
            .bind(since.map_or(i64::MIN, Stamp::ms))
            .bind(until.map_or(i64::MAX, Stamp::ms))
            .bind(i64::from(PAGE))
            .fetch_all(&mut self.connection)
            .await
            .map_err(unreadable_store)?;
            let Some((seq, _)) = rows.last() else { return unreadable.map_or(Ok(()), Err) };
            last = *seq;
            for (seq, json) in rows {
                match serde_json::from_str(&json) {
                    Ok(record) => hand_over(&record)?,
                    Err(error) => match &mut unreadable {
                        Some(ReadError::Unreadable { count, .. }) => *count += 1,
                        _ => unreadable = Some(ReadError::Unreadable { count: 1, seq, error }),
                    },
                }
            }
        }
    }
}
