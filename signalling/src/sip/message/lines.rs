//! The lines of a head: where they end, how they fold (RFC 3261 7.3.1), how long the body is.

use std::borrow::Cow;
use std::ops::Range;

use memchr::{memchr_iter, memchr2};

use super::ParseError;
use super::chars::is_control;

/// The lines of a head, each with its folded continuations and without its end.
pub(super) fn logical_lines(head: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let mut line_ends = memchr_iter(b'\n', head);
    let mut start = 0;
    std::iter::from_fn(move || {
        if start >= head.len() {
            return None;
        }
        let next = line_ends
            .by_ref()
            .map(|at| at + 1)
            .find(|next| !matches!(head.get(*next), Some(b' ' | b'\t')))
            .unwrap_or(head.len());
        let mut end = next;
        if head[..end].ends_with(b"\n") {
            end -= 1;
        }
        if head[start..end].ends_with(b"\r") {
            end -= 1;
        }
        let line = start..end;
        start = next;
        Some(line)
    })
}

/// Where the empty line begins that ends a head: at the CRLF of its last field.
pub(super) fn find_head_end(octets: &[u8]) -> Option<usize> {
    memchr_iter(b'\n', octets).find(|at| octets[..=*at].ends_with(b"\r\n\r\n")).map(|at| at - 3)
}

/// How many lines end, where each line feed follows a carriage return.
pub(super) fn count_line_ends(head: &[u8]) -> Option<usize> {
    let mut count = 0;
    for at in memchr_iter(b'\n', head) {
        if at == 0 || head[at - 1] != b'\r' {
            return None;
        }
        count += 1;
    }
    Some(count)
}

/// How many control characters there are, line ends included.
pub(super) fn count_controls(head: &[u8]) -> usize {
    // Sums that fit an octet are summed sixteen at once.
    let count = |part: &[u8]| part.iter().fold(0, |sum: u8, byte| sum + u8::from(is_control(*byte)));
    head.chunks(255).map(|part| usize::from(count(part))).sum()
}

/// Puts a folded value on one line.
pub(super) fn unfold(value: &str) -> Cow<'_, str> {
    if memchr2(b'\r', b'\n', value.as_bytes()).is_none() {
        return value.into();
    }
    let mut out = String::with_capacity(value.len());
    for part in value.split("\r\n").map(str::trim_ascii).filter(|part| !part.is_empty()) {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(part);
    }
    out.into()
}

/// The number in Content-Length. No sign, no list, no wrapping.
pub(super) fn parse_content_length(value: &[u8]) -> Result<usize, ParseError> {
    let digits = std::str::from_utf8(value.trim_ascii()).map_err(|_| ParseError::ContentLength)?;
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(ParseError::ContentLength);
    }
    digits.parse().map_err(|_| ParseError::ContentLength)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(head: &str) -> Vec<&str> {
        logical_lines(head.as_bytes()).map(|line| &head[line]).collect()
    }

    #[test]
    fn continuations_belong_to_their_line() {
        assert_eq!(lines("a\r\nb\r\n c\r\n\td\r\ne"), ["a", "b\r\n c\r\n\td", "e"]);
        assert_eq!(lines("a\r\n"), ["a"]);
        assert_eq!(lines(""), Vec::<&str>::new());
    }

    #[test]
    fn a_fold_is_one_space() {
        assert_eq!(unfold("a\r\n  b \r\n\tc"), "a b c");
        assert_eq!(unfold("a  b"), "a  b");
    }

    #[test]
    fn bare_line_ends_are_seen() {
        assert_eq!(count_line_ends(b"a\r\nb\r\n"), Some(2));
        assert_eq!(count_line_ends(b"a\nb\r\n"), None);
        assert_eq!(count_line_ends(b"\n"), None);
    }

    #[test]
    fn control_characters_are_counted() {
        assert_eq!(count_controls(b"a\r\n\tb\x7f\0\x1f ~"), 5);
        assert_eq!(count_controls(&[0; 1000]), 1000);
    }

    #[test]
    fn a_head_ends_before_the_empty_line() {
        assert_eq!(find_head_end(b"a\r\n\r\nb"), Some(1));
        assert_eq!(find_head_end(b"\r\n\r\n"), Some(0));
        assert_eq!(find_head_end(b"a\n\n\r\n"), None);
    }

    #[test]
    fn content_length_is_digits() {
        assert_eq!(parse_content_length(b" 0150 "), Ok(150));
        for bad in ["", "-1", "+1", "1,1", "1 1", "0x1", "99999999999999999999999"] {
            assert_eq!(parse_content_length(bad.as_bytes()), Err(ParseError::ContentLength), "{bad}");
        }
    }
}
