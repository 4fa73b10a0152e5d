//! `[limits]`, `[[groups]]`, `users[].limits`, `trunks[].limits`: what calls may cost.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;
use webtrunk_signalling::adapter::Origin;
use webtrunk_signalling::auth::issuer::{CUSTOMER_MARK, customer_of};
use webtrunk_signalling::spending::{CallLimits, Numbers};

use super::customers::CustomerSection;
use super::faults::Faults;
use super::nearest::meant;
use super::trunks::TrunkSection;
use super::users::{UserSection, groups_of};

/// What each user, and each trunk, may cost.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SpendingLimits {
    users: BTreeMap<String, Arc<CallLimits>>,
    /// Of users whom a token names and no configuration.
    everybody: Option<Arc<CallLimits>>,
    /// Of each user of a customer, and of all of them together.
    customers: BTreeMap<String, [Option<Arc<CallLimits>>; 2]>,
    trunks: BTreeMap<String, Arc<CallLimits>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LimitsSection {
    calls_per_minute: Option<Spanned<u32>>,
    minutes_per_day: Option<Spanned<u32>>,
    call_max_s: Option<Spanned<u32>>,
    #[serde(default)]
    numbers_allow: Vec<Spanned<String>>,
    #[serde(default)]
    numbers_deny: Vec<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GroupSection {
    name: Spanned<String>,
    #[serde(default)]
    limits: LimitsSection,
}

/// The cure for a bad beginning of a number.
const PREFIX_CURE: &str = "write digits, such as \"+882\" or \"0900\"";

/// A day.
const CALL_MAX_S: u32 = 24 * 60 * 60;

impl SpendingLimits {
    /// Of who pays; `None` where nothing is limited.
    #[must_use]
    pub fn of(&self, payer: &Origin) -> Option<Arc<CallLimits>> {
        match payer {
            // Who is configured and has none here has none of everybody's either.
            Origin::User(user) => self.users.get(user).cloned().or_else(|| self.of_unnamed(user)),
            Origin::Trunk(trunk) => self.trunks.get(trunk).cloned(),
        }
    }

    /// A user's own limits go before those of its groups, of which all hold, and these before everybody's.
    pub(super) fn check(
        everybody: &LimitsSection,
        groups: &[GroupSection],
        users: &[UserSection],
        trunks: &[TrunkSection],
        faults: &mut Faults<'_>,
    ) -> Self {
        let everybody = everybody.check(faults);
        let groups = check_groups(groups, users, faults);
        let members = groups_of(users);
        let mut limits_of = |user: &UserSection| {
            let own = user.limits().check(faults);
            let theirs =
                members.get(user.name()).into_iter().flatten().filter_map(|name| groups.get(name.as_str()));
            let of_groups = theirs.fold(CallLimits::default(), CallLimits::and);
            own.or(&of_groups).or(&everybody)
        };
        let users = users.iter().map(|user| (user.name().to_owned(), limits_of(user))).collect::<Vec<_>>();
        let trunks = trunks.iter().map(|trunk| {
            if let Some(rate) = &trunk.limits().calls_per_minute {
                faults.add(rate.span(), "is for users", "write calls_per_second beside limits");
            }
            (trunk.name().to_owned(), trunk.limits().check(faults))
        });
        let trunks = trunks.collect::<Vec<_>>();
        let everybody = Some(everybody).filter(|all| *all != CallLimits::default()).map(Arc::new);
        Self { users: some(users), everybody, customers: BTreeMap::new(), trunks: some(trunks) }
    }

    /// The same with those of customers' users, which go before everybody's; of those whom the configuration names too, both hold.
    pub(super) fn with_customers(self, customers: &[CustomerSection], faults: &mut Faults<'_>) -> Self {
        let everybody = self.everybody.as_deref().cloned().unwrap_or_default();
        let some = |limits: CallLimits| (limits != CallLimits::default()).then(|| Arc::new(limits));
        let limits = customers.iter().map(|customer| {
            let of_each = some(customer.limits().check(faults).or(&everybody));
            (customer.name().to_owned(), [of_each, some(customer.limits_together().check(faults))])
        });
        let customers: BTreeMap<String, [Option<Arc<CallLimits>>; 2]> = limits.collect();
        let named = self.users.into_iter().map(|(user, own)| {
            let owner = customer_of(&user).and_then(|owner| customers.get(owner));
            let of_each = owner.and_then(|[of_each, _]| of_each.as_deref());
            let both = of_each.map_or(Arc::clone(&own), |of_each| Arc::new((*own).clone().and(of_each)));
            (user, both)
        });
        Self { users: named.collect(), customers, ..self }
    }

    /// Of a user whom no `[[users]]` names: its customer's, or everybody's.
    fn of_unnamed(&self, user: &str) -> Option<Arc<CallLimits>> {
        let Some((limits, name)) = self.of_customer(user) else { return self.everybody.clone() };
        let [of_each, together] = limits;
        // Nothing behind the mark is all of them: a name that ends in one is a user's.
        if name.is_empty() { together.clone() } else { of_each.clone() }
    }

    /// Whether a name is that of a customer's user.
    pub(crate) fn is_of_customer(&self, user: &str) -> bool {
        self.of_customer(user).is_some()
    }

    /// A customer's limits, and the name of its user there.
    fn of_customer<'u>(&self, user: &'u str) -> Option<(&[Option<Arc<CallLimits>>; 2], &'u str)> {
        let (customer, name) = user.split_once(CUSTOMER_MARK)?;
        Some((self.customers.get(customer)?, name))
    }
}

impl LimitsSection {
    /// Whether calls end, and go to numbers that are named.
    pub(super) const fn bounds_calls(&self) -> bool {
        self.call_max_s.is_some() && !self.numbers_allow.is_empty()
    }

    fn check(&self, faults: &mut Faults<'_>) -> CallLimits {
        let mut number = |written: &Option<Spanned<u32>>, most: u32| {
            let cure = "; to have no calls, write no rule";
            NonZeroU32::new(faults.number(written.as_ref()?, 1..=most, cure))
        };
        let calls_per_minute = number(&self.calls_per_minute, 100_000);
        let minutes_per_day = number(&self.minutes_per_day, 10_000_000);
        let call_max = number(&self.call_max_s, CALL_MAX_S);
        let numbers = Numbers {
            allow: faults.parse_all(&self.numbers_allow, PREFIX_CURE),
            deny: faults.parse_all(&self.numbers_deny, PREFIX_CURE),
        };
        CallLimits {
            calls_per_minute,
            minutes_per_day,
            call_max: call_max.map(|seconds| Duration::from_secs(seconds.get().into())),
            numbers: if numbers == Numbers::default() { Vec::new() } else { vec![numbers] },
        }
    }
}

fn check_groups<'g>(
    sections: &'g [GroupSection],
    users: &[UserSection],
    faults: &mut Faults<'_>,
) -> HashMap<&'g str, CallLimits> {
    let known: HashSet<_> = groups_of(users).into_values().flatten().collect();
    let mut groups = HashMap::new();
    for section in sections {
        let name = section.name.get_ref().as_str();
        if !known.contains(name) {
            let cure = meant(name, known.iter().map(String::as_str), "put users into it by groups");
            faults.add_absent(&["users"], section.name.span(), "nobody is in this group", cure);
        }
        if groups.insert(name, section.limits.check(faults)).is_some() {
            faults.add(section.name.span(), "another group has this name", "write its limits once");
        }
    }
    groups
}

/// Those that limit something.
fn some(all: Vec<(String, CallLimits)>) -> BTreeMap<String, Arc<CallLimits>> {
    let limited = all.into_iter().filter(|(_, limits)| *limits != CallLimits::default());
    limited.map(|(name, limits)| (name, Arc::new(limits))).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{Config, ConfigError};
    use super::*;

    const START: &str = "[http]\n[[sip.listeners]]\ntransport = \"udp\"\nbind = \"127.0.0.1:0\"\n";

    fn user(name: &str, lines: &str) -> String {
        format!("[[users]]\nname = {name:?}\nha1_md5 = \"{}\"\n{lines}\n", "a".repeat(32))
    }

    fn parse(text: &str) -> Result<Config, ConfigError> {
        Config::parse("w.toml", &format!("{START}{text}"))
    }

    fn told(text: &str) -> Vec<String> {
        match parse(text) {
            Err(ConfigError::Faulty(faults)) => faults.iter().map(ToString::to_string).collect(),
            other => panic!("it is faulty: {other:?}"),
        }
    }

    #[test]
    fn a_user_s_own_limits_go_before_its_groups_and_these_before_everybody_s() {
        let config = parse(
            &("[limits]\nminutes_per_day = 500\ncall_max_s = 60\nnumbers_deny = [\"+882\"]\n".to_owned()
                + "[[groups]]\nname = \"sales\"\nlimits = { minutes_per_day = 100, calls_per_minute = 9 }\n"
                + "[[groups]]\nname = \"night\"\nlimits = { minutes_per_day = 50, numbers_allow = [\"+49\"] }\n"
                + &user("alice", "groups = [\"sales\", \"night\"]\nlimits = { calls_per_minute = 3 }")
                + &user("bob", "groups = [\"sales\"]")
                + &user("carol", "")
                + "[[customers]]\nname = \"acme\"\nlimits = { minutes_per_day = 20, numbers_allow = [\"+43\"] }\nlimits_together = { minutes_per_day = 90 }\n"
                + "[[trunks]]\nname = \"t\"\nhost = \"192.0.2.1\"\nlimits = { minutes_per_day = 7 }\n"
                + "[[trunks]]\nname = \"u\"\nhost = \"192.0.2.2\"\n"),
        );
        let spending = config.expect("sound").spending;
        let of = |name: &str| spending.of(&Origin::User(name.to_owned())).expect("limits");
        let figures = |name| {
            let limits = of(name);
            let numbers =
                [limits.calls_per_minute, limits.minutes_per_day].map(|it| it.map_or(0, NonZeroU32::get));
            (numbers, limits.call_max.map(|max| max.as_secs()))
        };
        assert_eq!(figures("alice"), ([3, 50], Some(60)));
        assert_eq!(figures("bob"), ([9, 100], Some(60)));
        assert_eq!(figures("carol"), ([0, 500], Some(60)));
        assert!(of("alice").allow("+491") && !of("alice").allow("+431"), "the night's");
        assert!(of("bob").allow("+431") && !of("bob").allow("+8821"), "everybody's");
        assert_eq!(figures("of a token"), ([0, 500], Some(60)));
        assert_eq!(figures("acme+alice"), ([0, 20], Some(60)));
        assert_eq!(figures("acme+"), ([0, 90], None), "all of them together");
        for name in ["acme+alice+", "acme++"] {
            assert_eq!(figures(name), ([0, 20], Some(60)), "{name} is one of them");
        }
        assert_eq!(figures("bolt+alice"), ([0, 500], Some(60)), "that is no customer");
        assert!(of("acme+alice").allow("+431") && !of("acme+alice").allow("+491"), "the customer's");
        assert!(!of("of a token").allow("+8821"), "whom no configuration names has everybody's");
        let trunk = |name: &str| spending.of(&Origin::Trunk(name.to_owned()));
        assert_eq!(trunk("t").and_then(|limits| limits.minutes_per_day), NonZeroU32::new(7));
        assert_eq!(trunk("u"), None);
    }

    #[test]
    fn what_makes_no_sense_is_told_with_its_cure() {
        let alice = user("alice", "groups = [\"sales\"]");
        let faults = told(
            &("[limits]\nminutes_per_day = 0\nnumbers_deny = [\"premium\"]\n".to_owned()
                + "[[groups]]\nname = \"sale\"\n"
                + &alice
                + "[[trunks]]\nname = \"t\"\nhost = \"192.0.2.1\"\nlimits = { calls_per_minute = 7 }\n"),
        );
        let expected = [
            "w.toml:6: limits.minutes_per_day = 0: is out of range; write 1 to 10000000; to have no calls, write no rule",
            "w.toml:7: limits.numbers_deny[0] = \"premium\": is no beginning of a number; write digits, such as \"+882\" or \"0900\"",
            "w.toml:9: groups[0].name = \"sale\": nobody is in this group; did you mean \"sales\"?",
            "w.toml:17: trunks[0].limits.calls_per_minute = 7: is for users; write calls_per_second beside limits",
        ];
        assert_eq!(faults, expected);
    }
}
