//! `[messages]`: what people write to each other.

use serde::Deserialize;
use toml::Spanned;
use webtrunk_signalling::sip::agent::TextConfig;
use webtrunk_signalling::sip::media_types::MediaRange;

use super::faults::Faults;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MessagesSection {
    types: Option<Vec<Spanned<String>>>,
    info_types: Option<Vec<Spanned<String>>>,
    octets_max: Option<Spanned<u32>>,
    per_second: Option<Spanned<u32>>,
}

/// The longest message: with its headers it fits into what a WebSocket takes, 64 KiB.
const OCTETS_MAX: u32 = 49_152;

/// The cure for a bad type.
const TYPE_CURE: &str = "write type/subtype or type/*, such as \"text/plain\"";

/// What INFO says to the gateway itself, in calls and outside of the list.
const OWN_INFO: [&str; 3] = ["application/dtmf", "application/dtmf-relay", "application/trickle-ice-sdpfrag"];

impl MessagesSection {
    pub(super) fn check(&self, faults: &mut Faults<'_>) -> TextConfig {
        let usual = TextConfig::default();
        let types = self.types.as_ref().map(|types| faults.parse_all(types, TYPE_CURE));
        let info_types = self.info_types.as_ref().map(|types| check_info(types, faults));
        let octets_max =
            self.octets_max.as_ref().map(|octets| faults.number(octets, 1..=OCTETS_MAX, "") as usize);
        let per_second = self.per_second.as_ref().map(|rate| {
            if *rate.get_ref() == 0 {
                let cure = "write 1 or more; to have no messages, write types = []";
                faults.add(rate.span(), "is out of range", cure);
            }
            *rate.get_ref()
        });
        TextConfig {
            types: types.unwrap_or(usual.types),
            info_types: info_types.unwrap_or(usual.info_types),
            octets_max: octets_max.unwrap_or(usual.octets_max),
            per_second: per_second.unwrap_or(usual.per_second),
        }
    }
}

fn check_info(types: &[Spanned<String>], faults: &mut Faults<'_>) -> Vec<MediaRange> {
    for written in types {
        if OWN_INFO.iter().any(|own| own.eq_ignore_ascii_case(written.get_ref())) {
            faults.add(written.span(), "is read by the gateway itself", "take it out");
        }
    }
    faults.parse_all(types, TYPE_CURE)
}
