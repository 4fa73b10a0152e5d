//! `[entry]`: names that last for a while, which SIP and the JSON API take alike, and who gets them.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;
use webtrunk_signalling::auth::ephemeral::EphemeralKeys;
use webtrunk_signalling::auth::ice_servers::{IceSource, IceSources};
use webtrunk_signalling::auth::secret::SecretOctets;

use super::customers::{Around, Customer, CustomerSection};
use super::ephemeral_keys::{self, EphemeralKeySection};
use super::faults::Faults;
use super::logins::{LoginsConfig, LoginsSection};
use super::secret::{Environment, SecretSource, fetch};
use crate::rest::calls::bare;

/// The entry.
#[derive(Debug, Clone, Default)]
pub struct Entry {
    /// The edge's keys.
    pub keys: EphemeralKeys,
    /// TURN and STUN servers that pages are told.
    pub ice: IceSources,
    /// Whose servers may have credentials of the edge made.
    pub customers: Vec<Customer>,
    /// Whether there are customers at all, though all of them may be disabled, or left out, now: then nobody is the user of one that is
    /// not among those above.
    pub has_customers: bool,
    /// How their back ends have logins made; `None` makes none.
    pub logins: Option<LoginsConfig>,
    /// Differs where they do.
    fingerprint: u64,
}

impl Entry {
    /// The same with keys of the store, those of customers by whose they are; `fingerprint` differs where they do.
    pub(super) fn with(
        mut self,
        edge: EphemeralKeys,
        mut of_customers: HashMap<String, EphemeralKeys>,
        fingerprint: u64,
    ) -> Self {
        for customer in &mut self.customers {
            let issuer = &mut customer.issuer;
            if let Some(keys) = of_customers.remove(&issuer.name) {
                issuer.keys = std::mem::take(&mut issuer.keys).with(keys);
            }
        }
        Self { keys: self.keys.with(edge), fingerprint: self.fingerprint ^ fingerprint, ..self }
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.fingerprint == other.fingerprint
    }
}

impl Eq for Entry {}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EntrySection {
    #[serde(default)]
    ephemeral_keys: Vec<EphemeralKeySection>,
    #[serde(default)]
    ice_servers: Vec<IceServersSection>,
    logins: Option<LoginsSection>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IceServersSection {
    urls: Vec<Spanned<String>>,
    secret: Option<Spanned<SecretSource>>,
    lifetime_s: Option<Spanned<u32>>,
}

/// How long passwords of TURN servers are good, in s. Chosen by us: a call may need its server for long.
const ICE_LIFETIME_S: u32 = 3600;

/// How long any of these may be.
const LIFETIME_RANGE_S: std::ops::RangeInclusive<u32> = 10..=86_400;

impl EntrySection {
    pub(super) fn has_inline_secret(&self) -> bool {
        let is_inline =
            |one: &IceServersSection| one.secret.as_ref().is_some_and(|it| it.get_ref().is_inline());
        self.ephemeral_keys.iter().any(EphemeralKeySection::has_inline_secret)
            || self.ice_servers.iter().any(is_inline)
    }

    pub(super) fn check(
        &self,
        customers: &[CustomerSection],
        around: &Around<'_>,
        environment: Environment<'_>,
        faults: &mut Faults<'_>,
    ) -> Entry {
        let mut fingerprint = DefaultHasher::new();
        let keys = ephemeral_keys::check(&self.ephemeral_keys, environment, &mut fingerprint, faults);
        let ice = self.ice_servers.iter().filter_map(|one| one.check(environment, &mut fingerprint, faults));
        let ice = IceSources(ice.collect());
        let (mut names, mut owners) = (HashSet::new(), HashMap::new());
        let mut known = Vec::new();
        for section in customers {
            if !names.insert(section.name()) {
                faults.add(section.name_span(), "another customer has this name", "rename one of them");
            }
            for number in section.numbers() {
                let owner = *owners.entry(bare(number.get_ref())).or_insert_with(|| section.name());
                if owner != section.name() {
                    faults.add(
                        number.span(),
                        "is another customer's number too",
                        "take it out of one of them",
                    );
                }
            }
            if section.has_keys() && self.ephemeral_keys.is_empty() {
                let problem = "its server could get no credentials: the edge has no key to make them by";
                let cure = "add to [entry]: ephemeral_keys = [{ id, secret }]";
                faults.add_absent(&["entry"], section.name_span(), problem, cure);
            }
            if section.has_keys() && !around.has_http {
                faults.add_absent(
                    &["http"],
                    section.name_span(),
                    "credentials are made by [http]",
                    "add [http]",
                );
            }
            if section.has_guests() && self.ephemeral_keys.is_empty() {
                let problem = "its guests could get no credentials: the edge has no key to make them by";
                let cure = "add to [entry]: ephemeral_keys = [{ id, secret }]";
                faults.add_absent(&["entry"], section.name_span(), problem, cure);
            }
            known.push(section.check(around, environment, &mut fingerprint, faults));
        }
        let logins = self.logins.as_ref().map(|section| section.check(&mut fingerprint, faults));
        let has_customers = !known.is_empty();
        Entry { keys, ice, customers: known, has_customers, logins, fingerprint: fingerprint.finish() }
    }

    /// Notes what would keep everybody from a login, where some are to be made.
    pub(super) fn check_logins(&self, has_rest: bool, faults: &mut Faults<'_>) {
        if self.logins.is_some() {
            LoginsSection::check_use(has_rest, !self.ephemeral_keys.is_empty(), faults);
        }
    }
}

impl IceServersSection {
    fn check(
        &self,
        environment: Environment<'_>,
        fingerprint: &mut DefaultHasher,
        faults: &mut Faults<'_>,
    ) -> Option<IceSource> {
        for url in &self.urls {
            let is_turn = ["turn:", "turns:"].iter().any(|scheme| url.get_ref().starts_with(scheme));
            if !is_turn && !url.get_ref().starts_with("stun:") {
                let cure = "write it as browsers have it, such as \"turn:turn.example:3478?transport=udp\"";
                faults.add(url.span(), "is no address of a STUN or TURN server", cure);
            } else if is_turn && self.secret.is_none() {
                let cure = "add secret, which the server has as its static-auth-secret";
                faults.add(url.span(), "is a TURN server, which nobody may use without a password", cure);
            }
        }
        let secret = match &self.secret {
            None => None,
            Some(written) => Some(fetch(written, environment, faults)?),
        };
        let lifetime = check_lifetime(self.lifetime_s.as_ref(), ICE_LIFETIME_S, faults);
        let urls: Vec<_> = self.urls.iter().map(|url| url.get_ref().clone()).collect();
        (&urls, secret.as_ref().map(super::Secret::expose), lifetime).hash(fingerprint);
        let secret = secret.map(|secret| SecretOctets::new(secret.expose().as_bytes().to_vec()));
        Some(IceSource { urls, secret, lifetime })
    }
}

/// A time that something is good, or what is usual.
pub(super) fn check_lifetime(
    written: Option<&Spanned<u32>>,
    usual: u32,
    faults: &mut Faults<'_>,
) -> Duration {
    let seconds = written.map_or(usual, |written| faults.number(written, LIFETIME_RANGE_S, " seconds"));
    Duration::from_secs(seconds.into())
}

#[cfg(test)]
mod tests {
    use super::super::Config;

    const START: &str = "[http]\nbind = \"127.0.0.1:0\"\n[sip_ws]\n";

    fn parse(text: &str) -> Result<super::Entry, String> {
        let parsed = Config::parse("w.toml", &format!("{START}{text}"));
        parsed.map(|config| config.entry).map_err(|error| error.to_string())
    }

    #[test]
    fn an_entry_that_lets_nobody_in_or_cannot_be_is_told_with_its_cure() {
        for (text, told) in [
            (
                "[[customers]]\nname = \"acme\"\nephemeral_keys = [{ id = \"a\", secret = \"north wind and sun\" }]\n",
                "customers[0].name = \"acme\": its server could get no credentials",
            ),
            ("[[customers]]\nname = \"a+b\"\n", "customers[0].name = \"a+b\": is no name of a customer"),
            ("[[customers]]\nname = \"a\"\n[[customers]]\nname = \"a\"\n", "another customer has this name"),
            (
                "[[customers]]\nname = \"a\"\nnumbers = [\"a b\"]\n",
                "customers[0].numbers[0] = \"a b\": is no number",
            ),
            (
                "[[customers]]\nname = \"a\"\nnumbers = [\"+49301\", \"49301\"]\n[[customers]]\nname = \"b\"\nnumbers = [\"7\", \"49301\"]\n",
                "customers[1].numbers[1] = \"49301\": is another customer's number too; take it out of one of them",
            ),
            (
                "[entry]\nephemeral_keys = [{ id = \"k\", secret = \"north wind and sun\" }]\n[[customers]]\nname = \"a\"\nguests = true\ncalls_max = 2\n",
                "customers[0].guests = true: lets anybody call, and not all of origins, calls_max",
            ),
            ("[[customers]]\nname = \"a\"\nlifetime_s = 5\n", "is out of range; write 10 to 86400 seconds"),
            (
                "[entry]\nice_servers = [{ urls = [\"http://turn.example\"] }]\n",
                "is no address of a STUN or TURN server",
            ),
            (
                "[entry]\nice_servers = [{ urls = [\"turn:turn.example\"] }]\n",
                "is a TURN server, which nobody may use without a password",
            ),
            ("[entry]\nephemeral_keys = [{ id = \"k\", secret = \"short\" }]\n", "has fewer than 16 octets"),
            (
                "[entry]\nephemeral_keys = [{ id = \"k\", secret = \"north wind and sun\", not_before = \"now\" }]\n",
                "write a time with its zone",
            ),
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.contains(told), "{text}: {error}");
        }
    }

    #[test]
    fn an_entry_that_differs_in_a_secret_is_another_and_shows_none() {
        let with = |secret: &str| {
            let keys = format!("ephemeral_keys = [{{ id = \"k\", secret = \"{secret}\" }}]\n");
            parse(&format!("[entry]\n{keys}[[customers]]\nname = \"acme\"\n{keys}")).expect("sound")
        };
        let one = with("north wind and sun");
        assert_eq!(one, with("north wind and sun"));
        assert_ne!(one, with("sun and north wind"));
        assert!(!format!("{one:?}").contains("north wind"), "{one:?}");
    }
}
