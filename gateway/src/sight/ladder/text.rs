//! The ladder for a terminal.
//!
//! ```text
//!              alice                    webtrunk                     2001
//!      WSS 192.0.2.7:51234                                  UDP 192.0.2.9:5060
//!   +0.000       |----- INVITE [opus DTLS] --->|                         |
//! ```

use std::fmt::Write;
use std::time::Duration;

use jiff::Timestamp;

use super::build::Ladder;
use super::step::{Step, printable};

/// Columns of the terminal for the time.
const GUTTER: usize = 10;

/// How far columns stand apart at least: `100 Trying` and an arrow around it.
const STEP_MIN: usize = 20;

/// And at most. Chosen by us: the eye has to follow.
const STEP_MAX: usize = 48;

/// The ladder in lines of about `width` characters: where there are many parties, they are longer.
#[must_use]
pub fn text(ladder: &Ladder, width: usize) -> String {
    let columns = Columns::new(ladder.parties.len(), width);
    let mut out = head(ladder);
    if ladder.parties.is_empty() {
        return out;
    }
    out.push('\n');
    let names: Vec<_> = ladder.parties.iter().map(|party| printable(&party.name)).collect();
    let addresses: Vec<_> = ladder.parties.iter().map(super::Party::address).collect();
    push_line(&mut out, &columns.heads(&names));
    push_line(&mut out, &columns.heads(&addresses));
    let gap = (ladder.omitted > 0).then(|| widest_gap(&ladder.steps));
    for (index, step) in ladder.steps.iter().enumerate() {
        push_line(&mut out, &columns.rung(step));
        if gap == Some(index) {
            push_line(&mut out, &format!("{:GUTTER$}... {} messages were not kept ...", "", ladder.omitted));
        }
    }
    out
}

/// What is told before the picture.
fn head(ladder: &Ladder) -> String {
    let mut out = String::new();
    let state = match (&ladder.call, ladder.is_over) {
        (None, _) => "belongs to no call",
        (Some(_), true) => "over",
        (Some(_), false) => "goes on",
    };
    let name = ladder.call.as_deref().unwrap_or("-");
    let began = ladder.began_at.and_then(|at| Timestamp::try_from(at).ok());
    let began = began.map_or_else(|| "no message".to_owned(), |at| format!("{at:.3}"));
    let count = ladder.steps.len();
    let _ = writeln!(out, "{name}  {began}  {count} message{}  {state}", if count == 1 { "" } else { "s" });
    for call_id in &ladder.call_ids {
        let _ = writeln!(out, "Call-ID: {}", printable(call_id));
    }
    out
}

/// The rung after which the time is longest without a message: there are those that were not kept.
fn widest_gap(steps: &[Step]) -> usize {
    let gap = |index: &usize| steps[index + 1].offset.saturating_sub(steps[*index].offset);
    (0..steps.len().saturating_sub(1)).max_by_key(gap).unwrap_or_default()
}

/// Where the columns stand.
struct Columns {
    count: usize,
    first: usize,
    step: usize,
}

impl Columns {
    fn new(count: usize, width: usize) -> Self {
        // Half a step on both sides, for the names.
        let step = width.saturating_sub(GUTTER) / count.max(1);
        let step = step.clamp(STEP_MIN, STEP_MAX);
        Self { count, first: GUTTER + step / 2, step }
    }

    fn at(&self, column: usize) -> usize {
        self.first + column * self.step
    }

    fn width(&self) -> usize {
        self.at(self.count) - self.step / 2
    }

    /// Texts above their columns.
    fn heads(&self, texts: &[String]) -> String {
        let mut line = vec![' '; self.width()];
        for (column, text) in texts.iter().enumerate() {
            let text = shortened(text, self.step - 2);
            let begin = self.at(column) - text.chars().count() / 2;
            put(&mut line, begin, &text);
        }
        line.into_iter().collect()
    }

    fn rung(&self, step: &Step) -> String {
        let mut line = vec![' '; self.width()];
        put(&mut line, 0, &format!("{:>8}", offset(step.offset)));
        for column in 0..self.count {
            line[self.at(column)] = '│';
        }
        let (left, right) = (self.at(step.from.min(step.to)), self.at(step.from.max(step.to)));
        let dash = if step.is_repeated { '╌' } else { '─' };
        line[left + 1..right].fill(dash);
        if step.from < step.to {
            line[right - 1] = '>';
        } else {
            line[left + 1] = '<';
        }
        // A dash and a space on both sides, and the head of the arrow.
        let label = shortened(&step.label(), right - left - 7);
        let begin = left + (right - left - label.chars().count() - 2) / 2 + 1;
        put(&mut line, begin - 1, &format!(" {label} "));
        line.into_iter().collect()
    }
}

/// `+1.234`, and of more than a thousand seconds without their fractions.
fn offset(offset: Duration) -> String {
    let seconds = offset.as_secs_f64();
    if seconds < 1000.0 { format!("+{seconds:.3}") } else { format!("+{seconds:.0}") }
}

fn put(line: &mut [char], at: usize, text: &str) {
    for (place, char) in line.iter_mut().skip(at).zip(text.chars()) {
        *place = char;
    }
}

fn shortened(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    let mut kept: String = text.chars().take(max.saturating_sub(1)).collect();
    kept.push('…');
    kept
}

fn push_line(out: &mut String, line: &str) {
    out.push_str(line.trim_end());
    out.push('\n');
}
