//! What a browser is asked for.

/// One way to ask a browser for Opus.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    /// `media.narrow_band_bitrate`; 0 asks for nothing.
    pub(crate) bitrate_bps: u32,
    /// Parameters that the gateway cannot be told to ask for; the page adds them to its answer.
    pub(crate) added: &'static str,
}

/// Everything that is compared. The first is what the others are compared with.
pub(crate) const ALL: [Asked; 8] = [
    Asked::by_page(""),
    Asked::by_page("maxaveragebitrate=20000"),
    Asked::by_page("maxplaybackrate=8000"),
    Asked::by_gateway(12_000),
    Asked::by_gateway(16_000),
    Asked::by_gateway(20_000),
    Asked::by_gateway(24_000),
    Asked::by_gateway(32_000),
];

impl Asked {
    /// The parameters of the answer, besides those that are always there.
    pub(crate) fn parameters(self) -> String {
        match (self.bitrate_bps, self.added) {
            (0, "") => "nothing".to_owned(),
            (0, added) => added.to_owned(),
            (bitrate, _) => format!("maxplaybackrate=8000;maxaveragebitrate={bitrate}"),
        }
    }

    const fn by_gateway(bitrate_bps: u32) -> Self {
        Self { bitrate_bps, added: "" }
    }

    const fn by_page(added: &'static str) -> Self {
        Self { bitrate_bps: 0, added }
    }
}
