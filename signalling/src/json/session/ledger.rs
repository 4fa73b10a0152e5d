//! What tokens were used for: calls at one time and in all, over every session that came by the same one.

use std::collections::HashMap;

use crate::auth::validity::{CLOCK_LEEWAY, UnixTime};
use crate::json::door::{Granted, TokenId};

/// Tokens that are remembered at one time. Past it none with a limit may call, since to forget one would give it its
/// calls anew.
const TOKENS_MAX: usize = 100_000;

/// Why a token's page may not have another call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(in crate::json) enum Limit {
    /// At one time.
    #[error("the token lets the page have no more calls at one time")]
    AtOneTime,
    /// In all.
    #[error("the token lets the page make no more calls")]
    InAll,
}

/// Every token that has a limit.
#[derive(Debug, Default)]
pub(in crate::json) struct Ledger {
    tokens: HashMap<TokenId, Used>,
}

#[derive(Debug)]
struct Used {
    now: u32,
    total: u32,
    expires: UnixTime,
}

impl Ledger {
    /// Notes a call, which the page makes where `is_placed`.
    pub(super) fn begin(&mut self, granted: &Granted, is_placed: bool) -> Result<(), Limit> {
        let claims = &granted.grant.claims;
        let fresh = || Used { now: 0, total: 0, expires: claims.expires };
        if self.tokens.len() >= TOKENS_MAX && !self.tokens.contains_key(&granted.token) {
            return Err(Limit::AtOneTime);
        }
        let used = self.tokens.entry(granted.token).or_insert_with(fresh);
        if claims.calls_max.is_some_and(|max| used.now >= max) {
            return Err(Limit::AtOneTime);
        }
        if is_placed && claims.calls_total_max.is_some_and(|max| used.total >= max) {
            return Err(Limit::InAll);
        }
        used.now += 1;
        used.total += u32::from(is_placed);
        Ok(())
    }

    /// A call that was noted is over.
    pub(super) fn end(&mut self, granted: &Granted) {
        if let Some(used) = self.tokens.get_mut(&granted.token) {
            used.now = used.now.saturating_sub(1);
        }
    }

    /// Forgets what nobody can come by any more, and no session came by; `is_held` says which ones did.
    pub(in crate::json) fn forget(&mut self, wall: UnixTime, is_held: impl Fn(&TokenId) -> bool) {
        self.tokens
            .retain(|token, used| used.now > 0 || used.expires.plus(CLOCK_LEEWAY) > wall || is_held(token));
    }
}
