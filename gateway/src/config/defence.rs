//! `[defence]`: what strangers may send, and when there is no room for a call.

use std::num::NonZeroU32;

use serde::Deserialize;
use toml::Spanned;
use webtrunk_signalling::emergency::EmergencyNumbers;
use webtrunk_signalling::sip::transport::GuardConfig;

use super::faults::Faults;

/// What stands before everything that costs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DefenceConfig {
    /// What strangers may send.
    pub guard: GuardConfig,
    /// Calls that may begin in a second; `None`, as many as come.
    pub max_cps: Option<NonZeroU32>,
    /// Calls to whom begin all the same, and while media threads are late.
    pub emergency_numbers: EmergencyNumbers,
    /// Whether calls are refused while media threads are late.
    pub refuses_when_late: bool,
    /// Memory that the process may have before calls are refused; `None`, as much as there is.
    pub memory_max_octets: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DefenceSection {
    requests_per_second: Option<Spanned<u32>>,
    requests_burst: Option<Spanned<u32>>,
    #[serde(default)]
    trusted: Vec<Spanned<String>>,
    #[serde(default)]
    scanners: Vec<Spanned<String>>,
    max_cps: Option<Spanned<u32>>,
    emergency_numbers: Option<Vec<Spanned<String>>>,
    refuse_when_late: Option<bool>,
    memory_max_mib: Option<Spanned<u32>>,
}

/// More than one machine takes. Chosen by us: who writes more means something else.
const RATE_MAX: u32 = 1_000_000;

/// A shorter part of a name is in names of sound phones too.
const SCANNER_MIN: usize = 3;

impl DefenceSection {
    pub(super) fn check(&self, faults: &mut Faults<'_>) -> DefenceConfig {
        let usual = GuardConfig::default();
        let mut number = |written: &Option<Spanned<u32>>, least: u32, cure: &str| {
            let written = written.as_ref()?;
            if !(least..=RATE_MAX).contains(written.get_ref()) {
                faults.add(written.span(), "is out of range", cure);
            }
            Some(*written.get_ref())
        };
        let per_second = number(&self.requests_per_second, 0, "write 1 to 1000000, or 0 for no limit");
        let burst = number(&self.requests_burst, 1, "write 1 to 1000000");
        let max_cps = number(&self.max_cps, 1, "write 1 to 1000000, or leave it out for no limit");
        let memory_max = number(&self.memory_max_mib, 1, "write 1 to 1000000, or leave it out for no limit");
        let requests_per_second = per_second.map_or(usual.requests_per_second, NonZeroU32::new);
        // Where only the rate is written, what may come at once follows it as it does by default.
        let follows = per_second.map_or(usual.requests_burst, |rate| rate.saturating_mul(4));
        let mut scanners = usual.scanners;
        for name in &self.scanners {
            if name.get_ref().trim().len() < SCANNER_MIN {
                faults.add(
                    name.span(),
                    "would be found in what sound phones say",
                    "write 3 letters or more of what stands in User-Agent",
                );
            }
            scanners.push(name.get_ref().trim().to_ascii_lowercase());
        }
        DefenceConfig {
            guard: GuardConfig {
                requests_per_second,
                requests_burst: burst.unwrap_or(follows),
                trusted: faults.parse_all(&self.trusted, super::NETWORK_CURE),
                scanners,
            },
            max_cps: max_cps.and_then(NonZeroU32::new),
            emergency_numbers: self.emergency_numbers(faults),
            refuses_when_late: self.refuse_when_late.unwrap_or(true),
            memory_max_octets: memory_max.map(|mib| u64::from(mib) << 20),
        }
    }

    fn emergency_numbers(&self, faults: &mut Faults<'_>) -> EmergencyNumbers {
        let Some(written) = &self.emergency_numbers else { return EmergencyNumbers::default() };
        let expressions: Vec<_> = written.iter().map(Spanned::get_ref).collect();
        EmergencyNumbers::new(&expressions).unwrap_or_else(|error| {
            let is_bad = |one: &&Spanned<String>| EmergencyNumbers::new(&[one.get_ref()]).is_err();
            // Where each is sound, all of them together are too large.
            let span = written.iter().find(is_bad).or(written.first()).map(Spanned::span);
            faults.add(
                span.unwrap_or_default(),
                error,
                "correct the expression; it always has to match the whole number",
            );
            EmergencyNumbers::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Config, ConfigError};
    use super::*;

    fn parse(lines: &str) -> Result<DefenceConfig, ConfigError> {
        Config::parse("w.toml", &format!("[http]\n[defence]\n{lines}\n")).map(|config| config.defence)
    }

    #[test]
    fn strangers_are_bounded_where_nothing_is_written() {
        let defence = parse("").expect("sound");
        assert_eq!(defence.guard, GuardConfig::default());
        assert_eq!(defence.guard.requests_per_second, NonZeroU32::new(50));
        assert!(defence.max_cps.is_none() && defence.refuses_when_late);
        assert!(["112", "911"].iter().all(|number| defence.emergency_numbers.contains(number)));
    }

    #[test]
    fn what_is_written_is_taken_and_0_lets_all_in() {
        let lines = "requests_per_second = 5\ntrusted = [\"10.0.0.0/8\"]\nscanners = [\"Auditor\"]\nmax_cps = 7\n\
                     refuse_when_late = false\nmemory_max_mib = 512\nemergency_numbers = ['0?112']";
        let defence = parse(lines).expect("sound");
        assert_eq!((defence.guard.requests_burst, defence.max_cps), (20, NonZeroU32::new(7)));
        assert_eq!((defence.guard.trusted.len(), defence.refuses_when_late), (1, false));
        assert_eq!(defence.memory_max_octets, Some(512 << 20));
        assert_eq!(["0112", "911"].map(|number| defence.emergency_numbers.contains(number)), [true, false]);
        let none = parse("emergency_numbers = []").expect("sound").emergency_numbers;
        assert!(!none.contains("112"));
        let scanners = defence.guard.scanners;
        assert!(
            ["auditor", "friendly-scanner"].iter().all(|name| scanners.iter().any(|known| known == name))
        );
        assert_eq!(parse("requests_per_second = 0").expect("sound").guard.requests_per_second, None);
    }

    #[test]
    fn what_makes_no_sense_is_told() {
        for lines in [
            "max_cps = 0",
            "memory_max_mib = 0",
            "requests_burst = 0",
            "scanners = [\"ip\"]",
            "trusted = [\"10.0.0.1/8\"]",
            "emergency_numbers = [\"112\", \"(11\"]",
        ] {
            assert!(parse(lines).is_err(), "{lines}");
        }
    }
}
