//! ICE candidates as text (RFC 8839 5.1, RFC 6544 4.5).

use std::fmt;
use std::net::SocketAddr;

use super::address::Host;

/// A transport address that may work.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Candidate {
    /// Equal for candidates of one type, base and server; 1 to 32 characters.
    pub foundation: String,
    /// 1 is RTP, 2 RTCP where the two are not multiplexed.
    pub component: u8,
    /// UDP, or TCP and who opens it.
    pub transport: CandidateTransport,
    /// RFC 8445 5.1.2.
    pub priority: u32,
    /// The address, or the `.local` name that a browser hides it behind.
    pub host: Host,
    /// The port; 9 for TCP candidates that only open connections.
    pub port: u16,
    /// How the address was found.
    pub kind: CandidateKind,
    /// The address that it was found from; often hidden as `0.0.0.0:0`.
    pub related: Option<(Host, u16)>,
    /// Extension attributes by name and value, in their order.
    pub extensions: Vec<(String, String)>,
}

/// How a candidate is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CandidateTransport {
    /// UDP.
    Udp,
    /// TCP, framed by RFC 4571.
    Tcp(TcpType),
}

/// Who opens the connection of a TCP candidate (RFC 6544 4.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TcpType {
    /// The describer opens it.
    Active,
    /// The describer listens.
    Passive,
    /// Both open at once.
    SimultaneousOpen,
}

/// How the address of a candidate was found (RFC 8445 5.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CandidateKind {
    /// On an interface of the host.
    Host,
    /// By a STUN server.
    ServerReflexive,
    /// By a check of the peer.
    PeerReflexive,
    /// At a TURN server.
    Relayed,
}

/// A line that is no candidate, or one of a transport or type that we do not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an ICE candidate that we understand")]
pub struct CandidateError;

impl Candidate {
    /// The UDP host candidate of RTP at `address`. `preference` orders several of them, higher first.
    #[must_use]
    pub fn host(address: SocketAddr, preference: u16) -> Self {
        let priority =
            (CandidateKind::Host.type_preference() << 24) | (u32::from(preference) << 8) | (256 - 1);
        Self {
            foundation: format!("H{preference}"),
            component: 1,
            transport: CandidateTransport::Udp,
            priority,
            host: Host::Ip(address.ip()),
            port: address.port(),
            kind: CandidateKind::Host,
            related: None,
            extensions: Vec::new(),
        }
    }

    /// The TCP host candidate at which we listen for RTP. `preference` orders several of them, higher first;
    /// all come after those of UDP.
    #[must_use]
    pub fn tcp_passive(address: SocketAddr, preference: u16) -> Self {
        // Type preference, then direction and the other preference as the local one (RFC 6544 4.2); browsers
        // take the same 90.
        let local = (TCP_PASSIVE_DIRECTION << 13) | u32::from(preference & 0x1FFF);
        let priority = (TCP_TYPE_PREFERENCE << 24) | (local << 8) | (256 - 1);
        let (foundation, transport) = (format!("T{preference}"), CandidateTransport::Tcp(TcpType::Passive));
        Self { foundation, transport, priority, ..Self::host(address, 0) }
    }

    /// Reads the value of the attribute, with or without its `candidate:` (as trickled candidates come).
    ///
    /// # Errors
    /// [`CandidateError`]; such a candidate is to be passed over, not to fail the description (RFC 8839 5.1).
    pub fn parse(text: &str) -> Result<Self, CandidateError> {
        Self::from_words(text.strip_prefix("candidate:").unwrap_or(text)).ok_or(CandidateError)
    }

    /// The socket address, where it is known without a lookup.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        match self.host {
            Host::Ip(ip) => Some(SocketAddr::new(ip, self.port)),
            Host::Name(_) => None,
        }
    }

    fn from_words(text: &str) -> Option<Self> {
        let mut words = text.split_ascii_whitespace();
        let foundation = words.next().filter(|word| word.len() <= FOUNDATION_LENGTH_MAX)?.to_owned();
        let component = words.next()?.parse().ok().filter(|&component| component > 0)?;
        let protocol = words.next()?;
        let priority = words.next()?.parse().ok()?;
        let host = Host::parse(words.next()?)?;
        let port = words.next()?.parse().ok()?;
        words.next().filter(|&word| word == "typ")?;
        let kind = CandidateKind::parse(words.next()?)?;
        let (mut related_host, mut related_port, mut tcp_type) = (None, None, None);
        let mut extensions = Vec::new();
        while let Some(name) = words.next() {
            let value = words.next()?;
            match name {
                "raddr" if related_host.is_none() => related_host = Some(Host::parse(value)?),
                "rport" if related_port.is_none() => related_port = Some(value.parse().ok()?),
                "tcptype" if tcp_type.is_none() => tcp_type = Some(TcpType::parse(value)?),
                _ => extensions.push((name.to_owned(), value.to_owned())),
            }
        }
        let transport = match (protocol.to_ascii_lowercase().as_str(), tcp_type) {
            ("udp", None) => CandidateTransport::Udp,
            ("tcp", Some(tcp_type)) => CandidateTransport::Tcp(tcp_type),
            _ => return None,
        };
        let related = related_host.map(|host| (host, related_port.unwrap_or_default()));
        Some(Self { foundation, component, transport, priority, host, port, kind, related, extensions })
    }
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protocol = match self.transport {
            CandidateTransport::Udp => "udp",
            CandidateTransport::Tcp(_) => "tcp",
        };
        let Self { foundation, component, priority, host, port, .. } = self;
        write!(
            f,
            "candidate:{foundation} {component} {protocol} {priority} {host} {port} typ {}",
            self.kind.as_str()
        )?;
        if let Some((host, port)) = &self.related {
            write!(f, " raddr {host} rport {port}")?;
        }
        if let CandidateTransport::Tcp(tcp_type) = self.transport {
            write!(f, " tcptype {}", tcp_type.as_str())?;
        }
        self.extensions.iter().try_for_each(|(name, value)| write!(f, " {name} {value}"))
    }
}

impl CandidateKind {
    const ALL: [Self; 4] = [Self::Host, Self::ServerReflexive, Self::PeerReflexive, Self::Relayed];

    /// The word behind `typ`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::ServerReflexive => "srflx",
            Self::PeerReflexive => "prflx",
            Self::Relayed => "relay",
        }
    }

    /// The type preference that RFC 8445 5.1.2.2 recommends.
    #[must_use]
    pub const fn type_preference(self) -> u32 {
        match self {
            Self::Host => 126,
            Self::PeerReflexive => 110,
            Self::ServerReflexive => 100,
            Self::Relayed => 0,
        }
    }

    fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

impl TcpType {
    const ALL: [Self; 3] = [Self::Active, Self::Passive, Self::SimultaneousOpen];

    /// The word behind `tcptype`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Passive => "passive",
            Self::SimultaneousOpen => "so",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tcp_type| tcp_type.as_str() == word)
    }
}

/// Below that of UDP's host candidates (RFC 6544 4.2).
const TCP_TYPE_PREFERENCE: u32 = 90;
/// RFC 6544 4.2, of a host candidate.
const TCP_PASSIVE_DIRECTION: u32 = 4;
/// RFC 8839 5.1.
const FOUNDATION_LENGTH_MAX: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_of_every_kind_round_trip() {
        for text in [
            "candidate:1 1 udp 2130706431 192.0.2.1 8998 typ host",
            "candidate:2 1 udp 1694498815 198.51.100.3 45664 typ srflx raddr 192.0.2.1 rport 8998",
            "candidate:3 2 udp 1862270975 2001:db8::7 5004 typ prflx raddr 2001:db8::1 rport 5004",
            "candidate:4 1 udp 41885439 203.0.113.9 61000 typ relay raddr 0.0.0.0 rport 0 generation 0",
            "candidate:5 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active generation 0 network-id 1",
            "candidate:6 1 tcp 1518214911 192.0.2.1 8443 typ host tcptype passive",
            "candidate:7 1 tcp 1518149375 192.0.2.1 8443 typ host tcptype so",
            "candidate:8 1 udp 2113937151 1f4712db-ea17-4bcf-a596-105139dfd8bf.local 54596 typ host",
        ] {
            assert_eq!(Candidate::parse(text).expect(text).to_string(), text);
        }
    }

    #[test]
    fn a_hidden_address_stays_a_name() {
        let candidate = Candidate::parse("8 1 UDP 2113937151 1f47.local 54596 typ host").expect("valid");
        assert_eq!(candidate.host, Host::Name("1f47.local".to_owned()));
        assert_eq!(candidate.address(), None);
    }

    #[test]
    fn unknown_transports_types_and_broken_lines_are_refused() {
        for text in [
            "",
            "candidate:",
            "1 1 sctp 1 192.0.2.1 1 typ host",
            "1 1 tcp 1 192.0.2.1 9 typ host",
            "1 1 udp 1 192.0.2.1 1 typ magic",
            "1 0 udp 1 192.0.2.1 1 typ host",
            "1 1 udp 4294967296 192.0.2.1 1 typ host",
            "1 1 udp 1 192.0.2.1 65536 typ host",
            "1 1 udp 1 192.0.2.1 1 typ host generation",
            "123456789012345678901234567890123 1 udp 1 192.0.2.1 1 typ host",
        ] {
            assert_eq!(Candidate::parse(text), Err(CandidateError), "{text}");
        }
    }

    #[test]
    fn our_host_candidates_have_the_recommended_priority() {
        let candidate = Candidate::host("192.0.2.1:4000".parse().expect("valid"), u16::MAX);
        assert_eq!(candidate.to_string(), "candidate:H65535 1 udp 2130706431 192.0.2.1 4000 typ host");
    }
}
