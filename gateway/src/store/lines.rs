//! The file of lines: a record of a call each, as JSON, for whoever collects them.
//!
//! ```text
//!  calls with seq > cursor ---> appended, on the disk ---> the cursor moves
//! ```
//!
//! A process that is killed between the two has lines of which the cursor does not know. So at the start the last line is
//! looked at: it says how far the file is. A line that is not whole is taken away, and comes again.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use serde::Deserialize;

/// How much of the file's end is read at a time.
const CHUNK: u64 = 65_536;

/// Appends whole lines, all or none, and waits until the disk has them. The file is opened anew each time, so that it may
/// be moved away at any moment.
///
/// # Errors
/// What the system said; the file is as it was.
pub(super) fn append(path: &Path, lines: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    let before = file.metadata()?.len();
    file.write_all(lines).and_then(|()| file.sync_data()).inspect_err(|_| {
        // A second fault is told by the next look at the file's end.
        let _ = file.set_len(before);
    })
}

/// The name of the record on the last line; `None` where there is no file, or no line in it. What is left of a line that
/// is not whole is taken away.
///
/// # Errors
/// What the system said, or that the last line is none of ours.
pub(super) fn last_id(path: &Path) -> io::Result<Option<String>> {
    let file = match OpenOptions::new().read(true).write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let length = file.metadata()?.len();
    let end = last_newline(&file, length)?.map_or(0, |at| at + 1);
    // One that is whole keeps the room that is reserved behind it.
    if end < length {
        file.set_len(end)?;
    }
    if end == 0 {
        return Ok(None);
    }
    let begin = last_newline(&file, end - 1)?.map_or(0, |at| at + 1);
    let mut line = String::new();
    (&file).seek(SeekFrom::Start(begin))?;
    (&file).read_to_string(&mut line)?;
    #[derive(Deserialize)]
    struct Line {
        id: String,
    }
    let line: Line = serde_json::from_str(&line)?;
    Ok(Some(line.id))
}

/// Where the last newline before `end` is.
fn last_newline(file: &File, mut end: u64) -> io::Result<Option<u64>> {
    while end > 0 {
        let begin = end.saturating_sub(CHUNK);
        let mut chunk = vec![0; usize::try_from(end - begin).unwrap_or_default()];
        file.read_exact_at(&mut chunk, begin)?;
        if let Some(at) = chunk.iter().rposition(|octet| *octet == b'\n') {
            return Ok(Some(begin + at as u64));
        }
        end = begin;
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    fn line(id: &str, padding: usize) -> String {
        format!("{{\"id\":\"{id}\",\"x\":\"{}\"}}\n", "y".repeat(padding))
    }

    #[test]
    fn the_last_line_says_how_far_the_file_is_and_a_torn_one_is_taken_away() {
        let folder = TempDir::new().expect("a folder");
        let path = folder.path().join("calls.jsonl");
        assert_eq!(last_id(&path).expect("no file"), None);
        for padding in [0, 10, 70_000, 200_000] {
            fs::write(&path, "").expect("ours");
            append(&path, line("a", padding).as_bytes()).expect("room");
            assert_eq!(last_id(&path).expect("ours").as_deref(), Some("a"));
            append(&path, (line("b", 3) + &line("c", padding)).as_bytes()).expect("room");
            assert_eq!(last_id(&path).expect("ours").as_deref(), Some("c"));
            let whole = fs::read(&path).expect("there");
            append(&path, &line("d", padding).as_bytes()[..7]).expect("room");
            assert_eq!(last_id(&path).expect("ours").as_deref(), Some("c"), "{padding}");
            assert_eq!(fs::read(&path).expect("there"), whole);
        }
        fs::write(&path, "{\"id\":").expect("ours");
        assert_eq!(last_id(&path).expect("nothing whole"), None);
        assert!(fs::read(&path).expect("there").is_empty());
    }

    #[test]
    fn a_file_of_something_else_is_refused() {
        let folder = TempDir::new().expect("a folder");
        let path = folder.path().join("letter.txt");
        fs::write(&path, "dear alice\n").expect("ours");
        assert!(last_id(&path).is_err());
        assert_eq!(fs::read_to_string(&path).expect("there"), "dear alice\n");
    }
}
