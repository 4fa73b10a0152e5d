//! Addresses of devices that peers name as their contact (RFC 5627): requests to them go to what stands behind.

use super::core::Agent;
use super::surroundings::Doorkeeper;
use crate::sip::message::{HeaderName, Message, Method};

impl<D: Doorkeeper> Agent<D> {
    /// Puts the contact in place of an address of a device of ours: who has it is known by the contact, and some
    /// know themselves by nothing else.
    pub(super) fn unveil(&self, message: &mut Message) {
        let headers = match message {
            Message::Request(request) if request.method != Method::Register => &mut request.headers,
            Message::Response(response) => &mut response.headers,
            Message::Request(_) => return,
        };
        if !headers.get(&HeaderName::Contact).is_some_and(|contact| contact.contains(";gr")) {
            return;
        }
        let Ok(mut contact) = headers.contact() else { return };
        if let Some(behind) = contact.uri.as_sip().and_then(|uri| self.doorkeeper.contact_behind(uri)) {
            contact.uri = behind.into();
            headers.set(HeaderName::Contact, contact.to_string());
        }
    }
}
