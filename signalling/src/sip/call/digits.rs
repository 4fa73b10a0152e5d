//! Digits that we send in INFO: one after the other, since two requests on UDP may overtake each other,
//! and the later one would then be refused for its CSeq.

use std::collections::VecDeque;

use webtrunk_engine::EndCause;

use super::Context;
use super::authorize::Challenged;
use super::dtmf::Digit;
use super::session::{Session, ends_dialog};
use super::stage::Call;
use crate::sip::message::{Method, Response};
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
    fn push(&mut self, digit: Digit) {
        if self.waiting.len() < WAITING_MAX {
            self.waiting.push_back(digit);
        }
    }

    /// The digit to be sent now, where none is under way.
    fn take_next(&mut self) -> Option<Digit> {
        if self.sent.is_some() { None } else { self.waiting.pop_front() }
    }

    /// Notes the INFO that is under way.
    fn set_sent(&mut self, key: TransactionKey, info: Challenged) {
        self.sent = Some((key, info));
    }

    /// The INFO that is under way, where `key` is its transaction.
    fn take_sent(&mut self, key: TransactionKey) -> Option<Challenged> {
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

impl Session {
    /// Sends a digit, after those that wait.
    pub(super) fn send_digit(&mut self, digit: Digit, context: &mut Context<'_>) {
        self.digits.push(digit);
        self.send_next_digit(context);
    }

    fn send_next_digit(&mut self, context: &mut Context<'_>) {
        if let Some(digit) = self.digits.take_next() {
            let mut info = self.dialog.request(Method::Info);
            digit.write_to(&mut info);
            let key = self.send(info.clone(), context);
            self.digits.set_sent(key, Challenged::new(info));
        }
    }

    /// Takes the peer's response to the digit that is under way.
    pub(super) fn handle_digit_response(
        mut self: Box<Self>,
        of: TransactionKey,
        response: &Response,
        context: &mut Context<'_>,
    ) -> Call {
        if ends_dialog(response.status) {
            return self.end(EndCause::SignallingLost, "the peer does not know the dialog", context);
        }
        let Some(mut info) = self.digits.take_sent(of) else { return Call::Session(self) };
        if let Some(request) = self.authorize(&mut info, response, context) {
            let key = self.send(request, context);
            self.digits.set_sent(key, info);
        } else {
            if !response.status.is_success() {
                tracing::debug!(status = %response.status, "digit refused");
            }
            self.send_next_digit(context);
        }
        Call::Session(self)
    }
}
