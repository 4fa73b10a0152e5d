//! Each maker of `examples/tokens` makes a token, and the gateway opens it.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::SystemTime;

use tempfile::TempDir;
use webtrunk::config::load_token_keys;
use webtrunk_signalling::auth::token::{Account, Claims, Credential, Format};

use super::{CIPHER, Keys, MAC, PASSWORD, SEALING, SECRET, examples, run, text};

#[test]
fn tokens_made_in_python_are_opened() {
    // The package `cryptography` is in the tests' own environment.
    let Some(python) = env::var_os("WEBTRUNK_TEST_PYTHON").or_else(|| runtime("python3")) else { return };
    let has_package = Command::new(&python).args(["-c", "import cryptography"]).output();
    if !has_package.is_ok_and(|output| output.status.success()) {
        return passed_over("no package cryptography for Python", true);
    }
    both_forms(Command::new(python).arg(examples().join("token.py")));
}

#[test]
fn tokens_made_in_node_are_opened() {
    let Some(node) = runtime("node") else { return };
    both_forms(Command::new(node).arg(examples().join("token.mjs")));
}

#[test]
fn tokens_made_in_php_are_opened() {
    let Some(php) = runtime("php") else { return };
    both_forms(Command::new(php).arg(examples().join("token.php")));
}

#[test]
fn tokens_made_in_go_are_opened() {
    let Some(go) = runtime("go") else { return };
    both_forms(Command::new(go).arg("run").arg(examples().join("token.go")));
}

/// By Mono's compiler and .NET itself, as `scripts/setup` lays it where it can.
#[test]
fn tokens_made_in_c_sharp_are_opened() {
    let dotnet = env::var_os("WEBTRUNK_TEST_DOTNET").map(PathBuf::from).filter(|folder| folder.is_dir());
    let Some(dotnet) = dotnet else { return passed_over("no .NET", cfg!(target_arch = "x86_64")) };
    let Some(compiler) = runtime("mcs") else { return };
    let folder = TempDir::new().expect("a folder");
    let program = folder.path().join("token.dll");
    let mut compile = Command::new(compiler);
    compile.args(["-nostdlib", "-noconfig"]).arg(format!("-out:{}", program.display()));
    for library in fs::read_dir(dotnet.join("references")).expect("its libraries") {
        compile.arg(format!("-r:{}", library.expect("a file").path().display()));
    }
    let done = compile.arg(examples().join("csharp/Token.cs")).output().expect("the compiler runs");
    assert!(done.status.success(), "{}", text(&done.stderr));
    let config = serde_json::json!({"runtimeOptions": {
        "framework": {"name": "Microsoft.NETCore.App", "version": "8.0.0"},
        "configProperties": {"System.Globalization.Invariant": true},
    }});
    fs::write(folder.path().join("token.runtimeconfig.json"), config.to_string())
        .expect("the folder is ours");
    both_forms(Command::new(dotnet.join("dotnet")).arg(program));
}

#[test]
fn tokens_made_by_openssl_in_a_shell_are_opened() {
    if runtime("openssl").is_none() || runtime("xxd").is_none() {
        return;
    }
    let mut bridge = Command::new("bash");
    bridge.arg(examples().join("bridge.sh")).args(["crm", "1001", "sip.example.net"]);
    bridge.env("TOKEN_KEY", CIPHER).env("MAC_KEY", MAC).env("SIP_PASSWORD", PASSWORD);
    assert_account(&opened(&mut bridge, "", Format::Bridge));

    let mut hs256 = Command::new("bash");
    hs256.arg(examples().join("hs256.sh")).args(["hs", "phone.example", "1001", "alice"]);
    let claims = opened(hs256.env("TOKEN_SECRET", SECRET), "", Format::Jwt);
    let account = claims.account.expect("it has one");
    assert_eq!(account.credential, Some(Credential::Reference("alice".to_owned())));
}

/// What the first five do: our own format, and the web call server's with a MAC.
fn both_forms(maker: &Command) {
    let arguments: Vec<OsString> = maker.get_args().map(OsString::from).collect();
    let account =
        serde_json::json!({"user": "1001", "password": PASSWORD, "domain": "sip.example.net"}).to_string();
    let again = |more: &[&str]| {
        let mut command = Command::new(maker.get_program());
        command.args(&arguments).args(more).env("MAC_KEY", MAC);
        command
    };
    let mut sealed = again(&["sealed", "k1", "phone.example"]);
    let claims = opened(sealed.env("TOKEN_KEY", SEALING), &account, Format::Sealed);
    assert!(claims.id.as_ref().is_some_and(|id| id.len() >= 16), "it is good once");
    assert_account(&claims);
    let mut bridge = again(&["bridge", "crm"]);
    assert_account(&opened(bridge.env("TOKEN_KEY", CIPHER), &account, Format::Bridge));
}

/// Runs a maker, and opens what it makes as a gateway would.
fn opened(maker: &mut Command, input: &str, format: Format) -> Claims {
    let output = run(maker, input);
    assert!(output.status.success(), "{maker:?}: {}", text(&output.stderr));
    let token = text(&output.stdout);
    assert_eq!(token.lines().count(), 1, "{token}");
    let keys = Keys::new();
    let keyring = load_token_keys(&keys.path()).expect("the keys are sound");
    let now = SystemTime::now().into();
    let unsealed = keyring.unseal(token.trim_end(), now).unwrap_or_else(|told| panic!("{maker:?}: {told}"));
    assert_eq!(unsealed.format, format);
    assert_eq!(unsealed.judge(now), Ok(()), "{maker:?}");
    // And by the command, which shows no password.
    let told = keys.token("inspect", &[], &token);
    assert!(told.status.success(), "{}", text(&told.stderr));
    assert!(!text(&told.stdout).contains("won&der"), "{}", text(&told.stdout));
    unsealed.claims
}

fn assert_account(claims: &Claims) {
    let Some(Account { user, credential: Some(Credential::Password(password)), domain, .. }) =
        &claims.account
    else {
        panic!("no account with a password: {claims:?}")
    };
    assert_eq!((user.as_str(), password.expose()), ("1001", PASSWORD));
    assert_eq!(domain.as_ref().map(|domain| domain.as_str()), Some("sip.example.net"));
}

/// The path of a runtime that `make test` has installed.
fn runtime(name: &str) -> Option<OsString> {
    let found = found(name).map(OsString::from);
    if found.is_none() {
        passed_over(&format!("no {name}"), true);
    }
    found
}

fn found(name: &str) -> Option<PathBuf> {
    let folders = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&folders).map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// Says why a test does not run. `make test` fails where it has installed what is missing.
#[expect(clippy::print_stderr, reason = "a test that did not run has to say so")]
fn passed_over(reason: &str, is_installed: bool) {
    let are_required = env::var("WEBTRUNK_TEST_TOOLS").as_deref() == Ok("required");
    assert!(!(is_installed && are_required), "no test is passed over for want of tools: {reason}");
    eprintln!("skipped: {reason}");
}
