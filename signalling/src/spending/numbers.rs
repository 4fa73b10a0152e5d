//! Which numbers may be called, by how they begin.

use std::str::FromStr;

/// Beginnings of numbers that may be called, and of such that may not. The longest that a number begins with decides;
/// of two of one length, the one that forbids. What none says anything of may be called where none is allowed by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Numbers {
    /// What may be called.
    pub allow: Vec<Prefix>,
    /// What may not.
    pub deny: Vec<Prefix>,
}

/// How numbers begin: digits, with a `+` before the international ones. `00` is the same as `+`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Prefix(String);

/// The text is no beginning of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no beginning of a number")]
pub struct NotANumber;

impl Numbers {
    /// Whether a number may be called: as it stands there, and as it is meant where a context is said with it, for who gets it
    /// may go by the one or the other.
    #[must_use]
    pub fn allow(&self, number: &str) -> bool {
        self.allow_plain(&plain(number)) && in_context(number).all(|number| self.allow_plain(&number))
    }

    fn allow_plain(&self, number: &str) -> bool {
        let longest = |prefixes: &[Prefix]| {
            prefixes.iter().filter(|prefix| number.starts_with(&prefix.0)).map(|prefix| prefix.0.len()).max()
        };
        match (longest(&self.allow), longest(&self.deny)) {
            (allowed, Some(denied)) => allowed.is_some_and(|allowed| allowed > denied),
            (Some(_), None) => true,
            (None, None) => self.allow.is_empty(),
        }
    }
}

impl FromStr for Prefix {
    type Err = NotANumber;

    fn from_str(text: &str) -> Result<Self, NotANumber> {
        let is_digit = |char: char| char.is_ascii_digit() || "*#".contains(char);
        let digits = text.strip_prefix('+').unwrap_or(text);
        if digits.is_empty() || !digits.chars().all(is_digit) {
            return Err(NotANumber);
        }
        Ok(Self(plain(text)))
    }
}

/// A number as it is compared: without what is only there to be read, and without what stands behind it (RFC 3966 3,
/// 5.1.1).
fn plain(number: &str) -> String {
    let number = number.split(';').next().unwrap_or_default();
    let digits: String = number.chars().filter(|char| !"-.() /\t".contains(*char)).collect();
    match digits.strip_prefix("00") {
        Some(rest) => format!("+{rest}"),
        None => digits,
    }
}

/// A local number behind each context that is said with it: `12345;phone-context=+882` is +88212345 (RFC 3966 5.1.5).
fn in_context(number: &str) -> impl Iterator<Item = String> {
    let local = plain(number);
    number.split(';').skip(1).filter_map(move |parameter| {
        let (name, context) = parameter.split_once('=')?;
        let is_context = name.trim().eq_ignore_ascii_case("phone-context");
        is_context.then(|| plain(context.trim().trim_matches('"')) + &local)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(allow: &[&str], deny: &[&str]) -> Numbers {
        let read = |texts: &[&str]| texts.iter().map(|text| text.parse().expect("a prefix")).collect();
        Numbers { allow: read(allow), deny: read(deny) }
    }

    #[test]
    fn the_longest_beginning_decides_and_of_equal_ones_the_one_that_forbids() {
        let numbers = numbers(&["+49", "+4990012", "0"], &["+4990", "+882", "0"]);
        for allowed in ["+4930123456", "+49 (900) 12-34", "004990012", "+4989"] {
            assert!(numbers.allow(allowed), "{allowed}");
        }
        for denied in ["+4990055", "00490900", "+88213", "00882-13", "030123", "+1", "110", ""] {
            let expected = denied == "00490900";
            assert_eq!(numbers.allow(denied), expected, "{denied}");
        }
    }

    #[test]
    fn without_a_list_of_what_may_be_called_all_else_may() {
        let numbers = numbers(&[], &["+882", "0900"]);
        assert!(numbers.allow("+49301") && numbers.allow("9100") && numbers.allow("alice"));
        assert!(!numbers.allow("0900123") && !numbers.allow("+8825") && !numbers.allow("+882"));
        assert!(Numbers::default().allow("+882123"), "nobody said anything");
    }

    #[test]
    fn how_a_number_is_written_changes_nothing() {
        let numbers = numbers(&[], &["+4990"]);
        for written in [
            "+4990123",
            "004990123",
            "+49-90-123",
            "+49 90 123",
            "+49(90)123",
            "+4990123;ext=1",
            "00 49 90.1",
        ] {
            assert!(!numbers.allow(written), "{written}");
        }
    }

    #[test]
    fn a_number_is_judged_behind_its_context_too() {
        let denied = numbers(&[], &["+882"]);
        for written in [
            "12345;phone-context=+882",
            "12345;ext=1;Phone-Context=00882",
            "12345;phone-context=+49;phone-context=+88-2",
            "12345; phone-context = \"+882\"",
        ] {
            assert!(!denied.allow(written), "{written}");
        }
        assert!(denied.allow("12345;phone-context=+49") && denied.allow("12345;phone-context=example.org"));
        let allowed = numbers(&["+49", "0"], &[]);
        assert!(allowed.allow("030123;phone-context=+49"));
        assert!(!allowed.allow("030123;phone-context=+882") && !allowed.allow("123;phone-context=+49"));
    }

    #[test]
    fn what_is_no_beginning_of_a_number_is_refused() {
        for text in ["", "+", "49-90", "alice", "+49x", "4+9"] {
            assert_eq!(text.parse::<Prefix>(), Err(NotANumber), "{text}");
        }
        assert!("*21".parse::<Prefix>().is_ok() && "+49".parse::<Prefix>().is_ok());
    }
}
