//! A stream's octets, cut into messages: the same ones, wherever the network cuts.

use bytes::{Bytes, BytesMut};
use webtrunk_signalling::sip::message::MESSAGE_MAX;
use webtrunk_signalling::sip::transport::{Cut, Cutter};

/// Takes a stream in pieces and as a whole; the first octet says how long pieces are.
///
/// # Panics
/// The pieces make other messages than the whole, or the cutter stands still.
pub fn run(octets: &[u8]) {
    let Some((&first, stream)) = octets.split_first() else { return };
    let piece = usize::from(first) % 64 + 1;
    assert_eq!(cut(stream, piece), cut(stream, stream.len().max(1)));
}

/// What a stream consists of: messages, pings (an empty one stands for each), and whether it broke.
fn cut(stream: &[u8], piece: usize) -> (Vec<Bytes>, bool) {
    let (mut cutter, mut buffer, mut out) = (Cutter::default(), BytesMut::new(), Vec::new());
    for piece in stream.chunks(piece) {
        buffer.extend_from_slice(piece);
        loop {
            let before = buffer.len();
            match cutter.next(&mut buffer) {
                Cut::Incomplete => break,
                Cut::KeepAlive => out.push(Bytes::new()),
                Cut::Message(message) => {
                    assert!(!message.is_empty() && message.len() <= MESSAGE_MAX);
                    out.push(message);
                }
                Cut::Broken(_) => return (out, true),
            }
            assert!(buffer.len() < before, "something was taken out");
        }
        assert!(buffer.len() <= MESSAGE_MAX + piece.len(), "no more is kept than one message");
    }
    (out, false)
}
