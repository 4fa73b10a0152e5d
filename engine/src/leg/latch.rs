//! Symmetric RTP as a state: which address a plain-RTP peer really sends from (RFC 7362, "latching").
//!
//! ```text
//!              packet from the signalled address
//!   Learning -------------------------------------------------------> Locked <-----.
//!    |    \                                                            ^  |        | 5 packets in order from
//!    |     `- 5 packets in order, one SSRC, from the signalled host ---+  |        | such a host, the address
//!    |        or from the host that signals                               |        | silent by then
//!    `- window over: only the signalled address counts                    |        |
//!                                                                         `--------+-- description anew
//! ```
//!
//! A description with another address takes every state back to Learning. One with the same address, which may
//! refresh the session or be sent because the peer's NAT or network has changed, opens the window again, and what
//! was learned holds as long as it is heard. An address that was never signalled and never signalled from cannot
//! be learned, so neither "RTP bleed" nor injection work from elsewhere; whatever else arrives is dropped and
//! counted.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use crate::rtp::{DropReason, RtpPacket, SequenceNumber, Ssrc};

/// How long after a description an address other than the signalled one may still be learned.
/// Phones send within a packet time of the answer; the rest is for slow ones. Chosen by us.
const LEARNING_WINDOW: Duration = Duration::from_secs(3);

/// Packets in order from one source before media is sent there. Chosen by us: 100 ms of voice.
const PROBATION: u8 = 5;

/// How long a source may be silent before another is looked at in its place: voice comes every 20 ms, and
/// nothing else on a network takes as long. Chosen by us.
const SILENCE: Duration = Duration::from_millis(500);

/// Decides from where a plain-RTP leg accepts media and where it sends its own.
#[derive(Debug)]
pub struct Latch {
    signalled: SocketAddr,
    signalled_rtcp: SocketAddr,
    signalled_from: Option<IpAddr>,
    learned_rtcp: Option<SocketAddr>,
    /// Until when another address may be learned.
    until: Instant,
    candidate: Option<Candidate>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Learning,
    Locked { remote: SocketAddr, heard_at: Instant },
}

/// Who may turn out to be the peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Candidate {
    from: SocketAddr,
    ssrc: Ssrc,
    last: SequenceNumber,
    packets: u8,
    heard_at: Instant,
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
            until: now + LEARNING_WINDOW,
            candidate: None,
            state: State::Learning,
        }
    }

    /// Begins again after a description; where its addresses are those of before, what was learned holds as long
    /// as it is heard.
    pub fn relearn(
        &mut self,
        rtp: SocketAddr,
        rtcp: SocketAddr,
        signalled_from: Option<IpAddr>,
        now: Instant,
    ) {
        let is_same = rtp == self.signalled && rtcp == self.signalled_rtcp;
        let anew = Self::new(rtp, rtcp, signalled_from, now);
        *self = match self.state {
            State::Locked { .. } if is_same => {
                Self { learned_rtcp: self.learned_rtcp, state: self.state, ..anew }
            }
            State::Locked { .. } | State::Learning => anew,
        };
    }

    /// Where media goes now.
    #[must_use]
    pub fn destination(&self) -> SocketAddr {
        match self.state {
            State::Locked { remote, .. } => remote,
            State::Learning => self.signalled,
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
            State::Locked { remote, heard_at } => {
                from == remote || is_silent(heard_at, now) && self.may_learn(from, now)
            }
            State::Learning => from == self.signalled || self.may_learn(from, now),
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
        let is_known = match self.state {
            State::Locked { remote, .. } => from == remote,
            State::Learning => from == self.signalled,
        };
        if is_known || self.has_proven_itself(packet, from, now) {
            if !matches!(self.state, State::Locked { remote, .. } if remote == from) {
                // Nobody else is learned before the next description.
                self.until = now;
            }
            if from != self.destination() {
                self.learned_rtcp = None;
            }
            self.candidate = None;
            self.state = State::Locked { remote: from, heard_at: now };
        }
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

    /// The signalled host on any port, and the host that signals: a phone behind NAT signals a private address
    /// that nobody here can reach. One source at a time: whoever comes second is not heard while the first is.
    fn may_learn(&self, from: SocketAddr, now: Instant) -> bool {
        let is_host = from.ip() == self.signalled.ip() || self.signalled_from == Some(from.ip());
        let is_turn = self.candidate.is_none_or(|first| first.from == from || is_silent(first.heard_at, now));
        now < self.until && is_host && is_turn
    }

    /// Whether the source has sent enough in order.
    fn has_proven_itself(&mut self, packet: &RtpPacket<'_>, from: SocketAddr, now: Instant) -> bool {
        let (ssrc, last) = (packet.ssrc(), packet.sequence());
        let packets = match self.candidate {
            Some(known) if known.from == from && known.ssrc == ssrc && last.is_after(known.last) => {
                known.packets + 1
            }
            Some(_) | None => 1,
        };
        self.candidate = Some(Candidate { from, ssrc, last, packets, heard_at: now });
        packets >= PROBATION
    }
}

fn is_silent(heard_at: Instant, now: Instant) -> bool {
    now.saturating_duration_since(heard_at) >= SILENCE
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
            assert_eq!(
                bench.packet_from("203.0.113.9:62000", 2),
                Err(DropReason::WrongSource),
                "nor be heard"
            );
        }
        assert_eq!(bench.packet_from("203.0.113.9:61000", 1), Ok(()));
        assert_eq!(bench.latch.destination(), at("203.0.113.9:61000"));
    }

    #[test]
    fn a_single_packet_of_a_neighbour_does_not_keep_the_phone_out() {
        let mut bench = Bench::new("203.0.113.9");
        assert_eq!(bench.packet_from("203.0.113.9:62000", 2), Ok(()));
        bench.now += SILENCE;
        for _ in 0..PROBATION {
            assert_eq!(bench.packet_from("203.0.113.9:61000", 1), Ok(()));
        }
        assert_eq!(bench.latch.destination(), at("203.0.113.9:61000"));
    }

    #[test]
    fn a_phone_whose_nat_changed_is_found_by_the_same_description_anew() {
        let mut bench = Bench::new("203.0.113.9");
        for _ in 0..PROBATION {
            bench.packet_from("203.0.113.9:61000", 1).expect("it is learned");
        }
        bench.latch.accept_rtcp(at("203.0.113.9:61001")).expect("it is learned");
        bench.now += LEARNING_WINDOW;
        let other = Err(DropReason::WrongSource);
        assert_eq!(bench.packet_from("203.0.113.9:63000", 1), other, "no description came");
        // By the same host, and by another: the NAT, or the phone, has another address.
        for moved in ["203.0.113.9:63000", "203.0.113.77:64000"] {
            let before = bench.latch.destination();
            bench.latch.relearn(at(PHONE), at(RTCP), Some(at(moved).ip()), bench.now);
            assert_eq!(bench.latch.destination(), before, "what was learned holds");
            for _ in 0..PROBATION {
                assert_eq!(bench.packet_from(&before.to_string(), 1), Ok(()));
                assert_eq!(bench.packet_from(moved, 1), other, "the one before is still heard");
            }
            bench.now += SILENCE;
            for _ in 0..PROBATION {
                assert_eq!(bench.packet_from(moved, 1), Ok(()));
            }
            assert_eq!((bench.latch.destination(), bench.latch.rtcp_destination()), (at(moved), None));
            assert_eq!(bench.packet_from(&before.to_string(), 1), other);
            bench.now += SILENCE;
            assert_eq!(bench.packet_from("203.0.113.9:65000", 1), other, "one for each description");
        }
    }

    #[test]
    fn a_phone_that_is_heard_is_not_pushed_aside_after_a_description() {
        let mut bench = Bench::new("198.51.100.7");
        bench.packet_from(PHONE, 1).expect("it is signalled");
        bench.latch.relearn(at(PHONE), at(RTCP), Some(at(PHONE).ip()), bench.now);
        for _ in 0..200 {
            bench.now += Duration::from_millis(20);
            assert_eq!(bench.packet_from(PHONE, 1), Ok(()));
            assert_eq!(bench.packet_from("198.51.100.7:40002", 2), Err(DropReason::WrongSource));
        }
        assert_eq!(bench.latch.destination(), at(PHONE));
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
