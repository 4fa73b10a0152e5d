//! `[rest]` and `[[api_keys]]`: the interface for back ends, and who may ask there.

use std::collections::{BTreeSet, HashSet};

use serde::Deserialize;
use toml::Spanned;
use webtrunk_signalling::auth::validity::Validity;
use webtrunk_signalling::http::WebOrigin;

use super::faults::Faults;
use super::sip_ws::{Surroundings, check_origin, is_path};
use super::token_keys_terms::check_time;
use crate::rest::PATH;
use crate::rest::keys::{ApiKey, ApiKeys, is_id, parse_hash};
use crate::rest::scope::Scope;

/// The interface for back ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestConfig {
    /// Where the HTTP server serves it.
    pub path: String,
    /// Pages that may ask (CORS).
    pub origins: Vec<WebOrigin>,
    /// How many requests a key may make in a minute.
    pub requests_per_minute: u32,
}

/// Requests of a key in a minute where nobody says. Chosen by us: 20 in a second, which no back end needs that listens to events.
pub(crate) const REQUESTS_PER_MINUTE: u32 = 1200;

/// The most that may be said.
const REQUESTS_MAX: u32 = 1_000_000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RestSection {
    path: Option<Spanned<String>>,
    #[serde(default)]
    origins: Vec<Spanned<String>>,
    requests_per_minute: Option<Spanned<u32>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ApiKeySection {
    id: Spanned<String>,
    secret_sha256: Spanned<String>,
    scopes: Spanned<Vec<Spanned<String>>>,
    customer: Option<Spanned<String>>,
    not_before: Option<Spanned<String>>,
    not_after: Option<Spanned<String>>,
}

impl RestSection {
    /// `served` is what else is served, by its key, and where.
    pub(super) fn check(
        &self,
        around: Surroundings,
        served: &[(&'static str, &str)],
        faults: &mut Faults<'_>,
    ) -> RestConfig {
        let path = self.path.as_ref().map_or(PATH, |path| path.get_ref());
        // All below it is its own: what else is served is not to be there.
        let holds = |other: &str| format!("{other}/").starts_with(&format!("{path}/"));
        let is_unfit = |path: &str| !is_path(path) || holds("/api/demo");
        if let Some(written) = self.path.as_ref().filter(|path| is_unfit(path.get_ref())) {
            let cure = "write one such as \"/api/v1\", of letters, digits and / - _ .";
            faults.add(written.span(), "is no path of its own", cure);
        }
        // At the path itself there is nothing of its own, and the JSON API may be there.
        let clashes = |(key, other): &&(&str, &str)| holds(other) && (*key != "json.path" || *other != path);
        for (key, other) in served.iter().filter(clashes) {
            let problem = format!("{key} is {other:?}, and rest.path = {path:?} has all below it for itself");
            faults.add_to_file(problem, "give one of the two another path");
        }
        let requests_per_minute = self
            .requests_per_minute
            .as_ref()
            .map_or(REQUESTS_PER_MINUTE, |written| faults.number(written, 1..=REQUESTS_MAX, ""));
        if !faults.is_partial(&["http", "tls", "rest"]) {
            if !around.has_http {
                faults.add_to_file("[rest] is served by [http], which is missing", "add [http]");
            } else if !around.is_on_loopback && !around.has_certificate {
                let problem = "[http] listens beyond loopback without a certificate, and [rest] would have keys sent in the clear";
                faults.add_to_file(
                    problem,
                    "add [tls], or listen on loopback behind a server that speaks HTTPS",
                );
            }
        }
        let origins = self.origins.iter().filter_map(|origin| check_origin(origin, faults)).collect();
        RestConfig { path: path.to_owned(), origins, requests_per_minute }
    }
}

/// Checks all keys; `customers` are those that there are.
pub(super) fn check_keys(
    sections: &[ApiKeySection],
    has_rest: bool,
    customers: &[&str],
    faults: &mut Faults<'_>,
) -> ApiKeys {
    let mut ids = HashSet::new();
    let mut keys = Vec::new();
    for section in sections {
        if !ids.insert(section.id.get_ref()) {
            faults.add(section.id.span(), "another key has this id", "give each key an id of its own");
        }
        if !has_rest {
            let cure = "add [rest], or take the key out";
            faults.add_absent(&["rest"], section.id.span(), "is a key of [rest], which is missing", cure);
        }
        keys.extend(section.check(customers, faults));
    }
    ApiKeys::new(keys)
}

impl ApiKeySection {
    fn check(&self, customers: &[&str], faults: &mut Faults<'_>) -> Option<ApiKey> {
        let id = self.id.get_ref();
        if !is_id(id) {
            faults.add(self.id.span(), "is no id of a key", "use 1 to 32 letters, digits, - and .");
        }
        let hash = parse_hash(self.secret_sha256.get_ref());
        if hash.is_none() {
            let cure = format!("write what `webtrunk apikey make {id}` prints");
            faults.add(self.secret_sha256.span(), "is no hash of a key", cure);
        }
        if self.scopes.get_ref().is_empty() {
            faults.add_missing_below(
                self.scopes.span(),
                "holds nothing, so the key may do nothing",
                SCOPES_CURE,
            );
        }
        let scopes: BTreeSet<Scope> =
            faults.parse_all(self.scopes.get_ref(), SCOPES_CURE).into_iter().collect();
        if let Some(written) = self.customer.as_ref().filter(|it| !customers.contains(&it.get_ref().as_str()))
        {
            let cure = "name one of [[customers]]";
            faults.add_absent(&["customers"], written.span(), "is no customer", cure);
        }
        let times = [&self.not_before, &self.not_after].map(|time| check_time(time.as_ref(), faults));
        let [Some(not_before), Some(not_after)] = times else { return None };
        let customer = self.customer.as_ref().map(|it| it.get_ref().clone());
        let validity = Validity { not_before, not_after };
        Some(ApiKey { id: id.clone(), hash: hash?, scopes, customer, validity })
    }
}

/// The cure for a bad scope.
const SCOPES_CURE: &str = "write some of those that docs/REST_API.md tells, such as \"calls:read\"";

#[cfg(test)]
mod tests {
    use super::super::Config;

    const HASH: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn parse(text: &str) -> Result<Config, String> {
        let text = format!("[http]\nbind = \"127.0.0.1:0\"\n[sip_ws]\n{text}");
        Config::parse("w.toml", &text).map_err(|error| error.to_string())
    }

    #[test]
    fn it_is_off_by_default_and_lets_no_page_in_by_default() {
        assert_eq!(parse("").expect("sound").rest, None);
        let made = parse("[rest]\n").expect("sound").rest.expect("it is there");
        assert_eq!((made.path.as_str(), made.origins.len(), made.requests_per_minute), ("/api/v1", 0, 1200));
    }

    #[test]
    fn what_cannot_be_is_told_with_its_cure() {
        let key = |more: &str| {
            format!(
                "[rest]\n[[api_keys]]\nid = \"crm\"\nsecret_sha256 = \"{HASH}\"\nscopes = [\"calls:read\"]\n{more}"
            )
        };
        assert!(parse(&key("")).is_ok());
        assert!(parse("[rest]\n[json]\npasswords = true\n").is_ok(), "both are at /api/v1 by default");
        for (text, told) in [
            ("[rest]\npath = \"/status\"\n".to_owned(), "rest.path = \"/status\": is no path"),
            ("[rest]\npath = \"/api\"\n".to_owned(), "rest.path = \"/api\": is no path"),
            (
                "[rest]\npath = \"/sip\"\n".to_owned(),
                "sip_ws.path is \"/sip\", and rest.path = \"/sip\" has all below it for itself",
            ),
            (
                "[rest]\n[json]\npasswords = true\npath = \"/api/v1/json\"\n".to_owned(),
                "json.path is \"/api/v1/json\", and rest.path = \"/api/v1\" has all below it for itself; give one",
            ),
            (
                "[rest]\nrequests_per_minute = 0\n".to_owned(),
                "rest.requests_per_minute = 0: is out of range; write 1 to 1000000",
            ),
            ("[rest]\norigins = [\"crm\"]\n".to_owned(), "rest.origins[0] = \"crm\": is no origin"),
            (key("").replace("[rest]\n", ""), "is a key of [rest], which is missing; add [rest]"),
            (
                key("").replace("calls:read", "calls:all"),
                "api_keys[0].scopes[0] = \"calls:all\": is no scope",
            ),
            (key("").replace("\"calls:read\"", ""), "holds nothing, so the key may do nothing"),
            (key("").replace("\"crm\"", "\"c_m\""), "api_keys[0].id = \"c_m\": is no id of a key"),
            (key("customer = \"acme\"\n"), "api_keys[0].customer = \"acme\": is no customer"),
            (key("not_after = \"soon\"\n"), "write a time with its zone"),
            (
                key("").replace(HASH, "abc"),
                "is no hash of a key; write what `webtrunk apikey make crm` prints",
            ),
            (key(&key("").replace("[rest]\n", "")), "another key has this id"),
        ] {
            let error = parse(&text).expect_err(&text);
            assert!(error.contains(told), "{text}: {error}");
        }
        let open = "[http]\nbind = \"0.0.0.0:8080\"\n[rest]\n";
        let error = Config::parse("w.toml", open).expect_err("keys in the clear").to_string();
        assert!(error.contains("[rest] would have keys sent in the clear; add [tls]"), "{error}");
        let none = "[[sip.listeners]]\ntransport = \"udp\"\nbind = \"127.0.0.1:0\"\n[rest]\n";
        let error = Config::parse("w.toml", none).expect_err("no [http]").to_string();
        assert!(error.contains("[rest] is served by [http], which is missing; add [http]"), "{error}");
    }
}
