//! Who comes in: users by digest, trunks by where they are, nobody else.
//!
//! ```text
//! request ---- from a trunk's network, no credentials, no REGISTER ----> the trunk
//!        `---- right credentials ---- From (and To of REGISTER) is the user ---> the user
//!        |                      `---- it is somebody else ---> 403
//!        |---- none, wrong or stale credentials ---> 401, the same for all
//!        `---- credentials after too many wrong ones ---> no answer
//! ```
//!
//! Nothing is kept of a request that does not come in.

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
use super::trunk::Trunks;
use crate::adapter::Origin;
use crate::auth::digest::{Algorithm, Credentials, Denied, DigestConfig, DigestServer, Response};
use crate::auth::limits::{FailureLimits, Proof};

/// Judges requests outside of dialogs.
pub struct Admission {
    digest: DigestServer,
    users: Arc<dyn Credentials + Send + Sync>,
    trunks: Trunks,
    failures: FailureLimits,
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
        }
    }

    /// Lets these in from now on. Whoever is registered stays so until it has to be refreshed.
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

    /// A registrar of a trunk has us, at these addresses: its calls come from there.
    pub fn registered(&mut self, trunk: &str, addresses: impl Iterator<Item = IpAddr>) {
        self.trunks.registered(trunk, addresses);
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

    /// Judges a request that belongs to no dialog.
    pub fn judge(&mut self, request: &Request, flow: &Flow, now: Instant) -> Verdict {
        // A phone behind a trunk may prove itself there with every call, and its proxy let us see it.
        let has_credentials = request.headers.authorizations().any(|value| self.digest.is_for_us(value));
        let user = request.uri.user_unescaped();
        if let Some(trunk) = self.trunks.at(flow, user.as_deref())
            && !has_credentials
            && request.method != Method::Register
        {
            return Verdict::Accept { origin: Origin::Trunk(trunk.name.clone()) };
        }
        let source = flow.remote.ip();
        let claims = self.claims(request, source);
        // All of them, so that none hides behind another.
        if claims.iter().any(|(user, proof)| self.failures.must_wait(source, user, *proof, now)) {
            return Verdict::Drop;
        }
        let authorizations = request.headers.authorizations();
        match self.digest.verify(request.method.as_str(), authorizations, source, &*self.users, now) {
            Ok(user) => self.judge_proven(user, request, flow),
            Err(denied) => {
                if let Denied::Wrong { user } = &denied {
                    // Whoever forges sources would write the log full.
                    if claims.iter().any(|(_, proof)| *proof == Proof::Reached) {
                        warn!(%flow, ?user, "wrong credentials");
                    } else {
                        debug!(%flow, ?user, "wrong credentials, and no challenge of ours answered");
                    }
                    for (user, proof) in &claims {
                        self.failures.failed(source, user, *proof, now);
                    }
                }
                let mut headers = Headers::new();
                for challenge in self.digest.challenges(source, &denied, now) {
                    headers.push(HeaderName::WwwAuthenticate, challenge);
                }
                Verdict::Challenge(headers)
            }
        }
    }

    /// Judges a request outside of dialogs of which is proven that it is this user's.
    #[must_use]
    pub fn judge_proven(&self, user: String, request: &Request, flow: &Flow) -> Verdict {
        match self.trunks.of_user(&user) {
            // It calls for others, whose numbers stand in From.
            Some(trunk) if request.method != Method::Register => {
                Verdict::Accept { origin: Origin::Trunk(trunk.name.clone()) }
            }
            _ => allow(user, request, flow),
        }
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

/// A user speaks for itself only: who may call as somebody else can bill somebody else.
fn allow(user: String, request: &Request, flow: &Flow) -> Verdict {
    let is_user = |address: Result<NameAddr, ParseError>| {
        address.is_ok_and(|address| address.uri.user_unescaped().is_some_and(|name| name == user))
    };
    let is_own = is_user(request.headers.from())
        && (request.method != Method::Register || is_user(request.headers.to()));
    if is_own {
        return Verdict::Accept { origin: Origin::User(user) };
    }
    info!(%flow, user, "request in another name");
    Verdict::Reject(Reject {
        reason: ByteString::from_static("Not Your Address"),
        ..Reject::new(StatusCode::FORBIDDEN)
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::auth::digest::{DigestClient, Ha1};
    use crate::sip::flow::{ListenerId, TransportKind};
    use crate::sip::message::Message;
    use crate::sip::trunk::TrunkConfig;

    const REALM: &str = "test";

    /// The only user.
    struct Alice;

    impl Credentials for Alice {
        fn ha1(&self, user: &str, realm: &str, algorithm: Algorithm) -> Option<Ha1> {
            (user == "alice").then(|| Ha1::new(algorithm, user, realm, "wonderland"))
        }
    }

    fn admission(now: Instant) -> Admission {
        let trunk = TrunkConfig {
            source_networks: vec!["198.51.100.0/24".parse().expect("a range")],
            ..TrunkConfig::new("provider", "198.51.100.7")
        };
        Admission::new(DigestConfig::new(REALM), Arc::new(Alice), Trunks::new(vec![trunk]), [7; 32], now)
    }

    fn flow(remote: &str) -> Flow {
        Flow {
            kind: TransportKind::Udp,
            listener: ListenerId(0),
            local: "192.0.2.1:5060".parse().expect("an address"),
            remote: remote.parse().expect("an address"),
            connection: None,
        }
    }

    fn request(method: &str, from: &str) -> Request {
        let text = format!(
            "{method} sip:test SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nFrom: <{from}>;tag=1\r\n\
             To: <{from}>\r\nCall-ID: 1\r\nCSeq: 1 {method}\r\n\r\n"
        );
        match Message::parse(text.into()).expect("well formed") {
            Message::Request(request) => request,
            Message::Response(_) => unreachable!("it begins with a method"),
        }
    }

    /// The request with the answer to what it was challenged with.
    fn answer(mut request: Request, verdict: Verdict, user: &str, password: &str) -> Request {
        let Verdict::Challenge(headers) = verdict else { panic!("a challenge: {verdict:?}") };
        let mut client = DigestClient::new(user, password, Some(REALM), [1; 32]);
        client.handle_challenge(headers.www_authenticates(), &mut Default::default()).expect("our realm");
        let uri = request.uri.to_string();
        let value = client.authorize(request.method.as_str(), &uri).expect("challenged");
        request.headers.push(HeaderName::Authorization, value);
        request
    }

    /// The verdict on a request that answers its challenge.
    fn verdict(method: &str, from: &str, user: &str, password: &str) -> String {
        let now = Instant::now();
        let mut admission = admission(now);
        let flow = flow("203.0.113.9:5060");
        let request = request(method, from);
        let challenge = admission.judge(&request, &flow, now);
        let answered = answer(request, challenge, user, password);
        say(&admission.judge(&answered, &flow, now))
    }

    fn say(verdict: &Verdict) -> String {
        match verdict {
            Verdict::Accept { origin } => format!("{origin:?}"),
            Verdict::Challenge(_) => "challenge".into(),
            Verdict::Reject(reject) => reject.status.to_string(),
            Verdict::Drop => "drop".into(),
        }
    }

    #[test]
    fn a_user_comes_in_under_its_own_name_only() {
        for method in ["INVITE", "REGISTER", "MESSAGE"] {
            let verdict = |from, user, password| verdict(method, from, user, password);
            assert_eq!(verdict("sip:alice@test", "alice", "wonderland"), "User(\"alice\")");
            assert_eq!(verdict("sip:%61lice@elsewhere", "alice", "wonderland"), "User(\"alice\")");
            for other in
                ["sip:bob@test", "sip:anonymous@anonymous.invalid", "sip:test", "sip:Alice@test", "tel:1"]
            {
                assert_eq!(verdict(other, "alice", "wonderland"), "403", "{other}");
            }
            assert_eq!(verdict("sip:alice@test", "alice", "wrong"), "challenge");
            assert_eq!(verdict("sip:bob@test", "bob", "wonderland"), "challenge");
        }
    }

    #[test]
    fn after_too_many_guesses_even_the_right_password_waits() {
        let now = Instant::now();
        let mut admission = admission(now);
        let attempt = |admission: &mut Admission, remote, password, now| {
            let request = request("REGISTER", "sip:alice@test");
            let challenge = admission.judge(&request, &flow(remote), now);
            let answered = answer(request, challenge, "alice", password);
            say(&admission.judge(&answered, &flow(remote), now))
        };
        for _ in 0..10 {
            assert_eq!(attempt(&mut admission, "203.0.113.9:5060", "guess", now), "challenge");
        }
        assert_eq!(attempt(&mut admission, "203.0.113.9:5061", "wonderland", now), "drop");
        let challenge =
            admission.judge(&request("REGISTER", "sip:alice@test"), &flow("203.0.113.9:5060"), now);
        let decoy = answer(request("REGISTER", "sip:alice@test"), challenge.clone(), "decoy", "guess");
        let hidden = answer(decoy, challenge, "alice", "guess");
        assert_eq!(attempt(&mut admission, "203.0.113.10:5060", "wonderland", now), "User(\"alice\")");
        assert_eq!(say(&admission.judge(&hidden, &flow("203.0.113.9:5060"), now)), "drop");
        let later = now + Duration::from_secs(60);
        assert_eq!(attempt(&mut admission, "203.0.113.9:5060", "wonderland", later), "User(\"alice\")");
    }

    #[test]
    fn nobody_registers_for_another() {
        let now = Instant::now();
        let mut admission = admission(now);
        let flow = flow("203.0.113.9:5060");
        let mut register = request("REGISTER", "sip:alice@test");
        register.headers.set(HeaderName::To, "<sip:bob@test>");
        let challenge = admission.judge(&register, &flow, now);
        let answered = answer(register, challenge, "alice", "wonderland");
        assert_eq!(say(&admission.judge(&answered, &flow, now)), "403");
    }

    #[test]
    fn a_trunk_calls_by_its_address_and_does_not_register() {
        let now = Instant::now();
        let mut admission = admission(now);
        let flow = flow("198.51.100.7:5060");
        let call = request("INVITE", "sip:+4930123456@provider.example");
        assert_eq!(say(&admission.judge(&call, &flow, now)), "Trunk(\"provider\")");
        let register = request("REGISTER", "sip:alice@test");
        let challenge = admission.judge(&register, &flow, now);
        assert_eq!(say(&challenge), "challenge");
        let answered = answer(register, challenge, "alice", "wonderland");
        assert_eq!(say(&admission.judge(&answered, &flow, now)), "User(\"alice\")");
    }

    #[test]
    fn credentials_of_another_realm_are_no_claim_of_a_trunks_caller() {
        let now = Instant::now();
        let mut admission = admission(now);
        let flow = flow("198.51.100.7:5060");
        let mut call = request("INVITE", "sip:bob@provider.example");
        let of_the_trunk =
            "Digest username=\"bob\", realm=\"provider\", nonce=\"1\", uri=\"sip:test\", response=\"0\"";
        call.headers.push(HeaderName::Authorization, of_the_trunk);
        assert_eq!(say(&admission.judge(&call, &flow, now)), "Trunk(\"provider\")");
        // With credentials for us it wants to be a user, and has to be one.
        let claim = of_the_trunk.replace("provider", REALM);
        call.headers.set(HeaderName::Authorization, claim);
        assert_eq!(say(&admission.judge(&call, &flow, now)), "challenge");
    }

    #[test]
    fn a_trunk_that_proves_itself_calls_for_others_from_anywhere() {
        let now = Instant::now();
        let trunk = TrunkConfig { peer_user: Some("alice".into()), ..TrunkConfig::new("pbx", "192.0.2.7") };
        let trunks = Trunks::new(vec![trunk]);
        let mut admission = Admission::new(DigestConfig::new(REALM), Arc::new(Alice), trunks, [7; 32], now);
        let flow = flow("203.0.113.9:5060");
        let call = request("INVITE", "sip:+4930123456@pbx");
        let challenge = admission.judge(&call, &flow, now);
        let answered = answer(call, challenge, "alice", "wonderland");
        assert_eq!(say(&admission.judge(&answered, &flow, now)), "Trunk(\"pbx\")");
    }

    #[test]
    fn a_stranger_is_challenged_whatever_it_calls_itself() {
        let now = Instant::now();
        let mut admission = admission(now);
        for from in ["sip:alice@test", "sip:provider@test", "sip:anonymous@anonymous.invalid"] {
            let verdict = admission.judge(&request("INVITE", from), &flow("203.0.113.9:5060"), now);
            let Verdict::Challenge(headers) = verdict else { panic!("a challenge: {verdict:?}") };
            let algorithms: Vec<_> =
                headers.www_authenticates().map(|value| value.contains("algorithm=SHA-256")).collect();
            assert_eq!(algorithms, [true, false], "the stronger one first (RFC 8760 2.3)");
        }
    }
}
