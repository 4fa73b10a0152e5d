//! Octets as hexadecimal digits, two for each.

/// The octets, of digits in either case; `None` where something else stands there.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let octet = |[high, low]: &[u8; 2]| u8::try_from(digit(*high)? << 4 | digit(*low)?).ok();
    if rest.is_empty() { pairs.iter().map(octet).collect() } else { None }
}

/// The digits, in lower case.
pub(super) fn encode(octets: &[u8]) -> String {
    octets
        .iter()
        .flat_map(|octet| [octet >> 4, octet & 0xf])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_come_in_pairs() {
        assert_eq!(decode("00fFa0"), Some(vec![0, 0xff, 0xa0]));
        assert_eq!(encode(&[0, 0xff, 0xa0]), "00ffa0");
        assert_eq!(decode(""), Some(Vec::new()));
        for wrong in ["0", "0g", "0x", "+1", " 1", "ä"] {
            assert_eq!(decode(wrong), None, "{wrong}");
        }
    }
}
