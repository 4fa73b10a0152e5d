//! REGISTER of an authenticated user: all its changes are made, or none.

use std::time::{Duration, Instant};

use super::departed::Departed;
use super::gruu::Gruus;
use super::outbound::{Outbound, keep_alive_s, outbound_of, supports};
use super::table::Table;
use super::update::{CONTACT_MAX, Change, Update, bad_request};
use super::{Binding, Gruu, Record};
use crate::moment::Moment;
use crate::sip::flow::{ConnectionId, Flow, ListenerId};
use crate::sip::message::{
    ByteString, Contacts, HeaderName, NameAddr, Reject, Request, Response, SipUri, StatusCode,
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

/// Most proxies on the way to a contact. Chosen by us: each is sent in every request there.
const PATH_MAX: usize = 8;
