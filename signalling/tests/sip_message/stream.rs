//! Messages in streams, in whatever pieces they come.

use bytes::Bytes;
use webtrunk_signalling::sip::message::{Framing, MESSAGE_MAX, Message, ParseError};

use super::corpus::{INVITE, OPTIONS};

/// What a reader makes of a whole stream that comes in pieces of `piece` octets.
fn read(stream: &[u8], piece: usize) -> Vec<Framing> {
    let mut seen = Vec::new();
    let mut buffer = Vec::new();
    for chunk in stream.chunks(piece) {
        buffer.extend_from_slice(chunk);
        loop {
            let framing = Framing::find(&buffer);
            let consumed = match &framing {
                Framing::Incomplete { .. } => break,
                Framing::KeepAlive(len) | Framing::Complete { len } => *len,
                Framing::Broken(_) => {
                    seen.push(framing);
                    return seen;
                }
            };
            assert!(consumed > 0);
            buffer.drain(..consumed);
            seen.push(framing);
        }
    }
    seen
}

#[test]
fn messages_are_found_however_the_stream_is_cut() {
    let stream = [INVITE.as_bytes(), b"\r\n\r\n", b"\r\n", OPTIONS.as_bytes(), INVITE.as_bytes()].concat();
    let expected = [
        Framing::Complete { len: INVITE.len() },
        Framing::KeepAlive(4),
        Framing::Complete { len: OPTIONS.len() + 2 },
        Framing::Complete { len: INVITE.len() },
    ];
    for piece in [1, 2, 3, 7, 64, 1000, stream.len()] {
        assert_eq!(read(&stream, piece), expected, "pieces of {piece}");
    }
}

#[test]
fn a_body_that_is_not_all_here_is_waited_for() {
    let cut = &INVITE.as_bytes()[..INVITE.len() - 20];
    assert_eq!(Framing::find(cut), Framing::Incomplete { wanted: Some(INVITE.len()) });
}

#[test]
fn a_frame_parses_to_the_message_that_it_is() {
    let Framing::Complete { len } = Framing::find(INVITE.as_bytes()) else { panic!("whole") };
    let frame = Bytes::copy_from_slice(&INVITE.as_bytes()[..len]);
    assert!(Message::parse(frame).is_ok());
}

#[test]
fn a_head_without_content_length_has_no_body_on_a_stream() {
    let without = OPTIONS.replace("Content-Length: 0\r\n", "");
    let stream = [without.as_bytes(), OPTIONS.as_bytes()].concat();
    assert_eq!(Framing::find(&stream), Framing::Complete { len: without.len() });
}

#[test]
fn lengths_that_two_readers_could_take_differently_break_the_stream() {
    for (length, error) in [
        ("-1", ParseError::ContentLength),
        ("+1", ParseError::ContentLength),
        ("", ParseError::ContentLength),
        ("1, 1", ParseError::ContentLength),
        ("18446744073709551616", ParseError::ContentLength),
        ("0\r\nl: 0", ParseError::ContentLengthTwice),
        ("0\r\ncontent-length : 5", ParseError::ContentLengthTwice),
        ("65536", ParseError::TooLarge),
        ("18446744073709551615", ParseError::TooLarge),
    ] {
        let stream = OPTIONS.replace("Content-Length: 0", &format!("Content-Length: {length}"));
        assert_eq!(Framing::find(stream.as_bytes()), Framing::Broken(error), "{length}");
    }
}

#[test]
fn headers_that_never_end_are_cut_off() {
    let mut stream = OPTIONS.trim_end().to_owned();
    while stream.len() <= MESSAGE_MAX {
        assert_eq!(Framing::find(stream.as_bytes()), Framing::Incomplete { wanted: None });
        stream.push_str("\r\nX-Padding: ");
        stream.push_str(&"x".repeat(4096));
    }
    assert_eq!(Framing::find(stream.as_bytes()), Framing::Broken(ParseError::TooLarge));
}
