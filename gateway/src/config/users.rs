//! `[[users]]`: who may register and call.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde::Deserialize;
use toml::Spanned;
use webtrunk_signalling::auth::digest::{Algorithm, Credentials, Ha1};

use super::accounts::UpstreamSection;
use super::faults::Faults;
use super::limits::LimitsSection;
use super::secret::{Environment, SecretSource, fetch};

/// The users, by name, and what their passwords are checked by: one hash at least, and of one
/// algorithm all have a hash.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Users {
    known: HashMap<String, Vec<Ha1>>,
    /// Whom the store has, and who are not let in now.
    disabled: HashSet<String>,
}

/// The algorithms in the order in which they are offered (RFC 8760 2.3): MD5 last, since libraries of
/// browsers speak nothing else and look at the last challenge only.
const ALGORITHMS: [Algorithm; 2] = [Algorithm::Sha256, Algorithm::Md5];

/// The hashes of a password, one for each algorithm.
#[must_use]
pub fn hashes(user: &str, realm: &str, password: &str) -> Vec<Ha1> {
    ALGORITHMS.into_iter().map(|algorithm| Ha1::new(algorithm, user, realm, password)).collect()
}

impl Users {
    /// Adds a user, in place of one of the same name.
    pub fn insert(&mut self, name: &str, hashes: Vec<Ha1>) {
        self.known.insert(name.to_owned(), hashes);
    }

    /// Has none of these let in, by whatever they prove themselves: the store has them, and they are disabled.
    pub(super) fn disable(&mut self, disabled: HashSet<String>) {
        self.disabled = disabled;
    }

    /// Each name, with a text that differs where its hashes do; in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, String)> {
        let words = |hashes: &[Ha1]| hashes.iter().map(|hash| hash.as_hex()).collect::<Vec<_>>().join(" ");
        self.known.iter().map(move |(name, hashes)| (name.as_str(), words(hashes)))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Whether there is a user of this name.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.known.contains_key(name)
    }

    /// The algorithms of which every user has a hash: only those can be offered, for a client takes
    /// the strongest one that it is offered.
    #[must_use]
    pub fn algorithms(&self) -> Vec<Algorithm> {
        let has = |hashes: &Vec<Ha1>, algorithm| hashes.iter().any(|hash| hash.algorithm() == algorithm);
        let have_all = |algorithm: &Algorithm| self.known.values().all(|hashes| has(hashes, *algorithm));
        ALGORITHMS.into_iter().filter(have_all).collect()
    }
}

impl Credentials for Users {
    /// The realm is not asked for: the hashes were made for the only one that there is.
    fn ha1(&self, user: &str, _realm: &str, algorithm: Algorithm) -> Option<Ha1> {
        self.known.get(user)?.iter().find(|hash| hash.algorithm() == algorithm).cloned()
    }

    fn is_gone(&self, user: &str, _realm: &str) -> bool {
        self.disabled.contains(user)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UserSection {
    name: Spanned<String>,
    ha1_md5: Option<Spanned<SecretSource>>,
    ha1_sha256: Option<Spanned<SecretSource>>,
    #[serde(default)]
    groups: Vec<Spanned<String>>,
    #[serde(default)]
    supervises: Vec<Spanned<String>>,
    mailbox: Option<Spanned<String>>,
    calls_max: Option<Spanned<u32>>,
    #[serde(default)]
    limits: LimitsSection,
    #[serde(default)]
    upstream: Vec<UpstreamSection>,
}

impl UserSection {
    pub(super) fn name(&self) -> &str {
        self.name.get_ref()
    }

    pub(super) fn has_inline_secret(&self) -> bool {
        [&self.ha1_md5, &self.ha1_sha256].into_iter().flatten().any(|source| source.get_ref().is_inline())
            || self.upstream.iter().any(UpstreamSection::has_inline_secret)
    }

    pub(super) const fn calls_max(&self) -> Option<&Spanned<u32>> {
        self.calls_max.as_ref()
    }

    pub(super) const fn limits(&self) -> &LimitsSection {
        &self.limits
    }

    pub(super) fn upstream(&self) -> &[UpstreamSection] {
        &self.upstream
    }

    fn check(&self, environment: Environment<'_>, faults: &mut Faults<'_>) -> Vec<Ha1> {
        let name = self.name.get_ref();
        if !is_name(name) {
            faults.add(self.name.span(), "is no user name", NAME_CURE);
        }
        for group in self.groups.iter().filter(|group| !is_name(group.get_ref())) {
            faults.add(group.span(), "is no name of a group", NAME_CURE);
        }
        let sources = [(Algorithm::Sha256, &self.ha1_sha256), (Algorithm::Md5, &self.ha1_md5)];
        if sources.iter().all(|(_, source)| source.is_none()) {
            let problem = format!("user {name:?} has no password");
            faults.add_missing(self.name.span(), problem, "add the lines that `webtrunk password` prints");
        }
        let written =
            sources.into_iter().filter_map(|(algorithm, source)| Some((algorithm, source.as_ref()?)));
        written.filter_map(|(algorithm, source)| hash(algorithm, source, environment, faults)).collect()
    }
}

/// Who is in which group.
pub(super) fn groups(sections: &[UserSection]) -> HashMap<&str, HashSet<&str>> {
    let mut groups: HashMap<_, HashSet<_>> = HashMap::new();
    for section in sections {
        for group in &section.groups {
            groups.entry(group.get_ref().as_str()).or_default().insert(section.name());
        }
    }
    groups
}

/// The groups of everybody.
pub(super) fn groups_of(sections: &[UserSection]) -> HashMap<String, BTreeSet<String>> {
    let groups = |section: &UserSection| section.groups.iter().map(|group| group.get_ref().clone()).collect();
    sections.iter().map(|section| (section.name().to_owned(), groups(section))).collect()
}

/// The groups whose users each supervisor may listen to.
pub(super) fn check_supervised(
    sections: &[UserSection],
    faults: &mut Faults<'_>,
) -> HashMap<String, BTreeSet<String>> {
    let known = groups(sections);
    let mut supervised = HashMap::new();
    for section in sections.iter().filter(|section| !section.supervises.is_empty()) {
        for group in section.supervises.iter().filter(|group| !known.contains_key(group.get_ref().as_str())) {
            let problem = format!("no user is in the group {:?}", group.get_ref());
            let cure = "write it into users[].groups of those who are supervised";
            faults.add_absent(&["users"], group.span(), problem, cure);
        }
        let groups = section.supervises.iter().map(|group| group.get_ref().clone()).collect();
        supervised.insert(section.name().to_owned(), groups);
    }
    supervised
}

/// Whose the mailboxes are that trunks call by another name than their users'.
pub(super) fn check_mailboxes(sections: &[UserSection], faults: &mut Faults<'_>) -> HashMap<String, String> {
    let mut mailboxes = HashMap::new();
    for section in sections {
        let Some(mailbox) = &section.mailbox else { continue };
        if !is_name(mailbox.get_ref()) {
            faults.add(mailbox.span(), "is no name of a mailbox", NAME_CURE);
        }
        if mailboxes.insert(mailbox.get_ref().clone(), section.name().to_owned()).is_some() {
            faults.add(mailbox.span(), "another user has this mailbox", "give each user one of its own");
        }
    }
    mailboxes
}

/// Checks all users; a name may be taken once.
pub(super) fn check(
    sections: &[UserSection],
    environment: Environment<'_>,
    faults: &mut Faults<'_>,
) -> Users {
    let mut users = Users::default();
    let mut is_sound = true;
    for section in sections {
        if users.contains(section.name()) {
            faults.add(section.name.span(), "another user has this name", "rename one of them");
        }
        let hashes = section.check(environment, faults);
        is_sound &= !hashes.is_empty();
        users.insert(section.name(), hashes);
    }
    if is_sound && !faults.is_partial(&["users"]) && users.algorithms().is_empty() {
        let problem =
            "some users have ha1_md5 only and some ha1_sha256 only, so nothing can be offered to all";
        faults.add_to_file(problem, "give all users ha1_md5, which browsers need");
    }
    users
}

/// What names of users and trunks are made of: nothing that SIP would have to escape or quote.
pub(crate) fn is_name(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.+".contains(&byte);
    !text.is_empty() && text.len() <= 64 && text.bytes().all(is_allowed)
}

/// The cure for a bad name.
pub(crate) const NAME_CURE: &str = "use 1 to 64 letters, digits and - _ . +";

fn hash(
    algorithm: Algorithm,
    source: &Spanned<SecretSource>,
    environment: Environment<'_>,
    faults: &mut Faults<'_>,
) -> Option<Ha1> {
    let secret = fetch(source, environment, faults)?;
    let hash = Ha1::from_hex(algorithm, secret.expose());
    if hash.is_none() {
        let problem = format!("is no {} hash in hexadecimal digits", algorithm.name());
        faults.add(source.span(), problem, "take the line that `webtrunk password NAME` prints");
    }
    hash
}
