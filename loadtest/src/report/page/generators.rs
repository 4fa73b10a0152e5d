//! The load testers, where there were several.

use std::fmt::Write as _;

use crate::report::GeneratorReport;
use crate::report::junit::escape;

/// A row for each; nothing where there was one alone.
pub(super) fn table(generators: &[GeneratorReport]) -> String {
    if generators.is_empty() {
        return String::new();
    }
    let mut out =
        "<table><tr><th>Load tester</th><th>Calls</th><th>Good</th><th>Not begun</th><th>Late, %</th>\
                   <th>p99, ms</th><th>CPU at most, %</th><th>Clock ahead, ms</th><th></th></tr>"
            .to_owned();
    for it in generators {
        let (late, p99, told) = match &it.fitness {
            Some(fitness) => {
                let told = if fitness.is_fit { "fit to judge" } else { "<b>not fit to judge</b>" };
                (format!("{:.2}", fitness.late_percent), format!("{:.1}", fitness.p99_ms), told)
            }
            None => ("-".to_owned(), "-".to_owned(), ""),
        };
        let told = if it.has_vanished { "<b>vanished</b>" } else { told };
        let _ = write!(
            out,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{late}</td><td>{p99}</td><td>{:.0}</td>\
             <td>{} &#177; {}</td><td>{told}</td></tr>",
            escape(&it.name),
            it.calls,
            it.ok,
            it.turned_away,
            it.cpu_percent_max,
            it.clock_ahead_ms,
            it.round_trip_ms / 2,
        );
    }
    out + "</table>"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::Fitness;

    #[test]
    fn each_has_a_row_and_who_vanished_is_told() {
        let here = GeneratorReport {
            name: "<a>".to_owned(),
            calls: 7,
            ok: 6,
            turned_away: 0,
            fitness: Some(Fitness { late_percent: 2.5, ..Fitness::default() }),
            cpu_percent_max: 81.4,
            clock_ahead_ms: -12,
            round_trip_ms: 3,
            has_vanished: false,
        };
        let gone =
            GeneratorReport { name: "b".to_owned(), fitness: None, has_vanished: true, ..here.clone() };
        let table = table(&[here, gone]);
        assert!(table.contains("<td>&lt;a&gt;</td><td>7</td><td>6</td><td>0</td><td>2.50</td>"), "{table}");
        assert!(
            table.contains("<td>81</td><td>-12 &#177; 1</td><td><b>not fit to judge</b></td>"),
            "{table}"
        );
        assert!(table.contains("<td>b</td>") && table.contains("<b>vanished</b>"), "{table}");
        assert_eq!(super::table(&[]), "");
    }
}
