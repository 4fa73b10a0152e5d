//! How packets are lost: how many, how many in a row, and in what bursts.
//!
//! Two questions are asked of the same sequence. The E-model wants to know how much longer runs of
//! lost packets are than chance would make them (BurstR, G.107 7.5). RFC 3611 4.7.2 wants bursts: the
//! longest stretches that begin and end with a loss and have fewer than 16 packets in a row received.
//!
//! ```text
//! ..x.....................x.x..xx....x...............................x..
//!   |                     '---burst--'                               |
//!   '------------- gaps, with single losses in them -----------------'
//! ```

/// Packets in a row that end a burst, as RFC 3611 4.7.2 recommends.
pub(super) const GAP_MIN: u64 = 16;

/// The E-model knows BurstR up to 8 (G.107 table 3).
const BURST_RATIO_MAX: f32 = 8.0;

/// The losses of one stream, in the order of its packets.
#[derive(Debug, Clone, Default)]
pub struct LossRuns {
    packets: u64,
    lost: u64,
    /// Runs of lost packets.
    runs: u64,
    was_lost: bool,
    /// From the first loss of what may be a burst to its last.
    cluster: Option<Cluster>,
    bursts: u64,
    burst: Share,
    gap: Share,
}

#[derive(Debug, Clone, Copy)]
struct Cluster {
    share: Share,
    /// Packets received since its last loss.
    received_since: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Share {
    packets: u64,
    lost: u64,
}

/// The figures of a stretch of a stream.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LossFigures {
    /// Packets, received or lost.
    pub packets: u64,
    /// Lost of them, 0..=1.
    pub loss: f32,
    /// How many times longer runs of lost packets are than by chance, 1..=8.
    pub burst_ratio: f32,
    /// Lost within bursts, 0..=1.
    pub burst_density: f32,
    /// Lost within gaps, 0..=1.
    pub gap_density: f32,
    /// Mean length of bursts, in packets.
    pub burst_packets: f32,
    /// Mean length of gaps, in packets.
    pub gap_packets: f32,
}

impl LossRuns {
    /// The next packet came.
    pub fn handle_received(&mut self) {
        self.packets += 1;
        self.was_lost = false;
        let Some(cluster) = &mut self.cluster else {
            self.gap.packets += 1;
            return;
        };
        cluster.received_since += 1;
        if cluster.received_since >= GAP_MIN {
            let cluster = *cluster;
            self.close(cluster);
        }
    }

    /// The next packet did not come, or not in time.
    pub fn handle_lost(&mut self) {
        self.packets += 1;
        self.lost += 1;
        self.runs += u64::from(!std::mem::replace(&mut self.was_lost, true));
        let before = self.cluster.map_or(Share::default(), |cluster| Share {
            packets: cluster.share.packets + cluster.received_since,
            lost: cluster.share.lost,
        });
        let share = Share { packets: before.packets + 1, lost: before.lost + 1 };
        self.cluster = Some(Cluster { share, received_since: 0 });
    }

    /// Packets so far, received or lost.
    #[must_use]
    pub const fn packets(&self) -> u64 {
        self.packets
    }

    /// The figures so far.
    #[must_use]
    pub fn figures(&self) -> LossFigures {
        let mut closed = self.clone();
        if let Some(cluster) = self.cluster {
            closed.close(cluster);
        }
        let loss = share_of(self.lost, self.packets);
        let mean_run = if self.runs == 0 { 1.0 } else { share_of(self.lost, self.runs) };
        LossFigures {
            packets: self.packets,
            loss,
            burst_ratio: (mean_run * (1.0 - loss)).clamp(1.0, BURST_RATIO_MAX),
            burst_density: share_of(closed.burst.lost, closed.burst.packets),
            gap_density: share_of(closed.gap.lost, closed.gap.packets),
            burst_packets: share_of(closed.burst.packets, closed.bursts),
            gap_packets: share_of(closed.gap.packets, closed.bursts + 1),
        }
    }

    /// A stretch of losses is over: it was a burst, or one loss in a gap.
    fn close(&mut self, cluster: Cluster) {
        if cluster.share.lost > 1 {
            self.bursts += 1;
            self.burst.add(cluster.share);
        } else {
            self.gap.add(cluster.share);
        }
        self.gap.packets += cluster.received_since;
        self.cluster = None;
    }
}

impl Share {
    const fn add(&mut self, other: Self) {
        self.packets += other.packets;
        self.lost += other.lost;
    }
}

fn share_of(part: u64, whole: u64) -> f32 {
    if whole == 0 { 0.0 } else { part as f32 / whole as f32 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The figures of a sequence in which `x` is lost.
    fn figures(sequence: &str) -> LossFigures {
        let mut runs = LossRuns::default();
        for packet in sequence.chars() {
            if packet == 'x' { runs.handle_lost() } else { runs.handle_received() }
        }
        runs.figures()
    }

    #[test]
    fn bursts_and_gaps_are_those_of_rfc_3611() {
        let gap = ".".repeat(16);
        let figures = figures(&format!("{gap}x{gap}x.x..xx...x{gap}x{gap}"));
        assert_eq!(figures.packets, 16 * 4 + 2 + 11);
        assert_eq!((figures.burst_packets, figures.burst_density), (11.0, 5.0 / 11.0));
        assert_eq!((figures.gap_packets, figures.gap_density), (33.0, 2.0 / 66.0));
        assert_eq!(figures.loss, 7.0 / 77.0);
    }

    #[test]
    fn a_burst_that_has_not_ended_counts() {
        let figures = figures(&format!("{}xxx", ".".repeat(100)));
        assert_eq!((figures.burst_packets, figures.burst_density), (3.0, 1.0));
        assert_eq!(figures.gap_packets, 50.0, "the gap before it, and the one behind it, still empty");
    }

    #[test]
    fn burst_ratio_is_one_by_chance_and_grows_with_the_runs() {
        assert_eq!(figures("").burst_ratio, 1.0);
        assert_eq!(figures(&".".repeat(100)).burst_ratio, 1.0);
        let mut random = 1_u32;
        let by_chance: String = (0..100_000)
            .map(|_| {
                random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                if random >> 16 < 6554 { 'x' } else { '.' }
            })
            .collect();
        let ratio = figures(&by_chance).burst_ratio;
        assert!((1.0..1.05).contains(&ratio), "{ratio}");
        let threes = figures(&"xxx...........................".repeat(1000));
        assert!((threes.burst_ratio - 2.7).abs() < 0.01, "{threes:?}");
    }

    proptest! {
        #[test]
        fn every_packet_is_in_a_burst_or_in_a_gap(lost in prop::collection::vec(prop::bool::weighted(0.1), 0..500)) {
            let mut runs = LossRuns::default();
            for is_lost in &lost {
                if *is_lost { runs.handle_lost() } else { runs.handle_received() }
            }
            if let Some(cluster) = runs.cluster {
                runs.close(cluster);
            }
            prop_assert_eq!(runs.burst.packets + runs.gap.packets, lost.len() as u64);
            prop_assert_eq!(runs.burst.lost + runs.gap.lost, runs.lost);
        }
    }
}
