//! A peer that has one port for all its calls, as gateways have. A check goes to the call that its user name
//! fragment names; all else goes where the checks from its source went.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::host::Host;
use super::relay::{each_datagram, open, send};

/// The port.
pub(crate) struct OnePort {
    address: SocketAddr,
    calls: Arc<Mutex<HashMap<String, SocketAddr>>>,
    is_over: Arc<AtomicBool>,
    _host: Host,
}

/// Any port of a host that is ours.
const PORT: u16 = 10_000;
/// Of a STUN message before its attributes, and of an attribute before its value (RFC 8489 5, 14).
const STUN_HEADER: usize = 20;
const ATTRIBUTE_HEADER: usize = 4;
const BINDING_REQUEST: [u8; 2] = [0, 1];
const USERNAME: [u8; 2] = [0, 6];

impl OnePort {
    /// Opens it.
    pub(crate) fn new() -> Self {
        let host = Host::new();
        let address = host.at(PORT);
        let (calls, is_over) = (Arc::<Mutex<HashMap<String, SocketAddr>>>::default(), Arc::default());
        let outside = open(address);
        let (back, known, ends) = (Arc::clone(&outside), Arc::clone(&calls), Arc::clone(&is_over));
        let mut ways = HashMap::new();
        let carry = move |datagram: &[u8], from| {
            let known = known.lock().unwrap_or_else(PoisonError::into_inner);
            let named = addressed(datagram).and_then(|ufrag| known.get(ufrag));
            if let Some(call) = named {
                ways.entry(from).or_insert_with(|| {
                    let (inside, back) = (open(SocketAddr::new(address.ip(), 0)), Arc::clone(&back));
                    each_datagram(Arc::clone(&inside), [Arc::clone(&ends)], move |datagram, _| {
                        send(&back, datagram, from);
                    });
                    (inside, *call)
                });
            }
            if let Some((inside, call)) = ways.get(&from) {
                send(inside, datagram, *named.unwrap_or(call));
            }
        };
        each_datagram(outside, [Arc::clone(&is_over)], carry);
        Self { address, calls, is_over, _host: host }
    }

    /// Takes in a call by its candidates as it tells them (RFC 8840), and gives what it is to tell instead: that it
    /// is at this port.
    pub(crate) fn take_in(&self, fragment: &str) -> String {
        let value =
            |name: &str| fragment.lines().find_map(|line| line.strip_prefix(name)).expect("it has one");
        let ufrag = value("a=ice-ufrag:").to_owned();
        let candidate: Vec<_> = value("a=candidate:").split(' ').collect();
        let [_, _, _, _, ip, port, ..] = candidate[..] else { panic!("no candidate: {candidate:?}") };
        let call = SocketAddr::new(ip.parse().expect("an address"), port.parse().expect("a port"));
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).insert(ufrag, call);
        fragment.replace(&format!(" {ip} {port} "), &format!(" {} {PORT} ", self.address.ip()))
    }
}

impl Drop for OnePort {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

/// Whom a check is for: the left part of its USERNAME.
fn addressed(datagram: &[u8]) -> Option<&str> {
    let mut attributes = datagram.get(STUN_HEADER..).filter(|_| datagram.starts_with(&BINDING_REQUEST))?;
    loop {
        let (header, rest) = attributes.split_at_checked(ATTRIBUTE_HEADER)?;
        let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
        if header.starts_with(&USERNAME) {
            let name = std::str::from_utf8(rest.get(..length)?).ok()?;
            return name.split_once(':').map(|(left, _)| left);
        }
        attributes = rest.get(length.next_multiple_of(4)..)?;
    }
}
