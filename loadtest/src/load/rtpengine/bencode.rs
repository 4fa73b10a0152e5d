//! Bencode, in which NG writes its dictionaries: `5:hello`, `i42e`, `l..e`, `d..e`.

use std::collections::BTreeMap;

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    Integer(i64),
    List(Vec<Self>),
    Dictionary(Dictionary),
}

pub(super) type Dictionary = BTreeMap<String, Value>;

/// Values within values; rtpengine's answers have fewer than ten.
const DEPTH_MAX: usize = 32;

impl Value {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(super) fn texts<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        Self::List(texts.into_iter().map(Self::text).collect())
    }

    pub(super) fn dictionary<'a>(entries: impl IntoIterator<Item = (&'a str, Self)>) -> Self {
        Self::Dictionary(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    }

    pub(super) fn write_to(&self, out: &mut Vec<u8>) {
        match self {
            Self::Text(text) => write_text(text, out),
            Self::Integer(number) => out.extend(format!("i{number}e").bytes()),
            Self::List(items) => {
                out.push(b'l');
                items.iter().for_each(|item| item.write_to(out));
                out.push(b'e');
            }
            Self::Dictionary(entries) => {
                out.push(b'd');
                for (key, value) in entries {
                    write_text(key, out);
                    value.write_to(out);
                }
                out.push(b'e');
            }
        }
    }

    /// `None` where it is no single value.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let (value, rest) = parse(bytes, DEPTH_MAX)?;
        rest.is_empty().then_some(value)
    }
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    out.extend(format!("{}:{text}", text.len()).bytes());
}

/// A value, and what is behind it.
fn parse(bytes: &[u8], depth: usize) -> Option<(Value, &[u8])> {
    let depth = depth.checked_sub(1)?;
    let (kind, mut rest) = bytes.split_first()?;
    match kind {
        b'i' => {
            let (digits, rest) = split_at(rest, b'e')?;
            Some((Value::Integer(digits.parse().ok()?), rest))
        }
        b'l' => {
            let mut items = Vec::new();
            loop {
                if let Some(behind) = rest.strip_prefix(b"e") {
                    return Some((Value::List(items), behind));
                }
                let (item, behind) = parse(rest, depth)?;
                items.push(item);
                rest = behind;
            }
        }
        b'd' => {
            let mut entries = Dictionary::new();
            loop {
                if let Some(behind) = rest.strip_prefix(b"e") {
                    return Some((Value::Dictionary(entries), behind));
                }
                let (key, behind) = parse_text(rest)?;
                let (value, behind) = parse(behind, depth)?;
                entries.insert(key, value);
                rest = behind;
            }
        }
        _ => parse_text(bytes).map(|(text, rest)| (Value::Text(text), rest)),
    }
}

fn parse_text(bytes: &[u8]) -> Option<(String, &[u8])> {
    let (length, rest) = split_at(bytes, b':')?;
    let (text, rest) = rest.split_at_checked(length.parse().ok()?)?;
    Some((String::from_utf8_lossy(text).into_owned(), rest))
}

fn split_at(bytes: &[u8], end: u8) -> Option<(&str, &[u8])> {
    let at = bytes.iter().position(|byte| *byte == end)?;
    Some((str::from_utf8(&bytes[..at]).ok()?, &bytes[at + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let value = Value::dictionary([
            ("sdp", Value::text("v=0\r\n")),
            ("count", Value::Integer(-7)),
            ("codec", Value::dictionary([("transcode", Value::texts(["PCMU", ""]))])),
        ]);
        let mut bytes = Vec::new();
        value.write_to(&mut bytes);
        assert_eq!(bytes, b"d5:codecd9:transcodel4:PCMU0:ee5:counti-7e3:sdp5:v=0\r\ne");
        assert_eq!(Value::parse(&bytes), Some(value));
    }

    #[test]
    fn what_is_cut_off_or_goes_on_is_nothing() {
        let whole = b"d5:codecd9:transcodel4:PCMU0:ee5:counti-7e3:sdp5:v=0\r\ne";
        for length in 0..whole.len() {
            assert_eq!(Value::parse(&whole[..length]), None, "{length}");
        }
        assert_eq!(Value::parse(b"i1ee"), None);
        assert_eq!(Value::parse(&b"l".repeat(100_000)), None);
        assert_eq!(Value::parse(b"99999999999999999999:a"), None);
    }
}
