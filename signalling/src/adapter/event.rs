//! What callers did, as an adapter tells it.

use std::net::IpAddr;
use std::time::Duration;

use webtrunk_engine::sdp::{CandidateFragment, SessionDescription};
use webtrunk_engine::{EndCause, LegId};

use super::{
    Content, ContentId, Delivery, Incoming, RecordWish, RecordingPolicy, RefusedCall, Supervising,
    SupervisorMode, Text,
};

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
    /// What the credentials of whoever lifts next say of how it is recorded, as [`Incoming::recording`] says of callers; or how
    /// those are recorded who are at the other end of a tie.
    RecordingBound {
        /// A leg that was dialled, or the end of the tie.
        leg: LegId,
        /// What is said; of all of them together at a tie.
        policy: RecordingPolicy,
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
            | Self::RecordingBound { leg, .. }
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
