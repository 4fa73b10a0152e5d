//! The transport of a media description: the `proto` word of `m=`.

use std::fmt;

/// A transport protocol and profile.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// Plain RTP (RFC 3551).
    RtpAvp,
    /// Plain RTP with early feedback (RFC 4585).
    RtpAvpf,
    /// SRTP, keyed in the description (RFC 3711, 4568).
    RtpSavp,
    /// SRTP with feedback (RFC 5124); old browsers keyed it by DTLS.
    RtpSavpf,
    /// DTLS-SRTP (RFC 5764).
    UdpTlsRtpSavp,
    /// DTLS-SRTP with feedback: what browsers write (RFC 8829 5.1.2).
    UdpTlsRtpSavpf,
    /// The same where the default candidate is TCP (RFC 7850).
    TcpDtlsRtpSavp,
    /// The same with feedback.
    TcpDtlsRtpSavpf,
    /// Anything else: data channels, fax, MSRP.
    Other(String),
}

impl Protocol {
    const KNOWN: [Self; 8] = [
        Self::RtpAvp,
        Self::RtpAvpf,
        Self::RtpSavp,
        Self::RtpSavpf,
        Self::UdpTlsRtpSavp,
        Self::UdpTlsRtpSavpf,
        Self::TcpDtlsRtpSavp,
        Self::TcpDtlsRtpSavpf,
    ];

    pub(super) fn parse(word: &str) -> Self {
        let known = Self::KNOWN.into_iter().find(|protocol| protocol.as_str().eq_ignore_ascii_case(word));
        known.unwrap_or_else(|| Self::Other(word.to_owned()))
    }

    /// The word in the `m=` line.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::RtpAvp => "RTP/AVP",
            Self::RtpAvpf => "RTP/AVPF",
            Self::RtpSavp => "RTP/SAVP",
            Self::RtpSavpf => "RTP/SAVPF",
            Self::UdpTlsRtpSavp => "UDP/TLS/RTP/SAVP",
            Self::UdpTlsRtpSavpf => "UDP/TLS/RTP/SAVPF",
            Self::TcpDtlsRtpSavp => "TCP/DTLS/RTP/SAVP",
            Self::TcpDtlsRtpSavpf => "TCP/DTLS/RTP/SAVPF",
            Self::Other(word) => word,
        }
    }

    /// Whether it is RTP without encryption.
    #[must_use]
    pub const fn is_plain_rtp(&self) -> bool {
        matches!(self, Self::RtpAvp | Self::RtpAvpf)
    }

    /// Whether it names SRTP without saying how it is keyed.
    #[must_use]
    pub const fn is_srtp(&self) -> bool {
        matches!(self, Self::RtpSavp | Self::RtpSavpf)
    }

    /// Whether it names SRTP keyed by DTLS.
    #[must_use]
    pub const fn is_dtls_srtp(&self) -> bool {
        matches!(
            self,
            Self::UdpTlsRtpSavp | Self::UdpTlsRtpSavpf | Self::TcpDtlsRtpSavp | Self::TcpDtlsRtpSavpf
        )
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
