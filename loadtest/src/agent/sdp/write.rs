//! What we describe.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::{Direction, Format};

/// Our audio.
#[derive(Debug, Clone)]
pub(crate) struct LocalDescription<'a> {
    pub(crate) session_id: u64,
    /// Counts up with every change (RFC 3264 5).
    pub(crate) version: u64,
    pub(crate) address: SocketAddr,
    pub(crate) direction: Direction,
    pub(crate) formats: &'a [Format],
    pub(crate) ptime_ms: u16,
    pub(crate) transport: LocalTransport<'a>,
}

#[derive(Debug, Clone)]
pub(crate) enum LocalTransport<'a> {
    Rtp {
        protocol: &'a str,
        crypto: Option<&'a str>,
    },
    Webrtc {
        secrets: &'a WebrtcSecrets,
        setup: &'static str,
        mid: &'a str,
        ssrc: u32,
        elsewhere: &'a [SocketAddr],
    },
}

/// What stays the same for the life of a WebRTC leg.
#[derive(Debug, Clone)]
pub(crate) struct WebrtcSecrets {
    pub(crate) ufrag: String,
    pub(crate) password: String,
    /// SHA-256, upper case with colons.
    pub(crate) fingerprint: String,
    /// Whether we only answer checks.
    pub(crate) is_lite: bool,
    /// Whether the candidate comes later (RFC 8840).
    pub(crate) trickles: bool,
}

/// The line of a host candidate.
pub(crate) struct HostCandidate(pub(crate) SocketAddr);

impl fmt::Display for HostCandidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (ip, port) = (self.0.ip(), self.0.port());
        write!(f, "a=candidate:1 1 udp 2130706431 {ip} {port} typ host\r\n")
    }
}

impl fmt::Display for LocalDescription<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.default_address();
        let (kind, ip) = match address.ip() {
            IpAddr::V4(ip) => ("IP4", ip.to_string()),
            IpAddr::V6(ip) => ("IP6", ip.to_string()),
        };
        let protocol = match self.transport {
            LocalTransport::Rtp { protocol, .. } => protocol,
            LocalTransport::Webrtc { .. } => "UDP/TLS/RTP/SAVPF",
        };
        write!(f, "v=0\r\no=- {} {} IN {kind} {ip}\r\n", self.session_id, self.version)?;
        write!(f, "s=-\r\nc=IN {kind} {ip}\r\nt=0 0\r\n")?;
        if let LocalTransport::Webrtc { mid, secrets, .. } = self.transport {
            write!(f, "a=group:BUNDLE {mid}\r\n")?;
            if secrets.is_lite {
                write!(f, "a=ice-lite\r\n")?;
            }
        }
        write!(f, "m=audio {} {protocol}", address.port())?;
        for format in self.formats {
            write!(f, " {}", format.payload_type)?;
        }
        write!(f, "\r\n")?;
        self.write_formats(f)?;
        write!(f, "a=ptime:{}\r\na={}\r\n", self.ptime_ms, self.direction.as_str())?;
        self.write_transport(f)
    }
}

impl LocalDescription<'_> {
    /// Nowhere yet, where the candidate comes later (RFC 8840 4.1.1).
    fn default_address(&self) -> SocketAddr {
        match &self.transport {
            LocalTransport::Webrtc { secrets, .. } if secrets.trickles => {
                SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 9)
            }
            LocalTransport::Webrtc { .. } => self.candidates().next().unwrap_or(self.address),
            LocalTransport::Rtp { .. } => self.address,
        }
    }

    /// Where it says that it is.
    fn candidates(&self) -> impl Iterator<Item = SocketAddr> {
        let (elsewhere, is_lite) = match &self.transport {
            LocalTransport::Webrtc { elsewhere, secrets, .. } => (*elsewhere, secrets.is_lite),
            LocalTransport::Rtp { .. } => (&[][..], false),
        };
        let own = (is_lite || elsewhere.is_empty()).then_some(self.address);
        own.into_iter().chain(elsewhere.iter().copied())
    }

    fn write_formats(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Format { payload_type, name, clock_rate_hz, parameters } in self.formats {
            let channels = if name.eq_ignore_ascii_case("opus") { "/2" } else { "" };
            write!(f, "a=rtpmap:{payload_type} {name}/{clock_rate_hz}{channels}\r\n")?;
            if !parameters.is_empty() {
                write!(f, "a=fmtp:{payload_type} {parameters}\r\n")?;
            }
        }
        Ok(())
    }

    fn write_transport(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (secrets, setup, mid, ssrc) = match &self.transport {
            LocalTransport::Rtp { crypto: None, .. } => return Ok(()),
            LocalTransport::Rtp { crypto: Some(crypto), .. } => return write!(f, "a=crypto:{crypto}\r\n"),
            LocalTransport::Webrtc { secrets, setup, mid, ssrc, .. } => (secrets, setup, mid, ssrc),
        };
        write!(f, "a=ice-ufrag:{}\r\na=ice-pwd:{}\r\n", secrets.ufrag, secrets.password)?;
        write!(f, "a=fingerprint:sha-256 {}\r\na=setup:{setup}\r\n", secrets.fingerprint)?;
        write!(f, "a=mid:{mid}\r\na=rtcp-mux\r\n")?;
        if secrets.trickles {
            write!(f, "a=ice-options:trickle\r\n")?;
        } else {
            for candidate in self.candidates() {
                write!(f, "{}", HostCandidate(candidate))?;
            }
            write!(f, "a=end-of-candidates\r\n")?;
        }
        write!(f, "a=msid:- audio\r\na=ssrc:{ssrc} cname:loadtest\r\n")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use webtrunk_codecs::CodecId;

    use super::*;
    use crate::agent::sdp::{RemoteDescription, payload_types};

    #[test]
    fn what_is_written_is_read() {
        let secrets = WebrtcSecrets {
            ufrag: "abcd".into(),
            password: "0123456789012345678901".into(),
            fingerprint: "00:FF".into(),
            is_lite: false,
            trickles: false,
        };
        let formats = payload_types(&[CodecId::Opus, CodecId::Pcmu]);
        let description = LocalDescription {
            session_id: 1,
            version: 2,
            address: "192.0.2.1:7000".parse().unwrap(),
            direction: Direction::SendOnly,
            formats: &formats,
            ptime_ms: 20,
            transport: LocalTransport::Webrtc {
                secrets: &secrets,
                setup: "actpass",
                mid: "0",
                ssrc: 5,
                elsewhere: &[],
            },
        };
        let read = RemoteDescription::parse(&description.to_string()).unwrap();
        assert_eq!((read.address, read.direction), (description.address, Direction::SendOnly));
        assert_eq!(read.formats, formats);
        assert_eq!(read.mid.as_deref(), Some("0"));
        let ice = read.ice.unwrap();
        assert_eq!(ice.candidates, [description.address]);
        assert_eq!((&*ice.ufrag, &*ice.fingerprint, &*ice.setup), ("abcd", "00:FF", "actpass"));
        assert!(!ice.is_lite);
    }
}
