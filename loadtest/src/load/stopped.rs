//! Whether a load is to end before its time.

use tokio::sync::watch;

/// Whether a load is to end before its time: what is up is hung up then, and told of.
#[derive(Debug, Clone)]
pub(super) struct Stopped(watch::Receiver<bool>);

impl Stopped {
    /// As soon as this is true.
    pub(super) const fn when(stop: watch::Receiver<bool>) -> Self {
        Self(stop)
    }

    pub(super) fn is_now(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits for it, for ever where nobody can say so any more.
    pub(super) async fn comes(&mut self) {
        if self.0.wait_for(|is_stopped| *is_stopped).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
