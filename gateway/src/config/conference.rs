//! The `conference` action of a rule.

use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;
use webtrunk_engine::call::ConferenceRole;
use webtrunk_signalling::routing::{ConferenceSpec, Feature, FeatureKeys, PartyFeature};

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
    keys: Option<Spanned<PartyKeys>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RoleName {
    #[default]
    Party,
    Listen,
    Whisper,
    Barge,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PartyKeys {
    mute: Option<String>,
    softer: Option<String>,
    louder: Option<String>,
    listen: Option<String>,
    whisper: Option<String>,
    barge: Option<String>,
}

impl ConferenceSection {
    pub(super) fn check(&self, whole: Range<usize>, faults: &mut Faults<'_>) -> Option<ConferenceSpec> {
        let keys = match &self.keys {
            Some(keys) => keys.get_ref().check(keys.span(), self.role, faults)?,
            None => FeatureKeys::default(),
        };
        let has_whisper_key = self.keys.as_ref().is_some_and(|keys| keys.get_ref().whisper.is_some());
        let may_whisper = self.role == RoleName::Whisper || has_whisper_key;
        let target = self.target.as_ref().filter(|target| !target.get_ref().is_empty());
        match (may_whisper, target) {
            (true, None) => {
                let span = self.target.as_ref().map_or(whole, Spanned::span);
                let cure = "add target: the user's name, or the number that a caller from a trunk shows";
                faults.add(span, "it is not clear whom this supervisor whispers to", cure);
                return None;
            }
            (false, Some(target)) => {
                let cure = "take it out, or write role = \"whisper\", or keys with whisper";
                faults.add(target.span(), "is for whispering only", cure);
                return None;
            }
            (true, Some(_)) | (false, None) => {}
        }
        let target = target.map(|target| target.get_ref().clone());
        let role = match self.role {
            RoleName::Party => ConferenceRole::Party,
            RoleName::Listen => ConferenceRole::Listen,
            RoleName::Barge => ConferenceRole::Barge,
            RoleName::Whisper => ConferenceRole::Whisper { to: target.as_deref().unwrap_or_default().into() },
        };
        let (room, gain_db, is_muted) = (self.room.clone(), self.gain_db, self.muted);
        Some(ConferenceSpec { room, role, target, gain_db, is_muted, keys })
    }
}

impl PartyKeys {
    fn check(&self, span: Range<usize>, role: RoleName, faults: &mut Faults<'_>) -> Option<FeatureKeys> {
        let Self { mute, softer, louder, listen, whisper, barge } = self;
        if role == RoleName::Party && [listen, whisper, barge].into_iter().any(Option::is_some) {
            let cure = "take listen, whisper and barge out, or write role = \"listen\"";
            faults.add(span, "only a supervisor changes its role", cure);
            return None;
        }
        let named = [
            (mute, PartyFeature::Mute),
            (softer, PartyFeature::Softer),
            (louder, PartyFeature::Louder),
            (listen, PartyFeature::Listen),
            (whisper, PartyFeature::Whisper),
            (barge, PartyFeature::Barge),
        ];
        let written =
            named.into_iter().filter_map(|(keys, feature)| Some((keys.as_deref()?, Feature::Party(feature))));
        match FeatureKeys::new(written) {
            Ok(keys) => Some(keys),
            Err(fault) => {
                faults.add(span, fault, "write them as they are pressed, such as \"*1\" and \"*2\"");
                None
            }
        }
    }
}
