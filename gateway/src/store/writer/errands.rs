//! What is done at once for somebody who waits for it: rows of people are written, read, or sealed anew.

use tokio::time::timeout;

use super::{ANSWER, NO_ANSWER, Writer, connected, patience};
use crate::people::{Roll, Row};
use crate::store::people::{self, Errand, Unwritten};

impl Writer {
    /// Writes rows of people, reads them or seals them anew, and tells whether it could.
    pub(super) async fn run_errand(&mut self, errand: Errand) {
        let is_done = match errand {
            Errand::Write(rows, reply) => {
                let outcome = self.write_people(&rows).await;
                let is_done = outcome.is_ok();
                // Who asked may be gone.
                let _ = reply.send(outcome);
                is_done
            }
            Errand::Read(reply) => {
                let outcome = timeout(ANSWER, self.read_people()).await;
                let outcome = outcome.unwrap_or_else(|_| Err(NO_ANSWER.to_owned()));
                let is_done = outcome.is_ok();
                let _ = reply.send(outcome);
                is_done
            }
            Errand::Reseal(reply) => {
                let outcome = timeout(ANSWER, self.reseal_people()).await;
                let outcome = outcome.unwrap_or_else(|_| Err(NO_ANSWER.to_owned()));
                let is_done = outcome.is_ok();
                let _ = reply.send(outcome);
                is_done
            }
        };
        if !is_done {
            self.health.add_failure();
            self.close().await;
        }
    }

    async fn write_people(&mut self, rows: &[Row]) -> Result<(), Unwritten> {
        let mut is_committing = false;
        match timeout(patience(rows.len()), self.try_write_people(rows, &mut is_committing)).await {
            Ok(Ok(())) => Ok(()),
            // What the database itself refuses, it has not done.
            Ok(Err(error @ sqlx::Error::Database(_))) => Err(Unwritten::None(error.to_string())),
            Ok(Err(error)) if is_committing => Err(Unwritten::Unsure(error.to_string())),
            Ok(Err(error)) => Err(Unwritten::None(error.to_string())),
            Err(_) if is_committing => Err(Unwritten::Unsure(NO_ANSWER.to_owned())),
            Err(_) => Err(Unwritten::None(NO_ANSWER.to_owned())),
        }
    }

    async fn try_write_people(&mut self, rows: &[Row], is_committing: &mut bool) -> Result<(), sqlx::Error> {
        let key = self.keys.as_ref().ok_or_else(no_key)?.sealing();
        let connection = connected(&mut self.connection, &self.place).await?;
        people::write(connection, rows, key, is_committing).await
    }

    async fn read_people(&mut self) -> Result<Roll, String> {
        let keys = self.keys.as_ref().ok_or_else(|| no_key().to_string())?;
        let connection = connected(&mut self.connection, &self.place).await;
        let connection = connection.map_err(|error| error.to_string())?;
        let loaded = people::load(&self.place, connection, keys).await.map_err(|error| error.to_string())?;
        Ok(loaded.roll)
    }

    async fn reseal_people(&mut self) -> Result<u64, String> {
        let keys = self.keys.as_ref().ok_or_else(|| no_key().to_string())?;
        let connection = connected(&mut self.connection, &self.place).await;
        let connection = connection.map_err(|error| error.to_string())?;
        people::reseal(&self.place, connection, keys).await.map_err(|error| error.to_string())
    }
}

fn no_key() -> sqlx::Error {
    sqlx::Error::Configuration("there is no store.secret_key".into())
}
