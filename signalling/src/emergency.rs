//! Numbers of emergency services, which come first where there is no room for every call.

use regex::{Regex, RegexSet, RegexSetBuilder};

/// Destinations, by the regular expressions that they match as a whole, like those of rules; cheap to clone.
#[derive(Debug, Clone)]
pub struct EmergencyNumbers(RegexSet);

/// What is called for help in most places: 112 and 911 wherever a phone is (3GPP TS 22.101 10.1.1), and 110 and 999, which many
/// know better. Chosen by us: where one of them is a colleague's or a queue's, some calls come first without need, no more than
/// room has for emergencies; where one was missing, nobody would notice before it is needed.
const USUAL: [&str; 4] = ["112", "911", "110", "999"];

/// Compiled size of all of them, in bytes, like that of one expression of a rule.
const SIZE_MAX: usize = 1 << 20;

impl EmergencyNumbers {
    /// These, each an expression of its own.
    ///
    /// # Errors
    /// One is no usable expression, or all of them are too large.
    pub fn new(expressions: &[impl AsRef<str>]) -> Result<Self, regex::Error> {
        for expression in expressions {
            // By itself first, or `a)|(b` would be valid inside the group below.
            Regex::new(expression.as_ref())?;
        }
        let whole = expressions.iter().map(|expression| format!(r"\A(?:{})\z", expression.as_ref()));
        RegexSetBuilder::new(whole).size_limit(SIZE_MAX).build().map(Self)
    }

    /// Whether a destination, as rules are asked for it, is one.
    #[must_use]
    pub fn contains(&self, destination: &str) -> bool {
        self.0.is_match(destination)
    }
}

impl Default for EmergencyNumbers {
    fn default() -> Self {
        Self::new(&USUAL).expect("four numbers are sound expressions")
    }
}

impl PartialEq for EmergencyNumbers {
    fn eq(&self, other: &Self) -> bool {
        self.0.patterns() == other.0.patterns()
    }
}

impl Eq for EmergencyNumbers {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_one_as_a_whole_or_not_at_all() {
        let usual = EmergencyNumbers::default();
        assert!(["112", "911", "110", "999"].iter().all(|number| usual.contains(number)));
        assert!(["1122", "0112", "+49112", "", "112\n", "bob"].iter().all(|number| !usual.contains(number)));
        let own = EmergencyNumbers::new(&[r"0?(112|110)", r"\+49(112|110)"]).expect("sound");
        assert!(["0112", "110", "+49112"].iter().all(|number| own.contains(number)));
        assert!(!own.contains("911") && !own.contains("00112"));
    }

    #[test]
    fn none_may_be_one_and_what_is_no_expression_is_told() {
        let none = EmergencyNumbers::new(&[""; 0]).expect("sound");
        assert!(!none.contains("112") && !none.contains(""));
        for bad in ["(112", "1)|(2", "x{1000}{1000}"] {
            assert!(EmergencyNumbers::new(&[bad]).is_err(), "{bad}");
        }
    }

    #[test]
    fn they_are_the_same_by_their_expressions() {
        assert_eq!(EmergencyNumbers::default(), EmergencyNumbers::new(&USUAL).expect("sound"));
        assert_ne!(EmergencyNumbers::default(), EmergencyNumbers::new(&USUAL[1..]).expect("sound"));
    }
}
