//! How a change of the store is told.

use std::io::{self, Write};

use crate::admin::MadeBody;

/// What was made, with what it was given; nobody can show that again.
pub(super) fn print_made(
    what: &str,
    secret_is: &str,
    made: &MadeBody,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "{what} {} is there", made.name)?;
    match &made.secret {
        Some(secret) => writeln!(out, "its {secret_is}, which is told this once: {}", secret.expose()),
        None => Ok(()),
    }
}

/// What was changed, removed or revoked.
pub(super) fn print_done(what: &str, done: &str, made: &MadeBody, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{what} {} is {done}", made.name)
}
