//! What was meant, where a name is not known: the nearest of those that there are.

use std::cmp::Reverse;

/// The known name that `written` was most likely to be; `None` where none is near. One letter in three may be
/// wrong, or its end may be missing.
pub(crate) fn nearest<'n>(written: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let letters = written.chars().count();
    let most = (letters / 3).clamp(1, 3);
    let distance = |name: &'n str| {
        let is_begin =
            letters >= 3 && (name.starts_with(written) || written.starts_with(name) && name.len() >= 3);
        let steps = strsim::osa_distance(&written.to_lowercase(), &name.to_lowercase());
        (is_begin || steps <= most && steps < letters).then_some((steps, name))
    };
    // A letter is left out more easily than another is written in its place.
    let found = known.into_iter().filter_map(distance);
    found.min_by_key(|(steps, name)| (*steps, Reverse(name.len()), *name)).map(|(_, name)| name)
}

/// "did you mean", or another cure where nothing is near.
pub(super) fn meant<'n>(
    written: &str,
    known: impl IntoIterator<Item = &'n str>,
    otherwise: impl Into<String>,
) -> String {
    nearest(written, known).map_or_else(|| otherwise.into(), |name| format!("did you mean {name:?}?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_fingers_is_understood_and_another_word_is_not() {
        let known =
            ["media", "calls_max", "host", "name", "alice", "sales", "provider", "users", "udp", "tcp"];
        for (written, expected) in [
            ("medai", Some("media")),
            ("call_max", Some("calls_max")),
            ("hots", Some("host")),
            ("nmae", Some("name")),
            ("alise", Some("alice")),
            ("salse", Some("sales")),
            ("providr", Some("provider")),
            ("user", Some("users")),
            ("Alice", Some("alice")),
            ("bob", None),
            ("ws", None),
            ("x", None),
            ("sctp", None),
            ("recording", None),
            ("", None),
        ] {
            assert_eq!(nearest(written, known), expected, "{written}");
        }
    }
}
