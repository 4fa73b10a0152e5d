//! Our side of one media association: transport, negotiation, receiving half, sending half. What it agrees on with
//! its peer is in `agreement.rs`.

use std::net::SocketAddr;
use std::ops::Range;
use std::time::{Duration, Instant};

use tracing::{Span, debug, error_span, info, warn};
use webtrunk_codecs::CodecId;

use super::stats::LegStats;
use super::transport::LegTransport;
use crate::call::{CallEvent, KeyMode, Supplies};
use crate::ice::{SourceChange, StunRoute};
use crate::leg::webrtc::{Received, TransportEvent};
use crate::media::quality::{AudioEvent, AudioState, Expectation};
use crate::media::{Halves, Listening, PlaybackId, Receiver, Reports, Sender, Tap, Ticked, own_band};
use crate::net::Outbox;
use crate::net::demux::DatagramKind;
use crate::rtp::telephone_event::DigitEvent;
use crate::rtp::{DropReason, PayloadType};
use crate::sdp::{Direction, Negotiated, Negotiator, PayloadFormat, Receivable};
use crate::{EndCause, LegId};

/// A leg.
pub struct Leg {
    id: LegId,
    pub(super) span: Span,
    pub(crate) transport: LegTransport,
    pub(super) negotiator: Negotiator,
    codecs: Vec<CodecId>,
    /// In a box, as long as there is none: many calls ring.
    pub(super) agreed: Option<Box<Negotiated>>,
    pub(crate) receiver: Receiver,
    pub(crate) sender: Sender,
    /// What comes from the peer, judged; from the first agreement on.
    pub(crate) listening: Option<Box<Listening>>,
    /// Packets of the peer's before its next one that were refused after they had been given out.
    pub(crate) unheard: u32,
    pub(super) reports: Reports,
    media_timeout: Duration,
    pub(super) watch: Watch,
}

/// A pause that comfort noise announced may be so many media timeouts long. Chosen by us: ten minutes with the
/// default, in which even a muted party says something, and a dead one is noticed in the end.
const PAUSE_TIMEOUTS: u32 = 10;

/// Whether media can flow, and since when none came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Watch {
    /// Media cannot flow yet.
    Connecting,
    /// Media can flow; the last that came, came then.
    Connected { heard_at: Instant },
    /// Told that the leg is of no use; nothing more is told.
    Failed,
}

/// What a datagram turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Deed {
    /// Voice that is next in order: where its plain RTP packet lies in the datagram.
    Voice(Range<usize>),
    /// Voice that went into the jitter buffer, where its packet lies in the datagram.
    Buffered(Range<usize>),
    /// ICE or DTLS: there may be something to send and to tell.
    Control,
    /// Keys went down and up: at most one up whose end was lost, and the one after it down and up.
    Keys([Option<DigitEvent>; 3]),
    /// Nothing is left to do.
    Done,
}

/// A leg, taken apart.
pub(crate) struct LegParts<'a> {
    pub(crate) receiver: &'a mut Receiver,
    pub(crate) sender: &'a mut Sender,
    pub(crate) transport: &'a mut LegTransport,
    pub(crate) listening: Option<&'a mut Listening>,
    pub(crate) receivable: &'a [Receivable],
    pub(crate) unheard: &'a mut u32,
}

/// What passing time brought.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Lapsed {
    /// A prompt was played to its end.
    pub(crate) played: Option<PlaybackId>,
    /// A key went up whose end was lost.
    pub(crate) key: Option<DigitEvent>,
}

/// What a leg has to tell.
#[derive(Debug)]
pub(crate) enum LegEvent {
    /// To whoever controls the call.
    Tell(CallEvent),
    /// To the shard: datagrams from an address are this leg's, or no longer.
    Source(SourceChange),
    /// To the shard: STUN messages find this leg by something else.
    Route(StunRoute),
}

impl Leg {
    pub(crate) fn new(
        id: LegId,
        transport: LegTransport,
        negotiator: Negotiator,
        codecs: Vec<CodecId>,
        supplies: &Supplies,
    ) -> Self {
        let first = codecs.first().copied().unwrap_or(CodecId::Pcmu);
        Self {
            id,
            span: Span::none(),
            transport,
            negotiator,
            codecs,
            agreed: None,
            receiver: Receiver::new(),
            sender: Sender::new(first),
            listening: None,
            unheard: 0,
            reports: Reports::new(supplies.clock),
            media_timeout: supplies.config.media_timeout,
            watch: Watch::Connecting,
        }
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> LegId {
        self.id
    }

    /// Sets how keys travel in its media; before anything is described.
    pub fn set_keys(&mut self, keys: KeyMode) {
        if keys != KeyMode::Events {
            self.negotiator.leave_out_telephone_events();
        }
        self.sender.set_keys(keys);
    }

    /// Opens its span in the log, inside its call's; at the same level, for the same reason.
    pub(crate) fn open_span(&mut self, call: &Span) {
        self.span = error_span!(parent: call, "leg", id = %self.id);
    }

    /// Its span in the log. ICE and DTLS are handled inside it; media is not.
    pub(crate) fn span(&self) -> &Span {
        &self.span
    }

    /// "webrtc", "srtp" or "rtp", for logs and statistics.
    #[must_use]
    pub fn transport_name(&self) -> &'static str {
        match &self.transport {
            LegTransport::Webrtc(_) => "webrtc",
            LegTransport::Rtp(transport) if transport.profile().is_some() => "srtp",
            LegTransport::Rtp(_) => "rtp",
        }
    }

    /// What may be spoken on it, in the order in which it is offered.
    #[must_use]
    pub fn codecs(&self) -> &[CodecId] {
        &self.codecs
    }

    /// What was agreed last.
    #[must_use]
    pub fn agreed(&self) -> Option<&Negotiated> {
        self.agreed.as_deref()
    }

    /// The codec agreed on; before that the first that would be offered.
    pub(crate) fn codec(&self) -> CodecId {
        self.agreed_codec().or(self.codecs.first().copied()).unwrap_or(CodecId::Pcmu)
    }

    pub(crate) fn agreed_codec(&self) -> Option<CodecId> {
        self.agreed.as_ref().map(|agreed| agreed.codec)
    }

    /// The codec that the peer sends, and whether it may send comfort noise beside it.
    pub(crate) fn input(&self) -> Option<(CodecId, bool)> {
        self.receiver.codec().zip(self.agreed.as_deref().map(Negotiated::receives_noise))
    }

    /// The peer sends another codec from now on, one of those that it may.
    pub(crate) fn change_input(&mut self, codec: CodecId, now: Instant) -> Result<(), DropReason> {
        self.receiver.change_codec(codec, now)?;
        if let Some(listening) = &mut self.listening {
            listening.set_codec(codec, own_band(codec));
        }
        self.span.in_scope(|| debug!(?codec, "the peer sends another codec"));
        Ok(())
    }

    /// The codecs that the peer offered or took and that may be used, in its order.
    #[must_use]
    pub fn remote_codecs(&self) -> Vec<CodecId> {
        self.negotiator.remote_codecs()
    }

    /// What was agreed, to be told.
    pub(crate) fn agreed_event(&self) -> Option<CallEvent> {
        let agreed = self.agreed.as_ref()?;
        Some(CallEvent::Agreed {
            leg: self.id,
            codec: agreed.codec,
            direction: agreed.direction,
            takes_digits: agreed.telephone_event.is_some() || self.sender.says_tones(),
        })
    }

    /// The receiving half, the sending half, what it sends through, and who judges what is received.
    pub(crate) fn halves(
        &mut self,
    ) -> (&mut Receiver, &mut Sender, &mut LegTransport, Option<&mut Listening>) {
        (&mut self.receiver, &mut self.sender, &mut self.transport, self.listening.as_deref_mut())
    }

    /// The same, and all that the peer may send.
    pub(crate) fn parts(&mut self) -> LegParts<'_> {
        LegParts {
            receiver: &mut self.receiver,
            sender: &mut self.sender,
            transport: &mut self.transport,
            listening: self.listening.as_deref_mut(),
            receivable: receivable(self.agreed.as_deref()),
            unheard: &mut self.unheard,
        }
    }

    /// What a payload type of the peer's stands for.
    pub(crate) fn format_of(&self, payload_type: PayloadType) -> Option<PayloadFormat> {
        Receivable::format_in(receivable(self.agreed.as_deref()), payload_type)
    }

    /// Voice should come where media can flow, the peer may send and does not hold.
    pub(super) fn expect_audio(&mut self, now: Instant) {
        let flows = self.agreed.as_ref().filter(|_| self.watch != Watch::Connecting);
        let expected = match flows.map(|agreed| agreed.direction) {
            Some(Direction::SendRecv) => Expectation::Voice,
            Some(Direction::RecvOnly) => Expectation::Perhaps,
            Some(Direction::SendOnly | Direction::Inactive) | None => Expectation::Nothing,
        };
        if let Some(listening) = &mut self.listening {
            listening.set_expected(expected, now);
        }
    }

    /// Whether the peer should send: it may, and does not hold. Who holds by `sendonly`, or by `c=0.0.0.0`, which is the
    /// same in the old way, mostly sends nothing.
    pub(crate) fn is_to_be_heard(&self) -> bool {
        self.agreed.as_ref().is_some_and(|agreed| agreed.direction == Direction::SendRecv)
    }

    /// What can be heard of the peer now.
    pub(crate) fn audio_state(&self) -> Option<AudioState> {
        self.listening.as_deref().map(Listening::state)
    }

    /// The next key that went down or up in the peer's voice.
    pub(crate) fn poll_tone_key(&mut self) -> Option<DigitEvent> {
        self.listening.as_deref_mut()?.poll_key()
    }

    /// A change of what can be heard of the peer, once.
    pub(crate) fn poll_audio_event(&mut self) -> Option<AudioEvent> {
        self.listening.as_deref_mut()?.poll_event()
    }

    pub(crate) fn handle_datagram(
        &mut self,
        datagram: &mut [u8],
        from: SocketAddr,
        local: SocketAddr,
        now: Instant,
    ) -> Deed {
        let base = datagram.as_ptr().addr();
        let received = match &mut self.transport {
            LegTransport::Webrtc(link) => {
                let _entered = DatagramKind::of(datagram)
                    .is_some_and(DatagramKind::is_control)
                    .then(|| self.span.enter());
                link.transport.handle_datagram(datagram, from, local, now)
            }
            LegTransport::Rtp(transport) => transport.handle_datagram(datagram, from, now),
        };
        let deed = match received {
            Ok(Received::Rtp(packet)) => {
                let start = packet.as_ptr().addr() - base;
                let range = start..start + packet.len();
                self.receiver.handle_rtp(packet, range, receivable(self.agreed.as_deref()), now)
            }
            Ok(Received::Rtcp(compound)) => {
                let output = &mut self.sender.output;
                let loss = self.reports.handle_rtcp(compound, now, &mut self.receiver, output);
                self.sender.note_loss(loss)
            }
            Ok(Received::Control) => return Deed::Control,
            Err(reason) => Err(reason),
        };
        match deed {
            Ok(deed) => {
                if let Watch::Connected { heard_at } = &mut self.watch {
                    *heard_at = now;
                }
                deed
            }
            Err(reason) => {
                if let (DropReason::Late, Some(listening)) = (reason, &mut self.listening) {
                    listening.handle_late();
                }
                self.receiver.count_drop(reason);
                Deed::Done
            }
        }
    }

    /// Does what is due.
    pub(crate) fn handle_timeout(
        &mut self,
        now: Instant,
        outbox: &mut Outbox,
        tap: Option<&mut Tap>,
    ) -> Lapsed {
        if let LegTransport::Webrtc(link) = &mut self.transport
            && link.transport.poll_timeout().is_some_and(|at| at <= now)
        {
            self.span.in_scope(|| link.transport.handle_timeout(now));
        }
        if self.watch == Watch::Connecting {
            return Lapsed::default();
        }
        let key = self.receiver.handle_timeout(now);
        if let Some(listening) = &mut self.listening {
            listening.handle_timeout(now);
        }
        let halves = Halves {
            receiver: &mut self.receiver,
            listening: self.listening.as_deref_mut(),
            output: &self.sender.output,
        };
        self.reports.handle_timeout(now, halves, &mut self.transport, outbox);
        let ticked = self.sender.handle_timeout(now, &mut self.transport, outbox, tap);
        let played = match ticked {
            Ticked::PlaybackFinished(id) => Some(id),
            Ticked::Quiet => None,
        };
        Lapsed { played, key }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let transport = match &self.transport {
            LegTransport::Webrtc(link) => link.transport.poll_timeout(),
            LegTransport::Rtp(_) => None,
        };
        if self.watch == Watch::Connecting {
            return transport;
        }
        let listening = self.listening.as_deref().and_then(Listening::poll_timeout);
        let others = [self.receiver.poll_timeout(), self.sender.poll_timeout(), self.reports.poll_timeout()];
        others.into_iter().chain([listening, transport, self.silence_ends_at()]).flatten().min()
    }

    /// What the leg has to tell of its transport, and of media that stopped.
    pub(crate) fn poll_event(&mut self, now: Instant) -> Option<LegEvent> {
        if self.watch == Watch::Failed {
            return None;
        }
        if let LegTransport::Webrtc(link) = &mut self.transport
            && let Some(event) = link.transport.poll_event()
        {
            return Some(match event {
                TransportEvent::Source(change) => LegEvent::Source(change),
                TransportEvent::Route(route) => LegEvent::Route(route),
                TransportEvent::Ready { profile } => {
                    self.watch = Watch::Connected { heard_at: now };
                    self.reports.begin(now);
                    self.expect_audio(now);
                    self.span.in_scope(|| info!(?profile, keys = "DTLS", "leg connected"));
                    LegEvent::Tell(CallEvent::LegConnected { leg: self.id })
                }
                TransportEvent::Silent => {
                    self.span.in_scope(|| info!("the peer is not heard any more"));
                    LegEvent::Tell(CallEvent::LegSilent { leg: self.id })
                }
                TransportEvent::Failed(error) => self.fail(error.to_string(), EndCause::MediaFailed),
                TransportEvent::Lost => {
                    self.fail("consent expired: the peer answers no checks".into(), EndCause::MediaTimeout)
                }
                TransportEvent::Closed => {
                    self.watch = Watch::Failed;
                    self.span.in_scope(|| info!("the peer closed its DTLS association"));
                    LegEvent::Tell(CallEvent::LegClosed { leg: self.id })
                }
            });
        }
        if self.silence_ends_at().is_some_and(|at| at <= now) {
            return Some(self.fail("no packet within media_timeout".into(), EndCause::MediaTimeout));
        }
        None
    }

    /// Hands over what ICE and DTLS want sent.
    pub(crate) fn flush(&mut self, outbox: &mut Outbox) {
        if let LegTransport::Webrtc(link) = &mut self.transport {
            link.flush(outbox);
        }
    }

    /// Says goodbye to the peer.
    pub(crate) fn close(&mut self, now: Instant, outbox: &mut Outbox) {
        let halves = Halves {
            receiver: &mut self.receiver,
            listening: self.listening.as_deref_mut(),
            output: &self.sender.output,
        };
        self.reports.say_goodbye(now, halves, &mut self.transport, outbox);
        if let LegTransport::Webrtc(link) = &mut self.transport {
            link.transport.close();
            link.flush(outbox);
        }
    }

    /// The figures.
    #[must_use]
    pub fn stats(&self) -> LegStats {
        let heard = (&self.receiver, self.listening.as_deref());
        LegStats::read(self.id, self.transport_name(), self.agreed(), heard, &self.sender)
    }

    fn fail(&mut self, reason: String, cause: EndCause) -> LegEvent {
        self.watch = Watch::Failed;
        self.span.in_scope(|| warn!(reason, "leg failed"));
        LegEvent::Tell(CallEvent::LegFailed { leg: self.id, reason, cause })
    }

    /// When silence counts as death: only while the peer should send.
    fn silence_ends_at(&self) -> Option<Instant> {
        let is_expected = self.is_to_be_heard();
        match self.watch {
            // Who said that it pauses may say no more for long (RFC 3389 5).
            Watch::Connected { heard_at } if is_expected && self.receiver.is_paused() => {
                Some(heard_at + PAUSE_TIMEOUTS * self.media_timeout)
            }
            Watch::Connected { heard_at } if is_expected => Some(heard_at + self.media_timeout),
            Watch::Connected { .. } | Watch::Connecting | Watch::Failed => None,
        }
    }
}

fn receivable(agreed: Option<&Negotiated>) -> &[Receivable] {
    agreed.map_or(&[], |agreed| &agreed.receivable)
}
