//! Changes of whom the store knows: checked with the file as it is in force, written, and taken up as a reload is.

use std::time::SystemTime;

use tracing::{info, warn};
use webtrunk_signalling::auth::validity::UnixTime;

use super::settled::Settled;
use super::{Changed, Kept, Reloads};
use crate::config::{ConfigError, LeftOut, with_roll};
use crate::people::{Change, Ground, Made, PeopleError, Row};

impl Reloads {
    /// Makes a change; one that cannot be changes nothing.
    pub(super) async fn change(&mut self, change: Change, changed: &Changed) -> Result<Made, PeopleError> {
        let Some(Kept { roll, keeper, named, left_out }) = &self.kept else {
            return Err(PeopleError::NotKept);
        };
        let now = UnixTime::from(SystemTime::now());
        let ground = Ground { roll, named, realm: &self.current.sip.realm, now };
        let (rows, made) = change.rows(ground)?;
        let mut next = roll.clone();
        next.take(&rows);
        let (file, text, alone, own) =
            (self.file.clone(), self.text.clone(), self.alone.clone(), next.clone());
        let read = self.reader.read(move || with_roll(&file, &text, &alone, &own)).await;
        let peopled = read.map_err(|unread| unfit(unread.to_string()))?.map_err(|error| match error {
            ConfigError::Faulty(faults) => {
                unfit(faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
            }
            unreadable @ ConfigError::Unreadable { .. } => unfit(unreadable.to_string()),
        })?;
        let new: Vec<_> = peopled.left_out.iter().filter(|one| !left_out.contains(one)).collect();
        if !new.is_empty() {
            return Err(PeopleError::Faulty(new.into_iter().map(ToString::to_string).collect()));
        }
        keeper.write(rows.clone()).await.map_err(PeopleError::Unwritten)?;
        let settled = Settled::new(&self.current, &peopled.config);
        changed.telephony.take_up(&settled.config).await;
        self.current = settled.config;
        self.desk.tell(Some(next.clone()), peopled.named.clone());
        if let Some(kept) = &mut self.kept {
            (kept.roll, kept.named, kept.left_out) = (next, peopled.named, peopled.left_out);
        }
        tell(&rows);
        Ok(made)
    }
}

/// The file cannot be read as it was: a secret that it names is gone, say.
fn unfit(why: String) -> PeopleError {
    PeopleError::Faulty(vec![format!("the configuration cannot be read again as it was: {why}")])
}

/// Tells what was changed, and no secret.
fn tell(rows: &[Row]) {
    for row in rows {
        let (what, name, is_there) = match row {
            Row::User(name, row) => ("user", name, row.is_some()),
            Row::Customer(name, row) => ("customer", name, row.is_some()),
            Row::Key(id, row) => ("key", id, row.as_ref().is_some_and(|key| key.revoked.is_none())),
            Row::ApiKey(id, row) => ("API key", id, row.as_ref().is_some_and(|key| key.revoked.is_none())),
        };
        info!(what, name, is_there, "changed in the store");
    }
}

/// Tells whom the store names in vain, and has not told before.
pub(super) fn tell_left_out(left_out: &[LeftOut], before: &[LeftOut]) {
    for LeftOut { what, name, fault } in left_out.iter().filter(|one| !before.contains(one)) {
        warn!(what, name, %fault, "somebody of the store is left out");
    }
}
