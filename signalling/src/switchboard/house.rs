//! What decides what becomes of calls.

use std::sync::Arc;

use crate::adapter::Origin;
use crate::b2bua::{Directory, Settings};
use crate::routing::{Decision, Query, Rules};

/// Rules, settings and the directory; it is replaced as a whole.
pub struct House {
    /// Who may call whom.
    pub rules: Rules,
    /// How calls behave.
    pub settings: Settings,
    /// Where everybody is.
    pub directory: Arc<dyn Directory + Send + Sync>,
}

impl House {
    /// What becomes of a call.
    pub(super) fn route(&self, query: &Query<'_>) -> Decision {
        route(&self.rules, self.directory.as_ref(), query)
    }
}

/// What rules say of a call, by the trunks of who makes it alone where it has such.
#[must_use]
pub fn route(rules: &Rules, directory: &dyn Directory, query: &Query<'_>) -> Decision {
    let decision = rules.route(query);
    let own = match query.origin {
        Origin::User(user) => directory.own_trunks(user),
        Origin::Trunk(_) => None,
    };
    match own {
        Some(own) => decision.by_trunks(&own),
        None => decision,
    }
}
