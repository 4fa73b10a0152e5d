//! Which key stands where in a configuration file's text.

use std::collections::HashMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::document::holds;

/// Keys whose values are never shown.
pub(crate) const SECRET_KEYS: [&str; 8] =
    ["password", "ha1_md5", "ha1_sha256", "secret", "secrets", "secret_sha256", "secret_key", "mac_secret"];

/// The place of a span: the innermost entry whose key or value holds it. A span of the key alone has
/// no value to show: the key may be a misspelt "password". A list of plain values is shown too.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) path: String,
    pub(super) is_secret: bool,
    pub(super) scalar: Option<Range<usize>>,
}

/// All entries of a text, inner ones before those that hold them.
#[derive(Debug, Clone, Default)]
pub(super) struct Places {
    entries: Vec<(Range<usize>, Place)>,
    /// What asks names an entry almost always, and not a part of one.
    exact: HashMap<Range<usize>, usize>,
}

impl Places {
    /// Those of a text, as far as it is TOML.
    pub(super) fn of(text: &str) -> Self {
        let (root, _) = DeTable::parse_recoverable(text);
        let mut places = Self::default();
        places.add_table(root.get_ref(), &mut String::new(), false);
        places
    }

    /// What stands there.
    pub(super) fn at(&self, span: &Range<usize>) -> Option<&Place> {
        let exact = self.exact.get(span).and_then(|index| self.entries.get(*index));
        let found = exact.or_else(|| self.entries.iter().find(|(own, _)| holds(own, span)));
        found.map(|(_, place)| place)
    }

    fn add_table(&mut self, table: &DeTable<'_>, path: &mut String, is_secret: bool) {
        for (key, value) in table.iter() {
            let depth = path.len();
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(key.get_ref());
            let is_secret = is_secret || SECRET_KEYS.contains(&key.get_ref().as_ref());
            self.add_value(value, path, is_secret);
            self.add(key.span(), path, is_secret, None);
            path.truncate(depth);
        }
    }

    fn add_value(&mut self, value: &Spanned<DeValue<'_>>, path: &mut String, is_secret: bool) {
        let mut scalar = Some(value.span());
        match value.get_ref() {
            DeValue::Table(table) => {
                self.add_table(table, path, is_secret);
                scalar = None;
            }
            DeValue::Array(array) => {
                let depth = path.len();
                for (index, item) in array.iter().enumerate() {
                    path.push_str(&format!("[{index}]"));
                    self.add_value(item, path, is_secret);
                    path.truncate(depth);
                }
                scalar = scalar.filter(|_| {
                    array.iter().all(|item| !item.get_ref().is_table() && !item.get_ref().is_array())
                });
            }
            _ => {}
        }
        self.add(value.span(), path, is_secret, scalar);
    }

    fn add(&mut self, span: Range<usize>, path: &str, is_secret: bool, scalar: Option<Range<usize>>) {
        // Of two with the same span the inner one is meant, which came first.
        self.exact.entry(span.clone()).or_insert(self.entries.len());
        self.entries.push((span, Place { path: path.to_owned(), is_secret, scalar }));
    }
}
