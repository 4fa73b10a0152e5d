//! What goes into a call of the B2BUA, what comes out, and what it asks about the world.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use webtrunk_codecs::CodecId;
use webtrunk_engine::call::{CallCommand, CallEvent, KeyMode};
use webtrunk_engine::media::Prompt;
use webtrunk_engine::sdp::SrtpPolicy;
use webtrunk_engine::{EndCause, LegId};

use super::control::Control;
use crate::adapter::{
    self, Command, Event, Incoming, MediaProfile, Origin, RecordingPolicy, Supervising, Target,
    TransferProgress,
};
use crate::routing::{BridgeTarget, Decision};
use crate::spending::CallLimits;

/// What a call is told.
#[derive(Debug)]
pub enum Input {
    /// By an adapter: what a party did.
    Signal(Event),
    /// By the engine: what the media did.
    Media(CallEvent),
    /// By the dial plan: what is to become of [`Effect::Route`].
    Routed(Decision),
    /// By an adapter: a leg came in that wants the place of one of the call's ([`Incoming::replaces`]).
    Incoming {
        /// The adapter's name.
        adapter: &'static str,
        /// The leg.
        incoming: Box<Incoming>,
    },
    /// By an adapter: a leg came in to supervise one of the call's.
    Supervisor {
        /// The adapter's name.
        adapter: &'static str,
        /// The leg, and what is wanted.
        asked: Box<Supervising>,
        /// The leg that is to be supervised.
        of: LegId,
    },
    /// By somebody outside: what is wanted of a party.
    Control(Control),
}

/// What a call wants done.
#[derive(Debug)]
pub enum Effect {
    /// By an adapter.
    Signal {
        /// Its name.
        adapter: &'static str,
        /// What.
        command: Command,
    },
    /// By the engine.
    Media(CallCommand),
    /// By an adapter: the leg of [`Input::Incoming`] or [`Input::Supervisor`] is hung up, and is none of the call's.
    Refuse {
        /// Its name.
        adapter: &'static str,
        /// The leg.
        leg: LegId,
        /// Why.
        cause: EndCause,
    },
    /// By nobody: how a transfer goes for which somebody outside asked. Records tell of it.
    TransferTold {
        /// The leg in whose place another is to be.
        leg: LegId,
        /// How it goes.
        progress: TransferProgress,
    },
    /// By the tie: two ends of it are the two parties of the call from now on.
    Joined {
        /// The ends.
        ends: [LegId; 2],
    },
    /// By the dial plan, which answers with [`Input::Routed`].
    Route {
        /// By whose rights.
        origin: Origin,
        /// What that one is shown as.
        caller: adapter::Party,
        /// Who is to be called.
        destination: String,
    },
}

impl Effect {
    /// The leg that a call about to be placed or a message about to be sent gets, and the adapter that does it.
    #[must_use]
    pub fn dialled_leg(&self) -> Option<(LegId, &'static str)> {
        match self {
            Self::Signal { adapter, command: Command::Dial(dial) } => Some((dial.leg, adapter)),
            Self::Signal { adapter, command: Command::SendText(text) } => Some((text.leg, adapter)),
            Self::Signal { .. }
            | Self::Media(_)
            | Self::Refuse { .. }
            | Self::TransferTold { .. }
            | Self::Joined { .. }
            | Self::Route { .. } => None,
        }
    }
}

/// What a call asks about the world.
pub trait Directory {
    /// Where a target can be reached now; empty when nowhere.
    fn places(&self, target: &BridgeTarget) -> Vec<Place>;

    /// Whether there is a user of this name, reached or not.
    fn knows(&self, user: &str) -> bool;

    /// The codecs that a caller may use, best first.
    fn caller_codecs(&self, origin: &Origin, profile: MediaProfile) -> Vec<CodecId>;

    /// Whether the media of a caller that is no browser is protected.
    fn caller_srtp(&self, origin: &Origin) -> SrtpPolicy;

    /// How a caller's keys travel in its media.
    fn caller_keys(&self, origin: &Origin) -> KeyMode;

    /// How many calls a user may have at one time; `None`, as many as there are.
    fn calls_max(&self, user: &str) -> Option<usize>;

    /// The number that trunks are shown of a user who shows none: its own name means nothing there.
    fn number_of(&self, _user: &str) -> Option<String> {
        None
    }

    /// The trunks by which alone a user's calls go out, in the order in which they are tried; `None`, those that the dial plan
    /// names. Never empty.
    fn own_trunks(&self, _user: &str) -> Option<Arc<[Arc<str>]>> {
        None
    }

    /// As whom a user's calls are counted together with others', where they are: a customer's, say. It has limits like a
    /// user's, and the name of none.
    fn counted_with(&self, _user: &str) -> Option<String> {
        None
    }

    /// What a user may do at trunks' cost, and what a trunk may be used for; `None`, all that the dial plan lets it.
    fn limits(&self, _payer: &Origin) -> Option<Arc<CallLimits>> {
        None
    }

    /// Whether calls are recorded that a party with these rights is in, whatever the dial plan says.
    fn recording(&self, _party: &Origin) -> RecordingPolicy {
        RecordingPolicy::ByRule
    }

    /// Whether a party with these rights may have another take its place.
    fn may_transfer(&self, origin: &Origin) -> bool;

    /// Whether one party may pick up what rings at another that is not its own.
    fn may_pick_up(&self, who: &Origin, of: &Origin) -> bool;

    /// Whether one party may hear what another says and is told, and be heard there.
    fn may_supervise(&self, _who: &Origin, _of: &Origin) -> bool {
        false
    }

    /// What becomes of a call that a callee with these rights sends on elsewhere.
    fn redirects(&self, origin: &Origin) -> Redirects;

    /// Whether a callee with these rights is to make the offer where the caller leaves that to others.
    fn makes_late_offers(&self, callee: &Origin) -> bool;

    /// Whether what a party with these rights writes is passed on, and what is written to it.
    fn may_text(&self, party: &Origin) -> bool;

    /// A prompt by its name.
    fn prompt(&self, name: &str) -> Option<Prompt>;

    /// The address that a phone or trunk is told to send to, by where its signalling comes from
    /// (where that is known).
    fn media_address(&self, peer: Option<IpAddr>) -> IpAddr;
}

/// Where somebody can be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The adapter that reaches it.
    pub adapter: &'static str,
    /// What the adapter is to dial.
    pub target: Target,
    /// How it carries media.
    pub profile: MediaProfile,
    /// The codecs that may be used, best first.
    pub codecs: Vec<CodecId>,
    /// How keys travel in its media.
    pub keys: KeyMode,
    /// Whether its media is protected; of no meaning for a browser's, which always is.
    pub srtp: SrtpPolicy,
    /// The address of its signalling; `None` when a name has still to be looked up.
    pub address: Option<IpAddr>,
}

impl Place {
    /// Whether it is meant where the caller named one device: of that one's user no other is.
    pub(super) fn is_meant(&self, device: Option<&Target>) -> bool {
        match (device, &self.target) {
            (Some(device @ Target::Contact { user: meant, .. }), Target::Contact { user, .. }) => {
                user != meant || self.target == *device
            }
            _ => true,
        }
    }
}

/// What becomes of a call that its callee sends on elsewhere.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Redirects {
    /// Nothing: the callee is unavailable.
    #[default]
    Refuse,
    /// The dial plan is asked for where it is sent.
    Follow,
    /// Its caller is told, where nobody else answers.
    Pass,
}

impl Redirects {
    /// In the log.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Refuse => "refused",
            Self::Follow => "followed",
            Self::Pass => "passed to the caller",
        }
    }
}

/// How the B2BUA behaves.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How digits go to a browser.
    pub browser_digits: DigitMode,
    /// What is heard by who is put on hold by a party that sends nothing of its own; `None` is silence.
    pub music_on_hold: Option<Prompt>,
    /// The adapter whose parties are told by a re-offer that they are on hold, where they are told at all; the others have
    /// words for it.
    pub tells_hold_by_offer: Option<&'static str>,
    /// How long a call may last.
    pub duration_max: Duration,
}

/// How digits go to a party.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DigitMode {
    /// In media (RFC 4733) where the party takes them, else in signalling.
    TelephoneEvent,
    /// In signalling: a page sees them there, and nowhere else.
    Info,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            browser_digits: DigitMode::Info,
            music_on_hold: None,
            tells_hold_by_offer: None,
            duration_max: Duration::from_secs(12 * 60 * 60),
        }
    }
}
