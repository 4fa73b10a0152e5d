//! `webtrunk password`: what the configuration keeps of a user's password.

use std::io::{BufRead, Write};

use webtrunk_signalling::auth::digest::Algorithm;

use super::Failure;
use crate::config::{Secret, hashes};

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
    let mut entry = format!("[[users]]\nname = {}", toml::Value::from(user));
    for hash in hashes(user, realm, password.expose()) {
        let key = match hash.algorithm() {
            Algorithm::Md5 => "ha1_md5",
            Algorithm::Sha256 => "ha1_sha256",
        };
        entry += &format!("\n{key} = \"{}\"", hash.as_hex());
    }
    Ok(entry)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Users};

    #[test]
    fn what_is_printed_is_an_entry_of_the_configuration() {
        let text = lines("alice", "webtrunk", &b"opensesame\nmore"[..]).expect("a password");
        let config = Config::parse("printed", &format!("[http]\n{text}")).expect("sound");
        let mut expected = Users::default();
        expected.insert("alice", hashes("alice", "webtrunk", "opensesame"));
        assert_eq!(config.users, expected);
    }

    #[test]
    fn no_password_is_no_entry() {
        for input in ["", "\n", "\r\n"] {
            assert!(lines("alice", "webtrunk", input.as_bytes()).is_err());
        }
    }
}
