//! `webtrunk token make` and `inspect`, as somebody at a terminal meets them.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use super::{CIPHER, Keys, MAC, PASSWORD, SEALING, SECRET, run, text, webtrunk};

/// A token of the keys, one line.
fn make(keys: &Keys, more: &[&str], input: &str) -> String {
    let output = keys.token("make", more, input);
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

/// Exit status and what was said, both ways.
fn told(keys: &Keys, verb: &str, more: &[&str], input: &str) -> (Option<i32>, String) {
    let output = keys.token(verb, more, input);
    (output.status.code(), text(&output.stdout) + &text(&output.stderr))
}

#[test]
fn what_is_made_is_inspected_and_no_password_is_shown() {
    let keys = Keys::new();
    let arguments = [
        "--key",
        "k1",
        "--user",
        "1001",
        "--domain",
        "sip.example.net",
        "--password",
        "--destination",
        "+49*",
    ];
    let token = make(&keys, &arguments, &format!("{PASSWORD}\n"));
    assert!(token.starts_with("wt1.k1.") && token.ends_with('\n'), "{token}");
    let (status, shown) = told(&keys, "inspect", &[], &token);
    assert_eq!(status, Some(0), "{shown}");
    for expected in [
        "format: wt1",
        "key: k1",
        "valid: yes",
        "\"user\": \"1001\"",
        "\"password\": \"***\"",
        "\"+49*\"",
        "\"jti\"",
    ] {
        assert!(shown.contains(expected), "{expected}: {shown}");
    }
    assert!(!shown.contains("won"), "{shown}");
    let (status, shown) = told(&keys, "inspect", &["--at", "2030-01-01T00:00:00Z"], &token);
    assert_eq!(status, Some(1), "{shown}");
    assert!(shown.contains("valid: no (expired)") && shown.contains("\"user\": \"1001\""), "{shown}");
}

#[test]
fn claims_are_read_as_json_and_what_they_leave_out_is_filled_in() {
    let keys = Keys::new();
    let json = r#"{"sub": "alice", "calls_max": 2, "jti": "one"}"#;
    let token = make(&keys, &["--key", "hs", "--claims", "--lifetime", "300"], json);
    let output = keys.token("inspect", &["--json"], &token);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(report["format"], "jwt");
    assert_eq!((&report["is_valid"], &report["refusal"]), (&true.into(), &serde_json::Value::Null));
    let claims = &report["claims"];
    assert_eq!(
        (&claims["aud"], &claims["jti"], &claims["calls_max"]),
        (&"phone.example".into(), &"one".into(), &2.into())
    );
    let life = claims["exp"].as_u64().zip(claims["iat"].as_u64()).map(|(exp, iat)| exp - iat);
    assert_eq!(life, Some(300));
}

#[test]
fn without_keys_only_what_a_token_says_of_itself_is_told() {
    let keys = Keys::new();
    let token = make(&keys, &["--key", "k1", "--user", "1001"], "");
    let output = webtrunk(&["token", "inspect"], &token);
    let shown = text(&output.stdout);
    assert!(output.status.success() && shown.contains("key: k1\nvalid: unknown without --keys"), "{shown}");
    assert!(!shown.contains("1001"), "{shown}");
    let output = webtrunk(&["token", "inspect", "no-token"], "");
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("no shape of a token"));
}

#[test]
fn a_token_that_would_be_refused_is_not_made() {
    let keys = Keys::new();
    for (arguments, input, expected) in [
        (&["--key", "k1", "--user", "1001", "--domain", "evil.example"][..], "", "the host \"evil.example\""),
        (
            &["--key", "k1", "--user", "1001", "--lifetime", "601"],
            "",
            "601 s, and its key's tokens for 600 s",
        ),
        (&["--key", "hs", "--user", "1001", "--password"], "secret", "a password in clear"),
        (&["--key", "wcs", "--user", "1001", "--destination", "112"], "", "nothing else"),
        (&["--key", "k9", "--user", "1001"], "", "there is no key \"k9\" in the file; it has k1, wcs, hs"),
        (&["--key", "k1", "--claims"], "{\"destination\": []}", "there is no claim \"destination\""),
        (&["--key", "k1", "--claims"], "[]", "no JSON object"),
        (&["--key", "k1", "--recording", "sometimes"], "", "sometimes"),
    ] {
        let (status, shown) = told(&keys, "make", arguments, input);
        assert_eq!(status, Some(1), "{arguments:?}: {shown}");
        assert!(shown.contains(expected), "{expected}: {shown}");
        assert!(!shown.contains("wt1.") && !shown.contains("secret"), "{shown}");
    }
}

#[test]
fn a_file_of_keys_that_is_wrong_says_where_and_what_to_do() {
    let keys = Keys::of(&format!(
        r#"
[[token_keys]]
id = "k 1"
kind = "wt1"
secret = "{CIPHER}"
audience = "phone.example"
hosts = ["sip:evil"]
lifetime_max_s = 0

[[token_keys]]
id = "hs"
kind = "hs256"
secret = "open sesame"
app = "crm"

[[token_keys]]
id = "old"
kind = "legacy"
app = "crm"
secret = "no hexadecimal"
not_before = "yesterday"
audience = "phone.example"

[[token_keys]]
id = "hs"
kind = "rs256"
public_key = "none.pem"
audience = "phone.example"
"#
    ));
    let (status, shown) = told(&keys, "inspect", &[], "wt1.k1.AAAA");
    assert_eq!(status, Some(1), "{shown}");
    for expected in [
        ":3: token_keys[0].id = \"k 1\": ",
        ":5: token_keys[0].secret: has 16 octets, and keys of this kind have 32; make one by: openssl rand -hex 32",
        ":7: token_keys[0].hosts[0] = \"sip:evil\": ",
        ":8: token_keys[0].lifetime_max_s = 0: is no time that tokens may live; write 1 to 86400 seconds",
        ":12: token_keys[1].kind = \"hs256\": has no audience",
        ":13: token_keys[1].secret: has 11 octets, and 32 are the least that withstand guessing",
        ":14: token_keys[1].app = \"crm\": keys of this kind have no app",
        ":18: token_keys[2].kind = \"legacy\": opens tokens that anybody can forge who has one, and legacy_tokens is \"off\"",
        ":18: token_keys[2].kind = \"legacy\": nothing says where tokens may come from",
        ":20: token_keys[2].secret: is no hexadecimal digits",
        ":21: token_keys[2].not_before = \"yesterday\": ",
        ":22: token_keys[2].audience = \"phone.example\": tokens of this kind have no audience",
        ":25: token_keys[3].id = \"hs\": another key has this id; give each key an id of its own",
        ":27: token_keys[3].public_key = \"none.pem\": cannot be read: ",
    ] {
        assert!(shown.contains(expected), "{expected}: {shown}");
    }
    assert!(!shown.contains(CIPHER) && !shown.contains("sesame"), "{shown}");
}

/// What the document has people write.
#[test]
fn the_example_of_a_file_of_keys_is_sound() {
    let document = include_str!("../../../docs/TOKENS.md");
    let (_, example) = document.split_once("```toml\n").expect("an example");
    let (example, _) = example.split_once("```").expect("its end");
    let keys = Keys::of(&example.replace("2026-12-01", "2025-12-01"));
    let secret = keys.folder.path().join("crm-2026-12.key");
    fs::write(&secret, SEALING).expect("the folder is ours");
    fs::set_permissions(&secret, Permissions::from_mode(0o600)).expect("the file is ours");
    let mut make = Command::new(env!("CARGO_BIN_EXE_webtrunk"));
    make.args(["token", "make", "--user", "1001", "--domain", "sip.example.net", "--keys"]).arg(keys.path());
    let output = run(make.env("WCS_KEY", CIPHER).env("WCS_MAC_KEY", MAC), "");
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).starts_with("wt1.crm-2026-12."));
    let (status, shown) = told(&keys, "make", &["--user", "1001"], "");
    assert_eq!(status, Some(1), "{shown}");
    assert!(shown.contains("the environment has no variable \"WCS_KEY\""), "{shown}");
}

#[test]
fn keys_that_others_may_read_are_refused() {
    let keys = Keys::new();
    fs::set_permissions(keys.path(), Permissions::from_mode(0o644)).expect("the file is ours");
    let (status, shown) = told(&keys, "make", &["--user", "1001"], "");
    assert_eq!(status, Some(1), "{shown}");
    assert!(shown.contains("holds secrets, and others may read it (mode 644); run chmod 600"), "{shown}");
}

#[test]
fn an_unreadable_file_of_keys_has_an_exit_status_of_its_own() {
    let output = webtrunk(&["token", "inspect", "--keys", "/none/keys.toml", "wt1.k1.AAAA"], "");
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
}

#[test]
fn tokens_without_a_mac_are_made_and_opened_where_somebody_wants_them_and_warned_of() {
    let keys = Keys::of(&format!(
        "legacy_tokens = \"accept-insecure\"\n[[token_keys]]\nid = \"old\"\nkind = \"legacy\"\napp = \"crm\"\n\
         secret = \"{CIPHER}\"\nhosts = [\"sip.example.net\"]\nnetworks = [\"10.0.0.0/8\"]\norigins = [\"https://crm.example\"]\n"
    ));
    let token = make(&keys, &["--user", "1001", "--domain", "sip.example.net"], "");
    let (status, shown) = told(&keys, "inspect", &[], &token);
    assert_eq!(status, Some(0), "{shown}");
    assert!(
        shown.contains("format: legacy") && shown.contains("warning: whoever has one token without a MAC"),
        "{shown}"
    );
}

#[test]
fn the_newest_key_makes_and_a_signed_token_is_proven_by_the_public_half() {
    let keys = Keys::new();
    let folder = keys.folder.path();
    let openssl = |arguments: &[&str]| {
        let output = run(Command::new("openssl").args(arguments).current_dir(folder), "");
        assert!(output.status.success(), "{}", text(&output.stderr));
    };
    openssl(&["genpkey", "-algorithm", "ED25519", "-out", "ed.key"]);
    openssl(&["pkey", "-in", "ed.key", "-pubout", "-out", "ed.pub"]);
    fs::set_permissions(folder.join("ed.key"), Permissions::from_mode(0o600)).expect("the file is ours");
    let secret = folder.join("old.key");
    fs::write(&secret, format!("{SEALING}\n")).expect("the folder is ours");
    fs::set_permissions(&secret, Permissions::from_mode(0o600)).expect("the file is ours");
    let text = format!(
        r#"
[[token_keys]]
id = "new"
kind = "eddsa"
public_key = "ed.pub"
private_key = "ed.key"
audience = "phone.example"
not_before = "2026-01-01T00:00:00Z"

[[token_keys]]
id = "old"
kind = "wt1"
secret = {{ file = "old.key" }}
audience = "phone.example"

[[token_keys]]
id = "hs"
kind = "hs256"
secret = "{}"
encoding = "base64"
audience = "phone.example"
not_after = "2026-01-01T00:00:00Z"
"#,
        "QSBzZWNyZXQgb2YgbW9yZSB0aGFuIHRoaXJ0eS10d28gb2N0ZXRz"
    );
    fs::write(keys.path(), text).expect("the folder is ours");
    let token = make(&keys, &["--subject", "alice"], "");
    let (status, shown) = told(&keys, "inspect", &[], &token);
    assert_eq!(status, Some(0), "{shown}");
    assert!(shown.contains("format: jwt") && shown.contains("key: new"), "{shown}");
    let (status, shown) = told(&keys, "make", &["--key", "hs"], "");
    assert!(status == Some(1) && shown.contains("key \"hs\" is not in force now"), "{shown}");
    let public =
        fs::read_to_string(keys.path()).expect("it is there").replace("private_key = \"ed.key\"\n", "");
    fs::write(keys.path(), public).expect("the folder is ours");
    assert_eq!(told(&keys, "inspect", &[], &token).0, Some(0), "the public half proves it");
    let (status, shown) = told(&keys, "make", &["--key", "new"], "");
    assert!(status == Some(1) && shown.contains("no private half"), "{shown}");
    assert!(!shown.contains(SECRET), "{shown}");
}
