//! What is told of one call.

use std::error::Error;
use std::path::Path;
use std::time::SystemTime;

use serde::Serialize;
use serde_json::Value;
use webtrunk_codecs::SampleRate;
use webtrunk_codecs::wav::{Clip, WavEncoding, write_wav};
use webtrunk_loadtest::agent::{Call, CallEnd, CallProgress, Voice};
use webtrunk_loadtest::hear::{Alignment, Arrivals, level_dbm0, longest_silence};

/// What is told of one call.
#[derive(Debug, Serialize)]
pub(super) struct CallReport {
    call_id: String,
    /// From INVITE to answer.
    answer_ms: Option<f64>,
    /// From INVITE to the first audio packet that could be read.
    first_audio_ms: Option<f64>,
    provisional: Vec<u16>,
    codec: Option<String>,
    srtp: Option<String>,
    sent_packets: usize,
    arrivals: Option<Arrivals>,
    broken_packets: u64,
    unexpected_packets: u64,
    /// Streams by SSRC; one for the life of a call.
    streams: usize,
    level_dbm0: Option<f64>,
    longest_silence_ms: f64,
    /// How much what was heard is like what we said: an echo.
    likeness: Option<f64>,
    /// Louder than we said it, in dB; of an echo.
    gain_db: Option<f64>,
    digits: String,
    info_digits: String,
    end: Option<String>,
}

impl CallReport {
    pub(super) async fn of(call: &Call, voice: Option<&Voice>) -> Result<Self, Box<dyn Error>> {
        let (heard, sent) = (call.heard().await?, call.sent().await?);
        let samples = heard.samples(SampleRate::HZ_8000);
        let clip = voice.and_then(Voice::clip);
        let alignment = clip.and_then(|clip| Alignment::find(clip, &samples));
        let since_invite = |at: Option<SystemTime>| {
            let elapsed = at?.duration_since(call.invited_at()?).ok()?;
            Some(elapsed.as_secs_f64() * 1000.0)
        };
        let end = match call.progress() {
            CallProgress::Ended(end) => Some(words(&end)),
            _ => None,
        };
        Ok(Self {
            call_id: call.call_id(),
            answer_ms: since_invite(call.answered_at()),
            first_audio_ms: since_invite(heard.first_at()),
            provisional: call.provisional_statuses(),
            codec: heard.codec().map(|codec| codec.encoding_name().to_owned()),
            srtp: call.srtp_profile().map(|profile| format!("{profile:?}")),
            sent_packets: sent.packets.len(),
            arrivals: Arrivals::of(&heard),
            broken_packets: heard.broken,
            unexpected_packets: heard.unexpected,
            streams: heard.ssrcs().len(),
            level_dbm0: Some(level_dbm0(&samples)).filter(|level| level.is_finite()),
            longest_silence_ms: longest_silence(&samples, SampleRate::HZ_8000).as_secs_f64() * 1000.0,
            likeness: alignment.map(|it| it.correlation),
            gain_db: alignment.map(|it| it.gain_db).filter(|gain| gain.is_finite()),
            digits: heard.digits_text(),
            info_digits: call.info_digits(),
            end,
        })
    }

    #[allow(clippy::print_stdout, reason = "the report is what the command is for")]
    pub(super) fn print(&self, as_json: bool) -> Result<(), Box<dyn Error>> {
        let value = serde_json::to_value(self)?;
        if as_json {
            println!("{value}");
        } else if let Some(fields) = value.as_object() {
            for (name, value) in fields.iter().flat_map(|(name, value)| lines(name, value)) {
                println!("{name:>28}  {value}");
            }
        }
        Ok(())
    }

    pub(super) fn heard_anything(&self) -> bool {
        self.arrivals.is_some()
    }
}

/// How a call ended, in words.
pub(super) fn words(end: &CallEnd) -> String {
    match end {
        CallEnd::ByUs => "we hung up".to_owned(),
        CallEnd::ByPeer { reason: None } => "the other end hung up".to_owned(),
        CallEnd::ByPeer { reason: Some(reason) } => format!("the other end hung up: {reason}"),
        CallEnd::Cancelled => "the caller gave up".to_owned(),
        CallEnd::Refused { status, reason } => format!("refused: {status} {reason}"),
        CallEnd::Broken(why) => format!("broke: {why}"),
    }
}

/// What a report says under `name`, a line for each value of it; of what is not known, none.
fn lines(name: &str, value: &Value) -> Vec<(String, String)> {
    let shown = match value {
        Value::Null => return Vec::new(),
        Value::Object(fields) => {
            return fields.iter().flat_map(|(own, value)| lines(&format!("{name}.{own}"), value)).collect();
        }
        Value::Array(values) => values.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
        Value::String(text) => text.clone(),
        // As exact as it was measured.
        Value::Number(number) if number.is_f64() => format!("{:.2}", number.as_f64().unwrap_or_default()),
        value => value.to_string(),
    };
    vec![(name.to_owned(), shown)]
}

/// Writes what was heard, at the rate of the codec that brought it: 48 kHz where Opus did.
pub(super) async fn record(call: &Call, file: &Path) -> Result<(), Box<dyn Error>> {
    let heard = call.heard().await?;
    let rate = heard.codec().map_or(SampleRate::HZ_8000, |codec| codec.native_rate());
    let clip = Clip { samples: heard.samples(rate), rate };
    std::fs::write(file, write_wav(&clip, WavEncoding::Pcm16))
        .map_err(|error| format!("cannot write {}: {error}", file.display()).into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_report_for_people_has_a_line_for_each_value() {
        let report = json!({ "lost": 3, "jitter_ms": 1.23456, "srtp": "AES", "codec": null, "provisional": [100, 180] });
        let told: Vec<_> =
            lines("it", &report).into_iter().map(|(name, value)| format!("{name} {value}")).collect();
        assert_eq!(told, ["it.jitter_ms 1.23", "it.lost 3", "it.provisional 100 180", "it.srtp AES"]);
        let ended = CallEnd::ByPeer { reason: Some("Q.850;cause=16".to_owned()) };
        assert_eq!(words(&ended), "the other end hung up: Q.850;cause=16");
    }
}
