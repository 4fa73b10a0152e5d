//! What somebody outside wants of a party: a back end, for its user. The party's own side may know nothing of it.

use tracing::info;
use webtrunk_engine::LegId;

use super::call::{B2bua, Doing};
use super::effect::{Directory, Effect};
use crate::adapter::TransferProgress;

/// What is wanted, and of which leg: one that talks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Control {
    /// The leg.
    pub leg: LegId,
    /// What is wanted of it.
    pub wish: Wish,
}

/// What is wanted of a party.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// Another in its place: whom it would have dialled.
    Transfer(String),
    /// That it is not heard, or is again.
    Mute(bool),
    /// That it holds the other, or does no more.
    Hold(bool),
}

impl B2bua {
    /// Somebody outside wants something of a party.
    pub(super) fn on_control(&mut self, Control { leg, wish }: Control, directory: &dyn Directory) {
        match wish {
            Wish::Transfer(destination) => self.transfer_from_outside(leg, destination, directory),
            Wish::Mute(is_muted) => self.on_mute_asked(leg, is_muted),
            Wish::Hold(is_holding) => self.hold_from_outside(leg, is_holding),
        }
    }

    fn transfer_from_outside(&mut self, by: LegId, destination: String, directory: &dyn Directory) {
        if let Err(cause) = self.ask_for_transfer(by, destination, None, directory) {
            self.effect(Effect::TransferTold { leg: by, progress: TransferProgress::Failed(cause) });
        } else if let Some(party) = self.party_mut(by) {
            party.is_transferred_from_outside = true;
        }
    }

    /// The other hears music, or silence, as if the party held it itself, and the party hears nothing.
    fn hold_from_outside(&mut self, leg: LegId, is_holding: bool) {
        let is_talking = self.doing == Doing::Talking;
        let Some(party) = self.party_mut(leg).filter(|party| is_talking && party.is_talking()) else {
            return;
        };
        party.is_holding_from_outside = is_holding;
        info!(is_holding, "party holds the other, or no longer, as somebody outside wants");
        self.follow_hold(leg);
        if let Some(other) = self.opposite(leg).map(|party| party.leg) {
            self.follow_hold(other);
        }
    }
}
