//! `users[].upstream`: the accounts that users have at trunks, and `calls_max`, how many calls each may have.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Deserialize;
use toml::Spanned;
use webtrunk_signalling::auth::issuer::CUSTOMER_MARK;
use webtrunk_signalling::sip::upstream::RegistrationConfig;

use super::customers::CustomerSection;
use super::faults::Faults;
use super::nearest::meant;
use super::secret::Environment;
use super::trunk_credentials::CredentialsSection;
use super::trunks::{Trunk, check_expires};
use super::users::{NAME_CURE, UserSection, is_name};

/// How many calls each user may have at one time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserLimits {
    usual: Option<usize>,
    own: BTreeMap<String, usize>,
    /// Of all users of a customer together.
    customers: BTreeMap<String, Option<usize>>,
}

/// An account of a user at a trunk.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UpstreamSection {
    trunk: Spanned<String>,
    user: Spanned<String>,
    expires_s: Option<Spanned<u32>>,
    credentials: CredentialsSection,
}

impl UserLimits {
    /// How many a user may have; `None`, as many as there are.
    #[must_use]
    pub fn of(&self, user: &str) -> Option<usize> {
        // Nothing behind the mark is all users of a customer: a name that ends in one is a user's.
        match user
            .split_once(CUSTOMER_MARK)
            .and_then(|(customer, name)| Some((self.customers.get(customer)?, name)))
        {
            Some((together, "")) => *together,
            _ => self.own.get(user).copied().or(self.usual),
        }
    }

    /// The same, where these users have no more than is usual: their own back ends say what they have.
    pub(super) fn within_usual<'u>(mut self, users: impl Iterator<Item = &'u String>) -> Self {
        let Some(usual) = self.usual else { return self };
        for user in users {
            if let Some(own) = self.own.get_mut(user) {
                *own = usual.min(*own);
            }
        }
        self
    }

    pub(super) fn check(
        usual: Option<&Spanned<u32>>,
        sections: &[UserSection],
        customers: &[CustomerSection],
        faults: &mut Faults<'_>,
    ) -> Self {
        let mut read = |written: &Spanned<u32>| {
            if *written.get_ref() == 0 {
                faults.add(
                    written.span(),
                    "is out of range",
                    "write 1 or more; to have no calls, write no rule",
                );
            }
            *written.get_ref() as usize
        };
        let usual = usual.map(&mut read);
        let own = sections.iter().filter_map(|user| Some((user.name().to_owned(), read(user.calls_max()?))));
        let own = own.collect();
        let of_customers = customers.iter().map(|it| (it.name().to_owned(), it.calls_max().map(&mut read)));
        Self { usual, own, customers: of_customers.collect() }
    }
}

impl UpstreamSection {
    pub(super) fn has_inline_secret(&self) -> bool {
        self.credentials.has_inline_secret()
    }
}

/// Adds the users' accounts to the trunks that they are at.
pub(super) fn add(
    sections: &[UserSection],
    trunks: &mut [Trunk],
    environment: Environment<'_>,
    faults: &mut Faults<'_>,
) {
    let mut taken: Vec<_> = trunks.iter().map(Taken::of).collect();
    let places: HashMap<_, _> =
        trunks.iter().enumerate().rev().map(|(at, trunk)| (trunk.sip.name.clone(), at)).collect();
    for section in sections {
        for account in section.upstream() {
            let place = places.get(account.trunk.get_ref()).copied();
            let at = place.and_then(|at| Some((trunks.get_mut(at)?, taken.get_mut(at)?)));
            match at {
                Some(at) => add_one(section.name(), account, at, environment, faults),
                None => {
                    let known = trunks.iter().map(|known| known.sip.name.as_str());
                    let cure =
                        meant(account.trunk.get_ref(), known, "add it to [[trunks]], or correct the name");
                    faults.add_absent(&["trunks"], account.trunk.span(), "no trunk has this name", cure);
                }
            }
        }
    }
}

/// What a trunk's accounts have, of which each may be had once: thousands of users may have one there.
struct Taken {
    users: HashSet<String>,
    owners: HashSet<String>,
}

impl Taken {
    fn of(trunk: &Trunk) -> Self {
        let registrations = &trunk.sip.registrations;
        Self {
            users: registrations.iter().map(|it| it.user.clone()).collect(),
            owners: registrations.iter().filter_map(|it| it.of_user.clone()).collect(),
        }
    }
}

fn add_one(
    owner: &str,
    account: &UpstreamSection,
    (at, taken): (&mut Trunk, &mut Taken),
    environment: Environment<'_>,
    faults: &mut Faults<'_>,
) {
    let UpstreamSection { trunk, user, expires_s, credentials } = account;
    if !is_name(user.get_ref()) {
        faults.add(user.span(), "is no user part of an address", NAME_CURE);
    }
    let expires = check_expires(expires_s.as_ref(), faults);
    let credentials = credentials.fetch(environment, faults);
    if taken.users.contains(user.get_ref()) {
        faults.add(user.span(), "is registered twice at this trunk", "take one out");
    }
    if taken.owners.contains(owner) {
        faults.add(trunk.span(), "this user has an account there already", "take one out");
    }
    if credentials.is_some() {
        let (user, of_user) = (user.get_ref().clone(), Some(owner.to_owned()));
        taken.users.insert(user.clone());
        taken.owners.insert(owner.to_owned());
        at.sip.registrations.push(RegistrationConfig { user, expires, credentials, of_user });
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::path::Path;
    use std::time::Duration;

    use serde::Deserialize;

    use super::super::document::Document;
    use super::super::{Config, structure};
    use super::*;

    #[test]
    fn a_user_has_its_own_bound_whatever_its_name_ends_in_and_a_customer_has_that_of_all() {
        let start = "[http]\n[[sip.listeners]]\ntransport = \"udp\"\nbind = \"127.0.0.1:0\"\n";
        let customers = "[[customers]]\nname = \"acme\"\ncalls_max = 9\n[[customers]]\nname = \"bolt\"\n";
        let text = format!("{start}[sip]\ncalls_per_user = 2\n{customers}");
        let limits = Config::parse("w.toml", &text).expect("sound").user_limits;
        for (user, calls) in
            [("alice", 2), ("acme+alice", 2), ("acme+alice+", 2), ("acme++", 2), ("x+", 2), ("acme+", 9)]
        {
            assert_eq!(limits.of(user), Some(calls), "{user}");
        }
        assert_eq!(limits.of("bolt+"), None, "all of bolt's together have as many as there are");
    }

    const TRUNK: &str = "[[sip.listeners]]\ntransport = \"udp\"\nbind = \"127.0.0.1:0\"\n\
        [[trunks]]\nname = \"pstn\"\nhost = \"127.0.0.2\"\nnetworks = [\"127.0.0.2\"]\n";

    /// The users of a file.
    #[derive(Deserialize)]
    struct Users {
        users: Vec<UserSection>,
    }

    /// So many users, each with an account at one trunk.
    fn with_accounts(users: usize) -> String {
        (0..users).fold(String::new(), |mut text, number| {
            let _ = write!(
                text,
                "[[users]]\nname = \"u{number}\"\nha1_md5 = \"{number:032x}\"\n[[users.upstream]]\ntrunk = \"pstn\"\nuser = \"9{number}\"\n\
                 credentials = {{ user = \"9{number}\", password = \"sesame-{number}\" }}\n"
            );
            text
        })
    }

    #[test]
    fn each_user_with_an_account_has_it_at_its_trunk() {
        let config = Config::parse("w.toml", &format!("{TRUNK}{}", with_accounts(100))).expect("sound");
        assert_eq!(config.trunks[0].sip.registrations.len(), 100);
    }

    /// For how long this thread has worked, by the kernel's tick: others are at work on this machine.
    fn worked() -> Duration {
        let told = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux tells");
        let nanoseconds = told.split(' ').next().and_then(|time| time.parse().ok());
        Duration::from_nanos(nanoseconds.expect("the first is the time on a processor"))
    }

    /// As many in all, once in few files of many and once in many of few. Fails where each account is compared with all others.
    #[test]
    fn ten_thousand_users_with_accounts_are_checked_in_time_that_grows_as_they_do() {
        let trunks = Config::parse("w.toml", TRUNK).expect("sound").trunks;
        let time = |(users, files): (usize, usize)| {
            let document = Document::new(Path::new("w.toml"), with_accounts(users));
            let mut faults = Faults::new(&document);
            let users: Users = structure::read(&mut faults).expect("sound");
            let begun = worked();
            for _ in 0..files {
                let mut trunks = trunks.clone();
                add(&users.users, &mut trunks, &|_| None, &mut faults);
                assert_eq!(trunks[0].sip.registrations.len(), users.users.len());
            }
            worked() - begun
        };
        let [few, many] = [(1250, 80), (10_000, 10)].map(time);
        assert!(many < few * 3, "80 times 1,250 users: {few:?}, ten times 10,000: {many:?}");
    }
}
