//! `headers` of a bridge: what the call that it places says besides.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;
use webtrunk_signalling::sip::message::HeaderName;
use webtrunk_signalling::sip::own_headers::is_own;

use super::faults::Faults;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HeaderChanges {
    #[serde(default)]
    set: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    remove: Vec<Spanned<String>>,
}

impl HeaderChanges {
    /// Names, and templates of values; `None` takes the header out.
    pub(super) fn check(&self, faults: &mut Faults<'_>) -> Vec<(String, Option<String>)> {
        let mut changes = Vec::new();
        for (name, value) in &self.set {
            check_name(name, value, faults);
            if value.get_ref().chars().any(char::is_control) {
                faults.add(value.span(), "holds a control character", "write it in one line");
            }
            changes.push((name.clone(), Some(value.get_ref().clone())));
        }
        for name in &self.remove {
            check_name(name.get_ref(), name, faults);
            if self
                .set
                .keys()
                .any(|set| HeaderName::from(set.as_str()) == HeaderName::from(name.get_ref().as_str()))
            {
                faults.add(name.span(), "is set and removed", "take one of them out");
            }
            changes.push((name.get_ref().clone(), None));
        }
        changes
    }
}

fn check_name(name: &str, at: &Spanned<String>, faults: &mut Faults<'_>) {
    if !HeaderName::is_name(name) {
        faults.add(at.span(), format!("{name:?} is no name of a header"), "write a name such as X-Tenant");
    } else if is_own(&HeaderName::from(name)) {
        let cure =
            "leave it to the gateway; who is called, and who calls, is said by number and shown_number";
        faults.add(at.span(), format!("{name} is written by the gateway itself"), cure);
    }
}
