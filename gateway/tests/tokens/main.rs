//! Tokens as their makers and users meet them: the examples in six languages, and `webtrunk token`.

mod command;
mod makers;

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// 32 octets, as `openssl rand -hex 32` writes them.
const SEALING: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// 16 octets, as for `openssl enc -K`.
const CIPHER: &str = "000102030405060708090a0b0c0d0e0f";

/// The key of MACs.
const MAC: &str = "a key of the bridge's MAC";

/// The secret of HS256.
const SECRET: &str = "a secret of more than thirty-two octets";

/// Letters that XML, JSON and shells would rather have escaped.
const PASSWORD: &str = "won&der<l\"and>'$(x)";

/// A file of keys, in a folder of its own.
struct Keys {
    folder: TempDir,
}

impl Keys {
    /// A key of each kind that has no files.
    fn new() -> Self {
        Self::of(&format!(
            r#"
[[token_keys]]
id = "k1"
kind = "wt1"
secret = "{SEALING}"
audience = "phone.example"
hosts = ["sip.example.net"]

[[token_keys]]
id = "wcs"
kind = "bridge"
app = "crm"
secret = "{CIPHER}"
mac_secret = "{MAC}"
hosts = ["sip.example.net"]

[[token_keys]]
id = "hs"
kind = "hs256"
secret = "{SECRET}"
audience = "phone.example"
"#
        ))
    }

    fn of(text: &str) -> Self {
        let keys = Self { folder: TempDir::new().expect("a folder") };
        fs::write(keys.path(), text).expect("the folder is ours");
        fs::set_permissions(keys.path(), Permissions::from_mode(0o600)).expect("the file is ours");
        keys
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("keys.toml")
    }

    /// `webtrunk token VERB --keys FILE`, with more arguments.
    fn token(&self, verb: &str, more: &[&str], input: &str) -> Output {
        let path = self.path();
        let path = path.to_str().expect("a path of ASCII");
        webtrunk(&[&["token", verb, "--keys", path], more].concat(), input)
    }
}

fn webtrunk(arguments: &[&str], input: &str) -> Output {
    run(Command::new(env!("CARGO_BIN_EXE_webtrunk")).args(arguments).env_remove("WEBTRUNK_LOG"), input)
}

/// Runs a command to its end, with `input` on its standard input.
fn run(command: &mut Command, input: &str) -> Output {
    let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = pipes.spawn().expect("it starts");
    // Who does not read it has ended already.
    let _ = child.stdin.take().expect("it is piped").write_all(input.as_bytes());
    child.wait_with_output().expect("it ends")
}

fn text(octets: &[u8]) -> String {
    String::from_utf8(octets.to_vec()).expect("UTF-8")
}

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/tokens")
}
