//! A call's part in a conference: one of its legs speaks and hears, a frame at a time.

use std::time::Instant;

use tracing::warn;

use super::conference::Spoken;
use super::events::CallEvent;
use super::state::Call;
use crate::media::mixer::TICK_MS;
use crate::media::{Earpiece, Hears, Intake, own_band};
use crate::net::Outbox;
use crate::rtp::RtpPacket;
use crate::sdp::PayloadFormat;
use crate::{EndCause, LegId};

impl Call {
    /// From now on a party speaks and hears by turns, until it is told to hear something else. False if
    /// there is no such leg.
    pub fn enter_conference(&mut self, id: LegId, now: Instant) -> bool {
        let Some(index) = self.index_of(id) else { return false };
        if !matches!(self.legs[index].sender.hears, Hears::Conference(_)) {
            self.legs[index].sender.set_hears(Hears::Conference(None));
            self.open_conference(index, now);
        }
        true
    }

    /// Whether a leg has entered a conference, and was told to hear nothing else since.
    #[must_use]
    pub fn is_in_conference(&self, id: LegId) -> bool {
        self.index_of(id).is_some_and(|index| matches!(self.legs[index].sender.hears, Hears::Conference(_)))
    }

    /// Writes what a party has to say from `now` on to the front of `frame`, 20 ms of at most 48 kHz.
    pub fn speak(&mut self, id: LegId, now: Instant, frame: &mut [i16]) -> Spoken {
        let Some(leg) = self.index_of(id).map(|index| &mut self.legs[index]) else { return Spoken::Gone };
        if !matches!(leg.sender.hears, Hears::Conference(_)) {
            return Spoken::Gone;
        }
        let Some(intake) = leg.receiver.intake() else { return Spoken::Nothing };
        let rate = intake.sample_rate();
        intake.pull_frame(now, &mut frame[..rate.samples_in_ms(TICK_MS)]);
        Spoken::Frame(rate)
    }

    /// Sends a party what it is to hear from `now` on: 20 ms at the highest rate that its codec carries.
    pub fn hear_mix(&mut self, id: LegId, mix: &[i16], now: Instant, outbox: &mut Outbox) {
        let Some(index) = self.index_of(id) else { return };
        let (_, sender, transport, _) = self.legs[index].halves();
        let tap = self.recording.as_mut().and_then(|recording| recording.tap_of(id));
        sender.hear_mix(mix, now, transport, outbox, tap);
    }

    /// Frames of the mix were left out: for the party their time passes without sound.
    pub fn skip_mix(&mut self, id: LegId) {
        let leg = self.legs.iter_mut().find(|leg| leg.id() == id);
        if let Some(Hears::Conference(Some(earpiece))) = leg.map(|leg| &mut leg.sender.hears) {
            earpiece.begin_anew();
        }
    }

    /// Has a packet judged, and recorded, that went into a party's jitter buffer, and what was missed meanwhile.
    pub(super) fn judge(&mut self, index: usize, packet: &[u8], now: Instant) {
        let Ok(packet) = RtpPacket::parse(packet) else { return };
        let leg = &mut self.legs[index];
        let voice = match leg.format_of(packet.payload_type()) {
            Some(PayloadFormat::Codec(codec)) => Some(codec),
            Some(PayloadFormat::ComfortNoise(_) | PayloadFormat::TelephoneEvent(_)) | None => None,
        };
        if let (Some(recording), Some(codec)) = (&mut self.recording, voice)
            && recording.left() == leg.id()
        {
            recording.hear_as_it_comes(codec, &packet, now);
        }
        let (receiver, _, _, listening) = leg.halves();
        let (Some(listening), Some(intake)) = (listening, receiver.intake()) else { return };
        if let Some(codec) = voice.filter(|codec| *codec != listening.codec()) {
            listening.set_codec(codec, own_band(codec));
        }
        listening.handle_buffered(voice.map(|_| packet.payload()), intake.take_missed(), now);
    }

    /// Opens both halves of a party in a conference for what was agreed; one that still fits is left alone.
    pub(super) fn open_conference(&mut self, index: usize, now: Instant) {
        let Self { legs, supplies, events, complexity, .. } = self;
        let leg = &mut legs[index];
        if !matches!(leg.sender.hears, Hears::Conference(_)) {
            return;
        }
        let (Some(codec), Some(agreement)) = (leg.receiver.codec(), leg.sender.agreement().copied()) else {
            return;
        };
        let band = own_band(codec);
        leg.sender.set_band(band);
        if let Some(listening) = &mut leg.listening {
            listening.set_codec(codec, band);
        }
        let has_earpiece =
            matches!(&leg.sender.hears, Hears::Conference(Some(earpiece)) if earpiece.fits(&agreement));
        let has_intake = leg.receiver.intake().is_some_and(|intake| intake.codec() == codec);
        let mut open = || {
            if !has_intake {
                leg.receiver.set_intake(Some(Box::new(Intake::open(codec, now)?)));
            }
            if !has_earpiece {
                let mut earpiece = Earpiece::open(&agreement, &supplies.config.encoder)?;
                if let Some(complexity) = *complexity {
                    earpiece.encoder().set_complexity(complexity);
                }
                leg.sender.set_hears(Hears::Conference(Some(Box::new(earpiece))));
            }
            Ok(())
        };
        let opened: Result<(), webtrunk_codecs::OpenError> = open();
        if let Err(error) = opened {
            leg.span().in_scope(|| warn!(%error, "a conference cannot be heard"));
            let reason = error.to_string();
            events.push_back(CallEvent::LegFailed { leg: leg.id(), reason, cause: EndCause::InternalError });
        }
    }
}
