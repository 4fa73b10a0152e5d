//! Who agents are: a list, a pattern, or names that last for a while.

use std::path::{Path, PathBuf};

use toml::Spanned;

use crate::agent::Credentials;
use crate::scenario::Accounts;
use crate::scenario::fault::Faults;
use crate::scenario::file::{AccountSection, AccountsSection, TokenSection};

/// How long names of a secret last where nothing is said: an hour.
const SECRET_SECONDS: u64 = 3600;
/// A day, which targets allow at most.
const SECRET_SECONDS_MAX: u64 = 86_400;

/// The accounts, and whether they have passwords; `None` after a fault.
pub(super) fn check(
    key: &str,
    name: &str,
    section: Option<&Spanned<AccountsSection>>,
    folder: &Path,
    faults: &mut Faults<'_>,
) -> Option<(Accounts, bool)> {
    let Some(section) = section else {
        let nobody = Accounts::Pattern { user: name.to_owned(), password: String::new(), first: 0 };
        return Some((nobody, false));
    };
    let (span, section) = (section.span(), section.get_ref());
    let mut fault = |problem: String, cure: &str| {
        faults.add(span.clone(), format!("{key}.accounts"), problem, cure);
        None
    };
    let has_secret = section.secret_env.is_some() || section.secret_file.is_some();
    let has_password =
        section.password.is_some() || section.password_file.is_some() || section.password_env.is_some();
    if let (Some(user), Some(token)) = (&section.user, &section.token) {
        if has_secret || has_password {
            return fault("has a token and something else".to_owned(), "take one out");
        }
        let TokenSection { key_id, key_file, key_env, audience } = token;
        let key = secret(None, key_file.as_ref(), key_env.as_ref(), folder);
        let Some(key) = key.ok().as_deref().and_then(octets) else {
            return fault("has no key of 64 hex digits".to_owned(), "name it by key_file or key_env");
        };
        let (user, key_id, audience) = (user.clone(), key_id.clone(), audience.clone());
        return Some((Accounts::Token { user, key_id, key, audience }, true));
    }
    match (&section.user, section.list.is_empty()) {
        (None, true) => fault("says nobody".to_owned(), "give user, or list = [{ user = .. }]"),
        (Some(_), false) => fault("has both list and user".to_owned(), "take one out"),
        (None, false) if section.list.iter().all(AccountSection::is_bare) => {
            let bare = section.list.iter().map(|account| Credentials::new(&account.user, ""));
            Some((Accounts::Listed(bare.collect()), false))
        }
        (None, false) => {
            let mut listed = Vec::new();
            for account in &section.list {
                let AccountSection { user, password, password_file, password_env } = account;
                match secret(password.as_ref(), password_file.as_ref(), password_env.as_ref(), folder) {
                    Ok(password) => listed.push(Credentials::new(user, &password)),
                    Err(problem) => return fault(format!("{user}: {problem}"), PASSWORD_CURE),
                }
            }
            Some((Accounts::Listed(listed), true))
        }
        (Some(_), true) if has_secret && has_password => {
            fault("has both a password and a secret".to_owned(), "take one out")
        }
        (Some(user), true) if has_secret => {
            let seconds = section.secret_seconds.unwrap_or(SECRET_SECONDS);
            if !(1..=SECRET_SECONDS_MAX).contains(&seconds) {
                return fault(format!("names that last {seconds} s are of no use"), "give 1 to 86400");
            }
            match secret(None, section.secret_file.as_ref(), section.secret_env.as_ref(), folder) {
                Ok(secret) => Some((Accounts::Ephemeral { user: user.clone(), secret, seconds }, true)),
                Err(problem) => fault(problem, "name it by secret_file or secret_env"),
            }
        }
        (Some(user), true) => {
            let AccountsSection { password, password_file, password_env, .. } = section;
            let password = if has_password {
                secret(password.as_ref(), password_file.as_ref(), password_env.as_ref(), folder)
            } else {
                Ok(String::new())
            };
            match password {
                Ok(password) => {
                    let first = section.first.unwrap_or(0);
                    Some((Accounts::Pattern { user: user.clone(), password, first }, has_password))
                }
                Err(problem) => fault(problem, PASSWORD_CURE),
            }
        }
    }
}

const PASSWORD_CURE: &str = "give one of password, password_file, password_env";

/// 32 octets, written in hex.
fn octets(hex: &str) -> Option<[u8; 32]> {
    let hex = hex.trim();
    let octet = |at: usize| u8::from_str_radix(hex.get(2 * at..2 * at + 2)?, 16).ok();
    let octets: Option<Vec<_>> = (0..hex.len() / 2).map(octet).collect();
    octets?.try_into().ok()
}

/// A secret that stands there, in a file's first line, or in the environment.
fn secret(
    written: Option<&String>,
    file: Option<&PathBuf>,
    variable: Option<&String>,
    folder: &Path,
) -> Result<String, String> {
    match (written, file, variable) {
        (Some(written), None, None) => Ok(written.clone()),
        (None, Some(file), None) => {
            let path = folder.join(file);
            let text = std::fs::read_to_string(&path)
                .map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
            Ok(text.lines().next().unwrap_or_default().to_owned())
        }
        (None, None, Some(name)) => {
            std::env::var(name).map_err(|_| format!("the environment has no variable {name}"))
        }
        (None, None, None) => Err("has no password".to_owned()),
        _ => Err("has more than one password".to_owned()),
    }
}
