//! The `conference` action of a rule.

use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;
use webtrunk_engine::call::ConferenceRole;
use webtrunk_signalling::routing::ConferenceSpec;

use super::faults::Faults;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ConferenceSection {
    room: String,
    #[serde(default)]
    role: RoleName,
    target: Option<Spanned<String>>,
    #[serde(default)]
    gain_db: f32,
    #[serde(default)]
    muted: bool,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RoleName {
    #[default]
    Party,
    Listen,
    Whisper,
    Barge,
}

impl ConferenceSection {
    pub(super) fn check(&self, whole: Range<usize>, faults: &mut Faults<'_>) -> Option<ConferenceSpec> {
        let role = match (self.role, &self.target) {
            (RoleName::Party, None) => ConferenceRole::Party,
            (RoleName::Listen, None) => ConferenceRole::Listen,
            (RoleName::Barge, None) => ConferenceRole::Barge,
            (RoleName::Whisper, Some(target)) if !target.get_ref().is_empty() => {
                ConferenceRole::Whisper { to: target.get_ref().as_str().into() }
            }
            (RoleName::Whisper, target) => {
                let span = target.as_ref().map_or(whole, Spanned::span);
                let cure = "add target: the user's name, or the number that a caller from a trunk shows";
                faults.add(span, "it is not clear whom this supervisor whispers to", cure);
                return None;
            }
            (RoleName::Party | RoleName::Listen | RoleName::Barge, Some(target)) => {
                faults.add(
                    target.span(),
                    "is for whispering only",
                    "take it out, or write role = \"whisper\"",
                );
                return None;
            }
        };
        let (room, gain_db, is_muted) = (self.room.clone(), self.gain_db, self.muted);
        Some(ConferenceSpec { room, role, gain_db, is_muted })
    }
}
