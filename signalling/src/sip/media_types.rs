//! Types of bodies that are taken, by name or by family (RFC 3261 20.1).

use std::fmt;
use std::str::FromStr;

/// A type such as `text/plain`, or a family such as `text/*`; compared without case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaRange(String);

/// A text that is neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no media type")]
pub struct NoMediaType;

impl MediaRange {
    /// Whether it covers a `type/subtype`, whatever parameters follow.
    #[must_use]
    pub fn covers(&self, media_type: &str) -> bool {
        let bare = media_type.split(';').next().unwrap_or_default().trim();
        match self.0.strip_suffix('*') {
            Some(family) => bare.get(..family.len()).is_some_and(|start| start.eq_ignore_ascii_case(family)),
            None => self.0.eq_ignore_ascii_case(bare),
        }
    }
}

impl FromStr for MediaRange {
    type Err = NoMediaType;

    fn from_str(text: &str) -> Result<Self, NoMediaType> {
        let is_token = |part: &str| {
            !part.is_empty()
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.+_".contains(&byte))
        };
        match text.split_once('/') {
            Some((kind, subtype)) if is_token(kind) && (subtype == "*" || is_token(subtype)) => {
                Ok(Self(text.to_owned()))
            }
            _ => Err(NoMediaType),
        }
    }
}

impl fmt::Display for MediaRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether one of `ranges` covers a type.
#[must_use]
pub fn takes(ranges: &[MediaRange], media_type: &str) -> bool {
    ranges.iter().any(|range| range.covers(media_type))
}

/// The ranges as Accept lists them.
#[must_use]
pub fn accept(ranges: &[MediaRange]) -> String {
    ranges.iter().map(MediaRange::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_covered_by_its_name_and_by_its_family_without_case_and_parameters() {
        let ranges = ["text/*", "message/CPIM"].map(|text| text.parse().expect("a range"));
        for (media_type, is_taken) in [
            ("text/plain", true),
            ("Text/HTML; charset=utf-8", true),
            ("message/cpim", true),
            ("message/cpim2", false),
            ("text", false),
            ("textile/plain", false),
            ("", false),
        ] {
            assert_eq!(takes(&ranges, media_type), is_taken, "{media_type}");
        }
        assert_eq!(accept(&ranges), "text/*, message/CPIM");
    }

    #[test]
    fn what_is_no_type_is_refused() {
        for text in ["", "text", "*/*", "text/", "/plain", "text/pl ain", "text/plain;a=b", "text/p*"] {
            assert_eq!(text.parse::<MediaRange>(), Err(NoMediaType), "{text}");
        }
    }
}
