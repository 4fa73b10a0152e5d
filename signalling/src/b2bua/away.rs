//! A party of which nothing is heard. Where its signalling is lost for the moment too, as of a page that is reloaded, the other
//! hears music, and the call goes on; so it does where the party holds and may send sound of its own.

use std::time::Instant;

use tracing::info;
use webtrunk_engine::LegId;
use webtrunk_engine::media::quality::AudioState;
use webtrunk_engine::sdp::Direction;

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
        let may_be_silent = party.is_away || party.direction == Some(Direction::RecvOnly);
        // Whoever is to take another's place is not heard yet, nor is who rang when another lifted any more.
        let is_one_of_two = leg == self.caller.leg || self.partner == Some(leg);
        let has_place = is_one_of_two && !self.is_replacing(leg) && !self.is_rung_for_transfer(leg);
        if may_be_silent && has_place {
            self.sound_hold(leg);
        }
    }
}
