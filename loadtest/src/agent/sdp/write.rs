//! What we describe.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

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
    pub(crate) transport: LocalTransport<'a>,
}

#[derive(Debug, Clone)]
pub(crate) enum LocalTransport<'a> {
    Rtp { protocol: &'a str, crypto: Option<&'a str> },
    Webrtc { secrets: &'a WebrtcSecrets, setup: &'static str, mid: &'a str, ssrc: u32 },
}

/// What stays the same for the life of a WebRTC leg.
#[derive(Debug, Clone)]
pub(crate) struct WebrtcSecrets {
    pub(crate) ufrag: String,
    pub(crate) password: String,
    /// SHA-256, upper case with colons.
    pub(crate) fingerprint: String,
}

impl fmt::Display for LocalDescription<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, ip) = match self.address.ip() {
            IpAddr::V4(ip) => ("IP4", ip.to_string()),
            IpAddr::V6(ip) => ("IP6", ip.to_string()),
        };
        let protocol = match self.transport {
            LocalTransport::Rtp { protocol, .. } => protocol,
            LocalTransport::Webrtc { .. } => "UDP/TLS/RTP/SAVPF",
        };
        write!(f, "v=0\r\no=- {} {} IN {kind} {ip}\r\n", self.session_id, self.version)?;
        write!(f, "s=-\r\nc=IN {kind} {ip}\r\nt=0 0\r\n")?;
        if let LocalTransport::Webrtc { mid, .. } = self.transport {
            write!(f, "a=group:BUNDLE {mid}\r\n")?;
        }
        write!(f, "m=audio {} {protocol}", self.address.port())?;
        for format in self.formats {
            write!(f, " {}", format.payload_type)?;
        }
        write!(f, "\r\n")?;
        self.write_formats(f)?;
        write!(f, "a=ptime:20\r\na={}\r\n", self.direction.as_str())?;
        self.write_transport(f)
    }
}

impl LocalDescription<'_> {
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
            LocalTransport::Webrtc { secrets, setup, mid, ssrc } => (secrets, setup, mid, ssrc),
        };
        let (ip, port) = (self.address.ip(), self.address.port());
        write!(f, "a=ice-ufrag:{}\r\na=ice-pwd:{}\r\n", secrets.ufrag, secrets.password)?;
        write!(f, "a=fingerprint:sha-256 {}\r\na=setup:{setup}\r\n", secrets.fingerprint)?;
        write!(f, "a=mid:{mid}\r\na=rtcp-mux\r\n")?;
        write!(f, "a=candidate:1 1 udp 2130706431 {ip} {port} typ host\r\na=end-of-candidates\r\n")?;
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
        };
        let formats = payload_types(&[CodecId::Opus, CodecId::Pcmu]);
        let description = LocalDescription {
            session_id: 1,
            version: 2,
            address: "192.0.2.1:7000".parse().unwrap(),
            direction: Direction::SendOnly,
            formats: &formats,
            transport: LocalTransport::Webrtc { secrets: &secrets, setup: "actpass", mid: "0", ssrc: 5 },
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
