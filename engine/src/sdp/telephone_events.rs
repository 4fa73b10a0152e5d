//! Which events a receiver of telephone-event takes (RFC 4733 2.4.1).

use std::fmt;

/// A set of event codes, 0..=255.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TelephoneEvents {
    /// Codes 0..=127 and 128..=255, one bit each.
    bits: [u128; 2],
}

impl TelephoneEvents {
    /// The sixteen digits `0-9*#A-D`: what a description means that says nothing.
    pub const DIGITS: Self = Self { bits: [0xffff, 0] };

    /// Reads a list such as `0-15,66,70`; `None` where it is not one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut events = Self { bits: [0, 0] };
        for range in text.trim().split(',') {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let (first, last): (u8, u8) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
            if first > last {
                return None;
            }
            for code in first..=last {
                events.insert(code);
            }
        }
        Some(events)
    }

    /// Whether an event of that code may be sent to the receiver.
    #[must_use]
    pub const fn contains(&self, code: u8) -> bool {
        (self.bits[(code >> 7) as usize] >> (code & 0x7f)) & 1 == 1
    }

    fn insert(&mut self, code: u8) {
        self.bits[usize::from(code >> 7)] |= 1 << (code & 0x7f);
    }
}

impl Default for TelephoneEvents {
    fn default() -> Self {
        Self::DIGITS
    }
}

impl fmt::Display for TelephoneEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        let mut codes = (0..=u8::MAX).filter(|&code| self.contains(code)).peekable();
        while let Some(first) = codes.next() {
            let mut last = first;
            while let Some(next) = codes.next_if(|&next| u16::from(next) == u16::from(last) + 1) {
                last = next;
            }
            write!(f, "{separator}{first}")?;
            if last > first {
                write!(f, "-{last}")?;
            }
            separator = ",";
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ranges_and_single_codes_are_read() {
        let events = TelephoneEvents::parse("0-11,66, 255").expect("valid");
        for (code, is_in) in [(0, true), (11, true), (12, false), (66, true), (127, false), (255, true)] {
            assert_eq!(events.contains(code), is_in, "{code}");
        }
        assert_eq!(events.to_string(), "0-11,66,255");
        assert_eq!(TelephoneEvents::DIGITS.to_string(), "0-15");
    }

    #[test]
    fn what_is_no_list_is_refused() {
        for text in ["", "a", "1-", "5-3", "0-256", "1,,2"] {
            assert_eq!(TelephoneEvents::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn printed_sets_read_back(codes in prop::collection::vec(any::<u8>(), 1..40)) {
            let mut events = TelephoneEvents { bits: [0, 0] };
            codes.into_iter().for_each(|code| events.insert(code));
            prop_assert_eq!(TelephoneEvents::parse(&events.to_string()), Some(events));
        }
    }
}
