//! What a jitter buffer may be told.

use std::time::Duration;

/// Bounds of the delay, and the memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JitterConfig {
    /// The delay that playing begins with, until arrivals have taught another.
    pub delay_initial: Duration,
    /// The least delay aimed for. One 20 ms frame is the least that survives a swap of two packets.
    pub delay_min: Duration,
    /// The most that a packet waits; what would have to wait longer is dropped. ITU-T G.114 calls
    /// 150 ms comfortable for the whole way; behind a burst a little more is better than holes.
    pub delay_max: Duration,
    /// Bytes of the ring. 16 KiB hold 1.7 s of G.711 at 20 ms, or 0.4 s of linear wide band.
    pub ring_bytes: usize,
}

impl Default for JitterConfig {
    fn default() -> Self {
        Self {
            delay_initial: Duration::from_millis(40),
            delay_min: Duration::from_millis(20),
            delay_max: Duration::from_millis(160),
            ring_bytes: 16 * 1024,
        }
    }
}
