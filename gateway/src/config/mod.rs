//! The configuration: one TOML file, checked as a whole before anything starts.
//!
//! Each section has a file here, which says what the section may hold (`...Section`, as written) and
//! what comes of it (the public type, checked). Unknown keys are refused. Whatever is wrong is told
//! with file, line, key, value and cure, all at once.

mod account_passwords;
mod accounts;
mod admin;
mod apart;
mod bridge;
mod cdr;
mod conditions;
mod conference;
mod customers;
mod defence;
mod document;
mod drain;
mod entry;
mod ephemeral_keys;
mod error;
#[cfg(test)]
pub(crate) mod example;
mod faults;
mod header_changes;
mod hep;
mod http;
mod json;
mod jwks_url;
mod left_out;
mod limits;
mod listener;
mod load;
mod log;
mod logins;
mod media;
mod menu;
mod messages;
mod nearest;
mod passing;
mod people;
mod places;
mod prompts;
mod record;
mod recording;
mod redirects;
mod rest;
mod rewrites;
mod rules;
mod secret;
mod sip;
mod sip_ws;
mod srtp;
mod store;
mod store_server;
mod structure;
mod structure_words;
mod subscriptions;
mod target;
mod telemetry;
#[cfg(test)]
mod tests;
mod token_keys;
mod token_keys_terms;
mod trace;
mod trunk_credentials;
mod trunk_group;
mod trunks;
mod users;
mod webhooks;

use std::net::IpAddr;
use std::path::Path;

use webtrunk_signalling::routing::Rules;
use webtrunk_signalling::sip::agent::TextConfig;
use webtrunk_signalling::sip::subscription::SubscriptionConfig;

use crate::rest::keys::ApiKeys;

pub use accounts::UserLimits;
pub use admin::{AdminConfig, NoAdmin};
pub use cdr::CdrConfig;
pub use customers::Customer;
pub use defence::DefenceConfig;
pub use drain::DrainConfig;
pub use entry::Entry;
pub use error::{ConfigError, Fault};
pub use hep::HepConfig;
pub use http::{HttpConfig, PairFiles, TlsFiles};
pub use json::{JsonKeys, JsonSettings};
pub use jwks_url::JwksSource;
pub use limits::SpendingLimits;
pub use listener::SipListener;
pub use log::{LogConfig, LogFormat};
pub use logins::LoginsConfig;
pub use media::MediaConfig;
pub use prompts::Prompts;
pub use recording::RecordingConfig;
pub(crate) use rest::REQUESTS_PER_MINUTE;
pub use rest::RestConfig;
pub use secret::Secret;
pub use sip::{DEFAULT_REALM, SipSettings};
pub use sip_ws::{WEBSOCKET_PATH, WebSocketSettings};
pub use store::StoreConfig;
pub use target::{Authorities, Target};
pub use telemetry::{Collector, TelemetryConfig};
pub use token_keys::load_token_keys;
pub use trace::TraceConfig;
pub use trunks::Trunk;
pub use users::{Users, hashes};
pub use webhooks::Webhook;

pub(crate) use admin::check_token_file;
pub(crate) use left_out::{LeftOut, counted};
pub(crate) use nearest::nearest;
pub(crate) use people::{Peopled, named_in, with_roll};
pub(crate) use places::SECRET_KEYS;
pub(crate) use secret::{KEY_CURE, open_to_everybody};
pub(crate) use sip::{REALM_CURE, is_realm};
pub(crate) use users::{NAME_CURE, is_name};

/// A checked configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// The HTTP server; `None` serves no page and no WebSocket at its port.
    pub http: Option<HttpConfig>,
    /// The interface for operators; `None` where there is none.
    pub admin: Option<AdminConfig>,
    /// Certificates; with them the HTTP server speaks HTTPS.
    pub tls: Option<TlsFiles>,
    /// The SIP adapter, and its listeners for phones and trunks.
    pub sip: SipSettings,
    /// Its listeners for browsers.
    pub sip_ws: WebSocketSettings,
    /// Calls by JSON; `None` serves none.
    pub json: Option<JsonSettings>,
    /// The interface for back ends; `None` serves none.
    pub rest: Option<RestConfig>,
    /// Who may ask there.
    pub api_keys: ApiKeys,
    /// Who is sent what happens.
    pub webhooks: Vec<Webhook>,
    /// Names that last for a while, and who gets them.
    pub entry: Entry,
    /// What stands before everything that costs.
    pub defence: DefenceConfig,
    /// What people may write to each other.
    pub messages: TextConfig,
    /// Which users may watch each other.
    pub subscriptions: SubscriptionConfig,
    /// The media engine.
    pub media: MediaConfig,
    /// Where calls are recorded to; `None` records none.
    pub recording: Option<RecordingConfig>,
    /// What outlives the process; `None` forgets all with it.
    pub store: Option<StoreConfig>,
    /// What is kept of calls; `None` keeps nothing.
    pub cdr: Option<CdrConfig>,
    /// How the gateway goes down.
    pub drain: DrainConfig,
    /// Where traces of calls go; `None` makes none.
    pub telemetry: Option<TelemetryConfig>,
    /// Who may register and call.
    pub users: Users,
    /// How many calls each of them may have.
    pub user_limits: UserLimits,
    /// What calls of each user, and to each trunk, may cost.
    pub spending: SpendingLimits,
    /// Where calls come from and go to.
    pub trunks: Vec<Trunk>,
    /// Who may call whom.
    pub rules: Rules,
    /// The line in which the name of each rule stands, in their order.
    pub rule_lines: Vec<usize>,
    /// What is played, by the names that the rules use.
    pub prompts: Prompts,
    /// The messages of past calls that are kept.
    pub trace: TraceConfig,
    /// Where copies of messages are sent; `None` sends none.
    pub hep: Option<HepConfig>,
    /// The log.
    pub log: LogConfig,
}

impl Config {
    /// All listeners of SIP, WebSocket first.
    pub fn listeners(&self) -> impl Iterator<Item = &SipListener> {
        self.sip_ws.listeners.iter().chain(&self.sip.listeners)
    }

    /// The addresses by which others reach the gateway from outside, as far as they are written.
    #[must_use]
    pub fn external_addresses(&self) -> Vec<IpAddr> {
        listener::external_addresses(self.listeners(), &self.media.external_addresses)
    }

    /// Reads and checks a file. Relative paths in it are relative to its own folder.
    ///
    /// # Errors
    /// [`ConfigError`] with everything that is wrong.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        Ok(Self::load_with_text(path)?.0)
    }

    /// The same, with what is written there.
    ///
    /// # Errors
    /// [`ConfigError`] with everything that is wrong.
    pub fn load_with_text(path: &Path) -> Result<(Self, String), ConfigError> {
        load::load(path, &|name| std::env::var(name).ok())
    }

    /// Checks a text; `name` stands for the file in errors.
    ///
    /// # Errors
    /// [`ConfigError`] with everything that is wrong.
    pub fn parse(name: &str, text: &str) -> Result<Self, ConfigError> {
        load::parse(name, text, &|name| std::env::var(name).ok())
    }
}

/// The cure for a bad address with port.
const BIND_CURE: &str = "write address:port, such as \"0.0.0.0:5060\" or \"[::]:5060\"";

/// The cure for a bad address.
const ADDRESS_CURE: &str = "write an IP address, such as \"203.0.113.5\"";

/// The cure for a bad range of addresses.
const NETWORK_CURE: &str = "write an address or a range, such as \"10.0.0.0/8\"";
