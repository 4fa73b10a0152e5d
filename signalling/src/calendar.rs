//! The process's calendar: what time it is to whoever judges what ends.
//!
//! There is one, as there is one wall clock: whoever saw a later time first saw it for all.

use std::sync::Mutex;
use std::time::{Instant, SystemTime};

use tracing::{info, warn};

use crate::auth::time_floor::{ClockTurn, TimeFloor};
use crate::lock::lock;
use crate::moment::Moment;

static FLOOR: Mutex<Option<TimeFloor>> = Mutex::new(None);

/// The time, which is never earlier than it was in this process, whatever the wall clock shows.
pub fn now() -> SystemTime {
    let mut floor = lock(&FLOOR);
    let at = Moment { now: Instant::now(), wall: SystemTime::now() };
    let (time, turn) = floor.get_or_insert_with(|| TimeFloor::new(at)).read(at);
    drop(floor);
    match turn {
        Some(ClockTurn::SetBack(by)) => warn!(
            ?by,
            "the clock was set back: tokens, names and keys end by the time before; where that was wrong, restart the gateway"
        ),
        Some(ClockTurn::CaughtUp) => info!("the clock shows the time by which tokens, names and keys end"),
        None => {}
    }
    time
}
