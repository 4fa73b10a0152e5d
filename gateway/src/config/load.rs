//! From a file to a [`Config`]: read, check all of it, tell all that is wrong.

use std::path::Path;

use serde::Deserialize;

use super::admin::AdminSection;
use super::cdr::CdrSection;
use super::customers::{Around, CustomerSection};
use super::defence::DefenceSection;
use super::document::Document;
use super::drain::DrainSection;
use super::entry::EntrySection;
use super::error::ConfigError;
use super::faults::Faults;
use super::hep::HepSection;
use super::http::{HttpSection, TlsSection};
use super::json::JsonSection;
use super::limits::{GroupSection, LimitsSection, SpendingLimits};
use super::listener::{Ports, Taken, external_addresses};
use super::log::LogSection;
use super::media::MediaSection;
use super::messages::MessagesSection;
use super::prompts::Prompts;
use super::recording::RecordingSection;
use super::rest::{ApiKeySection, RestSection, check_keys};
use super::rules::{Known, RuleSection};
use super::secret::{Environment, closed_to, open_to};
use super::sip::SipSection;
use super::sip_ws::{SipWsSection, Surroundings};
use super::store::StoreSection;
use super::subscriptions::SubscriptionsSection;
use super::telemetry::TelemetrySection;
use super::trace::TraceSection;
use super::trunks::TrunkSection;
use super::users::UserSection;
use super::webhooks::{Beside, WebhookSection};
use super::{Config, UserLimits, accounts, rules, structure, trunks, users, webhooks};
use crate::files;

/// The whole file, as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    http: Option<HttpSection>,
    admin: Option<AdminSection>,
    tls: Option<TlsSection>,
    #[serde(default)]
    sip: SipSection,
    sip_ws: Option<SipWsSection>,
    json: Option<JsonSection>,
    rest: Option<RestSection>,
    #[serde(default)]
    api_keys: Vec<ApiKeySection>,
    #[serde(default)]
    webhooks: Vec<WebhookSection>,
    #[serde(default)]
    entry: EntrySection,
    #[serde(default)]
    customers: Vec<CustomerSection>,
    #[serde(default)]
    defence: DefenceSection,
    #[serde(default)]
    messages: MessagesSection,
    #[serde(default)]
    subscriptions: SubscriptionsSection,
    #[serde(default)]
    media: MediaSection,
    recording: Option<RecordingSection>,
    store: Option<StoreSection>,
    cdr: Option<CdrSection>,
    #[serde(default)]
    limits: LimitsSection,
    #[serde(default)]
    groups: Vec<GroupSection>,
    #[serde(default)]
    drain: DrainSection,
    telemetry: Option<TelemetrySection>,
    #[serde(default)]
    users: Vec<UserSection>,
    #[serde(default)]
    trunks: Vec<TrunkSection>,
    #[serde(default)]
    rules: Vec<RuleSection>,
    #[serde(default)]
    trace: TraceSection,
    hep: Option<HepSection>,
    #[serde(default)]
    log: LogSection,
}

/// Reads and checks a file; it must be closed to others where it holds secrets.
pub(super) fn load(path: &Path, environment: Environment<'_>) -> Result<(Config, String), ConfigError> {
    let unreadable = |source| ConfigError::Unreadable { file: path.to_owned(), source };
    let text = files::read_text(path).map_err(unreadable)?;
    let mode = open_to(closed_to(path, environment), path).map_err(unreadable)?;
    let config = check(&Document::new(path, text.clone()), mode, environment)?;
    Ok((config, text))
}

/// Checks a text that was not read from a file of its own.
pub(super) fn parse(name: &str, text: &str, environment: Environment<'_>) -> Result<Config, ConfigError> {
    check(&Document::new(Path::new(name), text.to_owned()), None, environment)
}

/// Checks what a file says, and more behind it that is not in the file.
pub(super) fn parse_at(path: &Path, text: String) -> Result<Config, ConfigError> {
    check(&Document::new(path, text), None, &|name| std::env::var(name).ok())
}

/// The sections of which the store may have more than the file.
const OF_STORE: &[&str] = &["users", "customers", "entry", "json"];

fn check(
    document: &Document,
    open: Option<u32>,
    environment: Environment<'_>,
) -> Result<Config, ConfigError> {
    let mut faults = Faults::new(document);
    let Some(file) = structure::read::<File>(&mut faults) else {
        return Err(ConfigError::Faulty(faults.into_list()));
    };
    if let Some(mode) = open.filter(|_| file.has_inline_secret()) {
        let problem = format!("holds secrets, and others may read it (mode {mode:o})");
        faults.add_to_file(
            problem,
            "run chmod 600 on it, or keep the secrets in { file = ... } or { env = ... }",
        );
    }
    let config = file.check(environment, &mut faults);
    let list = faults.into_list();
    match config {
        Some(config) if list.is_empty() => Ok(config),
        _ => Err(ConfigError::Faulty(list)),
    }
}

/// A section that is sound, or not there; `None` where it is faulty.
fn sound<T>(checked: Option<Option<T>>) -> Option<Option<T>> {
    checked.map_or(Some(None), |section| section.map(Some))
}

impl File {
    fn has_inline_secret(&self) -> bool {
        self.users.iter().any(UserSection::has_inline_secret)
            || self.trunks.iter().any(TrunkSection::has_inline_secret)
            || self.admin.as_ref().is_some_and(AdminSection::has_inline_secret)
            || self.hep.as_ref().is_some_and(HepSection::has_inline_secret)
            || self.json.as_ref().is_some_and(JsonSection::has_inline_secret)
            || self.store.as_ref().is_some_and(StoreSection::has_inline_secret)
            || self.webhooks.iter().any(WebhookSection::has_inline_secret)
            || self.entry.has_inline_secret()
            || self.customers.iter().any(CustomerSection::has_inline_secret)
    }

    /// Checks section by section; `None` means that faults were noted.
    fn check(&self, environment: Environment<'_>, faults: &mut Faults<'_>) -> Option<Config> {
        if self.store.as_ref().is_some_and(StoreSection::has_people) {
            faults.set_open(OF_STORE);
        }
        let http = self.http.as_ref().map(|section| section.check(faults));
        let checked = http.as_ref().and_then(Option::as_ref);
        let has_no_listener = self.sip.has_no_listener() && self.sip_ws.is_none();
        if self.http.is_none() && has_no_listener && !faults.is_partial(&["http", "sip", "sip_ws"]) {
            let cure = "add [http] and [sip_ws] for browsers, or [[sip.listeners]] for phones and trunks";
            faults.add_to_file("nothing listens, so nobody could call", cure);
        }
        let around = Surroundings {
            has_http: self.http.is_some(),
            // A faulty section was told of; nothing follows from it.
            is_on_loopback: checked.is_none_or(|http| http.bind.ip().is_loopback()),
            has_certificate: self.tls.is_some(),
        };
        let tls = self.tls.as_ref().map(|section| section.check(faults));
        let mut taken = Taken::default();
        let sip = self.sip.check(around.has_certificate, &mut taken, faults);
        let sip_ws = self.sip_ws.as_ref().map(|section| section.check(around, &mut taken, faults));
        let mut prompts = Prompts::new();
        let media = self.media.check(&mut prompts, faults);
        let listeners = sip_ws.iter().flat_map(|sip_ws| &sip_ws.listeners).chain(&sip.listeners);
        let of_media = media.as_ref().map(|media| media.external_addresses.as_slice());
        let own = external_addresses(listeners, of_media.unwrap_or_default());
        let json = self
            .json
            .as_ref()
            .and_then(|section| section.check(around, sip_ws.as_ref(), &own, environment, faults));
        let of_sip = sip_ws.as_ref().map(|sip_ws| ("sip_ws.path", sip_ws.path.as_str()));
        let of_json = json.as_ref().map(|json| ("json.path", json.path.as_str()));
        let served: Vec<_> = of_sip.into_iter().chain(of_json).collect();
        let rest = self.rest.as_ref().map(|section| section.check(around, &served, faults));
        let customers: Vec<_> = self.customers.iter().map(CustomerSection::name).collect();
        let api_keys = check_keys(&self.api_keys, self.rest.is_some(), &customers, faults);
        let around_customers = Around {
            has_http: self.http.is_some(),
            has_recording: self.recording.is_some(),
            trunks: self.trunks.iter().map(TrunkSection::name).collect(),
        };
        let entry = self.entry.check(&self.customers, &around_customers, environment, faults);
        let defence = self.defence.check(faults);
        self.entry.check_logins(self.rest.is_some(), faults);
        let messages = self.messages.check(faults);
        let subscriptions = self.subscriptions.check(&self.users, &self.trunks, faults);
        let (has_rest, has_store) = (self.rest.is_some(), self.store.is_some());
        let beside = Beside { has_rest, has_store, customers: &customers, own: &own };
        let webhooks = webhooks::check(&self.webhooks, beside, environment, faults);
        let recording = self.recording.as_ref().map(|section| section.check(faults));
        let store = self.store.as_ref().map(|section| section.check(environment, faults));
        let cdr = self.cdr.as_ref().map(|section| section.check(self.store.is_some(), faults));
        let drain = self.drain.check(faults);
        let telemetry = self.telemetry.as_ref().map(|section| section.check(faults));
        let kept_in = store.as_ref().and_then(Option::as_ref);
        let admin = self.admin.as_ref().map(|section| section.check(kept_in, environment, faults));
        let operators = admin.as_ref().and_then(|admin| admin.as_ref()).map(|admin| admin.bind);
        if let (Some(section), Some(http), Some(bind)) = (&self.admin, checked, operators) {
            let span = self.http.as_ref().map(HttpSection::bind_span).unwrap_or_default();
            section.check_port(bind, http, span, faults);
        }
        if self.http.is_none() || checked.is_some() {
            self.media.check_tcp(checked.map(|http| http.bind.port()), media.as_ref(), faults);
        }
        let ports = Ports { http: checked, admin: operators, media: media.as_ref() };
        self.sip.check_ports(ports, faults);
        if let Some(section) = &self.sip_ws {
            section.check_ports(ports, faults);
        }
        let users = users::check(&self.users, environment, faults);
        let names: Vec<_> = self.users.iter().map(UserSection::name).collect();
        let user_limits = UserLimits::check(self.sip.calls_per_user(), &self.users, &self.customers, faults);
        let asks = self.tls.as_ref().is_some_and(TlsSection::asks_for_certificates);
        let mut trunks =
            trunks::check(&self.trunks, &self.sip.transports(), &names, asks, environment, faults);
        accounts::add(&self.users, &mut trunks, environment, faults);
        let known = Known {
            users: self.users.iter().map(UserSection::name).collect(),
            customers: self.customers.iter().map(CustomerSection::name).collect(),
            trunks: self.trunks.iter().map(TrunkSection::name).collect(),
            groups: users::groups(&self.users),
            listeners: {
                let of_browsers = self.sip_ws.as_ref().map(SipWsSection::listener_names).unwrap_or_default();
                let of_pages = self.json.as_ref().filter(|section| section.is_enabled()).map(|_| "json");
                (&self.sip.listener_names() | &of_browsers).into_iter().chain(of_pages).collect()
            },
            has_recording: self.recording.is_some(),
        };
        let spending = SpendingLimits::check(&self.limits, &self.groups, &self.users, &self.trunks, faults);
        let spending = spending.with_customers(&self.customers, faults);
        let rules = rules::check(&self.rules, &known, &mut prompts, faults);
        let trace = self.trace.check(faults);
        let hep = self.hep.as_ref().map(|section| section.check(trace.is_enabled, environment, faults));
        let log = self.log.check(faults);
        faults.check_files();
        let http = sound(http)?;
        let store = sound(store)?;
        let cdr = sound(cdr)?;
        let recording = sound(recording)?;
        let hep = sound(hep)?;
        let telemetry = sound(telemetry)?;
        let admin = sound(admin)?;
        Some(Config {
            http,
            admin,
            tls,
            sip,
            sip_ws: sip_ws.unwrap_or_default(),
            json,
            rest,
            api_keys,
            webhooks,
            entry,
            defence,
            messages,
            subscriptions,
            media: media?,
            recording,
            store,
            cdr,
            drain,
            telemetry,
            users,
            user_limits,
            spending,
            trunks,
            rules: rules?,
            rule_lines: self.rules.iter().map(|rule| rule.line(faults.document())).collect(),
            prompts,
            trace,
            hep,
            log,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::error::Fault;
    use super::*;

    fn text(rules: usize, number: &str) -> String {
        let mut text = "[[sip.listeners]]\ntransport = \"udp\"\nbind = \"127.0.0.1:0\"\n".to_owned();
        for index in 0..rules {
            text += &format!(
                "[[users]]\nname = \"u{index}\"\nha1_md5 = \"{}\"\n[[rules]]\nname = \"r{index}\"\n\
                 destination = \"{number}{index}\"\nactions = [{{ bridge = {{ user = \"u{index}\" }} }}]\n",
                "a".repeat(32)
            );
        }
        text
    }

    /// Looking through it takes as long as it is, so it must not be done for each rule.
    #[test]
    fn a_sound_text_is_not_looked_through_for_its_keys_and_a_faulty_one_once_for_all_faults() {
        const RULES: usize = 200;
        let sound = Document::new(Path::new("w.toml"), text(RULES, "1"));
        assert!(check(&sound, None, &|_| None).is_ok());
        assert!(!sound.is_looked_through());
        let faulty = Document::new(Path::new("w.toml"), text(RULES, "("));
        let Err(ConfigError::Faulty(faults)) = check(&faulty, None, &|_| None) else {
            panic!("it is faulty")
        };
        let told: Vec<_> = faults.iter().map(|Fault { line, key, .. }| (*line, key.clone())).collect();
        let expected: Vec<_> =
            (0..RULES).map(|rule| (9 + 7 * rule, format!("rules[{rule}].destination"))).collect();
        assert_eq!(told, expected);
        assert!(faulty.is_looked_through());
    }
}
