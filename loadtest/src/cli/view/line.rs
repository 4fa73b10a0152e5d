//! A run in lines, for logs and pipes.

use std::time::{Duration, Instant};

use webtrunk_loadtest::drive::Live;

/// How often a line is told.
const LINE_INTERVAL: Duration = Duration::from_secs(2);

/// What a run is like, in lines.
#[derive(Debug, Default)]
pub(in crate::cli) struct Line {
    told_at: Option<Instant>,
    /// When the line before was told, in seconds of the run, and calls that had begun by then.
    before: (f64, usize),
}

impl Line {
    pub(in crate::cli) fn tell(&mut self, live: &Live) {
        if self.told_at.is_some_and(|at| at.elapsed() < LINE_INTERVAL) {
            return;
        }
        self.told_at = Some(Instant::now());
        let at_s = live.moment.map_or(self.before.0, |moment| moment.at_s);
        let (seconds, begun) = (at_s - self.before.0, live.begun.saturating_sub(self.before.1));
        let rate = (seconds > 0.0).then(|| begun as f64 / seconds);
        self.before = (at_s, live.begun);
        eprintln!("{}", line(live, rate));
    }
}

/// `rate` is of calls that began since the line before, a second.
fn line(live: &Live, rate: Option<f64>) -> String {
    let figure = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.1}"));
    let over: Vec<_> = live.over.iter().map(|(cause, count)| format!("{count} {cause}")).collect();
    format!(
        "{} begun, {} a second, {} ringing, {} up; set-up {} ms, MOS {}, loss {:.2} %; own packets late {:.2} %; over: {}",
        live.begun,
        figure(rate),
        live.ringing,
        live.up,
        figure(live.setup_p50_ms),
        figure(live.mos_p50),
        live.loss_percent,
        live.late_percent,
        if over.is_empty() { "none".to_owned() } else { over.join(", ") },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_what_there_is() {
        assert_eq!(
            line(&Live::default(), None),
            "0 begun, - a second, 0 ringing, 0 up; set-up - ms, MOS -, loss 0.00 %; own packets late 0.00 %; over: none"
        );
        let over = [("ok".to_owned(), 3), ("one_way".to_owned(), 1)].into();
        let setup_p50_ms = Some(41.26);
        let live = Live { begun: 5, up: 1, over, setup_p50_ms, late_percent: 1.5, ..Live::default() };
        let told = line(&live, Some(2.5));
        assert!(told.starts_with("5 begun, 2.5 a second, "), "{told}");
        let rest = "set-up 41.3 ms, MOS -, loss 0.00 %; own packets late 1.50 %; over: 3 ok, 1 one_way";
        assert!(told.ends_with(rest), "{told}");
    }
}
