//! `[[webhooks]]`: receivers that are sent what happens.

use std::collections::HashSet;
use std::net::IpAddr;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;
use url::Url;
use webtrunk_engine::net::Network;

use super::faults::Faults;
use super::http::SYSTEM_AUTHORITIES;
use super::secret::{Environment, SecretSource, fetch};
use super::target::{Authorities, Target, forbidden};
use crate::rest::events::EventKind;
use crate::rest::keys::is_id;
use crate::webhooks::SigningKey;

/// A receiver of what happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Names it in logs and figures, and what waits for it.
    pub name: String,
    /// Where it is.
    pub target: Target,
    /// What it knows us by: one, or two while the one replaces the other.
    pub keys: Vec<SigningKey>,
    /// What it is told.
    pub kinds: HashSet<EventKind>,
    /// Whose it is: then it is told of nobody else. `None` is the operator's, which is told of all.
    pub customer: Option<String>,
    /// Addresses that it may have besides public ones.
    pub networks: Vec<Network>,
    /// By whom its certificate is vouched for; `None` where it is asked without TLS.
    pub authorities: Option<Authorities>,
    /// How long an event waits for it.
    pub give_up: Duration,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WebhookSection {
    name: Spanned<String>,
    url: Spanned<String>,
    secrets: Spanned<Vec<WebhookSecretSection>>,
    events: Option<Spanned<Vec<Spanned<String>>>>,
    customer: Option<Spanned<String>>,
    #[serde(default)]
    allow_insecure: bool,
    #[serde(default)]
    networks: Vec<Spanned<String>>,
    trusted_certificates: Option<Spanned<String>>,
    give_up_s: Option<Spanned<u64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WebhookSecretSection {
    id: Spanned<String>,
    secret: Spanned<SecretSource>,
}

/// Who is there besides.
#[derive(Clone, Copy)]
pub(super) struct Beside<'b> {
    pub(super) has_rest: bool,
    pub(super) has_store: bool,
    pub(super) customers: &'b [&'b str],
    /// By which others reach us from outside.
    pub(super) own: &'b [IpAddr],
}

/// How long an event waits where nobody says. Chosen by us: a receiver that is down over a weekend misses nothing.
const GIVE_UP_S: u64 = 259_200;

/// The least and the most that may be said: a month is longer than anybody looks back.
const GIVE_UP_RANGE_S: std::ops::RangeInclusive<u64> = 10..=2_678_400;

/// Secrets at one time: the one that is used, and the one that replaces it.
const SECRETS_MAX: usize = 2;

/// Hooks that there may be. Chosen by us: each may have 32 MiB wait for it.
const HOOKS_MAX: usize = 32;

const NAME_CURE: &str = "use 1 to 32 letters, digits, - and .";
const URL_CURE: &str = "write one such as \"https://crm.example/webtrunk\"";
const EVENTS_CURE: &str =
    "write some of those that docs/REST_API.md tells, such as \"call.ended\", or leave it out for all";

/// Checks all hooks.
pub(super) fn check(
    sections: &[WebhookSection],
    beside: Beside<'_>,
    environment: Environment<'_>,
    faults: &mut Faults<'_>,
) -> Vec<Webhook> {
    let mut names = HashSet::new();
    let mut hooks = Vec::new();
    if let Some(first) = sections.get(HOOKS_MAX) {
        let problem = format!("is one webhook more than the {HOOKS_MAX} that there may be");
        faults.add(first.name.span(), problem, "take some out, or have one receiver tell the others");
    }
    for section in sections {
        let (name, span) = (section.name.get_ref(), section.name.span());
        if !names.insert(name) {
            faults.add(span.clone(), "another webhook has this name", "give each a name of its own");
        }
        if !beside.has_rest {
            let problem = "is told what [rest] tells, which is missing";
            faults.add_absent(&["rest"], span.clone(), problem, "add [rest]");
        }
        if !beside.has_store {
            let problem = "has what waits for it in [store], which is missing";
            faults.add_absent(&["store"], span, problem, "add [store]");
        }
        hooks.extend(section.check(beside, environment, faults));
    }
    hooks
}

impl WebhookSection {
    pub(super) fn has_inline_secret(&self) -> bool {
        self.secrets.get_ref().iter().any(|own| own.secret.get_ref().is_inline())
    }

    fn check(
        &self,
        Beside { customers, own, .. }: Beside<'_>,
        environment: Environment<'_>,
        faults: &mut Faults<'_>,
    ) -> Option<Webhook> {
        if !is_id(self.name.get_ref()) {
            faults.add(self.name.span(), "is no name of a webhook", NAME_CURE);
        }
        if let Some(written) = self.customer.as_ref().filter(|it| !customers.contains(&it.get_ref().as_str()))
        {
            let cure = "name one of [[customers]]";
            faults.add_absent(&["customers"], written.span(), "is no customer", cure);
        }
        let networks = faults.parse_all(&self.networks, super::NETWORK_CURE);
        let keys = self.check_secrets(environment, faults);
        let kinds = match &self.events {
            None => EventKind::ALL.into(),
            Some(written) => {
                if written.get_ref().is_empty() {
                    faults.add_missing_below(
                        written.span(),
                        "holds nothing, so nothing is told",
                        EVENTS_CURE,
                    );
                }
                faults.parse_all(written.get_ref(), EVENTS_CURE).into_iter().collect()
            }
        };
        let give_up_s =
            self.give_up_s.as_ref().map_or(GIVE_UP_S, |written| faults.number(written, GIVE_UP_RANGE_S, ""));
        let (target, is_secure) = self.check_url(&networks, own, faults)?;
        let authorities = if is_secure { Some(self.check_authorities(faults)?) } else { None };
        Some(Webhook {
            name: self.name.get_ref().clone(),
            target,
            keys,
            kinds,
            customer: self.customer.as_ref().map(|it| it.get_ref().clone()),
            networks,
            authorities,
            give_up: Duration::from_secs(give_up_s),
        })
    }

    fn check_secrets(&self, environment: Environment<'_>, faults: &mut Faults<'_>) -> Vec<SigningKey> {
        let written = self.secrets.get_ref();
        if written.is_empty() || written.len() > SECRETS_MAX {
            let cure = "write one, or two while a receiver goes from the one to the other";
            faults.add_missing_below(self.secrets.span(), "is not one secret, nor two", cure);
        }
        let mut keys = Vec::new();
        for (index, section) in written.iter().enumerate() {
            let id = section.id.get_ref();
            if !is_id(id) {
                faults.add(section.id.span(), "is no id of a secret", NAME_CURE);
            }
            if written[..index].iter().any(|other| other.id.get_ref() == id) {
                faults.add(section.id.span(), "another secret has this id", "give each an id of its own");
            }
            let Some(secret) = fetch(&section.secret, environment, faults) else { continue };
            match SigningKey::parse(id, secret.expose()) {
                Some(key) => keys.push(key),
                None => {
                    let problem = "is no whsec_ with 24 to 64 octets in Base64 behind it";
                    let cure = "make one by: echo \"whsec_$(openssl rand -base64 32)\"";
                    faults.add(section.secret.span(), problem, cure);
                }
            }
        }
        keys
    }

    /// Where it is, and whether it is asked over TLS.
    fn check_url(
        &self,
        networks: &[Network],
        own: &[IpAddr],
        faults: &mut Faults<'_>,
    ) -> Option<(Target, bool)> {
        let span = self.url.span();
        let url = Url::parse(self.url.get_ref());
        // First of all, and not where it stands, for it would be shown.
        match &url {
            Ok(url) if !url.username().is_empty() || url.password().is_some() => {
                let problem = "has a url with a user in it, which nobody is shown";
                faults.add(self.name.span(), problem, "take it out: receivers know us by signatures");
                return None;
            }
            url if !url.as_ref().is_ok_and(Url::has_host) && self.url.get_ref().contains('@') => {
                let problem = "has a url that is none, and may have a password in it, which nobody is shown";
                faults.add(self.name.span(), problem, URL_CURE);
                return None;
            }
            _ => {}
        }
        let Ok(url) = url else {
            faults.add(span, "is no URL", URL_CURE);
            return None;
        };
        let is_secure = match (url.scheme(), self.allow_insecure) {
            ("https", false) => true,
            ("http", true) => false,
            ("https", true) => {
                faults.add(
                    span.clone(),
                    "is asked over TLS, and allow_insecure is for \"http\"",
                    "take allow_insecure out",
                );
                true
            }
            ("http", false) => {
                let cure = "write \"https\", or allow_insecure = true where nobody is on the way";
                faults.add(span, "would have calls told in the clear", cure);
                return None;
            }
            _ => {
                faults.add(span, "is neither of \"https\" nor of \"http\"", URL_CURE);
                return None;
            }
        };
        if url.fragment().is_some() {
            faults.add(span, "has a fragment, which no server is sent", "take it out, with its #");
            return None;
        }
        let Some((target, literal)) = Target::of(&url) else {
            faults.add(span, "names no host", URL_CURE);
            return None;
        };
        if let Some(problem) = forbidden(literal, networks, own) {
            faults.add(self.url.span(), problem, "add it to networks, if the receiver is meant to be there");
        }
        Some((target, is_secure))
    }

    fn check_authorities(&self, faults: &mut Faults<'_>) -> Option<Authorities> {
        let (span, file) = match &self.trusted_certificates {
            Some(written) => (written.span(), faults.read_from(written.span(), written.get_ref())),
            None => (self.url.span(), SYSTEM_AUTHORITIES.into()),
        };
        let read = Authorities::read(file);
        read.map_err(|error| {
            let cure = "name a PEM file of certificate authorities in trusted_certificates";
            faults.add(span, error, cure);
        })
        .ok()
    }
}

#[cfg(test)]
mod tests;
