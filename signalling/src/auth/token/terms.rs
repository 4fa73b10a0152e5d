//! What a key's tokens may say, whoever makes them.

use std::time::Duration;

use super::claims::{Claims, Destination, UnknownClaims};
use super::host::HostName;
use super::key::Format;
use super::refusal::Refusal;
use crate::auth::validity::{CLOCK_LEEWAY, UnixTime};

/// How long tokens are good for where a key does not say: time to load a page and to connect.
pub const LIFETIME_MAX: Duration = Duration::from_secs(600);

/// The terms of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// The name that its tokens are made for; `None` where the format has none.
    pub audience: Option<String>,
    /// Who makes them; `None` is anybody who has the key.
    pub issuer: Option<String>,
    /// Whose they are; `None` is whom each names.
    pub customer: Option<String>,
    /// The hosts that accounts may name. Others would be sent passwords, and calls.
    pub hosts: Vec<HostName>,
    /// What they may call at most; `None` is all that the dial plan lets them.
    pub destinations: Option<Vec<Destination>>,
    /// How long they are good for at most.
    pub lifetime_max: Duration,
    /// Which are good once.
    pub one_use: OneUse,
    /// What becomes of claims that we do not know.
    pub unknown_claims: UnknownClaims,
}

/// Which tokens of a key are good once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OneUse {
    /// All of them.
    Required,
    /// Those that have a name to know them by (`jti`).
    #[default]
    Named,
    /// None: identity providers give all their tokens names, and pages use them again.
    Never,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            audience: None,
            issuer: None,
            customer: None,
            hosts: Vec::new(),
            destinations: None,
            lifetime_max: LIFETIME_MAX,
            one_use: OneUse::default(),
            unknown_claims: UnknownClaims::default(),
        }
    }
}

impl Terms {
    /// Whether claims keep to them now.
    ///
    /// # Errors
    /// What they break.
    pub fn judge(&self, claims: &Claims, format: Format, now: UnixTime) -> Result<(), Refusal> {
        self.judge_time(claims, format, now)?;
        self.judge_names(claims)?;
        let Some(account) = &claims.account else { return Ok(()) };
        if format == Format::Jwt && account.has_password() {
            return Err(Refusal::ReadablePassword);
        }
        match account.hosts().find(|host| !self.hosts.contains(host)) {
            Some(host) => Err(Refusal::HostNotAllowed(host.as_str().to_owned())),
            None => Ok(()),
        }
    }

    fn judge_time(&self, claims: &Claims, format: Format, now: UnixTime) -> Result<(), Refusal> {
        if claims.expires.plus(CLOCK_LEEWAY) <= now {
            return Err(Refusal::Expired(claims.expires));
        }
        if let Some(from) = claims.not_before.filter(|from| *from > now.plus(CLOCK_LEEWAY)) {
            return Err(Refusal::NotYet(from));
        }
        let begun = match claims.issued_at {
            Some(made) if made > now.plus(CLOCK_LEEWAY) => return Err(Refusal::MadeInFuture(made)),
            Some(made) => made,
            // The web call server's tokens do not say when they were made: what is left of them is what counts.
            None if format.is_of_web_call_server() => now.plus(CLOCK_LEEWAY),
            None => return Err(Refusal::MissingClaim("iat")),
        };
        let lifetime = claims.expires.since(begun);
        if lifetime > self.lifetime_max {
            let (seconds, most) = (lifetime.as_secs(), self.lifetime_max.as_secs());
            return Err(Refusal::LivesTooLong { seconds, most });
        }
        Ok(())
    }

    fn judge_names(&self, claims: &Claims) -> Result<(), Refusal> {
        if let Some(own) = self.audience.as_ref().filter(|own| !claims.audience.0.contains(own)) {
            return Err(Refusal::WrongAudience(own.clone()));
        }
        if let Some(own) = self.issuer.as_ref().filter(|own| claims.issuer.as_ref() != Some(own)) {
            return Err(Refusal::WrongIssuer(own.clone()));
        }
        let is_another = |own: &&String| claims.customer.as_ref().is_some_and(|named| named != *own);
        match self.customer.as_ref().filter(is_another) {
            Some(own) => Err(Refusal::WrongCustomer(own.clone())),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MADE: u64 = 1_764_288_000;

    fn claims(json: &str) -> Claims {
        let json = format!(r#"{{"iat":{MADE},"exp":{},{json}}}"#, MADE + 300);
        Claims::parse(json.as_bytes(), UnknownClaims::Refuse).expect("claims")
    }

    fn judge(terms: &Terms, json: &str, after: i64) -> Result<(), Refusal> {
        let now = UnixTime(MADE.saturating_add_signed(after));
        terms.judge(&claims(json), Format::Sealed, now)
    }

    #[test]
    fn a_token_is_good_from_its_making_to_its_end_and_half_a_minute_more_by_another_clock() {
        let terms = Terms::default();
        let name = r#""sub":"alice""#;
        assert_eq!(judge(&terms, name, -31), Err(Refusal::MadeInFuture(UnixTime(MADE))));
        assert_eq!(judge(&terms, name, -30), Ok(()));
        assert_eq!(judge(&terms, name, 329), Ok(()));
        assert_eq!(judge(&terms, name, 330), Err(Refusal::Expired(UnixTime(MADE + 300))));
        let later = format!(r#""nbf":{}"#, MADE + 100);
        assert_eq!(judge(&terms, &later, 69), Err(Refusal::NotYet(UnixTime(MADE + 100))));
        assert_eq!(judge(&terms, &later, 70), Ok(()));
    }

    #[test]
    fn a_token_lives_no_longer_than_its_key_lets_it() {
        let terms = Terms { lifetime_max: Duration::from_secs(299), ..Terms::default() };
        let expected = Err(Refusal::LivesTooLong { seconds: 300, most: 299 });
        assert_eq!(judge(&terms, r#""sub":"alice""#, 0), expected, "though little of it is left");
        assert_eq!(judge(&terms, r#""sub":"alice""#, 299), expected);
        let mut unnamed = claims(r#""sub":"alice""#);
        unnamed.issued_at = None;
        let judge = |format, now| terms.judge(&unnamed, format, UnixTime(now));
        assert_eq!(judge(Format::Sealed, MADE), Err(Refusal::MissingClaim("iat")));
        assert_eq!(judge(Format::Jwt, MADE), Err(Refusal::MissingClaim("iat")));
        assert_eq!(judge(Format::Bridge, MADE), Ok(()));
        let early = judge(Format::Legacy, MADE - 30);
        assert!(matches!(early, Err(Refusal::LivesTooLong { .. })), "{early:?}");
    }

    #[test]
    fn a_token_is_for_one_gateway_of_one_maker_and_one_customer() {
        let own = |text: &str| Some(text.to_owned());
        let terms =
            Terms { audience: own("a"), issuer: own("crm"), customer: own("acme"), ..Terms::default() };
        let names = |aud, iss, rest| format!(r#""aud":{aud},"iss":{iss}{rest}"#);
        let judge = |aud, iss, rest| judge(&terms, &names(aud, iss, rest), 0);
        assert_eq!(judge(r#""a""#, r#""crm""#, ""), Ok(()));
        assert_eq!(judge(r#"["b","a"]"#, r#""crm""#, r#","customer":"acme""#), Ok(()));
        assert_eq!(judge(r#""A""#, r#""crm""#, ""), Err(Refusal::WrongAudience("a".to_owned())));
        assert_eq!(judge("[]", r#""crm""#, ""), Err(Refusal::WrongAudience("a".to_owned())));
        assert_eq!(judge(r#""a""#, r#""erp""#, ""), Err(Refusal::WrongIssuer("crm".to_owned())));
        let other = judge(r#""a""#, r#""crm""#, r#","customer":"other""#);
        assert_eq!(other, Err(Refusal::WrongCustomer("acme".to_owned())));
    }

    #[test]
    fn an_account_goes_to_hosts_that_somebody_allowed() {
        let hosts = vec!["sip.example.net".parse().expect("a host")];
        let terms = Terms { hosts, ..Terms::default() };
        let account = |more| format!(r#""account":{{"user":"1001"{more}}}"#);
        assert_eq!(judge(&terms, &account(""), 0), Ok(()));
        assert_eq!(judge(&terms, &account(r#","domain":"SIP.example.net""#), 0), Ok(()));
        for more in [
            r#","domain":"169.254.169.254""#,
            r#","domain":"sip.example.net","outbound_proxy":"localhost:22""#,
            r#","domain":"sip.example.net.evil.example""#,
        ] {
            let told = judge(&terms, &account(more), 0);
            assert!(matches!(told, Err(Refusal::HostNotAllowed(_))), "{more}: {told:?}");
        }
    }

    #[test]
    fn a_password_is_not_put_where_the_page_reads_it() {
        let terms = Terms::default();
        let claims = claims(r#""account":{"user":"1001","password":"p"}"#);
        let judge = |format| terms.judge(&claims, format, UnixTime(MADE));
        assert_eq!(judge(Format::Jwt), Err(Refusal::ReadablePassword));
        assert_eq!(judge(Format::Sealed), Ok(()));
    }
}
