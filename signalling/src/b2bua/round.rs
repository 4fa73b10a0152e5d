//! The callees of one bridge, while they are called: who is next where they fail, and when they have said nothing
//! for too long.

use std::time::Instant;

use tracing::info;
use webtrunk_engine::EndCause;

use super::call::{B2bua, Doing};
use super::effect::Directory;
use super::party::Party;
use crate::routing::Bridge;

/// One round of calls.
#[derive(Debug, Default)]
pub(super) struct Round {
    /// The most telling cause of those who failed.
    pub(super) failure: Option<EndCause>,
    /// Until when something must be heard of one of them.
    until: Option<Instant>,
}

impl Round {
    pub(super) fn of(bridge: &Bridge, now: Instant) -> Self {
        Self { failure: None, until: bridge.progress_timeout.and_then(|time| now.checked_add(time)) }
    }

    /// A callee said that it has the call: the others are waited for too.
    pub(super) const fn heard(&mut self) {
        self.until = None;
    }
}

impl B2bua {
    /// Whether a bridge's turn has come: one that is for when the one before it failed may be for other failures.
    pub(super) fn is_next(&self, bridge: &Bridge) -> bool {
        let Some(causes) = &bridge.only_after else { return true };
        self.round.failure.is_some_and(|cause| causes.contains(&cause))
    }

    /// Nothing was heard of those who are called: they are given up for those who are next.
    pub(super) fn give_up_silent(&mut self, directory: &dyn Directory, now: Instant) {
        if self.round.until.is_none_or(|until| until > now) || !self.is_calling() {
            return;
        }
        info!("nothing is heard of who is called");
        self.round.heard();
        self.note_failure(EndCause::GatewayFailure);
        for leg in self.rung().collect::<Vec<_>>() {
            self.leave(leg, EndCause::Cancelled);
        }
        self.give_up_calling(directory, now);
    }

    /// When they are given up.
    pub(super) fn silent_until(&self) -> Option<Instant> {
        self.round.until.filter(|_| self.is_calling())
    }

    /// Whether somebody is called who has not answered.
    fn is_calling(&self) -> bool {
        let is_rung = |leg| self.party(leg).is_some_and(|party: &Party| !party.is_leaving());
        let may_call = self.doing == Doing::Calling || self.transfer.is_some();
        may_call && self.rung().any(is_rung)
    }
}
