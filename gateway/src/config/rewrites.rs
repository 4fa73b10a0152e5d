//! `rewrite` of `[[trunks]]`: numbers that a trunk writes another way than we do.

use serde::Deserialize;
use toml::Spanned;
use webtrunk_signalling::sip::identity::{Rewrite, Subject};

use super::faults::Faults;

/// A number that a trunk writes another way.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RewriteSection {
    number: Number,
    direction: Way,
    pattern: Spanned<String>,
    to: String,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Number {
    Called,
    Caller,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Way {
    Out,
    In,
}

impl RewriteSection {
    pub(super) fn check(&self, faults: &mut Faults<'_>) -> Option<Rewrite> {
        let subject = match (self.number, self.direction) {
            (Number::Called, Way::Out) => Subject::CalledOut,
            (Number::Caller, Way::Out) => Subject::CallerOut,
            (Number::Called, Way::In) => Subject::CalledIn,
            (Number::Caller, Way::In) => Subject::CallerIn,
        };
        match Rewrite::new(subject, self.pattern.get_ref(), &self.to) {
            Ok(rewrite) => Some(rewrite),
            Err(error) => {
                faults.add(self.pattern.span(), error, "correct the regular expression");
                None
            }
        }
    }
}
