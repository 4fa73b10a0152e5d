//! Pings of ours over UDP (RFC 5626 3.5.2): an answer counts that is to the last one which went there.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Mutex;

use super::stun;
use crate::lock::lock;

/// The pings that wait for an answer. There is one for each registrar at most.
#[derive(Debug, Default)]
pub(super) struct Pings(Mutex<HashMap<SocketAddr, [u8; 12]>>);

impl Pings {
    /// The ping to be sent there; one before it is not waited for any more.
    pub(super) fn ask(&self, remote: SocketAddr) -> Vec<u8> {
        let transaction = rand::random();
        lock(&self.0).insert(canonical(remote), transaction);
        stun::binding_request(transaction)
    }

    /// Whether a datagram answers the ping that is waited for; then it is no more.
    pub(super) fn is_answered(&self, datagram: &[u8], remote: SocketAddr) -> bool {
        let Some(transaction) = stun::answered(datagram) else { return false };
        let (mut asked, remote) = (lock(&self.0), canonical(remote));
        let is_it = asked.get(&remote) == Some(&transaction);
        if is_it {
            asked.remove(&remote);
        }
        is_it
    }
}

fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ping_is_answered_once_by_whom_it_was_sent_to() {
        let [registrar, other] = ["192.0.2.1:5060", "192.0.2.2:5060"].map(|text| text.parse().expect("one"));
        let pings = Pings::default();
        let [first, second] = [pings.ask(registrar), pings.ask(registrar)];
        let answer = |ping: &[u8]| stun::answer(ping, other).expect("an answer");
        assert!(!pings.is_answered(&answer(&first), registrar), "it is not waited for any more");
        assert!(!pings.is_answered(&answer(&second), other), "it could be forged");
        assert!(!pings.is_answered(&second, registrar), "it is no answer");
        let mapped = "[::ffff:192.0.2.1]:5060".parse().expect("an address");
        assert!(pings.is_answered(&answer(&second), mapped), "an IPv4 address is one, whatever the socket");
        assert!(!pings.is_answered(&answer(&second), registrar));
    }
}
