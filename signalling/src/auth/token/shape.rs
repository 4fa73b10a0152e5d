//! What a token looks like, before anything is believed of it.

use super::TOKEN_MAX;
use super::jwt::Header;
use super::key::Format;
use super::refusal::Refusal;
use super::sealed::PREFIX;

/// A token, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape<'t> {
    /// `wt1.KEY.BODY`.
    Sealed {
        /// All before the body, without the dot between them.
        head: &'t str,
        key: &'t str,
        body: &'t str,
    },
    /// `HEADER.PAYLOAD.SIGNATURE` (RFC 7515 3.1).
    Jwt {
        /// Header and payload, with the dot between them.
        signed: &'t str,
        header: &'t str,
        payload: &'t str,
        signature: &'t str,
    },
    /// `APP:HEX.MAC`.
    Bridge {
        /// All before the MAC, without the dot between them.
        signed: &'t str,
        app: &'t str,
        hex: &'t str,
        mac: &'t str,
    },
    /// `APP:HEX`.
    Legacy { app: &'t str, hex: &'t str },
}

/// What a token says of itself to whoever has no key. Nothing of it is proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// Its format.
    pub format: Format,
    /// The key, or the application, that it names.
    pub names: Option<String>,
}

impl Look {
    /// Looks at a token.
    ///
    /// # Errors
    /// It has no shape of one.
    pub fn at(token: &str) -> Result<Self, Refusal> {
        let named = |format, name: &str| Self { format, names: Some(name.to_owned()) };
        Ok(match Shape::parse(token)? {
            Shape::Sealed { key, .. } => named(Format::Sealed, key),
            Shape::Jwt { header, .. } => Self { format: Format::Jwt, names: Header::parse(header)?.kid },
            Shape::Bridge { app, .. } => named(Format::Bridge, app),
            Shape::Legacy { app, .. } => named(Format::Legacy, app),
        })
    }
}

impl<'t> Shape<'t> {
    /// Takes a token apart. The formats cannot be taken for one another: only two have a colon, only one begins so.
    pub(super) fn parse(token: &'t str) -> Result<Self, Refusal> {
        if token.len() > TOKEN_MAX {
            return Err(Refusal::TooLong);
        }
        if let Some(rest) = token.strip_prefix(PREFIX) {
            let (key, body) = rest.split_once('.').ok_or(Refusal::Malformed("it ends before its body"))?;
            if !is_key_id(key) {
                return Err(Refusal::Malformed("its key's id has letters that ids have not"));
            }
            return Ok(Self::Sealed { head: &token[..PREFIX.len() + key.len()], key, body });
        }
        if let Some((app, rest)) = token.split_once(':') {
            return Ok(match rest.split_once('.') {
                Some((hex, mac)) => {
                    Self::Bridge { signed: &token[..app.len() + 1 + hex.len()], app, hex, mac }
                }
                None => Self::Legacy { app, hex: rest },
            });
        }
        let (signed, signature) =
            token.rsplit_once('.').ok_or(Refusal::Malformed("it has no shape of a token"))?;
        let (header, payload) =
            signed.split_once('.').ok_or(Refusal::Malformed("it has no shape of a token"))?;
        if payload.contains('.') {
            return Err(Refusal::Malformed(
                "it has more parts than a signed JWT; encrypted ones are not taken",
            ));
        }
        Ok(Self::Jwt { signed, header, payload, signature })
    }
}

/// What ids of keys are made of: nothing that a token would have to escape.
#[must_use]
pub fn is_key_id(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    (1..=64).contains(&text.len()) && text.bytes().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_format_is_known_by_its_shape() {
        let parse = |token| Shape::parse(token);
        assert_eq!(parse("wt1.k-1.abc"), Ok(Shape::Sealed { head: "wt1.k-1", key: "k-1", body: "abc" }));
        let jwt = Shape::Jwt { signed: "a.b", header: "a", payload: "b", signature: "c" };
        assert_eq!(parse("a.b.c"), Ok(jwt));
        let bridge = Shape::Bridge { signed: "my.app:00ff", app: "my.app", hex: "00ff", mac: "c" };
        assert_eq!(parse("my.app:00ff.c"), Ok(bridge));
        assert_eq!(parse("app:00ff"), Ok(Shape::Legacy { app: "app", hex: "00ff" }));
    }

    #[test]
    fn what_has_no_shape_of_a_token_is_malformed() {
        for wrong in
            ["", "a", "a.b", "a.b.c.d", "a.b.c.d.e", "wt1.", "wt1.key", "wt1.a b.c", "wt1..c", "wt1.ä.c"]
        {
            assert!(matches!(Shape::parse(wrong), Err(Refusal::Malformed(_))), "{wrong}");
        }
        assert_eq!(Shape::parse(&"a".repeat(TOKEN_MAX + 1)), Err(Refusal::TooLong));
    }
}
