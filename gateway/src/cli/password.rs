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

/// Why the stronger hash is not in use by itself: phones that do not know it fail at the sight of it,
/// where they should take MD5 (RFC 8760 2.4), and browsers' libraries need MD5 anyway.
const SHA256_ADVICE: &str =
    "# Stronger; offered where every user has it, and some phones give up then (baresip 1.0, sipp 3.6):";

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
    let hashes = hashes(user, realm, password.expose());
    let hex = |algorithm| {
        let hash = hashes.iter().find(|hash| hash.algorithm() == algorithm);
        hash.expect("there is one of each algorithm").as_hex()
    };
    Ok(format!(
        "[[users]]\nname = {}\nha1_md5 = \"{}\"\n{SHA256_ADVICE}\n# ha1_sha256 = \"{}\"",
        toml::Value::from(user),
        hex(Algorithm::Md5),
        hex(Algorithm::Sha256)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Users};

    #[test]
    fn what_is_printed_is_an_entry_of_the_configuration() {
        let text = lines("alice", "webtrunk", &b"opensesame\nmore"[..]).expect("a password");
        let users_of = |text: &str| Config::parse("printed", &format!("[http]\n{text}")).expect("sound").users;
        let expected = |algorithms: &[Algorithm]| {
            let mut hashes = hashes("alice", "webtrunk", "opensesame");
            hashes.retain(|hash| algorithms.contains(&hash.algorithm()));
            let mut users = Users::default();
            users.insert("alice", hashes);
            users
        };
        assert_eq!(users_of(&text), expected(&[Algorithm::Md5]), "what every phone takes");
        let with_both = text.replace("# ha1_sha256", "ha1_sha256");
        assert_eq!(users_of(&with_both), expected(&[Algorithm::Md5, Algorithm::Sha256]));
    }

    #[test]
    fn no_password_is_no_entry() {
        for input in ["", "\n", "\r\n"] {
            assert!(lines("alice", "webtrunk", input.as_bytes()).is_err());
        }
    }
}
