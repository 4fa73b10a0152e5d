//! `[json]`: calls by JSON over a WebSocket, for pages without a SIP stack.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;
use webtrunk_signalling::auth::ephemeral::EphemeralKeys;
use webtrunk_signalling::auth::token::{Keyring, TokenKey};
use webtrunk_signalling::http::WebOrigin;
use webtrunk_signalling::json::adapter::JsonLimits;
use webtrunk_signalling::json::{AccountPasswords, JsonConfig};
use webtrunk_signalling::sip::passing::HeaderRange;

use super::account_passwords::{self, AccountPasswordSection};
use super::ephemeral_keys::{self, EphemeralKeySection};
use super::faults::Faults;
use super::jwks_url::JwksSource;
use super::passing;
use super::secret::Environment;
use super::sip_ws::{PING_RANGE_S, Surroundings, WebSocketSettings, check_origin, is_enabled, is_path};
use super::token_keys::{self, TokenKeys};
use crate::files;

/// The JSON API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonSettings {
    /// Where the HTTP server serves it.
    pub path: String,
    /// Web pages from elsewhere that may connect; on loopback our own always may.
    pub origins: Vec<WebOrigin>,
    /// How often a page is pinged.
    pub ping_interval: Duration,
    /// How long a session waits for its page.
    pub resume: Duration,
    /// Sessions of one user.
    pub sessions_per_user: usize,
    /// Whether users may log in by their passwords.
    pub passwords: bool,
    /// How long an account is held whose last page is gone.
    pub account_grace: Duration,
    /// The headers that pages may say with their calls, and are told of those of others.
    pub headers: Vec<HeaderRange>,
    /// What proofs are checked by.
    pub keys: JsonKeys,
}

/// The keys of tokens and of names that last for a while.
#[derive(Debug, Clone, Default)]
pub struct JsonKeys {
    /// Of tokens.
    pub tokens: Keyring,
    /// Where those of them are fetched that are.
    pub sources: Vec<JwksSource>,
    /// Of names.
    pub ephemeral: EphemeralKeys,
    /// Passwords of accounts, which tokens name.
    pub passwords: AccountPasswords,
    /// Differs where they do.
    fingerprint: u64,
}

impl JsonKeys {
    /// The same with keys and passwords of the store; `fingerprint` differs where they do.
    pub(super) fn with(
        mut self,
        tokens: &[TokenKey],
        ephemeral: EphemeralKeys,
        passwords: AccountPasswords,
        fingerprint: u64,
    ) -> Self {
        let tokens = Keyring::new([self.tokens.keys(), tokens].concat());
        let ephemeral = self.ephemeral.with(ephemeral);
        self.passwords.extend(passwords);
        Self { tokens, ephemeral, fingerprint: self.fingerprint ^ fingerprint, ..self }
    }
}

impl PartialEq for JsonKeys {
    fn eq(&self, other: &Self) -> bool {
        self.fingerprint == other.fingerprint
    }
}

impl Eq for JsonKeys {}

/// The path where none is written.
const PATH: &str = "/api/v1";

/// How long a session may wait. Chosen by us: after an hour nobody on the telephone waits for a page any more.
const RESUME_RANGE_S: std::ops::RangeInclusive<u32> = 0..=3600;

/// How many sessions a user may have. Chosen by us: a call centre's shared account stays below.
const SESSIONS_RANGE: std::ops::RangeInclusive<u32> = 1..=1000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct JsonSection {
    #[serde(default = "is_enabled")]
    enabled: bool,
    path: Option<Spanned<String>>,
    #[serde(default)]
    origins: Vec<Spanned<String>>,
    ping_s: Option<Spanned<u32>>,
    resume_s: Option<Spanned<u32>>,
    sessions_per_user: Option<Spanned<u32>>,
    #[serde(default)]
    passwords: bool,
    token_keys: Option<Spanned<String>>,
    #[serde(default)]
    ephemeral_keys: Vec<EphemeralKeySection>,
    account_grace_s: Option<Spanned<u32>>,
    #[serde(default)]
    account_passwords: Vec<AccountPasswordSection>,
    #[serde(default)]
    headers_allow: Vec<Spanned<String>>,
}

impl JsonSection {
    pub(super) fn has_inline_secret(&self) -> bool {
        self.ephemeral_keys.iter().any(EphemeralKeySection::has_inline_secret)
            || self.account_passwords.iter().any(AccountPasswordSection::has_inline_secret)
    }

    /// Whether rules may name it among the listeners.
    pub(super) const fn is_enabled(&self) -> bool {
        self.enabled
    }

    /// `None` where it is switched off. By `own` others reach the gateway.
    pub(super) fn check(
        &self,
        around: Surroundings,
        sip_ws: Option<&WebSocketSettings>,
        own: &[IpAddr],
        environment: Environment<'_>,
        faults: &mut Faults<'_>,
    ) -> Option<JsonSettings> {
        let usual = JsonConfig::default();
        let path = self.path.as_ref().map_or(PATH, |path| path.get_ref());
        if let Some(written) = self.path.as_ref().filter(|path| !is_path(path.get_ref())) {
            let cure = "write one such as \"/api/v1\", of letters, digits and / - _ .";
            faults.add(written.span(), "is no path of its own", cure);
        }
        if self.enabled && sip_ws.is_some_and(|sip_ws| sip_ws.path == path) {
            let problem = format!("sip_ws.path is {path:?} too, and one path serves one of them");
            faults.add_to_file(problem, "give [json] or [sip_ws] another path");
        }
        let origins = self.origins.iter().filter_map(|origin| check_origin(origin, faults)).collect();
        let mut number =
            |written: &Option<Spanned<u32>>, range: std::ops::RangeInclusive<u32>, usual: u64| {
                written.as_ref().map_or(usual, |written| faults.number(written, range, "").into())
            };
        let ping_s = number(&self.ping_s, PING_RANGE_S, JsonLimits::default().ping_interval.as_secs());
        let resume_s = number(&self.resume_s, RESUME_RANGE_S, usual.resume.as_secs());
        let sessions = number(&self.sessions_per_user, SESSIONS_RANGE, usual.sessions_per_user as u64);
        let grace_s = number(&self.account_grace_s, RESUME_RANGE_S, usual.account_grace.as_secs());
        let headers = passing::check_headers(&self.headers_allow, "take it out", faults);
        let keys = self.keys(own, environment, faults);
        if self.enabled {
            self.check_use(around, faults);
        }
        self.enabled.then(|| JsonSettings {
            path: path.to_owned(),
            origins,
            ping_interval: Duration::from_secs(ping_s),
            resume: Duration::from_secs(resume_s),
            sessions_per_user: usize::try_from(sessions).unwrap_or(usize::MAX),
            passwords: self.passwords,
            account_grace: Duration::from_secs(grace_s),
            headers,
            keys,
        })
    }

    /// What would keep everybody out.
    fn check_use(&self, around: Surroundings, faults: &mut Faults<'_>) {
        if !around.has_http && !faults.is_partial(&["http", "json"]) {
            let problem = "[json] is served by [http], which is missing";
            return faults.add_to_file(problem, "add [http]");
        }
        if !around.is_on_loopback && self.origins.is_empty() && !faults.is_partial(&["http", "json"]) {
            let problem = "[http] listens beyond loopback and json names no origin, so no page could connect";
            faults.add_to_file(problem, "add to [json]: origins = [\"https://where.browsers.open.it\"]");
        }
        let has_proof = self.token_keys.is_some() || !self.ephemeral_keys.is_empty() || self.passwords;
        if !has_proof && !faults.is_open("json") {
            let problem = "[json] takes no proof, so nobody could connect";
            faults.add_to_file(problem, "add token_keys = \"FILE\", ephemeral_keys, or passwords = true");
        }
    }

    fn keys(&self, own: &[IpAddr], environment: Environment<'_>, faults: &mut Faults<'_>) -> JsonKeys {
        let mut fingerprint = DefaultHasher::new();
        let (mut tokens, mut sources) = (Keyring::default(), Vec::new());
        if let Some(written) = &self.token_keys {
            let file = faults.read_from(written.span(), written.get_ref());
            match token_keys::read(&file, own) {
                Ok(read) => TokenKeys { keyring: tokens, sources } = read,
                Err(error) => {
                    let cure = format!("correct {}, which docs/TOKENS.md explains", file.display());
                    faults.add(written.span(), format!("holds no sound keys: {error}"), cure);
                }
            }
            // What cannot be read was told of.
            files::read_text(&file).unwrap_or_default().hash(&mut fingerprint);
        }
        let ephemeral = ephemeral_keys::check(&self.ephemeral_keys, environment, &mut fingerprint, faults);
        let passwords =
            account_passwords::check(&self.account_passwords, environment, &mut fingerprint, faults);
        sources.iter().for_each(|source| source.note_in(&mut fingerprint));
        JsonKeys { tokens, sources, ephemeral, passwords, fingerprint: fingerprint.finish() }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    const HTTP: &str = "[http]\nbind = \"127.0.0.1:0\"\n[sip_ws]\n";

    fn parse(text: &str) -> Result<Option<JsonSettings>, String> {
        let parsed = Config::parse("w.toml", &format!("{HTTP}{text}"));
        parsed.map(|config| config.json).map_err(|error| error.to_string())
    }

    #[test]
    fn the_documented_defaults_are_those_of_the_code() {
        assert_eq!(parse(""), Ok(None));
        let made = parse("[json]\npasswords = true\n").expect("sound").expect("it is there");
        assert_eq!(
            (made.path.as_str(), made.resume, made.sessions_per_user),
            ("/api/v1", Duration::from_secs(60), 8)
        );
        assert_eq!((made.ping_interval, made.origins.len()), (Duration::from_secs(20), 0));
        assert_eq!((made.account_grace, made.keys.passwords.len()), (Duration::from_secs(30), 0));
        assert!(made.headers.is_empty());
        assert_eq!(parse("[json]\nenabled = false\n"), Ok(None));
    }

    #[test]
    fn what_keeps_everybody_out_or_cannot_be_is_told_with_its_cure() {
        for (text, told) in [
            ("[json]\n", "[json] takes no proof, so nobody could connect; add token_keys"),
            ("[json]\npasswords = true\npath = \"/sip\"\n", "sip_ws.path is \"/sip\" too"),
            (
                "[json]\npasswords = true\npath = \"/status\"\n",
                "w.toml:6: json.path = \"/status\": is no path",
            ),
            (
                "[json]\npasswords = true\nresume_s = 3601\n",
                "json.resume_s = 3601: is out of range; write 0 to 3600",
            ),
            ("[json]\npasswords = true\nsessions_per_user = 0\n", "is out of range; write 1 to 1000"),
            ("[json]\npasswords = true\naccount_grace_s = 3601\n", "is out of range; write 0 to 3600"),
            (
                "[json]\npasswords = true\naccount_passwords = [{ name = \"a\", password = \"b\" }, { name = \"a\", password = \"c\" }]\n",
                "json.account_passwords[1].name = \"a\": another password has this name; rename one of them",
            ),
            (
                "[json]\npasswords = true\nheaders_allow = [\"X-*\", \"Via\"]\n",
                "json.headers_allow[1] = \"Via\": never passes: it belongs to one leg; take it out",
            ),
            (
                "[json]\npasswords = true\nheaders_allow = [\"*\"]\n",
                "json.headers_allow[0] = \"*\": names too many headers; write two characters",
            ),
            ("[json]\npasswords = true\norigins = [\"crm\"]\n", "json.origins[0] = \"crm\": is no origin"),
            ("[json]\ntoken_keys = \"none.toml\"\n", "json.token_keys = \"none.toml\": holds no sound keys"),
            (
                "[json]\nephemeral_keys = [{ id = \"k\", secret = \"short\" }]\n",
                "its key has fewer than 16 octets",
            ),
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.contains(told), "{text}: {error}");
        }
        let error = Config::parse(
            "w.toml",
            "[[sip.listeners]]\ntransport = \"udp\"\nbind = \"127.0.0.1:0\"\n[json]\npasswords = true\n",
        )
        .expect_err("no [http]");
        assert!(
            error.to_string().contains("[json] is served by [http], which is missing; add [http]"),
            "{error}"
        );
    }

    #[test]
    fn keys_that_differ_are_told_apart_and_never_shown() {
        let with = |secret: &str| {
            let text = format!("[json]\nephemeral_keys = [{{ id = \"k\", secret = \"{secret}\" }}]\n");
            parse(&text).expect("sound").expect("it is there")
        };
        let (one, other) = (with("north wind and sun"), with("sun and north wind"));
        assert_eq!(one, with("north wind and sun"));
        assert_ne!(one, other);
        assert!(!format!("{one:?}").contains("north wind"));
    }
}
