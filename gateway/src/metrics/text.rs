//! The text format of Prometheus (prometheus.io, "Text-based format", version 0.0.4).

use std::fmt::Write as _;

use super::instruments::Readings;

/// One metric of the list.
pub(super) struct Metric {
    /// With the unit in it, and `_total` where it counts.
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// The names of its labels, in the order in which they are told.
    pub(super) labels: &'static [&'static str],
    /// What it says, in one sentence without a full stop.
    pub(super) help: &'static str,
    pub(super) read: fn(&Readings, &mut Samples),
}

/// How a metric moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Up alone, until the process ends.
    Counter,
    /// Up and down.
    Gauge,
}

/// What one metric reads at one moment, each value with those of its labels.
#[derive(Debug, Default)]
pub(super) struct Samples(Vec<(Vec<String>, f64)>);

impl Kind {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
        }
    }
}

impl Samples {
    /// The value of a metric without labels.
    pub(super) fn value(&mut self, value: impl IntoValue) {
        self.0.push((Vec::new(), value.into_value()));
    }

    /// A value with those of the labels.
    pub(super) fn labelled<const N: usize>(&mut self, labels: [&str; N], value: impl IntoValue) {
        self.0.push((labels.map(str::to_owned).into(), value.into_value()));
    }
}

/// What a sample may be. Counts above 2^53 lose their last digit, which no process lives to see.
pub(super) trait IntoValue {
    fn into_value(self) -> f64;
}

impl IntoValue for f64 {
    fn into_value(self) -> f64 {
        self
    }
}

#[expect(clippy::cast_precision_loss, reason = "see the trait")]
impl IntoValue for u64 {
    fn into_value(self) -> f64 {
        self as f64
    }
}

#[expect(clippy::cast_precision_loss, reason = "see the trait")]
impl IntoValue for usize {
    fn into_value(self) -> f64 {
        self as f64
    }
}

impl IntoValue for bool {
    fn into_value(self) -> f64 {
        f64::from(u8::from(self))
    }
}

/// Writes all metrics of a list that have a value now.
pub(super) fn write(list: &[Metric], readings: &Readings) -> String {
    let mut text = String::new();
    for metric in list {
        let mut samples = Samples::default();
        (metric.read)(readings, &mut samples);
        if samples.0.is_empty() {
            continue;
        }
        let (name, kind) = (metric.name, metric.kind.name());
        // Writing to a string does not fail.
        let _ = writeln!(text, "# HELP {name} {}\n# TYPE {name} {kind}", metric.help);
        for (values, sample) in samples.0 {
            let pairs = metric.labels.iter().zip(&values);
            let pairs: Vec<_> =
                pairs.map(|(label, value)| format!("{label}=\"{}\"", escaped(value))).collect();
            let labels = if pairs.is_empty() { String::new() } else { format!("{{{}}}", pairs.join(",")) };
            let _ = writeln!(text, "{name}{labels} {sample}");
        }
    }
    text
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_metric_has_its_help_its_kind_and_its_samples() {
        let list = [
            Metric {
                name: "calls",
                kind: Kind::Gauge,
                labels: &["stage", "who"],
                help: "Calls",
                read: |_, samples| {
                    samples.labelled(["talking", "a\"b\\c\nd"], 3_usize);
                    samples.labelled(["ringing", ""], 0_u64);
                },
            },
            Metric { name: "none", kind: Kind::Gauge, labels: &[], help: "Nothing", read: |_, _| {} },
            Metric {
                name: "s_total",
                kind: Kind::Counter,
                labels: &[],
                help: "Seconds",
                read: |_, samples| samples.value(1.5),
            },
        ];
        let expected = "# HELP calls Calls\n# TYPE calls gauge\ncalls{stage=\"talking\",who=\"a\\\"b\\\\c\\nd\"} 3\n\
                        calls{stage=\"ringing\",who=\"\"} 0\n# HELP s_total Seconds\n# TYPE s_total counter\ns_total 1.5\n";
        assert_eq!(write(&list, &Readings::default()), expected);
    }
}
