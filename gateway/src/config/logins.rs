//! `[entry.logins]` and `customers[].logins`: the gateway as a customer's servlet.

use std::hash::{DefaultHasher, Hash};
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;
use webtrunk_signalling::auth::logins::{LoginPolicy, PER_MINUTE};
use webtrunk_signalling::auth::validity::CLOCK_LEEWAY;
use webtrunk_signalling::http::WebOrigin;

use super::faults::Faults;
use super::sip_ws::check_origin;

/// How logins are made.
#[derive(Debug, Clone)]
pub struct LoginsConfig {
    /// How far the clock of who asks may be from ours.
    pub clock: Duration,
    /// Where pages reach the gateway; `None` is where it is asked.
    pub public: Option<WebOrigin>,
}

/// How far clocks may be apart. Chosen by us: whoever has no clock that is set has no use of what lasts for minutes.
const CLOCK_RANGE_S: std::ops::RangeInclusive<u32> = 1..=600;

/// How many logins in a minute may be said. Chosen by us: more than any customer's people make.
const PER_MINUTE_RANGE: std::ops::RangeInclusive<u32> = 1..=100_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LoginsSection {
    clock_s: Option<Spanned<u32>>,
    public: Option<Spanned<String>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CustomerLoginsSection {
    #[serde(default)]
    users: Vec<Spanned<String>>,
    per_minute: Option<Spanned<u32>>,
}

impl LoginsSection {
    /// Checks the section; `fingerprint` differs where it does.
    pub(super) fn check(&self, fingerprint: &mut DefaultHasher, faults: &mut Faults<'_>) -> LoginsConfig {
        let clock = self.clock_s.as_ref().map(|written| faults.number(written, CLOCK_RANGE_S, " seconds"));
        let clock = clock.map_or(CLOCK_LEEWAY, |seconds| Duration::from_secs(seconds.into()));
        let public = self.public.as_ref().and_then(|written| check_origin(written, faults));
        ("logins", clock, format!("{public:?}")).hash(fingerprint);
        LoginsConfig { clock, public }
    }

    /// Notes what would keep everybody from a login.
    pub(super) fn check_use(has_rest: bool, has_edge_key: bool, faults: &mut Faults<'_>) {
        if !has_rest && !faults.is_partial(&["rest"]) {
            let problem = "[entry.logins] is served by [rest], which is missing";
            faults.add_to_file(problem, "add [rest]");
        }
        if !has_edge_key && !faults.is_partial(&["entry"]) && !faults.is_open("entry") {
            let problem = "[entry.logins] could make none: the edge has no key to make them by";
            faults.add_to_file(problem, "add to [entry]: ephemeral_keys = [{ id, secret }]");
        }
    }
}

impl CustomerLoginsSection {
    /// Checks a customer's policy; `fingerprint` differs where it does.
    pub(super) fn check(&self, fingerprint: &mut DefaultHasher, faults: &mut Faults<'_>) -> LoginPolicy {
        let cure = "write names, or how they begin and a star, such as \"agent-*\", without the customer's before them";
        let users = faults.parse_all(&self.users, cure);
        let per_minute = self.per_minute.as_ref();
        let per_minute =
            per_minute.map_or(PER_MINUTE, |written| faults.number(written, PER_MINUTE_RANGE, ""));
        let policy = LoginPolicy { users, per_minute };
        policy.hash(fingerprint);
        policy
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Config, Entry};
    use super::*;

    const START: &str = "[http]\nbind = \"127.0.0.1:0\"\n[sip_ws]\n";
    const EDGE: &str = "[entry]\nephemeral_keys = [{ id = \"k\", secret = \"north wind and sun\" }]\n";

    fn parse(text: &str) -> Result<Entry, String> {
        let parsed = Config::parse("w.toml", &format!("{START}{text}"));
        parsed.map(|config| config.entry).map_err(|error| error.to_string())
    }

    #[test]
    fn nobody_has_logins_made_unless_the_file_says_so_and_then_for_all_of_a_customer() {
        assert!(parse("[[customers]]\nname = \"acme\"\n").expect("sound").logins.is_none());
        let text = format!("[rest]\n{EDGE}[entry.logins]\n[[customers]]\nname = \"acme\"\n");
        let entry = parse(&text).expect("sound");
        let logins = entry.logins.as_ref().expect("they are made");
        assert_eq!((logins.clock, &logins.public), (Duration::from_secs(30), &None));
        assert_eq!(entry.customers[0].logins, LoginPolicy { users: Vec::new(), per_minute: 120 });
        for other in ["clock_s = 31\n", "public = \"https://phone.example\"\n"] {
            let other = text.replace("[entry.logins]\n", &format!("[entry.logins]\n{other}"));
            assert_ne!(parse(&other).expect("sound"), entry, "{other}");
        }
        for other in ["users = [\"a*\"]", "per_minute = 7"] {
            assert_ne!(parse(&format!("{text}logins = {{ {other} }}\n")).expect("sound"), entry, "{other}");
        }
    }

    #[test]
    fn what_cannot_be_is_told_with_its_cure() {
        let own = |more: &str| format!("[rest]\n{EDGE}[entry.logins]\n{more}");
        let of_customer =
            |more: &str| own(&format!("[[customers]]\nname = \"acme\"\nlogins = {{ {more} }}\n"));
        for (text, told) in [
            (own("clock_s = 0\n"), "entry.logins.clock_s = 0: is out of range; write 1 to 600 seconds"),
            (own("public = \"phone\"\n"), "entry.logins.public = \"phone\": is no origin"),
            (
                own("").replace("[rest]\n", ""),
                "[entry.logins] is served by [rest], which is missing; add [rest]",
            ),
            (own("").replace(EDGE, ""), "[entry.logins] could make none: the edge has no key"),
            (
                of_customer("users = [\"acme+alice\"]"),
                "customers[0].logins.users[0] = \"acme+alice\": is no name, nor how names begin; write names",
            ),
            (of_customer("per_minute = 0"), "customers[0].logins.per_minute = 0: is out of range"),
        ] {
            let error = parse(&text).expect_err(&text);
            assert!(error.contains(told), "{text}: {error}");
        }
    }
}
