//! What can go wrong with several load testers.

/// A run by several load testers cannot be.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    /// There is no bus.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// There is no run.
    #[error(transparent)]
    Lead(#[from] LeadError),
}

/// The NATS server is of no use. No variant has a secret in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BusError {
    /// The address is none.
    #[error("--nats: {0}; write nats://HOST:4222, or tls://HOST:4222")]
    Address(String),
    /// Whoever hears the network could lead the agents.
    #[error(
        "--nats: {server} is on another machine and without TLS; take tls://, or say --nats-plain where nobody else is on that network"
    )]
    Plain {
        /// Which.
        server: String,
    },
    /// The credentials are of no use.
    #[error("--nats-credentials: {0}; give one line, USER:PASSWORD or a token, or a .creds file")]
    Credentials(String),
    /// A name that subjects cannot have.
    #[error("{option}: {name:?} is no name here; take up to 64 letters, digits, - and _")]
    Name {
        /// Of what.
        option: &'static str,
        /// The name.
        name: String,
    },
    /// It cannot be reached, or does not let us in.
    #[error("no NATS server at {server}: {why}; is it running, and are the credentials its own?")]
    Unreachable {
        /// Which.
        server: String,
        /// Why.
        why: String,
    },
    /// It takes no more.
    #[error("the NATS server takes nothing: {0}")]
    Lost(String),
}

/// There is no run by these agents.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LeadError {
    /// The scenario does not suffice for so many.
    #[error("{}", .0.join("\n"))]
    Unsplittable(Vec<String>),
    /// The bus does not carry an order that has the scenario in it.
    #[error(
        "the scenario is {octets} octets long as an order, and the bus carries {most}; name accounts by a pattern or passwords by files, or give the NATS server a larger max_payload"
    )]
    TooLong {
        /// How long an order with it is.
        octets: usize,
        /// How long a message may be.
        most: usize,
    },
    /// Not so many agents are there and free.
    #[error(
        "{} of {wanted} agents are there{}; start more with webtrunk-loadtest agent, on the same --nats and --fleet, or wait longer with --agents-within",
        .here.len(), told(.here, .busy)
    )]
    TooFew {
        /// How many there have to be.
        wanted: usize,
        /// Who is there.
        here: Vec<String>,
        /// Who is there, and at work for another leader.
        busy: Vec<String>,
    },
    /// Two agents would take each other's orders.
    #[error("two agents call themselves {0}; give each a --name of its own")]
    TwoOfOneName(String),
    /// They would not understand each other.
    #[error("agent {0} is of another version of webtrunk-loadtest; take the same on all machines")]
    OtherVersion(String),
    /// One does not want to.
    #[error("agent {name} does not take part: {why}")]
    Refused {
        /// Which.
        name: String,
        /// Why.
        why: String,
    },
    /// Some did not say that they are ready.
    #[error("not ready in time: {}; are their agents' targets there?", .0.join(", "))]
    NotReady(Vec<String>),
    /// Some were not heard of any more before the run began.
    #[error("vanished before the run began: {}; are they still running, and on the bus?", .0.join(", "))]
    Vanished(Vec<String>),
    /// Whoever leads it wanted no more.
    #[error("broken off before the run began")]
    BrokenOff,
}

fn told(here: &[String], busy: &[String]) -> String {
    let mut told = String::new();
    if !here.is_empty() {
        told += &format!(" ({})", here.join(", "));
    }
    if !busy.is_empty() {
        told += &format!(", and at work for another leader: {}", busy.join(", "));
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_missing_is_told_with_who_is_there() {
        let few = |here: &[&str], busy: &[&str]| {
            let owned = |names: &[&str]| names.iter().map(|it| (*it).to_owned()).collect();
            LeadError::TooFew { wanted: 3, here: owned(here), busy: owned(busy) }.to_string()
        };
        assert!(few(&[], &[]).starts_with("0 of 3 agents are there; start more"));
        assert!(
            few(&["a", "b"], &["c"])
                .starts_with("2 of 3 agents are there (a, b), and at work for another leader: c;")
        );
    }
}
