//! One party of a call: its leg, and how far the two halves of it are.
//!
//! ```text
//! caller   Waiting -- answer or offer asked of the engine --> Describing -- sent --> Early (with Ring)
//!                                                                 |                   |
//!                                                                 `----- sent -----> Talking (with Answer)
//!                                                                            `-----> Confirming (our offer; its ACK
//!                                                                                      brings the answer) -> Talking
//! callee   Describing (our offer) -- Dial --> Dialled -- early media --> EarlyMedia -- answered --> Talking
//!                                              +---- answered --------------> Settling -- agreed --> Talking
//!          Dialled without our offer ------------- offered by its answer --> Accepting -- Answer --> Settling
//! replaces Describing -- sent --> Talking, or Confirming (our offer) -> Talking
//! both     any -- hung up --> Leaving -- ended --> Gone
//! ```

use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::{Span, error_span};
use webtrunk_engine::LegId;
use webtrunk_engine::call::KeyMode;
use webtrunk_engine::sdp::{CandidateFragment, Direction, SessionDescription};

use super::effect::Effect;
use super::key_reader::KeyReader;
use crate::adapter::{self, Command, HeaderChange, MediaProfile, Origin, RecordingPolicy, Target};

/// A party.
#[derive(Debug)]
pub(super) struct Party {
    pub(super) leg: LegId,
    /// By whose rights it acts.
    pub(super) origin: Origin,
    /// Whether we called it: then the Call-ID is ours.
    pub(super) is_called: bool,
    /// What it is shown as to others.
    pub(super) identity: adapter::Party,
    /// Its span in the log.
    pub(super) span: Span,
    pub(super) adapter: &'static str,
    pub(super) profile: MediaProfile,
    pub(super) state: PartyState,
    /// A change of its media that is under way.
    pub(super) change: Change,
    /// When ICE is to be restarted after all, which crossed an offer of the party's or could not be sent.
    pub(super) restart_at: Option<Instant>,
    /// Until when it is of use to restart ICE in the silence that there is, or was.
    pub(super) restart_until: Option<Instant>,
    /// How often it was tried in that silence.
    pub(super) restarts: u32,
    /// What we may send to it and receive from it, by the last agreement.
    pub(super) direction: Option<Direction>,
    pub(super) takes_digits: bool,
    /// How keys travel in its media.
    pub(super) keys: KeyMode,
    /// The leg to which the key that it holds down is sent in media.
    pub(super) holds_key_for: Option<LegId>,
    /// Which of its keys are for the gateway.
    pub(super) key_reader: KeyReader,
    /// What it hears in place of the party at the other end, which holds it without sound of its own, or is muted.
    pub(super) hears_instead: Option<Instead>,
    /// It wants not to be heard.
    pub(super) is_muted: bool,
    /// It holds the other, since somebody outside wants it so.
    pub(super) is_holding_from_outside: bool,
    /// Somebody outside has asked for the transfer that is under way, or was last, in its place.
    pub(super) is_transferred_from_outside: bool,
    /// Its signalling is lost for the moment.
    pub(super) is_away: bool,
    /// When the call is over, for it closed its media and is there no more.
    pub(super) missed_at: Option<Instant>,
    /// No media comes of it, of what it may send.
    pub(super) is_unheard: bool,
    /// It was told last that the party at the other end holds it.
    pub(super) knows_hold: bool,
    /// When it is to be told after all that it is held, or no more.
    pub(super) tell_hold_at: Option<Instant>,
    /// Whether calls are recorded that it is in, whatever the plan says.
    pub(super) recording: RecordingPolicy,
    /// What it was told last of the recording of the others, where it is an end of a tie.
    pub(super) told_recording: RecordingPolicy,
    /// Our candidates, of which it is to be told as soon as it talks.
    pub(super) found_candidates: Option<Box<CandidateFragment>>,
    /// Offers that the engine was asked for and that are not wanted any more, but will be ready.
    pub(super) offers_withdrawn: u32,
}

/// What a party hears in place of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Instead {
    Music,
    Silence,
}

/// How far a party is.
#[derive(Debug)]
pub(super) enum PartyState {
    /// Caller: nothing was said to it but, perhaps, that it rings.
    Waiting {
        /// Whether it made an offer.
        has_offered: bool,
    },
    /// The engine makes a description; what is to be done with it.
    Describing(Purpose),
    /// Callee: called, no description of it yet.
    Dialled {
        /// Whether we made an offer.
        has_offer: bool,
    },
    /// Caller: described while it rings; the answer repeats the description.
    Early { description: Box<SessionDescription> },
    /// Callee: described while it rings.
    EarlyMedia,
    /// Callee: lifted with an offer of its own, our answer is being made.
    Accepting,
    /// Callee: lifted, what it is to agree on is with the engine.
    Settling,
    /// Caller: our offer went out with the answer; the confirmation brings its answer.
    Confirming,
    /// The call is up.
    Talking,
    /// It is being hung up.
    Leaving,
    /// Its leg has ended.
    Gone,
}

/// What a description is made for.
#[derive(Debug)]
pub(super) enum Purpose {
    /// To be sent with `Ring`: early media.
    Ring,
    /// To be sent with `Answer`.
    Answer,
    /// To be dialled with.
    Dial(Box<Dialling>),
    /// To be sent with `Answer` to who takes another's place.
    Replace,
}

/// What is dialled when the offer is ready.
#[derive(Debug)]
pub(super) struct Dialling {
    pub(super) target: Target,
    pub(super) caller: adapter::Party,
    pub(super) headers: Vec<HeaderChange>,
    pub(super) ring_timeout: Duration,
    pub(super) has_successor: bool,
    pub(super) on_behalf_of: Option<String>,
    pub(super) transferred_by: Option<adapter::Party>,
    pub(super) hops: u8,
    pub(super) passed: adapter::Passage,
}

/// A change of an answered party's media.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    None,
    /// The party offered; the engine makes our answer.
    Answering,
    /// The party asked for an offer; the engine makes it.
    Offering,
    /// It is told that it is held, or no more; the engine makes the offer.
    Telling,
    /// The offer that tells it went out.
    Told,
    /// We restart ICE; the engine makes the offer.
    Restarting,
    /// The offer that restarts ICE went out.
    Reoffered,
    /// Our offer went out in the answer to an empty re-offer; the confirmation brings its answer.
    Confirming,
}

impl Party {
    pub(super) fn new(
        leg: LegId,
        (origin, identity): (Origin, adapter::Party),
        adapter: &'static str,
        profile: MediaProfile,
        state: PartyState,
        call: &Span,
    ) -> Self {
        Self {
            leg,
            origin,
            is_called: matches!(state, PartyState::Describing(Purpose::Dial(_))),
            identity,
            // At the highest level, as every span: see `adapter::leg_span`.
            span: error_span!(parent: call, "leg", id = %leg),
            adapter,
            profile,
            state,
            change: Change::None,
            restart_at: None,
            restart_until: None,
            restarts: 0,
            direction: None,
            takes_digits: false,
            keys: KeyMode::Events,
            holds_key_for: None,
            key_reader: KeyReader::default(),
            hears_instead: None,
            is_muted: false,
            is_holding_from_outside: false,
            is_transferred_from_outside: false,
            is_away: false,
            missed_at: None,
            is_unheard: false,
            knows_hold: false,
            tell_hold_at: None,
            recording: RecordingPolicy::ByRule,
            told_recording: RecordingPolicy::ByRule,
            found_candidates: None,
            offers_withdrawn: 0,
        }
    }

    /// What the other parties of a conference call it: a user's name was proven, a trunk vouches for the number.
    pub(super) fn name(&self) -> Arc<str> {
        match &self.origin {
            Origin::User(name) => name.as_str().into(),
            Origin::Trunk(_) => self.identity.user.as_str().into(),
        }
    }

    /// Whether it is a user, and no trunk's party.
    pub(super) fn is_user(&self) -> bool {
        matches!(self.origin, Origin::User(_))
    }

    /// How long we wait after both offered at once: who made the call between 2.1 and 4 s, who took it less than 2 s
    /// (RFC 3261 14.1).
    pub(super) const fn glare_wait(&self) -> Duration {
        Duration::from_secs(if self.is_called { 3 } else { 1 })
    }

    pub(super) fn is_talking(&self) -> bool {
        matches!(self.state, PartyState::Talking | PartyState::Confirming)
    }

    /// Whether it has been answered, or has lifted: it may be heard.
    pub(super) fn is_there(&self) -> bool {
        self.is_talking() || matches!(self.state, PartyState::Accepting | PartyState::Settling)
    }

    pub(super) fn is_leaving(&self) -> bool {
        matches!(self.state, PartyState::Leaving | PartyState::Gone)
    }

    pub(super) fn signal(&self, command: Command) -> Effect {
        Effect::Signal { adapter: self.adapter, command }
    }
}
