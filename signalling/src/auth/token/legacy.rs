//! The web call server's tokens: AES-128 in counter mode from a counter of zero, so each is encrypted by the same octets.
//!
//! ```text
//! APP:HEX( <root login=".." password=".." domain=".." expires="NANOSECONDS" .. /> xor AES-CTR(key, 0) )
//! ```
//!
//! Who knows what stands in one, its own, knows those octets: it reads all others as far as its own is long, and writes
//! any. A length, a checksum or an expiry inside proves nothing. So they are off, and where somebody wants them they
//! come encrypted, from known networks or pages, once each, for a day at most, and name known hosts only. What the
//! [bridge](super::bridge) appends makes them sound, but for what they hide.

use std::net::IpAddr;

use aes::Aes128;
use aes::cipher::{KeyIvInit, StreamCipher};
use ctr::Ctr128BE;
use roxmltree::{Document, Node, ParsingOptions};
use zeroize::Zeroizing;

use super::account::{Account, Credential, Fields};
use super::claims::{Audience, Claims};
use super::hex;
use super::key::{KeyFault, MakeError};
use super::refusal::Refusal;
use crate::auth::secret::{SecretOctets, SecretText};
use crate::auth::validity::UnixTime;
use crate::http::OriginPolicy;
use crate::sip::transport::Network;

/// Octets of a key; shorter ones are filled up with zeros, as `openssl enc -K` does.
pub const KEY_LEN: usize = 16;

/// The only element, and those within it: none.
const NODES_MAX: u32 = 8;

const NANOSECONDS: u64 = 1_000_000_000;

/// The cipher of one application's tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LegacyCipher {
    app: String,
    key: SecretOctets,
}

/// A key whose tokens are taken as they are.
#[derive(Debug, Clone)]
pub struct LegacyKey {
    /// What opens them.
    pub cipher: LegacyCipher,
    /// Where they may come from; none is anywhere, where `origins` are named.
    pub networks: Vec<Network>,
    /// The pages that may bring them; `None` is any, where `networks` are named.
    pub origins: Option<OriginPolicy>,
}

/// How a token came to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival<'a> {
    /// The address that it came from.
    pub source: IpAddr,
    /// Whether nobody on the way could read it.
    pub is_encrypted: bool,
    /// The page that brought it, as its browser says (RFC 6455 10.2).
    pub origin: Option<&'a str>,
}

impl LegacyCipher {
    /// Takes an application's name, which stands before the colon, and at most [`KEY_LEN`] octets.
    ///
    /// # Errors
    /// There are more, or none, or the name has a colon.
    pub fn new(app: String, octets: &SecretOctets) -> Result<Self, KeyFault> {
        let given = octets.expose().len();
        if !(1..=KEY_LEN).contains(&given) {
            return Err(KeyFault::Length { given, wanted: KEY_LEN });
        }
        if app.is_empty() || !app.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':') {
            return Err(KeyFault::App);
        }
        let mut key = octets.expose().to_vec();
        key.resize(KEY_LEN, 0);
        Ok(Self { app, key: SecretOctets::new(key) })
    }

    /// The application's name.
    #[must_use]
    pub fn app(&self) -> &str {
        &self.app
    }

    /// `APP:HEX` of claims.
    pub(super) fn make(&self, claims: &Claims) -> Result<String, MakeError> {
        let mut octets = Zeroizing::new(to_xml(claims)?.expose().as_bytes().to_vec());
        self.apply(&mut octets);
        Ok(format!("{}:{}", self.app, hex::encode(&octets)))
    }

    /// What octets say.
    pub(super) fn open(&self, octets: &[u8]) -> Result<Claims, Refusal> {
        let mut opened = Zeroizing::new(octets.to_vec());
        self.apply(&mut opened);
        from_xml(&opened)
    }

    /// Encrypts and decrypts alike.
    fn apply(&self, octets: &mut [u8]) {
        // As many octets as `new` made of them.
        Ctr128BE::<Aes128>::new(self.key.expose().into(), &[0; KEY_LEN].into()).apply_keystream(octets);
    }
}

impl LegacyKey {
    /// Whether a token may come so.
    pub(super) fn admits(&self, arrival: &Arrival<'_>) -> Result<(), Refusal> {
        if !arrival.is_encrypted {
            return Err(Refusal::NotEncrypted);
        }
        let is_near = |own: &Network| own.contains(arrival.source);
        if !self.networks.is_empty() && !self.networks.iter().any(is_near) {
            return Err(Refusal::SourceNotAllowed);
        }
        match &self.origins {
            Some(origins) if !origins.admits(arrival.origin) => Err(Refusal::OriginNotAllowed),
            None if self.networks.is_empty() => Err(Refusal::SourceNotAllowed),
            Some(_) | None => Ok(()),
        }
    }
}

/// The octets of `HEX`.
pub(super) fn octets(text: &str) -> Result<Vec<u8>, Refusal> {
    let octets = hex::decode(text).filter(|octets| !octets.is_empty());
    octets.ok_or(Refusal::Malformed("what stands behind its colon is no hexadecimal digits, in one line"))
}

/// One element, all of the text, without a document type: nothing is looked up and nothing unfolds.
fn from_xml(opened: &[u8]) -> Result<Claims, Refusal> {
    let text =
        std::str::from_utf8(opened).map_err(|_| Refusal::BadXml("it is no UTF-8; is the key right?"))?;
    // What `echo` puts behind it.
    let text = text.strip_suffix('\n').unwrap_or(text);
    let options = ParsingOptions { nodes_limit: NODES_MAX, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text, options)
        .map_err(|_| Refusal::BadXml("it is no XML without a DTD"))?;
    let root = document.root_element();
    let is_alone = document.root().children().count() == 1 && !root.has_children() && text.ends_with('>');
    if !is_alone || root.tag_name().name() != "root" {
        return Err(Refusal::BadXml("there is more than one element \"root\""));
    }
    Ok(claims_of(expires(root)?, account(root)?))
}

fn expires(root: Node<'_, '_>) -> Result<UnixTime, Refusal> {
    let written = attribute(root, "expires").ok_or(Refusal::MissingClaim("expires"))?;
    let is_number = written.bytes().all(|byte| byte.is_ascii_digit());
    let nanoseconds: u64 = written.parse().ok().filter(|_| is_number).ok_or(Refusal::BadClaim("expires"))?;
    Ok(UnixTime(nanoseconds / NANOSECONDS))
}

fn account(root: Node<'_, '_>) -> Result<Account, Refusal> {
    let text = |name| attribute(root, name).map(str::to_owned);
    let host = |name| Refusal::BadClaim(name);
    let fields = Fields {
        user: text("login").ok_or(Refusal::MissingClaim("login"))?,
        auth_name: text("authenticationName"),
        password: text("password").map(SecretText::new),
        password_ref: None,
        domain: attribute(root, "domain").map(|own| own.parse().map_err(|_| host("domain"))).transpose()?,
        outbound_proxy: attribute(root, "outboundProxy")
            .map(|own| own.parse().map_err(|_| host("outboundProxy")))
            .transpose()?,
        port: attribute(root, "port").map(|own| own.parse().map_err(|_| host("port"))).transpose()?,
        visible_name: text("visibleName"),
        register: match attribute(root, "registerRequired") {
            None => None,
            Some(own) if own.eq_ignore_ascii_case("true") => Some(true),
            Some(own) if own.eq_ignore_ascii_case("false") => Some(false),
            Some(_) => return Err(Refusal::BadClaim("registerRequired")),
        },
    };
    Account::try_from(fields).map_err(|_| Refusal::BadClaim("login, password or a name"))
}

/// An attribute; makers write what they have nothing for as an empty one.
fn attribute<'n>(root: Node<'n, '_>, name: &str) -> Option<&'n str> {
    root.attribute(name).filter(|value| !value.is_empty())
}

fn claims_of(expires: UnixTime, account: Account) -> Claims {
    Claims {
        audience: Audience::default(),
        issued_at: None,
        expires,
        not_before: None,
        id: None,
        issuer: None,
        subject: None,
        account: Some(account),
        destinations: None,
        caller_id: None,
        calls_max: None,
        calls_total_max: None,
        recording: None,
        customer: None,
    }
}

/// The element; a limit that it cannot hold is not left out in silence.
fn to_xml(claims: &Claims) -> Result<SecretText, MakeError> {
    let account = claims.account.clone().ok_or(MakeError::Lacks("account"))?;
    let sayable = Claims { issued_at: claims.issued_at, ..claims_of(claims.expires, account.clone()) };
    if sayable != *claims {
        return Err(MakeError::NotSayable);
    }
    let password = match account.credential {
        None => None,
        Some(Credential::Password(password)) => Some(password),
        Some(Credential::Reference(_)) => return Err(MakeError::NotSayable),
    };
    let attributes = [
        ("login", Some(account.user)),
        ("authenticationName", account.auth_name),
        ("password", password.map(|password| password.expose().to_owned())),
        ("outboundProxy", account.outbound_proxy.map(String::from)),
        ("domain", account.domain.map(String::from)),
        ("port", account.port.map(|port| port.to_string())),
        ("visibleName", account.visible_name),
        ("registerRequired", Some(account.register.to_string())),
        ("expires", Some((claims.expires.0.saturating_mul(NANOSECONDS)).to_string())),
    ];
    let mut xml = "<root".to_owned();
    for (name, value) in
        attributes.into_iter().filter_map(|(name, value)| Some((name, Zeroizing::new(value?))))
    {
        xml.push_str(&format!(" {name}=\"{}\"", *escaped(&value)));
    }
    xml.push_str("/>");
    Ok(SecretText::new(xml))
}

fn escaped(value: &str) -> Zeroizing<String> {
    let mut escaped = Zeroizing::new(String::with_capacity(value.len()));
    for letter in value.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '"' => escaped.push_str("&quot;"),
            _ => escaped.push(letter),
        }
    }
    escaped
}
