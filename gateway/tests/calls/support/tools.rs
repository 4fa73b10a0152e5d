//! Tools that tests need and a machine may lack. `make test` has installed them, and says so by
//! `WEBTRUNK_TEST_TOOLS=required`: then a missing tool is a failure. Elsewhere the test says that it was
//! passed over.

use std::env;
use std::path::{Path, PathBuf};

/// The path of a command, or `None` after saying why the test is passed over.
///
/// # Panics
/// With `WEBTRUNK_TEST_TOOLS=required`, when the command is missing.
pub(crate) fn command(name: &str) -> Option<PathBuf> {
    let folders = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&folders).map(|folder| folder.join(name)).find(|path| path.is_file());
    found.or_else(|| passed_over(&format!("no {name} on the PATH")))
}

/// The path of a command that `variable` may name; otherwise it is looked for on the PATH.
pub(crate) fn command_by(variable: &str, name: &str) -> Option<PathBuf> {
    match env::var_os(variable).map(PathBuf::from) {
        Some(path) if path.is_file() => Some(path),
        Some(_) | None => command(name),
    }
}

/// A file or folder that has to be there.
pub(crate) fn path(path: &Path, cure: &str) -> Option<PathBuf> {
    if path.exists() { Some(path.to_owned()) } else { passed_over(&format!("no {}: {cure}", path.display())) }
}

/// Says why a test cannot run here, where nothing that could be installed would help, and gives `None`.
#[expect(clippy::print_stderr, reason = "a test that did not run has to say so")]
pub(crate) fn not_possible<T>(reason: &str) -> Option<T> {
    eprintln!("passed over: {reason}");
    None
}

/// Says why a test does not run, and gives `None`.
///
/// # Panics
/// With `WEBTRUNK_TEST_TOOLS=required`.
#[expect(clippy::print_stderr, reason = "a test that did not run has to say so")]
pub(crate) fn passed_over<T>(reason: &str) -> Option<T> {
    let are_required = env::var("WEBTRUNK_TEST_TOOLS").as_deref() == Ok("required");
    assert!(!are_required, "no test is passed over for want of tools: {reason}");
    eprintln!("passed over: {reason}");
    None
}
