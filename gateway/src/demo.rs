//! The demo: a configuration that needs nothing, with users whose passwords live as long as the process.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

use crate::config::{Config, Secret, hashes};

/// The demo's users; the rules in `assets/demo.toml` know them too.
const NAMES: [&str; 4] = ["alice", "bob", "carol", "dave"];

/// What there is to call besides users.
const NUMBERS: [(&str, &str); 3] = [("9196", "Echo"), ("07010002000", "Announcement"), ("9197", "Tone")];

/// Bytes of chance in a password: 144 bits.
const PASSWORD_BYTES: usize = 18;

/// What the demo's page is told.
#[derive(Debug)]
pub struct Demo {
    users: Vec<(String, Secret)>,
    media_addresses: Vec<IpAddr>,
    handed_out: AtomicUsize,
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
            config.users.insert(name, hashes(name, &config.sip.realm, password.expose()));
        }
        config.media.addresses.clone_from(&media_addresses);
        (config, Self { users, media_addresses, handed_out: AtomicUsize::new(0) })
    }

    /// The addresses at which browsers reach the media; empty on a machine without a network.
    #[must_use]
    pub fn media_addresses(&self) -> &[IpAddr] {
        &self.media_addresses
    }

    /// Everything that a page needs; each page is suggested the next user.
    pub fn credentials(&self) -> Credentials<'_> {
        let turn = self.handed_out.fetch_add(1, Ordering::Relaxed) % self.users.len();
        Credentials {
            suggested_user: &self.users[turn].0,
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
    use webtrunk_signalling::auth::digest::{Algorithm, Credentials as _, Ha1};
    use webtrunk_signalling::routing::Decision;

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
            let decision = config.rules.route(&origin, &caller, &destination);
            assert!(matches!(decision, Decision::Run(_)), "{destination}");
        }
        assert!(matches!(config.rules.route(&origin, &caller, "110"), Decision::Refuse { .. }));
    }

    #[test]
    fn passwords_are_made_anew_and_each_page_is_another_user() {
        let (config, first) = demo();
        let (_, second) = demo();
        let password_of = |demo: &Demo| demo.users[0].1.expose().to_owned();
        assert_ne!(password_of(&first), password_of(&second));
        assert_ne!(first.users[0].1, first.users[1].1);
        let expected = Ha1::new(Algorithm::Md5, "alice", "webtrunk", first.users[0].1.expose());
        assert_eq!(config.users.ha1("alice", "webtrunk", Algorithm::Md5), Some(expected));
        let suggested: Vec<_> = (0..5).map(|_| first.credentials().suggested_user.to_owned()).collect();
        assert_eq!(suggested, ["alice", "bob", "carol", "dave", "alice"]);
    }
}
