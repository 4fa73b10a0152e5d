//! `webtrunk password`: what the configuration keeps of a user's password.

use std::io::{BufRead, Write};

use super::Failure;
use crate::config::Secret;
use crate::ha1;

/// Nothing can be hashed.
#[derive(Debug, thiserror::Error)]
enum PasswordError {
    #[error("no password came on standard input; try: printf %s 'secret' | webtrunk password USER REALM")]
    Missing,
}

/// Reads the password from `input` and writes the lines to `out`.
pub(super) fn print(
    user: &str,
    realm: &str,
    input: impl BufRead,
    mut out: impl Write,
) -> Result<(), Failure> {
    writeln!(out, "{}", lines(user, realm, input)?)?;
    Ok(())
}

/// The entry of `[[users]]`. The password is the first line of the input.
fn lines(user: &str, realm: &str, mut input: impl BufRead) -> Result<String, Failure> {
    let mut line = String::new();
    input.read_line(&mut line)?;
    let password = Secret::new(line.trim_end_matches(['\r', '\n']).to_owned());
    if password.expose().is_empty() {
        return Err(PasswordError::Missing.into());
    }
    let md5 = ha1::hex(&ha1::md5(user, realm, &password));
    let sha256 = ha1::hex(&ha1::sha256(user, realm, &password));
    let name = toml::Value::from(user);
    Ok(format!("[[users]]\nname = {name}\nha1_md5 = \"{md5}\"\nha1_sha256 = \"{sha256}\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn what_is_printed_is_an_entry_of_the_configuration() {
        let text = lines("alice", "webtrunk", &b"opensesame\nmore"[..]).expect("a password");
        let config = Config::parse("printed", &text).expect("sound");
        let password = Secret::new("opensesame".to_owned());
        assert_eq!(config.users[0].name, "alice");
        assert_eq!(config.users[0].ha1.md5, Some(ha1::md5("alice", "webtrunk", &password)));
        assert_eq!(config.users[0].ha1.sha256, Some(ha1::sha256("alice", "webtrunk", &password)));
    }

    #[test]
    fn no_password_is_no_entry() {
        for input in ["", "\n", "\r\n"] {
            assert!(lines("alice", "webtrunk", input.as_bytes()).is_err());
        }
    }
}
