//! Reading beside all else: a file system may hang, and then whoever reads from it waits for as long as it does.
//!
//! Each reading has a thread of its own, which is waited for so long and no longer. A thread that hangs is left behind; the
//! process ends without it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;

/// How long a reading may take. Chosen by us: files are short, and disks that sleep are awake by then.
const READING_MAX: Duration = Duration::from_secs(10);

/// Readings that may hang at one time; past it nothing is tried until one comes back. Chosen by us: a thread each, and a
/// file that was replaced is read all the same while an older one hangs.
const HANGING_MAX: usize = 8;

/// Reads, for one that must not wait for ever.
#[derive(Debug)]
pub struct Reader {
    reading_max: Duration,
    /// Readings that have not come back.
    away: Arc<AtomicUsize>,
}

/// Nothing was read, and it is not known what is there.
#[derive(Debug, thiserror::Error)]
pub enum Unread {
    /// It takes too long.
    #[error("it was not read within {} s: the file system does not answer", .0.as_secs())]
    Late(Duration),
    /// Too many hang already.
    #[error("it is not read, since {HANGING_MAX} readings before it hang: the file system does not answer")]
    Hanging,
    /// There is no thread for it.
    #[error("there is no thread to read it: {0}")]
    NoThread(#[from] io::Error),
    /// Our own fault.
    #[error("reading it broke off")]
    Broken,
}

impl Default for Reader {
    fn default() -> Self {
        Self::within(READING_MAX)
    }
}

/// Counts a reading as long as it is away.
struct Away(Arc<AtomicUsize>);

impl Drop for Away {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Reader {
    fn within(reading_max: Duration) -> Self {
        Self { reading_max, away: Arc::default() }
    }

    /// What `read` gives; it goes on by itself where it takes too long, and what it gives then is lost.
    ///
    /// # Errors
    /// [`Unread`].
    pub async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Unread> {
        if self.away.fetch_add(1, Ordering::Relaxed) >= HANGING_MAX {
            self.away.fetch_sub(1, Ordering::Relaxed);
            return Err(Unread::Hanging);
        }
        let away = Away(Arc::clone(&self.away));
        let (tell, told) = oneshot::channel();
        thread::Builder::new().name("reader".to_owned()).spawn(move || {
            let given = read();
            drop(away);
            // Whoever waited may have given up.
            let _ = tell.send(given);
        })?;
        match tokio::time::timeout(self.reading_max, told).await {
            Ok(given) => given.map_err(|_| Unread::Broken),
            Err(_) => Err(Unread::Late(self.reading_max)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn what_hangs_is_given_up_and_a_later_reading_is_none_the_worse() {
        let reader = Reader::within(Duration::from_millis(20));
        let (release, held) = mpsc::channel::<()>();
        let hung = reader.read(move || held.recv()).await;
        assert!(matches!(hung, Err(Unread::Late(_))), "{hung:?}");
        assert_eq!(
            Reader { reading_max: READING_MAX, away: Arc::clone(&reader.away) }.read(|| 7).await.ok(),
            Some(7)
        );
        assert_eq!(reader.away.load(Ordering::Relaxed), 1);
        drop(release);
    }

    #[tokio::test]
    async fn few_readings_hang_at_one_time_and_there_is_room_again_when_one_comes_back() {
        let reader = Reader::within(Duration::from_millis(5));
        let mut releases = Vec::new();
        for _ in 0..HANGING_MAX {
            let (release, held) = mpsc::channel::<()>();
            assert!(matches!(reader.read(move || held.recv()).await, Err(Unread::Late(_))));
            releases.push(release);
        }
        assert!(matches!(reader.read(|| ()).await, Err(Unread::Hanging)));
        releases.pop();
        while reader.away.load(Ordering::Relaxed) == HANGING_MAX {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let again = Reader { reading_max: READING_MAX, away: Arc::clone(&reader.away) };
        assert!(again.read(|| ()).await.is_ok());
    }

    #[tokio::test]
    async fn a_reading_that_breaks_off_is_told_at_once() {
        let broken = Reader::default().read(|| panic!("of this test")).await;
        assert!(matches!(broken, Err::<(), _>(Unread::Broken)), "{broken:?}");
    }
}
