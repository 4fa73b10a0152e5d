//! The shape of the tree, held by reading it: which crate may know which, which module may know the
//! world, and where nothing may be locked (docs/ARCHITECTURE.md, invariants).

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Every crate with those of ours that it may depend on. Nothing depends on what is not named on the right.
const MAY_USE: &[(&str, &[&str])] = &[
    ("codecs", &[]),
    ("engine", &["webtrunk-codecs"]),
    ("signalling", &["webtrunk-codecs", "webtrunk-engine"]),
    ("contract", &["webtrunk-engine", "webtrunk-signalling"]),
    ("gateway", &["webtrunk-codecs", "webtrunk-engine", "webtrunk-signalling"]),
    ("loadtest", &["webtrunk-codecs", "webtrunk-signalling"]),
    ("benches", &["webtrunk-codecs", "webtrunk-engine", "webtrunk-signalling"]),
    ("fuzz", &["webtrunk-codecs", "webtrunk-engine", "webtrunk-signalling"]),
];

/// The shell of the pure crates: sockets, tasks, actors and clocks are here and nowhere else.
const SHELL: &[&str] = &[
    "engine/src/call/actor.rs",
    "engine/src/engine.rs",
    "engine/src/engine/sockets.rs",
    "engine/src/media/recorder/thread.rs",
    "engine/src/net/shard.rs",
    "engine/src/net/shard/addresses.rs",
    "engine/src/net/shard/captures.rs",
    "engine/src/net/shard/own_sockets.rs",
    "engine/src/net/shard_actor.rs",
    "engine/src/net/shard_streams.rs",
    "engine/src/net/socket.rs",
    "engine/src/net/stream.rs",
    "engine/src/net/tasks.rs",
    "signalling/src/accounts/desk.rs",
    "signalling/src/adapter/outlet.rs",
    "signalling/src/adapter/work.rs",
    "signalling/src/calendar.rs",
    "signalling/src/json/adapter/",
    "signalling/src/sip/adapter/",
    "signalling/src/http/",
    "signalling/src/sip/transport/",
    "signalling/src/switchboard.rs",
    "signalling/src/switchboard/",
];

/// What a pure module does not say.
const WORLDLY: &[&str] = &[
    "tokio",
    "actix",
    "Instant::now",
    "SystemTime::now",
    "UdpSocket",
    "TcpStream",
    "TcpListener",
    "thread::spawn",
];

/// Where a vocabulary names the channel that it is spoken over, with the words it may use for that.
const CHANNELS: &[(&str, &str)] = &[
    ("engine/src/call/messages.rs", "use tokio::sync::oneshot;"),
    ("signalling/src/adapter.rs", "use tokio::sync::mpsc::Sender;"),
    ("signalling/src/auth/token/fetched_keys.rs", "use tokio::sync::Notify;"),
    ("signalling/src/presence.rs", "use tokio::sync::Notify;"),
];

/// Where packets pass.
const PACKET_PATH: &[&str] = &["engine/src/leg", "engine/src/media", "engine/src/rtp", "engine/src/srtp"];

#[test]
fn dependencies_run_one_way() {
    for (name, allowed) in MAY_USE {
        let manifest: toml::Table = read(&root().join(name).join("Cargo.toml")).parse().expect("a manifest");
        let used = manifest["dependencies"].as_table().expect("a table").keys();
        let ours: Vec<_> = used.filter(|used| used.starts_with("webtrunk")).collect();
        let wrong: Vec<_> = ours.iter().filter(|used| !allowed.contains(&used.as_str())).collect();
        assert!(wrong.is_empty(), "{name} depends on {wrong:?}");
    }
    let workspace: toml::Table = read(&root().join("Cargo.toml")).parse().expect("a manifest");
    let members = workspace["workspace"]["members"].as_array().expect("a list").len();
    assert_eq!(members, MAY_USE.len(), "every crate has a line here");
}

#[test]
fn pure_modules_know_no_clock_no_socket_no_task_and_no_actor() {
    let mut seen = 0;
    for (file, code) in
        ["codecs", "engine", "signalling"].iter().flat_map(|name| sources(&format!("{name}/src")))
    {
        if SHELL.iter().any(|shell| file.starts_with(shell)) {
            continue;
        }
        seen += 1;
        for line in code {
            let is_channel = CHANNELS.iter().any(|(at, words)| *at == file && line.contains(words));
            let worldly = WORLDLY.iter().find(|word| line.contains(*word));
            assert!(is_channel || worldly.is_none(), "{file} says {worldly:?}: {line}");
        }
    }
    assert!(seen > 150, "the tree was found: {seen} files");
}

#[test]
fn nothing_is_locked_on_the_way_of_a_packet() {
    let mut seen = 0;
    for (file, code) in PACKET_PATH.iter().flat_map(|folder| sources(folder)) {
        seen += 1;
        for line in code {
            assert!(!["Mutex", "RwLock", "Condvar"].iter().any(|lock| line.contains(lock)), "{file}: {line}");
        }
    }
    assert!(seen > 40, "the packet's way was found: {seen} files");
}

#[test]
fn every_test_that_the_documents_name_is_there() {
    let tests = named_functions();
    let mut seen = 0;
    for entry in fs::read_dir(root().join("docs")).expect("the documents") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|extension| extension != "md") {
            continue;
        }
        let text = read(&path);
        // Inside a line, every second piece stands between backticks.
        let quoted = text.lines().flat_map(|line| line.split('`').skip(1).step_by(2));
        for name in quoted.filter_map(|quoted| quoted.rsplit("::").next()) {
            // A sentence is a test's name; nothing else has so many words.
            let is_sentence =
                name.bytes().all(|byte| byte.is_ascii_lowercase() || b"_0123456789".contains(&byte));
            // Metrics are held to their document by a test of their own.
            let is_metric = name.starts_with("webtrunk_") || name.starts_with("process_");
            if is_sentence && !is_metric && name.matches('_').count() >= 3 {
                seen += 1;
                assert!(tests.contains(name), "{} names {name}, which is nowhere", path.display());
            }
        }
    }
    assert!(seen > 20, "the documents were found: {seen} names");
}

/// The names of all functions of the workspace, tests included.
fn named_functions() -> HashSet<String> {
    let mut found = HashSet::new();
    let mut folders: Vec<_> = MAY_USE.iter().map(|(name, _)| root().join(name)).collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of the tree") {
            let path = entry.expect("an entry").path();
            let is_foreign = path.file_name().is_some_and(|name| name == "node_modules" || name == "target");
            if path.is_dir() && !is_foreign {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = read(&path);
                let names = text.split("fn ").skip(1).filter_map(|rest| rest.split(['(', '<']).next());
                found.extend(names.map(str::to_owned));
                // A report's figures are named in the documents too.
                let fields =
                    text.lines().filter_map(|line| line.trim().strip_prefix("pub ")?.split_once(':'));
                found.extend(fields.map(|(name, _)| name.to_owned()));
            }
        }
    }
    found
}

/// The modules below a folder of the workspace, each with its lines of code: without comments and tests.
fn sources(folder: &str) -> Vec<(String, Vec<String>)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of the tree") {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                _ if is_for_tests(&path) => {}
                true => folders.push(path),
                false if path.extension().is_some_and(|extension| extension == "rs") => {
                    let name = path.strip_prefix(root()).expect("below the root").display().to_string();
                    found.push((name, code(&read(&path))));
                }
                false => {}
            }
        }
    }
    found
}

/// Whether the index page above a module says that it is compiled for tests only.
fn is_for_tests(path: &Path) -> bool {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let index = fs::read_to_string(path.with_file_name("mod.rs")).unwrap_or_default();
    stem == "tests" || index.contains(&format!("#[cfg(test)]\nmod {stem};"))
}

/// The code of a file: its tests are its last part.
fn code(text: &str) -> Vec<String> {
    let lines = text.lines().take_while(|line| line.trim() != "mod tests {");
    lines.filter(|line| !line.trim_start().starts_with("//")).map(str::to_owned).collect()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
