//! What the gateway wants done, as an adapter hears it.

use std::time::Duration;

use webtrunk_engine::leg::LegStats;
use webtrunk_engine::sdp::{CandidateFragment, FragmentError, SessionDescription};
use webtrunk_engine::{EndCause, LegId};

use super::{Content, ContentId, Delivery, Dial, RecordingPolicy, SendText};

/// What the gateway wants done.
#[derive(Debug, Clone)]
pub enum Command {
    /// Calls a party. Answered by `Progress`, `Answered` or `Ended`.
    Dial(Box<Dial>),
    /// Tells the caller that its call rings; a description is early media.
    Ring {
        /// An incoming leg.
        leg: LegId,
        /// The answer to its offer, early.
        description: Option<Box<SessionDescription>>,
    },
    /// Accepts an incoming call; or answers the offer that `Answered` brought where we dialled without one.
    Answer {
        /// An incoming leg, or a dialled one.
        leg: LegId,
        /// The answer; where the call came without an offer, our offer.
        description: Box<SessionDescription>,
    },
    /// Changes the media of an answered leg. Answered by `ReofferAnswered` or `ReofferRefused`.
    Reoffer {
        /// An answered leg.
        leg: LegId,
        /// Our new offer.
        offer: Box<SessionDescription>,
    },
    /// Accepts the party's `Reoffered`.
    AnswerReoffer {
        /// An answered leg.
        leg: LegId,
        /// The answer; where `Reoffered` came without an offer, our offer.
        description: Box<SessionDescription>,
    },
    /// Refuses the party's `Reoffered`; what was agreed before stays.
    RefuseReoffer {
        /// An answered leg.
        leg: LegId,
        /// Why.
        cause: EndCause,
    },
    /// Sends a digit in signalling (INFO).
    SendDigit {
        /// An answered leg.
        leg: LegId,
        /// `0-9*#A-D`.
        digit: char,
        /// How long it is held.
        duration: Duration,
    },
    /// Answers the party's `CandidatesTold`.
    AnswerCandidates {
        /// An answered leg.
        leg: LegId,
        /// Why they are of no use; `None` where they were taken.
        refused: Option<FragmentError>,
    },
    /// Answers the party's `RecordAsked`.
    AnswerRecord {
        /// An answered leg.
        leg: LegId,
        /// Whether it was done, and not forbidden.
        is_done: bool,
    },
    /// Says how the party's `TransferAsked` goes: `Failed` at once refuses it, else `Began` comes first and `Done` or
    /// `Failed` last.
    TransferProgress {
        /// An answered leg.
        leg: LegId,
        /// How far it is.
        progress: TransferProgress,
    },
    /// Tells the party a content beside its media. Answered by `ContentAnswered`.
    PassContent {
        /// An answered leg.
        leg: LegId,
        /// Names it.
        id: ContentId,
        /// What to tell.
        content: Box<Content>,
    },
    /// Answers the party's `ContentTold`.
    AnswerContent {
        /// The leg that told it.
        leg: LegId,
        /// Names it.
        id: ContentId,
        /// What became of it.
        delivery: Delivery,
    },
    /// Sends a message, out of any call. Answered by `TextSent`.
    SendText(Box<SendText>),
    /// Answers a `Texted`.
    AnswerText {
        /// Names the message.
        leg: LegId,
        /// What became of it.
        delivery: Delivery,
    },
    /// Tells the party what its protocol may have words for; one that has none leaves it.
    Tell {
        /// An answered leg.
        leg: LegId,
        /// What.
        news: News,
    },
    /// Refuses, cancels or ends a leg, whichever its state asks for. `Ended` follows.
    Hangup {
        /// Any leg.
        leg: LegId,
        /// Why; before the answer it becomes the refusal.
        cause: EndCause,
    },
    /// Refuses a call that came in, whose caller is to call elsewhere. `Ended` follows.
    Redirect {
        /// A leg that was not answered.
        leg: LegId,
        /// What the caller would have to dial, as in [`Incoming::destination`](super::Incoming::destination), best first.
        places: Vec<String>,
    },
    /// Takes no new calls from now on, and says so to whoever asks whether it does; calls go on that are there.
    RefuseCalls,
    /// Ends everything and stops listening.
    Drain,
}

/// What a party may want of the recording of its call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RecordWish {
    /// It begins, or goes on.
    On,
    /// It ends.
    Off,
    /// Silence stands for what is said.
    Pause,
    /// What is said is recorded again.
    Resume,
}

/// What a party may want to know of its call.
#[derive(Debug, Clone)]
pub enum News {
    /// Whether the other end holds it.
    Held(bool),
    /// Who speaks in its conference, or nobody any more.
    Speaker {
        /// What others call it.
        name: Option<String>,
        /// Whether it is the party itself.
        is_self: bool,
    },
    /// One of the two has been heard for ten seconds and seems not to be heard itself.
    OneWay {
        /// Whether it is the party itself that nobody hears; else it hears nobody.
        is_self_unheard: bool,
    },
    /// What is measured of its media, which it asked for; `None` where there is nothing yet.
    Figures(Option<Box<LegStats>>),
    /// All our candidates, since some have come that our description, which it has, is without.
    Candidates(Box<CandidateFragment>),
    /// How those at the other end are to be recorded: for the tie alone, whose other end is a call too.
    Recording(RecordingPolicy),
}

/// How far a transfer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransferProgress {
    /// It is allowed, and others are being called.
    Began,
    /// A phone rings.
    Ringing,
    /// Another party has taken the place of the one that asked, whose leg is hung up next.
    Done,
    /// Nobody took its place: the call goes on as it was.
    Failed(EndCause),
}
