//! Two reports side by side.

use std::fmt::Write as _;

use super::{document, figures, fitness, generators, plots, verdict};
use crate::report::Report;
use crate::report::junit::escape;

/// Both reports as one HTML page.
#[must_use]
pub fn compare(one: (&str, &Report), other: (&str, &Report)) -> String {
    let reports = [one, other];
    let mut body = format!("<h1>{} and {}</h1>", escape(one.0), escape(other.0));
    for (at, (name, report)) in reports.iter().enumerate() {
        let class = if at == 0 { "a" } else { "b" };
        let _ = write!(
            body,
            "<h2><svg width=\"12\" height=\"12\" style=\"width:12px\"><circle class=\"{class} dot\" cx=\"6\" cy=\"6\" r=\"6\"/></svg> {}</h2>{}",
            escape(name),
            verdict(report)
        );
    }
    body += &figures(&reports);
    let _ = write!(body, "<p>{}</p>", sentence(one, other));
    body += "<h2>Over time and load</h2><div class=\"plots\">";
    body += &plots::all(&reports);
    body += "</div><h2>The load testers themselves</h2>";
    for (name, report) in reports {
        let _ = write!(body, "<h3>{}</h3>{}", escape(name), fitness(report));
        body += &generators::table(&report.generators);
    }
    document("Two runs", &body)
}

/// Round trips of digits that differ by no more do so by chance: each end sends by a clock of 20 ms.
const DIGIT_MS: f64 = 40.0;

/// What differs by more than chance, in words: set-up times that are a quarter apart, scores by a tenth, good calls by
/// two in a hundred, digits by two packets. Chosen by us: below that, runs on one machine differ from each other.
fn sentence((one, first): (&str, &Report), (other, second): (&str, &Report)) -> String {
    let mut told = Vec::new();
    let good = |report: &Report| report.summary.ok as f64 * 100.0 / report.summary.calls.max(1) as f64;
    if (good(first) - good(second)).abs() > 2.0 {
        told.push(format!(
            "{:.1} % of the calls are good in {one}, {:.1} % in {other}",
            good(first),
            good(second)
        ));
    }
    if let (Some(a), Some(b)) = (first.summary.setup_ms, second.summary.setup_ms)
        && (a.p50 / b.p50.max(0.001)).ln().abs() > 0.22
    {
        told.push(format!(
            "half of the calls are answered within {:.0} ms in {one}, {:.0} ms in {other}",
            a.p50, b.p50
        ));
    }
    if let (Some(a), Some(b)) = (first.summary.mos, second.summary.mos)
        && (a.p50 - b.p50).abs() > 0.1
    {
        told.push(format!("the middle opinion score is {:.2} in {one}, {:.2} in {other}", a.p50, b.p50));
    }
    if let (Some(a), Some(b)) = (first.summary.digit_round_trip_ms, second.summary.digit_round_trip_ms)
        && (a.p50 - b.p50).abs() > DIGIT_MS
    {
        told.push(format!(
            "half of the digits are back within {:.0} ms in {one}, {:.0} ms in {other}",
            a.p50, b.p50
        ));
    }
    if told.is_empty() {
        "They differ by no more than by chance.".to_owned()
    } else {
        escape(&told.join("; ")) + "."
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::example::report;

    #[test]
    fn what_differs_is_told() {
        let (one, mut other) = (report(), report());
        assert_eq!(sentence(("a", &one), ("b", &other)), "They differ by no more than by chance.");
        other.summary.ok = 1;
        if let Some(setup) = &mut other.summary.setup_ms {
            setup.p50 = 500.0;
        }
        if let Some(back) = &mut other.summary.digit_round_trip_ms {
            back.p50 = 450.0;
        }
        let told = sentence(("a", &one), ("b", &other));
        assert!(told.contains("half of the digits are back within 51 ms in a, 450 ms in b"), "{told}");
        assert!(told.contains("50.0 % of the calls are good in a, 25.0 % in b"), "{told}");
        assert!(told.contains("500 ms in b"), "{told}");
    }
}
