//! Our accounts at trunks, and the answers to their challenges (RFC 3261 22.2).

use std::collections::HashMap;

use rand::rngs::StdRng;
use rand::{RngCore, SeedableRng};

use crate::auth::digest::{Attempts, Challenge, DigestClient};
use crate::sip::message::{HeaderName, Request, Response, StatusCode};
use crate::sip::trunk::{TrunkCredentials, Trunks};

/// Answers challenges to requests of ours.
pub trait Keyring {
    /// The header field that answers a 401 or 407 of a trunk; `None` where there is nothing (more) to say.
    /// `attempts` counts for this one request.
    ///
    /// Asked only about trunks, in calls that we placed there (CVE-2021-41158).
    fn answer(
        &mut self,
        trunk: &str,
        challenge: &Response,
        request: &Request,
        attempts: &mut Attempts,
    ) -> Option<(HeaderName, String)>;

    /// Has the accounts of these trunks from now on; those of trunks that are no more stay, for the calls that are
    /// still there.
    fn take_up(&mut self, _trunks: &Trunks) {}

    /// Has one account more, or another in its place.
    fn add(&mut self, _name: &str, _account: &TrunkCredentials) {}

    /// Has it no more.
    fn remove(&mut self, _name: &str) {}
}

/// The keyring of the configured trunks.
#[derive(Debug)]
pub struct TrunkKeyring {
    clients: HashMap<String, DigestClient>,
    random: StdRng,
}

impl TrunkKeyring {
    /// One client for each trunk with credentials. `seed` is random.
    #[must_use]
    pub fn new(trunks: &Trunks, seed: [u8; 32]) -> Self {
        let mut keyring = Self { clients: HashMap::new(), random: StdRng::from_seed(seed) };
        keyring.take_up(trunks);
        keyring
    }
}

impl Keyring for TrunkKeyring {
    fn answer(
        &mut self,
        trunk: &str,
        challenge: &Response,
        request: &Request,
        attempts: &mut Attempts,
    ) -> Option<(HeaderName, String)> {
        let client = self.clients.get_mut(trunk)?;
        let is_proxy = challenge.status == StatusCode::PROXY_AUTHENTICATION_REQUIRED;
        let headers = &challenge.headers;
        let challenges: Vec<_> = if is_proxy {
            headers.proxy_authenticates().collect()
        } else {
            headers.www_authenticates().collect()
        };
        if let Err(error) = client.handle_challenge(challenges.iter().copied(), attempts) {
            let realm = challenges.iter().find_map(|challenge| Some(Challenge::parse(challenge)?.realm));
            tracing::warn!(trunk, %error, realm = realm.as_deref(), "challenge not answered");
            return None;
        }
        let value =
            client.authorize_with(request.method.as_str(), &request.uri.to_string(), &request.body)?;
        let name = if is_proxy { HeaderName::ProxyAuthorization } else { HeaderName::Authorization };
        Some((name, value))
    }

    fn take_up(&mut self, trunks: &Trunks) {
        let accounts = trunks.iter().flat_map(|trunk| {
            let of_trunk = trunk.credentials.as_ref().map(|account| (trunk.name.clone(), account));
            let own = trunk
                .registrations
                .iter()
                .filter_map(|one| one.credentials.as_ref().map(|account| (trunk.account(one), account)));
            of_trunk.into_iter().chain(own)
        });
        for (name, account) in accounts {
            self.add(&name, account);
        }
    }

    fn add(&mut self, name: &str, account: &TrunkCredentials) {
        let mut seed = [0; 32];
        self.random.fill_bytes(&mut seed);
        let realm = account.realm.as_deref();
        let client = DigestClient::new(&account.username, &account.password, realm, seed);
        self.clients.insert(name.to_owned(), client);
    }

    fn remove(&mut self, name: &str) {
        self.clients.remove(name);
    }
}
