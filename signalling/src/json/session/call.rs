//! One call of a session: how far it is, and which requests of the page wait for the gateway.
//!
//! ```text
//!  Calling -- Answer --> Connected <-- answer -- Incoming
//!     |                      |                       |
//!     `------- hangup, Hangup, reject: it is gone ---'
//! ```

use std::collections::VecDeque;

use tracing::Span;
use webtrunk_engine::LegId;
use webtrunk_engine::sdp::CandidateFragment;

use crate::json::protocol::{CallState, Id, Statistics};

/// A call.
#[derive(Debug)]
pub(super) struct Call {
    /// The leg that is the page's now.
    pub(super) leg: LegId,
    pub(super) stage: Stage,
    /// Whom it is with: who calls, or what was dialled.
    pub(super) peer: String,
    /// The page's new offer, which the gateway has not answered.
    pub(super) offer: Option<Waiting>,
    /// The candidates that the gateway looks at.
    pub(super) candidates: VecDeque<Waiting>,
    /// Candidates that were told before the answer; each repeats those before it (RFC 8840 9.2).
    pub(super) early_candidates: Option<Box<CandidateFragment>>,
    /// What was wanted of the recording.
    pub(super) records: VecDeque<Waiting>,
    /// What was asked of its figures.
    pub(super) figures: VecDeque<Waiting>,
    /// That another call is to be in this one.
    pub(super) merge: Option<Waiting>,
    /// What was measured of it last.
    pub(super) measured: Option<Box<Statistics>>,
    /// The leg that is to take the place of the page's own, after a reload.
    pub(super) successor: Option<(LegId, Waiting)>,
    /// Its span in the log.
    pub(super) span: Span,
}

/// How far it is.
#[derive(Debug)]
pub(super) enum Stage {
    /// The page called.
    Calling {
        /// What was told with early media.
        early: Option<String>,
    },
    /// Somebody calls.
    Incoming {
        /// The gateway's offer.
        sdp: String,
        /// Whether the page was told, and so the caller that it rings.
        is_rung: bool,
    },
    /// Both talk.
    Connected,
}

/// A request that waits for the gateway; without its name where its connection is lost, so that nobody is answered.
#[derive(Debug)]
pub(super) struct Waiting(pub(super) Option<Id>);

impl Call {
    pub(super) fn new(leg: LegId, stage: Stage, peer: &str, span: Span) -> Self {
        Self {
            leg,
            stage,
            peer: peer.to_owned(),
            offer: None,
            candidates: VecDeque::new(),
            early_candidates: None,
            records: VecDeque::new(),
            figures: VecDeque::new(),
            merge: None,
            measured: None,
            successor: None,
            span,
        }
    }

    pub(super) const fn is_connected(&self) -> bool {
        matches!(self.stage, Stage::Connected)
    }

    pub(super) const fn state(&self) -> CallState {
        match self.stage {
            Stage::Calling { .. } => CallState::Calling,
            Stage::Incoming { .. } => CallState::Incoming,
            Stage::Connected => CallState::Connected,
        }
    }

    /// Takes out every request that waits, the oldest of each kind first: its leg will answer none of them.
    pub(super) fn take_waiting(&mut self) -> impl Iterator<Item = Waiting> + use<> {
        let queues = [&mut self.candidates, &mut self.records, &mut self.figures].map(std::mem::take);
        self.offer.take().into_iter().chain(self.merge.take()).chain(queues.into_iter().flatten())
    }

    /// The connection is lost: no request that waits can be answered by its name any more.
    pub(super) fn forget_names(&mut self) {
        let successor = self.successor.as_mut().map(|(_, waiting)| waiting);
        let waiting = self.candidates.iter_mut().chain(&mut self.records).chain(&mut self.figures);
        let others = self.offer.iter_mut().chain(&mut self.merge).chain(successor);
        waiting.chain(others).for_each(|waiting| waiting.0 = None);
    }
}
