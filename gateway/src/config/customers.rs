//! `[[customers]]`: whose users there are, and what is said of all of them.

use std::hash::{DefaultHasher, Hash};
use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;
use webtrunk_signalling::adapter::RecordingPolicy;
use webtrunk_signalling::auth::issuer::{CUSTOMER_MARK, IssuerCustomer};
use webtrunk_signalling::auth::logins::LoginPolicy;
use webtrunk_signalling::http::WebOrigin;
use webtrunk_signalling::sip::transport::Network;

use super::NETWORK_CURE;
use super::entry::check_lifetime;
use super::ephemeral_keys::{self, EphemeralKeySection};
use super::faults::Faults;
use super::limits::LimitsSection;
use super::logins::CustomerLoginsSection;
use super::nearest::meant;
use super::secret::Environment;
use super::sip_ws::check_origin;
use super::users::is_name;
use crate::people::RecordingTerm;

/// A customer.
#[derive(Debug, Clone)]
pub struct Customer {
    /// Its first hop.
    pub issuer: IssuerCustomer,
    /// Its pages.
    pub origins: Vec<WebOrigin>,
    /// Its numbers; trunks are shown the first of them where a user shows none.
    pub numbers: Vec<String>,
    /// The trunks by which alone its users' calls go out, in the order in which they are tried; none, those of the rules.
    pub trunks: Vec<String>,
    /// From where alone its users may come; none, from everywhere.
    pub networks: Vec<Network>,
    /// Whether calls are recorded that its users are in.
    pub recording: RecordingPolicy,
    /// For whom its back ends may have logins made.
    pub logins: LoginPolicy,
}

/// What the rest of the file has.
pub(super) struct Around<'f> {
    pub(super) has_http: bool,
    pub(super) has_recording: bool,
    pub(super) trunks: Vec<&'f str>,
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
    #[serde(default)]
    trunks: Vec<Spanned<String>>,
    #[serde(default)]
    networks: Vec<Spanned<String>>,
    recording: Option<Spanned<RecordingTerm>>,
    lifetime_s: Option<Spanned<u32>>,
    guests: Option<Spanned<bool>>,
    calls_max: Option<Spanned<u32>>,
    #[serde(default)]
    limits: LimitsSection,
    #[serde(default)]
    limits_together: LimitsSection,
    #[serde(default)]
    logins: CustomerLoginsSection,
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

    fn check_trunks(&self, known: &[&str], faults: &mut Faults<'_>) -> Vec<String> {
        for (index, trunk) in self.trunks.iter().enumerate() {
            let name = trunk.get_ref();
            if !known.contains(&name.as_str()) {
                let cure = meant(name, known.iter().copied(), "add it to [[trunks]], or correct the name");
                faults.add_absent(&["trunks"], trunk.span(), "no trunk has this name", cure);
            }
            if self.trunks[..index].iter().any(|earlier| earlier.get_ref() == name) {
                faults.add(trunk.span(), "is named twice", "take one out");
            }
        }
        self.trunks.iter().map(|trunk| trunk.get_ref().clone()).collect()
    }

    /// What is always recorded needs a place.
    fn check_recording(&self, has_recording: bool, faults: &mut Faults<'_>) -> RecordingPolicy {
        let Some(written) = &self.recording else { return RecordingPolicy::default() };
        if *written.get_ref() == RecordingTerm::Always && !has_recording {
            let (problem, cure) = ("there is no folder to record to", "add [recording] with a folder");
            faults.add_absent(&["recording"], written.span(), problem, cure);
        }
        (*written.get_ref()).into()
    }

    pub(super) fn check(
        &self,
        around: &Around<'_>,
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
        let trunks = self.check_trunks(&around.trunks, faults);
        let networks = faults.parse_all(&self.networks, NETWORK_CURE);
        let recording = self.check_recording(around.has_recording, faults);
        self.check_guests(faults);
        let guests = self.has_guests();
        let logins = self.logins.check(fingerprint, faults);
        (name, format!("{origins:?}"), &numbers, lifetime, guests).hash(fingerprint);
        (&trunks, &networks, recording).hash(fingerprint);
        let issuer = IssuerCustomer { name: name.clone(), keys, lifetime, guests };
        Customer { issuer, origins, numbers, trunks, networks, recording, logins }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Config;

    const START: &str = "[[sip.listeners]]\ntransport = \"udp\"\nbind = \"127.0.0.1:0\"\n\
        [[trunks]]\nname = \"pstn\"\nhost = \"192.0.2.7\"\n[[trunks]]\nname = \"spare\"\nhost = \"192.0.2.8\"\n";

    fn entry(customer: &str) -> Result<super::super::Entry, String> {
        let text = format!("{START}[[customers]]\nname = \"acme\"\n{customer}\n");
        Config::parse("w.toml", &text).map(|config| config.entry).map_err(|error| error.to_string())
    }

    #[test]
    fn a_policy_that_cannot_be_is_told_with_its_cure() {
        for (customer, told) in [
            (
                "trunks = [\"spare\", \"psnt\"]",
                "w.toml:12: customers[0].trunks[1] = \"psnt\": no trunk has this name; did you mean \"pstn\"?",
            ),
            ("trunks = [\"carrier\"]", "no trunk has this name; add it to [[trunks]], or correct the name"),
            ("trunks = [\"pstn\", \"pstn\"]", "customers[0].trunks[1] = \"pstn\": is named twice"),
            (
                "networks = [\"10.1.0.0/8\"]",
                "customers[0].networks[0] = \"10.1.0.0/8\": 10.1.0.0/8 has bits set behind its prefix; did you mean 10.0.0.0/8?",
            ),
            ("recording = \"sometimes\"", "customers[0].recording = \"sometimes\": "),
            (
                "recording = \"always\"",
                "customers[0].recording = \"always\": there is no folder to record to; add [recording] with a folder",
            ),
            ("networks = [\"home\"]", "write an address or a range, such as \"10.0.0.0/8\""),
        ] {
            let error = entry(customer).expect_err(customer);
            assert!(error.contains(told), "{customer}: {error}");
        }
    }

    #[test]
    fn a_policy_that_differs_is_another() {
        let plain = entry("").expect("sound");
        assert_eq!(plain, entry("trunks = []").expect("sound"));
        assert_eq!(plain, entry("recording = \"by_rule\"").expect("sound"));
        for other in ["trunks = [\"pstn\"]", "networks = [\"10.0.0.0/8\"]", "recording = \"never\""] {
            assert_ne!(plain, entry(other).expect("sound"), "{other}");
        }
    }
}
