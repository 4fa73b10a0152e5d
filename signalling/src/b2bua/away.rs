//! A party whose signalling is lost for the moment, a page that is reloaded say: while nothing is heard of its media either,
//! the other hears music, and the call goes on.

use std::time::Instant;

use tracing::info;
use webtrunk_engine::LegId;
use webtrunk_engine::media::quality::AudioState;

use super::call::B2bua;

impl B2bua {
    /// A party's signalling is lost, or is back.
    pub(super) fn on_away(&mut self, leg: LegId, is_away: bool, now: Instant) {
        let Some(party) = self.party_mut(leg) else { return };
        party.is_away = is_away;
        info!(is_away, "the party's signalling is lost, or is back");
        if !is_away {
            self.on_return(leg, now);
        }
        self.follow_hold(leg);
    }

    /// Another thing is heard of a party's media.
    pub(super) fn on_audio_changed(&mut self, leg: LegId, now: AudioState) {
        let Some(party) = self.party_mut(leg) else { return };
        party.is_unheard = now == AudioState::NoRtp;
        if party.is_away {
            self.follow_hold(leg);
        }
    }
}
