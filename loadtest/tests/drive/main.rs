//! Runs of scenarios: against a gateway that is faulty on purpose, by several processes, and without any gateway at all.

mod branches;
mod bus;
mod capacity;
mod chance;
mod codecs;
mod consent;
mod creds;
mod digits;
mod endings;
mod faulty;
mod fleet;
mod import;
mod leaving;
mod nats;
mod process;
mod program;
mod registrar;
mod schema;
mod screen;
mod share;
mod speech;
mod stage;
mod talk;
mod terminal;
mod thresholds;
mod verdicts;
