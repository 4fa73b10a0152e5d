//! What is drawn of a report, or of two in one.

use super::plot::{Plot, Shape};
use crate::report::{CallReport, Moment, Report};

/// Bars of a distribution.
const BARS: usize = 30;

/// All plots of one or two reports.
pub(super) fn all(reports: &[(&str, &Report)]) -> String {
    let drawn = [
        setup(reports),
        of_calls(reports, "Opinion score over load", |call| {
            let scores = call.directions().filter_map(|it| it.mos);
            scores.min_by(f64::total_cmp)
        }),
        of_calls(reports, "Mouth to ear over load, ms", |call| {
            let delays = call.directions().filter_map(|it| it.mouth_to_ear_ms);
            delays.max_by(f64::total_cmp)
        }),
        of_calls(reports, "Loss over load, %", |call| {
            let losses = call.directions().map(|it| it.loss_percent);
            losses.max_by(f64::total_cmp)
        }),
        of_time(reports, "Calls at one time", |moment| Some(moment.up as f64)),
        wrong(reports),
        of_time(reports, "CPU of the load tester, % of a core", |moment| Some(moment.own_cpu_percent)),
        of_time(reports, "CPU of the target, % of a core", |moment| moment.target_cpu_percent),
        of_time(reports, "Memory of the target, MiB", |moment| moment.target_rss_mib),
    ];
    drawn.concat()
}

fn setup(reports: &[(&str, &Report)]) -> String {
    let mut plot = Plot::new("Set-up time, calls by ms", "ms");
    let times =
        |report: &Report| -> Vec<f64> { report.calls.iter().filter_map(|call| call.setup_ms).collect() };
    // Of both the same bars; the slowest of a hundred would make all others one bar.
    let ends = reports.iter().filter_map(|(_, report)| report.summary.setup_ms.map(|it| it.p99));
    let end = ends.fold(1.0, f64::max);
    for (at, (_, report)) in reports.iter().enumerate() {
        let mut bars = vec![0.0; BARS];
        for time in times(report) {
            let bar = (time / end * BARS as f64) as usize;
            bars[bar.min(BARS - 1)] += 1.0;
        }
        let points = bars.iter().enumerate().map(|(bar, count)| (bar as f64 * end / BARS as f64, *count));
        plot.add(at, Shape::Bars, points.collect());
    }
    plot.draw()
}

fn of_calls(
    reports: &[(&str, &Report)],
    title: &'static str,
    value: impl Fn(&CallReport) -> Option<f64>,
) -> String {
    let mut plot = Plot::new(title, "calls that were up");
    for (at, (_, report)) in reports.iter().enumerate() {
        let points = report.calls.iter().filter_map(|call| Some((call.load as f64, value(call)?)));
        plot.add(at, Shape::Dots, points.collect());
    }
    plot.draw()
}

fn of_time(
    reports: &[(&str, &Report)],
    title: &'static str,
    value: impl Fn(&Moment) -> Option<f64>,
) -> String {
    let mut plot = Plot::new(title, "s");
    for (at, (_, report)) in reports.iter().enumerate() {
        let points = report.curve.iter().filter_map(|moment| Some((moment.at_s, value(moment)?)));
        plot.add(at, Shape::Line, points.collect());
    }
    plot.draw()
}

/// Calls that are not good, added up by the time at which they were dialled.
fn wrong(reports: &[(&str, &Report)]) -> String {
    let mut plot = Plot::new("Calls that are not good, in all", "s");
    for (at, (_, report)) in reports.iter().enumerate() {
        let wrong = report.calls.iter().filter(|call| call.causes() != ["ok"]);
        let mut points = vec![(0.0, 0.0)];
        points.extend(wrong.enumerate().map(|(before, call)| (call.began_s, before as f64 + 1.0)));
        points.push((report.took_s, points.len() as f64 - 1.0));
        plot.add(at, Shape::Line, points);
    }
    plot.draw()
}
