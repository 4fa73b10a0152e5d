//! Putting asterisks over what nobody is to read. A masked message is as long as it was, so that its Content-Length
//! stays right.

use std::hash::{DefaultHasher, Hasher};
use std::ops::Range;

/// What stands for an octet that is not shown.
const MASK: u8 = b'*';

/// How much of a mask may tell one secret from another, in hexadecimal digits: enough to see that a nonce changed.
const MARK: usize = 4;

/// Masks all of it, but spaces and line ends.
pub(super) fn cover(secret: &mut [u8]) {
    for byte in secret.iter_mut().filter(|byte| !byte.is_ascii_whitespace()) {
        *byte = MASK;
    }
}

/// Masks all of it but a mark at its end, which is the same for the same text.
pub(super) fn cover_with_mark(secret: &mut [u8]) {
    let mut hasher = DefaultHasher::new();
    hasher.write(secret);
    let mark = format!("{:016x}", hasher.finish());
    cover(secret);
    // A shorter one could be guessed by its mark.
    if secret.len() >= 4 * MARK {
        let begin = secret.len() - MARK;
        secret[begin..].copy_from_slice(&mark.as_bytes()[..MARK]);
    }
}

/// The value that begins at `from` or after spaces: inside its quotes, or up to one of `ends`.
pub(super) fn value_at(text: &[u8], from: usize, ends: &[u8]) -> Range<usize> {
    let begin = from + text[from..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    if text.get(begin) != Some(&b'"') {
        let length = text[begin..].iter().take_while(|byte| !ends.contains(byte)).count();
        return begin..begin + length;
    }
    let mut end = begin + 1;
    while let Some(byte) = text.get(end).filter(|byte| **byte != b'"') {
        end += if *byte == b'\\' { 2 } else { 1 };
    }
    begin + 1..end.min(text.len())
}

/// Where a word stands, whatever its case, from `from` on.
pub(super) fn find(text: &[u8], word: &[u8], from: usize) -> Option<usize> {
    let (lower, upper) = (word.first()?.to_ascii_lowercase(), word.first()?.to_ascii_uppercase());
    let is_word =
        |at: &usize| text.get(*at..*at + word.len()).is_some_and(|found| found.eq_ignore_ascii_case(word));
    memchr::memchr2_iter(lower, upper, text.get(from..)?).map(|at| from + at).find(is_word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_ends_at_its_quote_or_at_what_ends_it() {
        let value = |text: &str| {
            let range = value_at(text.as_bytes(), 0, b",; ");
            text[range].to_owned()
        };
        assert_eq!(value("abc,d"), "abc");
        assert_eq!(value("  \"a,b\" ,c"), "a,b");
        assert_eq!(value(r#""a\"b",c"#), r#"a\"b"#);
        assert_eq!(value("\"open"), "open");
        assert_eq!(value(r#""open\"#), r"open\");
        assert_eq!(value(""), "");
    }

    #[test]
    fn a_mark_tells_long_secrets_apart_and_no_short_one() {
        let marked = |text: &str| {
            let mut octets = text.as_bytes().to_vec();
            cover_with_mark(&mut octets);
            String::from_utf8(octets).expect("ASCII")
        };
        let (one, other) = (marked("a nonce of some length"), marked("another nonce, as long"));
        assert_ne!(one, other);
        assert_eq!(one, marked("a nonce of some length"));
        assert!(one.starts_with("* ***** ** ****"), "{one}");
        assert_eq!(marked("short"), "*****");
    }
}
