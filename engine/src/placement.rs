//! Which shard a new call goes to: the fullest that still has room, so that packets share wake-ups and system calls.
//! The cost of a packet falls with the number that wait for the same thread (docs/decisions/0013).

/// Above this a shard gets no more calls while another has room: what is left of its time keeps packets
/// from waiting for each other. Chosen by us; 100 transcoded calls take about 400.
const BUSY_PERMILLE_MAX: u32 = 400;

/// Calls that a shard may get before it is measured again: a call's work begins when its parties have answered.
const NEWCOMERS_MAX: usize = 25;

/// Free pairs of RTP ports without which a shard has no room: those of its newcomers are still to be taken.
const PAIRS_FREE_MIN: usize = 2 * NEWCOMERS_MAX;

/// How a shard stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Calls that it has.
    pub(crate) calls: usize,
    /// Of these, made since `busy_permille` was measured.
    pub(crate) newcomers: usize,
    /// Thousandths of the last second in which its thread worked.
    pub(crate) busy_permille: u32,
    /// Pairs of RTP ports that it could hand out.
    pub(crate) pairs_free: usize,
    /// Whether it meets too many deadlines too late.
    pub(crate) is_late: bool,
}

impl Standing {
    const fn has_room(&self) -> bool {
        !self.is_late
            && self.busy_permille < BUSY_PERMILLE_MAX
            && self.newcomers < NEWCOMERS_MAX
            && self.pairs_free >= PAIRS_FREE_MIN
    }
}

/// The shard for a new call: of those with room the fullest, the first of equals; where none has room, the one
/// with the fewest calls. `None` without shards.
pub(crate) fn place<T>(shards: impl Iterator<Item = (T, Standing)>) -> Option<T> {
    let by_rank = |(_, standing): &(T, Standing)| {
        let calls = i64::try_from(standing.calls).unwrap_or(i64::MAX);
        if standing.has_room() { (0, -calls) } else { (1, calls) }
    };
    shards.min_by_key(by_rank).map(|(shard, _)| shard)
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Standing =
        Standing { calls: 0, newcomers: 0, busy_permille: 0, pairs_free: 1000, is_late: false };

    fn placed(standings: &[Standing]) -> Option<usize> {
        place(standings.iter().copied().enumerate())
    }

    #[test]
    fn calls_gather_on_the_fullest_shard_that_has_room() {
        assert_eq!(placed(&[IDLE, IDLE]), Some(0), "the first of equals");
        let some = Standing { calls: 3, busy_permille: 12, ..IDLE };
        assert_eq!(placed(&[IDLE, some, IDLE]), Some(1));
    }

    #[test]
    fn a_shard_that_is_busy_or_was_just_filled_or_lacks_ports_has_no_room() {
        for full in [
            Standing { calls: 9, busy_permille: 400, ..IDLE },
            Standing { calls: 9, newcomers: 25, ..IDLE },
            Standing { calls: 9, pairs_free: 49, ..IDLE },
            Standing { calls: 9, is_late: true, ..IDLE },
        ] {
            assert_eq!(placed(&[full, IDLE]), Some(1), "{full:?}");
        }
    }

    #[test]
    fn where_none_has_room_calls_go_to_the_one_with_the_fewest() {
        let full = Standing { busy_permille: 900, ..IDLE };
        let shards = [80, 60, 70].map(|calls| Standing { calls, ..full });
        assert_eq!(placed(&shards), Some(1));
        assert_eq!(placed(&[]), None);
    }
}
