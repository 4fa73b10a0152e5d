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

/// Whether the hop offers to listen: it says no value of its own.
pub(super) fn is_offered(via: &Via) -> bool {
    via.params.has("oc") && via.params.get("oc").is_none()
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

    /// There was no room for it.
    pub(super) fn refused(&mut self, neighbour: IpAddr) {
        if let Some(known) = self.neighbours.get_mut(&neighbour.to_canonical()) {
            known.refused += 1;
        }
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
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::sip::flow::TransportKind;

    const NEIGHBOUR: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 77));

    /// A neighbour by one algorithm, and the time.
    struct Bench {
        control: OverloadControl,
        algorithms: &'static str,
        now: Instant,
    }

    impl Bench {
        fn new(algorithms: &'static str) -> Self {
            let mut bench = Self { control: OverloadControl::default(), algorithms, now: Instant::now() };
            bench.told();
            bench
        }

        fn via(&self) -> Via {
            let host = "192.0.2.77".parse().expect("an address");
            let mut via = Via::new(TransportKind::Udp, host, None, "z9hG4bK1");
            via.params.set("oc", None);
            if !self.algorithms.is_empty() {
                via.params.set("oc-algo", Some(self.algorithms));
            }
            via
        }

        fn tell(&mut self) -> Via {
            let mut via = self.via();
            assert!(is_offered(&via) && !is_told(&via));
            assert!(self.control.tell(&mut via, NEIGHBOUR, self.now));
            assert!(!is_offered(&via) && is_told(&via));
            via
        }

        /// What it is told now: the value, and for how many milliseconds.
        fn told(&mut self) -> (u64, u64) {
            let via = self.tell();
            let number =
                |name: &str| via.params.get(name).and_then(|text| text.parse().ok()).expect("a number");
            (number("oc"), number("oc-validity"))
        }

        /// What it is told after a second with these calls.
        fn second(&mut self, offered: u64, refused: u64) -> (u64, u64) {
            (0..offered).for_each(|_| self.control.offered(NEIGHBOUR));
            (0..refused).for_each(|_| self.control.refused(NEIGHBOUR));
            self.now += SECOND;
            self.told()
        }
    }

    #[test]
    fn it_keeps_back_what_was_refused_and_each_quiet_second_a_tenth_less() {
        let mut bench = Bench::new("\"loss\"");
        assert_eq!(bench.told(), (0, 0), "there is no overload");
        assert_eq!(bench.second(100, 0), (0, 0));
        assert_eq!(bench.second(100, 50), (50, 3000));
        assert_eq!(bench.second(50, 0), (45, 3000), "it keeps to that");
        assert_eq!(bench.second(50, 10), (56, 3000), "a fifth of what it sent, and what it kept back");
        let quiet: Vec<_> = (0..10).map(|_| bench.second(50, 0).0).collect();
        assert_eq!(quiet, [51, 46, 41, 37, 33, 30, 27, 24, 22, 0]);
        assert_eq!(bench.told(), (0, 0));
    }

    #[test]
    fn it_is_told_a_rate_where_it_knows_what_that_is() {
        for algorithms in ["\"loss,rate\"", "\"rate\"", "\"rate , loss\"", "rate"] {
            let mut bench = Bench::new(algorithms);
            assert_eq!(bench.second(100, 80), (20, 3000), "{algorithms}");
            assert_eq!(bench.second(20, 0), (22, 3000));
            assert_eq!(bench.second(22, 22), (1, 3000), "never none");
            assert_eq!(bench.tell().params.get("oc-algo"), Some("\"rate\""));
        }
        for algorithms in ["", "\"loss\"", "\"loss,window\""] {
            assert_eq!(Bench::new(algorithms).tell().params.get("oc-algo"), Some("\"loss\""));
        }
    }

    #[test]
    fn who_heeds_nothing_is_never_told_to_send_nothing() {
        let mut bench = Bench::new("");
        let told: Vec<_> = (0..10).map(|_| bench.second(100, 80).0).collect();
        assert_eq!((told[0], told[1], told[9]), (80, 95, 95), "{told:?}");
    }

    #[test]
    fn after_a_silence_it_sends_all_that_it_has_and_so_it_is_taken() {
        let mut bench = Bench::new("");
        assert_eq!(bench.second(100, 50), (50, 3000));
        bench.control.offered(NEIGHBOUR);
        bench.control.refused(NEIGHBOUR);
        bench.now += VALIDITY + Duration::from_millis(1);
        assert_eq!(bench.told(), (0, 0), "nor is told of what was long ago");
    }

    /// Ten times the calls that may begin, of a neighbour that heeds what it is told: nearly all that may do begin.
    #[test]
    fn who_heeds_it_wastes_little_and_fills_what_there_is() {
        for algorithms in ["\"loss\"", "\"rate\""] {
            let mut bench = Bench::new(algorithms);
            let (mut sent, mut begun, mut may) = (0, 0, 1000);
            for _ in 0..60 {
                let (offered, taken) = (may, may.min(100));
                let (value, validity) = bench.second(offered, offered - taken);
                (sent, begun) = (sent + offered, begun + taken);
                may = match (validity, algorithms) {
                    (0, _) => 1000,
                    (_, "\"rate\"") => value.min(1000),
                    _ => 1000 * (100 - value) / 100,
                };
            }
            assert!(begun >= 5900 && sent <= 2 * begun, "{algorithms}: {begun} of {sent}");
        }
    }

    #[test]
    fn numbers_grow_with_each_response_and_over_a_restart() {
        let mut bench = Bench::new("");
        let wall = UNIX_EPOCH + Duration::from_micros(1_282_321_615_782_000);
        bench.control.begin(Moment { now: bench.now, wall });
        let number = |bench: &mut Bench| bench.tell().params.get("oc-seq").expect("a number").to_owned();
        let mut numbers = vec![number(&mut bench), number(&mut bench)];
        bench.now += Duration::from_micros(1_500_000);
        numbers.push(number(&mut bench));
        assert_eq!(numbers, ["1282321615.78200", "1282321615.78201", "1282321617.28200"]);
    }

    #[test]
    fn of_those_who_offer_nothing_nothing_is_kept_and_of_others_no_more_than_so_many() {
        let mut bench = Bench::new("");
        bench.control.offered([192, 0, 2, 78].into());
        bench.control.refused([192, 0, 2, 78].into());
        assert_eq!(bench.control.neighbours.len(), 1);
        let tell = |bench: &mut Bench, number: u32| {
            let mut via = bench.via();
            bench.control.tell(&mut via, Ipv4Addr::from_bits(number).into(), bench.now)
        };
        assert!((1..1000).all(|number| tell(&mut bench, number)));
        assert!(!tell(&mut bench, 1000) && tell(&mut bench, 1));
        bench.now += VALIDITY + Duration::from_millis(1);
        assert!(tell(&mut bench, 1000));
        assert_eq!(bench.control.neighbours.len(), 1);
    }

    #[test]
    fn what_is_told_is_counted_by_who_compares_answers_with_their_requests() {
        let mut bench = Bench::new("\"loss\"");
        let before = bench.via();
        let told = bench.tell();
        assert_eq!(octets_told(&before), 0);
        let longer = told.to_string().len() - before.to_string().len();
        assert_eq!(octets_told(&told), longer + ";oc-algo=\"loss\"".len());
    }
}
