//! What is told of each way to ask, side by side.

use std::time::Duration;

use super::asked::Asked;
use super::frames::Kind;
use super::line::Call;
use super::support::speech::Scorer;

/// One way to ask.
pub(crate) struct Row {
    asked: Asked,
    clean: Kind,
    lossy: Kind,
    pesq: Spread,
    pesq_lossy: Spread,
    gateway_cpu: Spread,
}

/// Many measured values.
struct Spread {
    least: f64,
    median: f64,
    most: f64,
    count: usize,
}

impl Row {
    /// Scores the calls.
    pub(crate) fn new(asked: Asked, clean: &[Call], lossy: &[Call], scorer: &Scorer) -> Self {
        let pesq = |calls: &[Call]| {
            let scores = calls.iter().flat_map(|call| scorer.scores(&call.heard));
            Spread::of(scores.map(|score| score.pesq).collect())
        };
        let kind = |calls: &[Call]| {
            let sent: Vec<_> = calls.iter().flat_map(|call| call.sent.iter().cloned()).collect();
            Kind::of(&sent)
        };
        Self {
            asked,
            clean: kind(clean),
            lossy: kind(lossy),
            pesq: pesq(clean),
            pesq_lossy: pesq(lossy),
            gateway_cpu: Spread::of(
                clean.iter().map(|call| call.gateway_cpu.as_secs_f64() * 1000.0).collect(),
            ),
        }
    }
}

impl Spread {
    fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let count = values.len();
        let median = f64::midpoint(values[(count - 1) / 2], values[count / 2]);
        Self { least: values[0], median, most: values[count - 1], count }
    }
}

/// Prints a table in Markdown; `costs` are those of decoding and encoding a frame, one for each row.
#[expect(clippy::print_stdout, reason = "the table is what all this is for")]
pub(crate) fn print(rows: &[Row], costs: &[Duration], loss: f64) {
    let percent = loss * 100.0;
    println!(
        "| asked for | what Chromium sends | octets a frame | PESQ, least to most | decode and encode a frame \
         | whole gateway, per call-second | octets, {percent} % lost | with redundancy | PESQ, {percent} % lost |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    let cost_of_first = costs[0].as_secs_f64();
    for (row, cost) in rows.iter().zip(costs) {
        let Row { asked, clean, lossy, pesq, pesq_lossy, gateway_cpu } = row;
        println!(
            "| {} | {} | {:.0} | {:.2} ({:.2} to {:.2}, {} times) | {:.1} µs ({:.2}) | {:.2} ms | {:.0} | {:.0} % \
             | {:.2} ({:.2} to {:.2}, {} times) |",
            asked.parameters(),
            clean.mode,
            clean.size,
            pesq.median,
            pesq.least,
            pesq.most,
            pesq.count,
            cost.as_secs_f64() * 1e6,
            cost.as_secs_f64() / cost_of_first,
            gateway_cpu.median,
            lossy.size,
            lossy.redundant * 100.0,
            pesq_lossy.median,
            pesq_lossy.least,
            pesq_lossy.most,
            pesq_lossy.count,
        );
    }
}
