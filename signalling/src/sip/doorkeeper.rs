//! Who comes in: users by digest, trunks by where they are, nobody else.
//!
//! ```text
//! request ---- from a trunk's network, or by its certificate, no credentials, no REGISTER,
//!        |      and not of a phone that its user has registered from there -> the trunk
//!        `---- right credentials ---- From (and To of REGISTER) is the user ---> the user
//!        |                      |---- it is somebody else ---> 403
//!        |                      `---- from outside of its customer's networks ---> 403
//!        |---- none, wrong or stale credentials ---> 401, the same for all
//!        `---- credentials after too many wrong ones, or
//!              a moment after wrong ones in the same call ---> no answer
//! ```
//!
//! Nothing is kept of a request that does not come in.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use tracing::{debug, info, warn};

use super::agent::Verdict;
use super::flow::Flow;
use super::identity::{self, Reading};
use super::message::{
    ByteString, HeaderName, Headers, Method, NameAddr, ParseError, Reject, Request, StatusCode,
};
use super::notices::Notices;
use super::trunk::{TrunkConfig, Trunks};
use crate::adapter::Origin;
use crate::auth::digest::{Algorithm, Credentials, Denied, DigestConfig, DigestServer, Response};
use crate::auth::limits::{FailureLimits, Proof, ShutOut};
use crate::auth::repeats::{Repeat, Repeats};
use crate::log_lines::LogLines;
use crate::source_networks::{Approach, ELSEWHERE, SourceNetworks};

/// Judges requests outside of dialogs.
pub struct Admission {
    digest: DigestServer,
    users: Arc<dyn Credentials + Send + Sync>,
    trunks: Trunks,
    failures: FailureLimits,
    repeats: Repeats,
    /// Who is not answered any more, and was not told of yet.
    shut_out: Option<(String, ShutOut)>,
    /// Addresses that call and are no trunk's.
    unknown: Notices,
    /// Addresses whose callers were taken for a trunk, though they say to be users.
    mistaken: Notices,
    /// What users do wrong.
    wrongs: LogLines,
    /// From where users of customers may come.
    networks: SourceNetworks,
}

/// How many credentials of one request are looked at, as many as [`DigestServer::verify`] takes.
const CLAIMS_MAX: usize = 8;

impl Admission {
    /// Lets in `users` and `trunks`. `key`, to be random and secret, makes the nonces; `now` is any
    /// moment before the first request.
    #[must_use]
    pub fn new(
        config: DigestConfig,
        users: Arc<dyn Credentials + Send + Sync>,
        trunks: Trunks,
        key: [u8; 32],
        now: Instant,
    ) -> Self {
        Self {
            digest: DigestServer::new(config, key, now),
            users,
            trunks,
            failures: FailureLimits::default(),
            repeats: Repeats::default(),
            shut_out: None,
            unknown: Notices::default(),
            mistaken: Notices::default(),
            wrongs: LogLines::default(),
            networks: SourceNetworks::default(),
        }
    }

    /// The same, which lets users of customers in from these networks alone.
    #[must_use]
    pub fn within(self, networks: SourceNetworks) -> Self {
        Self { networks, ..self }
    }

    /// Lets these in from now on.
    pub fn take_up(
        &mut self,
        users: Arc<dyn Credentials + Send + Sync>,
        algorithms: Vec<Algorithm>,
        trunks: &Trunks,
    ) {
        self.users = users;
        self.digest.offer(algorithms);
        self.trunks.take_up(trunks);
    }

    /// Whether there is a user of this name.
    #[must_use]
    pub fn knows(&self, user: &str) -> bool {
        self.digest.knows(user, &*self.users)
    }

    /// Whether a user whom a name that lasts for a while may have let in is nobody any more.
    #[must_use]
    pub fn is_gone(&self, user: &str) -> bool {
        self.digest.is_gone(user, &*self.users)
    }

    /// The trunks.
    #[must_use]
    pub const fn trunks(&self) -> &Trunks {
        &self.trunks
    }

    /// The trunks, whose accounts may change.
    pub const fn trunks_mut(&mut self) -> &mut Trunks {
        &mut self.trunks
    }

    /// A registrar of a trunk has us, at these addresses: its calls come from there.
    pub fn registered(&mut self, trunk: &str, addresses: impl Iterator<Item = IpAddr>) {
        self.trunks.registered(trunk, addresses);
    }

    /// The trunk that is at this flow; of several at one address the one that the request is for.
    #[must_use]
    pub fn trunk_at(
        &self,
        request: &Request,
        flow: &Flow,
        proves: &dyn Fn(&TrunkConfig) -> bool,
    ) -> Option<&str> {
        let user = request.uri.user_unescaped();
        self.trunks.at(flow, user.as_deref(), proves).map(|trunk| trunk.name.as_str())
    }

    /// Reads what an admitted INVITE says of its call.
    ///
    /// # Errors
    /// From cannot be read.
    pub fn read(&self, invite: &Request, origin: &Origin) -> Result<Reading, ParseError> {
        let trunk = match origin {
            Origin::Trunk(name) => self.trunks.named(name),
            Origin::User(_) => None,
        };
        identity::read(invite, trunk)
    }

    /// Judges a request that belongs to no dialog; `proves` says whether by a certificate its peer is a trunk.
    pub fn judge(
        &mut self,
        request: &Request,
        flow: &Flow,
        proves: &dyn Fn(&TrunkConfig) -> bool,
        now: Instant,
    ) -> Verdict {
        // A phone behind a trunk may prove itself there with every call, and its proxy let us see it.
        let has_credentials = request.headers.authorizations().any(|value| self.digest.is_for_us(value));
        if let Some(name) = self.trunk_at(request, flow, proves)
            && !has_credentials
            && request.method != Method::Register
        {
            let name = name.to_owned();
            self.tell_mistaken(request, flow, &name, now);
            return Verdict::Accept { origin: Origin::Trunk(name) };
        }
        self.judge_claim(request, flow, now)
    }

    /// Judges a request outside of dialogs by its credentials alone, wherever it comes from.
    pub fn judge_claim(&mut self, request: &Request, flow: &Flow, now: Instant) -> Verdict {
        let user = match self.prove(request, flow, now) {
            Ok(user) => user,
            Err(verdict) => return verdict,
        };
        let source = flow.remote.ip();
        let verdict = self.judge_proven(user.clone(), request, source);
        if !matches!(verdict, Verdict::Reject(_)) {
            return verdict;
        }
        if !self.networks.admit(&user, source) {
            self.tell_elsewhere(request, flow, &user, now);
        } else if let Some(repeated) = self.wrongs.due(source, ("in another name", &user), now) {
            info!(%flow, user, repeated, "request in another name");
        }
        verdict
    }

    /// Refuses what goes on with a call of this user's from where it may not come from, but for its end; `None` where nothing is
    /// refused.
    pub fn refuse_elsewhere(
        &mut self,
        request: &Request,
        flow: &Flow,
        user: &str,
        now: Instant,
    ) -> Option<Reject> {
        if request.method == Method::Bye || self.networks.admit(user, flow.remote.ip()) {
            return None;
        }
        self.tell_elsewhere(request, flow, user, now);
        Some(elsewhere())
    }

    /// Whether a user that is registered there may be.
    #[must_use]
    pub fn may_be_at(&self, user: &str, source: IpAddr) -> bool {
        self.networks.admit(user, source)
    }

    /// Judges a request in a dialog of this user that seems to come from somebody else: the user may have to prove that it does
    /// not.
    pub fn judge_in_dialog(&mut self, request: &Request, flow: &Flow, user: &str, now: Instant) -> Verdict {
        let verdict = match self.prove(request, flow, now) {
            Ok(proven) if proven == user => return Verdict::Accept { origin: Origin::User(proven) },
            Ok(_) => Verdict::Reject(Reject {
                reason: ByteString::from_static("Not Your Call"),
                ..Reject::new(StatusCode::FORBIDDEN)
            }),
            Err(verdict) => verdict,
        };
        self.tell_another(flow, user, now);
        verdict
    }

    /// The log is told that somebody else seems to speak in a dialog of this user.
    pub fn tell_another(&mut self, flow: &Flow, user: &str, now: Instant) {
        if let Some(repeated) = self.wrongs.due(flow.remote.ip(), ("in a dialog", user), now) {
            info!(%flow, user, repeated, "what another user's phone says in a dialog of this user is not taken");
        }
    }

    /// The user that a request's credentials prove, or what is said to whoever proves nothing.
    fn prove(&mut self, request: &Request, flow: &Flow, now: Instant) -> Result<String, Verdict> {
        let source = flow.remote.ip();
        let claims = self.claims(request, source);
        // All of them, so that none hides behind another.
        if claims.iter().any(|(user, proof)| self.failures.must_wait(source, user, *proof, now)) {
            return Err(Verdict::Drop);
        }
        let call_id = request.headers.call_id().ok();
        let within = (request.method.as_str(), call_id.as_deref().unwrap_or_default());
        let attempt = self.repeats.attempt(source, within, &claims, request.headers.authorizations());
        let repeat = if claims.is_empty() { Repeat::None } else { self.repeats.judge(attempt, now) };
        if repeat == Repeat::Hasty {
            return Err(Verdict::Drop);
        }
        let authorizations = request.headers.authorizations();
        match self.digest.verify(request.method.as_str(), authorizations, source, &*self.users, now) {
            Ok(name) => Ok(self.users.user_of(&name).to_owned()),
            Err(denied) => {
                match &denied {
                    Denied::Wrong { user } if repeat == Repeat::None => {
                        self.count_wrong(user, &claims, flow, now);
                        self.repeats.failed(attempt, now);
                    }
                    Denied::Missing => self.tell_unknown(request, flow, now),
                    Denied::Wrong { .. } | Denied::Stale { .. } => {}
                }
                let mut headers = Headers::new();
                for challenge in self.digest.challenges(source, &denied, now) {
                    headers.push(HeaderName::WwwAuthenticate, challenge);
                }
                Err(Verdict::Challenge(headers))
            }
        }
    }

    /// The user whose credentials are not answered from now on, after the last request; once.
    pub const fn take_shut_out(&mut self) -> Option<(String, ShutOut)> {
        self.shut_out.take()
    }

    fn count_wrong(&mut self, user: &str, claims: &[(String, Proof)], flow: &Flow, now: Instant) {
        // Whoever forges sources would write the log full.
        let is_reached = claims.iter().any(|(_, proof)| *proof == Proof::Reached);
        if is_reached {
            if let Some(repeated) = self.wrongs.due(flow.remote.ip(), ("wrong", user), now) {
                warn!(%flow, ?user, repeated, "wrong credentials");
            }
        } else {
            debug!(%flow, ?user, "wrong credentials, and no challenge of ours answered");
        }
        for (user, proof) in claims {
            let shut_out = self.failures.failed(flow.remote.ip(), user, *proof, now);
            if *proof == Proof::Reached && shut_out.is_some() {
                self.shut_out = shut_out.map(|shut_out| (user.clone(), shut_out));
            }
        }
    }

    /// A user's phone at a trunk's address is taken for the trunk until it has registered from there.
    fn tell_mistaken(&mut self, request: &Request, flow: &Flow, trunk: &str, now: Instant) {
        if let Some(user) = claimed_user(request).filter(|user| self.knows(user))
            && self.mistaken.is_due(flow.remote.ip(), now)
        {
            info!(
                %flow, trunk, ?user,
                "taken for the trunk by its address, though it says to be a user: its phone has to register from there first"
            );
        }
    }

    /// The first trouble that everybody has with a provider: it calls from elsewhere than was thought.
    fn tell_unknown(&mut self, request: &Request, flow: &Flow, now: Instant) {
        // A user's phone has no credentials before it is asked for them.
        let is_of_user = || claimed_user(request).is_some_and(|user| self.knows(&user));
        if request.method == Method::Invite
            && request.headers.authorizations().next().is_none()
            && !flow.kind.is_websocket()
            && !is_of_user()
            && self.unknown.is_due(flow.remote.ip(), now)
        {
            info!(
                %flow,
                "a call from an address that is in no trunk's networks, without credentials: refused (401); \
                 if it is a provider's, add the address to trunks[].networks; one with certificate_name has to show its \
                 certificate, over TLS"
            );
        }
    }

    /// A user of a customer comes from where it may not.
    fn tell_elsewhere(&mut self, request: &Request, flow: &Flow, user: &str, now: Instant) {
        self.networks.count(match request.method {
            Method::Register => Approach::Registration,
            Method::Invite => Approach::Call,
            _ => Approach::Other,
        });
        if let Some(repeated) = self.wrongs.due(flow.remote.ip(), (ELSEWHERE, user), now) {
            warn!(%flow, user, method = %request.method, repeated, "a user is refused: {ELSEWHERE}");
        }
    }

    /// Judges a request outside of dialogs of which is proven that it is this user's, who comes from there.
    #[must_use]
    pub fn judge_proven(&self, user: String, request: &Request, source: IpAddr) -> Verdict {
        match self.trunks.of_user(&user) {
            // It calls for others, whose numbers stand in From.
            Some(trunk) if request.method != Method::Register => {
                Verdict::Accept { origin: Origin::Trunk(trunk.name.clone()) }
            }
            _ if !self.networks.admit(&user, source) => Verdict::Reject(elsewhere()),
            _ => allow(user, request),
        }
    }

    /// Whether a request has credentials of another than this user, which answer a challenge of ours.
    #[must_use]
    pub fn names_another(&self, request: &Request, source: IpAddr, user: &str) -> bool {
        let claims = self.claims(request, source);
        claims.iter().any(|(name, proof)| *proof == Proof::Reached && self.users.user_of(name) != user)
    }

    /// Whom the credentials of a request name, and whether they answer a challenge that was sent there.
    fn claims(&self, request: &Request, source: IpAddr) -> Vec<(String, Proof)> {
        let credentials = request.headers.authorizations().take(CLAIMS_MAX).filter_map(Response::parse);
        let claim = |claim: Response| {
            let is_reached = self.digest.is_ours(&claim.nonce, source);
            (claim.user().into_owned(), if is_reached { Proof::Reached } else { Proof::None })
        };
        credentials.map(claim).collect()
    }
}

/// The user that its From names, proven or not.
pub(super) fn claimed_user(request: &Request) -> Option<String> {
    let from = request.headers.from().ok()?;
    from.uri.user_unescaped().map(Cow::into_owned)
}

/// It is told plainly: it has proven who it is.
fn elsewhere() -> Reject {
    Reject { reason: ByteString::from_static("Not From This Network"), ..Reject::new(StatusCode::FORBIDDEN) }
}

/// A user speaks for itself only: who may call as somebody else can bill somebody else.
fn allow(user: String, request: &Request) -> Verdict {
    let is_user = |address: Result<NameAddr, ParseError>| {
        address.is_ok_and(|address| address.uri.user_unescaped().is_some_and(|name| name == user))
    };
    let is_own = is_user(request.headers.from())
        && (request.method != Method::Register || is_user(request.headers.to()));
    if is_own {
        return Verdict::Accept { origin: Origin::User(user) };
    }
    Verdict::Reject(Reject {
        reason: ByteString::from_static("Not Your Address"),
        ..Reject::new(StatusCode::FORBIDDEN)
    })
}

#[cfg(test)]
mod tests;
