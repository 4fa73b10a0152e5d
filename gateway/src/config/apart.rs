//! Files that the gateway writes: no two are the same, and none is one that it reads.
//!
//! Who names one file twice loses what is in it: the store is no token, and a configuration takes no records.

use std::fs;
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::faults::Faults;

/// The files that are named so far, each with where in the configuration.
#[derive(Debug, Default)]
pub(super) struct NamedFiles {
    written: Vec<Named>,
    read: Vec<Named>,
}

#[derive(Debug, Clone)]
struct Named {
    span: Range<usize>,
    path: PathBuf,
}

/// What a file is, by whatever name.
#[derive(Debug, PartialEq, Eq)]
struct Identity {
    /// The file's own folder and name, through all links.
    place: PathBuf,
    /// Device and number, where it is there: it may have two names.
    node: Option<(u64, u64)>,
}

/// Links that are followed, as many as the system follows (path_resolution(7)).
const LINKS_MAX: usize = 40;

impl NamedFiles {
    pub(super) fn add_written(&mut self, span: Range<usize>, path: PathBuf) {
        self.written.push(Named { span, path });
    }

    pub(super) fn add_read(&mut self, span: Range<usize>, path: PathBuf) {
        self.read.push(Named { span, path });
    }
}

/// Notes each file that is written and is another one too. `configuration` is the file that names them.
pub(super) fn check(files: NamedFiles, configuration: &Path, faults: &mut Faults<'_>) {
    let cure = "name a file of its own";
    let identified = |named: Vec<Named>| {
        let known = named.into_iter().map(|named| (Identity::of(&named.path), named.span));
        known.collect::<Vec<_>>()
    };
    let (written, read) = (identified(files.written), identified(files.read));
    let own = Identity::of(configuration);
    for (index, (file, span)) in written.iter().enumerate() {
        if file.is(&own) {
            faults.add(span.clone(), "is this configuration", cure);
        }
        let others = written[..index].iter().chain(&read);
        for (_, other) in others.filter(|(other, _)| file.is(other)) {
            // The usual token file is written nowhere.
            let (told, other) = if span.is_empty() { (other, span) } else { (span, other) };
            let key =
                if other.is_empty() { "admin.token_file".to_owned() } else { faults.key_at(other.clone()) };
            faults.add(told.clone(), format!("is the file of {key} too"), cure);
        }
    }
}

/// Where a link leads to, whether or not a file is there.
fn followed(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    for _ in 0..LINKS_MAX {
        let Ok(target) = fs::read_link(&path) else { break };
        path = path.parent().unwrap_or(Path::new("")).join(target);
    }
    path
}

impl Identity {
    fn of(path: &Path) -> Self {
        let path = &followed(path);
        let beside = || {
            let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
            let folder = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
            folder.join(path.file_name().unwrap_or_default())
        };
        let place = fs::canonicalize(path).unwrap_or_else(|_| beside());
        let node = fs::metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()));
        Self { place, node }
    }

    fn is(&self, other: &Self) -> bool {
        self.place == other.place || self.node.is_some() && self.node == other.node
    }
}
