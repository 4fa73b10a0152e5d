//! Rows that a key of before has sealed are sealed anew by the first of `store.secret_key`, a few at a time, beside all else.

use std::time::Duration;

use tokio::time::sleep;
use tracing::{info, warn};

use super::people::PeopleKeeper;

/// How long others have the database for themselves between two times. Chosen by us: twenty thousand rows take some twenty seconds.
const PAUSE: Duration = Duration::from_millis(50);

/// How long a database that took nothing is left alone.
const RETRY: Duration = Duration::from_secs(10);

/// Has them sealed anew until none is left, or nobody writes any more; so many there are.
pub(super) async fn run(keeper: PeopleKeeper, rows: u64) {
    info!(rows, "rows of the store are not sealed by the first of store.secret_key, and are sealed anew");
    let mut is_failing = false;
    while !keeper.errands.is_closed() {
        match keeper.reseal().await {
            Ok(0) => {
                info!(
                    "all rows of the store are sealed by the first of store.secret_key: what stands behind it may be taken out"
                );
                return;
            }
            Ok(_) => {
                is_failing = false;
                sleep(PAUSE).await;
            }
            Err(error) => {
                if !is_failing {
                    warn!(
                        error,
                        "rows of the store are not sealed anew yet, and are open as before; it is tried every ten seconds"
                    );
                }
                is_failing = true;
                sleep(RETRY).await;
            }
        }
    }
}
