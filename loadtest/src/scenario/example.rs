//! The example that `init` writes.

/// A commented scenario for a gateway on this machine.
pub const EXAMPLE: &str = include_str!("example.toml");

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::EXAMPLE;
    use crate::scenario::Scenario;

    /// As it is, and with all its comments that begin with `#:` taken in.
    #[test]
    fn the_example_is_sound_with_and_without_what_is_commented_out() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("alice.txt"), "secret\n").expect("a file");
        let speech = Path::new(env!("CARGO_MANIFEST_DIR")).join("../gateway/assets/announcement.wav");
        std::fs::copy(speech, folder.path().join("speech.wav")).expect("in the repository");
        let path = folder.path().join("scenario.toml");
        let all: String =
            EXAMPLE.lines().map(|line| line.strip_prefix("#:").unwrap_or(line).to_owned() + "\n").collect();
        for text in [EXAMPLE, &all] {
            let scenario = Scenario::parse(Path::new(&path), text).unwrap_or_else(|error| panic!("{error}"));
            assert!(!scenario.traffic.is_empty());
        }
        assert!(all.len() < EXAMPLE.len(), "nothing was commented out");
    }
}
