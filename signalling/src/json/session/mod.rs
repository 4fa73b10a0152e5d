//! One page's session: who it is, its calls, and what it was told. Pure: connections, time and randomness are given.
//!
//! ```text
//!              connection lost            not resumed in time
//!  Connected -------------------> Waiting --------------------> Over
//!      ^  |                          |
//!      |  | disconnect, replaced     | resume: what was missed is told, in its order
//!      |  v                          |
//!      | Over                        |
//!      `-----------------------------'
//! ```
//!
//! While it waits its calls go on: the gateway holds media and the other legs, and events are kept for the page.

mod call;
mod commands;
mod headers;
mod ledger;
mod log;
mod news;
mod output;
mod report;
mod requests;
mod state;
mod supervisor;
mod trail;
mod watching;

pub(super) use ledger::Ledger;
pub(super) use log::{EVENTS_MAX, OCTETS_MAX};
pub(super) use output::{Closing, Flow, Output};
pub(super) use requests::new_name;
pub(super) use state::{Session, SessionKey};
