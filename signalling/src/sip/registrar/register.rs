//! REGISTER of an authenticated user: all its changes are made, or none.

use std::time::{Duration, Instant};

use super::binding::outbound_id;
use super::departed::Departed;
use super::gruu::Gruus;
use super::table::Table;
use super::{Binding, Gruu, Record};
use crate::adapter::MediaProfile;
use crate::moment::Moment;
use crate::sip::flow::{ConnectionId, Flow, ListenerId, TransportKind};
use crate::sip::message::{
    ByteString, CSeq, Contacts, HeaderName, NameAddr, Reject, Request, Response, SipUri, StatusCode, Uri,
};

/// How users may register.
#[derive(Debug, Clone, Copy)]
pub struct RegistrarConfig {
    /// Most bindings of one user.
    pub contacts_max: usize,
    /// Shortest expiry that is taken; shorter ones are told so (423).
    pub expires_min: Duration,
    /// Longest expiry that is given, and the one where none is asked for.
    pub expires_max: Duration,
}

/// Knows where users can be reached.
pub struct Registrar {
    config: RegistrarConfig,
    pub(super) table: Table,
    next_key: u64,
    /// The keys of bindings that were set or removed.
    touched: Vec<u64>,
    departed: Departed,
    gruus: Gruus,
    /// Flows in whose place the last request came.
    left: Vec<Flow>,
}

impl Default for RegistrarConfig {
    fn default() -> Self {
        Self {
            // Chosen by us: more phones than one person has.
            contacts_max: 10,
            // Chosen by us: a refresh a minute is what a phone behind NAT may need.
            expires_min: Duration::from_secs(60),
            // RFC 3261 10.2: what a client suggests where it suggests nothing.
            expires_max: Duration::from_secs(3600),
        }
    }
}

impl Registrar {
    /// A registrar that knows nobody. `seed` is random and secret: temporary addresses are made of it.
    #[must_use]
    pub fn new(config: RegistrarConfig, seed: [u8; 32]) -> Self {
        Self {
            config,
            table: Table::default(),
            next_key: 1,
            touched: Vec::new(),
            departed: Departed::default(),
            gruus: Gruus::new(seed),
            left: Vec::new(),
        }
    }

    /// Obeys the REGISTER, validated before, of a user who has proven to be `user`, and answers it.
    /// `to_tag` goes into the response.
    pub fn handle_register(
        &mut self,
        request: &Request,
        user: &str,
        flow: Flow,
        to_tag: &str,
        now: Instant,
    ) -> Response {
        if let Err(reject) = self.register(request, user, flow, now) {
            let mut response = request.response(reject.status, Some(to_tag));
            response.reason = reject.reason;
            for header in reject.headers.iter() {
                response.headers.push(header.name.clone(), header.value.clone());
            }
            return response;
        }
        let mut response = request.response(StatusCode::OK, Some(to_tag));
        let to = request.headers.to().ok();
        let aor = to.as_ref().and_then(|to| to.uri.as_sip()).filter(|_| supports(request, "gruu"));
        for binding in self.table.of_user(user).filter(|binding| binding.expires_at > now) {
            let mut contact = binding.to_contact(now);
            if let Some(aor) = aor
                && let Some(public) = Gruus::public(aor, binding)
            {
                contact.params.set("pub-gruu", Some(&format!("\"{public}\"")));
                let temporary = self.gruus.temporary(aor, binding);
                contact.params.set("temp-gruu", Some(&format!("\"{temporary}\"")));
            }
            response.headers.push(HeaderName::Contact, contact.to_string());
        }
        for path in request.headers.get_all(&HeaderName::Path) {
            response.headers.push(HeaderName::Path, path.to_owned());
        }
        match outbound_of(request) {
            Outbound::Unused | Outbound::FirstHopLacksIt => {}
            Outbound::Direct => {
                response.headers.push(HeaderName::Require, "outbound");
                if let Some(seconds) = keep_alive_s(flow.kind) {
                    response.headers.push(HeaderName::FlowTimer, seconds.to_string());
                }
            }
            // How often that flow needs a word, the first hop knows.
            Outbound::ByProxy => response.headers.push(HeaderName::Require, "outbound"),
        }
        response
    }

    /// Whose address a URI is, if it is one of a device that we gave out.
    #[must_use]
    pub fn gruu(&self, uri: &SipUri) -> Gruu<'_> {
        self.gruus.find(uri, &self.table)
    }

    /// Where a user can be reached, what was registered first coming first.
    pub fn bindings(&self, user: &str) -> impl Iterator<Item = &Binding> {
        self.table.of_user(user)
    }

    /// One binding, by its key.
    #[must_use]
    pub fn binding(&self, key: u64) -> Option<&Binding> {
        self.table.get(key)
    }

    /// Whether phones of others alone have registered by datagrams from where a flow comes from, through no proxy.
    #[must_use]
    pub fn is_anothers(&self, flow: &Flow, user: &str) -> bool {
        let mut there = self.table.of_source(flow).peekable();
        there.peek().is_some() && there.all(|binding| binding.user != user)
    }

    /// How many bindings there are, of all users.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether nobody is registered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Removes what was registered over a connection that is closed: nothing else leads there.
    pub fn connection_closed(&mut self, connection: ConnectionId) -> Vec<Binding> {
        let keys = self.table.of_connection(connection);
        self.touched.extend(&keys);
        let gone: Vec<_> = keys.into_iter().filter_map(|key| self.table.remove(key)).collect();
        gone.iter().for_each(|binding| self.departed.add(binding));
        gone
    }

    /// Who is registered, in no order.
    pub fn users(&self) -> impl Iterator<Item = &str> {
        self.table.users()
    }

    /// Removes all that a user has registered.
    pub fn remove(&mut self, user: &str) -> Vec<Binding> {
        let keys: Vec<_> = self.bindings(user).map(|binding| binding.key).collect();
        self.touched.extend(&keys);
        keys.into_iter().filter_map(|key| self.table.remove(key)).collect()
    }

    /// Removes those that are such.
    pub fn remove_those(&mut self, is_such: impl Fn(&Binding) -> bool) -> Vec<Binding> {
        let such = self.table.iter().filter(|binding| is_such(binding));
        let keys: Vec<_> = such.map(|binding| binding.key).collect();
        self.touched.extend(&keys);
        keys.into_iter().filter_map(|key| self.table.remove(key)).collect()
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.table.first_to_expire().map(|(at, _)| at)
    }

    /// Removes what has expired.
    pub fn handle_timeout(&mut self, now: Instant) -> Vec<Binding> {
        let mut expired = Vec::new();
        while let Some((at, key)) = self.table.first_to_expire()
            && at <= now
        {
            self.touched.push(key);
            expired.extend(self.table.remove(key));
        }
        expired
    }

    /// The flows that the client of the last request was on before: its calls are to go on where it is now.
    pub fn take_left(&mut self) -> Vec<Flow> {
        std::mem::take(&mut self.left)
    }

    /// The keys of the bindings that changed since the last time, to be kept: what
    /// [`binding`](Self::binding) no longer knows is gone.
    pub fn take_touched(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.touched)
    }

    /// Takes a binding back that was kept over a restart, at the listener of its address. Its key is given
    /// to no other. Tells whether it is one that can still be reached.
    pub fn restore(&mut self, record: &Record, listener: Option<ListenerId>, at: Moment) -> bool {
        self.next_key = self.next_key.max(record.key.saturating_add(1));
        let binding = listener.and_then(|listener| record.to_binding(listener, at));
        let is_known = binding.is_some();
        match binding {
            Some(binding) => self.table.set(binding),
            None => self.touched.push(record.key),
        }
        is_known
    }

    fn register(&mut self, request: &Request, user: &str, flow: Flow, now: Instant) -> Result<(), Reject> {
        let to = request.headers.to()?;
        if to.uri.as_sip().is_none() {
            return Err(Reject::new(StatusCode::NOT_FOUND));
        }
        if to.uri.user_unescaped().as_deref() != Some(user) {
            return Err(Reject::new(StatusCode::FORBIDDEN));
        }
        let path: Vec<_> = request.headers.paths()?.iter().map(NameAddr::detached).collect();
        if path.len() > PATH_MAX
            || request.headers.get_all(&HeaderName::Path).map(str::len).sum::<usize>() > CONTACT_MAX
        {
            return Err(bad_request("Path Too Long"));
        }
        // A proxy that the client does not know may have put it there (RFC 3327 5.3).
        if !path.is_empty() && !supports(request, "path") {
            let mut reject = Reject::new(StatusCode::BAD_EXTENSION);
            reject.headers.push(HeaderName::Unsupported, "path");
            return Err(reject);
        }
        if outbound_of(request) == Outbound::FirstHopLacksIt {
            return Err(Reject::new(StatusCode::FIRST_HOP_LACKS_OUTBOUND_SUPPORT));
        }
        let update = Update {
            config: self.config,
            call_id: ByteString::from(&*request.headers.call_id()?),
            cseq: request.headers.cseq()?,
            expires: request.headers.expires().unwrap_or(None),
            user_agent: request.headers.get(&HeaderName::UserAgent).unwrap_or_default(),
            user,
            flow,
            is_direct: request.is_direct(),
            path,
            now,
        };
        let old = self.table.of_user(user).filter(|binding| binding.expires_at > now).cloned().collect();
        let changes = match request.headers.contacts()? {
            Contacts::Star => update.remove_all(request, old)?,
            Contacts::List(contacts) => update.apply(contacts, old)?,
        };
        for change in changes {
            let key = match change {
                Change::Keep => continue,
                Change::Remove(key) => {
                    self.table.remove(key);
                    key
                }
                Change::Set(binding) => {
                    let key = binding.key;
                    let old = self.table.get(key).map(|old| old.flow);
                    self.left.extend(old.filter(|old| *old != binding.flow));
                    self.left.extend(self.departed.take(&binding));
                    self.table.set(binding);
                    key
                }
                Change::Add(binding) => {
                    let key = self.next_key;
                    self.next_key += 1;
                    self.left.extend(self.departed.take(&binding));
                    self.table.set(Binding { key, ..binding });
                    key
                }
            };
            self.touched.push(key);
        }
        Ok(())
    }
}

/// What one request does to one binding.
enum Change {
    Keep,
    Remove(u64),
    Set(Binding),
    /// Its key is yet to be given.
    Add(Binding),
}

/// What all contacts of a request share.
struct Update<'a> {
    config: RegistrarConfig,
    call_id: ByteString,
    cseq: CSeq,
    /// The Expires field; one that cannot be read is none (RFC 3261 10.3).
    expires: Option<u32>,
    user_agent: &'a str,
    user: &'a str,
    flow: Flow,
    is_direct: bool,
    path: Vec<NameAddr>,
    now: Instant,
}

/// Longest contact that is kept, octets. Chosen by us: real ones have some 200.
const CONTACT_MAX: usize = 2048;

/// Most proxies on the way to a contact. Chosen by us: each is sent in every request there.
const PATH_MAX: usize = 8;

/// How much of User-Agent is kept, characters. Chosen by us: it is shown in one line.
const USER_AGENT_MAX: usize = 128;

impl Update<'_> {
    /// `Contact: *`, which must come with `Expires: 0` (RFC 3261 10.2.2).
    fn remove_all(&self, request: &Request, old: Vec<Binding>) -> Result<Vec<Change>, Reject> {
        if request.headers.expires()? != Some(0) {
            return Err(bad_request("Contact * Without Expires 0"));
        }
        old.into_iter()
            .map(|binding| self.check_order(&binding).map(|()| Change::Remove(binding.key)))
            .collect()
    }

    fn apply(&self, contacts: Vec<NameAddr>, old: Vec<Binding>) -> Result<Vec<Change>, Reject> {
        // Each is compared with each.
        if contacts.len() > 2 * self.config.contacts_max {
            return Err(too_many_contacts());
        }
        let mut slots: Vec<(Option<Binding>, Change)> =
            old.into_iter().map(|binding| (Some(binding), Change::Keep)).collect();
        for contact in contacts {
            if contact.to_string().len() > CONTACT_MAX {
                return Err(bad_request("Contact Too Long"));
            }
            let expires = self.expires_of(&contact)?;
            let slot = slots.iter_mut().find(|(old, change)| match (old, change) {
                (_, Change::Set(binding) | Change::Add(binding)) => binding.is_for(&contact),
                (Some(binding), _) => binding.is_for(&contact),
                (None, _) => false,
            });
            match slot {
                Some((old, change)) => {
                    if let Some(old) = old {
                        self.check_order(old)?;
                    }
                    *change = match (old, expires.is_zero()) {
                        (Some(old), true) => Change::Remove(old.key),
                        (None, true) => Change::Keep,
                        (Some(old), false) => Change::Set(self.binding(old.key, contact, expires)?),
                        (None, false) => Change::Add(self.binding(0, contact, expires)?),
                    };
                }
                None if expires.is_zero() => {}
                None => slots.push((None, Change::Add(self.binding(0, contact, expires)?))),
            }
        }
        let is_left = |(old, change): &&(Option<Binding>, Change)| match change {
            Change::Keep => old.is_some(),
            Change::Remove(_) => false,
            Change::Set(_) | Change::Add(_) => true,
        };
        let is_growing = slots.iter().any(|(_, change)| matches!(change, Change::Add(_)));
        if is_growing && slots.iter().filter(is_left).count() > self.config.contacts_max {
            return Err(too_many_contacts());
        }
        Ok(slots.into_iter().map(|(_, change)| change).collect())
    }

    /// The contact's own parameter, else the field, else the longest. One that cannot be read counts
    /// as none, a big one as the biggest (RFC 3261 10.2.1.1, 20.10).
    fn expires_of(&self, contact: &NameAddr) -> Result<Duration, Reject> {
        let own = contact.params.get("expires").and_then(parse_seconds);
        let Some(asked) = own.or(self.expires).map(|seconds| Duration::from_secs(seconds.into())) else {
            return Ok(self.config.expires_max);
        };
        if !asked.is_zero() && asked < self.config.expires_min {
            let mut reject = Reject::new(StatusCode::INTERVAL_TOO_BRIEF);
            reject.headers.push(HeaderName::MinExpires, self.config.expires_min.as_secs().to_string());
            return Err(reject);
        }
        Ok(asked.min(self.config.expires_max))
    }

    /// Within one Call-ID, requests count upwards; one that comes late changes nothing (RFC 3261
    /// 10.3 steps 6 and 7).
    fn check_order(&self, old: &Binding) -> Result<(), Reject> {
        if old.call_id == self.call_id && self.cseq.number <= old.cseq {
            return Err(bad_request("CSeq Out Of Order"));
        }
        Ok(())
    }

    fn binding(&self, key: u64, contact: NameAddr, expires: Duration) -> Result<Binding, Reject> {
        let NameAddr { uri: Uri::Sip(uri), mut params, .. } = contact.detached() else {
            return Err(bad_request("Contact Is No SIP URI"));
        };
        params.remove("expires");
        Ok(Binding {
            key,
            user: self.user.into(),
            uri,
            params,
            path: self.path.clone(),
            flow: self.flow,
            is_direct: self.is_direct,
            user_agent: self.user_agent.chars().take(USER_AGENT_MAX).collect(),
            profile: if self.flow.kind.is_websocket() { MediaProfile::Webrtc } else { MediaProfile::Rtp },
            expires_at: self.now + expires,
            set_at: self.now,
            call_id: self.call_id.clone(),
            cseq: self.cseq.number,
        })
    }
}

/// How often a client is to keep its flow alive (RFC 5626 4.4), in seconds: over UDP before NATs forget it,
/// which some do after 30 s. We ping WebSockets ourselves.
const fn keep_alive_s(kind: TransportKind) -> Option<u32> {
    match kind {
        TransportKind::Udp => Some(25),
        TransportKind::Tcp | TransportKind::Tls => Some(120),
        TransportKind::Ws | TransportKind::Wss => None,
    }
}

/// Whether the client's flow is kept as RFC 5626 6 says, and whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outbound {
    /// Not asked for.
    Unused,
    /// It is ours. Keep-alives are answered on every transport.
    Direct,
    /// It is that of a proxy, which can.
    ByProxy,
    /// It would be that of a proxy, which cannot.
    FirstHopLacksIt,
}

fn outbound_of(request: &Request) -> Outbound {
    let Ok(Contacts::List(contacts)) = request.headers.contacts() else { return Outbound::Unused };
    let is_asked_for = contacts.iter().any(|contact| outbound_id(&contact.params).is_some());
    if !is_asked_for || !supports(request, "outbound") {
        return Outbound::Unused;
    }
    if request.is_direct() {
        return Outbound::Direct;
    }
    // Each proxy puts itself before those that it has passed: the client's own first hop stands last.
    let paths = request.headers.paths().unwrap_or_default();
    let can = paths.last().and_then(|hop| hop.uri.as_sip()).is_some_and(|uri| uri.params.has("ob"));
    if can { Outbound::ByProxy } else { Outbound::FirstHopLacksIt }
}

fn supports(request: &Request, extension: &str) -> bool {
    request.headers.supported().any(|tag| tag.eq_ignore_ascii_case(extension))
}

fn parse_seconds(text: &str) -> Option<u32> {
    let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u32::MAX))
}

fn too_many_contacts() -> Reject {
    Reject { reason: ByteString::from_static("Too Many Contacts"), ..Reject::new(StatusCode::FORBIDDEN) }
}

fn bad_request(reason: &'static str) -> Reject {
    Reject { reason: ByteString::from_static(reason), ..Reject::new(StatusCode::BAD_REQUEST) }
}
