//! The VoIP metrics of an extended report (RFC 3611 4.7): how one voice stream was received.

use super::u32_at;
use crate::rtp::Ssrc;

/// The block as it stands on the wire. Where the RFC has a number for "not known", so has the field:
/// 127 for levels, R factors and opinion scores, 0 for the round trip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VoipMetrics {
    /// The stream.
    pub ssrc: Ssrc,
    /// Lost on the way, in 1/256 of the packets since the beginning.
    pub loss_rate: u8,
    /// Came too late or too early to be played, in 1/256.
    pub discard_rate: u8,
    /// Lost or discarded within bursts, in 1/256 of the packets in them.
    pub burst_density: u8,
    /// Lost or discarded within the gaps between bursts, in 1/256.
    pub gap_density: u8,
    /// Mean length of a burst in milliseconds.
    pub burst_duration_ms: u16,
    /// Mean length of a gap in milliseconds.
    pub gap_duration_ms: u16,
    /// The way there and back in milliseconds; 0 if not known.
    pub round_trip_delay_ms: u16,
    /// What the receiver adds, its jitter buffer included, in milliseconds.
    pub end_system_delay_ms: u16,
    /// Level of the speech in dBm0, -127..=0; 127 if not known.
    pub signal_level_dbm0: i8,
    /// Level of the noise in dBm0; 127 if not known.
    pub noise_level_dbm0: i8,
    /// Residual echo return loss in dB; 127 if not known.
    pub echo_return_loss_db: u8,
    /// Packets in a row that end a burst; 16 is recommended.
    pub gap_min: u8,
    /// R factor of the call, 0..=100; 127 if not known.
    pub r_factor: u8,
    /// R factor of another network beyond this; 127 if not known.
    pub external_r_factor: u8,
    /// Listening quality, ten times the opinion score; 127 if not known.
    pub mos_lq_10: u8,
    /// Conversational quality, ten times the opinion score; 127 if not known.
    pub mos_cq_10: u8,
    /// How loss is concealed and what kind of jitter buffer there is.
    pub receiver: ReceiverConfig,
    /// Delay of the jitter buffer now, in milliseconds.
    pub jitter_buffer_nominal_ms: u16,
    /// The longest that a packet of this call was delayed by it, in milliseconds.
    pub jitter_buffer_max_ms: u16,
    /// The longest that it could, in milliseconds.
    pub jitter_buffer_abs_max_ms: u16,
}

/// The receiver configuration byte (RFC 3611 4.7.6): two bits of concealment, two of the jitter
/// buffer's kind, four of its rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReceiverConfig(pub u8);

impl ReceiverConfig {
    /// Standard concealment, a jitter buffer that adapts, its rate not told.
    pub const ADAPTIVE: Self = Self(0b1111_0000);

    /// Losses become silence; a jitter buffer that adapts.
    pub const ADAPTIVE_WITHOUT_CONCEALMENT: Self = Self(0b0111_0000);
}

impl VoipMetrics {
    /// The number of a level, an R factor or a score that is not known.
    pub const UNKNOWN: u8 = 127;

    /// Bytes of the block behind its header.
    pub(super) const LEN: usize = 32;

    pub(super) fn read(bytes: &[u8; Self::LEN]) -> Self {
        let u16_at = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
        Self {
            ssrc: Ssrc(u32_at(bytes, 0)),
            loss_rate: bytes[4],
            discard_rate: bytes[5],
            burst_density: bytes[6],
            gap_density: bytes[7],
            burst_duration_ms: u16_at(8),
            gap_duration_ms: u16_at(10),
            round_trip_delay_ms: u16_at(12),
            end_system_delay_ms: u16_at(14),
            signal_level_dbm0: bytes[16].cast_signed(),
            noise_level_dbm0: bytes[17].cast_signed(),
            echo_return_loss_db: bytes[18],
            gap_min: bytes[19],
            r_factor: bytes[20],
            external_r_factor: bytes[21],
            mos_lq_10: bytes[22],
            mos_cq_10: bytes[23],
            receiver: ReceiverConfig(bytes[24]),
            jitter_buffer_nominal_ms: u16_at(26),
            jitter_buffer_max_ms: u16_at(28),
            jitter_buffer_abs_max_ms: u16_at(30),
        }
    }

    pub(super) fn write_to(&self, out: &mut [u8; Self::LEN]) {
        out[..4].copy_from_slice(&self.ssrc.0.to_be_bytes());
        out[4..8].copy_from_slice(&[self.loss_rate, self.discard_rate, self.burst_density, self.gap_density]);
        let mut put = |at: usize, number: u16| out[at..at + 2].copy_from_slice(&number.to_be_bytes());
        put(8, self.burst_duration_ms);
        put(10, self.gap_duration_ms);
        put(12, self.round_trip_delay_ms);
        put(14, self.end_system_delay_ms);
        put(26, self.jitter_buffer_nominal_ms);
        put(28, self.jitter_buffer_max_ms);
        put(30, self.jitter_buffer_abs_max_ms);
        out[16] = self.signal_level_dbm0.cast_unsigned();
        out[17] = self.noise_level_dbm0.cast_unsigned();
        out[18..26].copy_from_slice(&[
            self.echo_return_loss_db,
            self.gap_min,
            self.r_factor,
            self.external_r_factor,
            self.mos_lq_10,
            self.mos_cq_10,
            self.receiver.0,
            0,
        ]);
    }

    /// A block with another number in each field.
    #[cfg(test)]
    pub(crate) fn example() -> Self {
        Self {
            ssrc: Ssrc(7),
            loss_rate: 12,
            discard_rate: 3,
            burst_density: 128,
            gap_density: 2,
            burst_duration_ms: 140,
            gap_duration_ms: 9000,
            round_trip_delay_ms: 85,
            end_system_delay_ms: 62,
            signal_level_dbm0: -19,
            noise_level_dbm0: -60,
            echo_return_loss_db: Self::UNKNOWN,
            gap_min: 16,
            r_factor: 88,
            external_r_factor: Self::UNKNOWN,
            mos_lq_10: 42,
            mos_cq_10: 41,
            receiver: ReceiverConfig::ADAPTIVE,
            jitter_buffer_nominal_ms: 40,
            jitter_buffer_max_ms: 90,
            jitter_buffer_abs_max_ms: 160,
        }
    }
}
