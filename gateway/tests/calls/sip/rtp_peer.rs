//! A phone's mouth and ear: plain RTP with G.711, a tone out and packets in. The signalling is sipp's.

use std::collections::VecDeque;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use webtrunk_codecs::SampleRate;
use webtrunk_codecs::g711::Law;
use webtrunk_codecs::tone::{Tone, ToneGenerator};

use crate::support::gateway::PATIENCE;
use crate::support::host::Host;
use crate::support::process::wait_until;
use crate::support::sound::Sound;

/// The level of every tone, in dBm0: that of call-progress tones.
pub(crate) const LEVEL_DBM0: f64 = -10.0;

/// A tone counts as heard above this.
const AUDIBLE_DBM0: f64 = -20.0;

/// A packet that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Packet {
    pub(crate) payload_type: u8,
    pub(crate) timestamp: u32,
    pub(crate) payload: Vec<u8>,
}

/// The mouth and the ear.
pub(crate) struct RtpPeer {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    socket: UdpSocket,
    heard: Mutex<VecDeque<Packet>>,
    said: AtomicU32,
    is_over: AtomicBool,
}

/// Samples in a packet: 20 ms.
const FRAME: usize = 160;
const FRAME_TIME: Duration = Duration::from_millis(20);

/// Of every stream: it wraps after six packets.
const FIRST_SEQUENCE: u16 = 65_530;

/// Packets kept: twenty seconds.
const KEPT: usize = 1000;

/// Packets that one verdict takes: a second.
const MEASURED: usize = 50;

impl RtpPeer {
    /// Listens on a port of `host`.
    pub(crate) fn new(host: &Host, port: u16) -> Self {
        // A process that another test just starts has copies of all our sockets, closed ones too, until it is another program.
        let mut socket = None;
        wait_until(PATIENCE, || {
            socket = UdpSocket::bind(host.at(port)).ok();
            socket.is_some()
        });
        let socket = socket.expect("the host is ours");
        // So that the thread sees its end.
        socket.set_read_timeout(Some(FRAME_TIME)).expect("a time-out");
        let (heard, said, is_over) = Default::default();
        let shared = Arc::new(Shared { socket, heard, said, is_over });
        let ear = Arc::clone(&shared);
        Self { shared, threads: vec![std::thread::spawn(move || ear.listen())] }
    }

    /// Sends a tone from now on, encoded by `law`.
    pub(crate) fn say(&mut self, to: SocketAddr, law: Law, hz: f64) {
        let mut tone = ToneGenerator::new(Tone::sine(hz, LEVEL_DBM0), SampleRate::HZ_8000);
        self.send(to, move |_| law, move |samples| tone.fill(samples));
    }

    /// Sends one code again and again from now on: what only passes unchanged where nothing is decoded.
    pub(crate) fn say_code(&mut self, to: SocketAddr, law: Law, code: u8) {
        let shared = Arc::clone(&self.shared);
        let thread = move || shared.talk(to, |_| law, |_, payload| payload.fill(code));
        self.threads.push(std::thread::spawn(thread));
    }

    /// Sends a tone from now on, the first so many packets by the one law and all after them by the other.
    pub(crate) fn say_by_both(&mut self, to: SocketAddr, [first, then]: [Law; 2], packets: u32, hz: f64) {
        let mut tone = ToneGenerator::new(Tone::sine(hz, LEVEL_DBM0), SampleRate::HZ_8000);
        let law_of = move |index| if index < packets { first } else { then };
        self.send(to, law_of, move |samples| tone.fill(samples));
    }

    /// Waits until so many packets were sent.
    pub(crate) fn wait_until_said(&self, packets: u32) {
        let is_said = wait_until(PATIENCE, || self.shared.said.load(Ordering::Relaxed) >= packets);
        assert!(is_said, "the mouth is stuck");
    }

    /// Waits for a second of packets that come from now on, and gives them.
    ///
    /// # Panics
    /// When they do not come.
    pub(crate) fn listen(&self) -> Vec<Packet> {
        self.shared.heard().clear();
        let came = wait_until(PATIENCE, || self.shared.heard().len() >= MEASURED);
        assert!(came, "{} packets came", self.shared.heard().len());
        self.shared.heard().iter().take(MEASURED).cloned().collect()
    }

    /// Waits for a second of sound, and gives it.
    ///
    /// # Panics
    /// When it does not come, or by another codec than `law`.
    pub(crate) fn hear(&self, law: Law) -> Vec<i16> {
        let packets = self.listen();
        let expected = payload_type(law);
        assert!(packets.iter().all(|packet| packet.payload_type == expected), "{packets:?}");
        packets.iter().flat_map(|packet| packet.payload.iter().map(|code| law.decode(*code))).collect()
    }

    /// Waits until the tone is heard, however loud.
    pub(crate) fn await_tone(&self, law: Law, hz: f64) {
        let is_there = wait_until(PATIENCE, || self.level_of_next(law, hz, FRAME_TIME * 25) > AUDIBLE_DBM0);
        assert!(is_there, "no {hz} Hz");
    }

    /// The level of a tone, in dBm0, in what comes within a time; of nothing where nothing comes.
    pub(crate) fn level_of_next(&self, law: Law, hz: f64, time: Duration) -> f64 {
        self.shared.heard().clear();
        std::thread::sleep(time);
        let heard = self.heard();
        let packets = heard.iter().filter(|packet| packet.payload_type == payload_type(law));
        let samples: Vec<i16> =
            packets.flat_map(|packet| packet.payload.iter().map(|code| law.decode(*code))).collect();
        if samples.is_empty() { f64::NEG_INFINITY } else { level(&samples, hz) }
    }

    /// What came last, twenty seconds at most.
    pub(crate) fn heard(&self) -> Vec<Packet> {
        self.shared.heard().iter().cloned().collect()
    }

    /// Sends one packet.
    pub(crate) fn send_packet(&self, to: SocketAddr, packet: &[u8]) {
        self.shared.socket.send_to(packet, to).expect("loopback takes it");
    }

    /// Waits until the tone is heard, and asserts that it is as loud as it was said.
    pub(crate) fn assert_hears(&self, law: Law, hz: f64) {
        let is_there = wait_until(PATIENCE, || level(&self.hear(law), hz) > LEVEL_DBM0 - 3.0);
        assert!(is_there, "no {hz} Hz");
        let level = level(&self.hear(law), hz);
        assert!((level - LEVEL_DBM0).abs() <= 0.3, "{hz} Hz came with {level:.2} dBm0");
    }

    /// Whether anything came so far.
    pub(crate) fn heard_nothing(&self) -> bool {
        self.shared.heard().is_empty()
    }

    fn send(
        &mut self,
        to: SocketAddr,
        law_of: impl Fn(u32) -> Law + Send + 'static,
        mut sound: impl FnMut(&mut [i16]) + Send + 'static,
    ) {
        let shared = Arc::clone(&self.shared);
        let thread = move || {
            shared.talk(to, law_of, |law, payload| {
                let mut samples = [0; FRAME];
                sound(&mut samples);
                for (code, sample) in payload.iter_mut().zip(samples) {
                    *code = law.encode(sample);
                }
            });
        };
        self.threads.push(std::thread::spawn(thread));
    }
}

/// The level of a frequency in a sound, in dBm0.
pub(crate) fn level(samples: &[i16], hz: f64) -> f64 {
    Sound::telephone(samples.to_vec()).dbm0_at(hz)
}

impl Shared {
    fn listen(&self) {
        let mut buffer = [0; 1500];
        while !self.is_over.load(Ordering::Relaxed) {
            let Ok(length) = self.socket.recv(&mut buffer) else { continue };
            let Some((head, payload)) = buffer[..length].split_at_checked(12) else { continue };
            let packet = Packet {
                payload_type: head[1] & 0x7f,
                timestamp: u32::from_be_bytes([head[4], head[5], head[6], head[7]]),
                payload: payload.to_vec(),
            };
            let mut heard = self.heard();
            if heard.len() == KEPT {
                heard.pop_front();
            }
            heard.push_back(packet);
        }
    }

    /// One packet each 20 ms, by the time that has passed and not by the last one's.
    fn talk(&self, to: SocketAddr, law_of: impl Fn(u32) -> Law, mut fill: impl FnMut(Law, &mut [u8])) {
        let began_at = Instant::now();
        let ssrc = rand::random::<[u8; 4]>();
        for index in 0_u32.. {
            if self.is_over.load(Ordering::Relaxed) {
                return;
            }
            let law = law_of(index);
            let mut packet = [0; 12 + FRAME];
            packet[0] = 0x80;
            packet[1] = payload_type(law) | if index == 0 { 0x80 } else { 0 };
            packet[2..4].copy_from_slice(&FIRST_SEQUENCE.wrapping_add(index as u16).to_be_bytes());
            packet[4..8].copy_from_slice(&(index * FRAME as u32).to_be_bytes());
            packet[8..12].copy_from_slice(&ssrc);
            fill(law, &mut packet[12..]);
            // Before the answer nobody may listen yet.
            let _ = self.socket.send_to(&packet, to);
            self.said.fetch_add(1, Ordering::Relaxed);
            let next_at = began_at + FRAME_TIME * (index + 1);
            std::thread::sleep(next_at.saturating_duration_since(Instant::now()));
        }
    }

    fn heard(&self) -> MutexGuard<'_, VecDeque<Packet>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for RtpPeer {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // A panic of the thread has been told.
            let _ = thread.join();
        }
    }
}

/// RFC 3551 6.
const fn payload_type(law: Law) -> u8 {
    match law {
        Law::Mu => 0,
        Law::A => 8,
    }
}
