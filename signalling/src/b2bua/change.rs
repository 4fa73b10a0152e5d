//! Changes of an answered party's media: hold, resume, new codecs.
//!
//! A change concerns its own leg alone: the engine answers it, and the other leg's transport,
//! fingerprint, SSRC and sequence stay as they are. What the other party hears follows from it.

use std::net::IpAddr;

use webtrunk_engine::LegId;
use webtrunk_engine::call::{CallCommand, HearSource};
use webtrunk_engine::media::PlaybackId;
use webtrunk_engine::sdp::{CandidateFragment, Direction, FragmentError, SessionDescription};

use super::call::B2bua;
use super::party::{Change, Instead, Party};
use crate::adapter::{Command, MediaProfile, News};
use webtrunk_engine::EndCause;

impl B2bua {
    /// A party wants other media.
    pub(super) fn on_reoffered(
        &mut self,
        leg: LegId,
        offer: Option<Box<SessionDescription>>,
        signalled_from: IpAddr,
    ) {
        let opposite = self.opposite(leg).map(|party| party.leg);
        self.give_up_restart(leg);
        self.put_off_telling(leg);
        let Some(party) = self.party_mut(leg) else { return };
        match offer {
            Some(description) => {
                party.change = Change::Answering;
                let signalled_from = Some(signalled_from);
                self.media(CallCommand::ReceiveOffer { leg, description, signalled_from });
                self.media(CallCommand::CreateAnswer { leg, opposite });
            }
            None => {
                party.change = Change::Offering;
                self.media(CallCommand::CreateOffer { leg, direction: Direction::SendRecv });
            }
        }
    }

    /// Our answer to a party's new offer is ready.
    pub(super) fn send_reoffer_answer(&mut self, leg: LegId, description: Box<SessionDescription>) {
        let Some(party) = self.party_mut(leg) else { return };
        if party.change != Change::Answering {
            return;
        }
        party.change = Change::None;
        let effect = party.signal(Command::AnswerReoffer { leg, description });
        self.effect(effect);
    }

    /// Our offer for a party that asked for one is ready.
    pub(super) fn send_offer_in_answer(&mut self, leg: LegId, description: Box<SessionDescription>) {
        let Some(party) = self.party_mut(leg) else { return };
        if party.offers_withdrawn > 0 {
            party.offers_withdrawn -= 1;
            return;
        }
        if party.change == Change::Restarting {
            return self.send_restart(leg, description);
        }
        if party.change == Change::Telling {
            return self.send_told_hold(leg, description);
        }
        if party.change != Change::Offering {
            return;
        }
        party.change = Change::Confirming;
        let effect = party.signal(Command::AnswerReoffer { leg, description });
        self.effect(effect);
    }

    /// The confirmation brought the party's answer, or none: then what was agreed before holds.
    pub(super) fn on_reoffer_acknowledged(
        &mut self,
        leg: LegId,
        description: Option<Box<SessionDescription>>,
    ) {
        let Some(party) = self.party_mut(leg) else { return };
        if party.change != Change::Confirming {
            return;
        }
        party.change = Change::None;
        match description {
            Some(description) => {
                self.media(CallCommand::ReceiveAnswer { leg, description, signalled_from: None });
            }
            None => {
                self.media(CallCommand::RollBack { leg });
                self.tell_hold(leg);
            }
        }
    }

    /// The engine has looked at candidates that a party told.
    pub(super) fn answer_candidates(&mut self, leg: LegId, refused: Option<FragmentError>) {
        if let Some(party) = self.party(leg).filter(|party| party.is_talking()) {
            let effect = party.signal(Command::AnswerCandidates { leg, refused });
            self.effect(effect);
        }
    }

    /// The engine has found candidates of ours: the party is told, now or when it talks, of all of them.
    pub(super) fn on_candidates_found(&mut self, leg: LegId, fragment: Box<CandidateFragment>) {
        if let Some(party) = self.party_mut(leg) {
            party.found_candidates = Some(fragment);
        }
    }

    /// Tells those who talk of the candidates that were found.
    pub(super) fn tell_candidates(&mut self) {
        let parties = std::iter::once(&mut self.caller).chain(&mut self.callees);
        for party in parties.filter(|party| party.is_talking()) {
            if let Some(fragment) = party.found_candidates.take() {
                let news = News::Candidates(fragment);
                self.effects.push_back(party.signal(Command::Tell { leg: party.leg, news }));
            }
        }
    }

    /// Refuses a change that the engine cannot meet; false when there is none.
    pub(super) fn refuse_reoffer(&mut self, leg: LegId) -> bool {
        let Some(party) = self.party_mut(leg) else { return false };
        if party.offers_withdrawn > 0 {
            party.offers_withdrawn -= 1;
            return true;
        }
        match std::mem::replace(&mut party.change, Change::None) {
            Change::None => false,
            Change::Answering | Change::Offering => {
                let effect = party.signal(Command::RefuseReoffer { leg, cause: EndCause::NotAcceptable });
                self.effect(effect);
                self.tell_hold(leg);
                true
            }
            // The engine could make no offer.
            Change::Restarting | Change::Telling => true,
            Change::Confirming | Change::Reoffered | Change::Told => {
                self.media(CallCommand::RollBack { leg });
                true
            }
        }
    }

    /// A party holds the other, or no longer: the other is told, and hears what it is to hear of it.
    pub(super) fn follow_hold(&mut self, leg: LegId) {
        let listener = self.opposite(leg).map(|party| party.leg);
        if let Some(listener) = listener.filter(|_| self.meeting.is_none()) {
            self.tell_hold(listener);
        }
        self.sound_hold(leg);
    }

    /// While a party holds the other without sound of its own, the other hears music, or packets of silence,
    /// so that its media does not seem to have died. Of one that is muted it hears silence.
    pub(super) fn sound_hold(&mut self, leg: LegId) {
        // Where several meet, who holds is not heard, and that is all.
        if self.meeting.is_some() {
            return;
        }
        let Some(listener) = self.opposite(leg).map(|party| party.leg) else { return };
        let music = self.settings.music_on_hold.clone();
        let instead = self.party(leg).and_then(|party| match holds_in_silence(party, music.is_some()) {
            true if music.is_some() => Some(Instead::Music),
            true => Some(Instead::Silence),
            false => party.is_muted.then_some(Instead::Silence),
        });
        let Some(listening) = self.party_mut(listener) else { return };
        // Who holds hears nobody, whether its side knows of it or not.
        let instead = instead.or(listening.is_holding_from_outside.then_some(Instead::Silence));
        if listening.hears_instead == instead {
            return;
        }
        listening.hears_instead = instead;
        let source = match (instead, music) {
            (None, _) => HearSource::Leg(leg),
            (Some(Instead::Music), Some(music)) => {
                HearSource::Prompts { prompts: vec![music], is_looped: true, playback: PlaybackId::ENDLESS }
            }
            (Some(_), _) => HearSource::Silence,
        };
        self.hear(listener, source);
    }
}

/// Whether nothing, or nothing worth hearing, comes of a party that holds: a page that listens to nobody sends
/// silence, where a telephone system may send music of its own, and is heard while it does. Early media hold nobody.
fn holds_in_silence(party: &Party, has_music: bool) -> bool {
    // The other is a page that is reloaded, say.
    if party.is_holding_from_outside || party.is_away && party.is_unheard {
        return true;
    }
    match party.direction {
        Some(Direction::Inactive) => true,
        Some(Direction::RecvOnly) => {
            let is_silent = party.is_unheard && party.is_there();
            has_music && (party.profile == MediaProfile::Webrtc || is_silent)
        }
        Some(Direction::SendRecv | Direction::SendOnly) | None => false,
    }
}
