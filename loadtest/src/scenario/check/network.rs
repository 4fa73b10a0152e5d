//! What becomes of the packets of agents.

use std::ops::RangeInclusive;
use std::time::Duration;

use toml::Spanned;

use super::{within, within_at};
use crate::agent::{BadTimes, Weather};
use crate::scenario::Network;
use crate::scenario::fault::Faults;
use crate::scenario::file::{BadTimesSection, NetworkSection};

/// The longest delay of a packet, and the greatest difference between two, in milliseconds.
const MS_MAX: u64 = 2000;
/// How soon a NAT may forget: a second is what media take to be found again.
const REBINDS_SECONDS: RangeInclusive<f64> = 1.0..=3600.0;

pub(super) fn check(key: &str, section: &NetworkSection, faults: &mut Faults<'_>) -> Network {
    let NetworkSection { loss_percent, lost_in_a_row, bad_times, .. } = section;
    if let Some(loss) = loss_percent {
        within(faults, format!("{key}.loss_percent"), loss, 0.0..=99.0);
    }
    if let Some(in_a_row) = lost_in_a_row {
        within(faults, format!("{key}.lost_in_a_row"), in_a_row, 1..=50);
    }
    if let (Some(times), Some(_)) = (bad_times, loss_percent) {
        faults.add(times.span(), format!("{key}.bad_times"), "stands beside loss_percent", "take one out");
    }
    for (name, time) in [("delay_ms", &section.delay_ms), ("jitter_ms", &section.jitter_ms)] {
        if let Some(time) = time {
            within(faults, format!("{key}.{name}"), time, 0..=MS_MAX);
        }
    }
    if let Some(share) = &section.duplicates_percent {
        within(faults, format!("{key}.duplicates_percent"), share, 0.0..=100.0);
    }
    if let Some(every) = &section.rebinds_seconds {
        within(faults, format!("{key}.rebinds_seconds"), every, REBINDS_SECONDS);
    }
    let rebinds = section.rebinds_seconds.as_ref().map(|it| *it.get_ref());
    let time =
        |given: &Option<Spanned<u64>>| Duration::from_millis(given.as_ref().map_or(0, |it| *it.get_ref()));
    let share = |given: &Option<Spanned<f64>>| given.as_ref().map_or(0.0, |it| *it.get_ref() / 100.0);
    Network {
        loss: share(loss_percent),
        in_a_row: lost_in_a_row.as_ref().map_or(1, |it| *it.get_ref()),
        bad_times: bad_times.as_ref().map(|times| check_times(&format!("{key}.bad_times"), times, faults)),
        weather: Weather {
            delay: time(&section.delay_ms),
            jitter: time(&section.jitter_ms),
            reorders: section.reorders,
            duplicates: share(&section.duplicates_percent),
        },
        rebinds: rebinds.filter(|it| REBINDS_SECONDS.contains(it)).map(Duration::from_secs_f64),
    }
}

fn check_times(key: &str, section: &Spanned<BadTimesSection>, faults: &mut Faults<'_>) -> BadTimes {
    let BadTimesSection { begin_percent, end_percent, loss_percent } = section.get_ref();
    for percent in [begin_percent, end_percent, loss_percent] {
        within_at(faults, section.span(), key, percent, 0.0..=100.0);
    }
    BadTimes { begin: begin_percent / 100.0, end: end_percent / 100.0, loss: loss_percent / 100.0 }
}
