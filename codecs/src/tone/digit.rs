//! The sixteen keys of a telephone.

use std::fmt;

/// One key: `0`-`9`, `*`, `#`, `A`-`D`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digit(u8);

/// The keys in the order of their event codes (RFC 4733 3.2, table 3).
const KEYS: [u8; 16] = *b"0123456789*#ABCD";
/// The rows and columns of the keypad (ITU-T Q.23).
pub(super) const ROWS_HZ: [u16; 4] = [697, 770, 852, 941];
pub(super) const COLUMNS_HZ: [u16; 4] = [1209, 1336, 1477, 1633];
pub(super) const KEYPAD: [[u8; 4]; 4] = [*b"123A", *b"456B", *b"789C", *b"*0#D"];

impl Digit {
    /// The key named by `key`; letters in either case.
    #[must_use]
    pub fn parse(key: char) -> Option<Self> {
        let key = u8::try_from(key).ok()?.to_ascii_uppercase();
        KEYS.iter().position(|&candidate| candidate == key).map(|code| Self(code as u8))
    }

    /// The key of a telephone-event code 0..=15 (RFC 4733 3.2).
    #[must_use]
    pub const fn from_event_code(code: u8) -> Option<Self> {
        if (code as usize) < KEYS.len() { Some(Self(code)) } else { None }
    }

    /// The telephone-event code, 0..=15 (RFC 4733 3.2).
    #[must_use]
    pub const fn event_code(self) -> u8 {
        self.0
    }

    /// The key as it is written, letters in upper case.
    #[must_use]
    pub const fn to_char(self) -> char {
        KEYS[self.0 as usize] as char
    }

    /// Every key, by event code.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..KEYS.len() as u8).map(Self)
    }

    /// The two frequencies of the key's tone, low (row) and high (column), in Hz (ITU-T Q.23).
    #[must_use]
    pub fn frequencies_hz(self) -> (u16, u16) {
        let key = KEYS[usize::from(self.0)];
        let place = KEYPAD.as_flattened().iter().position(|&candidate| candidate == key);
        let place = place.expect("every key has a place on the keypad");
        (ROWS_HZ[place / 4], COLUMNS_HZ[place % 4])
    }
}

impl fmt::Display for Digit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.to_char())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_codes_are_those_of_rfc_4733() {
        let codes: Vec<_> =
            "0123456789*#ABCD".chars().map(|key| Digit::parse(key).map(Digit::event_code)).collect();
        assert_eq!(codes, (0..16).map(Some).collect::<Vec<_>>());
        assert_eq!(Digit::from_event_code(16), None);
    }

    #[test]
    fn keys_go_both_ways() {
        for digit in Digit::all() {
            assert_eq!(Digit::parse(digit.to_char()), Some(digit));
            assert_eq!(Digit::from_event_code(digit.event_code()), Some(digit));
        }
        assert_eq!(Digit::parse('c').map(Digit::to_char), Some('C'));
        for other in ['E', 'e', ' ', '+', 'Ā', '\u{131}'] {
            assert_eq!(Digit::parse(other), None, "{other:?}");
        }
    }

    #[test]
    fn frequencies_are_those_of_the_keypad() {
        let of = |key| Digit::parse(key).map(Digit::frequencies_hz);
        assert_eq!(of('1'), Some((697, 1209)));
        assert_eq!(of('0'), Some((941, 1336)));
        assert_eq!(of('#'), Some((941, 1477)));
        assert_eq!(of('B'), Some((770, 1633)));
        let mut pairs: Vec<_> = Digit::all().map(Digit::frequencies_hz).collect();
        pairs.sort_unstable();
        pairs.dedup();
        assert_eq!(pairs.len(), 16);
    }
}
