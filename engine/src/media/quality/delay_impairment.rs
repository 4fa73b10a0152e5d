//! What delay takes from quality: it makes echo heard and talkers interrupt each other (G.107 7.4).
//!
//! Lines are those of the model's default: what echo there is comes back 65 dB softer to its talker.
//! Times are in milliseconds, one way.

/// Talker echo loudness rating, G.107 table 3.
const TELR: f32 = 65.0;
/// Weighted echo path loss, G.107 table 3.
const WEPL: f32 = 110.0;
/// Receive loudness rating, G.107 table 3.
const RLR: f32 = 2.0;
/// Noise of all sources at the default values of table 3, in dBm0p (formula 7-3).
const NOISE: f32 = -61.18;
/// Where nobody is disturbed yet (formula 7-27).
const UNNOTICED_MS: f32 = 100.0;

/// Idd alone: what delay takes where no echo is heard at all.
pub(super) fn too_long(delay: f32) -> f32 {
    if delay <= UNNOTICED_MS {
        return 0.0;
    }
    let x = (delay / UNNOTICED_MS).log2();
    let root = |x: f32| (1.0 + x.powi(6)).powf(1.0 / 6.0);
    25.0 * (root(x) - 3.0 * root(x / 3.0) + 2.0)
}

/// Id: talker's echo, listener's echo and delay itself, at the basic quality `ro`.
pub(super) fn narrow_band(delay: f32, ro: f32) -> f32 {
    talker_echo(delay) + listener_echo(2.0 * delay, ro) + too_long(delay)
}

/// Idte, formulas 7-19 to 7-22.
fn talker_echo(delay: f32) -> f32 {
    let fading = (1.0 + delay / 10.0) / (1.0 + delay / 150.0);
    let terv = TELR - 40.0 * fading.log10() + 6.0 * (-0.3 * delay * delay).exp();
    let roe = -1.5 * (NOISE - RLR);
    let re = 80.0 + 2.5 * (terv - 14.0);
    let difference = (roe - re) / 2.0;
    (difference + (difference * difference + 100.0).sqrt() - 1.0) * (1.0 - (-delay).exp())
}

/// Idle, formulas 7-25 and 7-26.
fn listener_echo(round_trip: f32, ro: f32) -> f32 {
    let rle = 10.5 * (WEPL + 7.0) * (round_trip + 1.0).powf(-0.25);
    let difference = (ro - rle) / 2.0;
    difference + (difference * difference + 169.0).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_common_approximation_of_the_model_is_followed() {
        // Cole and Rosenbluth: 0.024 d, and 0.11 for each millisecond beyond 177.3.
        for delay in [0_u16, 25, 50, 100, 150, 200, 250, 300, 400] {
            let delay = f32::from(delay);
            let approximation = 0.024 * delay + 0.11 * (delay - 177.3).max(0.0);
            let model = narrow_band(delay, 94.77) - narrow_band(0.0, 94.77);
            assert!((model - approximation).abs() < 3.5, "{model} for {approximation} at {delay} ms");
        }
    }

    #[test]
    fn delay_up_to_100_ms_disturbs_nobody_and_then_ever_more() {
        assert_eq!((too_long(0.0), too_long(100.0)), (0.0, 0.0));
        let all: Vec<f32> = (100_u16..1000).map(|delay| too_long(f32::from(delay))).collect();
        assert!(all.windows(2).all(|pair| pair[0] <= pair[1]));
        assert!((20.0..50.0).contains(&all[899]), "{}", all[899]);
    }
}
