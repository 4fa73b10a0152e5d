//! The caller in a conference: what it is to the others, and how its keys change that.

use std::sync::Arc;

use tracing::info;
use webtrunk_engine::LegId;
use webtrunk_engine::call::{CallCommand, ConferenceRole, PartySpec};

use super::call::{B2bua, Doing};
use crate::routing::{Conference, FeatureKeys, GAINS_DB, PartyFeature};

/// How much louder or softer one press makes. Chosen by us: what is heard, and four of which are not too much.
const GAIN_STEP_DB: f32 = 3.0;

/// A conference, as the caller takes part in it now.
#[derive(Debug)]
pub(super) struct Attendance {
    party: PartySpec,
    target: Option<Arc<str>>,
    keys: FeatureKeys,
}

impl B2bua {
    /// The plan's step to join a conference.
    pub(super) fn join_conference(&mut self, conference: Conference) {
        info!(room = %conference.room, role = ?conference.role, "joins a conference");
        let Conference { role, target, gain_db, is_muted, keys, .. } = conference;
        let party = PartySpec { leg: self.caller.leg, name: self.caller.name(), role, gain_db, is_muted };
        self.media(CallCommand::JoinConference(Box::new(party.clone())));
        self.attendance = Some(Attendance { party, target, keys });
    }

    /// Another is the caller now: it joins as what the one before was.
    pub(super) fn attend_instead(&mut self) {
        let Some(Attendance { party, .. }) = &mut self.attendance else { return };
        party.leg = self.caller.leg;
        // By whose rights it comes is not who it is.
        party.name = self.caller.identity.user.as_str().into();
        let party = Box::new(party.clone());
        self.media(CallCommand::JoinConference(party));
    }

    /// The keys by which a party changes what it is in its conference.
    pub(super) fn party_keys(&self, leg: LegId) -> Option<&FeatureKeys> {
        let attendance = self.attendance.as_ref().filter(|_| self.doing == Doing::Meeting)?;
        (leg == attendance.party.leg).then_some(&attendance.keys)
    }

    /// Mutes a party in its conference; whether it is in one.
    pub(super) fn mute_in_conference(&mut self, leg: LegId, is_muted: bool) -> bool {
        let meets = self.doing == Doing::Meeting;
        let Some(Attendance { party, .. }) =
            self.attendance.as_mut().filter(|it| meets && it.party.leg == leg)
        else {
            return false;
        };
        party.is_muted = is_muted;
        let party = Box::new(party.clone());
        self.media(CallCommand::ChangeParty(party));
        true
    }

    /// The caller pressed keys that change what it is.
    pub(super) fn on_party_keys(&mut self, feature: PartyFeature) {
        let Some(Attendance { party, target, .. }) = &mut self.attendance else { return };
        match feature {
            PartyFeature::Mute => party.is_muted = !party.is_muted,
            PartyFeature::Louder => party.gain_db += GAIN_STEP_DB,
            PartyFeature::Softer => party.gain_db -= GAIN_STEP_DB,
            PartyFeature::Listen => party.role = ConferenceRole::Listen,
            PartyFeature::Whisper => {
                let Some(to) = target else { return };
                party.role = ConferenceRole::Whisper { to: Arc::clone(to) };
            }
            PartyFeature::Barge => party.role = ConferenceRole::Barge,
        }
        party.gain_db = party.gain_db.clamp(*GAINS_DB.start(), *GAINS_DB.end());
        info!(?feature, "keys change what the caller is in the conference");
        let party = Box::new(party.clone());
        self.media(CallCommand::ChangeParty(party));
    }
}
