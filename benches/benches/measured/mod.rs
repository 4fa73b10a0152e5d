//! For how long each stage is measured.

use std::time::Duration;

use criterion::Criterion;

/// How every stage is measured. All of them run in a few minutes: on this scale the median of forty samples moves by
/// less than from one run to the next.
pub(crate) fn criterion() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_millis(1200))
        .sample_size(40)
        .nresamples(10_000)
        .without_plots()
}
