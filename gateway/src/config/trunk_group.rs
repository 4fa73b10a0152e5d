//! Several trunks of a bridge, which carry the same numbers.

use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;
use webtrunk_engine::EndCause;
use webtrunk_signalling::routing::{TrunkGroup, TrunkOrder, USUAL_FAILOVER, USUAL_PROGRESS_TIMEOUT};

use super::faults::Faults;
use super::rules::{Known, known_trunk};

/// The keys of a bridge that are for several trunks, lent.
pub(super) struct GroupKeys<'r> {
    pub(super) weights: Option<&'r Spanned<Vec<u32>>>,
    pub(super) failover: Option<&'r [Failure]>,
    pub(super) progress_timeout_s: Option<&'r Spanned<u32>>,
}

/// Why the next trunk is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Failure {
    /// It does not answer, is down, or is at fault.
    Failed,
    /// It has no room for another call.
    Overloaded,
    Unavailable,
    Busy,
    Declined,
    NoAnswer,
    NotFound,
    Forbidden,
    NotAcceptable,
}

impl GroupKeys<'_> {
    pub(super) fn check(
        &self,
        trunks: &[Spanned<String>],
        number: &str,
        known: &Known<'_>,
        faults: &mut Faults<'_>,
    ) -> TrunkGroup {
        for (index, trunk) in trunks.iter().enumerate() {
            if trunks[..index].iter().any(|earlier| earlier.get_ref() == trunk.get_ref()) {
                faults.add(trunk.span(), "is named twice", "take one out, or give it more weight");
            }
        }
        let weights = self.weights.map_or_else(|| vec![1; trunks.len()], |own| own.get_ref().clone());
        if let Some(written) = self.weights
            && (weights.len() != trunks.len() || weights.iter().all(|weight| *weight == 0))
        {
            let cure = "write one for each trunk, such as [3, 1], not all of them 0";
            faults.add_missing_below(written.span(), "does not fit the trunks", cure);
        }
        let progress_timeout = self.progress_timeout_s.map_or(USUAL_PROGRESS_TIMEOUT, |written| {
            if *written.get_ref() == 0 {
                faults.add(written.span(), "leaves no time to ring", "write 1 or more");
            }
            Duration::from_secs((*written.get_ref()).into())
        });
        let names = trunks.iter().map(|trunk| known_trunk(trunk, known, faults));
        TrunkGroup {
            trunks: names.zip(weights).collect(),
            number: number.to_owned(),
            order: if self.weights.is_some() { TrunkOrder::Weighted } else { TrunkOrder::InTurn },
            failover: self.failover.map_or_else(|| USUAL_FAILOVER.to_vec(), causes),
            progress_timeout,
        }
    }
}

fn causes(failures: &[Failure]) -> Vec<EndCause> {
    failures.iter().flat_map(|failure| failure.causes()).copied().collect()
}

impl Failure {
    const fn causes(self) -> &'static [EndCause] {
        match self {
            Self::Failed => &[EndCause::GatewayFailure, EndCause::SignallingLost, EndCause::MediaFailed],
            Self::Overloaded => &[EndCause::Overloaded],
            Self::Unavailable => &[EndCause::Unavailable],
            Self::Busy => &[EndCause::Busy],
            Self::Declined => &[EndCause::Declined],
            Self::NoAnswer => &[EndCause::NoAnswer],
            Self::NotFound => &[EndCause::NotFound],
            Self::Forbidden => &[EndCause::Forbidden],
            Self::NotAcceptable => &[EndCause::NotAcceptable],
        }
    }
}
