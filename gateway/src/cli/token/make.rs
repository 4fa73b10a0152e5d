//! `webtrunk token make`.

use std::io::{self, Write};
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Args;
use serde_json::{Map, Value};
use webtrunk_signalling::auth::token::{Claims, Format, Keyring, MakeError, OneUse, TokenKey};
use webtrunk_signalling::auth::validity::UnixTime;

use super::{FORGEABLE, moment, warn};
use crate::cli::{Failure, password};
use crate::config::load_token_keys;

/// Octets of a token's name. Chosen by us: nobody finds another's.
const ID_BYTES: usize = 16;

/// The token to make.
#[derive(Debug, Args)]
pub(in crate::cli) struct MakeArguments {
    /// The file of keys (`[[token_keys]]`), TOML.
    #[arg(long, value_name = "FILE")]
    keys: PathBuf,
    /// The key to make it by; by default the one that came into force last.
    #[arg(long, value_name = "ID")]
    key: Option<String>,
    /// Read what it says as JSON from standard input; the other arguments go before that.
    #[arg(long, conflicts_with = "password")]
    claims: bool,
    /// The user of the SIP account.
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// The name that the account's password belongs to, where that is another.
    #[arg(long, value_name = "NAME", requires = "user")]
    auth_name: Option<String>,
    /// Read the account's password from standard input, or ask for it.
    #[arg(long, requires = "user")]
    password: bool,
    /// The name under which the gateway keeps the account's password.
    #[arg(long, value_name = "NAME", requires = "user", conflicts_with = "password")]
    password_ref: Option<String>,
    /// The host of the account's address.
    #[arg(long, value_name = "HOST", requires = "user")]
    domain: Option<String>,
    /// Where the account's requests are sent, in place of the domain.
    #[arg(long, value_name = "HOST[:PORT]", requires = "user")]
    outbound_proxy: Option<String>,
    /// The port of the domain.
    #[arg(long, requires = "user")]
    port: Option<u16>,
    /// The name that those called are shown.
    #[arg(long, value_name = "NAME", requires = "user")]
    visible_name: Option<String>,
    /// Do not register the account: it calls, and is not called.
    #[arg(long, requires = "user")]
    no_register: bool,
    /// The person that it is made for, as statistics name it.
    #[arg(long, value_name = "NAME")]
    subject: Option<String>,
    /// What it may call: a number, or how numbers begin and a star; may be given several times.
    #[arg(long, value_name = "NUMBER")]
    destination: Vec<String>,
    /// The number that those called are shown.
    #[arg(long, value_name = "NUMBER")]
    caller_id: Option<String>,
    /// How many calls it may have at one time.
    #[arg(long, value_name = "COUNT")]
    calls_max: Option<u32>,
    /// How many calls it may make in all.
    #[arg(long, value_name = "COUNT")]
    calls_total_max: Option<u32>,
    /// Whether its calls are recorded: always, on_demand or never.
    #[arg(long, value_name = "WHEN")]
    recording: Option<String>,
    /// Whose it is.
    #[arg(long, value_name = "NAME")]
    customer: Option<String>,
    /// How long it is good for, in s.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    lifetime: u64,
    /// Give it no name (jti): then it is good until it ends, and not once.
    #[arg(long)]
    reusable: bool,
}

/// No token is made.
#[derive(Debug, thiserror::Error)]
enum MakeFailure {
    #[error("there is no key {0:?} in the file; it has {1}")]
    NoSuchKey(String, String),
    #[error("no key of the file is in force now that could make tokens")]
    NoneInForce,
    #[error("key {0:?} is not in force now; correct its not_before and not_after, or name another")]
    NotInForce(String),
    #[error("the claims are no JSON object of claims: {0}")]
    Claims(String),
    #[error("key {0:?} makes no such token: {1}")]
    Make(String, MakeError),
}

/// Writes the token to `out`.
pub(super) fn make(arguments: &MakeArguments, mut out: impl Write) -> Result<(), Failure> {
    let keys = load_token_keys(&arguments.keys)?;
    let now = moment(None)?;
    let key = arguments.key_of(&keys, now)?;
    let json = arguments.claims(key, now)?;
    let claims = Claims::from_json(&json).map_err(MakeFailure::Claims)?;
    let token =
        key.make(&claims, rand::random(), now).map_err(|error| MakeFailure::Make(key.id.clone(), error))?;
    if key.format() == Format::Legacy {
        warn(FORGEABLE)?;
    }
    writeln!(out, "{token}")?;
    Ok(())
}

impl MakeArguments {
    fn key_of<'k>(&self, keys: &'k Keyring, now: UnixTime) -> Result<&'k TokenKey, MakeFailure> {
        let Some(id) = &self.key else { return keys.newest(now).ok_or(MakeFailure::NoneInForce) };
        let Some(key) = keys.keys().iter().find(|key| key.id == *id) else {
            let there: Vec<_> = keys.keys().iter().map(|key| key.id.as_str()).collect();
            return Err(MakeFailure::NoSuchKey(id.clone(), there.join(", ")));
        };
        if key.validity.holds(now) { Ok(key) } else { Err(MakeFailure::NotInForce(id.clone())) }
    }

    /// What the token says, with what was left out filled in.
    fn claims(&self, key: &TokenKey, now: UnixTime) -> Result<String, Failure> {
        let mut claims = match self.claims {
            false => Map::new(),
            true => {
                let text = io::read_to_string(io::stdin())?;
                serde_json::from_str(&text).map_err(|error| MakeFailure::Claims(error.to_string()))?
            }
        };
        if let Some(account) = self.account()? {
            claims.insert("account".to_owned(), account.into());
        }
        let texts = [
            ("sub", &self.subject),
            ("caller_id", &self.caller_id),
            ("recording", &self.recording),
            ("customer", &self.customer),
        ];
        claims.extend(given(texts));
        let counts = [("calls_max", self.calls_max), ("calls_total_max", self.calls_total_max)];
        claims.extend(counts.into_iter().filter_map(|(name, count)| Some((name.to_owned(), count?.into()))));
        if !self.destination.is_empty() {
            claims.insert("destinations".to_owned(), self.destination.clone().into());
        }
        let mut fill = |name: &str, value: Value| {
            claims.entry(name).or_insert(value);
        };
        fill("exp", (now.0.saturating_add(self.lifetime)).into());
        if !key.format().is_of_web_call_server() {
            fill("iat", now.0.into());
            if let Some(audience) = &key.terms.audience {
                fill("aud", audience.clone().into());
            }
            if let Some(issuer) = &key.terms.issuer {
                fill("iss", issuer.clone().into());
            }
            if !self.reusable && key.terms.one_use != OneUse::Never {
                fill("jti", URL_SAFE_NO_PAD.encode(rand::random::<[u8; ID_BYTES]>()).into());
            }
        }
        Ok(Value::from(claims).to_string())
    }

    fn account(&self) -> Result<Option<Map<String, Value>>, Failure> {
        let Some(user) = &self.user else { return Ok(None) };
        let mut account: Map<_, _> = given([
            ("auth_name", &self.auth_name),
            ("password_ref", &self.password_ref),
            ("domain", &self.domain),
            ("outbound_proxy", &self.outbound_proxy),
            ("visible_name", &self.visible_name),
        ])
        .collect();
        account.insert("user".to_owned(), user.clone().into());
        if self.password {
            let typed = password::ask(user)?;
            let line = typed.strip_suffix('\n').unwrap_or(&typed);
            account.insert("password".to_owned(), line.strip_suffix('\r').unwrap_or(line).into());
        }
        if let Some(port) = self.port {
            account.insert("port".to_owned(), port.into());
        }
        if self.no_register {
            account.insert("register".to_owned(), false.into());
        }
        Ok(Some(account))
    }
}

/// Those texts that are given.
fn given<const N: usize>(texts: [(&str, &Option<String>); N]) -> impl Iterator<Item = (String, Value)> {
    let given = |(name, text): (&str, &Option<String>)| Some((name.to_owned(), text.clone()?.into()));
    texts.map(given).into_iter().flatten()
}
