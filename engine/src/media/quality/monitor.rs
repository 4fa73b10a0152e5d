//! The quality of one direction of a call: live, at its end, and as the peer is told.

use std::time::Duration;

use super::codec_impairment::{CodecImpairment, Repair};
use super::e_model::{EModelInput, Rating};
use super::loss_runs::{GAP_MIN, LossFigures, LossRuns};
use super::speech_level::SpeechLevel;
use crate::rtp::Ssrc;
use crate::rtp::rtcp::{ReceiverConfig, VoipMetrics};

/// 0 dBm0 below full scale of G.711, in dBov: a sine of full scale is 3.14 dBm0 and -3.01 dBov.
const DBM0_ABOVE_DBOV: f32 = 6.15;

/// What became of a packet, in the order in which they were sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fate {
    /// It was played.
    Played,
    /// It was lost and restored from redundancy: nobody heard it missing.
    Recovered,
    /// It never came.
    Lost,
}

/// The parts of the way from mouth to ear that we know.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Delays {
    /// There and back, by RTCP; `None` if never measured.
    pub round_trip: Option<Duration>,
    /// What the jitter buffer adds now.
    pub jitter_buffer: Duration,
    /// The longest that it may add.
    pub jitter_buffer_max: Duration,
    /// A packet's length and the codec's look-ahead, on both ends.
    pub codec: Duration,
}

/// The quality of a stretch of a call.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quality {
    /// How it was to talk.
    pub conversation: Rating,
    /// How it was to listen.
    pub listening: Rating,
    /// Share of packets that were heard missing, 0..=1.
    pub loss: f32,
    /// From mouth to ear, one way, as far as we know.
    pub delay: Duration,
}

/// Follows one received stream.
#[derive(Debug, Clone)]
pub struct QualityMonitor {
    codec: CodecImpairment,
    /// Every packet of the call that was heard missing.
    heard: LossRuns,
    /// The same, since the last live figure.
    lately: LossRuns,
    /// As the network brought them, for the peer.
    network: LossRuns,
    lost: u64,
    discarded: u64,
    delays: Delays,
    longest_buffer: Duration,
    /// Means over the call, weighed by packets.
    delay_sum: Duration,
    delay_packets: u32,
    speech: SpeechLevel,
}

impl QualityMonitor {
    /// A monitor of a stream of which nothing came yet.
    #[must_use]
    pub fn new(codec: CodecImpairment) -> Self {
        Self {
            codec,
            heard: LossRuns::default(),
            lately: LossRuns::default(),
            network: LossRuns::default(),
            lost: 0,
            discarded: 0,
            delays: Delays::default(),
            longest_buffer: Duration::ZERO,
            delay_sum: Duration::ZERO,
            delay_packets: 0,
            speech: SpeechLevel::default(),
        }
    }

    /// The same, where only one frame of sound in so many is heard.
    #[must_use]
    pub fn hearing_one_in(self, frames: u8) -> Self {
        Self { speech: SpeechLevel::of_one_in(frames), ..self }
    }

    /// Goes on with another codec.
    pub fn set_codec(&mut self, codec: CodecImpairment) {
        self.codec = codec;
    }

    /// Notes what is known of the way now; it counts for the packets that follow.
    pub fn set_delays(&mut self, delays: Delays) {
        self.delays = delays;
        self.longest_buffer = self.longest_buffer.max(delays.jitter_buffer);
    }

    /// Counts the next packet.
    pub fn handle_packet(&mut self, fate: Fate) {
        let is_heard_missing = fate == Fate::Lost;
        for runs in [&mut self.heard, &mut self.lately] {
            if is_heard_missing { runs.handle_lost() } else { runs.handle_received() }
        }
        if fate == Fate::Played {
            self.network.handle_received()
        } else {
            self.network.handle_lost()
        }
        self.lost += u64::from(matches!(fate, Fate::Lost | Fate::Recovered));
        // After 2^32 packets, in 2.7 years, the mean stays what it was.
        if let Some(packets) = self.delay_packets.checked_add(1) {
            self.delay_packets = packets;
            self.delay_sum += self.delays.mouth_to_ear();
        }
    }

    /// A packet that was counted as lost came after all, too late.
    pub fn handle_late(&mut self) {
        if let Some(lost) = self.lost.checked_sub(1) {
            self.lost = lost;
            self.discarded += 1;
        }
    }

    /// Hears a frame by its level in dBov; returns whether it is speech.
    pub fn handle_level(&mut self, level_dbov: f32) -> bool {
        self.speech.hear_level(level_dbov)
    }

    /// The level of the speech so far in dBm0; `None` if none was heard.
    #[must_use]
    pub fn speech_dbm0(&self) -> Option<f32> {
        self.speech.speech_dbov().map(|level| level + DBM0_ABOVE_DBOV)
    }

    /// Packets so far, whatever became of them.
    #[must_use]
    pub fn packets(&self) -> u64 {
        self.heard.packets()
    }

    /// The quality since this was last asked, for a figure that moves; the whole call's if nothing came.
    pub fn take_live(&mut self) -> Quality {
        let lately = std::mem::take(&mut self.lately).figures();
        let figures = if lately.packets == 0 { self.heard.figures() } else { lately };
        self.judge(&figures, self.delays.mouth_to_ear())
    }

    /// The quality of the whole call so far.
    #[must_use]
    pub fn total(&self) -> Quality {
        let delay = self.delay_sum.checked_div(self.delay_packets).unwrap_or(self.delays.mouth_to_ear());
        self.judge(&self.heard.figures(), delay)
    }

    /// The block that tells the peer how we receive its stream, whose packets last `ptime`.
    #[must_use]
    pub fn voip_metrics(&self, ssrc: Ssrc, ptime: Duration, repair: Repair) -> VoipMetrics {
        let network = self.network.figures();
        let quality = self.total();
        // The conversion saturates.
        let time_of = |packets: f32| (ptime.as_secs_f32() * 1000.0 * packets).round() as u16;
        VoipMetrics {
            ssrc,
            loss_rate: of_256(self.lost as f32 / network.packets.max(1) as f32),
            discard_rate: of_256(self.discarded as f32 / network.packets.max(1) as f32),
            burst_density: of_256(network.burst_density),
            gap_density: of_256(network.gap_density),
            burst_duration_ms: time_of(network.burst_packets),
            gap_duration_ms: time_of(network.gap_packets),
            round_trip_delay_ms: milliseconds(self.delays.round_trip.unwrap_or_default()),
            end_system_delay_ms: milliseconds(self.delays.jitter_buffer + self.delays.codec),
            signal_level_dbm0: dbm0(self.speech.speech_dbov()),
            noise_level_dbm0: dbm0(self.speech.noise_dbov()),
            echo_return_loss_db: VoipMetrics::UNKNOWN,
            gap_min: GAP_MIN as u8,
            r_factor: quality.conversation.r.round().clamp(0.0, 100.0) as u8,
            external_r_factor: VoipMetrics::UNKNOWN,
            mos_lq_10: (quality.listening.mos * 10.0).round() as u8,
            mos_cq_10: (quality.conversation.mos * 10.0).round() as u8,
            receiver: match repair {
                Repair::Concealed => ReceiverConfig::ADAPTIVE,
                Repair::Nothing => ReceiverConfig::ADAPTIVE_WITHOUT_CONCEALMENT,
            },
            jitter_buffer_nominal_ms: milliseconds(self.delays.jitter_buffer),
            jitter_buffer_max_ms: milliseconds(self.longest_buffer),
            jitter_buffer_abs_max_ms: milliseconds(self.delays.jitter_buffer_max),
        }
    }

    fn judge(&self, figures: &LossFigures, delay: Duration) -> Quality {
        let (loss, burst_ratio) = (figures.loss, figures.burst_ratio);
        Quality::judge(EModelInput { codec: self.codec, loss, burst_ratio, delay })
    }
}

impl Quality {
    /// What the model says of `input`.
    #[must_use]
    pub fn judge(input: EModelInput) -> Self {
        let (conversation, listening) = (input.conversation(), input.listening());
        Self { conversation, listening, loss: input.loss, delay: input.delay }
    }
}

impl Delays {
    /// One way: half the round trip, the buffer, the codec.
    #[must_use]
    pub fn mouth_to_ear(&self) -> Duration {
        self.round_trip.unwrap_or_default() / 2 + self.jitter_buffer + self.codec
    }
}

fn of_256(share: f32) -> u8 {
    // The conversion saturates.
    (share * 256.0) as u8
}

fn milliseconds(time: Duration) -> u16 {
    u16::try_from(time.as_millis()).unwrap_or(u16::MAX)
}

fn dbm0(dbov: Option<f32>) -> i8 {
    dbov.map_or(VoipMetrics::UNKNOWN.cast_signed(), |level| {
        (level + DBM0_ABOVE_DBOV).round().clamp(-127.0, 0.0) as i8
    })
}

#[cfg(test)]
mod tests {
    use webtrunk_codecs::CodecId;

    use super::super::codec_impairment::Band;
    use super::super::level_dbov;
    use super::*;

    fn monitor() -> QualityMonitor {
        let codec = CodecImpairment::of(CodecId::Pcmu, Band::Narrow, Repair::Concealed);
        let mut monitor = QualityMonitor::new(codec);
        monitor.set_delays(Delays {
            round_trip: Some(Duration::from_millis(60)),
            jitter_buffer: Duration::from_millis(40),
            jitter_buffer_max: Duration::from_millis(160),
            codec: Duration::from_millis(20),
        });
        monitor
    }

    /// Packets of which every `nth` has this fate, the others being played.
    fn run(monitor: &mut QualityMonitor, packets: u32, nth: u32, fate: Fate) {
        for packet in 1..=packets {
            monitor.handle_packet(if packet % nth == 0 { fate } else { Fate::Played });
        }
    }

    #[test]
    fn live_figures_follow_and_the_final_one_remembers() {
        let mut monitor = monitor();
        run(&mut monitor, 500, 501, Fate::Lost);
        let clean = monitor.take_live();
        assert!(clean.conversation.mos > 4.3 && clean.loss == 0.0, "{clean:?}");
        assert_eq!(clean.delay, Duration::from_millis(90));
        run(&mut monitor, 500, 10, Fate::Lost);
        let lossy = monitor.take_live();
        assert!((lossy.loss - 0.1).abs() < 0.001 && lossy.conversation.mos < 3.6, "{lossy:?}");
        run(&mut monitor, 500, 501, Fate::Lost);
        let again = monitor.take_live();
        assert!(again.conversation.mos > 4.3, "{again:?}");
        let total = monitor.total();
        assert!((total.loss - 50.0 / 1500.0).abs() < 0.001, "{total:?}");
        assert!(
            lossy.conversation.mos < total.conversation.mos
                && total.conversation.mos < again.conversation.mos
        );
        assert!(total.listening.mos >= total.conversation.mos);
        assert_eq!(monitor.take_live(), total, "nothing came since");
    }

    #[test]
    fn what_was_recovered_is_not_heard_but_told_to_the_peer() {
        let (mut recovered, mut lost) = (monitor(), monitor());
        run(&mut recovered, 1000, 10, Fate::Recovered);
        run(&mut lost, 1000, 10, Fate::Lost);
        assert!(recovered.total().conversation.mos > lost.total().conversation.mos + 0.5);
        let metrics = |monitor: &QualityMonitor| {
            monitor.voip_metrics(Ssrc(7), Duration::from_millis(20), Repair::Concealed)
        };
        assert_eq!((metrics(&recovered).loss_rate, metrics(&lost).loss_rate), (25, 25));
    }

    #[test]
    fn the_peer_is_told_in_the_units_of_rfc_3611() {
        let mut monitor = monitor();
        run(&mut monitor, 1000, 500, Fate::Lost);
        (0..2).for_each(|_| monitor.handle_late());
        for _ in 0..4 {
            monitor.handle_packet(Fate::Lost);
        }
        run(&mut monitor, 1000, 1001, Fate::Lost);
        for frame in 0..200_u32 {
            let sample = if frame % 100 < 40 { 2000 } else { 20 };
            monitor.handle_level(level_dbov(&[sample, -sample]));
        }
        let metrics = monitor.voip_metrics(Ssrc(7), Duration::from_millis(20), Repair::Concealed);
        assert_eq!((metrics.loss_rate, metrics.discard_rate), (0, 0), "less than 1/256");
        // The last packet before the four was missing too: five in a row.
        assert_eq!((metrics.burst_density, metrics.burst_duration_ms), (255, 100));
        assert_eq!((metrics.gap_density, metrics.gap_duration_ms), (0, 19_990));
        assert_eq!((metrics.round_trip_delay_ms, metrics.end_system_delay_ms), (60, 60));
        assert_eq!((metrics.signal_level_dbm0, metrics.noise_level_dbm0), (-18, -58));
        assert_eq!((metrics.jitter_buffer_nominal_ms, metrics.jitter_buffer_abs_max_ms), (40, 160));
        assert!((85..=93).contains(&metrics.r_factor) && (40..=44).contains(&metrics.mos_cq_10));
        let empty = QualityMonitor::new(monitor.codec);
        let metrics = empty.voip_metrics(Ssrc(7), Duration::from_millis(20), Repair::Nothing);
        assert_eq!((metrics.signal_level_dbm0, metrics.round_trip_delay_ms, metrics.r_factor), (127, 0, 93));
    }
}
