//! Our ICE candidates: which of our addresses a peer is told of, first and as they come and go.

use std::iter::Rev;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Instant;

use tracing::info;

use super::leg::Leg;
use super::transport::{LegTransport, WebrtcLink};
use crate::net::SocketId;
use crate::sdp::{Candidate, CandidateFragment, CandidateTransport, LocalTransport};

impl Leg {
    /// Lives on these of the shard's sockets from now on, which browsers are told by `external` where a 1:1 NAT is in front.
    /// Gives what a peer is to be told that has a description of us without them, where it is of use: all our candidates.
    /// Streams that are there go on, also those to an address that is no more.
    pub(crate) fn readdress(
        &mut self,
        sockets: &[(SocketAddr, SocketId)],
        external: &[IpAddr],
        now: Instant,
    ) -> Option<CandidateFragment> {
        let LegTransport::Webrtc(link) = &mut self.transport else { return None };
        link.take(sockets, now);
        let LocalTransport::Webrtc { ufrag, pwd, candidates, .. } = self.negotiator.local_transport() else {
            return None;
        };
        if !link.transport.is_checked_by_peer() {
            return None;
        }
        let local: Vec<_> = link.transport.candidates().iter().map(|own| own.address).collect();
        let streams = sockets.iter().filter(|(_, socket)| *socket == SocketId::STREAMS);
        let streams: Vec<_> = streams.map(|(address, _)| *address).collect();
        let all = link.preferences.candidates(candidates, &local, &streams, external);
        let come = all.iter().filter(|candidate| !candidates.contains(candidate)).count();
        let told = self
            .negotiator
            .described_mid()
            .filter(|_| come > 0)
            .map(|mid| CandidateFragment::new(ufrag, pwd, mid, all.clone()));
        let gone = candidates.len() + come - all.len();
        self.negotiator.set_candidates(all);
        if come + gone > 0 {
            self.span.in_scope(|| info!(come, gone, "our candidates changed"));
        }
        told
    }
}

impl WebrtcLink {
    /// Lives on these of the shard's sockets, beside those of its own.
    fn take(&mut self, sockets: &[(SocketAddr, SocketId)], now: Instant) {
        let Self { transport, sockets: held, own, .. } = self;
        let is_own = |socket: &(SocketAddr, SocketId)| own.iter().any(|own| own.sockets.contains(socket));
        held.retain(|socket| {
            let stays = socket.1 == SocketId::STREAMS || is_own(socket) || sockets.contains(socket);
            if !stays {
                transport.remove_local(socket.0, now);
            }
            stays
        });
        for &(address, socket) in sockets {
            if held.contains(&(address, socket)) {
                continue;
            }
            held.push((address, socket));
            if socket == SocketId::STREAMS {
                transport.add_stream(address);
            } else {
                transport.add_local(address, now);
            }
        }
    }
}

/// The local preferences that the candidates of one leg are still to have, those of UDP and of TCP. None is had twice, by
/// whatever address: a peer may still know who had it before, by its foundation.
pub(crate) struct Preferences {
    udp: Rev<RangeInclusive<u16>>,
    tcp: Rev<RangeInclusive<u16>>,
}

impl Default for Preferences {
    fn default() -> Self {
        // The first is preferred: 65535 is the highest local preference (RFC 8445 5.1.2.1).
        Self { udp: (0..=u16::MAX).rev(), tcp: (0..=TCP_PREFERENCE_MAX).rev() }
    }
}

impl Preferences {
    /// One candidate an address; where a 1:1 NAT is in front, with the addresses that it shows. Of a family
    /// of which it shows none, there is no NAT. Candidates that are `known` stay what they are; further ones come after them.
    pub(super) fn candidates(
        &mut self,
        known: &[Candidate],
        local: &[SocketAddr],
        streams: &[SocketAddr],
        external: &[IpAddr],
    ) -> Vec<Candidate> {
        let known_of =
            |is_udp: bool| known.iter().filter(move |it| (it.transport == CandidateTransport::Udp) == is_udp);
        let udp = ranked(known_of(true), shown(local, external), &mut self.udp, Candidate::host);
        let tcp = ranked(known_of(false), shown(streams, external), &mut self.tcp, Candidate::tcp_passive);
        udp.into_iter().chain(tcp).collect()
    }
}

/// Candidates of these addresses, best first.
fn ranked<'c>(
    known: impl Iterator<Item = &'c Candidate> + Clone,
    addresses: impl Iterator<Item = SocketAddr>,
    free: &mut impl Iterator<Item = u16>,
    make: fn(SocketAddr, u16) -> Candidate,
) -> Vec<Candidate> {
    let candidate = |address| match known.clone().find(|it| it.address() == Some(address)) {
        Some(known) => Some(known.clone()),
        None => Some(make(address, free.next()?)),
    };
    let mut all: Vec<_> = addresses.filter_map(candidate).collect();
    all.sort_by_key(|candidate| std::cmp::Reverse(candidate.priority));
    all
}

/// The addresses by which ours are seen.
fn shown(local: &[SocketAddr], external: &[IpAddr]) -> impl Iterator<Item = SocketAddr> {
    [true, false].into_iter().flat_map(move |is_v4| {
        let local: Vec<_> = local.iter().copied().filter(|address| address.is_ipv4() == is_v4).collect();
        let port = local.first().map(SocketAddr::port);
        let external = external.iter().filter(|ip| ip.is_ipv4() == is_v4);
        let external: Vec<_> = external.filter_map(|ip| Some(SocketAddr::new(*ip, port?))).collect();
        if external.is_empty() { local } else { external }
    })
}

/// Thirteen bits are left beside the direction (RFC 6544 4.2).
const TCP_PREFERENCE_MAX: u16 = (1 << 13) - 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_family_is_told_by_its_external_addresses_or_its_own() {
        let (ours4, ours6) = ("10.0.0.1:10000", "[2001:db8::1]:10000");
        for (local, external, expected) in [
            (&[ours4, ours6][..], &[][..], &[ours4, ours6][..]),
            (&[ours4, ours6], &["203.0.113.5"], &["203.0.113.5:10000", ours6]),
            (
                &[ours4],
                &["203.0.113.5", "203.0.113.6", "2001:db8::5"],
                &["203.0.113.5:10000", "203.0.113.6:10000"],
            ),
            (
                &[ours6, ours4],
                &["2001:db8::5", "2001:db8::6"],
                &[ours4, "[2001:db8::5]:10000", "[2001:db8::6]:10000"],
            ),
            (&[], &["203.0.113.5"], &[]),
        ] {
            let local: Vec<_> = local.iter().map(|text| text.parse().expect("an address")).collect();
            let external: Vec<_> = external.iter().map(|text| text.parse().expect("an address")).collect();
            let candidates = Preferences::default().candidates(&[], &local, &[], &external);
            let told: Vec<_> =
                candidates.iter().filter_map(Candidate::address).map(|it| it.to_string()).collect();
            assert_eq!(told, expected, "{local:?} behind {external:?}");
            assert!(candidates.is_sorted_by(|one, next| one.priority > next.priority), "best first");
        }
    }

    #[test]
    fn what_is_known_stays_and_what_comes_is_less_preferred() {
        let parse = |text: &str| -> SocketAddr { text.parse().expect("an address") };
        let (first, second, third) = (parse("10.0.0.1:9"), parse("10.0.0.2:9"), parse("10.0.0.3:9"));
        let stream = parse("10.0.0.1:443");
        let mut preferences = Preferences::default();
        let known = preferences.candidates(&[], &[first, second], &[stream], &[]);
        let streams = [stream, parse("10.0.0.3:443")];
        let more = preferences.candidates(&known, &[first, second, third], &streams, &[]);
        let told: Vec<_> = more.iter().map(|it| (&*it.foundation, it.priority)).collect();
        let udp = |preference: u32| (126 << 24) | (preference << 8) | 255;
        let tcp = |preference: u32| (90 << 24) | (((4 << 13) | preference) << 8) | 255;
        assert_eq!(
            told,
            [
                ("H65535", udp(65_535)),
                ("H65534", udp(65_534)),
                ("H65533", udp(65_533)),
                ("T8191", tcp(8191)),
                ("T8190", tcp(8190)),
            ]
        );
        let fewer = preferences.candidates(&more, &[third, first], &[], &[]);
        assert_eq!(fewer, [more[0].clone(), more[2].clone()], "best first, as they were");
        let again = preferences.candidates(&fewer, &[first, third, second], &[], &[]);
        assert_eq!(again[2], Candidate::host(second, 65_532), "another, by its foundation");
    }

    #[test]
    fn what_a_candidate_was_that_went_no_other_is() {
        let parse = |text: &str| -> SocketAddr { text.parse().expect("an address") };
        let (first, second, third) = (parse("10.0.0.1:9"), parse("10.0.0.2:9"), parse("10.0.0.3:9"));
        let mut preferences = Preferences::default();
        let known = preferences.candidates(&[], &[first, second], &[first], &[]);
        let fewer = preferences.candidates(&known, &[first], &[], &[]);
        assert_eq!(fewer, known[..1]);
        let more = preferences.candidates(&fewer, &[first, third], &[third], &[]);
        let come = [Candidate::host(third, 65_533), Candidate::tcp_passive(third, 8190)];
        assert_eq!(more[1..], come, "the last one went, and all of TCP");
        let none = preferences.candidates(&more, &[], &[], &[]);
        assert_eq!(none, []);
        let others = preferences.candidates(&none, &[second], &[], &[]);
        assert_eq!(others, [Candidate::host(second, 65_532)], "all went");
    }

    #[test]
    fn streams_come_after_datagrams_and_are_told_by_external_addresses_too() {
        let parse = |text: &str| text.parse().expect("an address");
        let (udp, tcp) = (parse("10.0.0.1:10000"), parse("10.0.0.1:443"));
        let external = "203.0.113.5".parse().expect("an address");
        let told = Preferences::default().candidates(&[], &[udp], &[tcp], &[external]);
        let told: Vec<_> = told.iter().map(Candidate::to_string).collect();
        assert_eq!(
            told,
            [
                "candidate:H65535 1 udp 2130706431 203.0.113.5 10000 typ host",
                "candidate:T8191 1 tcp 1520435199 203.0.113.5 443 typ host tcptype passive",
            ]
        );
    }
}
