//! Digits that we send in INFO: one after the other, since two requests on UDP may overtake each other,
//! and the later one would then be refused for its CSeq.

use std::collections::VecDeque;

use super::authorize::Challenged;
use super::dtmf::Digit;
use crate::sip::transaction::TransactionKey;

/// How many digits may wait. Chosen by us: longer than any number or PIN.
const WAITING_MAX: usize = 64;

/// The digits that wait, and the one that is under way.
#[derive(Debug, Default)]
pub(super) struct Digits {
    waiting: VecDeque<Digit>,
    sent: Option<(TransactionKey, Challenged)>,
}

impl Digits {
    /// Adds a digit; one too many is lost.
    pub(super) fn push(&mut self, digit: Digit) {
        if self.waiting.len() < WAITING_MAX {
            self.waiting.push_back(digit);
        }
    }

    /// The digit to be sent now, where none is under way.
    pub(super) fn take_next(&mut self) -> Option<Digit> {
        if self.sent.is_some() { None } else { self.waiting.pop_front() }
    }

    /// Notes the INFO that is under way.
    pub(super) fn set_sent(&mut self, key: TransactionKey, info: Challenged) {
        self.sent = Some((key, info));
    }

    /// The INFO that is under way, where `key` is its transaction.
    pub(super) fn take_sent(&mut self, key: TransactionKey) -> Option<Challenged> {
        self.sent.take_if(|(sent, _)| *sent == key).map(|(_, info)| info)
    }

    /// Whether `key` is the INFO that is under way.
    pub(super) fn is_sent(&self, key: TransactionKey) -> bool {
        self.sent.as_ref().is_some_and(|(sent, _)| *sent == key)
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}
