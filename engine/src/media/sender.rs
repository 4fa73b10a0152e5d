//! The sending half of a leg: one output stream, fed by what the party hears.
//!
//! ```text
//! packets of another leg -> pass-through or transcoder --.
//! player (prompt, tone, silence) -> encoder -------------+-> output stream -> transport
//! mix of a conference -> encoder ------------------------+
//! digits -> telephone-event -----------------------------'
//! ```
//!
//! While a digit is sent, voice is kept back and its time passes (RFC 4733 2.5.1.1).

use std::time::{Duration, Instant};

use webtrunk_codecs::{ClockRate, CodecId, EncoderConfig, SampleRate};

use super::earpiece::Earpiece;
use super::listening::{Overheard, delays, impairment, own_band};
use super::output::OutputStream;
use super::path::Path;
use super::playback::Playback;
use super::player::Player;
use super::quality::{Band, EModelInput, Quality};
use crate::LegId;
use crate::leg::{Deed, LegTransport};
use crate::net::Outbox;
use crate::rtp::telephone_event::{EventPayload, EventSender, EventSenderConfig};
use crate::rtp::{DropReason, PayloadType, Timestamp};
use crate::sdp::Negotiated;

/// What the peer agreed to receive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SendAgreement {
    pub(crate) codec: CodecId,
    pub(crate) payload_type: PayloadType,
    pub(crate) ptime_ms: u32,
    pub(crate) telephone_event: Option<(PayloadType, ClockRate)>,
    pub(crate) may_send: bool,
}

/// Where the output comes from.
pub(crate) enum Hears {
    Nothing,
    Leg {
        from: LegId,
        path: Path,
    },
    Player(Box<Playback>),
    /// The mix of a conference; `None` until a codec is agreed on.
    Conference(Option<Box<Earpiece>>),
}

/// The sending half.
pub(crate) struct Sender {
    pub(crate) output: OutputStream,
    pub(crate) hears: Hears,
    agreement: Option<SendAgreement>,
    /// What is carried of the voice from end to end.
    band: Band,
    digits: Option<EventSender>,
}

/// A packet of the leg that is heard.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Heard<'a> {
    pub(crate) payload: &'a [u8],
    pub(crate) timestamp: Timestamp,
    pub(crate) marker: bool,
    pub(crate) lost_before: u32,
}

/// What a tick brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ticked {
    /// Nothing to tell.
    Quiet,
    /// The prompt is over.
    PlaybackFinished,
}

impl SendAgreement {
    pub(crate) fn new(agreed: &Negotiated) -> Self {
        Self {
            codec: agreed.codec,
            payload_type: agreed.payload_type_tx,
            ptime_ms: u32::from(agreed.ptime_tx_ms),
            telephone_event: agreed.telephone_event.map(|event| (event.payload_type_tx, event.clock_rate)),
            may_send: agreed.direction.sends(),
        }
    }
}

impl Sender {
    pub(crate) fn new(codec: CodecId) -> Self {
        Self {
            output: OutputStream::new(codec.clock_rate()),
            hears: Hears::Nothing,
            agreement: None,
            band: own_band(codec),
            digits: None,
        }
    }

    pub(crate) fn agreement(&self) -> Option<&SendAgreement> {
        self.agreement.as_ref()
    }

    /// Takes what was agreed, first or anew; the stream goes on.
    pub(crate) fn agree(&mut self, agreement: SendAgreement) {
        let clock = agreement.codec.clock_rate();
        if self.output.clock() != clock {
            self.output.set_clock(clock);
        }
        let clock_of = |agreement: SendAgreement| agreement.telephone_event.map(|(_, clock)| clock);
        if clock_of(agreement) != self.agreement.and_then(clock_of) {
            self.digits =
                clock_of(agreement).map(|clock| EventSender::new(clock, EventSenderConfig::default()));
        }
        self.agreement = Some(agreement);
    }

    /// Notes what is carried of the voice from end to end.
    pub(crate) fn set_band(&mut self, band: Band) {
        self.band = band;
    }

    /// How the peer hears us, by its reports: between its last two, and since the begin.
    pub(crate) fn quality(&self) -> Option<(Quality, Quality)> {
        let (agreement, stats) = (self.agreement.as_ref()?, self.output.stats());
        let remote = stats.remote()?;
        let ptime = Duration::from_millis(agreement.ptime_ms.into());
        let delay = delays(remote.round_trip, remote.jitter, ptime).mouth_to_ear();
        let codec = impairment(agreement.codec, self.band);
        // Reports tell how many were lost and not in which runs: by chance is the best guess.
        let judge = |loss| Quality::judge(EModelInput { codec, loss, burst_ratio: 1.0, delay });
        let lost = remote.cumulative_lost.max(0) as f32 / stats.packets_sent().max(1) as f32;
        Some((judge(f32::from(remote.fraction_lost) / 256.0), judge(lost.min(1.0))))
    }

    /// The queue of digits, where the peer takes them.
    pub(crate) fn digits(&mut self) -> Option<&mut EventSender> {
        self.digits.as_mut()
    }

    /// Starts playing; the encoder is made for what was agreed by now, or at the next agreement.
    pub(crate) fn play(&mut self, player: Player, config: &EncoderConfig, now: Instant) {
        self.output.begin_source(now);
        let mut playback = Playback::new(player, now);
        if let Some(agreement) = &self.agreement {
            playback.open(agreement, config);
        }
        self.hears = Hears::Player(Box::new(playback));
    }

    /// Passes on a packet of the leg that is heard.
    pub(crate) fn hear(
        &mut self,
        heard: Heard<'_>,
        now: Instant,
        transport: &mut LegTransport,
        outbox: &mut Outbox,
    ) -> Overheard {
        let Self { output, hears, agreement, digits, .. } = self;
        let Hears::Leg { path, .. } = hears else { return Overheard::default() };
        let Some(agreement) = agreement.as_ref() else { return Overheard::default() };
        let is_voiced = agreement.may_send && !digits.as_ref().is_some_and(EventSender::is_playing);
        path.handle(heard, now, output, |output, payload, marker| {
            if is_voiced {
                let mut header = output.next_header(agreement.payload_type, payload.len(), now);
                header.marker |= marker;
                transport.send_rtp(&header, payload, outbox);
            }
        })
    }

    /// Passes on a frame of the conference's mix, as it is to be heard from `now` on.
    pub(crate) fn hear_mix(
        &mut self,
        frame: &[i16],
        now: Instant,
        transport: &mut LegTransport,
        outbox: &mut Outbox,
    ) {
        let Self { output, hears, agreement, digits, .. } = self;
        let Hears::Conference(Some(earpiece)) = hears else { return };
        let Some(agreement) = agreement.as_ref() else { return };
        let is_voiced = agreement.may_send && !digits.as_ref().is_some_and(EventSender::is_playing);
        if earpiece.begins() {
            output.begin_source(now);
        }
        earpiece.handle_frame(frame, |payload, ticks| {
            if is_voiced && !payload.is_empty() {
                let header = output.next_header(agreement.payload_type, payload.len(), now);
                transport.send_rtp(&header, payload, outbox);
            }
            output.advance_past(ticks, now);
        });
    }

    /// Does what is due: a frame of the player, a packet of a digit.
    pub(crate) fn handle_timeout(
        &mut self,
        now: Instant,
        transport: &mut LegTransport,
        outbox: &mut Outbox,
    ) -> Ticked {
        self.send_events(now, transport, outbox);
        let Self { output, hears, agreement, digits, .. } = self;
        let Hears::Player(playback) = hears else { return Ticked::Quiet };
        let Some(agreement) = agreement.as_ref() else { return Ticked::Quiet };
        let is_voiced = agreement.may_send && !digits.as_ref().is_some_and(EventSender::is_playing);
        let goes_on = playback.handle_timeout(now, |payload, ticks| {
            if is_voiced {
                let header = output.next_header(agreement.payload_type, payload.len(), now);
                transport.send_rtp(&header, payload, outbox);
            }
            output.advance_past(ticks, now);
        });
        if goes_on {
            return Ticked::Quiet;
        }
        self.hears = Hears::Nothing;
        Ticked::PlaybackFinished
    }

    /// Passes on to the encoder what the peer reports of our stream's loss.
    pub(crate) fn note_loss(&mut self, reported: Result<Option<u8>, DropReason>) -> Result<Deed, DropReason> {
        if let Some(percent) = reported? {
            match &mut self.hears {
                Hears::Leg { path, .. } => path.set_expected_loss(percent),
                Hears::Conference(Some(earpiece)) => earpiece.set_expected_loss(percent),
                Hears::Conference(None) | Hears::Player(_) | Hears::Nothing => {}
            }
        }
        Ok(Deed::Done)
    }

    /// When something is due.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let playback = match &self.hears {
            Hears::Player(playback) if self.agreement.is_some() => playback.poll_timeout(),
            Hears::Player(_) | Hears::Nothing | Hears::Leg { .. } | Hears::Conference(_) => None,
        };
        // On hold digits wait: `send_events` sends none.
        let may_send = self.agreement.is_some_and(|agreement| agreement.may_send);
        let digits = self.digits.as_ref().filter(|_| may_send).and_then(EventSender::poll_timeout);
        [playback, digits].into_iter().flatten().min()
    }

    fn send_events(&mut self, now: Instant, transport: &mut LegTransport, outbox: &mut Outbox) {
        let Some(agreement) = self.agreement.as_ref().filter(|agreement| agreement.may_send) else { return };
        let (Some((payload_type, _)), Some(digits)) = (agreement.telephone_event, &mut self.digits) else {
            return;
        };
        let stream_time = Timestamp(self.output.timestamp_at(now));
        while let Some(event) = digits.poll(now, stream_time) {
            let mut payload = [0; EventPayload::LEN];
            let length = event.payload.write_to(&mut payload);
            let header = self.output.event_header(payload_type, event.marker, event.timestamp, length, now);
            transport.send_rtp(&header, &payload[..length], outbox);
        }
    }
}

/// The rate at which two codecs meet: what both carry, and no more.
pub(crate) fn meeting_rate(input: CodecId, output: CodecId) -> SampleRate {
    input.native_rate().min(output.native_rate())
}
