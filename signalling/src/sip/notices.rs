//! What the log says of an address once in a while, however often it comes: sources can be forged, and whoever forges
//! them would write the log full.
//!
//! Unlike [`LogLines`](crate::log_lines::LogLines), which tell each minute how often a wrong came again, this is for hints
//! that an operator reads once: they say what to configure, and neither count nor go on.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::auth::limits::counted_as;

/// How long an address of which something was said is not told of again. Chosen by us: who looks for a fault finds the
/// line, and who has no fault is not bothered by it.
const WHILE: Duration = Duration::from_secs(600);

/// Most addresses of which something is said within [`WHILE`].
const TOLD_MAX: usize = 20;

/// The addresses of which something was said lately.
#[derive(Debug, Default)]
pub(super) struct Notices {
    told: VecDeque<(Instant, IpAddr)>,
}

impl Notices {
    /// Whether something is to be said of this address now; from then on it is told.
    pub(super) fn is_due(&mut self, address: IpAddr, now: Instant) -> bool {
        let address = counted_as(address);
        while self.told.front().is_some_and(|(at, _)| now.duration_since(*at) >= WHILE) {
            self.told.pop_front();
        }
        let is_due = self.told.len() < TOLD_MAX && self.told.iter().all(|(_, known)| *known != address);
        if is_due {
            self.told.push_back((now, address));
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn an_address_is_told_of_once_a_while_and_forged_ones_fill_no_log() {
        let mut notices = Notices::default();
        let start = Instant::now();
        let address = |number| IpAddr::from(Ipv4Addr::from_bits(number));
        assert!(notices.is_due(address(0), start));
        assert!(!notices.is_due(address(0), start + WHILE - Duration::from_millis(1)));
        assert!(notices.is_due(address(0), start + WHILE));
        let told = (0..1000).filter(|number| notices.is_due(address(*number), start + WHILE)).count();
        assert_eq!(told, TOLD_MAX - 1, "one of them was told of before");
        assert!(notices.is_due(address(999), start + 2 * WHILE));
    }
}
