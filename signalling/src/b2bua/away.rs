//! A party whose signalling is lost for the moment, a page that is reloaded say: while nothing is heard of its media either,
//! the other hears music, and the call goes on.

use tracing::info;
use webtrunk_engine::LegId;
use webtrunk_engine::media::quality::AudioState;

use super::call::B2bua;

impl B2bua {
    /// A party's signalling is lost, or is back.
    pub(super) fn on_away(&mut self, leg: LegId, is_away: bool) {
        let Some(party) = self.party_mut(leg) else { return };
        party.is_away = is_away;
        // What it closed went with a page that is no more; the new one brings media of its own, or is silent for too long.
        party.media_closed_at = party.media_closed_at.filter(|_| is_away);
        info!(is_away, "the party's signalling is lost, or is back");
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
