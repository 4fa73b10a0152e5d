//! Session descriptions in messages (RFC 3261 13.2.1): carried, not understood.

use webtrunk_engine::sdp::{SdpError, SessionDescription};

use super::trickle;
use crate::sip::message::{HeaderName, Request, Response};

/// The type of a session description.
pub(super) const SDP: &str = "application/sdp";

/// The description that a request carries; `None` where it has no body, or one that may be passed over.
pub(super) fn of_request(request: &Request) -> Result<Option<Box<SessionDescription>>, SdpError> {
    read(request.headers.is_content_type(SDP), &request.body)
}

/// The description that a response carries; `None` where it has no body or one of another type.
pub(super) fn of_response(response: &Response) -> Result<Option<Box<SessionDescription>>, SdpError> {
    read(response.headers.is_content_type(SDP), &response.body)
}

/// Puts a description into a request.
pub(super) fn put_into_request(request: &mut Request, description: &SessionDescription) {
    request.headers.set(HeaderName::ContentType, SDP);
    trickle::advertise(&mut request.headers, description);
    request.body = description.to_string().into();
}

/// Puts a description into a response.
pub(super) fn put_into_response(response: &mut Response, description: &SessionDescription) {
    response.headers.set(HeaderName::ContentType, SDP);
    trickle::advertise(&mut response.headers, description);
    response.body = description.to_string().into();
}

fn read(is_sdp: bool, body: &[u8]) -> Result<Option<Box<SessionDescription>>, SdpError> {
    if !is_sdp || body.is_empty() {
        return Ok(None);
    }
    SessionDescription::parse(body).map(|description| Some(Box::new(description)))
}
