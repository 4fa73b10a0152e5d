//! The token: made at each start, in a file that our user alone may read.
//!
//! ```text
//!  draft beside it, renamed --- no room ---> over the old token, which is as long --- no room ---> tried again, until there is
//! ```

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq;
use tracing::{error, info};

use crate::config::{Secret, check_token_file};
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

/// How often it is tried to write one for which there was no room. Chosen by us.
const AGAIN: Duration = Duration::from_secs(5);

impl AdminToken {
    /// One by chance, which is in no file yet.
    pub(super) fn new(file: &Path) -> Self {
        let secret = Secret::new(URL_SAFE_NO_PAD.encode(rand::random::<[u8; OCTETS]>()));
        Self { secret, file: file.to_owned() }
    }

    /// Writes it, in the place of one of an earlier start, and of nothing else.
    ///
    /// # Errors
    /// Those of the system, and [`io::ErrorKind::InvalidData`] where something else is in the file.
    pub(super) fn write(&self) -> io::Result<()> {
        check_token_file(&self.file)?;
        let name = self.file.file_name().unwrap_or_default().to_string_lossy();
        // By chance: in a container every process has the same number, and one that was killed here leaves its draft.
        let draft = self.file.with_file_name(format!(".{name}-{:016x}", rand::random::<u64>()));
        let made = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&draft);
        let written =
            made.and_then(|draft| self.write_to(draft)).and_then(|()| fs::rename(&draft, &self.file));
        if written.is_err() {
            // Of a file that cannot be made there is nothing to remove.
            let _ = fs::remove_file(&draft);
        }
        match written {
            Err(error) if files::is_full(&error) => self.write_over().map_err(|_| error),
            written => written,
        }
    }

    /// Over that of an earlier start, whose room it takes.
    fn write_over(&self) -> io::Result<()> {
        let file = OpenOptions::new().write(true).open(&self.file)?;
        // Others may have been let read the one before.
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
        self.write_to(file)
    }

    fn write_to(&self, mut file: impl Write) -> io::Result<()> {
        file.write_all(format!("{}\n", self.secret.expose()).as_bytes())
    }

    /// Writes it as soon as there is room for it.
    pub(super) async fn write_later(self: Arc<Self>) {
        loop {
            tokio::time::sleep(AGAIN).await;
            let own = Arc::clone(&self);
            // A disk may take its time.
            let written = tokio::task::spawn_blocking(move || own.write()).await;
            let file = self.file.display();
            match written {
                Ok(Ok(())) => return info!(token_file = %file, "the token of the admin API is written"),
                Ok(Err(error)) if files::is_full(&error) => {}
                Ok(Err(error)) => {
                    return error!(%error, token_file = %file, "the token of the admin API cannot be written, and nobody can ask");
                }
                Err(error) => return error!(%error, "the token of the admin API is not written any more"),
            }
        }
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

    use super::*;

    fn made(file: &Path) -> AdminToken {
        let token = AdminToken::new(file);
        token.write().expect("the folder is ours");
        token
    }

    #[test]
    fn each_start_has_a_token_of_its_own_that_nobody_else_may_read() {
        let folder = tempfile::TempDir::new().expect("a folder");
        let file = folder.path().join("token");
        fs::write(&file, "x".repeat(43) + "\n").expect("the folder is ours");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("the file is ours");
        let first = made(&file);
        let mode = fs::metadata(&file).expect("it is there").permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
        let kept = read(&file).expect("it is ours");
        assert!(first.is(kept.expose()) && kept.expose().len() >= 43);
        for wrong in ["", "x", &kept.expose()[1..], &format!("{}x", kept.expose())] {
            assert!(!first.is(wrong), "{wrong}");
        }
        let second = made(&file);
        assert!(!second.is(kept.expose()));
        drop(first);
        assert!(second.is(read(&file).expect("the second one's is left").expose()));
        drop(second);
        assert!(!file.exists());
        assert_eq!(fs::read_dir(folder.path()).expect("ours").count(), 0, "no draft is left");
    }

    #[test]
    fn a_token_takes_the_place_of_a_token_and_of_nothing_else() {
        let folder = tempfile::TempDir::new().expect("a folder");
        let file = folder.path().join("token");
        for other in ["SQLite format 3", "[admin]\n", &("x".repeat(44) + "\n"), &("x".repeat(42) + "\n")] {
            fs::write(&file, other).expect("the folder is ours");
            let refused = AdminToken::new(&file).write().expect_err(other);
            assert_eq!(refused.kind(), io::ErrorKind::InvalidData);
            assert_eq!(fs::read_to_string(&file).expect("it is as it was"), other);
        }
        // What a full disk left of one is none, and no loss.
        fs::write(&file, "").expect("the folder is ours");
        drop(made(&file));
        fs::create_dir(&file).expect("the folder is ours");
        assert!(AdminToken::new(&file).write().is_err());
    }

    #[test]
    fn a_token_over_that_of_an_earlier_start_is_as_long() {
        let folder = tempfile::TempDir::new().expect("a folder");
        let [earlier, now] =
            [made(&folder.path().join("token")), AdminToken::new(&folder.path().join("token"))];
        let octets = |token: &AdminToken| fs::metadata(&token.file).expect("it is there").len();
        let before = octets(&earlier);
        fs::set_permissions(&now.file, fs::Permissions::from_mode(0o644)).expect("the file is ours");
        now.write_over().expect("the file is ours");
        let mode = fs::metadata(&now.file).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "nobody else reads it");
        assert!(now.is(read(&now.file).expect("it is ours").expose()));
        assert_eq!(octets(&now), before);
    }
}
