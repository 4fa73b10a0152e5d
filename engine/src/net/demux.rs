//! Which leg of the shard a datagram on the shared WebRTC port belongs to.
//!
//! ```text
//! first byte (RFC 7983)   0-3 STUN --- Binding request ---> USERNAME's left part = our ufrag ---> leg
//!                                  |-- Binding response --> transaction of a check of ours -----> leg
//!                                  `-- anything else ----+
//!                       20-63 DTLS ----------------------+-> source address ---> leg, or dropped
//!                     128-191 RTP, RTCP (RFC 5761) ------+
//! ```
//!
//! A source address is inserted only after the leg's ICE agent authenticated a check from it, or the answer
//! to its own, so nothing but a signed STUN request is ever answered to an address that nobody vouched for
//! (`only_a_validated_source_reaches_its_leg`). Look-ups do not allocate.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::net::SocketAddr;

use super::transaction_id::{STUN_BINDING_REQUEST, STUN_HEADER, STUN_MAGIC_COOKIE, TransactionId};
use crate::rtp::DropReason;

/// Source addresses that one leg may have at a time; its ICE agent says which makes room for one more. A browser
/// shows one per network interface and address family; the rest is for changes of network. Chosen by us.
pub const SOURCES_PER_LEG: usize = 8;

/// Checks of our own that one leg may wait for; the oldest makes room. A leg sends one every 50 ms while it
/// looks for its peer, and an answer of use comes within a second. Chosen by us.
pub const CHECKS_PER_LEG: usize = 32;

/// Longest USERNAME in bytes that we read (RFC 8489 14.3: fewer than 509; RFC 5389 15.3: 513).
const USERNAME_MAX: usize = 513;

const STUN_ATTRIBUTE_USERNAME: [u8; 2] = [0x00, 0x06];

/// What a datagram on the shared port is, by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DatagramKind {
    /// Connectivity checks.
    Stun,
    /// Handshake and alerts.
    Dtls,
    /// Media.
    Rtp,
    /// Reports on media; on the same port as RTP (RFC 5761).
    Rtcp,
}

impl DatagramKind {
    /// Tells the kind by RFC 7983 section 7 and, for RTCP, RFC 5761 section 4; `None` is dropped.
    #[must_use]
    pub fn of(datagram: &[u8]) -> Option<Self> {
        match (datagram.first()?, datagram.get(1)) {
            (0..=3, _) => Some(Self::Stun),
            (20..=63, _) => Some(Self::Dtls),
            (128..=191, Some(192..=223)) => Some(Self::Rtcp),
            (128..=191, Some(_)) => Some(Self::Rtp),
            _ => None,
        }
    }

    /// Whether it sets media up, and is not media itself.
    #[must_use]
    pub fn is_control(self) -> bool {
        matches!(self, Self::Stun | Self::Dtls)
    }
}

/// The tables of one shared port. `K` names a leg and is cheap to copy.
#[derive(Debug)]
pub struct Demux<K> {
    by_ufrag: HashMap<Box<[u8]>, K>,
    by_source: HashMap<SocketAddr, K>,
    by_check: HashMap<TransactionId, K>,
    legs: HashMap<K, Routes>,
}

/// What must go when the leg goes.
#[derive(Debug, Default)]
struct Routes {
    /// More than one only while ICE restarts.
    ufrags: Vec<Box<[u8]>>,
    /// Oldest first.
    sources: Vec<SocketAddr>,
    /// Oldest first; empty unless the leg checks its peer.
    checks: VecDeque<TransactionId>,
}

/// What came of [`Demux::insert_source`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceInserted<K> {
    /// The source leads to the leg now (or did already).
    Routed,
    /// It belongs to another leg and stays there: a check proves that its sender knows a password,
    /// not that the address is the sender's. When that leg has heard nothing from it for a while,
    /// [`Demux::remove_source`] frees it.
    Contested(K),
    /// There is no such leg.
    UnknownLeg,
}

impl<K> Default for Demux<K> {
    fn default() -> Self {
        let (by_ufrag, by_source, by_check) = Default::default();
        Self { by_ufrag, by_source, by_check, legs: HashMap::new() }
    }
}

impl<K: Copy + Eq + Hash> Demux<K> {
    /// Tables without a leg.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Routes checks with the local `ufrag` to `leg`.
    ///
    /// Returns false, and changes nothing, if the leg or the ufrag is known already.
    #[must_use]
    pub fn insert_leg(&mut self, leg: K, ufrag: &str) -> bool {
        if self.legs.contains_key(&leg) || self.by_ufrag.contains_key(ufrag.as_bytes()) {
            return false;
        }
        self.legs.insert(leg, Routes::default());
        self.insert_ufrag(leg, ufrag)
    }

    /// Routes checks with the local `ufrag` to a leg that has another already: its ICE restarts.
    ///
    /// Returns false, and changes nothing, if there is no such leg or the ufrag is known already.
    #[must_use]
    pub fn insert_ufrag(&mut self, leg: K, ufrag: &str) -> bool {
        let ufrag: Box<[u8]> = ufrag.as_bytes().into();
        let Some(routes) = self.legs.get_mut(&leg).filter(|_| !self.by_ufrag.contains_key(&ufrag)) else {
            return false;
        };
        routes.ufrags.push(ufrag.clone());
        self.by_ufrag.insert(ufrag, leg);
        true
    }

    /// Forgets one ufrag of a leg.
    pub fn remove_ufrag(&mut self, leg: K, ufrag: &str) {
        let Some(routes) = self.legs.get_mut(&leg) else { return };
        let held = routes.ufrags.len();
        routes.ufrags.retain(|known| **known != *ufrag.as_bytes());
        if routes.ufrags.len() < held {
            self.by_ufrag.remove(ufrag.as_bytes());
        }
    }

    /// Forgets the leg, its ufrag and its sources.
    pub fn remove_leg(&mut self, leg: K) {
        let Some(routes) = self.legs.remove(&leg) else { return };
        for ufrag in &routes.ufrags {
            self.by_ufrag.remove(ufrag);
        }
        for source in &routes.sources {
            self.by_source.remove(source);
        }
        for check in &routes.checks {
            self.by_check.remove(check);
        }
    }

    /// Routes the answer to a check of ours to the leg that sent it, wherever it comes from; the leg knows from
    /// where it may come.
    pub fn insert_check(&mut self, leg: K, check: TransactionId) {
        let Some(routes) = self.legs.get_mut(&leg) else { return };
        if routes.checks.len() == CHECKS_PER_LEG
            && let Some(oldest) = routes.checks.pop_front()
        {
            self.by_check.remove(&oldest);
        }
        routes.checks.push_back(check);
        self.by_check.insert(check, leg);
    }

    /// Routes what comes from `source` to `leg`. Call it only for sources that the leg's ICE agent
    /// has authenticated, and [`Self::remove_source`] for those that it has given up.
    pub fn insert_source(&mut self, leg: K, source: SocketAddr) -> SourceInserted<K> {
        let Some(routes) = self.legs.get_mut(&leg) else { return SourceInserted::UnknownLeg };
        match self.by_source.entry(source) {
            Entry::Occupied(owner) if *owner.get() == leg => return SourceInserted::Routed,
            Entry::Occupied(owner) => return SourceInserted::Contested(*owner.get()),
            Entry::Vacant(free) => {
                free.insert(leg);
            }
        }
        routes.sources.push(source);
        SourceInserted::Routed
    }

    /// Forgets one source of a leg; one that is another leg's stays there.
    pub fn remove_source(&mut self, leg: K, source: SocketAddr) {
        let Some(routes) = self.legs.get_mut(&leg) else { return };
        let held = routes.sources.len();
        routes.sources.retain(|known| *known != source);
        if routes.sources.len() < held {
            self.by_source.remove(&source);
        }
    }

    /// The leg that `datagram` belongs to, and what it is.
    ///
    /// # Errors
    /// The reason why no leg gets it; such a datagram is never answered.
    pub fn route(&self, datagram: &[u8], from: SocketAddr) -> Result<(K, DatagramKind), DropReason> {
        let kind = DatagramKind::of(datagram).ok_or(DropReason::UnknownProtocol)?;
        if kind == DatagramKind::Stun && datagram.starts_with(&STUN_BINDING_REQUEST) {
            return Ok((self.route_check(datagram)?, kind));
        }
        let answered = TransactionId::of_answer(datagram).filter(|_| kind == DatagramKind::Stun);
        if let Some(leg) = answered.and_then(|check| self.by_check.get(&check)) {
            return Ok((*leg, kind));
        }
        let leg = self.by_source.get(&from).ok_or(DropReason::WrongSource)?;
        Ok((*leg, kind))
    }

    /// The leg that a check is for, wherever it came from.
    ///
    /// # Errors
    /// The reason why it is for none.
    pub fn route_check(&self, datagram: &[u8]) -> Result<K, DropReason> {
        if !datagram.starts_with(&STUN_BINDING_REQUEST) {
            return Err(DropReason::MalformedStun);
        }
        let ufrag = local_ufrag(datagram).ok_or(DropReason::MalformedStun)?;
        self.by_ufrag.get(ufrag).copied().ok_or(DropReason::UnknownUfrag)
    }

    /// How many legs there are.
    #[must_use]
    pub fn leg_count(&self) -> usize {
        self.legs.len()
    }

    /// How many sources lead to legs.
    #[must_use]
    pub fn source_count(&self) -> usize {
        self.by_source.len()
    }
}

/// The part of USERNAME before the colon: the ufrag of the side that gets the check (RFC 8445 7.2.2).
fn local_ufrag(message: &[u8]) -> Option<&[u8]> {
    let (header, mut attributes) = message.split_at_checked(STUN_HEADER)?;
    let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
    if header[4..8] != STUN_MAGIC_COOKIE || length != attributes.len() || length % 4 != 0 {
        return None;
    }
    while let Some((head, rest)) = attributes.split_at_checked(4) {
        let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
        let value = rest.get(..length)?;
        if head[..2] == STUN_ATTRIBUTE_USERNAME {
            let colon = value.iter().position(|byte| *byte == b':')?;
            return (length <= USERNAME_MAX).then_some(&value[..colon]);
        }
        attributes = rest.get(length.next_multiple_of(4)..)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::net::transaction_id::STUN_BINDING_ANSWERS;

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], port))
    }

    fn binding_request(username: &[u8]) -> Vec<u8> {
        let padded = username.len().next_multiple_of(4);
        let software = [0x80, 0x22, 0x00, 0x03, b'x', b'y', b'z', 0];
        let length = u16::try_from(software.len() + 4 + padded).expect("test names are short");
        let mut message = STUN_BINDING_REQUEST.to_vec();
        message.extend(length.to_be_bytes());
        message.extend(STUN_MAGIC_COOKIE);
        message.extend([7; 12]);
        message.extend(software);
        message.extend(STUN_ATTRIBUTE_USERNAME);
        message.extend(u16::try_from(username.len()).expect("test names are short").to_be_bytes());
        message.extend(username);
        message.resize(STUN_HEADER + usize::from(length), 0);
        message
    }

    #[test]
    fn first_bytes_tell_the_kind() {
        let mut ranges: Vec<(u8, Option<DatagramKind>)> = Vec::new();
        for first in 0..=255 {
            let kind = DatagramKind::of(&[first, 96]);
            if ranges.last().is_none_or(|(_, last)| *last != kind) {
                ranges.push((first, kind));
            }
        }
        use DatagramKind::{Dtls, Rtcp, Rtp, Stun};
        assert_eq!(
            ranges,
            [(0, Some(Stun)), (4, None), (20, Some(Dtls)), (64, None), (128, Some(Rtp)), (192, None)]
        );
        assert_eq!(DatagramKind::of(&[128, 191]), Some(Rtp));
        assert_eq!(DatagramKind::of(&[128, 192]), Some(Rtcp));
        assert_eq!(DatagramKind::of(&[128, 223]), Some(Rtcp));
        assert_eq!(DatagramKind::of(&[128, 224]), Some(Rtp));
        assert_eq!(DatagramKind::of(&[128]), None);
        assert_eq!(DatagramKind::of(&[]), None);
    }

    #[test]
    fn a_check_finds_its_leg_by_ufrag_from_any_source() {
        let mut demux = Demux::new();
        assert!(demux.insert_leg(1, "first"));
        assert!(demux.insert_leg(2, "second"));
        let check = binding_request(b"second:browser");
        assert_eq!(demux.route(&check, address(9)), Ok((2, DatagramKind::Stun)));
        assert_eq!(
            demux.route(&binding_request(b"third:browser"), address(9)),
            Err(DropReason::UnknownUfrag)
        );
        demux.remove_leg(2);
        assert_eq!(demux.route(&check, address(9)), Err(DropReason::UnknownUfrag));
        assert_eq!(demux.leg_count(), 1);
    }

    #[test]
    fn a_leg_that_restarts_is_found_by_either_ufrag_until_one_goes() {
        let mut demux = Demux::new();
        assert!(demux.insert_leg(1, "old"));
        assert!(demux.insert_leg(2, "other"));
        assert!(demux.insert_ufrag(1, "new"));
        assert!(!demux.insert_ufrag(2, "new") && !demux.insert_ufrag(3, "third"));
        let route = |demux: &Demux<i32>, name: &[u8]| demux.route(&binding_request(name), address(9));
        assert_eq!(route(&demux, b"old:browser"), Ok((1, DatagramKind::Stun)));
        assert_eq!(route(&demux, b"new:browser"), Ok((1, DatagramKind::Stun)));
        demux.remove_ufrag(2, "old");
        demux.remove_ufrag(1, "old");
        assert_eq!(route(&demux, b"old:browser"), Err(DropReason::UnknownUfrag));
        demux.remove_leg(1);
        assert_eq!(route(&demux, b"new:browser"), Err(DropReason::UnknownUfrag));
        assert_eq!(route(&demux, b"other:browser"), Ok((2, DatagramKind::Stun)));
    }

    #[test]
    fn an_answer_finds_the_leg_whose_check_it_answers_and_nobody_else() {
        let mut demux = Demux::new();
        assert!(demux.insert_leg(1, "first") && demux.insert_leg(2, "second"));
        let of = |number: u8, kind: [u8; 2]| {
            let mut message = binding_request(b"peer:second");
            message[..2].copy_from_slice(&kind);
            message[8..20].copy_from_slice(&[number; 12]);
            message
        };
        let id = |number| TransactionId::of_request(&of(number, STUN_BINDING_REQUEST)).expect("a check");
        demux.insert_check(2, id(7));
        demux.insert_check(3, id(8));
        for kind in STUN_BINDING_ANSWERS {
            assert_eq!(demux.route(&of(7, kind), address(9)), Ok((2, DatagramKind::Stun)));
            assert_eq!(demux.route(&of(8, kind), address(9)), Err(DropReason::WrongSource), "of no leg");
        }
        assert_eq!(demux.route(&of(7, [0x00, 0x11]), address(9)), Err(DropReason::WrongSource), "no answer");
        assert_eq!(demux.source_count(), 0, "an address is not believed for it");
        for number in 100..100 + u8::try_from(CHECKS_PER_LEG).expect("few") {
            demux.insert_check(2, id(number));
        }
        let answer = STUN_BINDING_ANSWERS[0];
        assert!(demux.route(&of(7, answer), address(9)).is_err(), "the oldest made room");
        assert!(demux.route(&of(100, answer), address(9)).is_ok());
        demux.remove_leg(2);
        assert!(demux.route(&of(100, answer), address(9)).is_err());
        assert!(demux.by_check.is_empty());
    }

    #[test]
    fn two_legs_cannot_share_a_ufrag() {
        let mut demux = Demux::new();
        assert!(demux.insert_leg(1, "same"));
        assert!(!demux.insert_leg(2, "same"));
        assert!(!demux.insert_leg(1, "other"));
        assert_eq!(demux.leg_count(), 1);
    }

    #[test]
    fn only_a_validated_source_reaches_its_leg() {
        let mut demux = Demux::new();
        assert!(demux.insert_leg(1, "first"));
        for datagram in [&[22, 254, 253][..], &[128, 0, 0], &[128, 200, 0], &[1, 1, 0, 0]] {
            assert_eq!(demux.route(datagram, address(9)), Err(DropReason::WrongSource));
            assert_eq!(demux.insert_source(1, address(9)), SourceInserted::Routed);
            assert_eq!(demux.route(datagram, address(9)).map(|(leg, _)| leg), Ok(1));
            assert_eq!(demux.route(datagram, address(10)), Err(DropReason::WrongSource));
            demux.remove_source(1, address(9));
        }
        assert_eq!(demux.source_count(), 0);
    }

    #[test]
    fn a_source_goes_when_it_is_given_up_and_all_go_with_the_leg() {
        let mut demux = Demux::new();
        assert!(demux.insert_leg(1, "first") && demux.insert_leg(2, "second"));
        for port in 1..=8 {
            assert_eq!(demux.insert_source(1, address(port)), SourceInserted::Routed);
        }
        assert_eq!(demux.insert_source(1, address(1)), SourceInserted::Routed);
        demux.remove_source(2, address(1));
        assert_eq!(demux.source_count(), 8, "it is not the other's");
        demux.remove_source(1, address(1));
        assert_eq!(demux.source_count(), 7);
        assert_eq!(demux.route(&[128, 0], address(1)), Err(DropReason::WrongSource));
        demux.remove_leg(2);
        demux.remove_leg(1);
        assert_eq!((demux.leg_count(), demux.source_count()), (0, 0));
        assert_eq!(demux.insert_source(1, address(1)), SourceInserted::UnknownLeg);
    }

    #[test]
    fn a_check_with_a_borrowed_address_does_not_take_it_from_its_leg() {
        let mut demux = Demux::new();
        assert!(demux.insert_leg(1, "victim"));
        assert!(demux.insert_leg(2, "thief"));
        assert_eq!(demux.insert_source(1, address(9)), SourceInserted::Routed);
        assert_eq!(demux.insert_source(2, address(9)), SourceInserted::Contested(1));
        assert_eq!(demux.route(&[128, 0], address(9)), Ok((1, DatagramKind::Rtp)));
        demux.remove_leg(2);
        assert_eq!(demux.route(&[128, 0], address(9)), Ok((1, DatagramKind::Rtp)));
    }

    #[test]
    fn a_check_that_lies_about_its_lengths_is_malformed() {
        let mut demux = Demux::new();
        assert!(demux.insert_leg(1, "first"));
        let good = binding_request(b"first:browser");
        let mut bad: Vec<Vec<u8>> = (4..good.len()).map(|end| good[..end].to_vec()).collect();
        bad.push([good.as_slice(), &[0; 4]].concat());
        let mut other_cookie = good.clone();
        other_cookie[4] ^= 1;
        bad.push(other_cookie);
        bad.push(binding_request(b"first"));
        bad.push(binding_request(&[b"first:".as_slice(), &[b'a'; USERNAME_MAX]].concat()));
        for message in bad {
            assert_eq!(demux.route(&message, address(9)), Err(DropReason::MalformedStun));
        }
        assert!(demux.route(&good, address(9)).is_ok());
    }

    proptest! {
        #[test]
        fn any_bytes_are_routed_or_dropped(
            mut datagram in proptest::collection::vec(any::<u8>(), 0..64),
            honest_length: bool,
        ) {
            let mut demux = Demux::new();
            prop_assert!(demux.insert_leg(1, "first"));
            if honest_length && datagram.len() >= STUN_HEADER {
                datagram[..2].copy_from_slice(&STUN_BINDING_REQUEST);
                let length = datagram.len() - STUN_HEADER;
                datagram[2..4].copy_from_slice(&(length as u16).to_be_bytes());
                datagram[4..8].copy_from_slice(&STUN_MAGIC_COOKIE);
            }
            let _ = demux.route(&datagram, address(1));
        }
    }
}
