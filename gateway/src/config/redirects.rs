//! `redirects`, of users and of each trunk: what becomes of a call that a 3xx sends elsewhere.

use std::fmt;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};
use webtrunk_signalling::b2bua::Redirects;

/// As it stands in the file: the dial plan decides whom a call reaches, and asks nobody, unless it says otherwise.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct WrittenRedirects(pub(super) Redirects);

/// What may stand there.
pub(super) const KIND: &str = "true, false or \"pass\"";

impl<'de> Deserialize<'de> for WrittenRedirects {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl Visitor<'_> for Reader {
    type Value = WrittenRedirects;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(KIND)
    }

    fn visit_bool<E: Error>(self, follows: bool) -> Result<WrittenRedirects, E> {
        Ok(WrittenRedirects(if follows { Redirects::Follow } else { Redirects::Refuse }))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<WrittenRedirects, E> {
        match text {
            "pass" => Ok(WrittenRedirects(Redirects::Pass)),
            other => Err(E::invalid_value(Unexpected::Str(other), &self)),
        }
    }
}
