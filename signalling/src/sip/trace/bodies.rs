//! What people write, and digits that they press: bodies are kept where they are known to hold neither, each of several in one
//! by itself (RFC 2046 5.1).

use super::mask::{cover, find, value_at};
use super::redact::line_end;

/// Bodies that hold no words of people: what is not among them is masked as a whole.
const KEPT: &[&[u8]] = &[
    b"application/sdp",
    b"application/trickle-ice-sdpfrag",
    b"application/simple-message-summary",
    b"message/sipfrag",
];

/// How deep bodies may stand in each other. Chosen by us: alternatives in what has attachments.
const DEPTH_MAX: usize = 3;

/// Masks the bodies of a message.
pub(super) fn redact_body(message: &mut [u8]) {
    let begin = message.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    if let Some(body) = head_end(&message[begin..]).map(|end| begin + end) {
        let (head, body) = message.split_at_mut(body);
        redact_by_kind(&head[begin..], body, DEPTH_MAX);
    }
}

/// Where the body begins, behind the first empty line.
fn head_end(text: &[u8]) -> Option<usize> {
    let mut end = 0;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        end += line.len();
        if matches!(line, b"\r\n" | b"\n") {
            return Some(end);
        }
    }
    None
}

fn redact_by_kind(head: &[u8], body: &mut [u8], depth: usize) {
    let value = content_type(head).unwrap_or_default();
    let kind = value.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii().to_ascii_lowercase();
    match boundary(value).filter(|_| kind.starts_with(b"multipart/") && depth > 0) {
        Some(boundary) => redact_parts(boundary, body, depth - 1),
        None if kind.ends_with(b"+xml") || KEPT.contains(&kind.as_slice()) => {}
        None => cover(body),
    }
}

/// Each part stands behind a line of its own with the boundary; what is before the first and behind the last is no part.
fn redact_parts(boundary: &[u8], body: &mut [u8], depth: usize) {
    let mut is_inside = false;
    let mut rest = body;
    loop {
        let delimiter = delimiter(boundary, rest);
        let end = delimiter.as_ref().map_or(rest.len(), |(at, _)| *at);
        let (part, behind) = rest.split_at_mut(end);
        match is_inside {
            true => redact_part(part, depth),
            false => cover(part),
        }
        let Some((_, is_last)) = delimiter else { return };
        is_inside = !is_last;
        let line = line_length(behind);
        rest = &mut behind[line..];
    }
}

/// Fields that say nothing of the body are none of a part (RFC 2046 5.1), and may be anything.
fn redact_part(part: &mut [u8], depth: usize) {
    let Some(body) = head_end(part) else { return cover(part) };
    let (head, body) = part.split_at_mut(body);
    redact_by_kind(head, body, depth);
    let mut begin = 0;
    while begin < head.len() {
        let end = line_end(head, begin);
        let is_of_content =
            head[begin..end].get(..8).is_some_and(|name| name.eq_ignore_ascii_case(b"content-"));
        if !is_of_content {
            cover(&mut head[begin..end]);
        }
        begin = end;
    }
}

/// Where the next line with the boundary begins, and whether it is the last one.
fn delimiter(boundary: &[u8], text: &[u8]) -> Option<(usize, bool)> {
    let mut at = 0;
    while at < text.len() {
        let length = line_length(&text[at..]);
        let line = text[at..at + length].trim_ascii_end();
        let behind = line.strip_prefix(b"--").and_then(|line| line.strip_prefix(boundary));
        match behind {
            Some(b"") => return Some((at, false)),
            Some(b"--") => return Some((at, true)),
            _ => at += length,
        }
    }
    None
}

/// How long the first line is, its end included.
fn line_length(text: &[u8]) -> usize {
    memchr::memchr(b'\n', text).map_or(text.len(), |end| end + 1)
}

/// The type of the body with its parameters; `None` where nothing is said.
fn content_type(head: &[u8]) -> Option<&[u8]> {
    let mut begin = 0;
    while begin < head.len() {
        let line = &head[begin..line_end(head, begin)];
        begin += line.len();
        let Some(colon) = memchr::memchr(b':', line) else { continue };
        let name = line[..colon].trim_ascii();
        if name.eq_ignore_ascii_case(b"Content-Type") || name.eq_ignore_ascii_case(b"c") {
            return Some(&line[colon + 1..]);
        }
    }
    None
}

/// What stands between the parts (RFC 2046 5.1.1); `None` where it is not said.
fn boundary(content_type: &[u8]) -> Option<&[u8]> {
    let name = find(content_type, b"boundary", 0)? + b"boundary".len();
    let equals = name + content_type[name..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let value =
        (content_type.get(equals) == Some(&b'=')).then(|| value_at(content_type, equals + 1, b"; \t\r\n"))?;
    Some(&content_type[value]).filter(|boundary| !boundary.is_empty())
}
