//! The report as one HTML page: its plots are in it, and nothing is fetched. It reads well printed.

mod compare;
mod generators;
mod plot;
mod plots;

use std::fmt::Write as _;

use super::junit::escape;
use super::{Distribution, Report};
use crate::verdict::CallVerdict;

pub use compare::compare;

/// Calls that are listed one by one at most: those that are not good.
const LISTED_MAX: usize = 200;

const STYLE: &str = include_str!("style.css");

/// The report as an HTML page.
#[must_use]
pub fn page(report: &Report) -> String {
    let mut body = String::new();
    let _ = write!(body, "<h1>{}</h1>{}", escape(&report.scenario), verdict(report));
    body += &figures(&[("", report)]);
    body += &causes(report);
    body += "<h2>Over time and load</h2><div class=\"plots\">";
    body += &plots::all(&[("", report)]);
    body += "</div>";
    body += "<h2>The load tester itself</h2>";
    body += &fitness(report);
    body += &generators::table(&report.generators);
    body += &listed(report);
    document(&report.scenario, &body)
}

fn document(title: &str, body: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{}</title><style>{STYLE}</style></head>\
         <body>{body}</body></html>\n",
        escape(title)
    )
}

fn verdict(report: &Report) -> String {
    let class = if !report.fitness.is_fit {
        "unfit"
    } else if report.is_good() {
        "good"
    } else {
        "bad"
    };
    let mut out = format!("<p class=\"verdict {class}\">{}</p>", escape(&report.sentence()));
    if !report.breaches.is_empty() {
        out += "<table><tr><th>Threshold</th><th>Limit</th><th>Measured</th></tr>";
        for breach in &report.breaches {
            let measured = breach.measured_text(2);
            let _ = write!(
                out,
                "<tr><td>{}</td><td>{}</td><td>{measured}</td></tr>",
                escape(&breach.threshold),
                breach.limit
            );
        }
        out += "</table>";
    }
    out
}

/// The figures of each report, side by side.
fn figures(reports: &[(&str, &Report)]) -> String {
    let mut out = "<h2>Figures</h2><table><tr><th></th>".to_owned();
    for (name, _) in reports {
        let _ = write!(out, "<th>{} p5</th><th>p50</th><th>p95</th><th>p99</th>", escape(name));
    }
    out += "</tr>";
    type Of = fn(&Report) -> Option<Distribution>;
    let rows: [(&str, Of); 10] = [
        ("INVITE to answer, ms", |it| it.summary.setup_ms),
        ("answer to first audio, ms", |it| it.summary.first_audio_ms),
        ("mouth to ear, ms", |it| it.summary.mouth_to_ear_ms),
        ("digit to the other end, ms", |it| it.summary.digit_way_ms),
        ("digit there and back, ms", |it| it.summary.digit_round_trip_ms),
        ("opinion score (E-model)", |it| it.summary.mos),
        ("opinion score of speech, beside what was said", |it| it.summary.opinion),
        ("the same by your own scorer", |it| it.summary.scored),
        ("jitter, ms", |it| it.summary.jitter_ms),
        ("hole about a WebSocket that was cut, ms", |it| it.summary.cut_gap_ms),
    ];
    for (title, of) in rows {
        let _ = write!(out, "<tr><td>{title}</td>");
        for (_, report) in reports {
            match of(report) {
                Some(it) => {
                    let _ = write!(
                        out,
                        "<td>{:.2}</td><td>{:.2}</td><td>{:.2}</td><td>{:.2}</td>",
                        it.p5, it.p50, it.p95, it.p99
                    );
                }
                None => out += "<td>-</td><td>-</td><td>-</td><td>-</td>",
            }
        }
        out += "</tr>";
    }
    type Count = fn(&Report) -> String;
    let counts: [(&str, Count); 6] = [
        ("calls: all / good / failed / faulty", |it| {
            let all = &it.summary;
            format!("{} / {} / {} / {}", all.calls, all.ok, all.failed, all.faulty)
        }),
        ("not begun for want of room", |it| it.turned_away.to_string()),
        ("WebSockets that were cut / whose calls lived", |it| {
            format!("{} / {}", it.summary.cuts, it.summary.cuts_lived)
        }),
        ("digits", |it| it.summary.digits_told().unwrap_or_else(|| "-".to_owned())),
        ("packets: came / lost", |it| {
            format!("{} / {} ({:.2} %)", it.summary.received, it.summary.lost, it.summary.loss_percent)
        }),
        ("codecs at the callers", |it| {
            let each = it.summary.codecs.iter().map(|(codec, count)| format!("{count} {codec}"));
            escape(&each.collect::<Vec<_>>().join(", "))
        }),
    ];
    for (title, count) in counts {
        let _ = write!(out, "<tr><td>{title}</td>");
        for (_, report) in reports {
            let _ = write!(out, "<td colspan=\"4\">{}</td>", count(report));
        }
        out += "</tr>";
    }
    out + "</table>"
}

fn causes(report: &Report) -> String {
    if report.summary.causes.is_empty() {
        return String::new();
    }
    let mut causes: Vec<_> = report.summary.causes.iter().collect();
    causes.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let rows =
        causes.iter().map(|(cause, count)| format!("<tr><td>{}</td><td>{count}</td></tr>", escape(cause)));
    format!(
        "<h2>What was wrong</h2><table><tr><th>Cause</th><th>Calls</th></tr>{}</table>",
        rows.collect::<String>()
    )
}

fn fitness(report: &Report) -> String {
    let fitness = &report.fitness;
    format!(
        "<p>{} packets, late by {:.1} ms (half of them at most), {:.1} ms (99 of 100), \
         {:.1} ms (the latest); {:.2} % later than 20 ms. Calls were dialled {:.1} ms late (99 of 100). It was {}.</p>",
        fitness.packets,
        fitness.p50_ms,
        fitness.p99_ms,
        fitness.max_ms,
        fitness.late_percent,
        fitness.dial_p99_ms,
        if fitness.is_fit { "fit to judge" } else { "<b>not fit to judge</b>" }
    )
}

fn listed(report: &Report) -> String {
    let is_wrong = |call: &&super::CallReport| call.causes() != ["ok"];
    let wrong: Vec<_> = report.calls.iter().filter(is_wrong).collect();
    if wrong.is_empty() {
        return String::new();
    }
    let mut out =
        "<h2>Calls that are not good</h2><table><tr><th>Call</th><th>Kind</th><th>To</th><th>At, s</th>\
                   <th>What</th><th>More</th></tr>"
            .to_owned();
    for call in wrong.iter().take(LISTED_MAX) {
        let details: Vec<_> =
            call.verdict.iter().flat_map(CallVerdict::faults).map(|found| found.detail.as_str()).collect();
        let _ = write!(
            out,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{:.1}</td><td>{}</td><td>{}</td></tr>",
            call.call,
            escape(&call.traffic),
            escape(&call.destination),
            call.began_s,
            escape(&call.causes().join(", ")),
            escape(&details.join("; ")),
        );
    }
    out += "</table>";
    if wrong.len() > LISTED_MAX {
        let _ = write!(out, "<p>{} more are in the JSON.</p>", wrong.len() - LISTED_MAX);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::example::report;

    #[test]
    fn a_page_has_all_of_its_own_and_fetches_nothing() {
        let page = page(&report());
        for part in [
            "4 calls, 2 good, 1 failed, 1 faulty",
            "refused with 503 &lt;busy&gt;",
            "the caller hears nothing",
            "<svg",
            "Set-up time",
            "Opinion score over load",
            "Calls at one time",
            "<td>digit to the other end, ms</td><td>22.00</td><td>22.00</td><td>26.00</td>",
            "<td>digit there and back, ms</td><td>51.00</td>",
            "<td>digits</td><td colspan=\"4\">6 digits were pressed; 6 came, after 22.0 ms",
            "fit to judge",
        ] {
            assert!(page.contains(part), "{part} is missing");
        }
        assert!(!page.contains("<script") && !page.contains("http://") && !page.contains("https://"));
        assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
        assert_eq!(page.matches("<table>").count(), page.matches("</table>").count());
    }

    #[test]
    fn two_reports_stand_side_by_side() {
        let page = compare(("a.json", &report()), ("b.json", &report()));
        for part in
            ["a.json", "b.json", "no more than by chance", "<svg", "<h3>b.json</h3><p>1000 packets, late"]
        {
            assert!(page.contains(part), "{part} is missing");
        }
    }
}
