//! The extension point: what a signalling adapter reports and what it is told.
//!
//! Every protocol is turned into this one vocabulary, and nothing else crosses. Events report what
//! the far side did; commands say what the gateway wants done. A description is carried unopened.

mod dial;
pub(crate) mod outlet;
mod passage;
mod supervising;
mod text;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::Sender;
use tracing::field::Empty;
use tracing::{Span, error_span};
use webtrunk_engine::leg::LegStats;
use webtrunk_engine::sdp::{CandidateFragment, FragmentError, SessionDescription};
use webtrunk_engine::{EndCause, LegId};

pub use dial::{Dial, HeaderChange, Target};
pub use passage::{Diversion, DiversionReason, Passage};
pub use supervising::{Supervising, SupervisorMode};
pub use text::{Content, ContentId, ContentKind, Delivery, SendText, Text};

/// Speaks one signalling protocol on behalf of the gateway.
///
/// An adapter owns its sockets and its protocol state. It never sees a packet of media and never
/// reads a [`SessionDescription`].
///
/// # Adding one
/// 1. Implement this trait; `tests/echo_adapter.rs` is the smallest complete example.
/// 2. Map your protocol's failures to [`EndCause`]; the table in `docs/ADAPTERS.md` shows SIP's.
/// 3. Start it in `gateway/src/telephony.rs`.
pub trait Adapter {
    /// Short lower-case name, used in logs, metrics and dial strings ("sip", "json").
    fn name(&self) -> &'static str;

    /// Starts listening; events go to `events` until [`Command::Drain`] was obeyed. Commands are taken
    /// at any time, also while `events` is full. Ending before is a failure of the whole gateway.
    ///
    /// # Errors
    /// [`StartError`] when a listener cannot be opened; nothing is left running.
    fn start(self, events: Sender<Event>) -> Result<Sender<Command>, StartError>;
}

/// An adapter did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A listener's address cannot be bound.
    #[error("{adapter}: cannot listen on {address}: {source}")]
    Listen {
        /// The adapter's name.
        adapter: &'static str,
        /// The configured address.
        address: String,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Who stands behind an incoming call, as far as it has proven.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A user that authenticated, by name.
    User(String),
    /// A configured peer, by the trunk's name.
    Trunk(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(name) => write!(f, "user {name}"),
            Self::Trunk(name) => write!(f, "trunk {name}"),
        }
    }
}

/// How the far side of a leg carries media.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MediaProfile {
    /// ICE, DTLS-SRTP, rtcp-mux: a browser.
    Webrtc,
    /// Plain RTP: a phone, a PBX, a carrier.
    Rtp,
}

/// The identity that a party shows.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Party {
    /// Number or user name, without host.
    pub user: String,
    /// Display name; empty where there is none.
    pub display_name: String,
}

/// A new call from outside.
#[derive(Debug, Clone)]
pub struct Incoming {
    /// The leg that the adapter made for it.
    pub leg: LegId,
    /// Who calls, proven.
    pub origin: Origin,
    /// Who calls, as shown to the callee.
    pub caller: Party,
    /// What was dialled: the user part of the request's target, its escapes resolved.
    pub destination: String,
    /// The one device that was dialled, where it was one: of its user no other is to be called.
    pub device: Option<Target>,
    /// How the caller carries media.
    pub profile: MediaProfile,
    /// The caller's offer; `None` asks us to offer (RFC 3261 13.2.1).
    pub offer: Option<Box<SessionDescription>>,
    /// Where the signalling came from: media is latched by it (engine `leg::latch`).
    pub signalled_from: IpAddr,
    /// The name of the listener that it came to.
    pub listener: Arc<str>,
    /// What the message that began it says, for rules to look at; nothing that proves who somebody is.
    pub headers: Vec<Header>,
    /// How many more times the call may be passed on, by us or by those after us: what ends a circle
    /// of gateways (RFC 7332). [`HOPS_MAX`] where the protocol does not say.
    pub hops: u8,
    /// What of it may go along.
    pub passed: Passage,
    /// The leg whose place it wants in that one's call, instead of calling somebody (RFC 3891). Whether it may is for
    /// the gateway to say.
    pub replaces: Option<LegId>,
    /// The adapter's span of the leg in the log ([`leg_span`]), which is told its call when that is known.
    pub span: Span,
}

/// A call for which there was no room, as far as it is to be known of for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedCall {
    /// Names it.
    pub leg: LegId,
    /// Who calls, proven.
    pub origin: Origin,
    /// Who calls, as shown.
    pub caller: Party,
    /// What was dialled.
    pub destination: String,
    /// The name of the listener that it came to.
    pub listener: Arc<str>,
    /// Why it was refused.
    pub cause: EndCause,
}

/// One thing that the message says which began a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Its name; case has no meaning.
    pub name: String,
    /// What it says.
    pub value: String,
}

/// An adapter's span of a leg that came in: what it logs of the leg is inside it. It has the highest level,
/// since a log filter that leaves out a span leaves its events without their leg.
#[must_use]
pub fn leg_span(leg: LegId) -> Span {
    error_span!(parent: None, "leg", id = %leg, call = Empty)
}

/// How many times a call may be passed on (RFC 3261 8.1.1.6).
pub const HOPS_MAX: u8 = 70;

/// Events wait in a channel of their call, which keeps room for 32 at a time: what is large is boxed.
const _: () = assert!(size_of::<Event>() <= 64 && size_of::<Command>() <= 64);

/// What callers did.
#[derive(Debug, Clone)]
pub enum Event {
    /// A new call; to be answered by `Ring`, `Answer` or `Hangup`.
    Incoming(Box<Incoming>),
    /// A call came of somebody who may make it, and was refused, for there was no room: nothing is to be done, and no event
    /// follows.
    Refused(Box<RefusedCall>),
    /// The callee is being called; a description is early media, the answer to our offer.
    Progress {
        /// A leg that was dialled.
        leg: LegId,
        /// Whether the callee's phone rings (180), not just progress (183).
        is_ringing: bool,
        /// Early media.
        description: Option<Box<SessionDescription>>,
        /// Where the signalling came from.
        signalled_from: IpAddr,
    },
    /// The callee lifted. The description answers our offer, or is an offer where we made none.
    Answered {
        /// A leg that was dialled.
        leg: LegId,
        /// Answer or offer; `None` where the answer came early and is still good.
        description: Option<Box<SessionDescription>>,
        /// Where the signalling came from.
        signalled_from: IpAddr,
    },
    /// The party confirmed our `Answer`, or answered the offer in our `AnswerReoffer`.
    Acknowledged {
        /// A leg that we answered.
        leg: LegId,
        /// The answer to an offer that `Answer` or `AnswerReoffer` carried.
        description: Option<Box<SessionDescription>>,
    },
    /// The party wants other media: hold, resume, new codecs. To be answered by `AnswerReoffer` or `RefuseReoffer`.
    Reoffered {
        /// An answered leg, or one whose early media is agreed for good.
        leg: LegId,
        /// The new offer; `None` asks us to offer in `AnswerReoffer`.
        offer: Option<Box<SessionDescription>>,
        /// Where the signalling came from: the party may have moved.
        signalled_from: IpAddr,
    },
    /// The party met our `Reoffer`.
    ReofferAnswered {
        /// An answered leg.
        leg: LegId,
        /// Its answer.
        description: Box<SessionDescription>,
    },
    /// The party refused our `Reoffer`; what was agreed before stays.
    ReofferRefused {
        /// An answered leg.
        leg: LegId,
        /// Why; [`EndCause::Glare`] where both re-offered at once (the adapter does not try again by itself).
        cause: EndCause,
    },
    /// A digit that came in signalling (INFO).
    DigitPressed {
        /// An answered leg.
        leg: LegId,
        /// `0-9*#A-D`.
        digit: char,
        /// How long it was held.
        duration: Duration,
    },
    /// The party told of candidates after its description. To be answered by `AnswerCandidates`.
    CandidatesTold {
        /// An answered leg.
        leg: LegId,
        /// What it told.
        fragment: Box<CandidateFragment>,
    },
    /// The party wants something of the recording. To be answered by `AnswerRecord`.
    RecordAsked {
        /// An answered leg.
        leg: LegId,
        /// What it wants.
        wish: RecordWish,
    },
    /// The party wants whom it talks with in another call in this one too, so that all hear each other. To be answered by
    /// `TransferProgress`; its leg in the other call is hung up.
    MergeAsked {
        /// An answered leg.
        leg: LegId,
        /// Its leg in the other call.
        with: LegId,
        /// Whom it talks with there.
        peer: String,
    },
    /// Somebody wants to be in the call that a user talks in; to be answered by `Answer` or `Hangup`.
    Supervising(Box<Supervising>),
    /// The party's signalling is lost for the moment, or is back.
    AwayTold {
        /// An answered leg.
        leg: LegId,
        /// Whether it is lost.
        is_away: bool,
    },
    /// A supervisor wants to be another thing to the two that talk.
    ModeAsked {
        /// Its leg.
        leg: LegId,
        /// What it is from now on.
        mode: SupervisorMode,
    },
    /// The party wants another party in its place. To be answered by `TransferProgress`.
    TransferAsked {
        /// An answered leg.
        leg: LegId,
        /// Who is to be called: what the party would have dialled, as in [`Incoming::destination`].
        destination: String,
        /// The leg, of this party too, whose place in another call the other is to take: nobody is called then, and
        /// `destination` is whom it talks with there, where that is known.
        replaces: Option<LegId>,
    },
    /// The party wants not to be heard, whatever it sends, or to be heard again.
    MuteAsked {
        /// An answered leg.
        leg: LegId,
        /// Whether it is muted from now on.
        is_muted: bool,
    },
    /// The party wants to know what is measured of its media. To be answered by `Tell`.
    FiguresAsked {
        /// An answered leg.
        leg: LegId,
    },
    /// The callee is to be called elsewhere; `Ended` follows.
    Redirected {
        /// A leg that was dialled.
        leg: LegId,
        /// What the caller would have to dial, as in [`Incoming::destination`], best first.
        places: Vec<String>,
    },
    /// The party told a content beside its media. To be answered by `AnswerContent`.
    ContentTold {
        /// An answered leg.
        leg: LegId,
        /// Names it.
        id: ContentId,
        /// What it told.
        content: Box<Content>,
    },
    /// What became of our `PassContent`.
    ContentAnswered {
        /// The leg that it was passed to.
        leg: LegId,
        /// Names it.
        id: ContentId,
        /// What became of it.
        delivery: Delivery,
    },
    /// A message came, out of any call. To be answered by `AnswerText`.
    Texted(Box<Text>),
    /// What became of our `SendText`: told once, and no event follows for it.
    TextSent {
        /// Names the sending.
        leg: LegId,
        /// What became of it.
        delivery: Delivery,
    },
    /// What the party says of the end of its leg in the codes of its protocol, for those who read records; `Ended`
    /// follows, by which the gateway goes.
    EndTold {
        /// Any leg.
        leg: LegId,
        /// What it says.
        codes: EndCodes,
    },
    /// The leg is over; no event and no command follows for it.
    Ended {
        /// Any leg.
        leg: LegId,
        /// Why.
        cause: EndCause,
    },
}

/// Why a leg ended, in codes that others know.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EndCodes {
    /// The final response to our INVITE (RFC 3261 21).
    pub sip_status: Option<u16>,
    /// The cause in the telephone network (ITU-T Q.850; RFC 3326, RFC 6432).
    pub q850: Option<u16>,
}

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
        /// What the caller would have to dial, as in [`Incoming::destination`], best first.
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
    /// What is measured of its media, which it asked for; `None` where there is nothing yet.
    Figures(Option<Box<LegStats>>),
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

impl Event {
    /// The leg that it is about.
    #[must_use]
    pub fn leg(&self) -> LegId {
        match self {
            Self::Incoming(incoming) => incoming.leg,
            Self::Supervising(asked) => asked.incoming.leg,
            Self::Texted(text) => text.leg,
            Self::Refused(call) => call.leg,
            Self::Progress { leg, .. }
            | Self::Answered { leg, .. }
            | Self::Acknowledged { leg, .. }
            | Self::Reoffered { leg, .. }
            | Self::ReofferAnswered { leg, .. }
            | Self::ReofferRefused { leg, .. }
            | Self::DigitPressed { leg, .. }
            | Self::CandidatesTold { leg, .. }
            | Self::RecordAsked { leg, .. }
            | Self::TransferAsked { leg, .. }
            | Self::MergeAsked { leg, .. }
            | Self::ModeAsked { leg, .. }
            | Self::AwayTold { leg, .. }
            | Self::MuteAsked { leg, .. }
            | Self::FiguresAsked { leg }
            | Self::Redirected { leg, .. }
            | Self::ContentTold { leg, .. }
            | Self::ContentAnswered { leg, .. }
            | Self::TextSent { leg, .. }
            | Self::EndTold { leg, .. }
            | Self::Ended { leg, .. } => *leg,
        }
    }
}
