//! A gateway that does one thing wrong: what a load tester must find in it, and name.
//!
//! It passes SIP on between many callers and one phone that answers, or several that numbers tell apart, puts itself into
//! the way of the audio, and does to that what its fault is.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::net::UdpSocket;
use webtrunk_codecs::g711::Law;

/// What it does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing.
    None,
    /// Of the audio in both directions, every twentieth packet.
    DropsFivePercent,
    /// Nothing comes to the caller.
    MutesTheAnswerer,
    /// Nothing comes to anybody.
    NeverSends,
    /// The callers of two calls hear each other's other end.
    SwapsTwoCalls,
    /// The same after four seconds.
    SwapsTwoCallsLater,
    /// The caller hears two tones, and nobody.
    PlaysTones,
    /// The caller on hold hears a tone that another call could be.
    PlaysToneOnHold,
    /// All audio is late.
    DelaysBy200Ms,
    /// Each digit comes to the phone twice.
    SendsDigitsTwice,
    /// A fourth call at one time is refused with 503.
    HasRoomForThree,
    /// The caller hears itself alone.
    Echoes,
    /// The same after four seconds.
    EchoesLater,
    /// Of each talkspurt, the first 300 ms.
    ClipsSpurts,
    /// Nothing comes to the caller for three and a half seconds.
    StartsLate,
    /// All audio is quieter by 12 dB.
    Quiets,
    /// Every other packet is late by 60 ms.
    BringsUnevenly,
    /// No digit comes to anybody.
    LosesDigits,
    /// Each digit comes as the one after it.
    ChangesDigits,
    /// Nothing, and audio goes to where the other comes from.
    FollowsSources,
    /// Nothing comes to the caller any more after three seconds.
    FallsSilent,
    /// Silence comes to it in place of what is said then.
    PlaysSilence,
    /// Nothing comes to the caller any more once the call was described anew.
    MutesAfterHold,
    /// After three seconds it is gone.
    Vanishes,
    /// Nothing, and it is a proxy on the calls' way: what comes later without its route, or with it twice, goes nowhere.
    RoutesCalls,
    /// Nothing, and it asks alice alone, and for her password.
    AsksWhoCalls,
    /// Of each call, the first three times that a BYE comes: that is for three and a half seconds.
    HearsByesLate,
}

/// A status with what is asked by it.
const CHALLENGE: &str =
    "407 Proxy Authentication Required\r\nProxy-Authenticate: Digest realm=\"faulty\", nonce=\"once\"";

pub(crate) struct FaultyGateway {
    address: SocketAddr,
}

/// One call's way: where audio of both ends comes in, and where they are.
struct Way {
    /// Where both ends find the gateway.
    gateway: SocketAddr,
    caller: SocketAddr,
    phone: SocketAddr,
    opened_at: Instant,
    /// Faces the caller, and the phone.
    sides: [Arc<UdpSocket>; 2],
    ends: Mutex<[Option<SocketAddr>; 2]>,
    is_described_anew: AtomicBool,
    is_on_hold: AtomicBool,
    /// How often a BYE came.
    byes: AtomicUsize,
    /// Whether it is in the calls' path by Record-Route, and not by taking the place of both ends.
    is_proxy: bool,
}

struct Gateway {
    socket: UdpSocket,
    phones: Vec<SocketAddr>,
    fault: Fault,
    began_at: Instant,
    ways: Mutex<Ways>,
}

/// All calls' ways.
#[derive(Default)]
struct Ways {
    by_call_id: HashMap<String, Arc<Way>>,
    in_order: Vec<Arc<Way>>,
}

impl FaultyGateway {
    /// Passes calls on to this phone.
    pub(crate) async fn start(phone: SocketAddr, fault: Fault) -> Self {
        Self::start_among(vec![phone], fault).await
    }

    /// Passes calls on to one of these phones: to which, the two digits behind the first of the number say.
    pub(crate) async fn start_among(phones: Vec<SocketAddr>, fault: Fault) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        let address = socket.local_addr().expect("bound");
        let gateway =
            Arc::new(Gateway { socket, phones, fault, began_at: Instant::now(), ways: Mutex::default() });
        tokio::spawn(async move {
            let mut buffer = vec![0; 65_535];
            while let Ok((length, from)) = gateway.socket.recv_from(&mut buffer).await {
                let message = String::from_utf8_lossy(&buffer[..length]).into_owned();
                gateway.pass(&message, from).await;
            }
        });
        Self { address }
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }
}

/// A response without a description, of one who never answered this before.
pub(crate) fn response_to(request: &str, status: &str) -> String {
    let copied = ["Via", "From", "To", "Call-ID", "CSeq"];
    let lines = request.lines().filter(|line| {
        line.split_once(':').is_some_and(|(name, _)| copied.iter().any(|it| it.eq_ignore_ascii_case(name)))
    });
    let tagged = lines.map(|line| match line.split_once(':') {
        Some((name, _)) if name.eq_ignore_ascii_case("To") => format!("{line};tag=full\r\n"),
        _ => format!("{line}\r\n"),
    });
    let head: String = tagged.collect();
    format!("SIP/2.0 {status}\r\n{head}Content-Length: 0\r\n\r\n")
}

pub(crate) fn header<'m>(message: &'m str, name: &str) -> &'m str {
    let line = message.lines().find(|line| line.starts_with(name));
    line.and_then(|line| line.split_once(':')).map_or("", |(_, value)| value.trim())
}

fn is_within_dialog(message: &str) -> bool {
    header(message, "To").contains(";tag=")
}

fn is_routed(message: &str) -> bool {
    let routes = message.lines().filter(|line| line.starts_with("Route:")).count();
    message.starts_with("SIP/2.0 ") || !is_within_dialog(message) || routes == 1
}

impl Gateway {
    async fn pass(self: &Arc<Self>, message: &str, from: SocketAddr) {
        if self.is_gone() || self.fault == Fault::RoutesCalls && !is_routed(message) {
            return;
        }
        let call_id = header(message, "Call-ID").to_owned();
        let known = self.ways.lock().expect("no panic").by_call_id.get(&call_id).cloned();
        let way = match known {
            Some(way) => {
                if message.starts_with("INVITE ") {
                    way.is_described_anew.store(true, Ordering::Relaxed);
                    way.is_on_hold.store(message.contains("a=sendonly"), Ordering::Relaxed);
                }
                way
            }
            None if message.starts_with("INVITE ") && self.is_full() => {
                return self.refuse(message, from, "503 Service Unavailable").await;
            }
            None if message.starts_with("INVITE ") && !self.knows_who_calls(message) => {
                return self.refuse(message, from, CHALLENGE).await;
            }
            None if message.starts_with("INVITE ") => self.open(call_id, from, self.phone_of(message)).await,
            None => return,
        };
        if self.fault == Fault::HearsByesLate
            && message.starts_with("BYE ")
            && way.byes.fetch_add(1, Ordering::Relaxed) < 3
        {
            return;
        }
        let (side, to) = if from == way.phone { (1, way.caller) } else { (0, way.phone) };
        let passed = way.rewrite(message, side);
        let _ = self.socket.send_to(passed.as_bytes(), to).await;
    }

    fn is_gone(&self) -> bool {
        self.fault == Fault::Vanishes && self.began_at.elapsed() > Duration::from_secs(3)
    }

    fn swaps(&self, way: &Way) -> bool {
        self.fault == Fault::SwapsTwoCalls || way.is_in_its_last_third()
    }

    /// By the calls of the last 1.3 s: those of the test take longer.
    fn is_full(&self) -> bool {
        let ways = self.ways.lock().expect("no panic");
        let lately = ways.in_order.iter().filter(|way| way.opened_at.elapsed() < Duration::from_millis(1300));
        self.fault == Fault::HasRoomForThree && lately.count() >= 3
    }

    fn knows_who_calls(&self, invite: &str) -> bool {
        let proof = header(invite, "Proxy-Authorization");
        self.fault != Fault::AsksWhoCalls
            || proof.contains("username=\"alice\"") && proof.contains("nonce=\"once\"")
    }

    async fn refuse(&self, invite: &str, to: SocketAddr, status: &str) {
        let refusal = response_to(invite, status);
        let _ = self.socket.send_to(refusal.as_bytes(), to).await;
    }

    fn phone_of(&self, invite: &str) -> SocketAddr {
        let number = invite.split_once("sip:").map_or("", |(_, rest)| rest);
        let index = number.get(1..3).and_then(|digits| digits.parse::<usize>().ok()).unwrap_or_default();
        self.phones[index.min(self.phones.len() - 1)]
    }

    async fn open(self: &Arc<Self>, call_id: String, caller: SocketAddr, phone: SocketAddr) -> Arc<Way> {
        let side = || async { Arc::new(UdpSocket::bind("127.0.0.1:0").await.expect("a port")) };
        let way = Arc::new(Way {
            gateway: self.socket.local_addr().expect("bound"),
            caller,
            phone,
            opened_at: Instant::now(),
            sides: [side().await, side().await],
            ends: Mutex::default(),
            is_described_anew: AtomicBool::new(false),
            is_on_hold: AtomicBool::new(false),
            byes: AtomicUsize::new(0),
            is_proxy: self.fault == Fault::RoutesCalls,
        });
        let index = {
            let mut ways = self.ways.lock().expect("no panic");
            ways.by_call_id.insert(call_id, Arc::clone(&way));
            ways.in_order.push(Arc::clone(&way));
            ways.in_order.len() - 1
        };
        for side in 0..2 {
            tokio::spawn(Arc::clone(self).carry(index, Arc::clone(&way), side));
        }
        way
    }

    /// Carries what comes in at one side to the other end.
    async fn carry(self: Arc<Self>, index: usize, way: Arc<Way>, side: usize) {
        let (mut buffer, mut count) = (vec![0; 2048], 0_u32);
        let mut clipped_until = Instant::now();
        while let Ok((length, from)) = way.sides[side].recv_from(&mut buffer).await {
            let packet = buffer[..length].to_vec();
            if self.fault == Fault::FollowsSources {
                way.ends.lock().expect("no panic")[side] = Some(from);
            }
            count += 1;
            let to_caller = side == 1;
            match self.fault {
                Fault::DropsFivePercent if count.is_multiple_of(20) => continue,
                Fault::MutesTheAnswerer if to_caller => continue,
                Fault::NeverSends => continue,
                Fault::Vanishes if self.is_gone() => continue,
                Fault::FallsSilent if to_caller && way.is_old() => continue,
                Fault::StartsLate if to_caller && way.opened_at.elapsed() < Duration::from_millis(3500) => {
                    continue;
                }
                Fault::BringsUnevenly if count.is_multiple_of(2) => {
                    way.send_later(1 - side, packet, Duration::from_millis(60));
                    continue;
                }
                Fault::LosesDigits if is_event(&packet) => continue,
                Fault::ChangesDigits if is_event(&packet) => {
                    let mut other = packet;
                    other[12] += 1;
                    way.send(1 - side, &other).await;
                    continue;
                }
                Fault::Quiets if !is_event(&packet) => {
                    let mut quiet = packet;
                    for code in &mut quiet[12..] {
                        *code = Law::Mu.encode(Law::Mu.decode(*code) / 4);
                    }
                    way.send(1 - side, &quiet).await;
                    continue;
                }
                Fault::PlaysSilence if to_caller && way.is_old() => {
                    let mut silence = packet;
                    silence[12..].fill(0xff);
                    way.send(1 - side, &silence).await;
                    continue;
                }
                Fault::PlaysTones if to_caller => {
                    way.send(0, &with_tones(packet, count, &[440.0, 550.0])).await;
                    continue;
                }
                Fault::PlaysToneOnHold if to_caller && way.is_on_hold.load(Ordering::Relaxed) => {
                    way.send(0, &with_tones(packet, count, &[440.0])).await;
                    continue;
                }
                Fault::MutesAfterHold if to_caller && way.is_described_anew.load(Ordering::Relaxed) => {
                    continue;
                }
                Fault::DelaysBy200Ms => {
                    way.send_later(1 - side, packet, Duration::from_millis(200));
                    continue;
                }
                Fault::SwapsTwoCalls | Fault::SwapsTwoCallsLater if to_caller && self.swaps(&way) => {
                    let other = self.ways.lock().expect("no panic").in_order.get(index ^ 1).cloned();
                    if let Some(other) = other {
                        other.send(0, &packet).await;
                    }
                    continue;
                }
                Fault::SendsDigitsTwice if is_event(&packet) => {
                    let mut again = packet.clone();
                    // Another event, by its timestamp.
                    again[4] ^= 0x10;
                    way.send(1 - side, &again).await;
                }
                Fault::ClipsSpurts => {
                    if packet.get(1).is_some_and(|second| second & 0x80 != 0) {
                        clipped_until = Instant::now() + Duration::from_millis(300);
                    }
                    if Instant::now() < clipped_until {
                        continue;
                    }
                }
                Fault::EchoesLater if !way.is_in_its_last_third() => {}
                Fault::Echoes | Fault::EchoesLater if to_caller => continue,
                Fault::Echoes | Fault::EchoesLater => way.send(0, &packet).await,
                _ => {}
            }
            way.send(1 - side, &packet).await;
        }
    }
}

/// Payload types of our own phones: audio is below.
fn is_event(packet: &[u8]) -> bool {
    packet.get(1).is_some_and(|second| (96..128).contains(&(second & 0x7f)))
}

/// The packet of this number with these tones in place of its audio.
fn with_tones(mut packet: Vec<u8>, number: u32, hz: &[f64]) -> Vec<u8> {
    for (code, at) in packet[12..].iter_mut().zip(160 * number..) {
        let turns = f64::from(at) / 8000.0;
        let sample: f64 = hz.iter().map(|hz| 4000.0 * (std::f64::consts::TAU * hz * turns).sin()).sum();
        *code = Law::Mu.encode(sample as i16);
    }
    packet
}

impl Way {
    /// Of six seconds.
    fn is_in_its_last_third(&self) -> bool {
        self.opened_at.elapsed() > Duration::from_secs(4)
    }

    fn is_old(&self) -> bool {
        self.opened_at.elapsed() > Duration::from_secs(3)
    }

    /// To the end that this side faces.
    async fn send(&self, side: usize, packet: &[u8]) {
        let end = self.ends.lock().expect("no panic")[side];
        if let Some(end) = end {
            let _ = self.sides[side].send_to(packet, end).await;
        }
    }

    /// The same, so much later.
    fn send_later(self: &Arc<Self>, side: usize, packet: Vec<u8>, delay: Duration) {
        let way = Arc::clone(self);
        tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            way.send(side, &packet).await;
        });
    }

    /// A message from one side, whose description leads here.
    fn rewrite(&self, message: &str, side: usize) -> String {
        let Some((head, body)) = message.split_once("\r\n\r\n") else { return message.to_owned() };
        if body.is_empty() {
            return message.to_owned();
        }
        let port = |line: &str| line.split(' ').nth(1).and_then(|port| port.parse::<u16>().ok());
        let Some(media) = body.lines().find(|line| line.starts_with("m=audio")) else {
            return message.to_owned();
        };
        if let Some(port) = port(media) {
            self.ends.lock().expect("no panic")[side] = Some(([127, 0, 0, 1], port).into());
        }
        let own = self.sides[1 - side].local_addr().expect("bound").port();
        let lines = body.lines().map(|line| match line.strip_prefix("m=audio ") {
            Some(rest) => {
                let (_, rest) = rest.split_once(' ').expect("a port and more");
                format!("m=audio {own} {rest}\r\n")
            }
            None => format!("{line}\r\n"),
        });
        let body: String = lines.collect();
        let adds_route = self.is_proxy && !is_within_dialog(message);
        let head: Vec<_> = head
            .lines()
            .map(|line| match line.split_once(':') {
                Some((name, _)) if name.eq_ignore_ascii_case("Content-Length") => {
                    format!("Content-Length: {}", body.len())
                }
                // What comes later in the call comes by the gateway too.
                Some((name, _)) if name.eq_ignore_ascii_case("Contact") && !self.is_proxy => {
                    format!("Contact: <sip:{}>", self.gateway)
                }
                Some((name, _)) if name.eq_ignore_ascii_case("Max-Forwards") && adds_route => {
                    format!("{line}\r\nRecord-Route: <sip:{};lr>", self.gateway)
                }
                _ => line.to_owned(),
            })
            .collect();
        format!("{}\r\n\r\n{body}", head.join("\r\n"))
    }
}
