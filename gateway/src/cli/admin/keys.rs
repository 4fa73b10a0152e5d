//! `webtrunk key`: keys of names and tokens, in the store of a gateway that runs.

use std::io::{self, Write};

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::calls::escaped;
use super::made::{print_done, print_made};
use super::options::list;
use super::{Asked, table};
use crate::admin::{KEEP_S, KeyList, MadeBody};
use crate::cli::{Failure, password};
use crate::people::{KeyKind, ShownKey};

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum KeyCommand {
    /// Add a key; its secret is told once, unless it is brought.
    Add(NewKey),
    /// Tell all keys, those of the configuration file too; no secret is told.
    List(Asked),
    /// Make another key of the same terms, whose secret is told once; what the old one has made is good for a while yet.
    Rotate(RotatedKey),
    /// End a key, and what it has made, at once.
    Revoke(NamedKey),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct NewKey {
    #[command(flatten)]
    named: NamedKey,
    /// What it makes.
    #[arg(long, value_enum)]
    kind: KeyKind,
    /// Read its secret from standard input, or ask for it.
    #[arg(long)]
    secret: bool,
    /// Whose it is; of tokens, whose users they are of.
    #[arg(long)]
    customer: Option<String>,
    /// Of tokens: for whom they are, as their `aud` says.
    #[arg(long)]
    audience: Option<String>,
    /// Of tokens: the numbers that they may allow, with commas between them, such as +4930*.
    #[arg(long, value_name = "LIST")]
    destinations: Option<String>,
    /// Of tokens: the SIP servers at which they may have accounts.
    #[arg(long, value_name = "LIST")]
    hosts: Option<String>,
    /// Of tokens: how long they may be good, in seconds.
    #[arg(long, value_name = "SECONDS")]
    lifetime_max_s: Option<u64>,
    /// From when on it is in force, such as 2026-11-28T09:00:00Z.
    #[arg(long, value_name = "TIME")]
    not_before: Option<String>,
    /// Until when it is in force.
    #[arg(long, value_name = "TIME")]
    not_after: Option<String>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct RotatedKey {
    #[command(flatten)]
    named: NamedKey,
    /// How long what the old one has made is good yet, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = KEEP_S)]
    keep_s: u64,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct NamedKey {
    #[command(flatten)]
    asked: Asked,
    /// Its id.
    id: String,
}

impl KeyCommand {
    /// Does what it asks.
    pub(in crate::cli) fn execute(&self, out: impl Write) -> Result<(), Failure> {
        match self {
            Self::Add(new) => {
                let asked = &new.named.asked;
                let made: MadeBody = asked.client()?.have_with("POST", "/keys", &new.body()?)?;
                asked.tell(&made, out, |made, out| print_made("key", "secret", made, out))
            }
            Self::List(asked) => asked.print("/keys", out, |list: &KeyList, out| print_list(list, out)),
            Self::Rotate(RotatedKey { named, keep_s }) => {
                let path = format!("{}/rotate", named.path());
                let made: MadeBody =
                    named.asked.client()?.have_with("POST", &path, &json!({"keep_s": keep_s}))?;
                named.asked.tell(&made, out, |made, out| print_made("key", "secret", made, out))
            }
            Self::Revoke(named) => {
                let made: MadeBody = named.asked.client()?.have("DELETE", &named.path())?;
                named.asked.tell(&made, out, |made, out| print_done("key", "revoked", made, out))
            }
        }
    }
}

impl NewKey {
    fn body(&self) -> Result<Map<String, Value>, Failure> {
        let secret = if self.secret {
            let typed = password::ask(&format!("key {}", self.named.id))?;
            Some(Value::from(typed.trim_end_matches(['\r', '\n'])))
        } else {
            None
        };
        let text = |text: &Option<String>| text.clone().map(Value::from);
        let parts = [
            ("id", Some(self.named.id.clone().into())),
            ("kind", Some(self.kind.name().into())),
            ("secret", secret),
            ("customer", text(&self.customer)),
            ("audience", text(&self.audience)),
            ("destinations", self.destinations.as_deref().map(list)),
            ("hosts", self.hosts.as_deref().map(list)),
            ("lifetime_max_s", self.lifetime_max_s.map(Value::from)),
            ("not_before", text(&self.not_before)),
            ("not_after", text(&self.not_after)),
        ];
        Ok(parts.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect())
    }
}

impl NamedKey {
    fn path(&self) -> String {
        format!("/keys/{}", escaped(&self.id))
    }
}

fn print_list(list: &KeyList, out: &mut dyn Write) -> io::Result<()> {
    if list.keys.is_empty() {
        return writeln!(out, "no keys");
    }
    let row = |key: &ShownKey| {
        let place = if key.in_file { "file" } else { "store" };
        let state = match (&key.revoked, &key.not_after) {
            (Some(at), _) => format!("revoked {at}"),
            (None, Some(until)) => format!("until {until}"),
            (None, None) => "in force".to_owned(),
        };
        let owner = key.terms.as_ref().and_then(|terms| terms.customer.clone()).unwrap_or_default();
        let kind = key.kind.map_or("", KeyKind::name);
        [key.id.clone(), place.to_owned(), kind.to_owned(), owner, state]
    };
    let rows: Vec<_> = list.keys.iter().map(row).collect();
    table::write(out, ["KEY", "IN", "KIND", "CUSTOMER", "STATE"], &rows)
}
