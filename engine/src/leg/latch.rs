//! Symmetric RTP as a state: which address a plain-RTP peer really sends from (RFC 7362, "latching").
//!
//! ```text
//!              packet from the signalled address
//!   Learning -------------------------------------------------------> Locked
//!    |    \                                                            ^
//!    |     `- 5 packets in order, one SSRC, from the signalled host ---+
//!    |        or from the host that signals
//!    `- window over: only the signalled address counts
//! ```
//!
//! A new description takes every state back to Learning. An address that was never signalled and
//! never signalled from cannot be learned, so neither "RTP bleed" nor injection work from elsewhere;
//! whatever else arrives is dropped and counted.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use crate::rtp::{DropReason, RtpPacket, SequenceNumber, Ssrc};

/// How long after a description an address other than the signalled one may still be learned.
/// Phones send within a packet time of the answer; the rest is for slow ones. Chosen by us.
const LEARNING_WINDOW: Duration = Duration::from_secs(3);

/// Packets in order from one source before media is sent there. Chosen by us: 100 ms of voice.
const PROBATION: u8 = 5;

/// Decides from where a plain-RTP leg accepts media and where it sends its own.
#[derive(Debug)]
pub struct Latch {
    signalled: SocketAddr,
    signalled_rtcp: SocketAddr,
    signalled_from: Option<IpAddr>,
    learned_rtcp: Option<SocketAddr>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Learning { until: Instant, candidate: Option<Candidate> },
    Locked { remote: SocketAddr },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Candidate {
    from: SocketAddr,
    ssrc: Ssrc,
    last: SequenceNumber,
    packets: u8,
}

impl Latch {
    /// Learns for a peer that signalled `rtp` and `rtcp`, its signalling coming from `signalled_from`.
    #[must_use]
    pub fn new(rtp: SocketAddr, rtcp: SocketAddr, signalled_from: Option<IpAddr>, now: Instant) -> Self {
        Self {
            signalled: rtp,
            signalled_rtcp: rtcp,
            signalled_from,
            learned_rtcp: None,
            state: State::Learning { until: now + LEARNING_WINDOW, candidate: None },
        }
    }

    /// Begins again after a description; a peer whose address stays signalled keeps what was learned.
    pub fn relearn(
        &mut self,
        rtp: SocketAddr,
        rtcp: SocketAddr,
        signalled_from: Option<IpAddr>,
        now: Instant,
    ) {
        let is_same = rtp == self.signalled && rtcp == self.signalled_rtcp;
        if is_same && matches!(self.state, State::Locked { .. }) {
            self.signalled_from = signalled_from;
            return;
        }
        *self = Self::new(rtp, rtcp, signalled_from, now);
    }

    /// Where media goes now.
    #[must_use]
    pub fn destination(&self) -> SocketAddr {
        match self.state {
            State::Locked { remote } => remote,
            State::Learning { .. } => self.signalled,
        }
    }

    /// Where RTCP goes now: the signalled address while media goes to the signalled host, else
    /// only where the latched host's own RTCP came from.
    #[must_use]
    pub fn rtcp_destination(&self) -> Option<SocketAddr> {
        if self.destination().ip() == self.signalled.ip() {
            return Some(self.learned_rtcp.unwrap_or(self.signalled_rtcp));
        }
        self.learned_rtcp
    }

    /// Whether RTP from there could be the peer's: what comes from elsewhere is not worth decrypting.
    ///
    /// # Errors
    /// [`DropReason::WrongSource`] for every source that is neither signalled nor learned, nor may be.
    pub fn check(&self, from: SocketAddr, now: Instant) -> Result<(), DropReason> {
        let is_open = match self.state {
            State::Locked { remote } => from == remote,
            State::Learning { until, .. } => {
                from == self.signalled || now < until && self.may_learn(from.ip())
            }
        };
        if is_open { Ok(()) } else { Err(DropReason::WrongSource) }
    }

    /// Judges one RTP packet by its source, and learns from it.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub fn accept(
        &mut self,
        packet: &RtpPacket<'_>,
        from: SocketAddr,
        now: Instant,
    ) -> Result<(), DropReason> {
        self.check(from, now)?;
        self.state = match self.state {
            State::Learning { until, candidate } if from != self.signalled => {
                learn(until, candidate, packet, from)
            }
            State::Learning { .. } | State::Locked { .. } => State::Locked { remote: from },
        };
        Ok(())
    }

    /// Whether RTCP from there could be the peer's: it comes from where media does, or from the signalled address.
    /// Where the media's address was learned, RTCP's has to be as well: the first one of that host is it.
    ///
    /// # Errors
    /// [`DropReason::WrongSource`].
    pub fn check_rtcp(&self, from: SocketAddr) -> Result<(), DropReason> {
        let media = self.destination();
        let is_open = match self.learned_rtcp {
            _ if from == media => true,
            Some(known) => from == known,
            None if media == self.signalled => from == self.signalled_rtcp,
            None => from.ip() == media.ip(),
        };
        if is_open { Ok(()) } else { Err(DropReason::WrongSource) }
    }

    /// Judges one RTCP packet by its source, and learns from it.
    ///
    /// # Errors
    /// As [`Self::check_rtcp`].
    pub fn accept_rtcp(&mut self, from: SocketAddr) -> Result<(), DropReason> {
        self.check_rtcp(from)?;
        if from != self.destination() {
            self.learned_rtcp = Some(from);
        }
        Ok(())
    }

    /// The signalled host on any port, and the host that signals: a phone behind NAT signals a
    /// private address that nobody here can reach.
    fn may_learn(&self, ip: IpAddr) -> bool {
        ip == self.signalled.ip() || self.signalled_from == Some(ip)
    }
}

fn learn(until: Instant, known: Option<Candidate>, packet: &RtpPacket<'_>, from: SocketAddr) -> State {
    let (ssrc, sequence) = (packet.ssrc(), packet.sequence());
    let packets = match known {
        Some(known) if known.from == from && known.ssrc == ssrc && sequence.is_after(known.last) => {
            known.packets + 1
        }
        // A second source may not push the first aside.
        Some(known) if known.from != from => return State::Learning { until, candidate: Some(known) },
        Some(_) | None => 1,
    };
    if packets >= PROBATION {
        return State::Locked { remote: from };
    }
    State::Learning { until, candidate: Some(Candidate { from, ssrc, last: sequence, packets }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp::{PayloadType, RtpHeader, Timestamp};

    const PHONE: &str = "198.51.100.7:40000";
    const RTCP: &str = "198.51.100.7:40001";

    struct Bench {
        latch: Latch,
        now: Instant,
        sequence: u16,
    }

    impl Bench {
        fn new(signalled_from: &str) -> Self {
            let now = Instant::now();
            let from = signalled_from.parse().expect("an address");
            Self { latch: Latch::new(at(PHONE), at(RTCP), Some(from), now), now, sequence: 100 }
        }

        fn packet_from(&mut self, from: &str, ssrc: u32) -> Result<(), DropReason> {
            let mut bytes = [0; 32];
            self.sequence += 1;
            let length = RtpHeader {
                payload_type: PayloadType::new(0).expect("seven bits"),
                marker: false,
                sequence: SequenceNumber(self.sequence),
                timestamp: Timestamp(0),
                ssrc: Ssrc(ssrc),
            }
            .write_to(&mut bytes);
            let packet = RtpPacket::parse(&bytes[..length + 4]).expect("a whole packet");
            self.latch.accept(&packet, at(from), self.now)
        }
    }

    fn at(address: &str) -> SocketAddr {
        address.parse().expect("an address")
    }

    #[test]
    fn the_signalled_address_locks_at_once() {
        let mut bench = Bench::new("198.51.100.7");
        assert_eq!(bench.packet_from(PHONE, 1), Ok(()));
        assert_eq!(bench.packet_from("198.51.100.7:40002", 1), Err(DropReason::WrongSource));
        assert_eq!(bench.latch.destination(), at(PHONE));
    }

    #[test]
    fn a_stranger_is_never_learned() {
        let mut bench = Bench::new("198.51.100.7");
        for _ in 0..50 {
            assert_eq!(bench.packet_from("203.0.113.66:5000", 9), Err(DropReason::WrongSource));
        }
        assert_eq!(bench.latch.destination(), at(PHONE));
    }

    #[test]
    fn a_phone_behind_nat_is_learned_from_the_host_that_signals() {
        let mut bench = Bench::new("203.0.113.9");
        for _ in 0..PROBATION {
            assert_eq!(bench.latch.destination(), at(PHONE));
            assert_eq!(bench.packet_from("203.0.113.9:61000", 1), Ok(()));
        }
        assert_eq!(bench.latch.destination(), at("203.0.113.9:61000"));
        assert_eq!(bench.latch.rtcp_destination(), None);
        assert_eq!(bench.latch.accept_rtcp(at("203.0.113.9:61001")), Ok(()));
        assert_eq!(bench.latch.rtcp_destination(), Some(at("203.0.113.9:61001")));
    }

    #[test]
    fn nothing_is_learned_after_the_window() {
        let mut bench = Bench::new("203.0.113.9");
        bench.now += LEARNING_WINDOW;
        assert_eq!(bench.packet_from("203.0.113.9:61000", 1), Err(DropReason::WrongSource));
        assert_eq!(bench.packet_from(PHONE, 1), Ok(()));
    }

    #[test]
    fn a_second_port_cannot_push_the_first_aside_while_learning() {
        let mut bench = Bench::new("203.0.113.9");
        for _ in 0..PROBATION - 1 {
            assert_eq!(bench.packet_from("203.0.113.9:61000", 1), Ok(()));
            let _ = bench.packet_from("203.0.113.9:62000", 2);
        }
        assert_eq!(bench.packet_from("203.0.113.9:61000", 1), Ok(()));
        assert_eq!(bench.latch.destination(), at("203.0.113.9:61000"));
    }

    #[test]
    fn a_new_address_in_a_description_is_learned_again() {
        let mut bench = Bench::new("203.0.113.9");
        assert_eq!(bench.packet_from(PHONE, 1), Ok(()));
        bench.latch.relearn(at("198.51.100.8:7000"), at("198.51.100.8:7001"), None, bench.now);
        assert_eq!(bench.packet_from(PHONE, 1), Err(DropReason::WrongSource));
        assert_eq!(bench.packet_from("198.51.100.8:7000", 1), Ok(()));
    }

    #[test]
    fn rtcp_of_a_signalled_phone_comes_from_where_it_was_signalled_or_from_where_its_media_does() {
        let mut bench = Bench::new("198.51.100.7");
        for is_locked in [false, true] {
            assert_eq!(bench.latch.accept_rtcp(at("198.51.100.7:40002")), Err(DropReason::WrongSource));
            assert_eq!(bench.latch.accept_rtcp(at(PHONE)), Ok(()));
            assert_eq!(bench.latch.rtcp_destination(), Some(at(RTCP)), "{is_locked}");
            assert_eq!(bench.latch.accept_rtcp(at(RTCP)), Ok(()));
            assert_eq!(bench.packet_from(PHONE, 1), Ok(()));
        }
    }

    #[test]
    fn rtcp_of_a_learned_phone_is_learned_once() {
        let mut bench = Bench::new("203.0.113.9");
        for _ in 0..PROBATION {
            assert_eq!(bench.packet_from("203.0.113.9:61000", 1), Ok(()));
        }
        assert_eq!(bench.latch.accept_rtcp(at("203.0.113.9:61001")), Ok(()));
        assert_eq!(bench.latch.accept_rtcp(at("203.0.113.9:62001")), Err(DropReason::WrongSource));
        assert_eq!(bench.latch.rtcp_destination(), Some(at("203.0.113.9:61001")));
    }

    #[test]
    fn rtcp_from_another_host_is_refused() {
        let mut bench = Bench::new("198.51.100.7");
        assert_eq!(bench.latch.accept_rtcp(at("203.0.113.66:5001")), Err(DropReason::WrongSource));
        assert_eq!(bench.latch.rtcp_destination(), Some(at(RTCP)));
    }
}
