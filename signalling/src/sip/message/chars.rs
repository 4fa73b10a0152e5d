//! The character classes of RFC 3261 25.1, as one table.

const TOKEN: u8 = 1;
const USER: u8 = 2;
const PASSWORD: u8 = 4;
const URI_PARAM: u8 = 8;
const URI_HEADER: u8 = 16;
const HOST: u8 = 32;

/// Which classes each octet belongs to.
const CLASSES: [u8; 256] = {
    let mut table = [0; 256];
    table = mark(table, b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", 0x3f);
    table = mark(table, b"-.!%*_+`'~", TOKEN);
    // unreserved = alphanum / mark
    table = mark(table, b"-_.!~*'()", USER | PASSWORD | URI_PARAM | URI_HEADER);
    table = mark(table, b"&=+$,;?/", USER);
    // The number sign is not in the grammar; phones dial it without an escape.
    table = mark(table, b"#", USER);
    table = mark(table, b"&=+$,", PASSWORD);
    table = mark(table, b"[]/:&+$", URI_PARAM);
    table = mark(table, b"[]/?:+$", URI_HEADER);
    // The underscore is not in the grammar; names with it exist.
    mark(table, b"-._", HOST)
};

const fn mark(mut table: [u8; 256], members: &[u8], class: u8) -> [u8; 256] {
    let mut i = 0;
    while i < members.len() {
        table[members[i] as usize] |= class;
        i += 1;
    }
    table
}

/// `token`, at least one character.
pub(super) fn is_token(text: &str) -> bool {
    !text.is_empty() && all(text, TOKEN)
}

/// `user`: unreserved, escaped or user-unreserved, at least one character.
pub(super) fn is_user(text: &str) -> bool {
    !text.is_empty() && all_or_escaped(text, USER)
}

/// `password`, which may be empty.
pub(super) fn is_password(text: &str) -> bool {
    all_or_escaped(text, PASSWORD)
}

/// `pname` or `pvalue` of a URI parameter, at least one character.
pub(super) fn is_uri_param(text: &str) -> bool {
    !text.is_empty() && all_or_escaped(text, URI_PARAM)
}

/// `hname` or `hvalue` of a URI header; a value may be empty.
pub(super) fn is_uri_header(text: &str) -> bool {
    all_or_escaped(text, URI_HEADER)
}

/// The characters of a host name, at least one.
pub(super) fn is_host_name(text: &str) -> bool {
    !text.is_empty() && all(text, HOST)
}

/// `callid`, and whatever else is one word: it is compared as a whole and never taken apart.
pub(super) fn is_call_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b > b' ' && b != 0x7f)
}

/// Whether a header's text holds nothing that could end a line or a string early: control characters
/// stand only behind a backslash inside a quoted string (`quoted-pair`), and CR, LF nowhere.
pub(super) fn is_clean(text: &str) -> bool {
    !text.bytes().any(is_control) || controls_are_quoted(text)
}

/// Control characters other than the tab.
pub(super) const fn is_control(byte: u8) -> bool {
    (byte < 0x20 && byte != b'\t') || byte == 0x7f
}

fn controls_are_quoted(text: &str) -> bool {
    let mut in_quotes = false;
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => in_quotes = !in_quotes,
            b'\\' if in_quotes => match bytes.next() {
                None | Some(b'\r' | b'\n') => return false,
                Some(_) => {}
            },
            byte if is_control(byte) => return false,
            _ => {}
        }
    }
    true
}

fn all(text: &str, class: u8) -> bool {
    text.bytes().all(|byte| CLASSES[byte as usize] & class != 0)
}

fn all_or_escaped(text: &str, class: u8) -> bool {
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = match (byte, tail) {
            (b'%', [high, low, tail @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => tail,
            (b'%', _) => return false,
            (byte, tail) if CLASSES[byte as usize] & class != 0 => tail,
            _ => return false,
        };
    }
    true
}

/// Replaces `%hh` by what it stands for. Borrows where nothing is escaped; what is no UTF-8
/// afterwards becomes U+FFFD.
pub(super) fn unescape(text: &str) -> std::borrow::Cow<'_, str> {
    if !text.contains('%') {
        return text.into();
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = match (byte, tail) {
            (b'%', [high, low, tail @ ..]) => {
                let digit = |b: &u8| (*b as char).to_digit(16).and_then(|d| u8::try_from(d).ok());
                match (digit(high), digit(low)) {
                    (Some(high), Some(low)) => {
                        out.push(high << 4 | low);
                        tail
                    }
                    _ => {
                        out.push(b'%');
                        &rest[1..]
                    }
                }
            }
            (byte, tail) => {
                out.push(byte);
                tail
            }
        };
    }
    String::from_utf8_lossy(&out).into_owned().into()
}

/// Splits a header value at `separator`, not inside quotes or angle brackets. Parts come trimmed; a
/// quote that never ends takes the rest with it, for the part's own parser to refuse.
pub(super) fn split_outside(text: &str, separator: u8) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let end = find_outside(text, separator);
        rest = end.map(|at| &text[at + 1..]);
        Some(text[..end.unwrap_or(text.len())].trim_ascii())
    })
}

/// Where `wanted` first stands outside quotes and angle brackets.
pub(super) fn find_outside(text: &str, wanted: u8) -> Option<usize> {
    let mut in_quotes = false;
    let mut in_brackets = false;
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        if escaped {
            escaped = false;
        } else if in_quotes {
            match byte {
                b'\\' => escaped = true,
                b'"' => in_quotes = false,
                _ => {}
            }
        } else if byte == wanted && !in_brackets {
            return Some(at);
        } else {
            match byte {
                b'"' => in_quotes = true,
                b'<' => in_brackets = true,
                b'>' => in_brackets = false,
                _ => {}
            }
        }
    }
    None
}

/// The length of the quoted string that `text` begins with, quotes included.
pub(super) fn quoted_len(text: &str) -> Option<usize> {
    let mut bytes = text.bytes().enumerate();
    if bytes.next()?.1 != b'"' {
        return None;
    }
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'\\' => drop(bytes.next()?),
            b'"' => return Some(at + 1),
            _ => {}
        }
    }
    None
}
