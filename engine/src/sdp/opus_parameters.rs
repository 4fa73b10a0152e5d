//! What a receiver asks of an Opus sender (RFC 7587 6.1).

use std::fmt;

/// The parameters of `a=fmtp` for Opus. Each describes what its writer wants to receive, except the two
/// `sprop_` ones, which tell what it will send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct OpusParameters {
    /// `maxplaybackrate`: the highest sample rate worth sending, Hz, 8000..=48000.
    pub max_playback_rate_hz: Option<u32>,
    /// `sprop-maxcapturerate`: the highest sample rate that will come, Hz, 8000..=48000.
    pub max_capture_rate_hz: Option<u32>,
    /// `maxaveragebitrate`: bit/s, 6000..=510000.
    pub max_average_bitrate_bps: Option<u32>,
    /// `minptime`: the shortest packet wanted, ms.
    pub min_ptime_ms: Option<u8>,
    /// `stereo`: stereo is preferred.
    pub stereo: bool,
    /// `sprop-stereo`: stereo is likely to come.
    pub sends_stereo: bool,
    /// `cbr`: constant bitrate is wanted.
    pub cbr: bool,
    /// `useinbandfec`: redundancy in the stream is of use.
    pub use_inband_fec: bool,
    /// `usedtx`: silence need not be sent.
    pub use_dtx: bool,
}

impl OpusParameters {
    /// Reads the parameters. Unknown ones and values that cannot be read count as not said, numbers out of
    /// range as the nearest in range: a peer's odd wish is no reason to fail a call.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut parameters = Self::default();
        for part in text.split(';') {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            parameters.set(name.trim(), value.trim());
        }
        parameters
    }

    fn set(&mut self, name: &str, value: &str) {
        let is_on = value == "1";
        let number = || value.parse::<u32>().ok();
        match name.to_ascii_lowercase().as_str() {
            "maxplaybackrate" => self.max_playback_rate_hz = number().map(within_rates),
            "sprop-maxcapturerate" => self.max_capture_rate_hz = number().map(within_rates),
            "maxaveragebitrate" => {
                self.max_average_bitrate_bps =
                    number().map(|bps| bps.clamp(BITRATE_MIN_BPS, BITRATE_MAX_BPS));
            }
            "minptime" => self.min_ptime_ms = value.parse().ok(),
            "stereo" => self.stereo = is_on,
            "sprop-stereo" => self.sends_stereo = is_on,
            "cbr" => self.cbr = is_on,
            "useinbandfec" => self.use_inband_fec = is_on,
            "usedtx" => self.use_dtx = is_on,
            _ => {}
        }
    }
}

impl fmt::Display for OpusParameters {
    /// Prints only what differs from the defaults; nothing at all where nothing does.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers = [
            ("minptime", self.min_ptime_ms.map(u32::from)),
            ("maxplaybackrate", self.max_playback_rate_hz),
            ("sprop-maxcapturerate", self.max_capture_rate_hz),
            ("maxaveragebitrate", self.max_average_bitrate_bps),
        ];
        let flags = [
            ("stereo", self.stereo),
            ("sprop-stereo", self.sends_stereo),
            ("cbr", self.cbr),
            ("useinbandfec", self.use_inband_fec),
            ("usedtx", self.use_dtx),
        ];
        let said_numbers = numbers.into_iter().filter_map(|(name, number)| Some((name, number?)));
        let said_flags = flags.into_iter().filter(|(_, is_on)| *is_on).map(|(name, _)| (name, 1));
        for (index, (name, value)) in said_numbers.chain(said_flags).enumerate() {
            let separator = if index == 0 { "" } else { ";" };
            write!(f, "{separator}{name}={value}")?;
        }
        Ok(())
    }
}

fn within_rates(hz: u32) -> u32 {
    hz.clamp(RATE_MIN_HZ, RATE_MAX_HZ)
}

/// Opus has no narrower and no wider audio (RFC 6716 2.1.3).
const RATE_MIN_HZ: u32 = 8_000;
const RATE_MAX_HZ: u32 = 48_000;
/// RFC 7587 6.1.
const BITRATE_MIN_BPS: u32 = 6_000;
const BITRATE_MAX_BPS: u32 = 510_000;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn browsers_wishes_are_read() {
        let firefox = OpusParameters::parse("maxplaybackrate=48000;stereo=1;useinbandfec=1");
        assert_eq!(firefox.max_playback_rate_hz, Some(48_000));
        assert!(firefox.stereo && firefox.use_inband_fec && !firefox.cbr);
        let chromium = OpusParameters::parse("minptime=10;useinbandfec=1");
        assert_eq!(chromium.to_string(), "minptime=10;useinbandfec=1");
    }

    #[test]
    fn odd_spacing_case_and_values_do_no_harm() {
        let odd = OpusParameters::parse(
            " MaxPlaybackRate = 4000 ; ; stereo ; cbr=yes; maxaveragebitrate=9999999;x=y",
        );
        let expected = OpusParameters {
            max_playback_rate_hz: Some(8_000),
            max_average_bitrate_bps: Some(510_000),
            ..OpusParameters::default()
        };
        assert_eq!(odd, expected);
        assert_eq!(OpusParameters::parse("maxplaybackrate=99999999999"), OpusParameters::default());
    }

    proptest! {
        #[test]
        fn printed_parameters_read_back(
            rates in (prop::option::of(8_000u32..=48_000), prop::option::of(8_000u32..=48_000)),
            bitrate in prop::option::of(6_000u32..=510_000),
            min_ptime_ms in prop::option::of(any::<u8>()),
            flags in any::<[bool; 5]>(),
        ) {
            let parameters = OpusParameters {
                max_playback_rate_hz: rates.0,
                max_capture_rate_hz: rates.1,
                max_average_bitrate_bps: bitrate,
                min_ptime_ms,
                stereo: flags[0],
                sends_stereo: flags[1],
                cbr: flags[2],
                use_inband_fec: flags[3],
                use_dtx: flags[4],
            };
            prop_assert_eq!(OpusParameters::parse(&parameters.to_string()), parameters);
        }

        #[test]
        fn no_text_panics(text in ".{0,200}") {
            let _ = OpusParameters::parse(&text);
        }
    }
}
