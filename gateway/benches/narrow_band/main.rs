//! What should a browser be asked for when the far side is G.711? A real Chromium calls a phone that speaks
//! PCMU, with real speech, once for each way to ask: what does it send, how does the phone hear it, what
//! does the gateway spend? Then again over a network that loses packets. `make narrow-band` runs it.
//!
//! All ways are measured at the same time, each with a gateway of its own, so that whatever else the
//! machine does befalls all of them.

mod asked;
mod frames;
mod line;
mod table;

#[allow(dead_code, unused_imports, unused_macros, reason = "the call tests use more of it")]
#[path = "../../tests/calls/support/mod.rs"]
mod support;

use std::process::ExitCode;
use std::thread;

use tokio::runtime::{Handle, Runtime};

use asked::Asked;
use line::{Call, Line};
use support::browser::Browser;
use support::speech::Scorer;
use table::Row;

/// Calls of each way, and how long they last: the speech is heard as a whole once in 18 s.
const CLEAN: Rounds = Rounds { loss: 0.0, calls: 5, talk_s: 20.0 };
/// What losing packets does differs more from call to call.
const LOSSY: Rounds = Rounds { loss: 0.05, calls: 3, talk_s: 38.0 };

/// Calls of every way to ask.
struct Rounds {
    loss: f64,
    calls: usize,
    talk_s: f64,
}

fn main() -> ExitCode {
    let (Some(browser), Some(scorer)) = (Browser::start(), Scorer::find()) else { return ExitCode::FAILURE };
    let runtime = Runtime::new().expect("threads can be had");
    let clean = CLEAN.of_all(&browser, runtime.handle());
    let lossy = LOSSY.of_all(&browser, runtime.handle());
    let rows = score(&clean, &lossy, &scorer);
    let costs: Vec<_> = clean.iter().map(|calls| frames::cost(&calls[0].sent)).collect();
    table::print(&rows, &costs, LOSSY.loss);
    ExitCode::SUCCESS
}

/// One row for each way to ask, all at the same time.
fn score(clean: &[Vec<Call>], lossy: &[Vec<Call>], scorer: &Scorer) -> Vec<Row> {
    thread::scope(|scope| {
        let mut rows = Vec::new();
        for (asked, (clean, lossy)) in asked::ALL.iter().zip(clean.iter().zip(lossy)) {
            rows.push(scope.spawn(|| Row::new(*asked, clean, lossy, scorer)));
        }
        rows.into_iter().map(|row| row.join().expect("the phone heard the speech")).collect()
    })
}

impl Rounds {
    /// The calls of each way to ask, all ways at the same time.
    fn of_all(&self, browser: &Browser, runtime: &Handle) -> Vec<Vec<Call>> {
        thread::scope(|scope| {
            let of_one = |asked: &'static Asked| scope.spawn(move || self.of_one(*asked, browser, runtime));
            let lines: Vec<_> = asked::ALL.iter().map(of_one).collect();
            lines.into_iter().map(|line| line.join().expect("its calls succeed")).collect()
        })
    }

    fn of_one(&self, asked: Asked, browser: &Browser, runtime: &Handle) -> Vec<Call> {
        let mut line = Line::new(asked, self.loss, browser, runtime);
        let calls = (0..self.calls).map(|_| line.call(self.talk_s)).collect();
        line.end();
        calls
    }
}
