//! What options of the command line say of users and customers, as the admin API takes it.

use clap::Args;
use serde_json::{Map, Value, json};

use crate::people::RecordingTerm;

/// What may not be there: `none` takes it away.
#[derive(Debug, Clone)]
pub(super) enum Wanted<T> {
    None,
    Some(T),
}

/// What calls may cost.
#[derive(Debug, Args)]
pub(super) struct LimitOptions {
    /// Calls that it may begin in a minute, or `none`.
    #[arg(long, value_name = "NUMBER", value_parser = wanted::<u32>)]
    calls_per_minute: Option<Wanted<u32>>,
    /// Minutes of calls to trunks in a day of UTC, or `none`.
    #[arg(long, value_name = "NUMBER", value_parser = wanted::<u32>)]
    minutes_per_day: Option<Wanted<u32>>,
    /// How long each call may last, in seconds, or `none`.
    #[arg(long, value_name = "SECONDS", value_parser = wanted::<u32>)]
    call_max_s: Option<Wanted<u32>>,
    /// How numbers begin that it may call, with commas between them; empty is all.
    #[arg(long, value_name = "LIST")]
    numbers_allow: Option<String>,
    /// How numbers begin that it may not call.
    #[arg(long, value_name = "LIST")]
    numbers_deny: Option<String>,
}

/// What is said of a user.
#[derive(Debug, Args)]
pub(super) struct UserOptions {
    /// Whether it may register and call.
    #[arg(long)]
    enabled: Option<bool>,
    /// The groups that it is in, with commas between them.
    #[arg(long, value_name = "LIST")]
    groups: Option<String>,
    /// The groups that it may listen to.
    #[arg(long, value_name = "LIST")]
    supervises: Option<String>,
    /// Its mailbox, where trunks call that by another name, or `none`.
    #[arg(long, value_parser = wanted::<String>)]
    mailbox: Option<Wanted<String>>,
    /// Calls at one time, or `none`.
    #[arg(long, value_name = "NUMBER", value_parser = wanted::<u32>)]
    calls_max: Option<Wanted<u32>>,
    #[command(flatten)]
    limits: LimitOptions,
}

/// What is said of a customer.
#[derive(Debug, Args)]
pub(super) struct CustomerOptions {
    /// Whether its users may log in and call.
    #[arg(long)]
    enabled: Option<bool>,
    /// Its pages, such as `https://crm.example`, with commas between them.
    #[arg(long, value_name = "LIST")]
    origins: Option<String>,
    /// Its numbers; trunks are shown the first.
    #[arg(long, value_name = "LIST")]
    numbers: Option<String>,
    /// The trunks by which alone its users' calls go out, in the order in which they are tried; empty is those of the rules.
    #[arg(long, value_name = "LIST")]
    trunks: Option<String>,
    /// The addresses and ranges (CIDR) from which alone its users may come; empty is everywhere.
    #[arg(long, value_name = "LIST")]
    networks: Option<String>,
    /// Whether calls are recorded that its users are in, whatever the rules say.
    #[arg(long)]
    recording: Option<RecordingTerm>,
    /// How long credentials of the edge are good, in seconds, or `none`.
    #[arg(long, value_name = "SECONDS", value_parser = wanted::<u32>)]
    lifetime_s: Option<Wanted<u32>>,
    /// Whether anybody on its pages may call, as a guest.
    #[arg(long)]
    guests: Option<bool>,
    /// Calls of all its users at one time, or `none`.
    #[arg(long, value_name = "NUMBER", value_parser = wanted::<u32>)]
    calls_max: Option<Wanted<u32>>,
    /// What each of its users may do.
    #[command(flatten)]
    limits: LimitOptions,
    /// Calls that all its users together may begin in a minute, or `none`.
    #[arg(long, value_name = "NUMBER", value_parser = wanted::<u32>)]
    together_calls_per_minute: Option<Wanted<u32>>,
    /// Minutes of calls to trunks in a day, of all its users together, or `none`.
    #[arg(long, value_name = "NUMBER", value_parser = wanted::<u32>)]
    together_minutes_per_day: Option<Wanted<u32>>,
    /// For whom its back ends may have logins made: names, or how they begin and a star, with commas between them; empty is all.
    #[arg(long, value_name = "LIST")]
    login_users: Option<String>,
    /// How many in a minute, or `none`.
    #[arg(long, value_name = "NUMBER", value_parser = wanted::<u32>)]
    logins_per_minute: Option<Wanted<u32>>,
}

impl UserOptions {
    /// What they change.
    pub(super) fn patch(&self) -> Map<String, Value> {
        let mut patch = Map::new();
        put(&mut patch, "enabled", self.enabled.map(Value::from));
        put(&mut patch, "groups", self.groups.as_deref().map(list));
        put(&mut patch, "supervises", self.supervises.as_deref().map(list));
        put(&mut patch, "mailbox", self.mailbox.clone().map(Wanted::json));
        put(&mut patch, "calls_max", self.calls_max.clone().map(Wanted::json));
        put(&mut patch, "limits", self.limits.patch());
        patch
    }
}

impl CustomerOptions {
    /// What they change.
    pub(super) fn patch(&self) -> Map<String, Value> {
        let mut patch = Map::new();
        put(&mut patch, "enabled", self.enabled.map(Value::from));
        put(&mut patch, "origins", self.origins.as_deref().map(list));
        put(&mut patch, "numbers", self.numbers.as_deref().map(list));
        put(&mut patch, "trunks", self.trunks.as_deref().map(list));
        put(&mut patch, "networks", self.networks.as_deref().map(list));
        put(&mut patch, "recording", self.recording.map(|term| Value::from(term.name())));
        put(&mut patch, "lifetime_s", self.lifetime_s.clone().map(Wanted::json));
        put(&mut patch, "guests", self.guests.map(Value::from));
        put(&mut patch, "calls_max", self.calls_max.clone().map(Wanted::json));
        put(&mut patch, "limits", self.limits.patch());
        let mut together = Map::new();
        put(&mut together, "calls_per_minute", self.together_calls_per_minute.clone().map(Wanted::json));
        put(&mut together, "minutes_per_day", self.together_minutes_per_day.clone().map(Wanted::json));
        put(&mut patch, "limits_together", some(together));
        let mut logins = Map::new();
        put(&mut logins, "users", self.login_users.as_deref().map(list));
        put(&mut logins, "per_minute", self.logins_per_minute.clone().map(Wanted::json));
        put(&mut patch, "logins", some(logins));
        patch
    }
}

impl LimitOptions {
    fn patch(&self) -> Option<Value> {
        let mut limits = Map::new();
        put(&mut limits, "calls_per_minute", self.calls_per_minute.clone().map(Wanted::json));
        put(&mut limits, "minutes_per_day", self.minutes_per_day.clone().map(Wanted::json));
        put(&mut limits, "call_max_s", self.call_max_s.clone().map(Wanted::json));
        put(&mut limits, "numbers_allow", self.numbers_allow.as_deref().map(list));
        put(&mut limits, "numbers_deny", self.numbers_deny.as_deref().map(list));
        some(limits)
    }
}

impl<T: Into<Value>> Wanted<T> {
    fn json(self) -> Value {
        match self {
            Self::None => Value::Null,
            Self::Some(value) => value.into(),
        }
    }
}

/// Reads what may be `none`.
fn wanted<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<Wanted<T>, String> {
    match text {
        "none" => Ok(Wanted::None),
        text => text.parse().map(Wanted::Some).map_err(|error: T::Err| format!("{error}; or write none")),
    }
}

/// What stands between commas.
pub(super) fn list(text: &str) -> Value {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    json!(parts.collect::<Vec<_>>())
}

fn put(patch: &mut Map<String, Value>, key: &str, value: Option<Value>) {
    if let Some(value) = value {
        patch.insert(key.to_owned(), value);
    }
}

fn some(map: Map<String, Value>) -> Option<Value> {
    (!map.is_empty()).then_some(Value::Object(map))
}

/// What there is not is not said of what is new.
pub(super) fn without_nulls(patch: Map<String, Value>) -> Map<String, Value> {
    let plain = |value: Value| match value {
        Value::Object(inner) => Value::Object(without_nulls(inner)),
        value => value,
    };
    patch.into_iter().filter(|(_, value)| !value.is_null()).map(|(key, value)| (key, plain(value))).collect()
}
