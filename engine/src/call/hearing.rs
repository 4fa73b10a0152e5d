//! What a party says, on its way to everyone who hears it: the paths are opened, and packets are passed on.

use std::time::Instant;

use tracing::{debug, info};
use webtrunk_codecs::CodecId;

use super::bridge::{self, OtherCodec};
use super::events::CallEvent;
use super::state::Call;
use crate::EndCause;
use crate::media::{Hears, Path, band_at, meeting_rate};
use crate::net::Outbox;

/// Why a path is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PathReason {
    /// One of its ends agreed, or hears another party.
    Agreed,
    /// The party that is heard sends another codec.
    OtherInput,
}

impl Call {
    /// Opens every path whose two ends agreed; one that still fits is left alone.
    pub(super) fn open_paths(&mut self, reason: PathReason) {
        for index in 0..self.legs.len() {
            let Hears::Leg { from, path } = &self.legs[index].sender.hears else { continue };
            let Some(input) = self.index_of(*from).and_then(|from| self.legs[from].input()) else {
                continue;
            };
            let Some(output) = self.legs[index].sender.agreement().copied() else { continue };
            let from = *from;
            if path.fits(input, &output) {
                continue;
            }
            let opened = Path::open(input, &output, &self.supplies.config.encoder);
            let band = band_at(meeting_rate(input.0, output.codec));
            self.legs[index].sender.set_band(band);
            let speaker = self.legs.iter_mut().find(|leg| leg.id() == from);
            if let Some(listening) = speaker.and_then(|speaker| speaker.listening.as_mut()) {
                listening.set_codec(input.0, band);
            }
            let leg = &mut self.legs[index];
            match opened {
                Ok(opened) => {
                    leg.span()
                        .in_scope(|| note_opened(reason, input.0, output.codec, opened.is_transcoded()));
                    leg.sender.set_hears(Hears::Leg { from, path: opened });
                    leg.sender.adapt_encoder();
                    if let (Some(complexity), Some(encoder)) = (self.complexity, leg.sender.encoder()) {
                        encoder.set_complexity(complexity);
                    }
                }
                Err(error) => self.events.push_back(CallEvent::LegFailed {
                    leg: leg.id(),
                    reason: error.to_string(),
                    cause: EndCause::InternalError,
                }),
            }
        }
    }

    /// Passes on what the reorder buffer gives out.
    pub(super) fn drain(&mut self, index: usize, now: Instant, outbox: &mut Outbox) {
        while let Some((receiver, mut ears)) = bridge::split(&mut self.legs, index, self.recording.as_mut()) {
            let unheard = loop {
                let Some(ready) = receiver.next_ready(now) else { return };
                if ears.hear(ready.bytes, ready.lost_before, now, outbox).is_err() {
                    break (ready.bytes.to_vec(), ready.lost_before);
                }
            };
            self.be_heard(index, &unheard.0, unheard.1, now, outbox);
        }
    }

    /// Passes on one packet of a party, if it is of another codec than those before it by other ways.
    pub(super) fn be_heard(
        &mut self,
        index: usize,
        packet: &[u8],
        lost_before: u32,
        now: Instant,
        outbox: &mut Outbox,
    ) {
        let Some((_, mut ears)) = bridge::split(&mut self.legs, index, self.recording.as_mut()) else {
            return;
        };
        let Err(OtherCodec(codec)) = ears.hear(packet, lost_before, now, outbox) else { return };
        if let Err(reason) = self.legs[index].change_input(codec, now) {
            let leg = &mut self.legs[index];
            leg.unheard = leg.unheard.saturating_add(lost_before).saturating_add(1);
            return leg.receiver.count_drop(reason);
        }
        self.open_paths(PathReason::OtherInput);
        if let Some((_, mut ears)) = bridge::split(&mut self.legs, index, self.recording.as_mut()) {
            let heard = ears.hear(packet, lost_before, now, outbox);
            debug_assert!(heard.is_ok(), "it is what the ways are for now");
        }
    }
}

/// An agreement is told; a peer's change of codec, which may come ten times a second, only to who debugs.
fn note_opened(reason: PathReason, from: CodecId, to: CodecId, transcoded: bool) {
    let (from, to) = (from.encoding_name(), to.encoding_name());
    match reason {
        PathReason::Agreed => info!(from, to, transcoded, "path opened"),
        PathReason::OtherInput => debug!(from, to, transcoded, "path opened"),
    }
}
