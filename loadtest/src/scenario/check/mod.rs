//! From what is written to a [`Scenario`]: all of it is looked at, and all that is wrong is told.

mod accounts;
mod agents;
mod network;
mod speech;
mod traffic;

use std::ops::{Range, RangeInclusive};
use std::path::Path;
use std::time::Duration;

use toml::Spanned;

use super::fault::{Fault, Faults};
use super::file::{File, LimitsSection, VerdictSection};
use super::{Population, Scenario, Share, Silence, Traffic};
use crate::verdict::Limits;

/// Bounds of a run: what one process and one machine can bear, and nobody forgets.
const CALLS_MAX: usize = 1_000_000;
const AT_ONCE_MAX: usize = 5000;
const SECONDS_MAX: f64 = 86_400.0;
const SETUP_SECONDS: f64 = 30.0;

/// Checks a text; paths in it are relative to the folder of `path`.
pub(super) fn check(path: &Path, text: &str) -> Result<Scenario, Vec<Fault>> {
    let mut faults = Faults::new(text);
    let file: File = match toml::from_str(text) {
        Ok(file) => file,
        Err(error) => {
            faults.add_structural(&error);
            return Err(faults.into_list());
        }
    };
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut populations = agents::check(&file, folder, &mut faults);
    let traffic = traffic::check(&file, &populations, &mut faults);
    for population in &mut populations {
        let is_of = |it: &&Traffic| it.from == population.name || it.to.as_ref() == Some(&population.name);
        population.takes_noise = traffic.iter().filter(is_of).any(|it| it.silence == Silence::Noise);
    }
    check_limits(&file.limits, &mut faults);
    let speech = speech::check(file.speech.as_ref(), folder, &mut faults);
    check_thresholds(&file, &populations, &traffic, &mut faults);
    let closed = traffic.iter().filter_map(|it| it.arrival.closed()).sum::<usize>();
    let at_once = file.limits.at_once.as_ref().map_or(AT_ONCE_MAX, |it| *it.get_ref());
    if closed > at_once
        && let Some(limit) = &file.limits.at_once
    {
        let cure = format!("give {closed}, or fewer in arrival");
        faults.add(limit.span(), "limits.at_once", "closed loops want more calls at one time", cure);
    }
    if !faults.is_empty() {
        return Err(faults.into_list());
    }
    let LimitsSection { calls, seconds, setup_seconds, .. } = &file.limits;
    Ok(Scenario {
        seed: file.seed,
        share: Share::WHOLE,
        calls: *calls.get_ref(),
        time: Duration::from_secs_f64(*seconds.get_ref()),
        at_once,
        setup: Duration::from_secs_f64(setup_seconds.as_ref().map_or(SETUP_SECONDS, |it| *it.get_ref())),
        populations,
        traffic,
        speech,
        limits: limits(&file.verdict),
        thresholds: file.thresholds.map(Spanned::into_inner).unwrap_or_default(),
    })
}

fn check_limits(limits: &LimitsSection, faults: &mut Faults<'_>) {
    within(faults, "limits.calls", &limits.calls, 1..=CALLS_MAX);
    within(faults, "limits.seconds", &limits.seconds, 0.1..=SECONDS_MAX);
    if let Some(at_once) = &limits.at_once {
        within(faults, "limits.at_once", at_once, 1..=AT_ONCE_MAX);
    }
    if let Some(setup) = &limits.setup_seconds {
        within(faults, "limits.setup_seconds", setup, 0.1..=300.0);
    }
}

/// Notes a threshold that no call could be judged by.
fn check_thresholds(file: &File, populations: &[Population], traffic: &[Traffic], faults: &mut Faults<'_>) {
    let Some(section) = &file.thresholds else { return };
    let (span, asked) = (section.span(), section.get_ref());
    let never_speaks = !traffic.is_empty() && !traffic.iter().any(Traffic::may_suit_speech);
    if asked.opinion_p5_min.is_some() && (file.speech.is_none() || never_speaks) {
        let cure =
            "give [speech], and calls of 3.5 s and more in which both talk and nothing happens before that";
        faults.add(span.clone(), "thresholds.opinion_p5_min", "no call speaks and is scored", cure);
    }
    let find = |name: &str| populations.iter().find(|it| it.name == name);
    let ends = |it: &Traffic| [find(&it.from), it.to.as_deref().and_then(find)];
    if asked.digit_way_p95_ms_max.is_some() && !traffic.iter().any(|it| it.has_ways_of_digits(ends(it))) {
        let cure = "give traffic with to, and steps with digits that phones or browsers hear";
        let problem = "no agent hears digits of another";
        faults.add(span.clone(), "thresholds.digit_way_p95_ms_max", problem, cure);
    }
    let comes_back = |it: &Traffic| it.has_round_trips_of_digits(ends(it));
    if asked.digit_round_trip_p95_ms_max.is_some() && !traffic.iter().any(comes_back) {
        let cure =
            "give steps in which a caller, no page, presses digits, and digits = \"return\" of who answers";
        faults.add(span, "thresholds.digit_round_trip_p95_ms_max", "no digit comes back", cure);
    }
}

/// Notes a figure that is not between two others.
fn within<T: PartialOrd + std::fmt::Display + std::fmt::Debug>(
    faults: &mut Faults<'_>,
    key: impl Into<String>,
    value: &Spanned<T>,
    range: RangeInclusive<T>,
) {
    within_at(faults, value.span(), key, value.get_ref(), range);
}

fn within_at<T: PartialOrd + std::fmt::Display + std::fmt::Debug>(
    faults: &mut Faults<'_>,
    span: Range<usize>,
    key: impl Into<String>,
    value: &T,
    range: RangeInclusive<T>,
) {
    if !range.contains(value) {
        let cure = format!("give {} to {}", range.start(), range.end());
        faults.add(span, key, format!("{value} is out of bounds"), cure);
    }
}

fn limits(section: &VerdictSection) -> Limits {
    let usual = Limits::default();
    let time = |given: Option<u64>, usual: Duration| given.map_or(usual, Duration::from_millis);
    Limits {
        first_audio: time(section.first_audio_ms, usual.first_audio),
        clipped: time(section.clipped_ms, usual.clipped),
        gap: time(section.gap_ms, usual.gap),
        mouth_to_ear: time(section.mouth_to_ear_ms, usual.mouth_to_ear),
        loss_percent: section.loss_percent.unwrap_or(usual.loss_percent),
        jitter: time(section.jitter_ms, usual.jitter),
        level_db: section.level_db.unwrap_or(usual.level_db),
        echo_db: section.echo_db.unwrap_or(usual.echo_db),
    }
}

#[cfg(test)]
mod tests;
