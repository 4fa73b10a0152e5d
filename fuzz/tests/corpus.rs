//! What fuzzing found worth keeping, replayed: every input of every corpus, each in its time.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use webtrunk_fuzz::{TARGETS, Target};

/// Longest time of one input, on a machine that does much else. libFuzzer's limit is the same.
const TIME_MAX: Duration = Duration::from_secs(5);

#[test]
fn every_input_of_the_corpora_keeps_every_promise_in_time() {
    for target in &TARGETS {
        let inputs = inputs(&corpora().join(target.name));
        assert!(!inputs.is_empty(), "{} has a corpus", target.name);
        replay(target, &inputs);
    }
}

/// The messages of RFC 4475 and RFC 5118, where they are: to every target, since one's message is another's
/// nonsense.
#[test]
fn the_torture_messages_keep_every_promise_in_time() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let inputs: Vec<_> = ["rfc4475", "rfc5118"].iter().flat_map(|name| inputs(&shared.join(name))).collect();
    if inputs.is_empty() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "shared test data is missing");
        eprintln!("passed over: no shared test data in {}", shared.display());
    }
    for target in &TARGETS {
        replay(target, &inputs);
    }
}

/// A corpus without a target would be replayed by nobody.
#[test]
fn every_corpus_and_every_program_has_its_target() {
    let names: Vec<_> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    let stems = |folder: PathBuf| {
        let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let stem = |path: PathBuf| path.file_stem().expect("a name").to_string_lossy().into_owned();
        let mut stems: Vec<_> = entries.map(|entry| stem(entry.expect("an entry").path())).collect();
        stems.sort();
        stems
    };
    let mut sorted = names;
    sorted.sort();
    assert_eq!(stems(corpora()), sorted);
    assert_eq!(stems(corpora().join("../targets/bin")), sorted);
}

fn replay(target: &Target, inputs: &[(PathBuf, Vec<u8>)]) {
    for (path, octets) in inputs {
        let begun = Instant::now();
        let end = std::panic::catch_unwind(|| (target.run)(octets));
        let taken = begun.elapsed();
        assert!(end.is_ok(), "{} breaks at {}", target.name, path.display());
        assert!(taken < TIME_MAX, "{} takes {taken:?} for {}", target.name, path.display());
    }
}

fn inputs(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<_> =
        entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_file()).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), fs::read(path).expect("an input"))).collect()
}

fn corpora() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}
