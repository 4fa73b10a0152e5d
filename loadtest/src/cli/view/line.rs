//! A run in lines, for logs and pipes.

use std::time::{Duration, Instant};

use webtrunk_loadtest::drive::Live;

/// How often a line is told.
const LINE_INTERVAL: Duration = Duration::from_secs(2);

/// What a run is like, in lines.
#[derive(Debug, Default)]
pub(in crate::cli) struct Line {
    told_at: Option<Instant>,
}

impl Line {
    pub(in crate::cli) fn tell(&mut self, live: &Live) {
        if self.told_at.is_some_and(|at| at.elapsed() < LINE_INTERVAL) {
            return;
        }
        self.told_at = Some(Instant::now());
        eprintln!("{}", line(live));
    }
}

fn line(live: &Live) -> String {
    let figure = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.1}"));
    let over: Vec<_> = live.over.iter().map(|(cause, count)| format!("{count} {cause}")).collect();
    format!(
        "{} begun, {} ringing, {} up; set-up {} ms, MOS {}, loss {:.2} %; over: {}",
        live.begun,
        live.ringing,
        live.up,
        figure(live.setup_p50_ms),
        figure(live.mos_p50),
        live.loss_percent,
        if over.is_empty() { "none".to_owned() } else { over.join(", ") },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_what_there_is() {
        assert_eq!(
            line(&Live::default()),
            "0 begun, 0 ringing, 0 up; set-up - ms, MOS -, loss 0.00 %; over: none"
        );
        let over = [("ok".to_owned(), 3), ("one_way".to_owned(), 1)].into();
        let live = Live { begun: 5, up: 1, over, setup_p50_ms: Some(41.26), ..Live::default() };
        assert!(line(&live).ends_with("set-up 41.3 ms, MOS -, loss 0.00 %; over: 3 ok, 1 one_way"));
    }
}
