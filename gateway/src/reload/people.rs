//! Changes of whom the store knows: checked with the file as it is in force, written, and taken up as a reload is.

use tracing::{info, warn};
use webtrunk_signalling::auth::validity::UnixTime;
use webtrunk_signalling::calendar;

use super::settled::Settled;
use super::{Changed, Kept, Reloads};
use crate::config::{ConfigError, LeftOut, Peopled, counted, with_roll};
use crate::people::{Change, Ground, Made, PeopleError, Roll, Row};
use crate::store::Unwritten;

impl Reloads {
    /// Makes a change; one that cannot be changes nothing.
    pub(super) async fn change(
        &mut self,
        change: Change,
        by: Option<&str>,
        changed: &Changed,
    ) -> Result<Made, PeopleError> {
        self.read_again(changed).await?;
        let Some(Kept { roll, keeper, named, left_out, .. }) = &self.kept else {
            return Err(PeopleError::NotKept);
        };
        let now = UnixTime::from(calendar::now());
        let ground = Ground { roll, named, by, realm: &self.current.sip.realm, now };
        let (rows, made) = change.rows(ground)?;
        let mut next = roll.clone();
        next.take(&rows);
        let peopled = self.peopled(next.clone()).await?;
        refuse(peopled.left_out.iter().filter(|one| !one.is_let_go() && !left_out.contains(one)))?;
        // Who is disabled is not looked at above, and is enabled one day.
        if let Some(enabled) = next.with_enabled(&rows) {
            let found = self.peopled(enabled).await?.left_out;
            refuse(found.iter().filter(|one| !left_out.contains(one) && rows.iter().any(|row| one.is(row))))?;
        }
        match keeper.write(rows.clone()).await {
            Ok(()) => {}
            Err(Unwritten::None(why)) => return Err(PeopleError::Unwritten(why)),
            Err(Unwritten::Unsure(why)) => {
                warn!(why, "it is not known whether a change is in the store: it is read again");
                self.kept.iter_mut().for_each(|kept| kept.is_unsure = true);
                return Err(PeopleError::Unsure(why));
            }
        }
        self.take_up_roll(next, peopled, changed).await;
        tell(&rows);
        Ok(made)
    }

    /// Takes up whom the store has, where it is not known whether a change of them was written.
    pub(super) async fn read_again(&mut self, changed: &Changed) -> Result<(), PeopleError> {
        let Some(kept) = self.kept.as_ref().filter(|kept| kept.is_unsure) else { return Ok(()) };
        let roll = kept.keeper.read().await.map_err(PeopleError::Unwritten)?;
        let peopled = self.peopled(roll.clone()).await?;
        tell_left_out(
            &peopled.left_out,
            &self.kept.as_ref().map(|kept| kept.left_out.clone()).unwrap_or_default(),
        );
        self.take_up_roll(roll, peopled, changed).await;
        info!("the store's people were read again");
        Ok(())
    }

    /// The configuration with these.
    async fn peopled(&self, roll: Roll) -> Result<Peopled, PeopleError> {
        let (file, text, alone) = (self.file.clone(), self.text.clone(), self.alone.clone());
        let read = self.reader.read(move || with_roll(&file, &text, &alone, &roll)).await;
        read.map_err(|unread| PeopleError::Unfit(unread.to_string()))?.map_err(|error| match error {
            ConfigError::Faulty(faults) => {
                PeopleError::Unfit(faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
            }
            unreadable @ ConfigError::Unreadable { .. } => PeopleError::Unfit(unreadable.to_string()),
        })
    }

    async fn take_up_roll(&mut self, roll: Roll, peopled: Peopled, changed: &Changed) {
        let settled = Settled::new(&self.current, &peopled.config);
        changed.telephony.take_up(&settled.config).await;
        self.current = settled.config;
        self.desk.tell(Some(roll.clone()), peopled.named.clone(), counted(&peopled.left_out));
        if let Some(kept) = &mut self.kept {
            (kept.roll, kept.named, kept.left_out) = (roll, peopled.named, peopled.left_out);
            kept.is_unsure = false;
        }
    }
}

/// Refuses a change by which these would be left out.
fn refuse<'l>(left_out: impl Iterator<Item = &'l LeftOut>) -> Result<(), PeopleError> {
    let faults: Vec<_> = left_out.map(ToString::to_string).collect();
    if faults.is_empty() { Ok(()) } else { Err(PeopleError::Faulty(faults)) }
}

/// Tells what was changed, and no secret.
fn tell(rows: &[Row]) {
    for row in rows {
        let (what, name, is_there) = match row {
            Row::User(name, row) => ("user", name, row.is_some()),
            Row::Customer(name, row) => ("customer", name, row.is_some()),
            Row::Key(id, row) => ("key", id, row.as_ref().is_some_and(|key| key.revoked.is_none())),
            Row::ApiKey(id, row) => ("API key", id, row.as_ref().is_some_and(|key| key.revoked.is_none())),
            Row::Upstream((user, _), row) => ("account at a trunk", user, row.is_some()),
            Row::AccountPassword(name, row) => ("account password", name, row.is_some()),
        };
        info!(what, name, is_there, "changed in the store");
    }
}

/// Tells whom the store names in vain, and has not told before.
pub(super) fn tell_left_out(left_out: &[LeftOut], before: &[LeftOut]) {
    for LeftOut { what, name, fault } in left_out.iter().filter(|one| !before.contains(one)) {
        warn!(what, name, %fault, "somebody of the store, or what is theirs, is left out");
    }
}
