//! The demo: a configuration that needs nothing, with users whose passwords live as long as the process.

use std::net::{IpAddr, SocketAddr};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use webtrunk_signalling::auth::digest::Algorithm;
use webtrunk_signalling::lock::lock;

use crate::config::{Config, Secret, hashes};

/// The demo's users; the rules in `assets/demo.toml` know them too.
const NAMES: [&str; 4] = ["alice", "bob", "carol", "dave"];

/// What there is to call besides users.
const NUMBERS: [(&str, &str); 3] = [("9196", "Echo"), ("07010002000", "Announcement"), ("9197", "Tone")];

/// Bytes of chance in a password: 144 bits.
const PASSWORD_BYTES: usize = 18;

/// How long a page may take to register as the user that it was suggested. Chosen by us: pages that are
/// opened at the same time become different users.
const PROMISED: Duration = Duration::from_secs(3);

/// What the demo's page is told.
#[derive(Debug)]
pub struct Demo {
    users: Vec<(String, Secret)>,
    media_addresses: Vec<IpAddr>,
    suggested_at: Mutex<[Option<Instant>; NAMES.len()]>,
}

/// The answer to a page that asks who it may be.
#[derive(Debug, Serialize)]
pub struct Credentials<'d> {
    suggested_user: &'d str,
    users: Vec<UserCredentials<'d>>,
    numbers: Vec<Number>,
    media_addresses: &'d [IpAddr],
}

#[derive(Debug, Serialize)]
struct UserCredentials<'d> {
    name: &'d str,
    password: &'d str,
}

#[derive(Debug, Serialize)]
struct Number {
    number: &'static str,
    title: &'static str,
}

/// Where the demo listens, other than the defaults; port 0 takes a free one.
#[derive(Debug, Clone, Copy, Default)]
pub struct DemoAddresses {
    /// The page.
    pub http: Option<SocketAddr>,
    /// SIP phones, over UDP and TCP.
    pub sip: Option<SocketAddr>,
}

impl Demo {
    /// Makes the demo's configuration and what its page is told. `media_addresses` are those at which
    /// browsers reach the media.
    #[must_use]
    pub fn new(addresses: DemoAddresses, media_addresses: Vec<IpAddr>) -> (Config, Self) {
        let mut config = Config::parse("demo.toml", include_str!("../assets/demo.toml"))
            .expect("the demo's configuration is sound");
        if let (Some(http), Some(bind)) = (&mut config.http, addresses.http) {
            http.bind = bind;
        }
        if let Some(bind) = addresses.sip {
            config
                .sip
                .listeners
                .iter_mut()
                .filter_map(|listener| listener.bind.as_mut())
                .for_each(|own| *own = bind);
        }
        let users: Vec<_> = NAMES.iter().map(|name| (name.to_string(), password())).collect();
        for (name, password) in &users {
            let mut hashes = hashes(name, &config.sip.realm, password.expose());
            // Every phone takes MD5, and some fail at the sight of SHA-256.
            hashes.retain(|hash| hash.algorithm() == Algorithm::Md5);
            config.users.insert(name, hashes);
        }
        config.media.addresses.clone_from(&media_addresses);
        (config, Self { users, media_addresses, suggested_at: Mutex::default() })
    }

    /// The addresses at which browsers reach the media; empty on a machine without a network.
    #[must_use]
    pub fn media_addresses(&self) -> &[IpAddr] {
        &self.media_addresses
    }

    /// Everything that a page needs. It is suggested the first user that nobody is, so that a single page
    /// is always the same one.
    pub fn credentials(&self, is_registered: impl Fn(&str) -> bool, now: Instant) -> Credentials<'_> {
        let mut suggested_at = lock(&self.suggested_at);
        let is_promised = |at: Option<Instant>| at.is_some_and(|at| now.duration_since(at) < PROMISED);
        let mut users = self.users.iter().zip(suggested_at.iter());
        let free = users.position(|((name, _), at)| !is_promised(*at) && !is_registered(name));
        let choice = free.unwrap_or(0);
        suggested_at[choice] = Some(now);
        Credentials {
            suggested_user: &self.users[choice].0,
            users: self
                .users
                .iter()
                .map(|(name, password)| UserCredentials { name, password: password.expose() })
                .collect(),
            numbers: NUMBERS.into_iter().map(|(number, title)| Number { number, title }).collect(),
            media_addresses: &self.media_addresses,
        }
    }
}

fn password() -> Secret {
    Secret::new(URL_SAFE_NO_PAD.encode(rand::random::<[u8; PASSWORD_BYTES]>()))
}

#[cfg(test)]
mod tests {
    use webtrunk_signalling::adapter::{Origin, Party};
    use webtrunk_signalling::auth::digest::{Credentials as _, Ha1};
    use webtrunk_signalling::routing::{Decision, Query};

    use super::*;

    fn demo() -> (Config, Demo) {
        Demo::new(DemoAddresses::default(), vec![[192, 0, 2, 1].into()])
    }

    #[test]
    fn everything_listens_on_loopback() {
        let (config, _) = demo();
        assert!(config.http.is_some_and(|http| http.bind.ip().is_loopback()));
        assert!(config.sip.listeners.iter().filter_map(|l| l.bind).all(|bind| bind.ip().is_loopback()));
        assert_eq!(config.media.addresses, [IpAddr::from([192, 0, 2, 1])]);
    }

    #[test]
    fn all_that_the_page_shows_can_be_called() {
        let (config, demo) = demo();
        let origin = Origin::User("alice".to_owned());
        let caller = Party { user: "alice".to_owned(), display_name: String::new() };
        let numbers = NUMBERS.map(|(number, _)| number.to_owned());
        let users = demo.users.iter().map(|(name, _)| name.clone());
        for destination in users.chain(numbers) {
            let decision = config.rules.route(&Query::new(&origin, &caller, &destination));
            assert!(matches!(decision, Decision::Run(_)), "{destination}");
        }
        assert!(matches!(config.rules.route(&Query::new(&origin, &caller, "110")), Decision::Refuse { .. }));
    }

    #[test]
    fn passwords_are_made_anew() {
        let (config, first) = demo();
        let (_, second) = demo();
        let password_of = |demo: &Demo| demo.users[0].1.expose().to_owned();
        assert_ne!(password_of(&first), password_of(&second));
        assert_ne!(first.users[0].1, first.users[1].1);
        let expected = Ha1::new(Algorithm::Md5, "alice", "webtrunk", first.users[0].1.expose());
        assert_eq!(config.users.ha1("alice", "webtrunk", Algorithm::Md5), Some(expected));
    }

    #[test]
    fn a_page_is_suggested_the_first_user_that_nobody_is() {
        let (_, demo) = demo();
        let start = Instant::now();
        let suggested = |registered: &[&str], seconds| {
            let now = start + Duration::from_secs(seconds);
            demo.credentials(|name| registered.contains(&name), now).suggested_user.to_owned()
        };
        assert_eq!(suggested(&[], 0), "alice");
        assert_eq!(suggested(&[], 0), "bob", "opened at the same time");
        assert_eq!(suggested(&["alice", "bob"], 10), "carol");
        assert_eq!(suggested(&["bob"], 20), "alice", "who has been closed");
        assert_eq!(suggested(&["alice", "bob", "carol", "dave"], 30), "alice", "where there is none left");
    }
}
