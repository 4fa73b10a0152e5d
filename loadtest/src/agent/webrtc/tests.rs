//! Two legs against each other in memory, in virtual time.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use webtrunk_codecs::CodecId;

use super::SrtpProfile;
use super::dtls::Identity;
use super::leg::{Settings, WebrtcLeg};
use crate::agent::media::{Leg, Received, RtpHeader};
use crate::agent::sdp::{Dialect, Direction};

const LATENCY: Duration = Duration::from_millis(5);
const CODECS: [CodecId; 1] = [CodecId::Opus];

struct Pair {
    legs: [WebrtcLeg; 2],
    now: Instant,
    wire: VecDeque<(Instant, usize, Vec<u8>)>,
    heard: [Vec<Received>; 2],
}

fn address(side: usize) -> SocketAddr {
    SocketAddr::from(([10, 99, 0, side as u8 + 1], 5000))
}

impl Pair {
    /// `setup` is the offerer's, the first's.
    fn strangers(setup: &'static str, profiles: [Vec<SrtpProfile>; 2]) -> Self {
        let now = Instant::now();
        let mut sides = profiles.into_iter().enumerate().map(|(side, profiles)| {
            let settings = Settings {
                identity: Identity::generate().expect("a certificate"),
                profiles,
                setup,
                is_lite: false,
                trickles: false,
                dialect: Dialect::default(),
            };
            WebrtcLeg::new(address(side), settings, now).expect("a leg")
        });
        let legs = [sides.next().expect("two"), sides.next().expect("two")];
        Self { legs, now, wire: VecDeque::new(), heard: Default::default() }
    }

    /// Both have each other's description.
    fn introduced(setup: &'static str, profiles: [Vec<SrtpProfile>; 2]) -> Self {
        let mut pair = Self::strangers(setup, profiles);
        pair.describe(Direction::SendRecv, |answer| answer);
        pair
    }

    /// One offers, the other answers; `forge` is who carries the answer.
    fn describe(&mut self, direction: Direction, forge: impl Fn(String) -> String) {
        let offer = self.legs[0].offer(&CODECS, direction);
        let (answer, _) =
            self.legs[1].answer(&offer, &CODECS, Direction::SendRecv, self.now).expect("an answer");
        self.legs[0].accept(&forge(answer), self.now).expect("agreement");
    }

    fn run_for(&mut self, duration: Duration) {
        let end = self.now + duration;
        loop {
            for side in 0..2 {
                while let Some((to, datagram)) = self.legs[side].poll_transmit() {
                    assert_eq!(to, address(1 - side));
                    self.wire.push_back((self.now + LATENCY, 1 - side, datagram));
                }
            }
            let timers = self.legs.iter_mut().filter_map(Leg::poll_timeout);
            let next = timers.chain(self.wire.front().map(|(at, ..)| *at)).min();
            let Some(next) = next.filter(|at| *at <= end) else { break };
            // A timer that is due already must not stop the clock.
            self.now = next.max(self.now + Duration::from_micros(1));
            while self.wire.front().is_some_and(|(at, ..)| *at <= self.now) {
                let (_, side, datagram) = self.wire.pop_front().expect("just seen");
                let received = self.legs[side].handle_datagram(&datagram, address(1 - side), self.now);
                if received != Received::Control {
                    self.heard[side].push(received);
                }
            }
            self.legs.iter_mut().for_each(|leg| leg.handle_timeout(self.now));
        }
        self.now = end;
    }

    fn is_ready(&self) -> bool {
        self.legs.iter().all(Leg::is_ready)
    }

    fn say(&mut self, side: usize, packet: &[u8], is_rtcp: bool) {
        let leg = &mut self.legs[side];
        let sent = if is_rtcp { leg.protect_rtcp(packet) } else { leg.protect_rtp(packet) };
        let (to, datagram) = sent.expect("a ready leg");
        assert_eq!(to, address(1 - side));
        assert!(!datagram.ends_with(packet) && datagram.len() > packet.len());
        self.wire.push_back((self.now + LATENCY, 1 - side, datagram));
    }
}

fn rtp(sequence: u16) -> Vec<u8> {
    let header = RtpHeader { marker: false, payload_type: 111, sequence, timestamp: 960, ssrc: 1 };
    let mut packet = Vec::new();
    header.write(&[sequence as u8; 40], &mut packet);
    packet
}

/// An empty receiver report.
const RTCP: [u8; 8] = [0x80, 201, 0, 1, 0x12, 0x34, 0x56, 0x78];

#[test]
fn every_profile_in_both_roles() {
    for setup in ["actpass", "active"] {
        for profile in SrtpProfile::ALL {
            let mut pair = Pair::introduced(setup, [vec![profile], vec![profile]]);
            pair.run_for(Duration::from_secs(3));
            assert!(pair.is_ready(), "{setup} {profile:?}");
            assert_eq!(pair.legs[0].srtp_profile(), Some(profile));
            for side in 0..2 {
                pair.say(side, &rtp(7), false);
                pair.say(side, &RTCP, true);
            }
            pair.run_for(Duration::from_millis(20));
            let expected = vec![Received::Rtp(rtp(7)), Received::Rtcp(RTCP.to_vec())];
            assert_eq!(pair.heard, [expected.clone(), expected], "{setup} {profile:?}");
        }
    }
}

#[test]
fn a_packet_is_taken_once_and_a_forged_one_never() {
    let profiles = SrtpProfile::ALL.to_vec();
    let mut pair = Pair::introduced("actpass", [profiles.clone(), profiles]);
    pair.run_for(Duration::from_secs(3));
    pair.say(0, &rtp(1), false);
    let datagram = pair.wire.back().expect("just sent").clone();
    pair.wire.push_back(datagram.clone());
    let mut forged = datagram;
    if let Some(octet) = forged.2.last_mut() {
        *octet ^= 1;
    }
    pair.wire.push_back(forged);
    pair.run_for(Duration::from_millis(20));
    assert_eq!(pair.heard[1], [Received::Rtp(rtp(1)), Received::Broken, Received::Broken]);
}

#[test]
fn a_certificate_that_was_not_signalled_gives_no_keys() {
    let profiles = SrtpProfile::ALL.to_vec();
    let mut pair = Pair::strangers("actpass", [profiles.clone(), profiles]);
    pair.describe(Direction::SendRecv, |answer| {
        let other = Identity::generate().expect("a certificate").fingerprint;
        let forge = |line: &str| match line.split_once("sha-256 ") {
            Some((name, _)) => format!("{name}sha-256 {other}\r\n"),
            None => format!("{line}\r\n"),
        };
        answer.lines().map(forge).collect()
    });
    pair.run_for(Duration::from_secs(3));
    assert!(!pair.legs[0].is_ready());
    assert!(pair.legs[0].failure().is_some_and(|why| why.contains("certificate")));
}

#[test]
fn a_new_description_changes_neither_role_nor_keys() {
    let profiles = SrtpProfile::ALL.to_vec();
    let mut pair = Pair::introduced("actpass", [profiles.clone(), profiles]);
    pair.run_for(Duration::from_secs(3));
    pair.describe(Direction::SendOnly, |answer| answer);
    pair.say(0, &rtp(1), false);
    pair.run_for(Duration::from_millis(20));
    assert_eq!(pair.heard[1], [Received::Rtp(rtp(1))]);
}

#[test]
fn goodbye_is_heard_and_a_quiet_call_lives_on() {
    let profiles = SrtpProfile::ALL.to_vec();
    let mut pair = Pair::introduced("actpass", [profiles.clone(), profiles]);
    pair.run_for(Duration::from_secs(60));
    assert!(pair.is_ready() && !pair.legs[1].is_closed_by_peer());
    let now = pair.now;
    pair.legs[0].close(now);
    pair.run_for(Duration::from_millis(20));
    assert!(pair.legs[1].is_closed_by_peer());
}
