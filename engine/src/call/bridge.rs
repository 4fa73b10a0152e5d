//! Who hears whom: the ears of everyone else, and of the speaker where it hears itself (echo).

use std::time::Instant;

use crate::LegId;
use crate::leg::{Leg, LegParts, LegTransport};
use crate::media::{Heard, HeardKind, Hears, Listening, Overheard, Receiver, Sender, Side};
use crate::net::Outbox;
use crate::rtp::RtpPacket;
use crate::sdp::{PayloadFormat, Receivable};
use webtrunk_codecs::CodecId;

use super::recording::Recording;

/// Everyone who may hear a speaker.
pub(super) struct Ears<'a> {
    speaker: LegId,
    /// What the speaker sends, of all that it may.
    codec: Option<CodecId>,
    receivable: &'a [Receivable],
    before: &'a mut [Leg],
    after: &'a mut [Leg],
    own: (&'a mut Sender, &'a mut LegTransport),
    listening: Option<&'a mut Listening>,
    /// Packets that are missing before the next one because they were refused.
    unheard: &'a mut u32,
    recording: Option<&'a mut Recording>,
}

/// The packet is of another codec than those before it, for which the ways to the ears are: nobody has heard it.
#[derive(Debug, Clone, Copy)]
pub(super) struct OtherCodec(pub(super) CodecId);

/// Splits the legs of a call into the speaker's receiving half and everyone's ears.
pub(super) fn split<'a>(
    legs: &'a mut [Leg],
    speaker: usize,
    recording: Option<&'a mut Recording>,
) -> Option<(&'a mut Receiver, Ears<'a>)> {
    let (before, rest) = legs.split_at_mut_checked(speaker)?;
    let (speaking, after) = rest.split_first_mut()?;
    let speaker = speaking.id();
    let LegParts { receiver, sender, transport, listening, receivable, unheard } = speaking.parts();
    let codec = receiver.codec();
    let own = (sender, transport);
    Some((receiver, Ears { speaker, codec, receivable, before, after, own, listening, unheard, recording }))
}

impl Ears<'_> {
    /// Everyone who hears the speaker gets one packet of its voice, or of its pause, and it is judged.
    ///
    /// # Errors
    /// [`OtherCodec`].
    pub(super) fn hear(
        &mut self,
        packet: &[u8],
        lost_before: u32,
        now: Instant,
        outbox: &mut Outbox,
    ) -> Result<(), OtherCodec> {
        let Ok(packet) = RtpPacket::parse(packet) else { return Ok(()) };
        let kind = match Receivable::format_in(self.receivable, packet.payload_type()) {
            Some(PayloadFormat::Codec(codec)) if self.codec != Some(codec) => return Err(OtherCodec(codec)),
            Some(PayloadFormat::Codec(_)) => HeardKind::Voice,
            Some(PayloadFormat::ComfortNoise(_)) => HeardKind::Noise,
            Some(PayloadFormat::TelephoneEvent(_)) | None => {
                if let Some(listening) = &mut self.listening {
                    listening.handle_event(lost_before);
                }
                return Ok(());
            }
        };
        let lost_before = lost_before.saturating_add(std::mem::take(self.unheard));
        let heard = Heard {
            kind,
            payload: packet.payload(),
            timestamp: packet.timestamp(),
            marker: packet.marker(),
            lost_before,
        };
        let mut overheard = Overheard::default();
        if let (Some(recording), Some(codec)) = (&mut self.recording, self.codec)
            && kind == HeardKind::Voice
            && let Some(side) = recording.side_of(self.speaker, self.before.iter().chain(self.after.iter()))
        {
            recording.hear(side, codec, heard, now);
            if side == Side::Left && is_heard_by(&self.own.0.hears, self.speaker) {
                recording.hear(Side::Right, codec, heard, now);
            }
        }
        for listener in self.before.iter_mut().chain(self.after.iter_mut()) {
            let (_, sender, transport, _) = listener.halves();
            overheard = overheard.or(hear_one(self.speaker, sender, transport, heard, now, outbox));
        }
        let (sender, transport) = &mut self.own;
        overheard = overheard.or(hear_one(self.speaker, sender, transport, heard, now, outbox));
        if let Some(listening) = &mut self.listening {
            listening.note_repaired(overheard);
            match kind {
                HeardKind::Voice => listening.handle_voice(heard.payload, lost_before, overheard, now),
                HeardKind::Noise => listening.handle_noise(lost_before, now),
            }
        }
        Ok(())
    }
}

fn hear_one(
    speaker: LegId,
    sender: &mut Sender,
    transport: &mut LegTransport,
    heard: Heard<'_>,
    now: Instant,
    outbox: &mut Outbox,
) -> Overheard {
    if is_heard_by(&sender.hears, speaker) {
        sender.hear(heard, now, transport, outbox)
    } else {
        Overheard::default()
    }
}

fn is_heard_by(hears: &Hears, speaker: LegId) -> bool {
    matches!(hears, Hears::Leg { from, .. } if *from == speaker)
}
