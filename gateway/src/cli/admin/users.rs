//! `webtrunk user`: users in the store of a gateway that runs.

use std::io::{self, Write};

use clap::{Args, Subcommand};
use serde_json::{Map, Value};

use super::calls::escaped;
use super::made::{print_done, print_made};
use super::options::{UserOptions, without_nulls};
use super::{Asked, table};
use crate::admin::{MadeBody, UserList};
use crate::cli::{Failure, password};
use crate::people::ShownUser;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum UserCommand {
    /// Add a user; it may register and call at once.
    Add(NewUser),
    /// Tell all users, those of the configuration file too.
    List(Asked),
    /// Change what a user may do, or its password. What is not named stays as it is.
    Set(ChangedUser),
    /// Remove a user; its registrations and sessions end.
    Remove(NamedUser),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct NewUser {
    #[command(flatten)]
    named: NamedUser,
    /// Read its password from standard input, or ask for it; else one is made and told once.
    #[arg(long)]
    password: bool,
    #[command(flatten)]
    options: UserOptions,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ChangedUser {
    #[command(flatten)]
    named: NamedUser,
    /// Read another password from standard input, or ask for it.
    #[arg(long)]
    password: bool,
    #[command(flatten)]
    options: UserOptions,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct NamedUser {
    #[command(flatten)]
    asked: Asked,
    /// Its name.
    name: String,
}

impl UserCommand {
    /// Does what it asks.
    pub(in crate::cli) fn execute(&self, out: impl Write) -> Result<(), Failure> {
        match self {
            Self::Add(NewUser { named, password, options }) => {
                let mut body = without_nulls(options.patch());
                body.insert("name".to_owned(), named.name.clone().into());
                with_password(&mut body, *password, &named.name)?;
                let made: MadeBody = named.asked.client()?.have_with("POST", "/users", &body)?;
                named.asked.tell(&made, out, |made, out| print_made("user", "password", made, out))
            }
            Self::List(asked) => asked.print("/users", out, |list: &UserList, out| print_list(list, out)),
            Self::Set(ChangedUser { named, password, options }) => {
                let mut body = options.patch();
                with_password(&mut body, *password, &named.name)?;
                let made: MadeBody = named.asked.client()?.have_with("PATCH", &named.path(), &body)?;
                named.asked.tell(&made, out, |made, out| print_done("user", "changed", made, out))
            }
            Self::Remove(named) => {
                let made: MadeBody = named.asked.client()?.have("DELETE", &named.path())?;
                named.asked.tell(&made, out, |made, out| print_done("user", "removed", made, out))
            }
        }
    }
}

impl NamedUser {
    fn path(&self) -> String {
        format!("/users/{}", escaped(&self.name))
    }
}

fn with_password(body: &mut Map<String, Value>, is_asked: bool, name: &str) -> Result<(), Failure> {
    if is_asked {
        let typed = password::ask(name)?;
        body.insert("password".to_owned(), typed.trim_end_matches(['\r', '\n']).into());
    }
    Ok(())
}

fn print_list(list: &UserList, out: &mut dyn Write) -> io::Result<()> {
    if list.users.is_empty() {
        return writeln!(out, "no users");
    }
    let row = |user: &ShownUser| {
        let terms = user.terms.clone().unwrap_or_default();
        let state = if terms.enabled { "enabled" } else { "disabled" };
        let place = if user.in_file { "file" } else { "store" };
        let calls_max = terms.calls_max.map(|most| most.to_string()).unwrap_or_default();
        [user.name.clone(), place.to_owned(), state.to_owned(), terms.groups.join(","), calls_max]
    };
    let rows: Vec<_> = list.users.iter().map(row).collect();
    table::write(out, ["USER", "IN", "STATE", "GROUPS", "CALLS"], &rows)
}
