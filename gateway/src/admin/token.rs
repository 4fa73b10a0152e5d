//! The token: made at each start, in a file that our user alone may read.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq;

use crate::config::Secret;
use crate::files;

/// Proves who may ask. The file goes with it.
#[derive(Debug)]
pub(super) struct AdminToken {
    secret: Secret,
    file: PathBuf,
}

/// Lets its holder read the figures, where there is one.
#[derive(Debug)]
pub(super) struct MetricsToken(pub(super) Option<Secret>);

/// Octets of chance: nobody guesses 256 bits.
const OCTETS: usize = 32;

impl AdminToken {
    /// Makes one and writes it, in the place of one of an earlier start.
    pub(super) fn make(file: &Path) -> io::Result<Self> {
        let secret = Secret::new(URL_SAFE_NO_PAD.encode(rand::random::<[u8; OCTETS]>()));
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        // By chance: in a container every process has the same number, and one that was killed here leaves its draft.
        let draft = file.with_file_name(format!(".{name}-{:016x}", rand::random::<u64>()));
        let written = write(&draft, &secret).and_then(|()| fs::rename(&draft, file));
        if written.is_err() {
            // Of a file that cannot be made there is nothing to remove.
            let _ = fs::remove_file(&draft);
        }
        written.map(|()| Self { secret, file: file.to_owned() })
    }

    /// Whether this is it. How long that takes says nothing of where it differs.
    pub(super) fn is(&self, told: &str) -> bool {
        is_same(told, &self.secret)
    }

    #[cfg(test)]
    pub(super) fn expose(&self) -> &str {
        self.secret.expose()
    }
}

impl MetricsToken {
    /// Whether this is it.
    pub(super) fn is(&self, told: &str) -> bool {
        self.0.as_ref().is_some_and(|secret| is_same(told, secret))
    }
}

fn is_same(told: &str, secret: &Secret) -> bool {
    told.as_bytes().ct_eq(secret.expose().as_bytes()).into()
}

fn write(draft: &Path, secret: &Secret) -> io::Result<()> {
    let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(draft)?;
    file.write_all(secret.expose().as_bytes())?;
    file.write_all(b"\n")
}

/// Reads the token of a gateway that runs.
pub(super) fn read(file: &Path) -> io::Result<Secret> {
    Ok(Secret::new(files::read_text(file)?.trim().to_owned()))
}

impl Drop for AdminToken {
    fn drop(&mut self) {
        // Another gateway may have written its own by now.
        if read(&self.file).is_ok_and(|written| written == self.secret) {
            let _ = fs::remove_file(&self.file);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn each_start_has_a_token_of_its_own_that_nobody_else_may_read() {
        let folder = tempfile::TempDir::new().expect("a folder");
        let file = folder.path().join("token");
        fs::write(&file, "of somebody").expect("the folder is ours");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("the file is ours");
        let first = AdminToken::make(&file).expect("the folder is ours");
        let mode = fs::metadata(&file).expect("it is there").permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
        let kept = read(&file).expect("it is ours");
        assert!(first.is(kept.expose()) && kept.expose().len() >= 43);
        for wrong in ["", "x", &kept.expose()[1..], &format!("{}x", kept.expose())] {
            assert!(!first.is(wrong), "{wrong}");
        }
        let second = AdminToken::make(&file).expect("the folder is ours");
        assert!(!second.is(kept.expose()));
        drop(first);
        assert!(second.is(read(&file).expect("the second one's is left").expose()));
        drop(second);
        assert!(!file.exists());
        assert_eq!(fs::read_dir(folder.path()).expect("ours").count(), 0, "no draft is left");
    }
}
