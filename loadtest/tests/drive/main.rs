//! Runs of scenarios: against a gateway that is faulty on purpose, and without any gateway at all.

mod capacity;
mod endings;
mod faulty;
mod import;
mod screen;
mod stage;
mod talk;
mod verdicts;
