//! The core's doorkeeper: admission, the registrar, and what the rest of the house learns of both.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use jiff::Timestamp;
use tracing::info;

use super::speakers::Speakers;
use crate::adapter::{Origin, Target};
use crate::auth::digest::{Algorithm, Credentials};
use crate::auth::limits::{ShutOut, Whom};
use crate::locations::{ContactInfo, Locations};
use crate::moment::Moment;
use crate::sip::agent::{Doorkeeper, Registered, Verdict};
use crate::sip::doorkeeper::{Admission, claimed_user};
use crate::sip::flow::{ConnectionId, Flow, ListenerId, TransportKind};
use crate::sip::identity::Reading;
use crate::sip::message::{Reject, Request, SipUri, StatusCode};
use crate::sip::registrar::{Binding, Change, Gruu, Keeper, Record, Registrar};
use crate::sip::transport::{ListenerAddress, TransportLayer};
use crate::sip::trunk::{TrunkConfig, Trunks};
use crate::source_networks::ELSEWHERE;

/// Admission and registrations.
pub(super) struct Door {
    admission: Admission,
    registrar: Registrar,
    locations: Locations,
    layer: TransportLayer,
    keeper: Arc<dyn Keeper>,
    /// The users whose registrations have changed.
    changed: BTreeSet<String>,
    speakers: Speakers,
}

impl Door {
    pub(super) fn new(
        admission: Admission,
        registrar: Registrar,
        locations: Locations,
        layer: TransportLayer,
        keeper: Arc<dyn Keeper>,
    ) -> Self {
        let (changed, speakers) = (BTreeSet::new(), Speakers::default());
        Self { admission, registrar, locations, layer, keeper, changed, speakers }
    }

    /// Takes back what was kept over a restart: of users that there still are, at listeners that are open.
    pub(super) fn restore(&mut self, kept: &[Record], now: Instant) {
        let at = Moment { now, wall: SystemTime::now() };
        let addresses = self.layer.addresses();
        let mut users = BTreeSet::new();
        for record in kept {
            let mut listeners = (0..).map(ListenerId).zip(addresses.iter());
            let is_its =
                |known: &ListenerAddress| known.kind == TransportKind::Udp && known.bound == record.local;
            let listener = listeners.find(|(_, known)| is_its(known)).map(|(id, _)| id);
            let may_be = self.admission.may_be_at(&record.user, record.remote.ip());
            let listener = listener.filter(|_| may_be && self.admission.knows(&record.user));
            if self.registrar.restore(record, listener, at) {
                users.insert(record.user.as_str());
            }
        }
        for user in &users {
            self.publish(user);
        }
        self.keep(now);
        if !kept.is_empty() {
            info!(contacts = self.registrar.len(), users = users.len(), "registrations restored");
        }
    }

    /// Lets these in from now on. Whoever is a user no more, or is registered from where it may not come from now on, is reached
    /// no more; names that last for a while are no users, and stay until they have to be refreshed.
    pub(super) fn take_up(
        &mut self,
        users: Arc<dyn Credentials + Send + Sync>,
        algorithms: Vec<Algorithm>,
        trunks: &Trunks,
        now: Instant,
    ) {
        self.layer.trust_trunks(trunks.networks().collect());
        let known: Vec<_> =
            self.registrar.users().filter(|user| self.admission.knows(user)).map(str::to_owned).collect();
        self.admission.take_up(users, algorithms, trunks);
        let unknown = known.iter().filter(|user| !self.admission.knows(user));
        let gone: Vec<_> = unknown.flat_map(|user| self.registrar.remove(user)).collect();
        self.forget(&gone, USER_GONE);
        let admission = &self.admission;
        let gone = self.registrar.remove_those(|binding| admission.is_gone(&binding.user));
        self.forget(&gone, USER_GONE);
        let admission = &self.admission;
        let is_elsewhere = |binding: &Binding| !admission.may_be_at(&binding.user, binding.flow.remote.ip());
        let gone = self.registrar.remove_those(is_elsewhere);
        self.forget(&gone, ELSEWHERE);
        self.keep(now);
    }

    /// A contact of a user, if it is still registered.
    pub(super) fn binding(&self, user: &str, key: u64) -> Option<&Binding> {
        self.registrar.binding(key).filter(|binding| binding.user == user)
    }

    /// The other flows of the phone that a contact is of, as [`Registrar::other_flows`] has them.
    pub(super) fn other_flows(&self, of: &Binding) -> Vec<&Binding> {
        self.registrar.other_flows(of)
    }

    /// The trunks, whose accounts may change.
    pub(super) const fn trunks_mut(&mut self) -> &mut Trunks {
        self.admission.trunks_mut()
    }

    /// A registrar of a trunk has us, at these addresses: its calls come from there.
    pub(super) fn registered(&mut self, trunk: &str, addresses: impl Iterator<Item = IpAddr>) {
        self.admission.registered(trunk, addresses.inspect(|address| self.layer.trust_host(*address)));
    }

    /// What was registered over a closed stream can be reached no more.
    pub(super) fn connection_closed(&mut self, connection: ConnectionId) {
        self.speakers.forget(connection);
        let gone = self.registrar.connection_closed(connection);
        self.forget(&gone, "connection closed");
        // Nothing over a stream was kept.
        self.registrar.take_touched();
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.registrar.poll_timeout()
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        let gone = self.registrar.handle_timeout(now);
        self.forget(&gone, "expired");
        self.keep(now);
    }

    fn forget(&mut self, gone: &[Binding], why: &str) {
        let users: BTreeSet<&str> = gone.iter().map(|binding| binding.user.as_str()).collect();
        for user in users {
            info!(user, why, "registration ended");
            self.publish(user);
        }
    }

    /// Whether its From names a user who has registered from there, not through a proxy: then it has to prove to
    /// be that user.
    fn is_of_registered_phone(&self, request: &Request, flow: &Flow) -> bool {
        let is_there = |binding: &Binding| {
            let there = binding.flow;
            binding.path.is_empty()
                && (there.kind, there.remote, there.connection) == (flow.kind, flow.remote, flow.connection)
        };
        claimed_user(request).is_some_and(|user| self.registrar.bindings(&user).any(is_there))
    }

    /// Whether a flow is that of another user's phone, and of this one's is nothing known there.
    fn is_of_anothers_phone(&self, flow: &Flow, user: &str) -> bool {
        self.speakers.is_anothers(flow, user) || self.registrar.is_anothers(flow, user)
    }

    fn tell_shut_out(&mut self, flow: &Flow) {
        if let Some((user, shut_out)) = self.admission.take_shut_out() {
            tell_shut_out(flow, &user, shut_out);
        }
    }

    /// Hands over what has changed.
    fn keep(&mut self, now: Instant) {
        let touched = self.registrar.take_touched();
        let at = Moment { now, wall: SystemTime::now() };
        for key in touched {
            let record = self.registrar.binding(key).and_then(|binding| Record::of(binding, at));
            self.keeper.keep(record.map_or(Change::Removed(key), |record| Change::Set(Box::new(record))));
        }
    }

    fn publish(&mut self, user: &str) {
        self.changed.insert(user.to_owned());
        let contacts = self.registrar.reached(user).map(contact).collect();
        self.locations.set(user, contacts);
    }
}

impl Doorkeeper for Door {
    fn admit(&mut self, request: &Request, flow: &Flow, now: Instant) -> Verdict {
        // At a trunk's address there may be users' phones too.
        let verdict = if self.is_of_registered_phone(request, flow) {
            self.admission.judge_claim(request, flow, now)
        } else {
            let layer = &self.layer;
            self.admission.judge(request, flow, &|trunk| is_shown_to_be(layer, flow, trunk), now)
        };
        self.tell_shut_out(flow);
        if let Verdict::Accept { origin } = &verdict {
            self.layer.mark_authenticated(flow);
            match origin {
                Origin::User(user) => self.speakers.note(user, request, flow),
                Origin::Trunk(name) => {
                    if let Some(trunk) = self.admission.trunks().named(name) {
                        self.layer.note_trunk(flow, &trunk.name, &trunk.host, trunk.identity());
                    }
                }
            }
        }
        verdict
    }

    fn trunk_at(&self, request: &Request, flow: &Flow) -> Option<&str> {
        let layer = &self.layer;
        self.admission.trunk_at(request, flow, &|trunk| is_shown_to_be(layer, flow, trunk))
    }

    fn read(&self, invite: &Request, origin: &Origin) -> Result<Reading, Reject> {
        let reading = self.admission.read(invite, origin)?;
        let Some(uri) = invite.uri.as_sip() else { return Ok(reading) };
        match self.registrar.gruu(uri) {
            Gruu::None => Ok(reading),
            // RFC 5627 5.1.
            Gruu::OfNobody => Err(Reject::new(StatusCode::TEMPORARILY_UNAVAILABLE)),
            Gruu::Of(binding) => {
                let device = Target::Contact { user: binding.user.clone(), binding: binding.key };
                Ok(Reading { destination: binding.user.clone(), device: Some(device), ..reading })
            }
        }
    }

    fn contact_behind(&self, gruu: &SipUri) -> Option<SipUri> {
        match self.registrar.gruu(gruu) {
            Gruu::Of(binding) => Some(binding.uri.clone()),
            Gruu::OfNobody | Gruu::None => None,
        }
    }

    fn admit_in_dialog(&mut self, request: &Request, flow: &Flow, user: &str, now: Instant) -> Verdict {
        if let Some(reject) = self.admission.refuse_elsewhere(request, flow, user, now) {
            return Verdict::Reject(reject);
        }
        let is_doubtful = request.is_direct()
            && (self.is_of_anothers_phone(flow, user)
                || self.admission.names_another(request, flow.remote.ip(), user));
        if !is_doubtful {
            return Verdict::Accept { origin: Origin::User(user.to_owned()) };
        }
        let verdict = self.admission.judge_in_dialog(request, flow, user, now);
        self.tell_shut_out(flow);
        if matches!(verdict, Verdict::Accept { .. }) {
            self.layer.mark_authenticated(flow);
            self.speakers.note(user, request, flow);
        }
        verdict
    }

    fn may_be_at(&self, user: &str, source: IpAddr) -> bool {
        !self.admission.is_gone(user) && self.admission.may_be_at(user, source)
    }

    fn is_anothers(&mut self, flow: &Flow, user: &str, now: Instant) -> bool {
        let is_anothers = self.is_of_anothers_phone(flow, user);
        if is_anothers {
            self.admission.tell_another(flow, user, now);
        }
        is_anothers
    }

    fn register(&mut self, request: &Request, origin: &Origin, flow: &Flow, now: Instant) -> Registered {
        let to_tag = format!("{:016x}", rand::random::<u64>());
        let Origin::User(user) = origin else {
            let response = request.response(StatusCode::FORBIDDEN, Some(&to_tag));
            return Registered { response, left: Vec::new() };
        };
        // The registrar drops what has expired by itself; the readers are to learn of it.
        self.handle_timeout(now);
        let response = self.registrar.handle_register(request, user, *flow, &to_tag, now);
        let contacts = self.registrar.bindings(user).count();
        info!(user, %flow, status = %response.status, contacts, "registration");
        self.publish(user);
        self.keep(now);
        Registered { response, left: self.registrar.take_left() }
    }

    fn take_registrations(&mut self) -> Vec<(String, bool)> {
        let changed = std::mem::take(&mut self.changed);
        let is_reached = |user: &String| self.registrar.bindings(user).next().is_some();
        changed
            .into_iter()
            .map(|user| (is_reached(&user), user))
            .map(|(is_reached, user)| (user, is_reached))
            .collect()
    }
}

/// Whether by its certificate the peer of a flow is this trunk: by one for the trunk's own name where it has opened the stream, and by the
/// host's where we have. Others vouch for whom we call than for who calls us, so what else a host's certificate is for tells nothing.
fn is_shown_to_be(layer: &TransportLayer, flow: &Flow, trunk: &TrunkConfig) -> bool {
    trunk.certificate_name.as_deref().is_some_and(|name| layer.shows(flow, name))
        || layer.has_dialled_host(flow, &trunk.host, trunk.identity())
}

/// In the log, of whose registration ends.
const USER_GONE: &str = "its user is gone";

/// Whoever has corrected its password wonders why nothing happens.
fn tell_shut_out(flow: &Flow, user: &str, ShutOut { whom, time }: ShutOut) {
    let source = flow.remote.ip();
    let until = SystemTime::now() + time;
    let until_s = until.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let until = i64::try_from(until_s).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    let until = until.unwrap_or_default();
    match whom {
        Whom::User => {
            info!(%source, ?user, %until, "too many wrong passwords: credentials of this user from there are not answered");
        }
        Whom::Everybody => {
            info!(%source, ?user, %until, "too many wrong passwords: credentials of any user from there are not answered");
        }
    }
}

/// Where a binding reaches its user.
fn contact(binding: &Binding) -> ContactInfo {
    ContactInfo {
        binding: binding.key,
        adapter: super::NAME,
        profile: binding.profile,
        address: binding.flow.remote.ip().to_canonical(),
    }
}

#[cfg(test)]
mod tests;
