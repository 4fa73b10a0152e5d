//! A scenario as it is written.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

use super::{Arrival, Hanger, Length, Role, Silence, Talk, Thresholds};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    #[serde(default = "default_seed")]
    pub(super) seed: u64,
    pub(super) limits: LimitsSection,
    #[serde(default)]
    pub(super) target: TargetSection,
    pub(super) agents: Vec<Spanned<AgentsSection>>,
    pub(super) traffic: Vec<Spanned<TrafficSection>>,
    pub(super) speech: Option<SpeechSection>,
    #[serde(default)]
    pub(super) verdict: VerdictSection,
    pub(super) thresholds: Option<Spanned<Thresholds>>,
}

const fn default_seed() -> u64 {
    7
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LimitsSection {
    pub(super) calls: Spanned<usize>,
    pub(super) seconds: Spanned<f64>,
    pub(super) at_once: Option<Spanned<usize>>,
    pub(super) setup_seconds: Option<Spanned<f64>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TargetSection {
    pub(super) sip: Option<Spanned<String>>,
    pub(super) sip_tls: Option<Spanned<String>>,
    pub(super) sip_ws: Option<Spanned<String>>,
    pub(super) json: Option<Spanned<String>>,
    pub(super) domain: Option<String>,
    pub(super) ca: Option<PathBuf>,
    #[serde(default)]
    pub(super) insecure: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AgentsSection {
    pub(super) name: Spanned<String>,
    pub(super) kind: KindWord,
    pub(super) role: Role,
    pub(super) count: Option<Spanned<usize>>,
    pub(super) transport: Option<Spanned<TransportWord>>,
    pub(super) accounts: Option<Spanned<AccountsSection>>,
    #[serde(default)]
    pub(super) register: Option<Spanned<bool>>,
    #[serde(default)]
    pub(super) codecs: Vec<CodecWord>,
    #[serde(default)]
    pub(super) srtp: Vec<Spanned<ProfileWord>>,
    pub(super) bind: Option<SocketAddr>,
    pub(super) media_address: Option<IpAddr>,
    pub(super) rings_seconds: Option<Spanned<f64>>,
    pub(super) digits: Option<Spanned<DigitsWord>>,
    #[serde(default)]
    pub(super) network: NetworkSection,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum KindWord {
    Webrtc,
    Json,
    Phone,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum TransportWord {
    Udp,
    Tcp,
    Tls,
}

/// What who answers does with digits that it hears.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum DigitsWord {
    Hear,
    Return,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum CodecWord {
    Opus,
    Pcmu,
    Pcma,
    G722,
    L16,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ProfileWord {
    Cm128,
    Gcm128,
    Gcm256,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AccountsSection {
    #[serde(default)]
    pub(super) list: Vec<AccountSection>,
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    pub(super) password_file: Option<PathBuf>,
    pub(super) password_env: Option<String>,
    pub(super) first: Option<usize>,
    pub(super) secret_env: Option<String>,
    pub(super) secret_file: Option<PathBuf>,
    pub(super) secret_seconds: Option<u64>,
    pub(super) token: Option<TokenSection>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TokenSection {
    pub(super) key_id: String,
    pub(super) key_file: Option<PathBuf>,
    pub(super) key_env: Option<String>,
    pub(super) audience: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AccountSection {
    pub(super) user: String,
    pub(super) password: Option<String>,
    pub(super) password_file: Option<PathBuf>,
    pub(super) password_env: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NetworkSection {
    pub(super) loss_percent: Option<Spanned<f64>>,
    pub(super) lost_in_a_row: Option<Spanned<u32>>,
    pub(super) bad_times: Option<Spanned<BadTimesSection>>,
    pub(super) delay_ms: Option<Spanned<u64>>,
    pub(super) jitter_ms: Option<Spanned<u64>>,
    #[serde(default)]
    pub(super) reorders: bool,
    pub(super) duplicates_percent: Option<Spanned<f64>>,
    pub(super) rebinds_seconds: Option<Spanned<f64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BadTimesSection {
    pub(super) begin_percent: f64,
    pub(super) end_percent: f64,
    pub(super) loss_percent: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TrafficSection {
    pub(super) name: Option<String>,
    pub(super) from: Spanned<String>,
    pub(super) to: Option<Spanned<String>>,
    pub(super) destination: Spanned<DestinationWord>,
    pub(super) arrival: Spanned<Arrival>,
    pub(super) length: Spanned<Length>,
    pub(super) talk: Option<Spanned<Talk>>,
    pub(super) silence: Option<Spanned<Silence>>,
    #[serde(default)]
    pub(super) hangs_up: Hanger,
    #[serde(default)]
    pub(super) steps: Vec<Spanned<StepSection>>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "a destination is a text or a list of them")]
pub(super) enum DestinationWord {
    One(String),
    InTurn(Vec<String>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StepSection {
    pub(super) after: f64,
    #[serde(default)]
    pub(super) by: Hanger,
    pub(super) digits: Option<String>,
    pub(super) hold: Option<f64>,
    #[serde(default)]
    pub(super) refresh: bool,
    #[serde(default, rename = "move")]
    pub(super) moves: bool,
    pub(super) ws_drop: Option<f64>,
    pub(super) transfer: Option<String>,
    #[serde(default)]
    pub(super) vanish: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SpeechSection {
    pub(super) file: Spanned<PathBuf>,
    pub(super) every: Option<Spanned<usize>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct VerdictSection {
    pub(super) first_audio_ms: Option<u64>,
    pub(super) clipped_ms: Option<u64>,
    pub(super) gap_ms: Option<u64>,
    pub(super) mouth_to_ear_ms: Option<u64>,
    pub(super) loss_percent: Option<f64>,
    pub(super) jitter_ms: Option<u64>,
    pub(super) level_db: Option<f64>,
    pub(super) echo_db: Option<f64>,
}

impl AccountSection {
    /// Whether it is a name alone.
    pub(super) fn is_bare(&self) -> bool {
        self.password.is_none() && self.password_file.is_none() && self.password_env.is_none()
    }
}

impl DestinationWord {
    pub(super) fn all(&self) -> &[String] {
        match self {
            Self::One(destination) => std::slice::from_ref(destination),
            Self::InTurn(destinations) => destinations,
        }
    }
}
