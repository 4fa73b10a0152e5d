//! `webtrunk password`: what the configuration keeps of a user's password.

use std::io::{self, BufRead, IsTerminal, Write};

use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};
use webtrunk_signalling::auth::digest::Algorithm;

use super::Failure;
use crate::config::{NAME_CURE, REALM_CURE, Secret, hashes, is_name, is_realm};

/// Nothing can be hashed.
#[derive(Debug, thiserror::Error)]
enum PasswordError {
    #[error("no password came on standard input; try: printf %s 'secret' | webtrunk password USER REALM")]
    Missing,
    #[error("the password is white space alone, which is commonly a slip; type another")]
    Blank,
    #[error(
        "the password is no UTF-8, which SIP hashes; set the terminal to UTF-8, or convert it with iconv"
    )]
    Encoding,
    #[error("more than one line came on standard input; a password is one line")]
    Lines,
    #[error("{0:?} is no user name; {NAME_CURE}")]
    Name(String),
    #[error("{0:?} is no realm; {REALM_CURE}")]
    Realm(String),
}

/// Reads the password from standard input and writes the entry to standard output, behind a blank line: it is appended to
/// files, whose last line may have no end. On a terminal the password is asked for, and not shown.
pub(super) fn print(user: &str, realm: &str) -> Result<(), Failure> {
    check(user, realm)?;
    let password = ask(user)?;
    writeln!(io::stdout(), "\n{}", entry(user, realm, &password)?)?;
    Ok(())
}

/// What stands on standard input; on a terminal it is asked for, and not shown.
pub(super) fn ask(user: &str) -> Result<String, Failure> {
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        return io::read_to_string(stdin).map_err(not_text);
    }
    write!(io::stderr(), "Password of {user}: ")?;
    let _hidden = Hidden::start(&stdin);
    let mut line = String::new();
    stdin.lock().read_line(&mut line).map_err(not_text)?;
    writeln!(io::stderr())?;
    Ok(line)
}

/// What could not be read, in our words where it is the encoding.
fn not_text(error: io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::InvalidData => PasswordError::Encoding.into(),
        _ => error.into(),
    }
}

/// A terminal that does not show what is typed, until this is dropped.
struct Hidden<'t> {
    terminal: &'t io::Stdin,
    before: Termios,
}

impl<'t> Hidden<'t> {
    /// `None` where the terminal cannot be told.
    fn start(terminal: &'t io::Stdin) -> Option<Self> {
        let before = tcgetattr(terminal).ok()?;
        let mut hidden = before.clone();
        hidden.local_flags.remove(LocalFlags::ECHO);
        tcsetattr(terminal, SetArg::TCSAFLUSH, &hidden).ok()?;
        Some(Self { terminal, before })
    }
}

impl Drop for Hidden<'_> {
    fn drop(&mut self) {
        // A terminal that is gone shows nothing either way.
        let _ = tcsetattr(self.terminal, SetArg::TCSAFLUSH, &self.before);
    }
}

fn check(user: &str, realm: &str) -> Result<(), PasswordError> {
    if !is_name(user) {
        return Err(PasswordError::Name(user.to_owned()));
    }
    if is_realm(realm) { Ok(()) } else { Err(PasswordError::Realm(realm.to_owned())) }
}

/// Why the stronger hash is not in use by itself: phones that do not know it fail at the sight of it,
/// where they should take MD5 (RFC 8760 2.4), and browsers' libraries need MD5 anyway.
const SHA256_ADVICE: &str =
    "# Stronger; offered where every user has it, and some phones give up then (baresip 1.0, sipp 3.6):";

/// The entry of `[[users]]` for a password of one line.
fn entry(user: &str, realm: &str, typed: &str) -> Result<String, PasswordError> {
    let password = typed.strip_suffix('\n').unwrap_or(typed);
    let password = Secret::new(password.strip_suffix('\r').unwrap_or(password).to_owned());
    if password.expose().is_empty() {
        return Err(PasswordError::Missing);
    }
    if password.expose().trim().is_empty() {
        return Err(PasswordError::Blank);
    }
    if password.expose().contains(['\r', '\n']) {
        return Err(PasswordError::Lines);
    }
    let hashes = hashes(user, realm, password.expose());
    let hex = |algorithm| {
        let hash = hashes.iter().find(|hash| hash.algorithm() == algorithm);
        hash.expect("there is one of each algorithm").as_hex()
    };
    Ok(format!(
        "[[users]] # realm {}\nname = {}\nha1_md5 = \"{}\"\n{SHA256_ADVICE}\n# ha1_sha256 = \"{}\"",
        toml::Value::from(realm),
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
        let text = entry("alice", "webtrunk", "opensesame\r\n").expect("a password");
        assert!(text.starts_with("[[users]] # realm \"webtrunk\"\n"), "{text}");
        let users_of =
            |text: &str| Config::parse("printed", &format!("[http]\n{text}")).expect("sound").users;
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
    fn what_is_no_password_of_one_line_is_no_entry() {
        for typed in ["", "\n", "\r\n", "   \n", "one\ntwo", "one\n\n"] {
            assert!(entry("alice", "webtrunk", typed).is_err(), "{typed:?}");
        }
        assert!(entry("alice", "webtrunk", " with spaces ").is_ok());
    }

    #[test]
    fn names_that_the_configuration_refuses_are_refused() {
        for (user, realm) in [("", "webtrunk"), ("a b", "webtrunk"), ("sip:a@b", "webtrunk"), ("a", "a\"b")] {
            let told = check(user, realm).expect_err("no name").to_string();
            assert!(told.contains("; "), "{told}");
        }
        assert!(check("a-b_c.d+1", "pbx.example").is_ok());
    }
}
