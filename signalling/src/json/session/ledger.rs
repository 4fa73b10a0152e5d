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

/// Every token that has a limit. One that has none is not remembered.
#[derive(Debug, Default)]
pub(in crate::json) struct Ledger {
    tokens: HashMap<TokenId, Used>,
}

#[derive(Debug)]
struct Used {
    /// Sessions that came by it.
    sessions: u32,
    now: u32,
    total: u32,
    expires: UnixTime,
}

impl Ledger {
    /// A session came by a token: it is remembered while that is there.
    pub(in crate::json) fn hold(&mut self, granted: &Granted) {
        if let Some(used) = self.remember(granted) {
            used.sessions += 1;
        }
    }

    /// A session is over.
    pub(in crate::json) fn release(&mut self, granted: &Granted) {
        if let Some(used) = self.tokens.get_mut(&granted.token) {
            used.sessions = used.sessions.saturating_sub(1);
        }
    }

    /// Notes a call, which the page makes where `is_placed`.
    pub(super) fn begin(&mut self, granted: &Granted, is_placed: bool) -> Result<(), Limit> {
        if !is_limited(granted) {
            return Ok(());
        }
        let claims = &granted.grant.claims;
        let used = self.remember(granted).ok_or(Limit::AtOneTime)?;
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

    /// Forgets what nobody can come by any more, and no session came by.
    pub(in crate::json) fn forget(&mut self, wall: UnixTime) {
        let is_of_use =
            |used: &Used| used.now > 0 || used.sessions > 0 || used.expires.plus(CLOCK_LEEWAY) > wall;
        self.tokens.retain(|_, used| is_of_use(used));
    }

    /// What is known of a token that has a limit, where there is room to remember it.
    fn remember(&mut self, granted: &Granted) -> Option<&mut Used> {
        let has_room = self.tokens.len() < TOKENS_MAX || self.tokens.contains_key(&granted.token);
        let expires = granted.grant.claims.expires;
        let fresh = || Used { sessions: 0, now: 0, total: 0, expires };
        (has_room && is_limited(granted)).then(|| self.tokens.entry(granted.token).or_insert_with(fresh))
    }
}

fn is_limited(granted: &Granted) -> bool {
    let claims = &granted.grant.claims;
    claims.calls_max.is_some() || claims.calls_total_max.is_some()
}
