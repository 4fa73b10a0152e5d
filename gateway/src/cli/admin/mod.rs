//! What the command line asks of a gateway that runs: by its admin API, found by the same configuration file.

mod api_keys;
mod calls;
mod certs;
mod customers;
mod drain;
mod keys;
mod ladder;
mod made;
mod options;
mod reload;
mod table;
mod users;

use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use super::Failure;
use crate::admin::Client;

pub(super) use api_keys::{NamedApiKey, NewApiKey, list_api_keys};
pub(super) use calls::CallsArguments;
pub(super) use certs::certs;
pub(super) use customers::CustomerCommand;
pub(super) use drain::DrainArguments;
pub(super) use keys::KeyCommand;
pub(super) use ladder::{CaptureArguments, LadderArguments, PcapArguments};
pub(super) use reload::ReloadArguments;
pub(super) use users::UserCommand;

/// A gateway that runs, and how to tell what it says.
#[derive(Debug, Args)]
pub(super) struct Asked {
    /// The configuration with which the gateway was started; it has an `[admin]` section.
    config: PathBuf,
    /// Print what the gateway says, as JSON.
    #[arg(long)]
    json: bool,
}

impl Asked {
    fn client(&self) -> Result<Client, Failure> {
        Ok(Client::new(&self.config)?)
    }

    /// Prints what is at a path: as it comes, or by `print`.
    fn print<T: serde::de::DeserializeOwned>(
        &self,
        path: &str,
        mut out: impl Write,
        print: impl FnOnce(&T, &mut dyn Write) -> std::io::Result<()>,
    ) -> Result<(), Failure> {
        let client = self.client()?;
        if self.json {
            out.write_all(&client.get(path)?)?;
            return Ok(writeln!(out)?);
        }
        Ok(print(&client.read(path)?, &mut out)?)
    }

    /// Prints what the gateway has done: as JSON, or by `print`.
    fn tell<T: serde::Serialize>(
        &self,
        done: &T,
        mut out: impl Write,
        print: impl FnOnce(&T, &mut dyn Write) -> std::io::Result<()>,
    ) -> Result<(), Failure> {
        if self.json {
            serde_json::to_writer(&mut out, done)?;
            return Ok(writeln!(out)?);
        }
        Ok(print(done, &mut out)?)
    }
}
