//! `webtrunk customer`: customers in the store of a gateway that runs.

use std::io::{self, Write};

use clap::{Args, Subcommand};

use super::calls::escaped;
use super::made::{print_done, print_made};
use super::options::{CustomerOptions, without_nulls};
use super::{Asked, table};
use crate::admin::{CustomerList, MadeBody};
use crate::cli::Failure;
use crate::people::ShownCustomer;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum CustomerCommand {
    /// Add a customer, with its policy.
    Add(OptionedCustomer),
    /// Tell all customers, those of the configuration file too.
    List(Asked),
    /// Change a customer's policy. What is not named stays as it is.
    Set(OptionedCustomer),
    /// Remove a customer, and its users and keys with it; its users are let in no more.
    Remove(NamedCustomer),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct OptionedCustomer {
    #[command(flatten)]
    named: NamedCustomer,
    #[command(flatten)]
    options: CustomerOptions,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct NamedCustomer {
    #[command(flatten)]
    asked: Asked,
    /// Its name.
    name: String,
}

impl CustomerCommand {
    /// Does what it asks.
    pub(in crate::cli) fn execute(&self, out: impl Write) -> Result<(), Failure> {
        match self {
            Self::Add(OptionedCustomer { named, options }) => {
                let mut body = without_nulls(options.patch());
                body.insert("name".to_owned(), named.name.clone().into());
                let made: MadeBody = named.asked.client()?.have_with("POST", "/customers", &body)?;
                named.asked.tell(&made, out, |made, out| print_made("customer", "secret", made, out))
            }
            Self::List(asked) => {
                asked.print("/customers", out, |list: &CustomerList, out| print_list(list, out))
            }
            Self::Set(OptionedCustomer { named, options }) => {
                let body = options.patch();
                let made: MadeBody = named.asked.client()?.have_with("PATCH", &named.path(), &body)?;
                named.asked.tell(&made, out, |made, out| print_done("customer", "changed", made, out))
            }
            Self::Remove(named) => {
                let made: MadeBody = named.asked.client()?.have("DELETE", &named.path())?;
                named.asked.tell(&made, out, |made, out| print_done("customer", "removed", made, out))
            }
        }
    }
}

impl NamedCustomer {
    fn path(&self) -> String {
        format!("/customers/{}", escaped(&self.name))
    }
}

fn print_list(list: &CustomerList, out: &mut dyn Write) -> io::Result<()> {
    if list.customers.is_empty() {
        return writeln!(out, "no customers");
    }
    let row = |customer: &ShownCustomer| {
        let terms = customer.terms.clone().unwrap_or_default();
        let state = if terms.enabled { "enabled" } else { "disabled" };
        let place = if customer.in_file { "file" } else { "store" };
        let calls_max = terms.calls_max.map(|most| most.to_string()).unwrap_or_default();
        let (name, numbers) = (customer.name.clone(), terms.numbers.join(","));
        [name, place.to_owned(), state.to_owned(), numbers, calls_max, terms.origins.join(",")]
    };
    let rows: Vec<_> = list.customers.iter().map(row).collect();
    table::write(out, ["CUSTOMER", "IN", "STATE", "NUMBERS", "CALLS", "ORIGINS"], &rows)
}
