//! The `record` action of a rule.

use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;
use webtrunk_engine::media::RecordingFormat;
use webtrunk_signalling::routing::{Feature, FeatureKeys, Record, RecordingFeature};

use super::faults::Faults;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RecordSection {
    format: RecordFormat,
    #[serde(default)]
    begin: Begin,
    keys: Option<Spanned<RecordKeys>>,
    #[serde(default)]
    info: bool,
    #[serde(default)]
    by: By,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RecordFormat {
    Wav,
    Ogg,
}

/// When there is something to record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Begin {
    #[default]
    Now,
    Asked,
}

/// Who may change the recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum By {
    #[default]
    Users,
    All,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordKeys {
    record: Option<String>,
    pause: Option<String>,
    mark: Option<String>,
}

impl RecordSection {
    pub(super) fn check(&self, whole: Range<usize>, faults: &mut Faults<'_>) -> Option<Record> {
        let keys = match &self.keys {
            Some(written) => written.get_ref().check(written.span(), faults)?,
            None => FeatureKeys::default(),
        };
        let is_on_demand = self.begin == Begin::Asked;
        if is_on_demand && keys.is_empty() && !self.info {
            let cure = "add keys, or info = true, or leave begin out";
            faults.add(whole, "nobody can ask for this recording", cure);
            return None;
        }
        let format = match self.format {
            RecordFormat::Wav => RecordingFormat::Wav,
            RecordFormat::Ogg => RecordingFormat::Ogg,
        };
        let is_for_trunks = self.by == By::All;
        Some(Record { format, is_on_demand, keys, takes_requests: self.info, is_for_trunks })
    }
}

impl RecordKeys {
    fn check(&self, span: Range<usize>, faults: &mut Faults<'_>) -> Option<FeatureKeys> {
        let named = [
            (&self.record, Feature::Recording(RecordingFeature::Record)),
            (&self.pause, Feature::Recording(RecordingFeature::Pause)),
            (&self.mark, Feature::Recording(RecordingFeature::Mark)),
        ];
        let written = named.into_iter().filter_map(|(keys, feature)| Some((keys.as_deref()?, feature)));
        match FeatureKeys::new(written) {
            Ok(keys) => Some(keys),
            Err(fault) => {
                faults.add(span, fault, "write them as they are pressed, such as \"*1\" and \"*2\"");
                None
            }
        }
    }
}
