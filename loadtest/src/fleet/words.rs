//! What a leader and its agents say to each other, as JSON.
//!
//! The bus may lose a message, so an order is repeated until what it asks for was told, and does nothing the second time.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::drive::Live;
use crate::report::{AgentsReport, CallReport, Ending, Moment, Report};
use crate::scenario::Share;
use crate::verdict::Fitness;

/// Of these words; others are not understood.
pub(super) const PROTOCOL: u32 = 3;

/// What the leader of a run says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Order {
    pub(super) protocol: u32,
    pub(super) run: String,
    pub(super) command: Command,
}

/// Whom an order is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum To {
    All,
    Agent(String),
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Command {
    /// Say who you are. Each second, so that agents know that somebody leads them.
    Muster {
        /// By the leader's clock.
        asked_ms: i64,
    },
    /// Connect the agents of your share of this scenario.
    Prepare {
        /// The one of this name that is meant.
        instance: u64,
        share: Share,
        what: Play,
    },
    /// Begin at this time by your own clock.
    Begin { at_ms: i64 },
    /// End all calls.
    Stop,
    /// Tell these rows once more.
    Again { rows: Vec<usize> },
    /// The run is over, or will not be.
    Dismiss,
}

/// What is to be played.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Play {
    /// The name of the scenario's file, and what is in it.
    pub(super) name: String,
    pub(super) text: String,
    /// Its arrivals are times so much.
    pub(super) times: f64,
}

/// What an agent says to the leader of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Told {
    pub(super) protocol: u32,
    pub(super) agent: String,
    pub(super) word: Word,
}

/// What it has to say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Word {
    /// It is there.
    Here {
        /// Tells two of one name apart.
        instance: u64,
        /// As the leader said it.
        asked_ms: i64,
        /// By its own clock.
        clock_ms: i64,
        /// It works for nobody else.
        is_free: bool,
    },
    /// Its agents are connected.
    Ready { agents: BTreeMap<String, AgentsReport> },
    /// It takes no part, or none any more.
    Refused { why: String },
    /// Another second is over.
    Second(Second),
    /// A call is over; rows are numbered from 0.
    Call { row: usize, call: Box<CallReport> },
    /// All of its calls are over.
    Over(Account),
}

/// What a run is like at one agent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Second {
    pub(super) begun: usize,
    pub(super) ringing: usize,
    pub(super) up: usize,
    pub(super) late_percent: f64,
    pub(super) moment: Option<Moment>,
}

/// What an agent tells of its run beside the calls.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Account {
    pub(super) ending: Ending,
    pub(super) agents: BTreeMap<String, AgentsReport>,
    pub(super) turned_away: usize,
    pub(super) fitness: Fitness,
    pub(super) took_s: f64,
    /// How many rows it told.
    pub(super) rows: usize,
}

impl Second {
    pub(super) fn of(live: &Live) -> Self {
        let Live { begun, ringing, up, late_percent, moment, .. } = live;
        Self { begun: *begun, ringing: *ringing, up: *up, late_percent: *late_percent, moment: *moment }
    }
}

impl Account {
    pub(super) fn of(report: Report) -> Self {
        let Report { ending, agents, turned_away, fitness, took_s, calls, .. } = report;
        Self { ending, agents, turned_away, fitness, took_s, rows: calls.len() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::example;
    use crate::verdict::CutVerdict;

    #[test]
    fn what_is_said_is_what_is_heard() {
        let report = example::report();
        let mut call = report.calls[2].clone();
        let verdict = call.verdict.as_mut().expect("it was answered");
        let (away_ms, gap_to_answerer_ms) = (Some(612.5), None);
        let cut =
            CutVerdict { by_answerer: true, lived: true, away_ms, gap_to_caller_ms: 0.0, gap_to_answerer_ms };
        (verdict.cuts, verdict.to_caller.silent_ms) = (vec![cut], 1500.0);
        let word = Word::Call { row: 2, call: Box::new(call) };
        let words = [word, Word::Over(Account::of(report))];
        for word in words {
            let told = Told { protocol: PROTOCOL, agent: "a".to_owned(), word };
            let text = serde_json::to_string(&told).expect("JSON");
            assert_eq!(serde_json::from_str::<Told>(&text).expect("the same"), told, "{text}");
        }
        let share = Share { index: 1, of: 3 };
        let what = Play { name: "x.toml".to_owned(), text: "seed = 7".to_owned(), times: 1.1 };
        for command in [Command::Stop, Command::Prepare { instance: u64::MAX, share, what }] {
            let order = Order { protocol: PROTOCOL, run: "r".to_owned(), command };
            let text = serde_json::to_string(&order).expect("JSON");
            assert_eq!(serde_json::from_str::<Order>(&text).expect("the same"), order, "{text}");
        }
    }
}
