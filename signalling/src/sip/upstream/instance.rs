//! The name of this gateway as a client of registrars (RFC 5626 4.1): the same after a restart, another at another address.

use sha2::{Digest as _, Sha256};

use crate::sip::message::{Host, SipUri};

/// The instance that registers `user` at `domain` by this Contact, as `+sip.instance` has it: a URN in angle brackets and quotes.
///
/// It is a UUID of version 8 (RFC 9562 5.8), made of nothing but what the REGISTER says anyway. Two gateways that have one account have
/// two: a registrar would take one for the other.
pub(super) fn instance(user: &str, domain: &Host, contact: &SipUri) -> String {
    let port = contact.port.map(|port| port.to_string()).unwrap_or_default();
    let digest = Sha256::digest(format!("webtrunk {user} {domain} {} {port}", contact.host));
    let mut octets = [0; 16];
    octets.copy_from_slice(&digest[..16]);
    octets[6] = (octets[6] & 0x0f) | 0x80;
    octets[8] = (octets[8] & 0x3f) | 0x80;
    let hex = format!("{:032x}", u128::from_be_bytes(octets));
    let [first, second, third, fourth, last] =
        [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
    format!("\"<urn:uuid:{first}-{second}-{third}-{fourth}-{last}>\"")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn contact(port: u16) -> SipUri {
        SipUri::new("", Host::V4([192, 0, 2, 1].into()), Some(port))
    }

    #[test]
    fn a_gateway_has_one_name_for_each_account_and_another_at_another_address() {
        let domain = Host::Domain("provider.example".into());
        let of = |user, port| instance(user, &domain, &contact(port));
        assert_eq!(of("100", 5060), of("100", 5060));
        let all = [of("100", 5060), of("200", 5060), of("100", 5070)];
        for name in &all {
            let uuid = name.strip_prefix("\"<urn:uuid:").and_then(|rest| rest.strip_suffix(">\""));
            let groups: Vec<_> = uuid.expect("a URN").split('-').collect();
            assert_eq!(groups.iter().map(|group| group.len()).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
            assert!(groups[2].starts_with('8') && groups[3].starts_with(['8', '9', 'a', 'b']), "{name}");
        }
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
    }
}
