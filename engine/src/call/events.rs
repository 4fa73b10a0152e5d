//! Everything a call tells.

use std::sync::Arc;
use std::time::Duration;

use webtrunk_codecs::CodecId;
use webtrunk_codecs::tone::Digit;

use crate::leg::{DescriptionError, LegStats};
use crate::media::quality::AudioState;
use crate::media::{PlaybackId, RecordingEnd, RecordingFile};
use crate::sdp::{CandidateFragment, Direction, FragmentError, SessionDescription};
use crate::{EndCause, LegId};

/// What is large is boxed: most are small.
const _: () = assert!(size_of::<CallEvent>() <= 64);

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
    /// Addresses of ours have come, of which the peer is to be told: our description, which it has, is without them.
    CandidatesFound {
        /// The leg.
        leg: LegId,
        /// All our candidates.
        fragment: Box<CandidateFragment>,
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
    /// [`CallCommand::RestartIce`](super::CallCommand::RestartIce) may find it in another network. After 30 s the leg fails.
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
    /// Another thing is heard of the party than before: speech, silence, comfort noise, or nothing at all. Of one that holds and
    /// may send, that nothing comes is told after a second.
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
    /// The call is gone, with every leg: by [`CallCommand::End`](super::CallCommand::End), or by our own fault.
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
            | Self::CandidatesFound { leg, .. }
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
