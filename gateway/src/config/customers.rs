//! `[[customers]]`: whose users there are, and what is said of all of them.

use std::hash::{DefaultHasher, Hash};
use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;
use webtrunk_signalling::auth::issuer::{CUSTOMER_MARK, IssuerCustomer};
use webtrunk_signalling::http::WebOrigin;

use super::entry::check_lifetime;
use super::ephemeral_keys::{self, EphemeralKeySection};
use super::faults::Faults;
use super::limits::LimitsSection;
use super::secret::Environment;
use super::sip_ws::check_origin;
use super::users::is_name;

/// A customer.
#[derive(Debug, Clone)]
pub struct Customer {
    /// Its first hop.
    pub issuer: IssuerCustomer,
    /// Its pages.
    pub origins: Vec<WebOrigin>,
    /// Its numbers; trunks are shown the first of them where a user shows none.
    pub numbers: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CustomerSection {
    name: Spanned<String>,
    #[serde(default)]
    ephemeral_keys: Vec<EphemeralKeySection>,
    #[serde(default)]
    origins: Vec<Spanned<String>>,
    #[serde(default)]
    numbers: Vec<Spanned<String>>,
    lifetime_s: Option<Spanned<u32>>,
    guests: Option<Spanned<bool>>,
    calls_max: Option<Spanned<u32>>,
    #[serde(default)]
    limits: LimitsSection,
    #[serde(default)]
    limits_together: LimitsSection,
}

/// How long credentials of the edge are good, in s. Chosen by us: a login is made at once.
const LIFETIME_S: u32 = 600;

/// Longest name of a customer: its users' names are behind it.
const NAME_MAX: usize = 32;

impl CustomerSection {
    pub(super) fn name(&self) -> &str {
        self.name.get_ref()
    }

    pub(super) const fn limits(&self) -> &LimitsSection {
        &self.limits
    }

    pub(super) const fn limits_together(&self) -> &LimitsSection {
        &self.limits_together
    }

    pub(super) const fn calls_max(&self) -> Option<&Spanned<u32>> {
        self.calls_max.as_ref()
    }

    pub(super) fn has_inline_secret(&self) -> bool {
        self.ephemeral_keys.iter().any(EphemeralKeySection::has_inline_secret)
    }

    /// Whether its server makes names.
    pub(super) const fn has_keys(&self) -> bool {
        !self.ephemeral_keys.is_empty()
    }

    /// Where its name stands.
    pub(super) fn name_span(&self) -> Range<usize> {
        self.name.span()
    }

    pub(super) fn numbers(&self) -> &[Spanned<String>] {
        &self.numbers
    }

    pub(super) fn has_guests(&self) -> bool {
        self.guests.as_ref().is_some_and(|written| *written.get_ref())
    }

    /// Whom nobody knows may not call without end.
    fn check_guests(&self, faults: &mut Faults<'_>) {
        let Some(written) = self.guests.as_ref().filter(|_| self.has_guests()) else { return };
        let is_bounded = self.calls_max.is_some() && self.limits.bounds_calls() && !self.origins.is_empty();
        if !is_bounded {
            let problem = "lets anybody call, and not all of origins, calls_max, limits.call_max_s and limits.numbers_allow say how far";
            faults.add(written.span(), problem, "add those that are missing");
        }
    }

    pub(super) fn check(
        &self,
        environment: Environment<'_>,
        fingerprint: &mut DefaultHasher,
        faults: &mut Faults<'_>,
    ) -> Customer {
        let name = self.name.get_ref();
        if !is_name(name) || name.len() > NAME_MAX || name.contains(CUSTOMER_MARK) {
            faults.add(self.name.span(), "is no name of a customer", "use 1 to 32 letters, digits and - _ .");
        }
        let keys = ephemeral_keys::check(&self.ephemeral_keys, environment, fingerprint, faults);
        let origins: Vec<_> = self.origins.iter().filter_map(|origin| check_origin(origin, faults)).collect();
        let lifetime = check_lifetime(self.lifetime_s.as_ref(), LIFETIME_S, faults);
        for number in self.numbers.iter().filter(|number| !is_name(number.get_ref())) {
            faults.add(number.span(), "is no number", "write digits, such as \"+49301234567\"");
        }
        let numbers: Vec<_> = self.numbers.iter().map(|number| number.get_ref().clone()).collect();
        self.check_guests(faults);
        let guests = self.has_guests();
        (name, format!("{origins:?}"), &numbers, lifetime, guests).hash(fingerprint);
        Customer { issuer: IssuerCustomer { name: name.clone(), keys, lifetime, guests }, origins, numbers }
    }
}
