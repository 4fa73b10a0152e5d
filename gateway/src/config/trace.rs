//! `[trace]`: how much of past calls' signalling is kept to be looked at.

use std::ops::RangeInclusive;

use serde::Deserialize;
use toml::Spanned;
use webtrunk_signalling::sip::trace::TraceBounds;

use super::faults::Faults;

/// The messages that are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceConfig {
    /// Whether any are; without it messages pass untouched, and none is exported either.
    pub is_enabled: bool,
    /// How many.
    pub bounds: TraceBounds,
}

impl Default for TraceConfig {
    /// Chosen by us: the calls of an office's day, or the last minutes of a carrier's.
    fn default() -> Self {
        Self { is_enabled: true, bounds: TraceBounds { calls: 1000, messages: 200, octets: 32 << 20 } }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TraceSection {
    enabled: Option<bool>,
    calls: Option<Spanned<u32>>,
    messages_per_call: Option<Spanned<u32>>,
    memory_mb: Option<Spanned<u32>>,
}

impl TraceSection {
    pub(super) fn check(&self, faults: &mut Faults<'_>) -> TraceConfig {
        let usual = TraceConfig::default();
        let mut number = |written: &Option<Spanned<u32>>, range: RangeInclusive<u32>| {
            usize::try_from(faults.number(written.as_ref()?, range, "")).ok()
        };
        let calls = number(&self.calls, 1..=1_000_000);
        let messages = number(&self.messages_per_call, 2..=100_000);
        let megabytes = number(&self.memory_mb, 1..=16_384);
        TraceConfig {
            is_enabled: self.enabled.unwrap_or(usual.is_enabled),
            bounds: TraceBounds {
                calls: calls.unwrap_or(usual.bounds.calls),
                messages: messages.unwrap_or(usual.bounds.messages),
                octets: megabytes.map_or(usual.bounds.octets, |megabytes| megabytes << 20),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    const LISTENER: &str = "[[sip.listeners]]\ntransport = \"udp\"\nbind = \"127.0.0.1:0\"\n";

    fn parse(text: &str) -> Result<TraceConfig, String> {
        let parsed = Config::parse("w.toml", &format!("{LISTENER}{text}"));
        parsed.map(|config| config.trace).map_err(|error| error.to_string())
    }

    #[test]
    fn calls_are_kept_in_modest_bounds_unless_somebody_says_otherwise() {
        assert_eq!(parse(""), Ok(TraceConfig::default()));
        assert_eq!(parse("[trace]\nenabled = false\n").map(|trace| trace.is_enabled), Ok(false));
        let bounds = TraceBounds { calls: 5, messages: 6, octets: 7 << 20 };
        let written = "[trace]\ncalls = 5\nmessages_per_call = 6\nmemory_mb = 7\n";
        assert_eq!(parse(written), Ok(TraceConfig { is_enabled: true, bounds }));
        for (wrong, told) in [
            ("calls = 0", "trace.calls = 0: is out of range; write 1 to 1000000"),
            ("messages_per_call = 1", "trace.messages_per_call = 1: is out of range; write 2 to 100000"),
            ("memory_mb = 100000", "trace.memory_mb = 100000: is out of range; write 1 to 16384"),
        ] {
            let error = parse(&format!("[trace]\n{wrong}\n")).expect_err(wrong);
            assert!(error.contains(told), "{error}");
        }
    }
}
