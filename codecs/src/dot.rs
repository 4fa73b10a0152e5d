//! The sum of products of two stretches of samples.

/// Sums that are made side by side: enough to fill vector registers.
const LANES: usize = 16;

/// Of two stretches of one length; what is left over of a multiple of 16 does not count. Inlined, so that who has windows of
/// one length has its loop unrolled.
#[inline]
pub(crate) fn dot(left: &[f32], right: &[f32]) -> f32 {
    let mut sums = [0.0; LANES];
    for (left, right) in left.as_chunks::<LANES>().0.iter().zip(right.as_chunks::<LANES>().0) {
        for lane in 0..LANES {
            sums[lane] += left[lane] * right[lane];
        }
    }
    sums.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_summed_whatever_their_lane() {
        let left: Vec<f32> = (0..48_u8).map(f32::from).collect();
        let right: Vec<f32> = (0..48_u8).map(|at| if at % 5 == 0 { 2.0 } else { 0.0 }).collect();
        // 0 + 5 + .. + 45, twice.
        assert_eq!(dot(&left, &right), 450.0);
    }
}
