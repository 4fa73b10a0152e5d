//! Figures as metrics tell them.

/// Seconds of milliseconds.
#[expect(clippy::cast_precision_loss, reason = "milliseconds of thousands of years are exact")]
pub(super) fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}

/// How often each state is there.
pub(super) fn counted(states: impl Iterator<Item = &'static str>) -> Vec<(&'static str, usize)> {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for state in states {
        match counts.iter_mut().find(|(known, _)| *known == state) {
            Some((_, count)) => *count += 1,
            None => counts.push((state, 1)),
        }
    }
    counts
}
