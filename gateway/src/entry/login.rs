//! Logins of the edge for customers' back ends: the gateway is the servlet of a customer that has none.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tracing::{info, warn};
use webtrunk_signalling::auth::ephemeral::EphemeralName;
use webtrunk_signalling::auth::ice_servers::IceServer;
use webtrunk_signalling::auth::issuer::NotIssued;
use webtrunk_signalling::auth::logins::NoLogin;
use webtrunk_signalling::auth::secret::SecretText;
use webtrunk_signalling::auth::validity::UnixTime;
use webtrunk_signalling::calendar;
use webtrunk_signalling::http::WebOrigin;

use super::{EntryDesk, Inner};

/// What a back end asks for.
#[derive(Debug, Clone, Copy)]
pub struct LoginAsked<'a> {
    /// The customer.
    pub customer: &'a str,
    /// Its user, without the customer's name.
    pub user: &'a str,
    /// What the back end's clock says.
    pub said: UnixTime,
    /// How long it is to be good, where that is said.
    pub lifetime: Option<Duration>,
    /// The key by which it is asked for.
    pub key: &'a str,
    /// Where that came from.
    pub source: IpAddr,
}

/// A login of the edge. It has no shown form.
pub struct Login {
    /// The name to log in by.
    pub username: String,
    /// Its password.
    pub password: SecretText,
    /// The user that it is then.
    pub user: String,
    /// Until when it is good.
    pub expires: UnixTime,
    /// What `RTCPeerConnection` is to be given.
    pub ice_servers: Vec<IceServer>,
    /// Where pages reach the gateway, where that is configured.
    pub public: Option<WebOrigin>,
}

/// There is no login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LoginRefused {
    /// None may be made.
    #[error(transparent)]
    Judged(#[from] NoLogin),
    /// None can be made.
    #[error(transparent)]
    NotIssued(#[from] NotIssued),
}

/// What became of those that were asked for.
#[derive(Debug, Default)]
pub(super) struct LoginCounts([AtomicU64; OUTCOMES.len()]);

/// What may become of one, in the words of metrics.
const OUTCOMES: [&str; 5] = ["made", "clock", "not_allowed", "too_many", "no_key"];

impl EntryDesk {
    /// Makes a login of the edge for a customer's user.
    ///
    /// # Errors
    /// [`LoginRefused`], which whoever asks may be told.
    pub fn log_in(&self, asked: LoginAsked<'_>) -> Result<Login, LoginRefused> {
        let (wall, now) = (UnixTime::from(calendar::now()), Instant::now());
        let mut inner = self.inner();
        let outcome = inner.log_in(asked, wall, now);
        let at = outcome_at(outcome.as_ref().err());
        self.counts.logins.count(at);
        let LoginAsked { customer, key, source, .. } = asked;
        match &outcome {
            Ok(Login { user, .. }) => {
                info!(%source, key, customer, user, "a login of the edge is made for a back end");
            }
            Err(reason) => {
                if let Some(repeated) = inner.wrongs.due(source, (customer, OUTCOMES[at]), now) {
                    warn!(%source, key, customer, %reason, repeated, "no login of the edge is made");
                }
            }
        }
        outcome
    }

    /// How many logins were asked for, by what became of them.
    #[must_use]
    pub fn logins(&self) -> [(&'static str, u64); OUTCOMES.len()] {
        std::array::from_fn(|at| (OUTCOMES[at], self.counts.logins.0[at].load(Ordering::Relaxed)))
    }
}

impl Inner {
    fn log_in(&mut self, asked: LoginAsked<'_>, wall: UnixTime, now: Instant) -> Result<Login, LoginRefused> {
        let who = (asked.customer, asked.user);
        self.logins.take(who, asked.said, wall, now)?;
        let issued = self.issuer.issue_for(who, asked.lifetime, wall)?;
        let username = issued.credential.name;
        let expires = EphemeralName::parse(&username).map_or(wall, |name| name.expires);
        Ok(Login {
            password: issued.credential.password,
            ice_servers: self.ice.servers(&issued.user, wall),
            user: issued.user,
            public: self.public.clone(),
            username,
            expires,
        })
    }
}

impl LoginCounts {
    fn count(&self, at: usize) {
        self.0[at].fetch_add(1, Ordering::Relaxed);
    }
}

/// Where it stands among [`OUTCOMES`].
const fn outcome_at(refused: Option<&LoginRefused>) -> usize {
    match refused {
        None => 0,
        Some(LoginRefused::Judged(NoLogin::Clock { .. })) => 1,
        Some(
            LoginRefused::Judged(NoLogin::Closed | NoLogin::NoCustomer | NoLogin::NotAllowed)
            | LoginRefused::NotIssued(
                NotIssued::Unproven
                | NotIssued::Waits
                | NotIssued::NoGuests
                | NotIssued::NoCustomer
                | NotIssued::Elsewhere,
            ),
        ) => 2,
        Some(LoginRefused::Judged(NoLogin::TooMany { .. })) => 3,
        Some(LoginRefused::NotIssued(NotIssued::NoKey)) => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    const EDGE: &str = "north wind and sun of the edge";

    fn desk(more: &str) -> EntryDesk {
        let text = format!(
            "[http]\nbind = \"127.0.0.1:0\"\n[sip_ws]\n[rest]\n\
             [entry]\nephemeral_keys = [{{ id = \"edge\", secret = \"{EDGE}\" }}]\n\
             ice_servers = [{{ urls = [\"stun:stun.example\"] }}]\n{more}\n\
             [[customers]]\nname = \"acme\"\nlifetime_s = 100\nlogins = {{ users = [\"agent-*\"], per_minute = 2 }}\n"
        );
        let config = Config::parse("w.toml", &text).expect("sound");
        let desk = EntryDesk::default();
        desk.take_up(&config.entry);
        desk
    }

    fn asked(user: &str, said: UnixTime) -> LoginAsked<'_> {
        let source = [192, 0, 2, 1].into();
        LoginAsked { customer: "acme", user, said, lifetime: None, key: "crm", source }
    }

    #[test]
    fn a_login_is_made_within_the_customers_policy_and_each_outcome_is_counted() {
        let desk = desk("[entry.logins]\npublic = \"https://phone.example\"");
        let now = UnixTime::from(calendar::now());
        let login = desk.log_in(asked("agent-7", now)).expect("it may be made");
        assert_eq!(login.user, "acme+agent-7");
        assert!(login.username.ends_with(":acme+agent-7:edge"), "{}", login.username);
        assert!((95..=101).contains(&login.expires.since(now).as_secs()), "{:?}", login.expires);
        assert_eq!((login.ice_servers.len(), login.public.is_some()), (1, true));
        let refused = |user, said| desk.log_in(asked(user, said)).err().expect("it may not");
        assert!(matches!(refused("boss", now), LoginRefused::Judged(NoLogin::NotAllowed)));
        let long_ago = UnixTime(now.0 - 600);
        assert!(matches!(refused("agent-7", long_ago), LoginRefused::Judged(NoLogin::Clock { .. })));
        assert!(desk.log_in(asked("agent-8", now)).is_ok());
        assert!(matches!(refused("agent-9", now), LoginRefused::Judged(NoLogin::TooMany { .. })));
        assert_eq!(
            desk.logins(),
            [("made", 2), ("clock", 1), ("not_allowed", 1), ("too_many", 1), ("no_key", 0)]
        );
        let too_long = format!("agent-{}", "x".repeat(60));
        let desk = self::desk("[entry.logins]");
        assert!(matches!(
            desk.log_in(asked(&too_long, now)).err(),
            Some(LoginRefused::NotIssued(NotIssued::NoKey))
        ));
    }

    #[test]
    fn nobody_gets_a_login_where_none_are_to_be_made() {
        let refused = desk("").log_in(asked("agent-7", UnixTime::from(calendar::now()))).err();
        assert_eq!(refused, Some(LoginRefused::Judged(NoLogin::Closed)));
    }
}
