//! Whether the digits that were pressed came, once each.

use super::FindingKind;

/// What is wrong with what came, if anything.
pub(super) fn fault(pressed: &str, came: &str) -> Option<FindingKind> {
    if pressed == came {
        return None;
    }
    Some(if is_within(pressed, came) && came.chars().all(|digit| pressed.contains(digit)) {
        FindingKind::DigitsDoubled
    } else if is_within(came, pressed) {
        FindingKind::DigitsLost
    } else {
        FindingKind::DigitsWrong
    })
}

/// Whether all of `part` stand in `whole`, in their order.
fn is_within(part: &str, whole: &str) -> bool {
    let mut rest = whole.chars();
    part.chars().all(|wanted| rest.any(|digit| digit == wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_has_its_name() {
        for (pressed, came, expected) in [
            ("", "", None),
            ("12#", "12#", None),
            ("12#", "1122##", Some(FindingKind::DigitsDoubled)),
            ("12#", "12#12#", Some(FindingKind::DigitsDoubled)),
            ("12#", "1#", Some(FindingKind::DigitsLost)),
            ("12#", "", Some(FindingKind::DigitsLost)),
            ("12#", "13#", Some(FindingKind::DigitsWrong)),
            ("12#", "12#9", Some(FindingKind::DigitsWrong)),
            ("", "5", Some(FindingKind::DigitsWrong)),
        ] {
            assert_eq!(fault(pressed, came), expected, "{pressed:?} {came:?}");
        }
    }
}
