//! `a=rtpmap` and `a=fmtp` (RFC 8866 6.6, 6.15).

use std::fmt;

use webtrunk_codecs::ClockRate;

use crate::rtp::PayloadType;

/// What a payload type stands for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RtpMap {
    /// The number.
    pub payload_type: PayloadType,
    /// The format's name, compared without regard to case.
    pub encoding_name: String,
    /// RTP timestamp units per second.
    pub clock_rate: ClockRate,
    /// Audio channels; one where nothing is said.
    pub channels: u8,
}

/// The parameters of a payload type, unread.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Fmtp {
    /// The number.
    pub payload_type: PayloadType,
    /// The rest of the line; its grammar is the format's own.
    pub parameters: String,
}

impl RtpMap {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (payload_type, encoding) = text.split_once(' ')?;
        let mut parts = encoding.trim().split('/');
        let encoding_name = parts.next().filter(|name| !name.is_empty() && !name.contains(' '))?.to_owned();
        let clock_rate = ClockRate::new(parts.next()?.parse().ok()?)?;
        let channels = match parts.next() {
            None | Some("") => 1,
            Some(channels) => channels.parse().ok().filter(|&channels| channels > 0)?,
        };
        Some(Self { payload_type: parse_payload_type(payload_type)?, encoding_name, clock_rate, channels })
    }
}

impl fmt::Display for RtpMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.payload_type.number(), self.encoding_name, self.clock_rate.hz())?;
        if self.channels > 1 { write!(f, "/{}", self.channels) } else { Ok(()) }
    }
}

impl Fmtp {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (payload_type, parameters) = text.split_once(' ')?;
        Some(Self {
            payload_type: parse_payload_type(payload_type)?,
            parameters: parameters.trim().to_owned(),
        })
    }
}

impl fmt::Display for Fmtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.payload_type.number(), self.parameters)
    }
}

/// The payload type of that decimal text.
pub(super) fn parse_payload_type(text: &str) -> Option<PayloadType> {
    PayloadType::new(text.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mappings_round_trip() {
        for text in ["111 opus/48000/2", "0 PCMU/8000", "101 telephone-event/8000", "96 H264/90000"] {
            assert_eq!(RtpMap::parse(text).expect("valid").to_string(), text);
        }
        assert_eq!(RtpMap::parse("0 PCMU/8000/1"), RtpMap::parse("0 PCMU/8000"));
    }

    #[test]
    fn faulty_mappings_are_refused() {
        for text in
            ["", "111", "128 a/8000", "96 a", "96 a/0", "96 /8000", "96 a/8000/0", "96 a/x", "-1 a/8000"]
        {
            assert_eq!(RtpMap::parse(text), None, "{text}");
        }
    }
}
