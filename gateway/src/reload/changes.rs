//! What differs between two configurations of what there are several of: rules, users, trunks, prompts, by name.

use std::collections::{BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

use webtrunk_codecs::wav::Clip;
use webtrunk_signalling::routing::RuleSpec;

use crate::config::{Config, Trunk};

/// What became of the things of one kind, by their names.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    pub(super) added: Vec<String>,
    pub(super) removed: Vec<String>,
    pub(super) changed: Vec<String>,
}

impl Changes {
    /// Of things by their names, compared by all that they say.
    fn between<T: PartialEq>(old: &[(String, T)], new: &[(String, T)]) -> Self {
        let [before, now] =
            [old, new].map(|list| list.iter().map(|(name, own)| (name, own)).collect::<HashMap<_, _>>());
        let missing = |here: &[(String, T)], there: &HashMap<&String, &T>| {
            here.iter().map(|(name, _)| name).filter(|name| !there.contains_key(name)).cloned().collect()
        };
        let is_changed = |(name, own): &&(String, T)| before.get(name).is_some_and(|before| *before != own);
        Self {
            added: missing(new, &before),
            removed: missing(old, &now),
            changed: new.iter().filter(is_changed).map(|(name, _)| name.clone()).collect(),
        }
    }

    fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// What was added, removed and changed of each kind of which something was.
pub(super) fn named(old: &Config, new: &Config) -> Vec<(&'static str, Changes)> {
    let kinds = [
        ("rules", Changes::between(&rules(old), &rules(new))),
        ("users", Changes::between(&users(old), &users(new))),
        ("trunks", Changes::between(&trunks(old), &trunks(new))),
        ("prompts", Changes::between(&prompts(old), &prompts(new))),
    ];
    let mut told: Vec<_> = kinds.into_iter().filter(|(_, changes)| !changes.is_none()).collect();
    let order = |config: &Config| config.rules.names().map(str::to_owned).collect::<Vec<_>>();
    let same_names = order(old).into_iter().collect::<BTreeSet<_>>() == order(new).into_iter().collect();
    if same_names && order(old) != order(new) {
        told.push(("order of rules", Changes { changed: order(new), ..Changes::default() }));
    }
    told
}

fn rules(config: &Config) -> Vec<(String, &RuleSpec)> {
    config.rules.specs().map(|spec| (spec.name.clone(), spec)).collect()
}

fn users(config: &Config) -> Vec<(String, String)> {
    let subscriptions = &config.subscriptions;
    let mailboxes: HashMap<_, _> =
        subscriptions.mailboxes.iter().map(|(mailbox, owner)| (owner.as_str(), mailbox)).collect();
    let words = |(name, hashes): (&str, String)| {
        let mailbox = mailboxes.get(name);
        let (rights, calls_max) = (&subscriptions.rights, config.user_limits.of(name));
        let (groups, supervised) = (rights.groups.get(name), rights.supervised.get(name));
        (name.to_owned(), format!("{hashes} {groups:?} {supervised:?} {mailbox:?} {calls_max:?}"))
    };
    let mut users: Vec<_> = config.users.iter().map(words).collect();
    users.sort();
    users
}

fn trunks(config: &Config) -> Vec<(String, String)> {
    // What a trunk's debug form hides is said by its credentials.
    let words = |trunk: &Trunk| {
        let mut accounts: Vec<_> = trunk.sip.credentials.iter().collect();
        accounts.extend(trunk.sip.registrations.iter().filter_map(|one| one.credentials.as_ref()));
        let secrets: Vec<_> = accounts.iter().map(|account| fingerprint(&account.password)).collect();
        format!("{trunk:?} {secrets:?}")
    };
    config.trunks.iter().map(|trunk| (trunk.sip.name.clone(), words(trunk))).collect()
}

fn prompts(config: &Config) -> Vec<(String, &Clip)> {
    config.prompts.iter().map(|(name, clip)| (name.to_string(), clip)).collect()
}

fn fingerprint(secret: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    secret.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Config {
        let listener = "[[sip.listeners]]\ntransport = \"udp\"\nbind = \"127.0.0.1:0\"\n";
        Config::parse("w.toml", &format!("{listener}{text}")).expect("sound")
    }

    fn rule(name: &str, destination: &str) -> String {
        format!(
            "[[rules]]\nname = {name:?}\ndestination = {destination:?}\nactions = [\"answer\", \"echo\"]\n"
        )
    }

    fn user(name: &str, digit: char) -> String {
        format!("[[users]]\nname = {name:?}\nha1_md5 = \"{}\"\n", digit.to_string().repeat(32))
    }

    fn trunk(password: &str) -> String {
        format!(
            "[[trunks]]\nname = \"t\"\nhost = \"192.0.2.1\"\ncredentials = {{ user = \"u\", password = {password:?} }}\n"
        )
    }

    fn told(old: &str, new: &str) -> Vec<String> {
        let words = |(what, changes): (&str, Changes)| {
            format!("{what} +{:?} -{:?} ~{:?}", changes.added, changes.removed, changes.changed)
        };
        named(&config(old), &config(new)).into_iter().map(words).collect()
    }

    #[test]
    fn what_changed_is_told_by_its_name_and_secrets_by_theirs() {
        let old = user("alice", 'a') + &user("bob", 'b') + &trunk("one") + &rule("x", "1") + &rule("y", "2");
        assert_eq!(told(&old, &old), [""; 0]);
        let new =
            user("alice", 'c') + &user("carol", 'b') + &trunk("two") + &rule("y", "3") + &rule("z", "4");
        let expected = [
            "rules +[\"z\"] -[\"x\"] ~[\"y\"]",
            "users +[\"carol\"] -[\"bob\"] ~[\"alice\"]",
            "trunks +[] -[] ~[\"t\"]",
        ];
        assert_eq!(told(&old, &new), expected);
        let swapped = rule("y", "2") + &rule("x", "1");
        let order = told(&(rule("x", "1") + &rule("y", "2")), &swapped);
        assert_eq!(order, ["order of rules +[] -[] ~[\"y\", \"x\"]"]);
        for key in ["groups = [\"sales\"]", "mailbox = \"m\"", "calls_max = 3"] {
            let changed = told(&user("alice", 'a'), &(user("alice", 'a') + key + "\n"));
            assert_eq!(changed, ["users +[] -[] ~[\"alice\"]"], "{key}");
        }
        // What is kept in no order is the same in any.
        let users: String =
            ["a", "b", "c", "d", "e"].map(|name| user(name, 'a') + "groups = [\"all\"]\n").concat();
        let grouped = users + &rule("x", "1").replace("actions", "from_groups = [\"all\"]\nactions");
        assert_eq!(told(&grouped, &grouped), [""; 0]);
    }
}
