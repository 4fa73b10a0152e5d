//! Everything a call can be told; what it tells is in `events.rs`. Nothing else crosses.

use std::net::IpAddr;
use std::time::Duration;

use tokio::sync::oneshot;
use webtrunk_codecs::CodecId;
use webtrunk_codecs::tone::Digit;

use crate::LegId;
use crate::leg::LegStats;
use crate::media::{PlaybackId, Prompt, RecordingFormat};
use crate::net::capture::{Capture, CaptureSpec};
use crate::sdp::{CandidateFragment, Direction, SessionDescription, SrtpPolicy};

use super::party::PartySpec;

/// They go through a channel that keeps room for 32 at a time, of every call: what is large is boxed.
const _: () = assert!(size_of::<CallCommand>() <= 64);

/// What a call can be told. Every leg named must have been added; commands for others are ignored,
/// since they may cross with the event that tells of the leg's end.
#[derive(Debug)]
pub enum CallCommand {
    /// Adds a leg; nothing is sent to its peer before a description was made for it.
    AddLeg(Box<LegSpec>),
    /// Makes an offer, first or later. Answered by [`CallEvent::OfferReady`](super::CallEvent::OfferReady).
    CreateOffer {
        /// The leg.
        leg: LegId,
        /// What we would send and receive.
        direction: Direction,
    },
    /// Makes a later offer that restarts ICE: the peer checks anew, from wherever it is now, and media goes on
    /// meanwhile. Answered by [`CallEvent::OfferReady`](super::CallEvent::OfferReady). On plain RTP it is an offer like others.
    RestartIce {
        /// The leg.
        leg: LegId,
        /// What we would send and receive.
        direction: Direction,
    },
    /// The peer offered, first or later. Answered by [`CallEvent::DescriptionRefused`](super::CallEvent::DescriptionRefused) when it cannot be met.
    ReceiveOffer {
        /// The leg.
        leg: LegId,
        /// The offer.
        description: Box<SessionDescription>,
        /// Where its signalling came from, for latching; `None` where that is known already.
        signalled_from: Option<IpAddr>,
    },
    /// Answers the offer that was received. Answered by [`CallEvent::AnswerReady`](super::CallEvent::AnswerReady), or by
    /// [`CallEvent::DescriptionRefused`](super::CallEvent::DescriptionRefused); by nothing where the offer was refused already.
    CreateAnswer {
        /// The leg.
        leg: LegId,
        /// The leg of the party at the other end of the call, for choosing the codec.
        opposite: Option<LegId>,
    },
    /// The peer answered our offer. Answered by [`CallEvent::DescriptionRefused`](super::CallEvent::DescriptionRefused) when it breaks the rules.
    ReceiveAnswer {
        /// The leg.
        leg: LegId,
        /// The answer.
        description: Box<SessionDescription>,
        /// Where its signalling came from, for latching; `None` where that is known already.
        signalled_from: Option<IpAddr>,
    },
    /// The peer told of candidates after its description. Answered by [`CallEvent::CandidatesTaken`](super::CallEvent::CandidatesTaken).
    AddCandidates {
        /// The leg.
        leg: LegId,
        /// What it told.
        fragment: Box<CandidateFragment>,
    },
    /// The peer refused our offer: what was agreed before holds.
    RollBack {
        /// The leg.
        leg: LegId,
    },
    /// Sets what a party hears from now on.
    Hear {
        /// The party's leg.
        leg: LegId,
        /// What it hears.
        source: HearSource,
    },
    /// Sends a digit as telephone-event, after those that are being sent; where 64 wait it is lost.
    /// Answered by [`CallEvent::DigitRefused`](super::CallEvent::DigitRefused) when the peer has not agreed to receive it.
    SendDigit {
        /// The leg.
        leg: LegId,
        /// The key.
        digit: Digit,
        /// How long it is held; kept within 40 ms and 10 s.
        duration: Duration,
    },
    /// Sends a digit whose key is down as telephone-event, after those that are being sent and until
    /// [`CallCommand::EndDigit`], which must follow: that tells where the peer takes none.
    BeginDigit {
        /// The leg.
        leg: LegId,
        /// The key.
        digit: Digit,
    },
    /// The key of the digit that was begun last went up.
    /// Answered by [`CallEvent::DigitRefused`](super::CallEvent::DigitRefused) when the peer has not agreed to receive that digit.
    EndDigit {
        /// The leg.
        leg: LegId,
        /// The key.
        digit: Digit,
        /// How long it was held; kept within 40 ms and 10 s, and not below what was sent of it.
        duration: Duration,
    },
    /// Records what a party says on the left, and whom it hears on the right, to a new file in the configured
    /// folder. Answered by [`CallEvent::RecordingStarted`](super::CallEvent::RecordingStarted), and at its end by [`CallEvent::RecordingStopped`](super::CallEvent::RecordingStopped);
    /// where a recording runs already, that one goes on.
    StartRecording {
        /// The party's leg.
        leg: LegId,
        /// What is written.
        format: RecordingFormat,
    },
    /// Ends the recording.
    StopRecording,
    /// Lets silence stand for what is said from now on: places in the file go on to follow the clock.
    PauseRecording,
    /// Records again.
    ResumeRecording,
    /// Marks this moment of the recording. Answered by [`CallEvent::RecordingMarked`](super::CallEvent::RecordingMarked).
    MarkRecording,
    /// Lets a party into the conference in the room that the call was made for, or in one of the call's own, until it is
    /// told to hear something else. Answered by [`CallEvent::ConferenceJoined`](super::CallEvent::ConferenceJoined) or [`CallEvent::ConferenceRefused`](super::CallEvent::ConferenceRefused).
    JoinConference(Box<PartySpec>),
    /// Makes a party of the conference what this says, whatever it was before: its role, gain and mute. Answered by
    /// [`CallEvent::PartyChanged`](super::CallEvent::PartyChanged).
    ChangeParty(Box<PartySpec>),
    /// Ends one leg and gives back what it holds; the call goes on without it.
    RemoveLeg {
        /// The leg.
        leg: LegId,
    },
    /// Ends the call with every leg.
    End,
    /// Captures the call's packets of media from now on, as they are on the wire; a capture that runs ends.
    StartCapture {
        /// How many, and how much of each.
        spec: CaptureSpec,
        /// Where it goes when it is over: full, ended, or with the call.
        done: oneshot::Sender<Box<Capture>>,
    },
    /// Ends the capture.
    EndCapture,
    /// Reads the figures of every leg.
    ReadStats {
        /// Where they go.
        reply: oneshot::Sender<Vec<LegStats>>,
    },
}

/// A leg to be added.
#[derive(Debug, Clone)]
pub struct LegSpec {
    /// Its name.
    pub leg: LegId,
    /// How its peer carries media.
    pub transport: TransportSpec,
    /// The codecs that may be used, best first.
    pub codecs: Vec<CodecId>,
    /// How keys travel between it and its peer.
    pub keys: KeyMode,
    /// The leg of the party at the other end of the call: its codecs come first, so that nothing is
    /// transcoded that need not be, except that a browser keeps Opus where a phone is at the other end.
    /// Its peer is asked for no more than that leg can carry.
    pub opposite: Option<LegId>,
}

/// How keys travel in a leg's media.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeyMode {
    /// As telephone-events (RFC 4733), where the peer has them.
    #[default]
    Events,
    /// As tones in the voice (ITU-T Q.23), which are heard and made; no telephone-events are agreed on.
    Tones,
    /// Not at all: signalling carries them.
    Nothing,
}

/// How a leg's peer carries media.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransportSpec {
    /// ICE, DTLS-SRTP, one port.
    Webrtc,
    /// RTP on a pair of ports, plain or with keys in the descriptions.
    Rtp {
        /// The address that the peer is told to send to.
        advertised: IpAddr,
        /// Where the peer's signalling comes from, for latching; `None` until it is known.
        signalled_from: Option<IpAddr>,
        /// Whether it is protected.
        srtp: SrtpPolicy,
    },
}

/// What a party hears.
#[derive(Debug, Clone)]
pub enum HearSource {
    /// Nothing is sent.
    Nothing,
    /// The party of another leg, or of its own (echo).
    Leg(LegId),
    /// Prompts one after another; [`CallEvent::PlaybackFinished`](super::CallEvent::PlaybackFinished) follows unless they are looped.
    Prompts {
        /// What is played.
        prompts: Vec<Prompt>,
        /// Over and over.
        is_looped: bool,
        /// The name by which their end is told: it may cross with the command to play something else.
        playback: PlaybackId,
    },
    /// A sine.
    Tone {
        /// Frequency in Hz.
        hz: f64,
        /// Level in dBm0.
        level_dbm0: f64,
    },
    /// Packets of silence: a party whose peer is on hold.
    Silence,
}
