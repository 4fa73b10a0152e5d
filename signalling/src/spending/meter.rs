//! The meters of one call: who pays for which of its legs, and when one has to end.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use webtrunk_engine::LegId;

use super::ledger::{Ledger, Payer, Spent};
use super::limits::CallLimits;

/// How often what a call has cost so far is told to whoever keeps it. Chosen by us: so much is lost at most when the
/// process is killed.
const TOLD_EACH: Duration = Duration::from_secs(15);

/// Minutes are not counted finer. Chosen by us: a few calls at once of one who pays end within it of each other.
const GRAIN: Duration = Duration::from_millis(500);

/// A number is not called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It is none that may be called.
    Number,
    /// The day's minutes are over.
    Minutes,
}

/// The meters of one call.
#[derive(Debug, Default)]
pub struct Meter {
    legs: Vec<Metered>,
    /// When the ledger is asked next.
    asked_at: Option<Instant>,
}

/// One leg to a trunk.
#[derive(Debug)]
struct Metered {
    leg: LegId,
    payers: Vec<(Payer, Arc<CallLimits>)>,
    answered_at: Option<Instant>,
}

impl Meter {
    /// A number is about to be called by a leg, for which these pay.
    ///
    /// # Errors
    /// [`Refusal`]: it is not called, and who has too little for it.
    pub fn dial(
        &mut self,
        leg: LegId,
        number: &str,
        payers: Vec<(Payer, Arc<CallLimits>)>,
        ledger: &mut Ledger,
        (now, wall): (Instant, SystemTime),
    ) -> Result<(), (Refusal, Payer)> {
        for (payer, limits) in &payers {
            if !limits.allow(number) {
                return Err((Refusal::Number, payer.clone()));
            }
            if ledger.left(payer, limits, now, wall).is_some_and(|left| left < GRAIN) {
                return Err((Refusal::Minutes, payer.clone()));
            }
        }
        if !payers.is_empty() {
            self.legs.push(Metered { leg, payers, answered_at: None });
        }
        Ok(())
    }

    /// A leg was answered: from now on it costs.
    pub fn answered(&mut self, leg: LegId, ledger: &mut Ledger, (now, wall): (Instant, SystemTime)) {
        let metered =
            self.legs.iter_mut().find(|metered| metered.leg == leg && metered.answered_at.is_none());
        let Some(metered) = metered else { return };
        metered.answered_at = Some(now);
        for (payer, _) in &metered.payers {
            ledger.start(payer, leg, now, wall);
        }
        self.asked_at = Some(now);
    }

    /// A leg ended; what its payers have spent by now.
    pub fn ended(
        &mut self,
        leg: LegId,
        ledger: &mut Ledger,
        (now, wall): (Instant, SystemTime),
    ) -> Vec<Spent> {
        let Some(index) = self.legs.iter().position(|metered| metered.leg == leg) else { return Vec::new() };
        let metered = self.legs.swap_remove(index);
        if metered.answered_at.is_none() {
            return Vec::new();
        }
        for (payer, _) in &metered.payers {
            ledger.stop(payer, leg, now, wall);
        }
        let counted = metered.payers.iter().filter(|(_, limits)| limits.minutes_per_day.is_some());
        counted.map(|(payer, _)| ledger.spent(payer, now, wall).0).collect()
    }

    /// All legs ended.
    pub fn ended_all(&mut self, ledger: &mut Ledger, at: (Instant, SystemTime)) -> Vec<Spent> {
        let legs: Vec<_> = self.legs.iter().map(|metered| metered.leg).collect();
        legs.into_iter().flat_map(|leg| self.ended(leg, ledger, at)).collect()
    }

    /// When [`check`](Self::check) is next needed.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.asked_at.filter(|_| self.legs.iter().any(|metered| metered.answered_at.is_some()))
    }

    /// Whether the call has to end now, and what was spent so far.
    pub fn check(&mut self, ledger: &mut Ledger, (now, wall): (Instant, SystemTime)) -> (bool, Vec<Spent>) {
        let mut next = TOLD_EACH;
        let mut spent = Vec::new();
        for Metered { payers, answered_at, .. } in &self.legs {
            let Some(answered_at) = answered_at else { continue };
            for (payer, limits) in payers {
                let talked = now.saturating_duration_since(*answered_at);
                let of_call = limits.call_max.map(|max| max.saturating_sub(talked));
                let of_day = ledger.left(payer, limits, now, wall);
                next = of_call.into_iter().chain(of_day).fold(next, Duration::min);
                if limits.minutes_per_day.is_some() {
                    spent.push(ledger.spent(payer, now, wall).0);
                }
            }
        }
        let is_used_up = next < GRAIN;
        // Said once: what is hung up takes its time to end.
        self.asked_at = (!is_used_up).then(|| now + next);
        (is_used_up, spent)
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::adapter::Origin;
    use crate::spending::Numbers;

    const SECOND: Duration = Duration::from_secs(1);

    /// Calls of alice over a trunk, in virtual time.
    struct Bench {
        ledger: Ledger,
        now: Instant,
        wall: SystemTime,
        limits: Arc<CallLimits>,
    }

    impl Bench {
        fn new(minutes: u32, call_max: Option<Duration>) -> Self {
            let numbers = Numbers { allow: Vec::new(), deny: vec!["+882".parse().expect("a prefix")] };
            let limits = CallLimits {
                minutes_per_day: NonZeroU32::new(minutes),
                call_max,
                numbers: vec![numbers],
                ..CallLimits::default()
            };
            let wall = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
            Self { ledger: Ledger::default(), now: Instant::now(), wall, limits: Arc::new(limits) }
        }

        const fn at(&self) -> (Instant, SystemTime) {
            (self.now, self.wall)
        }

        fn dial(&mut self, number: &str) -> Result<(Meter, LegId), Refusal> {
            let (mut meter, leg, at) = (Meter::default(), LegId::next(), self.at());
            let payers = vec![(Origin::User("alice".to_owned()), Arc::clone(&self.limits))];
            meter.dial(leg, number, payers, &mut self.ledger, at).map_err(|(refusal, _)| refusal)?;
            Ok((meter, leg))
        }

        /// A call that was answered at once.
        fn talk(&mut self) -> Meter {
            let (mut meter, leg) = self.dial("+49301").expect("she may");
            let at = self.at();
            meter.answered(leg, &mut self.ledger, at);
            meter
        }

        /// Steps until one of the calls has to end, and gives which, and when.
        fn run(&mut self, meters: &mut [&mut Meter]) -> (usize, Duration) {
            let start = self.now;
            loop {
                let due = |(index, meter): (usize, &&mut Meter)| Some((meter.poll_timeout()?, index));
                let (at, index) = meters.iter().enumerate().filter_map(due).min().expect("one of them talks");
                self.wall += at.saturating_duration_since(self.now);
                self.now = self.now.max(at);
                let at = self.at();
                let (is_over, spent) = meters[index].check(&mut self.ledger, at);
                assert_eq!(spent.len(), usize::from(self.limits.minutes_per_day.is_some()));
                if is_over {
                    meters[index].ended_all(&mut self.ledger, at);
                    return (index, self.now - start);
                }
            }
        }
    }

    #[test]
    fn a_call_ends_when_it_is_as_long_as_it_may_be() {
        let mut bench = Bench::new(0, Some(90 * SECOND));
        let mut meter = bench.talk();
        assert_eq!(bench.run(&mut [&mut meter]), (0, 90 * SECOND));
        assert_eq!(meter.poll_timeout(), None);
    }

    #[test]
    fn a_call_ends_with_the_minutes_of_the_day_and_then_there_are_no_more() {
        let mut bench = Bench::new(3, None);
        let mut meter = bench.talk();
        let (_, talked) = bench.run(&mut [&mut meter]);
        assert!(talked <= 180 * SECOND && talked > 179 * SECOND, "{talked:?}");
        assert_eq!(bench.dial("+49301").err(), Some(Refusal::Minutes));
        bench.wall += Duration::from_secs(24 * 60 * 60);
        assert!(bench.dial("+49301").is_ok(), "the next day");
    }

    /// The one that is up learns of the second within a quarter of a minute.
    #[test]
    fn calls_at_once_share_the_minutes_of_the_day() {
        let mut bench = Bench::new(10, None);
        let mut first = bench.talk();
        let mut second = bench.talk();
        let (ended, talked) = bench.run(&mut [&mut first, &mut second]);
        assert!(talked <= 301 * SECOND && talked > 295 * SECOND, "{talked:?}");
        let other = if ended == 0 { &mut second } else { &mut first };
        let (_, more) = bench.run(&mut [other]);
        assert!(more <= 15 * SECOND, "{more:?}");
    }

    /// It takes until its peers have confirmed it; meanwhile nothing is to be said of it again.
    #[test]
    fn that_a_call_has_to_end_is_said_once() {
        let mut bench = Bench::new(3, None);
        let (mut one, mut other) = (bench.talk(), bench.talk());
        bench.now += 90 * SECOND;
        let at = bench.at();
        for meter in [&mut one, &mut other] {
            assert!(meter.check(&mut bench.ledger, at).0);
            assert_eq!(meter.poll_timeout(), None);
        }
    }

    #[test]
    fn what_rings_costs_nothing_and_what_may_not_be_called_is_not() {
        let mut bench = Bench::new(1, None);
        let (mut meter, leg) = bench.dial("+49301").expect("she may");
        assert_eq!(meter.poll_timeout(), None);
        bench.now += 1000 * SECOND;
        let at = bench.at();
        assert_eq!(meter.ended(leg, &mut bench.ledger, at), []);
        assert_eq!(bench.dial("00882123").err(), Some(Refusal::Number));
        assert!(bench.dial("+49301").is_ok(), "nothing was spent");
    }
}
