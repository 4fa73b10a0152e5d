//! The fields of challenges and responses, RFC 7616 3.3 and 3.4, to and from text.

use std::borrow::Cow;
use std::fmt;

use super::Algorithm;

/// What a server asks: the value of WWW-Authenticate or Proxy-Authenticate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// The protection space.
    pub realm: String,
    /// The server's nonce.
    pub nonce: String,
    /// The algorithm.
    pub algorithm: Algorithm,
    /// Whether the credentials were right and only the nonce was not.
    pub is_stale: bool,
    /// The quality of protection, `auth` where both are offered; absent in servers before RFC 2617.
    pub qop: Option<Protection>,
    /// To be returned as it is.
    pub opaque: Option<String>,
}

/// What a client answers: the value of Authorization or Proxy-Authorization. Texts stand as on the
/// wire, without quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// Who claims to ask.
    pub username: String,
    /// The protection space.
    pub realm: String,
    /// The server's nonce.
    pub nonce: String,
    /// The digest URI.
    pub uri: String,
    /// The proof, in hexadecimal.
    pub response: String,
    /// The algorithm.
    pub algorithm: Algorithm,
    /// Client nonce and nonce count as text, where there is a quality of protection.
    pub qop: Option<Qop>,
    /// Returned as it came.
    pub opaque: Option<String>,
}

/// What is protected (RFC 7616 3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// Who asks for what.
    Auth,
    /// The body too.
    AuthInt,
}

impl Protection {
    /// The name in challenges and responses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::AuthInt => "auth-int",
        }
    }
}

/// What belongs to a quality of protection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Qop {
    /// The client's nonce.
    pub cnonce: String,
    /// How often the client used the server's nonce: eight hexadecimal digits.
    pub nc: String,
    /// What is protected.
    pub protection: Protection,
}

impl Challenge {
    /// Reads a challenge; `None` where it is of another scheme, of an algorithm or a quality of
    /// protection that we do not speak, or malformed.
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        let fields = Fields::parse(value)?;
        let qop = fields.get("qop");
        let protection = qop.and_then(|list| {
            let is_offered = |one: &Protection| {
                list.split(',').any(|name| name.trim_ascii().eq_ignore_ascii_case(one.name()))
            };
            [Protection::Auth, Protection::AuthInt].into_iter().find(is_offered)
        });
        if qop.is_some() && protection.is_none() {
            return None;
        }
        Some(Self {
            realm: fields.text("realm")?,
            nonce: fields.text("nonce")?,
            algorithm: Algorithm::from_name(fields.get("algorithm"))?,
            is_stale: fields.get("stale").is_some_and(|stale| stale.eq_ignore_ascii_case("true")),
            qop: protection,
            opaque: fields.text("opaque"),
        })
    }
}

impl Response {
    /// Reads a response; `None` where it is of another scheme, of an algorithm or a quality of
    /// protection that we do not speak, or malformed.
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        let fields = Fields::parse(value)?;
        let qop = match fields.get("qop") {
            None => None,
            Some(qop) if qop.eq_ignore_ascii_case("auth") => {
                let nc = fields.text("nc")?;
                if nc.len() != 8 || !nc.bytes().all(|b| b.is_ascii_hexdigit()) {
                    return None;
                }
                Some(Qop { cnonce: fields.text("cnonce")?, nc, protection: Protection::Auth })
            }
            Some(_) => return None,
        };
        Some(Self {
            username: fields.text("username")?,
            realm: fields.text("realm")?,
            nonce: fields.text("nonce")?,
            uri: fields.text("uri")?,
            response: fields.text("response")?,
            algorithm: Algorithm::from_name(fields.get("algorithm"))?,
            qop,
            opaque: fields.text("opaque"),
        })
    }

    /// The name without the backslashes of its quoted string: what the user is called.
    #[must_use]
    pub fn user(&self) -> Cow<'_, str> {
        unescape(&self.username)
    }
}

impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest realm=\"{}\", nonce=\"{}\"", self.realm, self.nonce)?;
        if let Some(opaque) = &self.opaque {
            write!(f, ", opaque=\"{opaque}\"")?;
        }
        if self.is_stale {
            f.write_str(", stale=true")?;
        }
        write!(f, ", algorithm={}", self.algorithm.name())?;
        // In quotes here, without in the response (RFC 7616 3.3, 3.4).
        match self.qop {
            Some(qop) => write!(f, ", qop=\"{}\"", qop.name()),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Digest username=\"{}\", realm=\"{}\", nonce=\"{}\", uri=\"{}\", response=\"{}\", algorithm={}",
            self.username,
            self.realm,
            self.nonce,
            self.uri,
            self.response,
            self.algorithm.name()
        )?;
        if let Some(opaque) = &self.opaque {
            write!(f, ", opaque=\"{opaque}\"")?;
        }
        match &self.qop {
            Some(Qop { cnonce, nc, protection }) => {
                write!(f, ", qop={}, nc={nc}, cnonce=\"{cnonce}\"", protection.name())
            }
            None => Ok(()),
        }
    }
}

/// The backslashes and quotes of a text escaped, as between the quotes of a quoted string.
pub(super) fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

/// The text that a quoted string stands for.
pub(super) fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return text.into();
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        out.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    out.into()
}

/// The `name=value` fields behind the scheme. Quoted values stand without their quotes but with
/// their backslashes: that is what is hashed (`unq`, RFC 7616 3.4.1).
struct Fields<'a>(Vec<(&'a str, &'a str)>);

/// Most fields that are looked at. Chosen by us: RFC 7616 knows twelve.
const FIELDS_MAX: usize = 24;

impl<'a> Fields<'a> {
    fn parse(value: &'a str) -> Option<Self> {
        let (scheme, mut rest) = value.trim_ascii().split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("Digest") {
            return None;
        }
        let mut fields = Vec::with_capacity(12);
        loop {
            // Empty elements of the list are allowed (RFC 9110 5.6.1.2).
            rest = rest.trim_ascii_start();
            if let Some(behind) = rest.strip_prefix(',') {
                rest = behind;
                continue;
            }
            if rest.is_empty() {
                return Some(Self(fields));
            }
            let (name, behind) = rest.split_once('=')?;
            let (field, behind) = split_value(behind.trim_ascii_start())?;
            let name = name.trim_ascii_end();
            // One that stands twice could be read in two ways.
            let is_twice = fields.iter().any(|(other, _): &(&str, &str)| other.eq_ignore_ascii_case(name));
            if is_twice || fields.len() == FIELDS_MAX {
                return None;
            }
            fields.push((name, field));
            rest = behind.trim_ascii_start();
            if !rest.is_empty() && !rest.starts_with(',') {
                return None;
            }
        }
    }

    fn get(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }

    fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }
}

/// A value and what follows it.
fn split_value(text: &str) -> Option<(&str, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(|c: char| c == ',' || c.is_ascii_whitespace()).unwrap_or(text.len());
        // A token has no quotes (RFC 9110 5.6.2); between the quotes that we write they would end the value.
        let is_token = end > 0 && !text[..end].contains(['"', '\\']);
        return is_token.then(|| text.split_at(end));
    };
    let mut bytes = quoted.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => return Some((&quoted[..at], &quoted[at + 1..])),
            b'\\' => drop(bytes.next()?),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_response_is_read_and_written() {
        let text = "Digest username=\"al\\\"ice\", realm=\"gateway\", nonce=\"n=,1\", uri=\"sip:g\", \
                    response=\"00ff\", algorithm=SHA-256, opaque=\"o\", qop=auth, nc=0000000a, cnonce=\"c\"";
        let response = Response::parse(text).unwrap();
        assert_eq!(response.user(), "al\"ice");
        assert_eq!(response.nonce, "n=,1");
        assert_eq!(response.qop.as_ref().unwrap().nc, "0000000a");
        assert_eq!(response.to_string(), text);
    }

    #[test]
    fn a_challenge_is_read_and_written() {
        let text = "Digest realm=\"g\", nonce=\"n\", opaque=\"\", stale=true, algorithm=MD5, qop=\"auth\"";
        let challenge = Challenge::parse(text).unwrap();
        assert_eq!((challenge.is_stale, challenge.qop), (true, Some(Protection::Auth)));
        assert_eq!(challenge.to_string(), text);
    }

    #[test]
    fn what_peers_write_otherwise() {
        let challenge =
            Challenge::parse("DIGEST nonce = \"n\" ,, REALM=\"g\",qop=\"auth-int, auth\",domain=\"sip:x\"")
                .unwrap();
        assert_eq!((challenge.algorithm, challenge.qop), (Algorithm::Md5, Some(Protection::Auth)));
        let challenge = Challenge::parse("Digest realm=\"g\", nonce=\"n\", algorithm=\"md5\"").unwrap();
        assert!(challenge.qop.is_none() && !challenge.is_stale);
        let strict = "Digest realm=\"g\", nonce=\"n\", algorithm=SHA-512-256, qop=\"auth-int\"";
        assert_eq!(Challenge::parse(strict).unwrap().to_string(), strict);
        let quoted = "Digest username=\"a\",realm=\"g\",nonce=\"n\",uri=\"u\",response=\"0\",qop=\"auth\",nc=00000001,cnonce=\"\"";
        assert!(Response::parse(quoted).unwrap().qop.is_some());
    }

    #[test]
    fn what_is_not_ours_or_broken() {
        for bad in [
            "",
            "Digest",
            "Basic YWxhZGRpbg==",
            "NoOneKnowsThisScheme opaque-data=here",
            "Digest realm=\"g\"",
            "Digest realm=\"g, nonce=\"n\"",
            "Digest realm=\"g\" nonce=\"n\"",
            "Digest realm=\"g\", nonce=",
            "Digest realm=\"g\", nonce=\"n\", nonce=\"m\"",
            "Digest realm=g\"h, nonce=\"n\"",
            "Digest realm=g\\, nonce=\"n\"",
            "Digest realm=\"g\", nonce=\"n\", algorithm=MD5-sess",
            "Digest realm=\"g\", nonce=\"n\", qop=\"auth-conf\"",
            "Digest realm=\"g\", nonce=\"n\\",
        ] {
            assert_eq!(Challenge::parse(bad), None, "{bad}");
        }
        let rest = "username=\"a\",realm=\"g\",nonce=\"n\",uri=\"u\",response=\"0\"";
        assert!(Response::parse(&format!("Digest {rest}")).is_some());
        for bad in
            ["qop=auth", "qop=auth,nc=1,cnonce=\"c\"", "qop=auth,nc=+0000001,cnonce=\"c\"", "qop=auth-int"]
        {
            assert_eq!(Response::parse(&format!("Digest {rest},{bad}")), None, "{bad}");
        }
    }
}
