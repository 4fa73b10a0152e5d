//! What is accepted, what is refused, and with which words.

use std::fs::{self, Permissions};
use std::num::NonZeroU32;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use tempfile::TempDir;
use webtrunk_engine::config::EngineConfig;
use webtrunk_signalling::auth::digest::{Algorithm, Credentials, Ha1};
use webtrunk_signalling::sip::flow::TransportKind;

use super::example::{self, Example};
use super::load::{load, parse};
use super::*;

mod bridges;
mod dial_plan;
mod files;
mod listening;
mod media;
mod parties;

const MD5: &str = "0123456789abcdef0123456789abcdef";

fn environment(name: &str) -> Option<String> {
    (name == "HA1").then(|| MD5.to_owned())
}

/// A file with these permissions in a folder of its own.
fn file(folder: &TempDir, name: &str, text: &str, mode: u32) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, text).expect("the folder is ours");
    fs::set_permissions(&path, Permissions::from_mode(mode)).expect("the file is ours");
    path
}

/// Everything that is wrong with `text`, a line each.
fn faults(text: &str) -> String {
    match parse("w.toml", text, &environment) {
        Ok(_) => String::new(),
        Err(error) => error.to_string(),
    }
}

/// Fails where a fault is not told with these words, or without its cure.
fn assert_told(cases: &[(&str, &str)]) {
    let mut wrong = String::new();
    for (text, expected) in cases {
        let told = faults(text);
        if !told.contains(expected) || !told.contains("; ") {
            wrong += &format!("{text}\n  tells: {told}\n  not:   {expected}\n\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn a_file_with_a_listener_alone_is_a_gateway_that_lets_nobody_in() {
    let config = parse("w.toml", "[http]", &environment).expect("defaults are sound");
    assert!(config.users.is_empty() && config.sip.listeners.is_empty() && config.rules.is_empty());
    assert_eq!(config.sip.realm, "webtrunk");
    assert_eq!(config.media.rtp_ports, 20_000..=29_999);
    assert_eq!(config.media.media_timeout.as_secs(), 60);
}

#[test]
fn each_adapter_has_a_switch_and_several_listeners() {
    let text = "[http]\n[sip]\n[[sip.listeners]]\ntransport = \"udp\"\nbind = \"127.0.0.1:5060\"\n\
                [[sip.listeners]]\ntransport = \"udp\"\nbind = \"[::1]:5060\"\n[sip_ws]\n\
                [[sip_ws.listeners]]\n[[sip_ws.listeners]]\nname = \"own\"\nbind = \"[::1]:5080\"\n";
    let names = |text: &str| {
        let config = parse("w.toml", text, &environment).expect("sound");
        config.listeners().map(|listener| listener.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(text), ["ws", "own", "udp", "udp"]);
    let off =
        |section: &str| text.replace(&format!("[{section}]\n"), &format!("[{section}]\nenabled = false\n"));
    assert_eq!(names(&off("sip")), ["ws", "own"]);
    assert_eq!(names(&off("sip_ws")), ["udp", "udp"]);
    let trunk = "[[trunks]]\nname = \"p\"\nhost = \"192.0.2.7\"\n";
    assert!(parse("w.toml", &format!("{text}{trunk}"), &environment).is_ok());
    let told = faults(&format!("{}{trunk}", off("sip")));
    assert!(told.contains("no listener can call it over UDP"), "{told}");
    // Without [sip_ws] there is no WebSocket, whatever [http] serves.
    assert!(names("[http]\n").is_empty());
}

#[test]
fn a_header_that_never_passes_is_named_with_its_cure() {
    let told = faults(
        "[http]\n[sip]\nheaders_allow = [\"X-*\", \"Via\"]\n[[sip.listeners]]\ntransport = \"udp\"\n\
         bind = \"127.0.0.1:0\"\n[[trunks]]\nname = \"t\"\nhost = \"192.0.2.7\"\nheaders_allow = [\"*\"]\n",
    );
    let line = "w.toml:3: sip.headers_allow[1] = \"Via\": never passes: it belongs to one leg; take it out;";
    assert!(told.contains(line), "{told}");
    let line = "w.toml:10: trunks[0].headers_allow[0] = \"*\": names too many headers; write two characters";
    assert!(told.contains(line), "{told}");
}

/// docs/decisions/0008: less hurts speech where packets get lost.
#[test]
fn browsers_are_asked_for_the_bitrate_that_was_decided() {
    let config = parse("w.toml", "[http]", &environment).expect("defaults are sound");
    let bitrate = config.media.narrow_band_bitrate_bps.map(NonZeroU32::get);
    assert_eq!((bitrate, EngineConfig::default().narrow_band.bitrate_bps), (Some(24_000), Some(24_000)));
}

#[test]
fn the_example_of_the_documentation_is_sound_as_it_stands() {
    let config = parse("webtrunk.toml", example::TEXT, &|_| None).unwrap_or_else(|error| panic!("{error}"));
    assert!(config.rules.len() >= 5 && config.users.is_empty() && config.trunks.is_empty());
    assert!(config.sip_ws.listeners.iter().any(|listener| listener.transport == TransportKind::Ws));
    assert!(config.listeners().all(|listener| listener.external_address.is_none()));
}

#[test]
fn the_example_of_the_documentation_is_sound_with_all_that_is_commented_out() {
    let example = Example::in_full();
    let config = example.load().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(config.trunks[0].sip.name, "provider");
    assert!(config.users.contains("alice") && config.rules.len() >= 7);
}

/// Keys that have no default, or one by the machine, are examples.
#[test]
fn what_is_commented_out_in_the_example_is_the_default() {
    let section = |name: &str, text: &str| -> toml::Value {
        let table: toml::Table = text.parse().expect("TOML");
        table.get(name).cloned().unwrap_or_else(|| toml::Table::new().into())
    };
    for name in ["http", "sip", "sip_ws", "media", "trace", "log"] {
        let checked = |mut section: toml::Value| {
            let keys = section.as_table_mut().expect("a section");
            for example in
                ["listeners", "calls_per_user", "shards", "candidates_allow", "checks_deny", "music_on_hold"]
            {
                keys.remove(example);
            }
            let text = toml::Table::from_iter([(name.to_owned(), section)]).to_string() + "\n";
            let text = if name == "http" { text } else { text + "[http]\n" };
            format!("{:?}", parse("w.toml", &text, &environment).expect("sound"))
        };
        assert_eq!(
            checked(section(name, example::TEXT)),
            checked(section(name, &example::in_full())),
            "{name}"
        );
    }
}

#[test]
fn all_faults_are_told_at_once_and_no_secret_among_them() {
    let text = "[http]\nbind = \"x\"\n[[users]]\nname = \"alice\"\nha1_md5 = \"hunter2\"\n\
                [[users]]\nname = \"alice\"\nha1_sha256 = \"hunter3\"\n[media]\nshards = 0\n";
    let told = faults(text);
    assert_eq!(told.lines().count(), 5, "{told}");
    assert!(!told.contains("hunter"), "{told}");
    let config = parse("w.toml", &text.replace("hunter2", MD5).replace("hunter3", MD5), &environment);
    assert!(!format!("{config:?}").contains(MD5));
}

#[test]
fn faults_of_the_structure_are_told_together_and_nothing_that_follows_from_them() {
    let text = "[http]\nbnd = \"x\"\nbind = 8080\n[tls]\ncertificate = 5\nprivate_key = \"k\"\n\
                [[sip.listeners]]\ntransport = \"sctp\"\nbind = \"0.0.0.0:0\"\n\
                [[trunks]]\nname = \"p\"\nhost = \"p.example\"\nport = \"x\"\n\
                [[users]]\nname = \"alice\"\nha1_md5 = { fil = \"a\" }\n\
                [[users]]\nnam = \"bob\"\n\
                [[rules]]\nname = \"x\"\ndestination = \"1\"\n\
                actions = [{ bridge = { user = \"bob\" } }, { bridge = { who = \"p\" } }]\n\
                [media]\nshards = 0\n";
    let told = faults(text);
    let expected = [
        ":2: http.bnd: ",
        ":3: http.bind = 8080: ",
        ":5: tls.certificate = 5: ",
        ":8: sip.listeners[0].transport = \"sctp\": ",
        ":13: trunks[0].port = \"x\": ",
        ":16: users[0].ha1_md5.fil: ",
        ":18: users[1].nam: ",
        ":22: rules[0].actions[1].bridge.who: ",
        ":24: media.shards = 0: ",
    ];
    for place in expected {
        assert!(told.contains(place), "{place} is not told:\n{told}");
    }
    assert_eq!(told.lines().count(), expected.len(), "{told}");
}

/// What one section lacks hides nothing of the others.
#[test]
fn a_slip_in_one_section_hides_no_fault_of_another() {
    let text = "[http]\n[medai]\nshards = 1\n[media]\ncall_max = 5\n[[users]]\nname = \"alice\"\nha1_md5 = { env = \"HA1\" }\n\
                [[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [{ bridge = { user = \"zoe\" } }]\n\
                [[rules]]\nname = \"y\"\ndestination = \"(\"\naction = [\"echo\"]\n\
                [[rules]]\nname = \"z\"\ndestination = \"(\"\nactions = [[\"answer\"], \"bridge\", \"play\", { reject = {} }]\n";
    let told = faults(text);
    let expected = [
        ":2: medai: unknown field `medai`; did you mean `media`?",
        ":5: media.call_max: unknown field `call_max`; did you mean `calls_max`?",
        ":12: rules[0].actions[0].bridge.user = \"zoe\": no user has this name",
        ":16: rules[1].action: unknown field `action`; did you mean `actions`?",
        ":19: rules[2].destination = \"(\": ",
        ":20: rules[2].actions[0] = [\"answer\"]: ",
        ":20: rules[2].actions[1] = \"bridge\": ",
        ":20: rules[2].actions[2] = \"play\": ",
        ":20: rules[2].actions[3].reject: is none of those that there are; write \"busy\"",
    ];
    for place in expected {
        assert!(told.contains(place), "{place} is not told:\n{told}");
    }
    assert_eq!(told.matches("w.toml:").count(), expected.len(), "{told}");
}

#[test]
fn transports_are_taken_in_any_case() {
    let text = "[[sip.listeners]]\ntransport = \"UDP\"\nbind = \"127.0.0.1:0\"\n";
    let config = parse("w.toml", text, &environment).expect("sound");
    assert_eq!(config.sip.listeners[0].transport, TransportKind::Udp);
}

#[test]
fn a_store_that_is_no_database_is_told() {
    let folder = TempDir::new().expect("a folder for the test");
    let path = file(&folder, "w.toml", "[http]\n[store]\npath = \"key.pem\"\n", 0o600);
    file(&folder, "key.pem", "a letter", 0o600);
    let told = load(&path, &environment).expect_err("it is none").to_string();
    assert!(told.contains("store.path = \"key.pem\": is no SQLite database; name a file"), "{told}");
    file(&folder, "key.pem", "", 0o600);
    assert!(load(&path, &environment).is_ok(), "an empty one is a new one");
}

#[test]
fn a_listener_with_a_bad_address_is_a_listener_all_the_same() {
    let told = faults(
        "[[sip.listeners]]\ntransport = \"udp\"\nbind = \"5060\"\n[[trunks]]\nname = \"p\"\nhost = \"p.example\"\n",
    );
    assert_eq!(told.lines().count(), 1, "{told}");
}

#[test]
fn only_what_every_user_has_is_offered() {
    let user = |name: &str, keys: &[&str]| {
        let hash =
            |key: &&str| format!("{key} = \"{}\"\n", MD5.repeat(if *key == "ha1_md5" { 1 } else { 2 }));
        format!("[[users]]\nname = \"{name}\"\n{}", keys.iter().map(hash).collect::<String>())
    };
    let (both, md5, sha256) = (["ha1_md5", "ha1_sha256"], ["ha1_md5"], ["ha1_sha256"]);
    for (second, expected) in [
        (both.as_slice(), vec![Algorithm::Sha256, Algorithm::Md5]),
        (md5.as_slice(), vec![Algorithm::Md5]),
        (sha256.as_slice(), vec![Algorithm::Sha256]),
    ] {
        let text = "[http]\n".to_owned() + &user("alice", &both) + &user("bob", second);
        let config = parse("w.toml", &text, &environment).expect("sound");
        assert_eq!(config.users.algorithms(), expected);
    }
    let told = faults(&(user("alice", &md5) + &user("bob", &sha256)));
    assert!(told.contains("nothing can be offered to all; give all users ha1_md5"), "{told}");
}
