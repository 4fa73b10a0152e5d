//! A player with an encoder behind it, paced by the clock.

use std::time::{Duration, Instant};

use webtrunk_codecs::{Encoder, EncoderConfig};

use super::limits::PAYLOAD_MAX;
use super::player::Player;
use super::sender::SendAgreement;

/// Longest frame: 60 ms at 16 kHz, the highest rate that is played.
const FRAME_MAX: usize = 960;

/// A player is at most this late before frames are left out, not sent in a burst.
const LATENESS_MAX: Duration = Duration::from_millis(100);

/// What is played, by a name that whoever plays it gives: its end may be told after something else began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PlaybackId(pub u32);

impl PlaybackId {
    /// Of what has no end that could be told.
    pub const ENDLESS: Self = Self(0);
}

/// Plays to one leg.
pub(crate) struct Playback {
    id: PlaybackId,
    player: Player,
    encoder: Option<Open>,
    next_at: Instant,
    frame: Box<[i16; FRAME_MAX]>,
    payload: Box<[u8; PAYLOAD_MAX]>,
}

struct Open {
    encoder: Box<dyn Encoder>,
    samples: usize,
    ticks: u32,
    period: Duration,
    agreement: SendAgreement,
}

impl Playback {
    pub(crate) fn new(id: PlaybackId, player: Player, now: Instant) -> Self {
        Self {
            id,
            player,
            encoder: None,
            next_at: now,
            frame: Box::new([0; FRAME_MAX]),
            payload: Box::new([0; PAYLOAD_MAX]),
        }
    }

    /// Makes the encoder for what was agreed; one that fits already is kept.
    pub(crate) fn open(&mut self, agreement: &SendAgreement, config: &EncoderConfig) {
        if self.encoder.as_ref().is_some_and(|open| open.agreement == *agreement) {
            return;
        }
        let rate = self.player.sample_rate();
        let clock = agreement.codec.clock_rate();
        let mut config = agreement.encoder_config(config);
        // What is played is to be heard, its softest notes too.
        config.opus.dtx &= self.player.is_silent();
        self.encoder = webtrunk_codecs::encoder(agreement.codec, rate, &config).ok().map(|encoder| Open {
            encoder,
            samples: rate.samples_in_ms(agreement.ptime_ms),
            ticks: clock.hz() / 1000 * agreement.ptime_ms,
            period: Duration::from_millis(u64::from(agreement.ptime_ms)),
            agreement: *agreement,
        });
    }

    /// Its name.
    pub(crate) const fn id(&self) -> PlaybackId {
        self.id
    }

    /// Leaves out the frames that would be too late; whether there were such.
    pub(crate) fn skip(&mut self, now: Instant) -> bool {
        let is_stale = self.encoder.is_some() && now.saturating_duration_since(self.next_at) > LATENESS_MAX;
        if is_stale {
            self.next_at = now;
        }
        is_stale
    }

    /// Hands every frame that is due to `send`, with its length in ticks, without a byte where it is of no use; false
    /// when the source is over.
    pub(crate) fn handle_timeout(
        &mut self,
        now: Instant,
        may_send: bool,
        mut send: impl FnMut(&[u8], u32),
    ) -> bool {
        let Some(open) = &mut self.encoder else { return true };
        while self.next_at <= now {
            let frame = &mut self.frame[..open.samples];
            if !self.player.pull(frame) {
                return false;
            }
            if !may_send {
                send(&[], open.ticks);
            } else if let Ok(length) = open.encoder.encode(frame, &mut self.payload[..]) {
                // Silence that need not be sent is a payload without a byte.
                let is_silence = open.encoder.is_silence(&self.payload[..length]);
                send(&self.payload[..if is_silence { 0 } else { length }], open.ticks);
            }
            self.next_at += open.period;
        }
        true
    }

    /// The encoder, once there is one.
    pub(crate) fn encoder(&mut self) -> Option<&mut dyn Encoder> {
        Some(self.encoder.as_mut()?.encoder.as_mut())
    }

    /// When the next frame is due.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.encoder.as_ref().map(|_| self.next_at)
    }
}
