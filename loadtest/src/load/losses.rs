//! What a load loses of its own audio on purpose: at random, and the same every time, whatever is between the ends.

use super::config::CALLS_MAX;
use crate::agent::Uplink;

/// What a load loses of its own audio on purpose, before it comes to the gateway.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Losses {
    /// The share of the callers' packets, 0 to 1.
    pub callers: f64,
    /// The share of the phone's packets, 0 to 1.
    pub phone: f64,
    /// How many are lost in a row each time, 1 to 50.
    pub in_a_row: u32,
}

/// Of the first caller's losses; the others' follow, and then the phone's.
const SEED: u64 = 7;
/// A second of audio.
const IN_A_ROW_MAX: u32 = 50;

impl Default for Losses {
    fn default() -> Self {
        Self { callers: 0.0, phone: 0.0, in_a_row: 1 }
    }
}

impl Losses {
    /// What makes no sense, if anything.
    pub(super) fn fault(&self) -> Option<String> {
        let share = [self.callers, self.phone].into_iter().find(|share| !(0.0..1.0).contains(share));
        match share {
            Some(share) => Some(format!("a loss of {share} is no share from 0 to 1")),
            None if !(1..=IN_A_ROW_MAX).contains(&self.in_a_row) => {
                Some(format!("{} lost in a row are not between 1 and {IN_A_ROW_MAX}", self.in_a_row))
            }
            None => None,
        }
    }

    /// The way of one caller's packets.
    pub(super) fn of_caller(&self, call: usize) -> Uplink {
        self.uplink(self.callers, SEED + call as u64)
    }

    /// The way of the phone's packets in one call.
    pub(super) fn of_phone(&self, call: usize) -> Uplink {
        self.uplink(self.phone, SEED + (CALLS_MAX + call) as u64)
    }

    fn uplink(&self, share: f64, seed: u64) -> Uplink {
        if share > 0.0 { Uplink::losing_in_a_row(share, self.in_a_row, seed) } else { Uplink::default() }
    }
}
