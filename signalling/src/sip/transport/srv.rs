//! The order of SRV records (RFC 2782), and which NAPTR records are for us (RFC 3263 4.1). Pure, so that
//! dice can be thrown in tests.

use rand::Rng;

use crate::sip::flow::TransportKind;

/// What an SRV record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Service {
    pub(super) priority: u16,
    pub(super) weight: u16,
    pub(super) port: u16,
    pub(super) target: String,
}

/// What a NAPTR record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pointer {
    pub(super) order: u16,
    pub(super) preference: u16,
    pub(super) flags: String,
    pub(super) service: String,
    /// The name whose SRV records are meant.
    pub(super) replacement: String,
}

/// The lowest priority first, and among equals by dice that fall by weight. A target `.` says that the
/// service is not there.
pub(super) fn in_order(mut services: Vec<Service>, dice: &mut impl Rng) -> Vec<Service> {
    services.retain(|service| service.target != ".");
    // Weight 0 stands first, so that it has its small chance (RFC 2782, "Weight").
    services.sort_by_key(|service| (service.priority, service.weight > 0));
    let mut ordered = Vec::with_capacity(services.len());
    while let Some(first) = services.first() {
        let equals = services.iter().take_while(|service| service.priority == first.priority);
        let weights: Vec<u32> = equals.map(|service| service.weight.into()).collect();
        let mut fallen = dice.random_range(0..=weights.iter().sum());
        let chosen = weights.iter().position(|weight| {
            let is_reached = fallen <= *weight;
            fallen = fallen.saturating_sub(*weight);
            is_reached
        });
        ordered.push(services.remove(chosen.unwrap_or_default()));
    }
    ordered
}

/// The transports and names to ask SRV records of, the most wanted first: of NAPTR records those that lead
/// to SRV by a transport of ours.
pub(super) fn pointed_to(mut pointers: Vec<Pointer>, ours: &[TransportKind]) -> Vec<(TransportKind, String)> {
    pointers.sort_by_key(|pointer| (pointer.order, pointer.preference));
    let is_for_us = |pointer: Pointer| {
        let kind = match pointer.service.to_ascii_uppercase().as_str() {
            "SIP+D2U" => TransportKind::Udp,
            "SIP+D2T" => TransportKind::Tcp,
            "SIPS+D2T" => TransportKind::Tls,
            _ => return None,
        };
        let is_usable = pointer.flags.eq_ignore_ascii_case("s") && ours.contains(&kind);
        is_usable.then_some((kind, pointer.replacement))
    };
    pointers.into_iter().filter_map(is_for_us).collect()
}

/// The name of the SRV records of a host by a transport.
pub(super) fn service_name(kind: TransportKind, host: &str) -> String {
    let prefix = match kind {
        TransportKind::Udp => "_sip._udp",
        TransportKind::Tls | TransportKind::Wss => "_sips._tcp",
        TransportKind::Tcp | TransportKind::Ws => "_sip._tcp",
    };
    format!("{prefix}.{}.", host.trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    fn service(priority: u16, weight: u16, target: &str) -> Service {
        Service { priority, weight, port: 5060, target: target.into() }
    }

    #[test]
    fn priorities_go_first_and_weights_share_the_calls() {
        let services = vec![
            service(20, 0, "last"),
            service(10, 30, "often"),
            service(10, 10, "seldom"),
            service(10, 0, "hardly"),
            service(5, 0, "."),
        ];
        let mut dice = StdRng::seed_from_u64(1);
        let mut firsts = [0; 3];
        for _ in 0..4000 {
            let order = in_order(services.clone(), &mut dice);
            let names: Vec<_> = order.iter().map(|service| service.target.as_str()).collect();
            assert_eq!((names.len(), names[3]), (4, "last"));
            let place = ["often", "seldom", "hardly"].iter().position(|name| *name == names[0]);
            firsts[place.expect("one of them")] += 1;
        }
        let [often, seldom, hardly] = firsts;
        assert!((2700..3100).contains(&often) && (850..1150).contains(&seldom), "{firsts:?}");
        assert!((1..250).contains(&hardly), "{firsts:?}");
    }

    #[test]
    fn of_naptr_records_those_are_taken_that_lead_to_a_transport_of_ours() {
        let pointer = |order, service: &str, flags: &str, replacement: &str| Pointer {
            order,
            preference: 10,
            flags: flags.into(),
            service: service.into(),
            replacement: replacement.into(),
        };
        let pointers = vec![
            pointer(50, "SIP+D2U", "s", "_sip._udp.example."),
            pointer(10, "SIPS+D2T", "S", "_sips._tcp.example."),
            pointer(20, "sip+d2t", "s", "_sip._tcp.example."),
            pointer(1, "E2U+sip", "u", "."),
            pointer(2, "SIP+D2U", "a", "host.example."),
        ];
        let ours = [TransportKind::Udp, TransportKind::Tcp];
        let expected =
            [(TransportKind::Tcp, "_sip._tcp.example."), (TransportKind::Udp, "_sip._udp.example.")];
        let found = pointed_to(pointers, &ours);
        let found: Vec<_> = found.iter().map(|(kind, name)| (*kind, name.as_str())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn srv_names_have_their_transport() {
        let names = [TransportKind::Udp, TransportKind::Tcp, TransportKind::Tls]
            .map(|kind| service_name(kind, "example.net."));
        assert_eq!(names, ["_sip._udp.example.net.", "_sip._tcp.example.net.", "_sips._tcp.example.net."]);
    }
}
