//! A capture server that reads HEP version 3 by its specification, and knows nothing of ours.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::gateway::PATIENCE;
use super::host::Host;
use super::process::wait_until;

/// A collector that listens as long as the test's process runs.
pub(crate) struct Collector {
    address: SocketAddr,
    copies: Arc<Mutex<Vec<Copy>>>,
    _host: Host,
}

/// A copy of a message.
#[derive(Debug, Clone)]
pub(crate) struct Copy {
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    /// 6 for TCP, 17 for UDP.
    pub(crate) protocol: u8,
    /// Microseconds since 1970.
    pub(crate) at_us: u64,
    pub(crate) agent: u32,
    pub(crate) password: String,
    pub(crate) correlation_id: String,
    pub(crate) message: String,
}

/// Homer's.
const PORT: u16 = 9060;

impl Collector {
    pub(crate) fn start(host: Host) -> Self {
        let address = host.at(PORT);
        let socket = UdpSocket::bind(address).expect("the host is ours");
        let copies = Arc::<Mutex<Vec<Copy>>>::default();
        let kept = copies.clone();
        thread::spawn(move || {
            let mut buffer = vec![0; 65_535];
            while let Ok(length) = socket.recv(&mut buffer) {
                let copy = read(&buffer[..length]);
                kept.lock().unwrap_or_else(PoisonError::into_inner).push(copy);
            }
        });
        Self { address, copies, _host: host }
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The copies so far.
    pub(crate) fn copies(&self) -> Vec<Copy> {
        self.copies.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Those of one Call-ID, as soon as there are so many.
    pub(crate) fn of(&self, call_id: &str, count: usize) -> Vec<Copy> {
        let found = || {
            let copies = self.copies();
            copies.into_iter().filter(|copy| copy.correlation_id == call_id).collect::<Vec<_>>()
        };
        assert!(wait_until(PATIENCE, || found().len() >= count), "{count} are expected: {:#?}", found());
        found()
    }
}

impl Copy {
    /// The method of a request, the status of a response.
    pub(crate) fn what(&self) -> &str {
        let line = self.message.strip_prefix("SIP/2.0 ").unwrap_or(&self.message);
        line.split(' ').next().unwrap_or_default()
    }
}

fn read(packet: &[u8]) -> Copy {
    let word = |octets: &[u8]| usize::from(u16::from_be_bytes([octets[0], octets[1]]));
    assert_eq!((&packet[..4], word(&packet[4..])), (&b"HEP3"[..], packet.len()));
    let (mut chunks, mut rest) = (HashMap::new(), &packet[6..]);
    while !rest.is_empty() {
        let (vendor, kind, length) = (word(rest), word(&rest[2..]), word(&rest[4..]));
        assert_eq!(vendor, 0, "chunks of everybody");
        chunks.insert(kind, &rest[6..length]);
        rest = &rest[length..];
    }
    let number = |kind| chunks[&kind].iter().fold(0, |sum: u64, octet| sum << 8 | u64::from(*octet));
    let text = |kind| String::from_utf8_lossy(chunks.get(&kind).copied().unwrap_or_default()).into_owned();
    let address = |v4, v6, port| -> SocketAddr {
        let ip: IpAddr = match number(1) {
            2 => Ipv4Addr::from(<[u8; 4]>::try_from(chunks[&v4]).expect("four octets")).into(),
            10 => Ipv6Addr::from(<[u8; 16]>::try_from(chunks[&v6]).expect("16 octets")).into(),
            family => panic!("{family} is no family"),
        };
        (ip, u16::try_from(number(port)).expect("a port")).into()
    };
    assert_eq!(number(11), 1, "SIP");
    Copy {
        from: address(3, 5, 7),
        to: address(4, 6, 8),
        protocol: u8::try_from(number(2)).expect("an octet"),
        at_us: number(9) * 1_000_000 + number(10),
        agent: u32::try_from(number(12)).expect("four octets"),
        password: text(14),
        correlation_id: text(17),
        message: text(15),
    }
}
