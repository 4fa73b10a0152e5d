//! The sending half of a leg: one output stream, fed by what the party hears.
//!
//! ```text
//! packets of another leg -> pass-through or conversion --.
//! player (prompt, tone, silence) -> encoder -------------+-> output stream -> transport
//! mix of a conference -> encoder ------------------------+
//! digits -> telephone-event -----------------------------'
//! ```
//!
//! While a digit is sent, as an event or as tones, voice is kept back and its time passes (RFC 4733 2.5.1.1). While
//! nothing may be sent, or the transport is not up, its time passes too. What is not sent is not encoded.

use std::time::{Duration, Instant};

use webtrunk_codecs::opus::{OpusBandwidth, OpusEncoderConfig};
use webtrunk_codecs::tone::Digit;
use webtrunk_codecs::{ClockRate, CodecId, Encoder, EncoderConfig, SampleRate};

use super::adaptation::Adaptation;
use super::conversion::Made;
use super::earpiece::Earpiece;
use super::listening::{Overheard, delays, impairment, own_band};
use super::output::OutputStream;
use super::path::Path;
use super::playback::{Playback, PlaybackId};
use super::player::Player;
use super::quality::{Band, EModelInput, Quality};
use super::recorder::{Side, Tap, TapHeard};
use super::tone_mouth::ToneMouth;
use crate::LegId;
use crate::call::KeyMode;
use crate::leg::{Deed, LegTransport};
use crate::net::Outbox;
use crate::rtp::telephone_event::{EventPayload, EventSender, EventSenderConfig};
use crate::rtp::{DropReason, PayloadType, Timestamp};
use crate::sdp::{Negotiated, OpusParameters, TelephoneEvent};

/// What the peer agreed to receive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SendAgreement {
    pub(crate) codec: CodecId,
    pub(crate) payload_type: PayloadType,
    pub(crate) ptime_ms: u32,
    pub(crate) telephone_event: Option<TelephoneEvent>,
    pub(crate) comfort_noise: Option<PayloadType>,
    pub(crate) may_send: bool,
    /// What the peer asks of an Opus encoder.
    pub(crate) opus: OpusParameters,
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
    adaptation: Adaptation,
    keys: KeyMode,
    /// Says keys as tones, where they go so.
    tones: Option<Box<ToneMouth>>,
}

/// What a packet of the leg that is heard brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeardKind {
    /// Encoded voice.
    Voice,
    /// Comfort noise: a pause (RFC 3389).
    Noise,
}

/// A packet of the leg that is heard.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Heard<'a> {
    pub(crate) kind: HeardKind,
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
    /// The prompts are over.
    PlaybackFinished(PlaybackId),
}

impl SendAgreement {
    pub(crate) fn new(agreed: &Negotiated) -> Self {
        Self {
            codec: agreed.codec,
            payload_type: agreed.payload_type_tx,
            ptime_ms: u32::from(agreed.ptime_tx_ms),
            telephone_event: agreed.telephone_event,
            comfort_noise: agreed.comfort_noise.map(|noise| noise.payload_type_tx),
            may_send: agreed.direction.sends(),
            opus: agreed.opus,
        }
    }

    /// `ours`, within what the peer asks for (RFC 7587 6.1).
    pub(crate) fn encoder_config(&self, ours: &EncoderConfig) -> EncoderConfig {
        let (ours, asked) = (&ours.opus, &self.opus);
        let bitrate_bps = asked.max_average_bitrate_bps.unwrap_or(u32::MAX).min(ours.bitrate_bps);
        EncoderConfig {
            opus: OpusEncoderConfig {
                bitrate_bps,
                inband_fec: ours.inband_fec && asked.use_inband_fec,
                dtx: ours.dtx || asked.use_dtx,
                variable_bitrate: ours.variable_bitrate && !asked.cbr,
                max_bandwidth: asked.max_playback_rate_hz.map(OpusBandwidth::for_playback_rate),
                ..*ours
            },
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
            adaptation: Adaptation::default(),
            keys: KeyMode::Events,
            tones: None,
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
        if self.says_tones() {
            self.agree_tones(&agreement);
            self.agreement = Some(agreement);
            return;
        }
        let clock_of = |agreement: SendAgreement| agreement.telephone_event.map(|event| event.clock_rate);
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

    /// Sets how keys travel to the peer.
    pub(crate) fn set_keys(&mut self, keys: KeyMode) {
        self.keys = keys;
    }

    /// Whether keys travel as tones.
    pub(crate) fn says_tones(&self) -> bool {
        self.keys == KeyMode::Tones
    }

    /// One frame of a tone is as long as a packet of voice.
    fn agree_tones(&mut self, agreement: &SendAgreement) {
        let is_other = self
            .agreement
            .is_none_or(|before| (before.codec, before.ptime_ms) != (agreement.codec, agreement.ptime_ms));
        if is_other || self.tones.is_none() {
            let ptime = Duration::from_millis(agreement.ptime_ms.into());
            let config = EventSenderConfig { ptime, ..EventSenderConfig::default() };
            self.tones = ToneMouth::new(agreement).ok().map(Box::new);
            self.digits = self.tones.as_ref().map(|_| EventSender::new(ClockRate::HZ_8000, config));
        }
    }

    /// The queue of digits, where the peer takes this one: as an event of those that it named, or as a tone.
    pub(crate) fn digits_for(&mut self, digit: Digit) -> Option<&mut EventSender> {
        let is_named = |agreement: &SendAgreement| {
            agreement.telephone_event.is_some_and(|event| event.events.contains(digit.event_code()))
        };
        let is_taken = self.says_tones() || self.agreement.as_ref().is_some_and(is_named);
        self.digits.as_mut().filter(|_| is_taken)
    }

    /// Sets what the party hears from now on.
    pub(crate) fn set_hears(&mut self, hears: Hears) {
        self.hears = hears;
    }

    /// Starts playing; the encoder is made for what was agreed by now, or at the next agreement.
    pub(crate) fn play(&mut self, player: Player, id: PlaybackId, config: &EncoderConfig, now: Instant) {
        self.output.begin_source(now);
        let mut playback = Playback::new(id, player, now);
        if let Some(agreement) = &self.agreement {
            playback.open(agreement, config);
        }
        self.set_hears(Hears::Player(Box::new(playback)));
    }

    /// Passes on a packet of the leg that is heard.
    pub(crate) fn hear(
        &mut self,
        heard: Heard<'_>,
        now: Instant,
        transport: &mut LegTransport,
        outbox: &mut Outbox,
    ) -> Overheard {
        let is_voiced = self.is_voiced(now, transport);
        let Self { output, hears, agreement, .. } = self;
        let Hears::Leg { path, .. } = hears else { return Overheard::default() };
        let Some(agreement) = agreement.as_ref() else { return Overheard::default() };
        path.set_encoding(is_voiced);
        path.handle(heard, now, output, |output, made| {
            if is_voiced {
                send_made(made, agreement, now, (output, transport, outbox));
            }
        })
    }

    /// Whether voice is sent now: the transport is up, and nothing else is, or is about to be, in its place. What is not sent
    /// is not encoded: a decoder that misses what its encoder knows may never agree with it again on a steady tone.
    fn is_voiced(&self, now: Instant, transport: &LegTransport) -> bool {
        let may_send = transport.is_ready() && self.agreement.is_some_and(|agreement| agreement.may_send);
        let is_key_down = self
            .digits
            .as_ref()
            .is_some_and(|digits| digits.is_playing() || self.tones.is_some() && digits.is_due(now));
        may_send && !is_key_down
    }

    /// Passes on a frame of the conference's mix, as it is to be heard from `now` on; a recorder hears it too.
    pub(crate) fn hear_mix(
        &mut self,
        frame: &[i16],
        now: Instant,
        transport: &mut LegTransport,
        outbox: &mut Outbox,
        mut tap: Option<&mut Tap>,
    ) {
        let is_voiced = self.is_voiced(now, transport);
        let Self { output, hears, agreement, .. } = self;
        let Hears::Conference(Some(earpiece)) = hears else { return };
        let Some(agreement) = agreement.as_ref() else { return };
        if earpiece.begins() {
            output.begin_source(now);
        }
        earpiece.handle_frame(frame, is_voiced, |payload, ticks| {
            let frame = Frame { payload, ticks };
            send_frame(frame, agreement, now, (output, transport, outbox), &mut tap);
        });
    }

    /// Does what is due: a frame of the player, which a recorder hears too, a packet of a digit.
    pub(crate) fn handle_timeout(
        &mut self,
        now: Instant,
        transport: &mut LegTransport,
        outbox: &mut Outbox,
        mut tap: Option<&mut Tap>,
    ) -> Ticked {
        self.send_events(now, transport, outbox);
        let is_voiced = self.is_voiced(now, transport);
        let Self { output, hears, agreement, .. } = self;
        let Some(agreement) = agreement.as_ref() else { return Ticked::Quiet };
        if let Hears::Leg { path, .. } = hears {
            path.set_encoding(is_voiced);
            path.handle_timeout(now, output, |output, made| {
                if is_voiced {
                    send_made(made, agreement, now, (output, transport, outbox));
                }
            });
        }
        let Hears::Player(playback) = hears else { return Ticked::Quiet };
        if playback.skip(now) {
            output.begin_source(now);
        }
        let goes_on = playback.handle_timeout(now, is_voiced, |payload, ticks| {
            let frame = Frame { payload, ticks };
            send_frame(frame, agreement, now, (output, transport, outbox), &mut tap);
        });
        let id = playback.id();
        if goes_on {
            return Ticked::Quiet;
        }
        self.set_hears(Hears::Nothing);
        Ticked::PlaybackFinished(id)
    }

    /// Passes on to the encoder what the peer reports of our stream's loss.
    pub(crate) fn note_loss(&mut self, reported: Result<Option<u8>, DropReason>) -> Result<Deed, DropReason> {
        if let Some(percent) = reported? {
            self.adaptation.handle_report(percent);
            self.adapt_encoder();
        }
        Ok(Deed::Done)
    }

    /// Tells the encoder, a new one too, what the peer's reports ask of it.
    pub(crate) fn adapt_encoder(&mut self) {
        let adapted = self.adaptation.adapted();
        if let Some(encoder) = self.encoder() {
            encoder.set_expected_loss(adapted.expected_loss_percent);
            encoder.set_bitrate_share(adapted.bitrate_percent);
        }
    }

    /// What is encoded with now, if anything is.
    pub(crate) fn encoder(&mut self) -> Option<&mut dyn Encoder> {
        match &mut self.hears {
            Hears::Leg { path, .. } => path.encoder(),
            Hears::Player(playback) => playback.encoder(),
            Hears::Conference(Some(earpiece)) => Some(earpiece.encoder()),
            Hears::Conference(None) | Hears::Nothing => None,
        }
    }

    /// When something is due.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let may_send = self.agreement.is_some_and(|agreement| agreement.may_send);
        let heard = match &self.hears {
            Hears::Player(playback) if self.agreement.is_some() => playback.poll_timeout(),
            Hears::Leg { path, .. } if may_send => path.poll_timeout(),
            Hears::Player(_) | Hears::Leg { .. } | Hears::Nothing | Hears::Conference(_) => None,
        };
        // On hold digits wait: `send_events` sends none.
        let digits = self.digits.as_ref().filter(|_| may_send);
        let digits = digits.and_then(|digits| {
            let due = digits.poll_timeout()?;
            Some(self.tone_begins_at().filter(|_| !digits.is_playing()).map_or(due, |at| at.max(due)))
        });
        [heard, digits].into_iter().flatten().min()
    }

    /// When a tone can follow on what was sent, where keys go so.
    fn tone_begins_at(&self) -> Option<Instant> {
        self.tones.as_ref()?;
        self.output.follows_at()
    }

    fn send_events(&mut self, now: Instant, transport: &mut LegTransport, outbox: &mut Outbox) {
        let tone_begins_at = self.tone_begins_at();
        let Some(agreement) = self.agreement.as_ref().filter(|agreement| agreement.may_send) else { return };
        let Some(digits) = &mut self.digits else { return };
        if let Some(tones) = &mut self.tones {
            if !digits.is_playing() && tone_begins_at.is_some_and(|at| at > now) {
                return;
            }
            while let Some(event) = digits.poll(now, Timestamp(0)) {
                let Some((payload, ticks)) = tones.say(&event) else { continue };
                let (payload_type, length) = (agreement.payload_type, payload.len());
                let header = self.output.insert_header(payload_type, event.marker, ticks, length, now);
                transport.send_rtp(&header, payload, outbox);
            }
            return;
        }
        let Some(payload_type) = agreement.telephone_event.map(|event| event.payload_type_tx) else { return };
        let stream_time = Timestamp(self.output.timestamp_at(now));
        while let Some(event) = digits.poll(now, stream_time) {
            let mut payload = [0; EventPayload::LEN];
            let length = event.payload.write_to(&mut payload);
            let header = self.output.event_header(payload_type, event.marker, event.timestamp, length, now);
            transport.send_rtp(&header, &payload[..length], outbox);
        }
    }
}

/// A frame of our own making.
struct Frame<'a> {
    /// Without a byte where nothing is to be sent.
    payload: &'a [u8],
    /// How long it lasts.
    ticks: u32,
}

/// Sends a frame in its time, which passes where it is not sent; a recorder hears it too.
fn send_frame(
    Frame { payload, ticks }: Frame<'_>,
    agreement: &SendAgreement,
    now: Instant,
    (output, transport, outbox): (&mut OutputStream, &mut LegTransport, &mut Outbox),
    tap: &mut Option<&mut Tap>,
) {
    let mut sent = None;
    if payload.is_empty() {
        output.skip(0);
    } else if !output.is_taken() {
        let header = output.next_header(agreement.payload_type, ticks, payload.len(), now);
        transport.send_rtp(&header, payload, outbox);
        sent = Some(header.timestamp);
    }
    output.advance_past(ticks, now);
    let_hear(tap, agreement.codec, sent, payload, output.due_at());
}

/// Lets a recorder hear a payload of ours that was sent with this timestamp. What it hears of others ended when it came;
/// this ends when the next is due.
fn let_hear(
    tap: &mut Option<&mut Tap>,
    codec: CodecId,
    sent: Option<Timestamp>,
    payload: &[u8],
    ends_at: Option<Instant>,
) {
    if let (Some(tap), Some(Timestamp(timestamp)), Some(ends_at)) = (tap, sent, ends_at) {
        tap.hear(TapHeard { side: Side::Right, codec, timestamp, lost_before: 0, payload }, ends_at);
    }
}

/// Sends what a path made of a packet, or of a pause.
fn send_made(
    made: Made<'_>,
    agreement: &SendAgreement,
    now: Instant,
    (output, transport, outbox): (&mut OutputStream, &mut LegTransport, &mut Outbox),
) {
    match made {
        // Something else is said at its time.
        Made::Voice(..) | Made::Noise(_) if output.is_taken() => {}
        Made::Voice(payload, marker) => {
            let ticks = agreement.codec.ticks_in(payload);
            let mut header = output.next_header(agreement.payload_type, ticks, payload.len(), now);
            header.marker |= marker;
            transport.send_rtp(&header, payload, outbox);
        }
        Made::Noise(payload) => {
            let Some(payload_type) = agreement.comfort_noise else { return };
            let header = output.noise_header(payload_type, payload.len(), now);
            transport.send_rtp(&header, payload, outbox);
        }
    }
}

/// The rate at which two codecs meet: what both carry, and no more.
pub(crate) fn meeting_rate(input: CodecId, output: CodecId) -> SampleRate {
    input.native_rate().min(output.native_rate())
}
