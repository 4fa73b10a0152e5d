//! The report as JUnit XML, which every CI shows: a test for each threshold, and one for each kind of call.

use std::fmt::Write as _;

use super::{CallReport, Ending, Report, Summary};

/// The report as JUnit XML.
#[must_use]
pub fn junit(report: &Report) -> String {
    let mut cases = vec![ending(report)];
    cases.extend(report.judged().map(|judged| {
        let name = format!("threshold {}", judged.threshold);
        let told = judged
            .breach()
            .map(|breach| format!("the limit is {}, measured was {}", breach.limit, breach.measured_text(3)));
        case(&name, told.as_deref())
    }));
    let mut kinds: Vec<_> = report.calls.iter().map(|call| call.traffic.as_str()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    for kind in kinds {
        let calls: Vec<CallReport> =
            report.calls.iter().filter(|call| call.traffic == kind).cloned().collect();
        let summary = Summary::of(&calls);
        let causes: Vec<_> = summary.causes.iter().map(|(cause, count)| format!("{count} {cause}")).collect();
        let told = (!causes.is_empty()).then(|| causes.join(", "));
        cases.push(case(&format!("{} calls: {kind}", summary.calls), told.as_deref()));
    }
    // A load tester that was late says nothing of the target.
    let is_failure = |case: &&String| case.contains("<failure");
    let failures = if report.fitness.is_fit { cases.iter().filter(is_failure).count() } else { 0 };
    let skipped = if report.fitness.is_fit { 0 } else { cases.len() };
    let body: String = cases.concat();
    let body = if report.fitness.is_fit { body } else { skip(&body) };
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n<testsuite name=\"{}\" tests=\"{}\" \
         failures=\"{failures}\" skipped=\"{skipped}\" time=\"{:.3}\">\n{body}</testsuite>\n</testsuites>\n",
        escape(&report.scenario),
        cases.len(),
        report.took_s,
    )
}

fn ending(report: &Report) -> String {
    let told = (report.ending != Ending::Completed).then(|| report.sentence());
    case("the run ends as it is to", told.as_deref())
}

fn case(name: &str, failure: Option<&str>) -> String {
    let mut out = format!("<testcase classname=\"webtrunk-loadtest\" name=\"{}\">", escape(name));
    if let Some(failure) = failure {
        let _ = write!(out, "<failure message=\"{}\"/>", escape(failure));
    }
    out + "</testcase>\n"
}

fn skip(cases: &str) -> String {
    let skipped = "<skipped message=\"the load tester itself was late\"/></testcase>";
    let lines = cases.lines().map(|line| {
        let head = line.split_once("\">").map_or(line, |(head, _)| head);
        format!("{head}\">{skipped}\n")
    });
    lines.collect()
}

/// What XML and HTML give a meaning.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::AgentsReport;
    use crate::report::example::report;

    #[test]
    fn what_failed_is_a_failure_with_its_cause() {
        let xml = junit(&report());
        assert!(xml.contains("name=\"threshold failed_percent_max\"><failure message=\"the limit is 0, measured was 25.000\"/>"), "{xml}");
        assert!(
            xml.contains("<failure message=\"1 dial: refused with 503 &lt;busy&gt;, 1 one_way\"/>"),
            "{xml}"
        );
        assert!(xml.contains("tests=\"5\" failures=\"3\" skipped=\"0\""), "{xml}");
    }

    #[test]
    fn a_threshold_that_was_kept_is_a_test_that_passed() {
        let mut report = report();
        report
            .agents
            .insert("callers".to_owned(), AgentsReport { wished: 2, ready: 2, ..AgentsReport::default() });
        report
            .agents
            .insert("phones".to_owned(), AgentsReport { wished: 2, ready: 1, ..AgentsReport::default() });
        let xml = junit(&report);
        for passed in ["threshold faulty_percent_max", "threshold agents.callers"] {
            assert!(xml.contains(&format!("name=\"{passed}\"></testcase>")), "{passed}: {xml}");
        }
        for failed in ["threshold setup_p95_ms_max", "threshold agents.phones"] {
            assert!(xml.contains(&format!("name=\"{failed}\"><failure")), "{failed}: {xml}");
        }
        assert!(!xml.contains("mos_p5_min"), "nobody asked for it: {xml}");
    }

    #[test]
    fn a_load_tester_that_was_late_fails_nobody() {
        let mut report = report();
        report.fitness.is_fit = false;
        let xml = junit(&report);
        assert!(!xml.contains("<failure") && xml.contains("failures=\"0\" skipped=\"5\""), "{xml}");
    }
}
