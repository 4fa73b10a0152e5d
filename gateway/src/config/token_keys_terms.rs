//! The terms of `[[token_keys]]`: for whom, of whom, how long, and how far.

use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use toml::Spanned;
use webtrunk_signalling::auth::token::{LIFETIME_MAX, OneUse, Terms, UnknownClaims};
use webtrunk_signalling::auth::validity::{UnixTime, Validity};

use super::faults::Faults;
use super::token_keys::{Kind, TokenKeySection};

/// Longest life of any token, in s: a day, for what the web call server's makers make.
const LIFETIME_MOST_S: u64 = 86_400;

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
pub(super) enum OneUseWord {
    Required,
    Named,
    Never,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
pub(super) enum UnknownClaimsWord {
    Refuse,
    Ignore,
}

impl TokenKeySection {
    pub(super) fn terms(&self, faults: &mut Faults<'_>) -> Terms {
        let kind = *self.kind.get_ref();
        let is_of_web_call_server = matches!(kind, Kind::Bridge | Kind::Legacy);
        let names = [("audience", &self.audience), ("issuer", &self.issuer)];
        for (name, written) in names {
            if let Some(written) = written.as_ref().filter(|_| is_of_web_call_server) {
                faults.add(written.span(), format!("tokens of this kind have no {name}"), "take it out");
            }
        }
        if let Some(words) =
            self.unknown_claims.as_ref().filter(|_| is_of_web_call_server || kind == Kind::Wt1)
        {
            faults.add(words.span(), "is for JWTs alone", "take it out");
        }
        if self.audience.is_none() && !is_of_web_call_server {
            let problem = "has no audience, so tokens for another gateway would be good here";
            faults.add_missing(self.kind.span(), problem, "add audience, a name that this gateway alone has");
        }
        let usual = if is_of_web_call_server { LIFETIME_MOST_S } else { LIFETIME_MAX.as_secs() };
        let lifetime = self.lifetime_max_s.as_ref().map_or(usual, |written| {
            if !(1..=LIFETIME_MOST_S).contains(written.get_ref()) {
                faults.add(written.span(), "is no time that tokens may live", "write 1 to 86400 seconds");
            }
            *written.get_ref()
        });
        let cure = "write a number, or how numbers begin and a star, such as \"+4930*\"";
        Terms {
            audience: self.audience.as_ref().map(|own| own.get_ref().clone()),
            issuer: self.issuer.as_ref().map(|own| own.get_ref().clone()),
            customer: self.customer.clone(),
            hosts: faults
                .parse_all(&self.hosts, "write the names or addresses of SIP servers, without ports"),
            destinations: self.destinations.as_ref().map(|own| faults.parse_all(own, cure)),
            lifetime_max: Duration::from_secs(lifetime),
            one_use: match self.one_use {
                Some(OneUseWord::Required) => OneUse::Required,
                Some(OneUseWord::Never) => OneUse::Never,
                Some(OneUseWord::Named) | None => OneUse::Named,
            },
            unknown_claims: match self.unknown_claims.as_ref().map(Spanned::get_ref) {
                Some(UnknownClaimsWord::Ignore) => UnknownClaims::Ignore,
                Some(UnknownClaimsWord::Refuse) | None => UnknownClaims::Refuse,
            },
        }
    }

    pub(super) fn validity(&self, faults: &mut Faults<'_>) -> Option<Validity> {
        let mut time = |written: &Option<Spanned<String>>| check_time(written.as_ref(), faults);
        let (not_before, not_after) = (time(&self.not_before), time(&self.not_after));
        let validity = Validity { not_before: not_before?, not_after: not_after? };
        if let (Some(from), Some(until)) = (validity.not_before, validity.not_after)
            && until <= from
            && let Some(written) = &self.not_after
        {
            faults.add(
                written.span(),
                "is not after not_before, so the key is never in force",
                "correct one of them",
            );
        }
        Some(validity)
    }
}

/// A time as written; `None` is no time.
pub(super) fn check_time(
    written: Option<&Spanned<String>>,
    faults: &mut Faults<'_>,
) -> Option<Option<UnixTime>> {
    let Some(written) = written else { return Some(None) };
    let cure = "write a time with its zone, such as \"2026-11-28T09:00:00Z\"";
    let time: Timestamp = faults.parse(written, cure)?;
    Some(u64::try_from(time.as_second()).ok().map(UnixTime))
}
