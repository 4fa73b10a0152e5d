//! A name server of the tests: knows what it is told, and says of all else that there is nothing.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::gateway::PATIENCE;
use super::host::Host;
use super::process::wait_until;

/// The server; gone when dropped.
pub(crate) struct Dns {
    address: SocketAddr,
    zone: Arc<Mutex<Zone>>,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// What it knows.
#[derive(Default)]
pub(crate) struct Zone {
    records: HashMap<(String, u16), Vec<Vec<u8>>>,
    ttl_s: Option<u32>,
    denials_ttl_s: Option<u32>,
    /// Domains of which nothing sound is said, and what is.
    faults: Vec<(String, Fault)>,
}

/// What is said of a domain instead of an answer.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    Nothing,
    /// What is no answer.
    Garbage,
    /// A refusal with this code (RFC 1035 4.1.1).
    Code(u8),
}

/// The server has failed, and there is no such name (RFC 1035 4.1.1).
pub(crate) const SERVFAIL: u8 = 2;
pub(crate) const NXDOMAIN: u8 = 3;

/// Types of records (RFC 1035 3.2.2, RFC 3596, RFC 2782, RFC 3403).
const A: u16 = 1;
const SOA: u16 = 6;
const AAAA: u16 = 28;
const SRV: u16 = 33;
const NAPTR: u16 = 35;

/// How long answers may be kept where a test says nothing else, in seconds.
const TTL: u32 = 300;

/// Not 53, which takes a privilege.
const PORT: u16 = 5353;

impl Zone {
    /// An address of a name, of either family.
    pub(crate) fn address(mut self, name: &str, address: IpAddr) -> Self {
        match address {
            IpAddr::V4(v4) => self.add(name, A, v4.octets().to_vec()),
            IpAddr::V6(v6) => self.add(name, AAAA, v6.octets().to_vec()),
        }
        self
    }

    /// A service: priority, weight, port, target.
    pub(crate) fn srv(mut self, name: &str, numbers: [u16; 3], target: &str) -> Self {
        let mut data: Vec<u8> = numbers.iter().flat_map(|number| number.to_be_bytes()).collect();
        data.extend(labels(target));
        self.add(name, SRV, data);
        self
    }

    /// What leads from a domain to a service: order and preference, service, name of the SRV records.
    pub(crate) fn naptr(mut self, name: &str, numbers: [u16; 2], service: &str, target: &str) -> Self {
        let mut data: Vec<u8> = numbers.iter().flat_map(|number| number.to_be_bytes()).collect();
        for text in ["s", service, ""] {
            data.push(u8::try_from(text.len()).expect("short"));
            data.extend(text.as_bytes());
        }
        data.extend(labels(target));
        self.add(name, NAPTR, data);
        self
    }

    /// Lets answers be kept for this long.
    pub(crate) const fn kept_for(mut self, seconds: u32) -> Self {
        self.ttl_s = Some(seconds);
        self
    }

    /// Lets it be kept for this long that there is nothing.
    pub(crate) const fn denials_kept_for(mut self, seconds: u32) -> Self {
        self.denials_ttl_s = Some(seconds);
        self
    }

    /// A server that answers everything with what is no answer.
    pub(crate) fn garbage() -> Self {
        Self::default().faulty("", Fault::Garbage)
    }

    /// Has this said of a domain and all below it, or of everything, where it has no name.
    pub(crate) fn faulty(mut self, domain: &str, fault: Fault) -> Self {
        self.faults.push((domain.to_owned(), fault));
        self
    }

    fn fault_of(&self, name: &str) -> Option<Fault> {
        let is_of = |domain: &str| {
            let above = name.strip_suffix(domain);
            above.is_some_and(|above| domain.is_empty() || above.is_empty() || above.ends_with('.'))
        };
        self.faults.iter().find(|(domain, _)| is_of(domain)).map(|(_, fault)| *fault)
    }

    fn add(&mut self, name: &str, kind: u16, data: Vec<u8>) {
        self.records.entry((name.to_owned(), kind)).or_default().push(data);
    }

    /// The answer to a query with one question (RFC 1035 4.1).
    fn answer(&self, query: &[u8]) -> Option<Vec<u8>> {
        let mut names = Vec::new();
        let mut at = 12;
        loop {
            let length = usize::from(*query.get(at)?);
            at += 1;
            if length == 0 {
                break;
            }
            names.push(String::from_utf8(query.get(at..at + length)?.to_ascii_lowercase()).ok()?);
            at += length;
        }
        let kind = u16::from_be_bytes(query.get(at..at + 2)?.try_into().ok()?);
        let (question, name) = (query.get(12..at + 4)?, names.join("."));
        let mut answer = query.get(..2)?.to_vec();
        match self.fault_of(&name) {
            None => {}
            Some(Fault::Nothing) => return None,
            Some(Fault::Garbage) => {
                // Its id is right, so that it is looked at: names that point at themselves, and lengths beyond the end.
                answer.extend([0x85, 0x80, 0, 1, 0xff, 0xff, 0, 0, 0, 9, 0xc0, 12, 0xff, 0xff, 0xc0]);
                return Some(answer);
            }
            Some(Fault::Code(code)) => {
                answer.extend([0x85, 0x80 | code, 0, 1, 0, 0, 0, 0, 0, 0]);
                answer.extend(question);
                return Some(answer);
            }
        }
        let found = self.records.get(&(name, kind)).map(Vec::as_slice).unwrap_or_default();
        let denial = self.denials_ttl_s.filter(|_| found.is_empty());
        // An authoritative answer without error to one question.
        answer.extend([0x85, 0x80, 0, 1]);
        answer.extend(u16::try_from(found.len()).ok()?.to_be_bytes());
        answer.extend([0, u8::from(denial.is_some()), 0, 0]);
        answer.extend(question);
        for data in found {
            // The name is the question's, at octet 12.
            answer.extend([0xc0, 12]);
            answer.extend(kind.to_be_bytes());
            answer.extend([0, 1]);
            answer.extend(self.ttl_s.unwrap_or(TTL).to_be_bytes());
            answer.extend(u16::try_from(data.len()).ok()?.to_be_bytes());
            answer.extend(data);
        }
        if let Some(seconds) = denial {
            // The start of authority, of which two names and four numbers say nothing, and the last for how long (RFC 2308 3).
            answer.extend([0xc0, 12]);
            answer.extend(SOA.to_be_bytes());
            answer.extend([0, 1]);
            answer.extend(seconds.to_be_bytes());
            answer.extend([0, 22]);
            answer.extend([0; 18]);
            answer.extend(seconds.to_be_bytes());
        }
        Some(answer)
    }
}

impl Dns {
    /// Serves a zone at a host.
    pub(crate) fn serve(host: &Host, zone: Zone) -> Self {
        let address = host.at(PORT);
        let socket = UdpSocket::bind(address).expect("the host is ours");
        socket.set_read_timeout(Some(Duration::from_millis(50))).expect("a time-out");
        let (zone, is_over) = (Arc::new(Mutex::new(zone)), Arc::new(AtomicBool::new(false)));
        let (served, ends) = (Arc::clone(&zone), Arc::clone(&is_over));
        let thread = std::thread::spawn(move || {
            let mut buffer = [0; 1500];
            while !ends.load(Ordering::Relaxed) {
                let Ok((length, from)) = socket.recv_from(&mut buffer) else { continue };
                let answer = lock(&served).answer(&buffer[..length]);
                if let Some(answer) = answer {
                    socket.send_to(&answer, from).expect("loopback takes it");
                }
            }
        });
        Self { address, zone, is_over, thread: Some(thread) }
    }

    /// Knows something else from now on.
    pub(crate) fn change(&self, zone: Zone) {
        *lock(&self.zone) = zone;
    }

    /// Takes its place, and says nothing any more. A process that is being started meanwhile has the former socket too, for
    /// a moment.
    pub(crate) fn fall_silent(self) -> UdpSocket {
        let address = self.address;
        drop(self);
        let mut silent = None;
        wait_until(PATIENCE, || {
            silent = UdpSocket::bind(address).ok();
            silent.is_some()
        });
        silent.expect("it is free again")
    }

    /// The line of `[sip]` that has a gateway ask this server.
    pub(crate) fn line(&self) -> String {
        format!("nameservers = [\"{}\"]", self.address)
    }
}

impl Drop for Dns {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn lock(zone: &Mutex<Zone>) -> MutexGuard<'_, Zone> {
    zone.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A name on the wire (RFC 1035 3.1).
fn labels(name: &str) -> Vec<u8> {
    let label = |label: &str| {
        let mut octets = vec![u8::try_from(label.len()).expect("short")];
        octets.extend(label.as_bytes());
        octets
    };
    name.split('.').flat_map(label).chain([0]).collect()
}
