//! A group of trunks: in which order they are called.

/// The order in which the trunks of a group are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrunkOrder {
    /// As they are written: the others are for when the first fails.
    InTurn,
    /// By lot, each time anew: one with twice the weight is the first twice as often.
    Weighted,
}

/// The places of `weights` in an order drawn by `dice`, without putting back: all of them, so that each is called
/// where those before it fail. A weight of 0 comes last.
pub(super) fn draw(weights: &[u32], dice: u64) -> Vec<usize> {
    let mut left: Vec<usize> = (0..weights.len()).collect();
    let mut drawn = Vec::with_capacity(left.len());
    let mut state = dice;
    while !left.is_empty() {
        let sum: u64 = left.iter().map(|place| u64::from(weights[*place])).sum();
        let mut at = if sum == 0 { 0 } else { roll(&mut state) % sum };
        let chosen = left.iter().position(|place| {
            let weight = u64::from(weights[*place]);
            let is_it = sum == 0 || at < weight;
            at = at.saturating_sub(weight);
            is_it
        });
        drawn.push(left.remove(chosen.unwrap_or_default()));
    }
    drawn
}

/// SplitMix64 (Steele, Lea and Flood 2014): any seed gives evenly spread numbers.
fn roll(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_first_one_is_drawn_as_often_as_its_weight_says() {
        let mut firsts = [0; 3];
        for dice in 0..10_000 {
            firsts[draw(&[3, 1, 0], dice)[0]] += 1;
        }
        assert!((7_300..7_700).contains(&firsts[0]), "{firsts:?}");
        assert_eq!(firsts[0] + firsts[1], 10_000);
        assert_eq!(draw(&[0, 0], 7), [0, 1], "where nothing has a weight, the order is as written");
    }

    #[test]
    fn the_second_one_is_drawn_by_the_weights_of_those_that_are_left() {
        let mut seconds = [0; 3];
        for dice in 0..10_000 {
            let drawn = draw(&[1_000_000, 2, 1], dice);
            seconds[drawn[1]] += 1;
        }
        assert!((6_400..6_900).contains(&seconds[1]), "{seconds:?}");
    }

    proptest! {
        #[test]
        fn each_is_drawn_once(weights in prop::collection::vec(0_u32..5, 0..6), dice: u64) {
            let mut drawn = draw(&weights, dice);
            prop_assert_eq!(&drawn, &draw(&weights, dice), "the same lot");
            drawn.sort_unstable();
            prop_assert_eq!(drawn, (0..weights.len()).collect::<Vec<_>>());
        }
    }
}
