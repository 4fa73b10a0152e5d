//! Clients whose stream closed: by instance and reg-id (RFC 5626) they are known when they come back, and
//! their calls go on where they are then.

use std::collections::VecDeque;

use super::Binding;
use super::binding::outbound_id;
use crate::sip::flow::Flow;

/// Who is gone, the last one last.
#[derive(Debug, Default)]
pub(super) struct Departed(VecDeque<Client>);

#[derive(Debug)]
struct Client {
    user: String,
    instance: String,
    reg_id: u32,
    flow: Flow,
}

/// Clients that are remembered. Chosen by us: more than have calls at one time; beyond it the first is forgotten.
const CLIENTS_MAX: usize = 4096;

impl Departed {
    /// The binding went with its stream.
    pub(super) fn add(&mut self, binding: &Binding) {
        let Some((instance, reg_id)) = outbound_id(&binding.params) else { return };
        if self.0.len() == CLIENTS_MAX {
            self.0.pop_front();
        }
        let (user, instance) = (binding.user.clone(), instance.to_owned());
        self.0.push_back(Client { user, instance, reg_id, flow: binding.flow });
    }

    /// The client of a binding is back: where it was before.
    pub(super) fn take(&mut self, binding: &Binding) -> Vec<Flow> {
        let Some((instance, reg_id)) = outbound_id(&binding.params) else { return Vec::new() };
        let mut flows = Vec::new();
        self.0.retain(|client| {
            let is_back =
                client.user == binding.user && client.instance == instance && client.reg_id == reg_id;
            if is_back {
                flows.push(client.flow);
            }
            !is_back
        });
        flows
    }
}
