//! Draws the whole state x input table of a machine, for the tests.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use super::step::{Step, Tell};

/// One machine brought into a named state.
pub(super) type Column<M> = (&'static str, M);

/// One input, applied at the given time.
pub(super) type Row<M> = (&'static str, fn(&mut M, Instant) -> Step);

/// Applies each input to a fresh machine in each state; a cell reads `effects -> next state`.
pub(super) fn draw<M>(
    columns: fn(Instant) -> Vec<Column<M>>,
    rows: &[Row<M>],
    state_name: fn(&M) -> &'static str,
    poll_timeout: fn(&M) -> Option<Instant>,
) -> String {
    let start = Instant::now();
    let mut grid = vec![vec![String::new()]];
    grid[0].extend(columns(start).iter().map(|(name, _)| (*name).to_owned()));
    for (row_name, input) in rows {
        let mut line = vec![(*row_name).to_owned()];
        for (_, mut machine) in columns(start) {
            let before = state_name(&machine);
            let step = input(&mut machine, start);
            line.push(cell(&step, before, state_name(&machine)));
        }
        grid.push(line);
    }
    let mut timer_line = vec!["next timer".to_owned()];
    timer_line.extend(columns(start).iter().map(|(_, machine)| timer(poll_timeout(machine), start)));
    grid.push(timer_line);
    render(&grid)
}

/// A time so late that every timer of a machine is due.
pub(super) fn much_later(start: Instant) -> Instant {
    start + Duration::from_secs(3600)
}

fn cell(step: &Step, before: &str, after: &str) -> String {
    let mut text = String::new();
    if let Some(bytes) = &step.transmit {
        write!(text, "send {} ", String::from_utf8_lossy(bytes)).expect("writes to a String");
    }
    text.push_str(match step.tell {
        Some(Tell::Message) => "up ",
        Some(Tell::TimedOut) => "timed out ",
        Some(Tell::FlowFailed) => "flow failed ",
        None => "",
    });
    if before != after {
        write!(text, "-> {after}").expect("writes to a String");
    }
    let text = text.trim_end();
    if text.is_empty() { "-".to_owned() } else { text.to_owned() }
}

fn timer(at: Option<Instant>, start: Instant) -> String {
    at.map_or_else(|| "none".to_owned(), |at| format!("{:?}", at - start))
}

fn render(grid: &[Vec<String>]) -> String {
    let widths: Vec<usize> = (0..grid[0].len())
        .map(|column| grid.iter().map(|line| line[column].len()).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for line in grid {
        let cells: Vec<String> =
            line.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        text.push_str(cells.join(" | ").trim_end());
        text.push('\n');
    }
    text
}
