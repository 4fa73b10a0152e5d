//! Everything a call can be told, and everything it tells. Nothing else crosses.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use webtrunk_codecs::CodecId;
use webtrunk_codecs::tone::Digit;

use crate::leg::{DescriptionError, LegStats};
use crate::media::quality::AudioState;
use crate::media::{PlaybackId, Prompt, RecordingEnd, RecordingFile, RecordingFormat};
use crate::net::capture::{Capture, CaptureSpec};
use crate::sdp::{CandidateFragment, Direction, FragmentError, SessionDescription, SrtpPolicy};
use crate::{EndCause, LegId};

use super::party::PartySpec;

/// Both go through channels that keep room for 32 at a time, of every call: what is large is boxed.
const _: () = assert!(size_of::<CallCommand>() <= 64 && size_of::<CallEvent>() <= 64);

/// What a call can be told. Every leg named must have been added; commands for others are ignored,
/// since they may cross with the event that tells of the leg's end.
#[derive(Debug)]
pub enum CallCommand {
    /// Adds a leg; nothing is sent to its peer before a description was made for it.
    AddLeg(Box<LegSpec>),
    /// Makes an offer, first or later. Answered by [`CallEvent::OfferReady`].
    CreateOffer {
        /// The leg.
        leg: LegId,
        /// What we would send and receive.
        direction: Direction,
    },
    /// Makes a later offer that restarts ICE: the peer checks anew, from wherever it is now, and media goes on
    /// meanwhile. Answered by [`CallEvent::OfferReady`]. On plain RTP it is an offer like others.
    RestartIce {
        /// The leg.
        leg: LegId,
        /// What we would send and receive.
        direction: Direction,
    },
    /// The peer offered, first or later. Answered by [`CallEvent::DescriptionRefused`] when it cannot be met.
    ReceiveOffer {
        /// The leg.
        leg: LegId,
        /// The offer.
        description: Box<SessionDescription>,
        /// Where its signalling came from, for latching; `None` where that is known already.
        signalled_from: Option<IpAddr>,
    },
    /// Answers the offer that was received. Answered by [`CallEvent::AnswerReady`], or by
    /// [`CallEvent::DescriptionRefused`]; by nothing where the offer was refused already.
    CreateAnswer {
        /// The leg.
        leg: LegId,
        /// The leg of the party at the other end of the call, for choosing the codec.
        opposite: Option<LegId>,
    },
    /// The peer answered our offer. Answered by [`CallEvent::DescriptionRefused`] when it breaks the rules.
    ReceiveAnswer {
        /// The leg.
        leg: LegId,
        /// The answer.
        description: Box<SessionDescription>,
        /// Where its signalling came from, for latching; `None` where that is known already.
        signalled_from: Option<IpAddr>,
    },
    /// The peer told of candidates after its description. Answered by [`CallEvent::CandidatesTaken`].
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
    /// Answered by [`CallEvent::DigitRefused`] when the peer has not agreed to receive it.
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
    /// Answered by [`CallEvent::DigitRefused`] when the peer has not agreed to receive that digit.
    EndDigit {
        /// The leg.
        leg: LegId,
        /// The key.
        digit: Digit,
        /// How long it was held; kept within 40 ms and 10 s, and not below what was sent of it.
        duration: Duration,
    },
    /// Records what a party says on the left, and whom it hears on the right, to a new file in the configured
    /// folder. Answered by [`CallEvent::RecordingStarted`], and at its end by [`CallEvent::RecordingStopped`];
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
    /// Marks this moment of the recording. Answered by [`CallEvent::RecordingMarked`].
    MarkRecording,
    /// Lets a party into the conference in the room that the call was made for, or in one of the call's own, until it is
    /// told to hear something else. Answered by [`CallEvent::ConferenceJoined`] or [`CallEvent::ConferenceRefused`].
    JoinConference(Box<PartySpec>),
    /// Makes a party of the conference what this says, whatever it was before: its role, gain and mute. Answered by
    /// [`CallEvent::PartyChanged`].
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
    /// Prompts one after another; [`CallEvent::PlaybackFinished`] follows unless they are looped.
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

/// What a call tells.
#[derive(Debug)]
pub enum CallEvent {
    /// Our offer, for the peer.
    OfferReady {
        /// The leg.
        leg: LegId,
        /// The offer.
        description: Box<SessionDescription>,
    },
    /// Our answer, for the peer.
    AnswerReady {
        /// The leg.
        leg: LegId,
        /// The answer.
        description: Box<SessionDescription>,
    },
    /// A description of the peer cannot be met; what was agreed before holds.
    DescriptionRefused {
        /// The leg.
        leg: LegId,
        /// Why.
        error: Box<DescriptionError>,
    },
    /// Candidates that came after the peer's description were looked at.
    CandidatesTaken {
        /// The leg.
        leg: LegId,
        /// Why they are of no use; `None` where they were taken.
        refused: Option<FragmentError>,
    },
    /// Offer and answer are complete: this is what flows from now on.
    Agreed {
        /// The leg.
        leg: LegId,
        /// The voice codec.
        codec: CodecId,
        /// What we may send and receive.
        direction: Direction,
        /// Whether the peer takes digits in media.
        takes_digits: bool,
    },
    /// A WebRTC leg is up: checked, handshaken, keyed. (A plain RTP leg is up when it is agreed.)
    LegConnected {
        /// The leg.
        leg: LegId,
    },
    /// Neither checks nor media of a WebRTC peer came for 8 s, which is told once in a silence:
    /// [`CallCommand::RestartIce`] may find it in another network. After 30 s the leg fails.
    LegSilent {
        /// The leg.
        leg: LegId,
    },
    /// The peer said goodbye to its media; its signalling should follow.
    LegClosed {
        /// The leg.
        leg: LegId,
    },
    /// The leg is of no use any more; it is to be removed.
    LegFailed {
        /// The leg.
        leg: LegId,
        /// Why, for the log.
        reason: String,
        /// Why, for the far side.
        cause: EndCause,
    },
    /// The leg is gone: nothing more is told of it. Its last figures, which are those of all of its life.
    LegEnded {
        /// What went in and out of it.
        stats: Box<LegStats>,
    },
    /// A key of the party went down (telephone-event or tone); [`CallEvent::DigitPressed`] follows.
    DigitBegan {
        /// The leg.
        leg: LegId,
        /// The key.
        digit: Digit,
    },
    /// The party let go the key that it had pressed (telephone-event or tone).
    DigitPressed {
        /// The leg.
        leg: LegId,
        /// The key.
        digit: Digit,
        /// How long it was held; 40 ms to 10 s.
        duration: Duration,
    },
    /// The peer does not take this digit in media: none, or those alone that it named (RFC 4733 2.4.1). It was not sent.
    DigitRefused {
        /// The leg.
        leg: LegId,
        /// The key.
        digit: Digit,
        /// How long it would have been held.
        duration: Duration,
    },
    /// Another thing is heard of the party than before: speech, silence, comfort noise, or nothing at all.
    AudioChanged {
        /// The leg.
        leg: LegId,
        /// What was heard.
        before: AudioState,
        /// What is heard now.
        now: AudioState,
    },
    /// One party has been heard by the other for ten seconds, and is not heard itself.
    OneWayAudio {
        /// The leg of the party that is not heard.
        unheard: LegId,
    },
    /// A prompt, or the last of a sequence, was played to its end.
    PlaybackFinished {
        /// The leg.
        leg: LegId,
        /// Which.
        playback: PlaybackId,
    },
    /// A recording goes to this file from now on.
    RecordingStarted {
        /// The file.
        file: RecordingFile,
    },
    /// A moment of the recording was marked; it stands beside the file too.
    RecordingMarked {
        /// The time since its begin.
        position: Duration,
    },
    /// There will be no more of a recording.
    RecordingStopped {
        /// The file, which can be read; `None` where none could be made.
        file: Option<RecordingFile>,
        /// Why.
        end: RecordingEnd,
    },
    /// The party is in the conference.
    ConferenceJoined {
        /// The leg.
        leg: LegId,
        /// Who is there now, it included; of supervisors those who take part.
        parties: usize,
    },
    /// The party cannot join: there is no room left, or the call was made for no conference.
    ConferenceRefused {
        /// The leg.
        leg: LegId,
    },
    /// Another party, of whatever call, joined the party's conference.
    PartyJoined {
        /// The leg.
        leg: LegId,
        /// The other party's.
        party: LegId,
        /// Who is there now.
        parties: usize,
    },
    /// Another party left the party's conference.
    PartyLeft {
        /// The leg.
        leg: LegId,
        /// The other party's.
        party: LegId,
        /// Who is there still.
        parties: usize,
    },
    /// A party of the conference, perhaps this one, is louder or softer, or heard or not, from now on. Of supervisors
    /// who do not take part nobody else is told.
    PartyChanged {
        /// The leg.
        leg: LegId,
        /// The leg of the party that changed.
        party: LegId,
        /// How much louder than it comes it is heard, in dB.
        gain_db: f32,
        /// Whether nobody hears it.
        is_muted: bool,
    },
    /// A party of a conference began to talk, or has not talked for half a second. Only its own call is told.
    TalkingChanged {
        /// Its leg.
        leg: LegId,
        /// Whether it talks.
        is_talking: bool,
    },
    /// Another party of the conference, perhaps this one, is the one to look at.
    SpeakerChanged {
        /// The leg.
        leg: LegId,
        /// The leg of who speaks; `None` when nobody does any more.
        speaker: Option<LegId>,
        /// What others call who speaks.
        name: Option<Arc<str>>,
    },
    /// The call is gone, with every leg: by [`CallCommand::End`], or by our own fault.
    Ended {
        /// Why.
        cause: EndCause,
    },
}

impl CallEvent {
    /// The leg that it is about; `None` where it is about the call.
    #[must_use]
    pub fn leg(&self) -> Option<LegId> {
        match self {
            Self::OfferReady { leg, .. }
            | Self::AnswerReady { leg, .. }
            | Self::DescriptionRefused { leg, .. }
            | Self::CandidatesTaken { leg, .. }
            | Self::Agreed { leg, .. }
            | Self::LegConnected { leg }
            | Self::LegSilent { leg }
            | Self::LegClosed { leg }
            | Self::LegFailed { leg, .. }
            | Self::DigitBegan { leg, .. }
            | Self::DigitPressed { leg, .. }
            | Self::DigitRefused { leg, .. }
            | Self::AudioChanged { leg, .. }
            | Self::OneWayAudio { unheard: leg }
            | Self::PlaybackFinished { leg, .. }
            | Self::ConferenceJoined { leg, .. }
            | Self::ConferenceRefused { leg }
            | Self::PartyJoined { leg, .. }
            | Self::PartyLeft { leg, .. }
            | Self::PartyChanged { leg, .. }
            | Self::TalkingChanged { leg, .. }
            | Self::SpeakerChanged { leg, .. } => Some(*leg),
            Self::LegEnded { stats } => Some(stats.leg),
            Self::RecordingStarted { .. }
            | Self::RecordingMarked { .. }
            | Self::RecordingStopped { .. }
            | Self::Ended { .. } => None,
        }
    }
}
