//! Muting: a party is not heard, whatever it sends. Its own side may know nothing of it: what is heard changes inside.

use tracing::info;
use webtrunk_engine::LegId;

use super::call::B2bua;

impl B2bua {
    /// A party wants not to be heard, or to be heard again.
    pub(super) fn on_mute_asked(&mut self, leg: LegId, is_muted: bool) {
        let Some(party) = self.party_mut(leg) else { return };
        party.is_muted = is_muted;
        info!(is_muted, "party is muted, or no longer");
        if !self.mute_in_conference(leg, is_muted) && !self.mute_in_meeting(leg) {
            self.follow_hold(leg);
        }
    }
}
