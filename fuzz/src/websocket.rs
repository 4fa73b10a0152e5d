//! WebSocket frames: our guard in front of the parser of actix, which judges a frame only when all of it is
//! there.

use actix_http::ws::{Parser, ProtocolError};
use bytes::BytesMut;
use webtrunk_signalling::http::FrameGuard;

/// Longest header of a frame (RFC 6455 5.2).
const HEADER_MAX: usize = 14;

/// Takes a connection's octets in pieces; the first two say how long these are and how long frames may be.
///
/// # Panics
/// More is kept than a frame may have, or guard and parser disagree about where frames begin.
pub fn run(octets: &[u8]) {
    let [piece, length_max, stream @ ..] = octets else { return };
    let (piece, length_max) = (usize::from(*piece) % 64 + 1, usize::from(*length_max) * 4);
    let mut guard = FrameGuard::new(length_max);
    let mut buffer = BytesMut::new();
    for piece in stream.chunks(piece) {
        if guard.look(piece).is_err() {
            return;
        }
        buffer.extend_from_slice(piece);
        loop {
            match Parser::parse(&mut buffer, true, length_max) {
                Ok(None) => break,
                Ok(Some((_, _, payload))) => {
                    assert!(payload.is_none_or(|payload| payload.len() <= length_max));
                }
                Err(ProtocolError::Overflow) => panic!("the guard has let a frame pass that is too long"),
                Err(_) => return,
            }
        }
        assert!(buffer.len() <= HEADER_MAX + length_max, "no more is kept than a frame");
    }
}
