//! Scenarios of SIPp, made into scenarios of our own.
//!
//! A scenario of SIPp is one end of a call, message by message; one of ours is calls with what happens in them. So it is
//! walked through as SIPp would, and what it says is noted as what happens. Ways that chance chooses become calls of
//! several kinds. Of ways that the target chooses the one is taken on which the call is answered. What there is no word
//! for is told by line and element, and then nothing is made.
//!
//! ```text
//! XML --> elements --> walk, for each line of fields --> cast --> TOML
//! ```

mod action;
mod cast;
mod element;
mod fault;
mod injection;
mod message;
mod pause;
mod plan;
mod sdp;
mod state;
#[cfg(test)]
mod tests;
mod variables;
mod walk;
mod words;
mod write;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use crate::agent::PhoneTransport;
use crate::scenario::{Scenario, ScenarioError};

use cast::Cast;
use element::Element;
pub use fault::{ImportError, Remark};
use injection::Injection;
use walk::Walk;
use words::Words;

/// What is imported.
#[derive(Debug, Clone, Copy)]
pub struct Source<'s> {
    /// The scenario's file, as it is called where something is said of it.
    pub file: &'s str,
    /// The scenario.
    pub xml: &'s str,
    /// An injection file, and what is in it.
    pub injection: Option<(&'s str, &'s str)>,
}

/// What SIPp is told on its command line, and no scenario says.
#[derive(Debug, Clone, PartialEq)]
pub struct Wishes {
    /// The target's `address:port`.
    pub target: String,
    /// How it speaks SIP.
    pub transport: PhoneTransport,
    /// `[service]`: who is called, where fields do not say it.
    pub service: String,
    /// Pauses of which nothing is said.
    pub pause: Duration,
    /// Calls that begin in a second; above zero.
    pub rate: f64,
    /// Calls in all.
    pub calls: usize,
    /// Calls at one time; as many as SIPp allows where nothing is said.
    pub at_once: Option<usize>,
    /// Where a scenario that answers is.
    pub bind: String,
}

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The scenario.
    pub toml: String,
    /// What is done otherwise than by SIPp, in the order of its lines.
    pub remarks: Vec<Remark>,
}

impl Default for Wishes {
    /// What SIPp does where it is told nothing, but for the rate and the calls, which it does not bound.
    fn default() -> Self {
        Self {
            target: "127.0.0.1:5060".to_owned(),
            transport: PhoneTransport::Udp,
            service: "service".to_owned(),
            pause: Duration::ZERO,
            rate: 1.0,
            calls: 10,
            at_once: None,
            bind: "127.0.0.1:5080".to_owned(),
        }
    }
}

/// Makes a scenario of ours.
///
/// # Errors
/// There are no words for something in it: all of that, by line and element, as far as it was come to.
pub fn import(source: &Source<'_>, wishes: &Wishes) -> Result<Imported, ImportError> {
    let failed = |remarks: Vec<Remark>| ImportError { file: source.file.to_owned(), remarks };
    let elements = Element::read(source.xml).map_err(|remark| failed(vec![remark]))?;
    let injection = match source.injection {
        Some((file, text)) => Some(Injection::parse(file, text)?),
        None => None,
    };
    let rows: Vec<Option<&[String]>> = match &injection {
        Some(injection) => injection.rows.iter().map(|row| Some(row.as_slice())).collect(),
        None => vec![None],
    };
    let mut lines = Vec::new();
    for row in rows {
        let words = Words { service: &wishes.service, row };
        lines.push(Walk::new(&elements, words).ways(wishes.pause.as_secs_f64()).map_err(failed)?);
    }
    let mut remarks: BTreeSet<Remark> =
        injection.and_then(|injection| injection.remark).into_iter().collect();
    let cast = Cast::of(lines, &mut remarks).map_err(|remark| failed(vec![remark]))?;
    if cast.manner.registers && cast.people.iter().all(|person| person.password.is_none()) {
        remarks.insert(Remark::of_file(
            "registers without credentials, which nobody here does: that is left out",
        ));
    }
    let is_loopback = |address: &str| address.parse::<SocketAddr>().is_ok_and(|it| it.ip().is_loopback());
    if cast.manner.is_answerer && is_loopback(&wishes.bind) && !is_loopback(&wishes.target) {
        let text = format!("listens at {}, to which {} has no way; give --bind", wishes.bind, wishes.target);
        remarks.insert(Remark::of_file(text));
    }
    let toml = write::write(source.file, &cast, wishes, &remarks);
    match Scenario::parse(Path::new("import.toml"), &toml) {
        Ok(_) => Ok(Imported { toml, remarks: remarks.into_iter().collect() }),
        Err(ScenarioError::Faulty { faults, .. }) => {
            let told =
                faults.iter().map(|fault| Remark::of_file(format!("makes no sound scenario: {fault}")));
            Err(failed(told.collect()))
        }
        Err(error) => Err(failed(vec![Remark::of_file(error.to_string())])),
    }
}
