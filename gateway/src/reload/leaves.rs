//! A configuration file taken apart into its values, each by its key, to tell in what two files differ.
//!
//! Elements of lists are called by their names, `rules["abroad"].destination`, where each has one of its own; so one that
//! is put before another changes no key of that one. Secrets are compared, and never shown.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use toml::{Table, Value};

use super::report::Difference;
use crate::config::SECRET_KEYS;

/// The values of a file.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Leaves(BTreeMap<String, Leaf>);

#[derive(Debug, Clone, PartialEq)]
struct Leaf {
    value: Value,
    /// The key without the names of elements: `rules.destination`.
    kind: String,
    is_secret: bool,
}

/// What is shown of a secret.
const HIDDEN: &str = "(secret)";

/// Longest value that is shown, in characters. Chosen by us: it fits on a line.
const SHOWN_MAX: usize = 100;

impl Leaves {
    /// Takes a file apart. A text that is no TOML has no values.
    pub(super) fn parse(text: &str) -> Self {
        let mut leaves = Self::default();
        if let Ok(table) = text.parse::<Table>() {
            leaves.add_table("", "", &table);
        }
        leaves
    }

    /// In what another file differs, where a change of the keys in `left` needs a restart.
    pub(super) fn differences(&self, other: &Self, left: &[&str]) -> Vec<Difference> {
        let keys: BTreeSet<_> = self.0.keys().chain(other.0.keys()).collect();
        let of_key = |key: &String| {
            let (old, new) = (self.0.get(key), other.0.get(key));
            let kind = &old.or(new)?.kind;
            (old != new).then(|| Difference {
                key: key.clone(),
                old: old.map(Leaf::shown),
                new: new.map(Leaf::shown),
                needs_restart: left.iter().any(|left| names(left, kind)),
            })
        };
        keys.into_iter().filter_map(of_key).collect()
    }

    /// The values that are in force when another file was taken up, except for those that need a restart.
    pub(super) fn after(&self, other: &Self, left: &[&str]) -> Self {
        let is_left = |leaf: &Leaf| left.iter().any(|left| names(left, &leaf.kind));
        let kept = self.0.iter().filter(|(_, leaf)| is_left(leaf));
        let taken = other.0.iter().filter(|(_, leaf)| !is_left(leaf));
        Self(kept.chain(taken).map(|(key, leaf)| (key.clone(), leaf.clone())).collect())
    }

    fn add_table(&mut self, key: &str, kind: &str, table: &Table) {
        // A section may stand there for its defaults alone.
        if table.is_empty() && !key.is_empty() {
            self.add_leaf(key, kind, &Value::Table(Table::new()), false);
        }
        for (name, value) in table {
            let key = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
            let kind = if kind.is_empty() { name.clone() } else { format!("{kind}.{name}") };
            let is_secret = SECRET_KEYS.contains(&name.as_str());
            match value {
                Value::Table(table) if !is_secret => self.add_table(&key, &kind, table),
                Value::Array(list) if !list.is_empty() && list.iter().all(Value::is_table) => {
                    self.add_elements(&key, &kind, list);
                }
                value => self.add_leaf(&key, &kind, value, is_secret),
            }
        }
    }

    fn add_elements(&mut self, key: &str, kind: &str, list: &[Value]) {
        let names: Vec<_> = list.iter().map(|element| element.get("name").and_then(Value::as_str)).collect();
        let mut counts: HashMap<_, usize> = HashMap::new();
        names.iter().flatten().for_each(|name| *counts.entry(*name).or_default() += 1);
        let is_own = |name: &&str| counts.get(name) == Some(&1);
        for (index, (element, name)) in list.iter().zip(&names).enumerate() {
            let Value::Table(table) = element else { continue };
            let key = match name.filter(is_own) {
                Some(name) => format!("{key}[{name:?}]"),
                None => format!("{key}[{index}]"),
            };
            self.add_table(&key, kind, table);
        }
    }

    fn add_leaf(&mut self, key: &str, kind: &str, value: &Value, is_secret: bool) {
        let leaf = Leaf { value: value.clone(), kind: kind.to_owned(), is_secret };
        self.0.insert(key.to_owned(), leaf);
    }
}

impl Leaf {
    fn shown(&self) -> String {
        if self.is_secret {
            return HIDDEN.to_owned();
        }
        let mut value = self.value.clone();
        hide_secrets(&mut value);
        let text = match value {
            Value::Table(table) if table.is_empty() => "{}".to_owned(),
            value => value.to_string(),
        };
        if text.chars().count() <= SHOWN_MAX {
            return text;
        }
        text.chars().take(SHOWN_MAX).chain("...".chars()).collect()
    }
}

fn hide_secrets(value: &mut Value) {
    match value {
        Value::Table(table) => {
            for (name, value) in table.iter_mut() {
                match SECRET_KEYS.contains(&name.as_str()) {
                    true => *value = HIDDEN.into(),
                    false => hide_secrets(value),
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(hide_secrets),
        _ => {}
    }
}

/// Whether what was told of keys, `media.shards` or `trunks[].client_certificate`, is about a key of this kind.
fn names(told: &str, kind: &str) -> bool {
    told.split(", ").any(|told| {
        let told = told.split(' ').next().unwrap_or_default().replace("[]", "");
        kind.strip_prefix(&told).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(old: &str, new: &str, left: &[&str]) -> Vec<String> {
        let differences = Leaves::parse(old).differences(&Leaves::parse(new), left);
        differences.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_key_that_differs_is_told_with_both_values() {
        let old = "[media]\nshards = 2\ncalls_max = 2000\n[[rules]]\nname = \"a\"\ndestination = \"1\"\n\
                   [[rules]]\nname = \"b\"\ndestination = \"2\"\nactions = [\"answer\", { wait_ms = 5 }]\n";
        let new = "[http]\n[media]\nshards = 4\ncalls_max = 100\n[[rules]]\nname = \"b\"\ndestination = \"2\"\n\
                   actions = [\"answer\", { wait_ms = 6 }]\n[[rules]]\nname = \"c\"\ndestination = \"3\"\n";
        let expected = [
            "http: (none) -> {} (by a restart alone)",
            "media.calls_max: 2000 -> 100",
            "media.shards: 2 -> 4 (by a restart alone)",
            "rules[\"a\"].destination: \"1\" -> (none)",
            "rules[\"a\"].name: \"a\" -> (none)",
            "rules[\"b\"].actions: [\"answer\", { wait_ms = 5 }] -> [\"answer\", { wait_ms = 6 }]",
            "rules[\"c\"].destination: (none) -> \"3\"",
            "rules[\"c\"].name: (none) -> \"c\"",
        ];
        assert_eq!(told(old, new, &["media.shards", "http"]), expected);
        assert_eq!(told(old, old, &[]), [""; 0]);
    }

    #[test]
    fn secrets_are_compared_and_never_shown() {
        let file = |secret: &str| {
            format!(
                "[[users]]\nname = \"alice\"\nha1_md5 = {secret:?}\n[[trunks]]\nname = \"t\"\n\
                 credentials = {{ user = \"u\", password = {{ env = {secret:?} }} }}\n\
                 register = [{{ user = \"u\", password = {secret:?} }}, \"odd\"]\n"
            )
        };
        let told = told(&file("sesame"), &file("lentils"), &[]);
        assert_eq!(told.len(), 3, "{told:?}");
        for line in told {
            assert!(line.contains(HIDDEN) && !line.contains("sesame") && !line.contains("lentils"), "{line}");
        }
    }

    #[test]
    fn elements_that_share_a_name_or_have_none_are_called_by_their_places() {
        let file = |port: u16| {
            format!(
                "[[sip.listeners]]\nname = \"x\"\nbind = \"a\"\n[[sip.listeners]]\nname = \"x\"\nbind = \"{port}\"\n"
            )
        };
        let expected = ["sip.listeners[1].bind: \"1\" -> \"2\" (by a restart alone)"];
        assert_eq!(told(&file(1), &file(2), &["sip.listeners, sip.enabled"]), expected);
    }

    #[test]
    fn what_needs_a_restart_stays_in_force_as_it_was() {
        let file = |shards: u16, calls: u16| {
            Leaves::parse(&format!("[media]\nshards = {shards}\ncalls_max = {calls}\n"))
        };
        let left = ["media.shards"];
        let after = file(2, 10).after(&file(4, 20), &left);
        assert_eq!(after, file(2, 20));
        assert_eq!(after.differences(&file(4, 20), &left).len(), 1, "it is told again");
    }

    #[test]
    fn a_told_key_names_what_is_below_it_and_nothing_beside_it() {
        assert!(names("trunks[].client_certificate", "trunks.client_certificate.certificate"));
        assert!(names("sip.session_expires_s, sip.session_expires_min_s", "sip.session_expires_min_s"));
        assert!(names("trunks[].transport = \"tls\", of the first trunk that has it", "trunks.transport"));
        assert!(!names("media.tcp", "media.tcp_more") && !names("http", "https"));
    }
}
