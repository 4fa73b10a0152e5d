//! The door that tokens come to: which are let in, and which were used before.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use super::grant::Grant;
use super::keyring::Keyring;
use super::legacy::Arrival;
use super::refusal::Refusal;
use super::replay::{ReplayList, TokenKeeper, UsedToken};
use super::shape::Shape;
use crate::auth::limits::{FailureLimits, Proof};
use crate::auth::validity::UnixTime;

/// Whom a source that forges tokens claims to be: nobody that is known.
const NOBODY: &str = "";

/// Lets tokens in.
#[derive(Default)]
pub struct TokenDoor {
    keys: Keyring,
    used: ReplayList,
    /// Those that anybody may forge have a list of their own: who fills it up keeps nobody else out.
    used_forgeable: ReplayList,
    /// How often such ones were wrong.
    failures: FailureLimits,
    /// Who keeps what was used; `None` forgets it with the process.
    keeper: Option<Arc<dyn TokenKeeper>>,
}

impl TokenDoor {
    /// Opens to tokens of these keys.
    #[must_use]
    pub fn new(keys: Keyring) -> Self {
        Self { keys, ..Self::default() }
    }

    /// Remembers what was used before a restart, and has what is used from now on kept.
    pub fn remember(&mut self, kept: &[UsedToken], keeper: Option<Arc<dyn TokenKeeper>>) {
        for used in kept {
            let list = if used.is_forgeable { &mut self.used_forgeable } else { &mut self.used };
            list.restore(used.id, used.until);
        }
        self.keeper = keeper;
    }

    /// Takes other keys, and remembers what was used.
    pub fn set_keys(&mut self, keys: Keyring) {
        self.keys = keys;
    }

    /// The keys.
    pub(crate) const fn keys(&self) -> &Keyring {
        &self.keys
    }

    /// Lets a token in, or not. `wall` is what calendars say, `now` what passes; a token is used by being let in.
    ///
    /// # Errors
    /// Why not, for the log; whoever brought it is told [`Refusal::ANSWER`].
    pub fn admit(
        &mut self,
        token: &str,
        arrival: &Arrival<'_>,
        wall: SystemTime,
        now: Instant,
    ) -> Result<Grant, Refusal> {
        let wall = UnixTime::from(wall);
        let shape = Shape::parse(token)?;
        if !matches!(shape, Shape::Legacy { .. }) {
            return self.admit_once(shape, arrival, wall, false);
        }
        if self.failures.must_wait(arrival.source, NOBODY, Proof::Reached, now) {
            return Err(Refusal::TooManyFailures);
        }
        let admitted = self.admit_once(shape, arrival, wall, true);
        if admitted.is_err() {
            self.failures.failed(arrival.source, NOBODY, Proof::Reached, now);
        }
        admitted
    }

    fn admit_once(
        &mut self,
        shape: Shape<'_>,
        arrival: &Arrival<'_>,
        wall: UnixTime,
        is_forgeable: bool,
    ) -> Result<Grant, Refusal> {
        let unsealed = self.keys.unseal_shape(shape, Some(arrival), wall)?;
        unsealed.judge(wall)?;
        if let Some(id) = unsealed.once()? {
            let list = if is_forgeable { &mut self.used_forgeable } else { &mut self.used };
            let until = list.note(id, unsealed.claims.expires, wall)?;
            if let Some(keeper) = &self.keeper {
                keeper.keep(UsedToken { id, until, is_forgeable });
            }
        }
        Ok(Grant::new(unsealed.key, unsealed.format, unsealed.claims))
    }
}
