//! Names of records, which no other gateway and no later start gives again.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// A UUID of version 7: names sort by the time at which their calls began (RFC 9562 5.7).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RecordId(String);

impl RecordId {
    /// A name made of a date and of chance.
    #[must_use]
    pub fn new(wall: SystemTime, dice: [u8; 10]) -> Self {
        let ms = wall.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let mut octets = [0; 16];
        // 48 bits of the date, enough until the year 10889.
        octets[..6].copy_from_slice(&ms.to_be_bytes()[10..]);
        octets[6..].copy_from_slice(&dice);
        octets[6] = 0x70 | octets[6] & 0x0f; // version 7
        octets[8] = 0x80 | octets[8] & 0x3f; // variant of RFC 9562
        let mut text = String::with_capacity(36);
        for (index, octet) in octets.iter().enumerate() {
            if matches!(index, 4 | 6 | 8 | 10) {
                text.push('-');
            }
            text.extend(
                [octet >> 4, octet & 0x0f].map(|digit| char::from_digit(digit.into(), 16).unwrap_or('0')),
            );
        }
        Self(text)
    }

    /// It, as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// The example of RFC 9562 A.6.
    #[test]
    fn a_name_is_a_uuid_of_version_seven() {
        let wall = UNIX_EPOCH + Duration::from_millis(0x017F_22E2_79B0);
        let id = RecordId::new(wall, [0x0C, 0xC3, 0x18, 0xC4, 0xDC, 0x0C, 0x0C, 0x07, 0x39, 0x8F]);
        assert_eq!(id.as_str(), "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
    }

    #[test]
    fn names_sort_by_time_whatever_chance_says() {
        let early = RecordId::new(UNIX_EPOCH + Duration::from_millis(999), [0xff; 10]);
        let late = RecordId::new(UNIX_EPOCH + Duration::from_millis(1000), [0; 10]);
        assert!(early < late);
    }
}
