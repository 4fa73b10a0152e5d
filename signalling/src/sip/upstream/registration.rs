//! Our registration at a trunk: what a phone does, done by us (RFC 3261 10.2).
//!
//! ```text
//!                +--------------- due: REGISTER ------------+
//!                |                                          v
//!            Waiting <--- 2xx: refresh before its end --- Asking --- 403 ---> Refused
//!                ^        423: at once, for longer, once    |
//!                |        439: at once, without outbound    |
//!                |        else: back off                    |
//!                +------------------------------------------+
//!
//!            any --- leave ---> Leaving (Expires: 0) --- any answer ---> Left
//! ```
//!
//! Beside it stands until when the registrar keeps the binding: a refresh that fails takes nothing away yet.

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tracing::{error, info, warn};

use super::instance::instance;
use crate::sip::hop::Conduct;
use crate::sip::identifiers::Identifiers;
use crate::sip::message::{
    CSeq, Contacts, HeaderName, Host, Method, NameAddr, Request, Response, SipUri, StatusCode, Uri,
};
use crate::sip::trunk::TrunkCredentials;

/// One registration at a trunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistrationConfig {
    /// The user part of the address that is registered, and of the Contact that calls then come in by.
    pub user: String,
    /// For how long; the registrar may shorten or lengthen it.
    pub expires: Duration,
    /// The account; `None` is the trunk's.
    pub credentials: Option<TrunkCredentials>,
    /// The user of ours who has it: calls to it are for that one, and that one's calls go out by it. `None`, nobody
    /// in particular.
    pub of_user: Option<String>,
}

/// A registration and where it stands.
#[derive(Debug)]
pub struct Registration {
    /// The trunk's name, for the log.
    trunk: String,
    user: String,
    domain: Host,
    call_id: String,
    tag: String,
    cseq: u32,
    expires: Duration,
    state: State,
    /// Until when the registrar keeps what it took last.
    held_until: Option<Instant>,
    /// In a row.
    failures: u32,
    /// A 423 has had us ask for a longer time, and nobody has granted one since.
    is_longer_asked: bool,
    /// Which client we are, once a Contact was told.
    instance: Option<String>,
    /// A proxy on the way knows nothing of flows: they are not spoken of any more.
    is_outbound_refused: bool,
    random: StdRng,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting { at: Instant },
    Asking,
    Refused,
    Leaving,
    Left,
}

/// Where a registration stands, to be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegistrationState {
    /// The registrar has us.
    Registered {
        /// Until when, if nothing is refreshed.
        until: Instant,
    },
    /// It was asked for the first time, or is about to be.
    Registering,
    /// It is tried again later.
    Failing,
    /// The registrar does not want us; nothing is tried again.
    Refused,
    /// It was removed.
    Left,
}

/// What follows a final response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Calls may come in now.
    Registered,
    /// It is asked again later, or never.
    NotRegistered,
}

/// The first wait after a failure, and the longest one, doubled in between. Chosen by us: a registrar that
/// restarts has us back in seconds, one that is away for a day gets six requests an hour.
const BACK_OFF: Duration = Duration::from_secs(4);
const BACK_OFF_MAX: Duration = Duration::from_secs(600);

/// The part of the granted time after which it is asked for anew: spread, so that registrations of one
/// start do not stay together, and early enough for a second attempt.
const REFRESH_AFTER: std::ops::Range<f64> = 0.75..0.9;

/// How soon it is asked for anew at the earliest. Chosen by us: who grants less has us for part of the time, and must
/// not set our pace.
const REFRESH_MIN: Duration = Duration::from_secs(5);

/// The longest time that a 423 makes us ask for: a day.
const EXPIRES_MAX: Duration = Duration::from_secs(86_400);

/// How much later than now a registration is made again whose stream closed. Chosen by us: all streams of
/// a registrar that restarts close at once.
const AGAIN_WITHIN: Duration = Duration::from_secs(2);

impl Registration {
    /// A registration of `config.user` at `domain`, the host of `trunk`, to be made at once. `seed` is random.
    #[must_use]
    pub fn new(
        config: &RegistrationConfig,
        (trunk, domain): (&str, Host),
        seed: [u8; 32],
        now: Instant,
    ) -> Self {
        let mut identifiers = Identifiers::new(seed);
        Self {
            trunk: trunk.to_owned(),
            user: config.user.clone(),
            domain,
            call_id: identifiers.call_id(),
            tag: identifiers.tag(),
            cseq: 0,
            expires: config.expires,
            state: State::Waiting { at: now },
            held_until: None,
            failures: 0,
            is_longer_asked: false,
            instance: None,
            is_outbound_refused: false,
            random: StdRng::from_seed(seed),
        }
    }

    /// Whose registration it is.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Whether a REGISTER is to be sent now; [`request`](Self::request) makes it.
    pub fn is_due(&mut self, now: Instant) -> bool {
        if self.held_until.is_some_and(|until| until <= now) {
            warn!(trunk = self.trunk, user = self.user, "the registration ran out");
            self.held_until = None;
        }
        let is_due = matches!(self.state, State::Waiting { at } if at <= now);
        if is_due {
            self.state = State::Asking;
        }
        is_due
    }

    /// When [`is_due`](Self::is_due) is next to be asked.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let at = match self.state {
            State::Waiting { at } => Some(at),
            State::Asking | State::Refused | State::Leaving | State::Left => None,
        };
        let held_until = self.held_until.filter(|_| self.state != State::Left);
        [at, held_until].into_iter().flatten().min()
    }

    /// A REGISTER with `contact`, to which the user is added; it removes the binding while leaving. It is the one flow of our
    /// instance (RFC 5626 4.2), whatever stream it goes by.
    pub fn request(&mut self, contact: &SipUri) -> Request {
        self.cseq = self.cseq.saturating_add(1);
        let own = Uri::from(SipUri::new(&self.user, self.domain.clone(), None));
        let expires = if self.state == State::Leaving { 0 } else { self.expires.as_secs() };
        let mut request = Request::new(Method::Register, SipUri::new("", self.domain.clone(), None));
        let headers = &mut request.headers;
        headers.set(HeaderName::MaxForwards, "70");
        headers.push(HeaderName::From, NameAddr::new(own.clone()).with_tag(&self.tag).to_string());
        headers.push(HeaderName::To, NameAddr::new(own).to_string());
        headers.push(HeaderName::CallId, self.call_id.as_str());
        headers.push(HeaderName::CSeq, CSeq { number: self.cseq, method: Method::Register }.to_string());
        let mut own_contact = NameAddr::new(self.contact(contact));
        if !self.is_outbound_refused {
            let name = self.instance.get_or_insert_with(|| instance(&self.user, &self.domain, contact));
            own_contact.params.set("+sip.instance", Some(name.as_str()));
            own_contact.params.set("reg-id", Some("1"));
            headers.push(HeaderName::Supported, "path, outbound");
        }
        headers.push(HeaderName::Contact, own_contact.to_string());
        headers.push(HeaderName::Expires, expires.to_string());
        request
    }

    /// Takes a final response; `cseq` is that of the request that it answers, which may have been sent
    /// again with credentials, and `contact` the one that was registered.
    pub fn handle_response(
        &mut self,
        response: &Response,
        cseq: u32,
        contact: &SipUri,
        now: Instant,
    ) -> Next {
        self.cseq = self.cseq.max(cseq);
        if self.state == State::Leaving {
            info!(trunk = self.trunk, user = self.user, status = %response.status, "registration removed");
            self.held_until = None;
            self.state = State::Left;
            return Next::NotRegistered;
        }
        let headers = &response.headers;
        match response.status.code() {
            200..=299 => match self.granted(response, contact) {
                Some(granted) => {
                    self.succeed(granted, now);
                    return Next::Registered;
                }
                None => self.fail("the registrar keeps nothing", None, now),
            },
            423 => {
                let least = headers.min_expires().ok().flatten().map(|s| Duration::from_secs(s.into()));
                match least.filter(|least| *least > self.expires && *least <= EXPIRES_MAX) {
                    Some(least) if !self.is_longer_asked => {
                        self.expires = least;
                        self.is_longer_asked = true;
                        self.failures = self.failures.max(1);
                        self.state = State::Waiting { at: now };
                    }
                    // Who names a longer time again and again must not set our pace.
                    Some(least) => {
                        self.expires = least;
                        self.fail("423 for a longer time once more", None, now);
                    }
                    None => self.fail("423 without a longer time", None, now),
                }
            }
            403 => {
                error!(
                    trunk = self.trunk,
                    user = self.user,
                    reason = &*response.reason,
                    "the trunk refuses our registration (403), which is not tried again: correct the account \
                     and reload the configuration, or start the gateway anew where it was corrected at the trunk"
                );
                self.held_until = None;
                self.state = State::Refused;
            }
            401 | 407 => {
                // The same password again and again would lock the account.
                self.failures = u32::MAX;
                self.fail("our credentials are not taken", None, now);
            }
            // The first hop lacks it (RFC 5626 11.6): we are found by the Contact alone then.
            439 if !self.is_outbound_refused => {
                self.is_outbound_refused = true;
                self.state = State::Waiting { at: now };
            }
            code => self.fail(&format!("{code} {}", response.reason), retry_after(response), now),
        }
        Next::NotRegistered
    }

    /// No host of the trunk answered, or none is known.
    pub fn handle_failure(&mut self, why: &str, now: Instant) {
        match self.state {
            State::Leaving => self.state = State::Left,
            State::Asking => self.fail(why, None, now),
            State::Waiting { .. } | State::Refused | State::Left => {}
        }
    }

    /// The stream that it was made over closed: calls may not find us any more.
    pub fn handle_lost(&mut self, now: Instant) {
        if let State::Waiting { at } = self.state
            && self.held_until.is_some()
        {
            let soon = now + AGAIN_WITHIN.mul_f64(self.random.random());
            self.state = State::Waiting { at: at.min(soon) };
        }
    }

    /// Ends it; whether a REGISTER is to be sent for that.
    pub const fn leave(&mut self) -> bool {
        let is_kept = self.held_until.is_some() || matches!(self.state, State::Asking);
        self.state = if is_kept { State::Leaving } else { State::Left };
        is_kept
    }

    /// Whether it is ending, or has ended.
    #[must_use]
    pub const fn is_leaving(&self) -> bool {
        matches!(self.state, State::Leaving | State::Left)
    }

    /// Whether nothing is left to be said.
    #[must_use]
    pub fn is_left(&self) -> bool {
        self.state == State::Left
    }

    /// Where it stands.
    #[must_use]
    pub const fn state(&self) -> RegistrationState {
        match (self.state, self.held_until) {
            (State::Left, _) => RegistrationState::Left,
            (State::Refused, _) => RegistrationState::Refused,
            (_, Some(until)) => RegistrationState::Registered { until },
            (_, None) if self.failures == 0 => RegistrationState::Registering,
            (_, None) => RegistrationState::Failing,
        }
    }

    /// The Contact that is registered.
    #[must_use]
    pub fn contact(&self, ours: &SipUri) -> SipUri {
        let mut contact = SipUri::new(&self.user, ours.host.clone(), ours.port);
        contact.params = ours.params.clone();
        contact
    }

    /// How long the registrar keeps our Contact, by what it says of it, else by Expires, else as asked for.
    fn granted(&self, response: &Response, contact: &SipUri) -> Option<Duration> {
        let own = self.contact(contact);
        let listed = match response.headers.contacts() {
            Ok(Contacts::List(list)) => list,
            Ok(Contacts::Star) | Err(_) => Vec::new(),
        };
        let is_own = |address: &&NameAddr| address.uri.as_sip().is_some_and(|uri| uri.matches(&own));
        let of_contact = listed.iter().find(is_own).and_then(|address| address.params.get("expires"));
        let of_response = response.headers.expires().ok().flatten();
        let seconds = of_contact.and_then(|text| text.parse().ok()).or(of_response);
        let granted = seconds.map_or(self.expires, |seconds: u32| Duration::from_secs(seconds.into()));
        (!granted.is_zero()).then_some(granted)
    }

    fn succeed(&mut self, granted: Duration, now: Instant) {
        let part = self.random.random_range(REFRESH_AFTER);
        if self.held_until.is_none() {
            let expires_s = granted.as_secs();
            info!(trunk = self.trunk, user = self.user, expires_s, "registered at the trunk");
        }
        self.failures = 0;
        self.is_longer_asked = false;
        self.held_until = Some(now + granted);
        self.state = State::Waiting { at: now + granted.mul_f64(part).max(REFRESH_MIN) };
    }

    fn fail(&mut self, why: &str, retry_after: Option<Duration>, now: Instant) {
        // 4 s doubled seven times is past the longest wait.
        let doubled = BACK_OFF.saturating_mul(1 << self.failures.min(8)).min(BACK_OFF_MAX);
        let spread = doubled.mul_f64(self.random.random_range(0.5..1.0));
        let wait = retry_after.map_or(spread, |asked| asked.min(EXPIRES_MAX).max(spread));
        self.failures = self.failures.saturating_add(1);
        let again_in_s = wait.as_secs();
        warn!(trunk = self.trunk, user = self.user, why, again_in_s, "registration at the trunk failed");
        self.state = State::Waiting { at: now + wait };
    }
}

/// What a hop that answered a request so did.
#[must_use]
pub fn conduct_of(response: &Response) -> Conduct {
    if response.status == StatusCode::SERVICE_UNAVAILABLE {
        let seconds = retry_after(response).map(|wait| u32::try_from(wait.as_secs()).unwrap_or(u32::MAX));
        Conduct::Overloaded { retry_after_s: seconds }
    } else {
        Conduct::Answered
    }
}

/// Retry-After without its comment and parameters (RFC 3261 20.33).
fn retry_after(response: &Response) -> Option<Duration> {
    let value = response.headers.get(&HeaderName::RetryAfter)?;
    let digits = value.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok().map(|seconds: u32| Duration::from_secs(seconds.into()))
}

#[cfg(test)]
mod tests;
