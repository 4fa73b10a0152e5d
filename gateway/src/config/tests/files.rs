//! The configuration's file and those that it names: who may read them, and what if they are missing.

use std::fs;

use super::*;

#[test]
fn a_file_with_secrets_must_be_closed_to_others() {
    let folder = TempDir::new().expect("a folder for the test");
    let with_secret = format!("[http]\n[[users]]\nname = \"alice\"\nha1_md5 = \"{MD5}\"\n");
    let with_password = "[[sip.listeners]]\ntransport = \"udp\"\nbind = \"127.0.0.1:0\"\n[[trunks]]\nname = \"p\"\nhost = \"h\"\ncredentials = { user = \"u\", password = \"pw\" }\n";
    let from_environment = "[http]\n[[users]]\nname = \"alice\"\nha1_md5 = { env = \"HA1\" }\n";
    for (text, mode, is_refused) in [
        (with_secret.as_str(), 0o644, true),
        (with_secret.as_str(), 0o640, true),
        (with_secret.as_str(), 0o620, true),
        (with_secret.as_str(), 0o600, false),
        (with_secret.as_str(), 0o400, false),
        (with_password, 0o604, true),
        (with_password, 0o600, false),
        (from_environment, 0o644, false),
    ] {
        let loaded = load(&file(&folder, "w.toml", text, mode), &environment);
        let told = loaded.map(drop).map_err(|error| error.to_string());
        match told {
            Err(told) => assert!(is_refused && told.contains("chmod 600"), "{mode:o}: {told}"),
            Ok(()) => assert!(!is_refused, "{mode:o} was let through:\n{text}"),
        }
    }
}

#[test]
fn a_secret_in_a_file_is_read_beside_the_configuration_and_must_be_closed_too() {
    let folder = TempDir::new().expect("a folder for the test");
    let text = "[http]\n[[users]]\nname = \"alice\"\nha1_md5 = { file = \"alice.ha1\" }\n";
    let path = file(&folder, "w.toml", text, 0o644);
    file(&folder, "alice.ha1", &format!("{MD5}\n"), 0o644);
    let told = load(&path, &environment).expect_err("the secret is open").to_string();
    assert!(told.contains("is open to others (mode 644)") && told.contains("chmod 600"), "{told}");
    file(&folder, "alice.ha1", &format!("{MD5}\n"), 0o600);
    let (config, _) = load(&path, &environment).expect("the secret is closed");
    let hash = config.users.ha1("alice", "webtrunk", Algorithm::Md5);
    assert_eq!(hash.as_ref().map(Ha1::as_hex), Some(MD5));
}

#[test]
fn what_systemd_hands_over_may_be_read_by_its_group() {
    let folder = TempDir::new().expect("a folder for the test");
    let text = format!(
        "[http]\n[[users]]\nname = \"a\"\nha1_md5 = \"{MD5}\"\n[[users]]\nname = \"b\"\nha1_md5 = {{ file = \"b\" }}\n"
    );
    let handed = |name: &str| {
        (name == "CREDENTIALS_DIRECTORY").then(|| folder.path().to_str().expect("ASCII").to_owned())
    };
    for (mode, is_refused) in [(0o440, false), (0o400, false), (0o444, true), (0o460, true)] {
        file(&folder, "b", MD5, mode);
        let path = file(&folder, "w.toml", &text, mode);
        assert_eq!(load(&path, &handed).is_err(), is_refused, "{mode:o}");
        assert!(load(&path, &environment).is_err() || mode == 0o400, "{mode:o} elsewhere");
        for name in ["b", "w.toml"] {
            fs::remove_file(folder.path().join(name)).expect("the folder is ours");
        }
    }
}

#[test]
fn every_certificate_file_that_is_missing_is_told() {
    let told = faults(
        "[http]\n[tls]\ncertificate = \"a\"\nprivate_key = \"b\"\ntrusted_certificates = \"c\"\nclient_authorities = \"d\"\n",
    );
    assert_eq!(told.matches(": cannot be read: No such file").count(), 4, "{told}");
}

#[test]
fn the_key_of_a_certificate_must_be_closed_to_the_world() {
    let folder = TempDir::new().expect("a folder for the test");
    let made = rcgen::generate_simple_self_signed(vec!["phone.example".to_owned()]).expect("a certificate");
    file(&folder, "chain.pem", &made.cert.pem(), 0o644);
    let text = "[http]\n[tls]\ncertificate = \"chain.pem\"\nprivate_key = \"key.pem\"\n";
    let path = file(&folder, "w.toml", text, 0o644);
    for (mode, is_refused) in [(0o644, true), (0o604, true), (0o640, false), (0o600, false)] {
        file(&folder, "key.pem", &made.signing_key.serialize_pem(), mode);
        match load(&path, &environment) {
            Ok(_) => assert!(!is_refused, "{mode:o} was let through"),
            Err(told) => {
                assert!(is_refused && told.to_string().contains("everybody may read this key"), "{told}");
            }
        }
    }
}

#[test]
fn a_missing_file_is_unreadable() {
    let told = load(Path::new("/nonexistent/w.toml"), &environment).expect_err("there is none");
    assert!(matches!(told, ConfigError::Unreadable { .. }));
}

#[test]
fn what_is_wrong_with_a_pair_of_files_has_a_cure_of_its_own() {
    let folder = TempDir::new().expect("a folder for the test");
    let made = rcgen::generate_simple_self_signed(vec!["phone.example".to_owned()]).expect("a certificate");
    file(&folder, "chain.pem", &made.cert.pem(), 0o644);
    file(&folder, "key.pem", &made.signing_key.serialize_pem(), 0o600);
    let encrypted = made.signing_key.serialize_pem().replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    file(&folder, "locked.pem", &encrypted, 0o600);
    let trunk = "[[sip.listeners]]\ntransport = \"udp\"\nbind = \"127.0.0.1:0\"\n[[trunks]]\nname = \"t\"\nhost = \"h\"\n";
    for (certificate, key, expected) in [
        ("chain.pem", "key.pem", None),
        (
            "key.pem",
            "chain.pem",
            Some("certificate = \"key.pem\": is a private key, and private_key names a certificate; swap"),
        ),
        ("chain.pem", "locked.pem", Some("locked.pem is encrypted; take its password out: openssl pkey")),
        ("none.pem", "key.pem", Some("certificate = \"none.pem\": cannot be read: No such file")),
    ] {
        let pair = format!("certificate = {certificate:?}, private_key = {key:?}");
        let tables = [
            format!("{trunk}client_certificate = {{ {pair} }}\n"),
            format!("[http]\n[tls]\n{}\n", pair.replace(", ", "\n")),
        ];
        for text in tables {
            let told =
                load(&file(&folder, "w.toml", &text, 0o644), &environment).map_err(|told| told.to_string());
            match (told, expected) {
                (Ok(_), None) => {}
                (Err(told), Some(expected)) => {
                    assert!(told.contains(expected) && told.lines().count() == 1, "{told}");
                }
                (told, _) => panic!("{text}: {:?}", told.map(drop)),
            }
        }
    }
}

/// Who wrote to one would lose what is in the other.
#[test]
fn files_that_are_each_other_s_are_told_by_whatever_name() {
    let folder = TempDir::new().expect("a folder for the test");
    let at = |name: &str| folder.path().join(name);
    for name in ["there.jsonl", "pw"] {
        file(&folder, name, "", 0o600);
    }
    fs::hard_link(at("there.jsonl"), at("second.jsonl")).expect("the folder is ours");
    for (to, link) in [("w.toml", "link"), ("calls.db", "linked.db"), (".", "here")] {
        std::os::unix::fs::symlink(to, at(link)).expect("the folder is ours");
    }
    let trunk = "[[trunks]]\nname = \"t\"\nhost = \"h\"\ncredentials = { user = \"u\", password = { file = \"pw\" } }\n";
    let text = |store: &str, cdr: &str, admin: &str| {
        format!(
            "[[sip.listeners]]\ntransport = \"udp\"\nbind = \"127.0.0.1:0\"\n[store]\npath = \"{store}\"\n[cdr]\n{cdr}\n[admin]\n{admin}\n{trunk}"
        )
    };
    let calls = |cdr: &str| text("calls.db", cdr, "");
    for (text, expected) in [
        (calls("file = \"c.jsonl\"\nspare = \"s.jsonl\""), None),
        (text("calls.db", "file = \"there.jsonl\"", "token_file = \"token\""), None),
        (
            text("calls.db", "", "token_file = \"calls.db\""),
            Some("admin.token_file = \"calls.db\": is the file of store.path too"),
        ),
        (
            text("admin-token", "", ""),
            Some("store.path = \"admin-token\": is the file of admin.token_file too"),
        ),
        (
            text("calls.db", "", "token_file = \"w.toml\""),
            Some("admin.token_file = \"w.toml\": is this configuration"),
        ),
        (
            text("calls.db", "", "token_file = \"pw\""),
            Some("is the file of trunks[0].credentials.password too"),
        ),
        (calls("file = \"calls.db\""), Some("cdr.file = \"calls.db\": is the file of store.path too")),
        (
            calls("spare = \"calls.db-wal\""),
            Some("cdr.spare = \"calls.db-wal\": is the file of store.path too"),
        ),
        (calls("spare = \"linked.db\""), Some("is the file of store.path too")),
        (calls("file = \"c.jsonl\"\nspare = \"./here/c.jsonl\""), Some("is the file of cdr.file too")),
        (calls("file = \"there.jsonl\"\nspare = \"second.jsonl\""), Some("is the file of cdr.file too")),
        (calls("file = \"link\""), Some("cdr.file = \"link\": is this configuration")),
    ] {
        let told =
            load(&file(&folder, "w.toml", &text, 0o600), &environment).map_err(|told| told.to_string());
        match (told, expected) {
            (Ok(_), None) => {}
            (Err(told), Some(expected)) => {
                assert!(
                    told.contains(expected) && told.contains("name a file of its own"),
                    "{expected}\n{told}"
                );
            }
            (told, _) => panic!("{text}: {:?}", told.map(drop)),
        }
    }
}

#[test]
fn a_token_s_file_that_holds_something_else_is_told_before_it_is_lost() {
    let folder = TempDir::new().expect("a folder for the test");
    let text =
        "[[sip.listeners]]\ntransport = \"udp\"\nbind = \"127.0.0.1:0\"\n[admin]\ntoken_file = \"notes\"\n";
    let path = file(&folder, "w.toml", text, 0o600);
    for (notes, is_refused) in [("", false), ("buy milk", true)] {
        file(&folder, "notes", notes, 0o600);
        assert_eq!(load(&path, &environment).is_err(), is_refused, "{notes}");
    }
    file(&folder, "notes", &("a".repeat(43) + "\n"), 0o600);
    assert!(load(&path, &environment).is_ok());
    fs::remove_file(folder.path().join("notes")).expect("ours");
    fs::create_dir(folder.path().join("notes")).expect("the folder is ours");
    let told = load(&path, &environment).expect_err("a folder").to_string();
    assert!(told.contains("admin.token_file = \"notes\": is there, and no token"), "{told}");
}
