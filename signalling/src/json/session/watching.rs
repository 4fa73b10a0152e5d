//! What a page is told of other users: what they do.

use std::collections::BTreeSet;

use super::state::Session;
use crate::commons::Commons;
use crate::json::protocol::{Done, ErrorCode, Event, Fault, Outcome, Presence, PresenceState, Watch};
use crate::json::session::output::Output;
use crate::presence::Activity;

/// Users that one page watches. Chosen by us: as many keys as a telephone with its panels has.
const WATCHED_MAX: usize = 200;

impl Session {
    /// The users that it watches.
    pub(in crate::json) const fn watched(&self) -> &BTreeSet<String> {
        &self.watched
    }

    /// Watches these users, and no others.
    pub(super) fn watch(
        &mut self,
        Watch { users }: Watch,
        commons: &Commons,
    ) -> Result<Option<Outcome>, Fault> {
        if users.len() > WATCHED_MAX {
            return Err(Fault::of_field("users", "params.users: must be 200 at most"));
        }
        let is_foreign = |user: &String| !commons.presence.may_watch(self.user(), user);
        if let Some(at) = users.iter().position(is_foreign) {
            let problem = format!("{:?} is nobody whom the page may watch", users[at]);
            return Err(Fault::new(ErrorCode::Forbidden, problem).at(format!("users[{at}]")));
        }
        let before = std::mem::replace(&mut self.watched, users.into_iter().collect());
        self.outputs_mut().push_back(Output::Watches { before });
        for user in self.watched.clone() {
            let activity = commons.presence.activity(&user);
            self.tell_activity(&user, activity);
        }
        Ok(Some(Outcome::Done(Done {})))
    }

    /// A user that it watches does something else.
    pub(in crate::json) fn tell_activity(&mut self, user: &str, activity: Activity) {
        let state = match activity {
            Activity::Idle => PresenceState::Idle,
            Activity::Ringing => PresenceState::Ringing,
            Activity::Talking => PresenceState::Talking,
        };
        self.tell_now(&Event::Presence(Presence { user: user.to_owned(), state }));
    }
}
