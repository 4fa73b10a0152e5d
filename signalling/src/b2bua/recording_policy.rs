//! What is said of the parties' recordings: all who are there are heard in the one recording, so one decides for all.
//!
//! Where a call goes on in another by the tie, each tells the other what is said of its own parties.

use tracing::info;
use webtrunk_engine::LegId;

use super::call::B2bua;
use super::effect::Directory;
use super::party::{Party, PartyState, Purpose};
use crate::adapter::{Command, Incoming, News, Origin, RecordingPolicy};
use crate::tie;

/// What is said of a party with these rights; the end of a tie has another's, and tells by itself.
pub(super) fn recording_of(adapter: &str, party: &Origin, directory: &dyn Directory) -> RecordingPolicy {
    if adapter == tie::NAME { RecordingPolicy::ByRule } else { directory.recording(party) }
}

/// The same of a party that came in, whose credentials may say more.
pub(super) fn recording_of_incoming(
    adapter: &str,
    incoming: &Incoming,
    directory: &dyn Directory,
) -> RecordingPolicy {
    recording_of(adapter, &incoming.origin, directory).or(incoming.recording)
}

impl B2bua {
    /// What is said of those who are there, together.
    pub(super) fn recording_policy(&self) -> RecordingPolicy {
        self.recording_policy_without(None)
    }

    /// The other end of a tie tells what is said of those who are there; or an adapter, what the credentials of its party say.
    pub(super) fn on_recording_bound(&mut self, leg: LegId, policy: RecordingPolicy) {
        let Some(party) = self.party_mut(leg) else { return };
        if party.adapter == tie::NAME {
            party.recording = policy;
            info!(?policy, "the call at the other end tells how its parties are recorded");
        } else {
            party.recording = party.recording.or(policy);
        }
    }

    /// Others may be there than before.
    pub(super) fn follow_recording_policy(&mut self) {
        let is_reached = |party: &&Party| {
            let is_dialled = !matches!(party.state, PartyState::Describing(Purpose::Dial(_)));
            party.adapter == tie::NAME && is_dialled && !party.is_leaving()
        };
        let ties: Vec<_> = self.parties().filter(is_reached).map(|party| party.leg).collect();
        for leg in ties {
            let policy = self.recording_policy_without(Some(leg));
            let Some(party) = self.party_mut(leg).filter(|party| party.told_recording != policy) else {
                continue;
            };
            party.told_recording = policy;
            let told = party.signal(Command::Tell { leg, news: News::Recording(policy) });
            self.effect(told);
        }
        self.follow_recording();
    }

    fn recording_policy_without(&self, leg: Option<LegId>) -> RecordingPolicy {
        let others = self.parties().filter(|party| Some(party.leg) != leg && party.is_there());
        others.fold(RecordingPolicy::ByRule, |policy, party| policy.and(party.recording))
    }
}
