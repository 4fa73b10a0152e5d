//! Secrets: written out, or in a file, or in the environment.

use std::fmt;
use std::ops::Range;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};
use toml::Spanned;

use super::faults::Faults;
use crate::files;

/// Looks up an environment variable.
pub(super) type Environment<'e> = &'e dyn Fn(&str) -> Option<String>;

/// A secret as configured: `"text"`, `{ file = "path" }` or `{ env = "NAME" }`.
pub(super) enum SecretSource {
    Inline(String),
    File(String),
    Environment(String),
}

/// A secret, or a list of several: each with the place where it stands, which is that of the whole where it stands alone.
pub(super) struct SecretList(Vec<(Option<Range<usize>>, SecretSource)>);

/// A secret text, never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The text, for those that must know it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl SecretSource {
    pub(super) const fn is_inline(&self) -> bool {
        matches!(self, Self::Inline(_))
    }
}

impl SecretList {
    pub(super) fn has_inline(&self) -> bool {
        self.0.iter().any(|(_, source)| source.is_inline())
    }

    /// Fetches all of them, each with its place; `None` where one cannot be fetched.
    pub(super) fn fetch(
        written: &Spanned<Self>,
        environment: Environment<'_>,
        faults: &mut Faults<'_>,
    ) -> Option<Vec<(Range<usize>, Secret)>> {
        let mut fetch = |(span, source): &(Option<Range<usize>>, SecretSource)| {
            let span = span.clone().unwrap_or_else(|| written.span());
            let secret = fetch_at(span.clone(), source, environment, faults);
            secret.map(|secret| (span, secret))
        };
        // Each is looked at, so that all that is wrong is told.
        let fetched: Vec<_> = written.get_ref().0.iter().map(&mut fetch).collect();
        fetched.into_iter().collect()
    }
}

/// Fetches a secret from where it is kept. White space at both ends of a file is not part of it.
pub(super) fn fetch(
    source: &Spanned<SecretSource>,
    environment: Environment<'_>,
    faults: &mut Faults<'_>,
) -> Option<Secret> {
    fetch_at(source.span(), source.get_ref(), environment, faults)
}

fn fetch_at(
    span: Range<usize>,
    source: &SecretSource,
    environment: Environment<'_>,
    faults: &mut Faults<'_>,
) -> Option<Secret> {
    match source {
        SecretSource::Inline(text) => Some(Secret(text.clone())),
        SecretSource::Environment(name) => environment(name).map(Secret).or_else(|| {
            let problem = format!("the environment has no variable {name:?}");
            faults.add(span, problem, "set it where the gateway is started");
            None
        }),
        SecretSource::File(path) => {
            let path = faults.read_from(span.clone(), path);
            let fetched = open_to(closed_to(&path, environment), &path)
                .and_then(|mode| Ok((mode, files::read_text(&path)?)));
            match fetched {
                Ok((None, text)) => Some(Secret(text.trim().to_owned())),
                Ok((Some(mode), _)) => {
                    let problem = format!("{} is open to others (mode {mode:o})", path.display());
                    faults.add(span, problem, format!("run: chmod 600 {}", path.display()));
                    None
                }
                Err(error) => {
                    let problem = format!("{} cannot be read: {error}", path.display());
                    faults.add(span, problem, "correct the path or the file's permissions");
                    None
                }
            }
        }
    }
}

/// Permission bits by which others than the owner may read or write a file.
const GROUP_AND_WORLD: u32 = 0o066;

/// The bits that a file with secrets must not have. What systemd hands to a service is in a folder that
/// the service alone may enter, and has the mode 0440 there, which nobody can change (systemd.exec(5)).
pub(super) fn closed_to(path: &Path, environment: Environment<'_>) -> u32 {
    let is_handed = environment("CREDENTIALS_DIRECTORY").is_some_and(|folder| path.starts_with(folder));
    if is_handed { GROUP_AND_WORLD & !0o040 } else { GROUP_AND_WORLD }
}

/// The same without the group: keys of certificates are commonly shared with one.
pub(super) const WORLD: u32 = 0o006;

/// What to do about a key that everybody may read.
pub(crate) const KEY_CURE: &str = "run chmod 600 on it, or 640 to share it with a group";

/// The permissions of a certificate's key that everybody may read.
pub(crate) fn open_to_everybody(key: &Path) -> std::io::Result<Option<u32>> {
    open_to(WORLD, key)
}

/// The permissions of a file, where they have any of `bits`.
pub(super) fn open_to(bits: u32, path: &Path) -> std::io::Result<Option<u32>> {
    let mode = std::fs::metadata(path)?.permissions().mode() & 0o777;
    Ok((mode & bits != 0).then_some(mode))
}

impl<'de> Deserialize<'de> for SecretSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SourceVisitor)
    }
}

struct SourceVisitor;

impl<'de> Visitor<'de> for SourceVisitor {
    type Value = SecretSource;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, { file = \"path\" } or { env = \"NAME\" }")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<SecretSource, E> {
        Ok(SecretSource::Inline(text.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<SecretSource, A::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Kept {
            file: Option<String>,
            env: Option<String>,
        }
        match Kept::deserialize(MapAccessDeserializer::new(map))? {
            Kept { file: Some(file), env: None } => Ok(SecretSource::File(file)),
            Kept { file: None, env: Some(name) } => Ok(SecretSource::Environment(name)),
            Kept { .. } => {
                Err(de::Error::custom("a secret is kept in a file or in the environment, in one place"))
            }
        }
    }
}

impl<'de> Deserialize<'de> for SecretList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ListVisitor)
    }
}

struct ListVisitor;

impl<'de> Visitor<'de> for ListVisitor {
    type Value = SecretList;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, { file = \"path\" } or { env = \"NAME\" }, or a list of these")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<SecretList, E> {
        SourceVisitor.visit_str(text).map(|source| SecretList(vec![(None, source)]))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<SecretList, A::Error> {
        SourceVisitor.visit_map(map).map(|source| SecretList(vec![(None, source)]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<SecretList, A::Error> {
        let mut all = Vec::new();
        while let Some(written) = list.next_element::<Spanned<SecretSource>>()? {
            all.push((Some(written.span()), written.into_inner()));
        }
        Ok(SecretList(all))
    }
}
