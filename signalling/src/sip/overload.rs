//! Overload control towards neighbours that offer it (RFC 7339): what of their calls they are to keep back, so that it need not be
//! refused here. It is told in the Via of their requests, which every response takes over and nobody but them gets to read.
//!
//! ```text
//!          a second in which calls were refused
//!  Calm ----------------------------------------> Restrained --.  each other such second: less of what it lets through
//!    ^                                             |     ^     |  each second without: a tenth more
//!    '---- ten seconds without, or it was silent --'     '-----'
//!          for as long as what it was told holds
//! ```
//!
//! | chosen, of what `oc-algo` offers | `oc` | calm |
//! |---|---|---|
//! | `rate` (RFC 7415) | calls that it may send in a second | `oc=0;oc-validity=0` |
//! | else `loss` | percent that it is to keep back of what it would send | `oc=0;oc-validity=0` |

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant, UNIX_EPOCH};

use super::message::Via;
use crate::moment::Moment;

/// How long what is told holds. Chosen by us: a neighbour of few calls hears of the next second before this one is forgotten, which
/// it would not within the 500 ms that hold where nothing is said (RFC 7339 4.3).
const VALIDITY: Duration = Duration::from_secs(3);

/// Refusals are counted so long before anything is told otherwise.
const SECOND: Duration = Duration::from_secs(1);

/// So many seconds without a refusal, and nothing has to be kept back.
const QUIET_SECONDS: u32 = 10;

/// So much is let through at least, in thousandths: a neighbour that sends nothing hears nothing either.
const PASSES_MIN: u64 = 50;

/// Neighbours that are known at one time. Chosen by us: trunks' networks have more addresses than neighbours, and over UDP each of
/// them can be forged.
const NEIGHBOURS_MAX: usize = 1000;

/// What all neighbours are told that offer to listen.
#[derive(Debug, Default)]
pub(super) struct OverloadControl {
    neighbours: HashMap<IpAddr, Neighbour>,
    /// When numbers began, by the clock that they are taken from.
    began: Option<Moment>,
    number: u64,
}

#[derive(Debug)]
struct Neighbour {
    /// Since then is counted.
    since: Instant,
    offered: u64,
    refused: u64,
    restraint: Option<Restraint>,
    told_at: Instant,
}

#[derive(Debug, Clone, Copy)]
struct Restraint {
    /// How much of what it would send it may, in thousandths.
    passes: u64,
    /// How many calls it may send in a second.
    rate: u64,
    /// Seconds without a refusal.
    quiet: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Algorithm {
    Loss,
    Rate,
}

/// Whether the hop offers to listen: it says no value of its own. Where its branch is no name (RFC 2543) the whole Via is that of its
/// transaction, and has to stay as it is.
pub(super) fn is_offered(via: &Via) -> bool {
    via.unique_branch().is_some() && via.params.has("oc") && via.params.get("oc").is_none()
}

/// Whether it was told.
pub(super) fn is_told(via: &Via) -> bool {
    via.params.get("oc").is_some() && via.params.get("oc-seq").is_some()
}

/// How many octets longer what is told has made a Via, or a few more.
pub(super) fn octets_told(via: &Via) -> usize {
    if !is_told(via) {
        return 0;
    }
    let value = |name: &str| via.params.get(name).map_or(0, str::len);
    let added = |name: &str| ";=".len() + name.len() + value(name);
    "=".len() + value("oc") + ["oc-algo", "oc-validity", "oc-seq"].map(added).iter().sum::<usize>()
}

impl OverloadControl {
    /// Takes its numbers from this moment on, so that they are higher than those before a restart.
    pub(super) fn begin(&mut self, at: Moment) {
        self.began = Some(at);
    }

    /// Tells a neighbour that offers it by its Via; whether it does, for there may be too many.
    pub(super) fn tell(&mut self, via: &mut Via, neighbour: IpAddr, now: Instant) -> bool {
        let neighbour = neighbour.to_canonical();
        if !self.neighbours.contains_key(&neighbour) && self.neighbours.len() >= NEIGHBOURS_MAX {
            self.neighbours.retain(|_, known| !known.has_forgotten(now));
            if self.neighbours.len() >= NEIGHBOURS_MAX {
                return false;
            }
        }
        let known = self.neighbours.entry(neighbour).or_insert_with(|| Neighbour::new(now));
        known.look(now);
        let algorithm = Algorithm::chosen(via);
        let (value, validity) = known.told(algorithm);
        let number = self.number(now);
        let params = &mut via.params;
        params.set("oc", Some(&value.to_string()));
        params.set("oc-algo", Some(algorithm.quoted()));
        params.set("oc-validity", Some(&validity.as_millis().to_string()));
        params.set("oc-seq", Some(&format!("{}.{:05}", number / TICKS, number % TICKS)));
        true
    }

    /// A neighbour offers a call. Nothing is kept of those that were told nothing.
    pub(super) fn offered(&mut self, neighbour: IpAddr) {
        if let Some(known) = self.neighbours.get_mut(&neighbour.to_canonical()) {
            known.offered += 1;
        }
    }

    /// There was no room for it; whether it is one of those that are told.
    pub(super) fn refused(&mut self, neighbour: IpAddr) -> bool {
        let Some(known) = self.neighbours.get_mut(&neighbour.to_canonical()) else { return false };
        known.refused += 1;
        true
    }

    /// A higher number than all before (RFC 7339 4.4): the time, as the RFC has it, by a clock that nobody sets back.
    fn number(&mut self, now: Instant) -> u64 {
        let began = *self.began.get_or_insert(Moment { now, wall: UNIX_EPOCH });
        let wall = began.wall + now.saturating_duration_since(began.now);
        let since = wall.duration_since(UNIX_EPOCH).unwrap_or_default();
        let ticks = since.as_secs() * TICKS + u64::from(since.subsec_micros() / 10);
        self.number = ticks.max(self.number + 1);
        self.number
    }
}

/// Numbers of a second: there are five digits for parts of it.
const TICKS: u64 = 100_000;

impl Neighbour {
    const fn new(now: Instant) -> Self {
        Self { since: now, offered: 0, refused: 0, restraint: None, told_at: now }
    }

    /// Whether what it was told last does not hold any more, so that it sends all that it has.
    fn has_forgotten(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.told_at) > VALIDITY
    }

    /// Something is about to be told.
    fn look(&mut self, now: Instant) {
        if self.has_forgotten(now) {
            *self = Self::new(now);
        }
        self.told_at = now;
        let passed = now.saturating_duration_since(self.since);
        if passed < SECOND {
            return;
        }
        self.restraint = if self.refused > 0 {
            Some(self.restrained(passed))
        } else {
            self.restraint.and_then(Restraint::eased)
        };
        (self.since, self.offered, self.refused) = (now, 0, 0);
    }

    /// What it is to be told when calls of it were refused for so long.
    fn restrained(&self, passed: Duration) -> Restraint {
        let begun = self.offered.saturating_sub(self.refused);
        let passes = self.restraint.map_or(1000, |before| before.passes);
        let ms = u64::try_from(passed.as_millis()).unwrap_or(u64::MAX).max(1);
        Restraint {
            // Of what it would send only this part came.
            passes: (passes * begun / self.offered.max(1)).max(PASSES_MIN),
            rate: (begun * 1000 / ms).max(1),
            quiet: 0,
        }
    }

    fn told(&self, algorithm: Algorithm) -> (u64, Duration) {
        match (self.restraint, algorithm) {
            (None, _) => (0, Duration::ZERO),
            (Some(restraint), Algorithm::Loss) => ((1000 - restraint.passes).div_ceil(10), VALIDITY),
            (Some(restraint), Algorithm::Rate) => (restraint.rate, VALIDITY),
        }
    }
}

impl Restraint {
    /// After a second without a refusal; `None` when it is over.
    fn eased(self) -> Option<Self> {
        let kept_back = 1000 - self.passes;
        let eased = Self {
            passes: self.passes + kept_back.div_ceil(10),
            rate: self.rate + self.rate.div_ceil(10),
            quiet: self.quiet + 1,
        };
        (eased.quiet < QUIET_SECONDS).then_some(eased)
    }
}

impl Algorithm {
    /// Every neighbour knows `loss` (RFC 7339 4.2), said or not; by `rate` it need not know what it would send.
    fn chosen(via: &Via) -> Self {
        let offered = via.params.get("oc-algo").unwrap_or_default().trim_matches('"');
        let has_rate = offered.split(',').any(|name| name.trim_ascii().eq_ignore_ascii_case("rate"));
        if has_rate { Self::Rate } else { Self::Loss }
    }

    const fn quoted(self) -> &'static str {
        match self {
            Self::Loss => "\"loss\"",
            Self::Rate => "\"rate\"",
        }
    }
}

#[cfg(test)]
mod tests;
