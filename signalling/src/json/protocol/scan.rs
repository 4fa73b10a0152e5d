//! A look at JSON before anybody reads it: how deep it nests, and whether a key stands there twice.
//!
//! The reader behind it takes the last of two equal keys without a word, and goes 128 levels down; whoever looks at the
//! first would see another request than we do.

use std::collections::HashSet;

/// Levels of objects and lists within each other. Chosen by us: no request needs four.
pub(super) const DEPTH_MAX: usize = 16;

/// What is wrong, before anything was read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum ScanFault {
    #[error("nests deeper than 16 levels")]
    TooDeep,
    #[error("has the key {0} twice in one object")]
    KeyTwice(String),
    #[error("has a key with an escape, which none of ours needs")]
    EscapedKey,
    #[error("ends in the middle of a text")]
    OpenText,
}

/// An object or a list that is open.
enum Level<'t> {
    /// The keys so far, and the last of them.
    Object { keys: HashSet<&'t str>, key: &'t str },
    /// Values before the one that is read.
    List(usize),
}

/// Looks at a text that may be JSON. What is none is left to the reader, who says where.
pub(super) fn scan(text: &str) -> Result<(), ScanFault> {
    let mut levels: Vec<Level<'_>> = Vec::new();
    let octets = text.as_bytes();
    let mut at = 0;
    while let Some(octet) = octets.get(at) {
        match octet {
            b'{' | b'[' if levels.len() == DEPTH_MAX => return Err(ScanFault::TooDeep),
            b'{' => levels.push(Level::Object { keys: HashSet::new(), key: "" }),
            b'[' => levels.push(Level::List(0)),
            b',' => {
                if let Some(Level::List(before)) = levels.last_mut() {
                    *before += 1;
                }
            }
            b'}' | b']' => drop(levels.pop()),
            b'"' => {
                let (inside, has_escape) = text_at(text, at + 1)?;
                at += inside.len() + 1;
                let is_key =
                    octets[at + 1..].iter().find(|octet| !octet.is_ascii_whitespace()) == Some(&b':');
                if let (Some(Level::Object { keys, key }), true) = (levels.last_mut(), is_key) {
                    if has_escape {
                        return Err(ScanFault::EscapedKey);
                    }
                    *key = inside;
                    if !keys.insert(inside) {
                        return Err(ScanFault::KeyTwice(path(&levels)));
                    }
                }
            }
            _ => {}
        }
        at += 1;
    }
    Ok(())
}

/// Where the reader is: `params.users[3]`.
fn path(levels: &[Level<'_>]) -> String {
    levels.iter().fold(String::new(), |path, level| match level {
        Level::Object { key, .. } if path.is_empty() => (*key).to_owned(),
        Level::Object { key, .. } => format!("{path}.{key}"),
        Level::List(before) => format!("{path}[{before}]"),
    })
}

/// The text that begins here, up to its closing quote, and whether it has an escape.
fn text_at(text: &str, begin: usize) -> Result<(&str, bool), ScanFault> {
    let octets = &text.as_bytes()[begin..];
    let mut has_escape = false;
    let mut at = 0;
    while let Some(octet) = octets.get(at) {
        match octet {
            b'"' => return Ok((&text[begin..begin + at], has_escape)),
            b'\\' => {
                has_escape = true;
                at += 1;
            }
            _ => {}
        }
        at += 1;
    }
    Err(ScanFault::OpenText)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_nests_too_deep_or_says_a_key_twice_is_not_read() {
        let deep = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert_eq!(scan(&deep(DEPTH_MAX)), Ok(()));
        assert_eq!(scan(&deep(DEPTH_MAX + 1)), Err(ScanFault::TooDeep));
        assert_eq!(scan(&"{\"a\":".repeat(100_000)), Err(ScanFault::TooDeep));
        assert_eq!(scan(r#"{"a":1,"b":{"a":2}}"#), Ok(()));
        assert_eq!(scan(r#"{"a":1,"b":[{"a":1},{"a":2}]}"#), Ok(()));
        assert_eq!(scan(r#"{"a":1 , "a" :2}"#), Err(ScanFault::KeyTwice("a".to_owned())));
        let within = r#"{"a":[1,[2],{"b":{"c":1,"c":2}}]}"#;
        assert_eq!(scan(within), Err(ScanFault::KeyTwice("a[2].b.c".to_owned())));
        assert_eq!(scan(r#"{"a":1,"\u0061":2}"#), Err(ScanFault::EscapedKey));
        assert_eq!(scan(r#"{"a":"{{{{\"[[[[ ","b":"\\"}"#), Ok(()));
        assert_eq!(scan(r#"{"a"#), Err(ScanFault::OpenText));
        assert_eq!(scan("\"\\"), Err(ScanFault::OpenText));
    }

    proptest! {
        #[test]
        fn any_text_is_looked_at_without_a_panic(text in "[\\[\\]{}\":,a\\\\ä ]{0,60}") {
            let _ = scan(&text);
        }
    }
}
