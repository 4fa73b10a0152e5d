//! The calls of the core: each is lent for one input, and kept or forgotten after it.

use std::time::Instant;

use tracing::Span;
use webtrunk_engine::LegId;

use super::core::Agent;
use super::keeping::Kept;
use super::surroundings::Doorkeeper;
use super::watching::Seen;
use crate::guarded::guarded;
use crate::sip::call::{Call, Context};

/// A call, and what is known of it beside.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) call: Option<Call>,
    pub(super) deadline: Option<Instant>,
    /// What those were told of it who watch its user.
    pub(super) seen: Option<Seen>,
    pub(super) kept: Option<Box<Kept>>,
    /// The leg's in the log.
    pub(super) span: Span,
}

impl<D: Doorkeeper> Agent<D> {
    /// Hands a call to `step` and keeps what becomes of it.
    pub(super) fn with_call(
        &mut self,
        leg: LegId,
        now: Instant,
        step: impl FnOnce(Call, &mut Context<'_>) -> Option<Call>,
    ) {
        let Some(slot) = self.calls.get_mut(&leg) else { return };
        let Some(call) = slot.call.take() else { return };
        let span = slot.span.clone();
        match guarded(|| span.in_scope(|| step(call, &mut self.context(leg, &span, now)))) {
            Some(call) => self.keep(leg, call, span, now),
            None => self.break_off(leg, span, now),
        }
    }

    /// Makes a call inside its leg's span and keeps it.
    ///
    /// # Errors
    /// Those of `make`; nothing is kept then.
    pub(super) fn open_call<E>(
        &mut self,
        leg: LegId,
        span: Span,
        now: Instant,
        make: impl FnOnce(&mut Context<'_>) -> Result<Call, E>,
    ) -> Result<(), E> {
        match guarded(|| span.in_scope(|| make(&mut self.context(leg, &span, now)))) {
            Some(made) => self.keep(leg, Some(made?), span, now),
            None => self.break_off(leg, span, now),
        }
        Ok(())
    }

    /// Keeps a call, new or changed, or forgets it where nothing is left of it.
    pub(super) fn keep(&mut self, leg: LegId, call: Option<Call>, span: Span, now: Instant) {
        let known = self.calls.get_mut(&leg).map(|slot| (slot.deadline, slot.seen.take(), slot.kept.take()));
        let (old, seen, kept) = known.unwrap_or_default();
        let seen = self.follow_call(leg, call.as_ref(), seen, now);
        let kept = self.keep_call(call.as_ref(), kept);
        let deadline = call.as_ref().and_then(Call::poll_timeout);
        self.deadlines.reschedule(leg, old, deadline);
        if call.is_some() {
            self.calls.insert(leg, Slot { call, deadline, seen, kept, span });
        } else {
            self.calls.remove(&leg);
            self.loads.end(leg);
            self.stranded.remove(&leg);
            self.orphans.remove(&leg);
            self.dialogs.remove_leg(leg);
        }
    }

    /// The core's parts, lent for one input.
    fn context<'a>(&'a mut self, leg: LegId, span: &'a Span, now: Instant) -> Context<'a> {
        Context {
            leg,
            span,
            now,
            layer: &mut self.layer,
            events: &mut self.events,
            hops: &mut self.hops,
            sought: &mut self.sought,
            dialogs: &mut self.dialogs,
            names: &*self.names,
            keyring: &mut *self.keyring,
            config: &self.config,
            allow: &self.allow,
        }
    }
}
