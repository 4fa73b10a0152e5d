//! Two mono packets as one of two streams: the first tells its own length (RFC 6716 appendix B), the second ends with
//! the whole.

/// Puts them together in `out`. Each is of one frame, as libopus makes 20 ms (code 0 of RFC 6716 3.2.2).
pub(super) fn join(first: &[u8], second: &[u8], out: &mut Vec<u8>) {
    let [toc, frame @ ..] = first else { return };
    debug_assert_eq!(toc & 3, 0, "one frame");
    out.push(*toc);
    // One byte up to 251, else two (RFC 6716 3.2.1).
    match u8::try_from(frame.len()) {
        Ok(length @ 0..=251) => out.push(length),
        _ => {
            let low = 252 + (frame.len() & 3);
            out.extend([low as u8, ((frame.len() - low) / 4) as u8]);
        }
    }
    out.extend(frame);
    out.extend(second);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_tells_its_length_in_one_byte_or_two() {
        for (length, told) in [
            (0, &[0][..]),
            (251, &[251]),
            (252, &[252, 0]),
            (255, &[255, 0]),
            (256, &[252, 1]),
            (1275, &[255, 255]),
        ] {
            let first = [&[8][..], &vec![7; length]].concat();
            let mut joined = Vec::new();
            join(&first, &[9, 9, 9], &mut joined);
            assert_eq!(joined, [&[8], told, &first[1..], &[9, 9, 9]].concat(), "{length}");
        }
    }
}
