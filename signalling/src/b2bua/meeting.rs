//! More than the two that talk: all of them meet in a room of the call's own.
//!
//! ```text
//!  MergeAsked ---- the tie calls who talks with the party elsewhere --- it agreed --+
//!                                                                                   +--> all hear each other
//!  Supervising --- no right, nobody talks --> refused                               |
//!       `--------- described, answered ---------------------------------------------+
//!
//!  one of the two leaves ------ another takes part ---> that one has its place
//!       `---------------------- nobody else does -----> the call ends
//!  the last of the others leaves -----------------------> two talk, as before
//! ```
//!
//! Supervisors never have the place of who leaves: where nobody is left to be listened to they are hung up too.

use tracing::info;
use webtrunk_engine::call::{CallCommand, ConferenceRole, PartySpec};
use webtrunk_engine::{EndCause, LegId};

use super::call::{B2bua, Doing};
use super::effect::Directory;
use super::party::Party;
use crate::adapter::{Origin, SupervisorMode};
use crate::tie;

/// Who is there beside the two that talk.
#[derive(Debug, Default)]
pub(super) struct Meeting {
    guests: Vec<Guest>,
    /// The legs that are in the room.
    joined: Vec<LegId>,
}

/// One of them.
#[derive(Debug)]
struct Guest {
    leg: LegId,
    /// Whom it supervises, and how; `None` takes part.
    supervises: Option<(LegId, SupervisorMode)>,
}

impl B2bua {
    /// Another is there from now on.
    pub(super) fn add_guest(&mut self, leg: LegId, supervises: Option<(LegId, SupervisorMode)>) {
        info!(%leg, ?supervises, "another joins the two that talk");
        self.meeting.get_or_insert_default().guests.push(Guest { leg, supervises });
        self.caller.hears_instead = None;
        self.callees.iter_mut().for_each(|callee| callee.hears_instead = None);
        self.meet();
    }

    /// Lets everybody into the room who is not there yet.
    pub(super) fn meet(&mut self) {
        let Some(meeting) = &self.meeting else { return };
        let two = [Some(self.caller.leg), self.partner].into_iter().flatten();
        let legs: Vec<_> = two.chain(meeting.guests.iter().map(|guest| guest.leg)).collect();
        for leg in legs.into_iter().filter(|leg| !meeting.joined.contains(leg)).collect::<Vec<_>>() {
            let Some(spec) = self.guest_spec(leg) else { continue };
            self.media(CallCommand::JoinConference(Box::new(spec)));
            self.meeting.iter_mut().for_each(|meeting| meeting.joined.push(leg));
            self.tell_hold(leg);
        }
    }

    /// Whether several meet, and this leg is one of them.
    pub(super) fn meets(&self, leg: LegId) -> bool {
        self.meeting.as_ref().is_some_and(|meeting| meeting.joined.contains(&leg))
    }

    /// Whether a leg is there beside the two that talk.
    pub(super) fn is_guest(&self, leg: LegId) -> bool {
        self.meeting.iter().flat_map(|meeting| &meeting.guests).any(|guest| guest.leg == leg)
    }

    /// Mutes one who meets others, or has it be heard again; whether it is one.
    pub(super) fn mute_in_meeting(&mut self, leg: LegId) -> bool {
        let Some(spec) = self.guest_spec(leg).filter(|_| self.meets(leg)) else { return false };
        self.media(CallCommand::ChangeParty(Box::new(spec)));
        true
    }

    /// A supervisor wants to be another thing to the two.
    pub(super) fn on_mode_asked(&mut self, leg: LegId, mode: SupervisorMode) {
        let guests = self.meeting.iter_mut().flat_map(|meeting| &mut meeting.guests);
        let own = guests.filter(|guest| guest.leg == leg).find_map(|guest| guest.supervises.as_mut());
        let Some(supervises) = own else { return };
        supervises.1 = mode;
        info!(?mode, "supervisor is another thing from now on");
        let Some(spec) = self.guest_spec(leg) else { return };
        self.media(CallCommand::ChangeParty(Box::new(spec)));
    }

    /// A leg is over that met others: another has its place, where there is one that takes part. Whether that is all there
    /// is to do about it.
    pub(super) fn on_end_in_meeting(&mut self, leg: LegId) -> bool {
        if !self.meets(leg) || self.doing != Doing::Talking || !self.give_place(leg) {
            return false;
        }
        self.callees.retain(|callee| callee.leg != leg);
        self.end_meeting();
        true
    }

    /// One that met others is of no use any more; whether the call goes on without it.
    pub(super) fn leave_meeting(&mut self, leg: LegId, cause: EndCause) -> bool {
        if !self.meets(leg) || self.doing != Doing::Talking || !self.give_place(leg) {
            return false;
        }
        self.leave(leg, cause);
        self.end_meeting();
        true
    }

    /// Whether who asks may supervise the party, and the two talk.
    pub(super) fn check_supervising(
        &self,
        by: &Origin,
        of: LegId,
        directory: &dyn Directory,
    ) -> Result<(), EndCause> {
        let party = self.party(of).ok_or(EndCause::NotFound)?;
        if !directory.may_supervise(by, &party.origin) {
            return Err(EndCause::Forbidden);
        }
        if self.transfer.is_some() || self.replacement.is_some() {
            return Err(EndCause::Glare);
        }
        let opposite = self.opposite(of).filter(|_| self.doing == Doing::Talking);
        let talks = party.is_talking() && opposite.is_some_and(Party::is_talking);
        if talks { Ok(()) } else { Err(EndCause::NotAcceptable) }
    }

    /// Takes a leg off the room; where it is one of the two another has its place. Whether there was anybody to have it.
    fn give_place(&mut self, leg: LegId) -> bool {
        let Some(meeting) = &mut self.meeting else { return false };
        meeting.joined.retain(|joined| *joined != leg);
        if let Some(index) = meeting.guests.iter().position(|guest| guest.leg == leg) {
            meeting.guests.remove(index);
            return true;
        }
        let Some(index) = meeting.guests.iter().position(|guest| guest.supervises.is_none()) else {
            return false;
        };
        let heir = meeting.guests.remove(index).leg;
        info!(%leg, %heir, "one that meets others is gone, and they go on");
        if leg == self.caller.leg {
            self.make_caller(heir);
        } else {
            self.partner = Some(heir);
        }
        true
    }

    /// Where two are left they talk as before.
    fn end_meeting(&mut self) {
        if self.meeting.as_ref().is_some_and(|meeting| meeting.guests.is_empty()) {
            self.meeting = None;
            let Some(partner) = self.partner else { return };
            self.connect(partner);
            self.follow_hold(self.caller.leg);
            self.follow_hold(partner);
        }
    }

    fn guest_spec(&self, leg: LegId) -> Option<PartySpec> {
        let party = self.party(leg)?;
        let guests = self.meeting.iter().flat_map(|meeting| &meeting.guests);
        let supervises = guests.filter(|guest| guest.leg == leg).find_map(|guest| guest.supervises);
        let role = match supervises {
            None => ConferenceRole::Party,
            Some((_, SupervisorMode::Listen)) => ConferenceRole::Listen,
            Some((_, SupervisorMode::Barge)) => ConferenceRole::Barge,
            Some((of, SupervisorMode::Whisper)) => {
                ConferenceRole::Whisper { to: self.party(of).map(Party::name).unwrap_or_default() }
            }
        };
        // Behind the tie is whom somebody else's rights have called.
        let is_tied = party.adapter == tie::NAME;
        let name = if is_tied { party.identity.user.as_str().into() } else { party.name() };
        Some(PartySpec { leg, name, role, gain_db: 0.0, is_muted: party.is_muted })
    }
}
