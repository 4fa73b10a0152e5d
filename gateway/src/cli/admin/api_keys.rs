//! `webtrunk apikey add`, `list` and `revoke`: keys of back ends, in the store of a gateway that runs.

use std::io::{self, Write};

use clap::Args;
use serde_json::{Map, Value};

use super::calls::escaped;
use super::made::{print_done, print_made};
use super::{Asked, table};
use crate::admin::{ApiKeyList, MadeBody};
use crate::cli::Failure;
use crate::people::ShownApiKey;
use crate::rest::scope::Scope;

#[derive(Debug, Args)]
pub(in crate::cli) struct NewApiKey {
    #[command(flatten)]
    named: NamedApiKey,
    /// What it may do, such as calls:read; may be given several times.
    #[arg(long = "scope", value_name = "SCOPE", default_value = "calls:read")]
    scopes: Vec<Scope>,
    /// Whose it is: then it is told of this customer's users and calls alone.
    #[arg(long, value_name = "NAME")]
    customer: Option<String>,
    /// From when on it is in force, such as 2026-11-28T09:00:00Z.
    #[arg(long, value_name = "TIME")]
    not_before: Option<String>,
    /// Until when it is in force.
    #[arg(long, value_name = "TIME")]
    not_after: Option<String>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct NamedApiKey {
    #[command(flatten)]
    asked: Asked,
    /// Its id: letters, digits, - and .
    id: String,
}

impl NewApiKey {
    /// Has it made, and tells it this once.
    pub(in crate::cli) fn add(&self, out: impl Write) -> Result<(), Failure> {
        let asked = &self.named.asked;
        let made: MadeBody = asked.client()?.have_with("POST", "/apikeys", &self.body())?;
        asked.tell(&made, out, |made, out| print_made("API key", "key", made, out))
    }

    fn body(&self) -> Map<String, Value> {
        let text = |text: &Option<String>| text.clone().map(Value::from);
        let scopes = self.scopes.iter().map(|scope| Value::from(scope.name())).collect::<Vec<_>>();
        let parts = [
            ("id", Some(self.named.id.clone().into())),
            ("scopes", Some(scopes.into())),
            ("customer", text(&self.customer)),
            ("not_before", text(&self.not_before)),
            ("not_after", text(&self.not_after)),
        ];
        parts.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
    }
}

impl NamedApiKey {
    /// Ends it.
    pub(in crate::cli) fn revoke(&self, out: impl Write) -> Result<(), Failure> {
        let path = format!("/apikeys/{}", escaped(&self.id));
        let made: MadeBody = self.asked.client()?.have("DELETE", &path)?;
        self.asked.tell(&made, out, |made, out| print_done("API key", "revoked", made, out))
    }
}

/// Tells all of them.
pub(in crate::cli) fn list_api_keys(asked: &Asked, out: impl Write) -> Result<(), Failure> {
    asked.print("/apikeys", out, |list: &ApiKeyList, out| print_list(list, out))
}

fn print_list(list: &ApiKeyList, out: &mut dyn Write) -> io::Result<()> {
    if list.keys.is_empty() {
        return writeln!(out, "no API keys");
    }
    let row = |key: &ShownApiKey| {
        let place = if key.in_file { "file" } else { "store" };
        let state = match (&key.revoked, &key.not_after) {
            (Some(at), _) => format!("revoked {at}"),
            (None, Some(until)) => format!("until {until}"),
            (None, None) => "in force".to_owned(),
        };
        [
            key.id.clone(),
            place.to_owned(),
            key.customer.clone().unwrap_or_default(),
            key.scopes.join(","),
            state,
        ]
    };
    let rows: Vec<_> = list.keys.iter().map(row).collect();
    table::write(out, ["API KEY", "IN", "CUSTOMER", "SCOPES", "STATE"], &rows)
}
