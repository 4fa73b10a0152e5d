//! The core's doorkeeper: admission, the registrar, and what the rest of the house learns of both.

use std::collections::BTreeSet;
use std::time::Instant;

use tracing::info;

use crate::adapter::Origin;
use crate::sip::agent::{Doorkeeper, Verdict};
use crate::sip::doorkeeper::Admission;
use crate::sip::flow::{ConnectionId, Flow};
use crate::sip::locations::Locations;
use crate::sip::message::{Request, Response, StatusCode};
use crate::sip::registrar::{Binding, Registrar};
use crate::sip::transport::TransportLayer;

/// Admission and registrations.
pub(super) struct Door {
    admission: Admission,
    registrar: Registrar,
    locations: Locations,
    layer: TransportLayer,
}

impl Door {
    pub(super) const fn new(
        admission: Admission,
        registrar: Registrar,
        locations: Locations,
        layer: TransportLayer,
    ) -> Self {
        Self { admission, registrar, locations, layer }
    }

    /// A contact of a user, if it is still registered.
    pub(super) fn binding(&self, user: &str, key: u64) -> Option<&Binding> {
        self.registrar.binding(key).filter(|binding| binding.user == user)
    }

    /// What was registered over a closed stream can be reached no more.
    pub(super) fn connection_closed(&mut self, connection: ConnectionId) {
        let gone = self.registrar.connection_closed(connection);
        self.forget(&gone, "connection closed");
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.registrar.poll_timeout()
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        let gone = self.registrar.handle_timeout(now);
        self.forget(&gone, "expired");
    }

    fn forget(&self, gone: &[Binding], why: &str) {
        let users: BTreeSet<&str> = gone.iter().map(|binding| binding.user.as_str()).collect();
        for user in users {
            info!(user, why, "registration ended");
            self.publish(user);
        }
    }

    fn publish(&self, user: &str) {
        self.locations.publish(user, self.registrar.bindings(user));
    }
}

impl Doorkeeper for Door {
    fn admit(&mut self, request: &Request, flow: &Flow, now: Instant) -> Verdict {
        let verdict = self.admission.judge(request, flow, now);
        if let (Verdict::Accept { .. }, Some(connection)) = (&verdict, flow.connection) {
            self.layer.mark_authenticated(connection);
        }
        verdict
    }

    fn register(&mut self, request: &Request, origin: &Origin, flow: &Flow, now: Instant) -> Response {
        let to_tag = format!("{:016x}", rand::random::<u64>());
        let Origin::User(user) = origin else {
            return request.response(StatusCode::FORBIDDEN, Some(&to_tag));
        };
        // The registrar drops what has expired by itself; the readers are to learn of it.
        self.handle_timeout(now);
        let response = self.registrar.handle_register(request, user, *flow, &to_tag, now);
        let contacts = self.registrar.bindings(user).count();
        info!(user, %flow, status = %response.status, contacts, "registration");
        self.publish(user);
        response
    }
}
