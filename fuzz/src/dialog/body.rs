//! What a message holds besides its header fields.

use arbitrary::Arbitrary;
use bytes::Bytes;
use webtrunk_engine::sdp::SessionDescription;
use webtrunk_signalling::sip::message::{HeaderName, Headers};

/// What a message holds.
#[derive(Debug, Arbitrary)]
pub(super) enum Body<'a> {
    None,
    Description(u8),
    Octets { content_type: u8, octets: &'a [u8] },
}

const TYPES: [&str; 4] =
    ["application/sdp", "application/dtmf-relay", "application/trickle-ice-sdpfrag", "multipart/mixed"];

impl Body<'_> {
    pub(super) fn put(&self, headers: &mut Headers, body: &mut Bytes) {
        let (content_type, octets) = match self {
            Body::None => return,
            Body::Description(number) => (TYPES[0], description(*number).to_string().into()),
            Body::Octets { content_type, octets } => {
                (TYPES[usize::from(*content_type) % TYPES.len()], Bytes::copy_from_slice(octets))
            }
        };
        headers.set(HeaderName::ContentType, content_type);
        *body = octets;
    }
}

/// A description that differs from others by its number, and holds or not by its highest bits.
pub(super) fn description(number: u8) -> Box<SessionDescription> {
    let direction = ["sendrecv", "sendonly", "inactive", "recvonly"][usize::from(number / 64)];
    let text = format!(
        "v=0\r\no=- {number} 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
         m=audio 40000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na={direction}\r\n"
    );
    Box::new(SessionDescription::parse(text).expect("it is well written"))
}
