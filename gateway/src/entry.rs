//! The entry at work: who brings what a customer's server has made gets what the edge takes.

mod login;

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde::Serialize;
use tracing::{info, warn};
use webtrunk_signalling::auth::ice_servers::{IceServer, IceSources};
use webtrunk_signalling::auth::issuer::{Issued, Issuer, NotIssued};
use webtrunk_signalling::auth::logins::Logins;
use webtrunk_signalling::auth::secret::SecretText;
use webtrunk_signalling::auth::validity::UnixTime;
use webtrunk_signalling::calendar;
use webtrunk_signalling::http::WebOrigin;
use webtrunk_signalling::log_lines::LogLines;
use webtrunk_signalling::source_networks::SourceNetworks;

use crate::config::{Customer, Entry};
use login::LoginCounts;
pub use login::{Login, LoginAsked, LoginRefused};

/// The entry; cheap to clone.
#[derive(Clone, Default)]
pub struct EntryDesk {
    inner: Arc<Mutex<Inner>>,
    counts: Arc<EntryCounts>,
}

#[derive(Default)]
struct Inner {
    issuer: Issuer,
    ice: IceSources,
    /// What back ends may have made.
    logins: Logins,
    /// Where pages reach the gateway, where that is said.
    public: Option<WebOrigin>,
    /// From where users of customers may come.
    networks: SourceNetworks,
    /// The pages of each customer.
    origins: Vec<(String, Vec<WebOrigin>)>,
    is_open: bool,
    /// What those who ask do wrong.
    wrongs: LogLines,
}

/// What became of those who asked.
#[derive(Debug, Default)]
pub struct EntryCounts {
    issued: AtomicU64,
    refused: AtomicU64,
    logins: LoginCounts,
}

/// What a page is given, to log in at the edge by. It has no shown form.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EdgeCredential {
    /// The name to log in by: of SIP's Digest, or of `connect`.
    pub username: String,
    /// Its password.
    pub password: String,
    /// The user that it is then, as others may call it.
    pub user: String,
    /// What `RTCPeerConnection` is to be given.
    pub ice_servers: Vec<IceServer>,
}

impl EntryDesk {
    /// Goes by this from now on.
    pub fn take_up(&self, entry: &Entry) {
        let mut inner = self.inner();
        let issuers = entry.customers.iter().map(|customer| customer.issuer.clone()).collect();
        inner.issuer.take_up(issuers, entry.keys.clone());
        inner.ice = entry.ice.clone();
        let policy = |customer: &Customer| (customer.issuer.name.clone(), customer.logins.clone());
        let policies = entry.customers.iter().map(policy).collect();
        inner.logins.take_up(entry.logins.as_ref().map(|logins| logins.clock), policies);
        inner.public = entry.logins.as_ref().and_then(|logins| logins.public.clone());
        let networks = |customer: &Customer| (customer.issuer.name.clone(), customer.networks.clone());
        inner.networks.set(entry.customers.iter().map(networks).collect());
        let pages = |customer: &Customer| (customer.issuer.name.clone(), customer.origins.clone());
        inner.origins = entry.customers.iter().map(pages).collect();
        inner.is_open = !entry.customers.is_empty();
    }

    /// Whether there is a customer at all.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.inner().is_open
    }

    /// Whether pages of this origin may read what is answered.
    #[must_use]
    pub fn admits(&self, origin: &str) -> bool {
        !self.inner().customers_of(origin).is_empty()
    }

    /// What whoever has this name and password is given.
    ///
    /// # Errors
    /// Why not, which the log has told. Whoever asks is to know no more of it than that it came from elsewhere.
    pub fn issue(
        &self,
        name: &str,
        password: &SecretText,
        source: IpAddr,
    ) -> Result<EdgeCredential, NotIssued> {
        let (wall, now) = (UnixTime::from(calendar::now()), Instant::now());
        let mut inner = self.inner();
        let issued = inner.issuer.issue((name, password), source, wall, now);
        self.answer(issued, &mut inner, source, (wall, now))
    }

    /// What a guest is given who is on a page of this origin.
    ///
    /// # Errors
    /// As of [`Self::issue`].
    pub fn issue_guest(&self, origin: &str, source: SocketAddr) -> Result<EdgeCredential, NotIssued> {
        let (wall, now) = (UnixTime::from(calendar::now()), Instant::now());
        let mut inner = self.inner();
        let customers = inner.customers_of(origin);
        let issued = inner.issuer.issue_guest(&customers, rand::random(), source, wall, now);
        self.answer(issued, &mut inner, source.ip(), (wall, now))
    }

    fn answer(
        &self,
        issued: Result<Issued, NotIssued>,
        inner: &mut Inner,
        source: IpAddr,
        (wall, now): (UnixTime, Instant),
    ) -> Result<EdgeCredential, NotIssued> {
        match issued.and_then(|issued| inner.of_there(issued, source)) {
            Ok(Issued { customer, user, credential }) => {
                info!(%source, customer, user, "credential of the edge issued");
                self.counts.issued.fetch_add(1, Ordering::Relaxed);
                let ice_servers = inner.ice.servers(&user, wall);
                let password = credential.password.expose().to_owned();
                Ok(EdgeCredential { username: credential.name, password, user, ice_servers })
            }
            Err(reason) => {
                self.counts.refused.fetch_add(1, Ordering::Relaxed);
                // Whoever waits would write the log full.
                if reason != NotIssued::Waits
                    && let Some(repeated) = inner.wrongs.due(source, reason.to_string(), now)
                {
                    warn!(%source, %reason, repeated, "no credential of the edge is issued");
                }
                Err(reason)
            }
        }
    }

    /// How often credentials were issued, and how often not.
    #[must_use]
    pub fn counts(&self) -> [u64; 2] {
        [&self.counts.issued, &self.counts.refused].map(|count| count.load(Ordering::Relaxed))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// What was issued, where a user of its customer may come from there: it holds passwords of TURN servers too.
    fn of_there(&self, issued: Issued, source: IpAddr) -> Result<Issued, NotIssued> {
        if self.networks.admit(&issued.user, source) { Ok(issued) } else { Err(NotIssued::Elsewhere) }
    }

    /// The customers whose pages are of this origin.
    fn customers_of(&self, origin: &str) -> Vec<String> {
        let Ok(origin) = origin.parse::<WebOrigin>() else { return Vec::new() };
        let theirs = self.origins.iter().filter(|(_, origins)| origins.contains(&origin));
        theirs.map(|(customer, _)| customer.clone()).collect()
    }
}
