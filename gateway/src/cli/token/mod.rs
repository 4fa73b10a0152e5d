//! `webtrunk token`: makes tokens by a file of keys, and tells what is in them.

mod inspect;
mod make;

use std::io::{self, Write};
use std::time::SystemTime;

use clap::Subcommand;
use jiff::Timestamp;
use webtrunk_signalling::auth::validity::UnixTime;

use super::Failure;

/// What to do with tokens.
#[derive(Debug, Subcommand)]
pub(super) enum TokenCommand {
    /// Make a token and print it.
    ///
    /// What it says comes from the arguments, or with --claims from JSON on standard input; what both leave out is
    /// filled in: for whom (the key's audience), when made (now), until when (--lifetime), and a name to know a second
    /// use by. A token that the gateway would refuse is not made.
    ///
    /// Exit status: 0 made; 1 not, or a faulty file of keys; 2 an unreadable one.
    #[command(after_help = MAKE_EXAMPLES)]
    Make(Box<make::MakeArguments>),
    /// Tell a token's format, its key, what it says with secrets blanked, and whether it is good.
    ///
    /// Without --keys only what it says of itself is told: its format, and the key that it names. Where it came from
    /// is not known here: networks and origins of keys of the kind "legacy" are not looked at, and neither is whether
    /// it was used before.
    ///
    /// Exit status: 0 it is good, or without --keys has the shape of a token; 1 it is refused, or a faulty file of
    /// keys; 2 an unreadable one.
    #[command(after_help = INSPECT_EXAMPLES)]
    Inspect(inspect::InspectArguments),
}

const MAKE_EXAMPLES: &str = "Examples:
  webtrunk token make --keys keys.toml --user 1001 --domain sip.example.net --password < password.txt
  webtrunk token make --keys keys.toml --key crm-2026 --user 1001 --password-ref alice --destination '+49*'
  echo '{\"sub\": \"alice\", \"account\": {\"user\": \"1001\"}}' | webtrunk token make --keys keys.toml --claims";

const INSPECT_EXAMPLES: &str = "Examples:
  webtrunk token make --keys keys.toml --user 1001 | webtrunk token inspect --keys keys.toml
  webtrunk token inspect --keys keys.toml --at 2026-11-28T09:00:00Z --json wt1.crm-2026.ZGVmZ2hp";

/// Does it, and writes to `out`.
pub(super) fn token(command: &TokenCommand, out: impl Write) -> Result<(), Failure> {
    match command {
        TokenCommand::Make(arguments) => make::make(arguments, out),
        TokenCommand::Inspect(arguments) => inspect::inspect(arguments, out),
    }
}

/// The time that is meant.
fn moment(at: Option<Timestamp>) -> Result<UnixTime, Failure> {
    Ok(at.map_or_else(|| Ok(SystemTime::now()), SystemTime::try_from)?.into())
}

/// Says something to the person at the terminal that is no part of what was asked for.
fn warn(text: &str) -> Result<(), Failure> {
    Ok(writeln!(io::stderr(), "webtrunk: {text}")?)
}

/// Said where keys of the kind "legacy" are in use.
const FORGEABLE: &str =
    "warning: whoever has one token without a MAC reads and forges others; append a MAC (kind = \"bridge\")";
