//! What may be said of users, customers and keys, in the words of the configuration file.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use webtrunk_signalling::adapter::RecordingPolicy;

/// Of a user, as `[[users]]` has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UserTerms {
    /// Whether it may register and call.
    pub enabled: bool,
    /// The groups that it is in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// The groups that it may listen to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub supervises: Vec<String>,
    /// The mailbox that trunks call by another name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mailbox: Option<String>,
    /// Calls at one time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls_max: Option<u32>,
    /// What its calls may cost.
    #[serde(skip_serializing_if = "LimitTerms::is_none")]
    pub limits: LimitTerms,
}

/// Of a user's account at a trunk, as `users[].upstream` has it, but for its password, which is told nobody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpstreamTerms {
    /// The user of its address: the gateway registers there as `user@host`.
    pub user: String,
    /// How long a registration is asked for, in s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_s: Option<u32>,
    /// By whom the gateway says to be there.
    pub credentials: UpstreamCredentials,
}

/// By what an account proves itself, but for its password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpstreamCredentials {
    /// The name to authenticate by.
    pub user: String,
    /// The realm whose challenges alone are answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub realm: Option<String>,
}

/// Of a customer, as `[[customers]]` has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CustomerTerms {
    /// Whether its users may log in and call.
    pub enabled: bool,
    /// Its pages.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub origins: Vec<String>,
    /// Its numbers; trunks are shown the first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub numbers: Vec<String>,
    /// The trunks by which alone its users' calls go out, in the order in which they are tried; none, those of the rules.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub trunks: Vec<String>,
    /// The addresses and ranges (CIDR) from which alone its users may come; none, from everywhere.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<String>,
    /// Whether calls are recorded that its users are in, whatever the rules say.
    #[serde(skip_serializing_if = "RecordingTerm::is_by_rule")]
    pub recording: RecordingTerm,
    /// How long credentials of the edge are good, in s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lifetime_s: Option<u32>,
    /// Whether anybody on its pages may call.
    #[serde(skip_serializing_if = "is_false")]
    pub guests: bool,
    /// Calls of all its users at one time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls_max: Option<u32>,
    /// What calls of each of its users may cost.
    #[serde(skip_serializing_if = "LimitTerms::is_none")]
    pub limits: LimitTerms,
    /// The same of all of them together.
    #[serde(skip_serializing_if = "LimitTerms::is_none")]
    pub limits_together: LimitTerms,
    /// Logins that its back ends may have made.
    #[serde(skip_serializing_if = "LoginTerms::is_none")]
    pub logins: LoginTerms,
}

/// Logins that a customer's back ends may have made, as `customers[].logins` has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LoginTerms {
    /// For whom, without the customer's name: names, or how they begin and a star. For all, where there is none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<String>,
    /// How many in a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_minute: Option<u32>,
}

/// Whether calls are recorded, as `customers[].recording` has it.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema, clap::ValueEnum,
)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum RecordingTerm {
    /// Those whose rule records them.
    #[default]
    ByRule,
    /// All of them.
    Always,
    /// None.
    Never,
}

/// What calls may cost, as `[limits]` has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LimitTerms {
    /// Calls that begin in a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls_per_minute: Option<u32>,
    /// Minutes of calls to trunks in a day of UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minutes_per_day: Option<u32>,
    /// How long a call may last, in s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call_max_s: Option<u32>,
    /// How numbers begin that may be called.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub numbers_allow: Vec<String>,
    /// How numbers begin that may not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub numbers_deny: Vec<String>,
}

/// What a key is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum KeyKind {
    /// Names that the edge takes, as `entry.ephemeral_keys`.
    Edge,
    /// Names that a customer's server makes, as `customers[].ephemeral_keys`.
    Customer,
    /// Names that the JSON API takes, as `json.ephemeral_keys`.
    Page,
    /// Our own tokens, as `[[token_keys]]` of the kind `wt1`.
    Wt1,
    /// JWTs by HMAC-SHA256, as `[[token_keys]]` of the kind `hs256`.
    Hs256,
}

/// Of a key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KeyTerms {
    /// Of a customer's key: whose it is. Of tokens: whose users they are of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    /// Of tokens: for whom they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// Of tokens: the numbers that they may allow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destinations: Option<Vec<String>>,
    /// Of tokens: the SIP servers at which they may have accounts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
    /// Of tokens: how long they may be good, in s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lifetime_max_s: Option<u64>,
}

impl Default for UserTerms {
    fn default() -> Self {
        let (groups, supervises) = (Vec::new(), Vec::new());
        Self {
            enabled: true,
            groups,
            supervises,
            mailbox: None,
            calls_max: None,
            limits: LimitTerms::default(),
        }
    }
}

impl Default for CustomerTerms {
    fn default() -> Self {
        Self {
            enabled: true,
            origins: Vec::new(),
            numbers: Vec::new(),
            trunks: Vec::new(),
            networks: Vec::new(),
            recording: RecordingTerm::default(),
            lifetime_s: None,
            guests: false,
            calls_max: None,
            limits: LimitTerms::default(),
            limits_together: LimitTerms::default(),
            logins: LoginTerms::default(),
        }
    }
}

impl RecordingTerm {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over so")]
    fn is_by_rule(&self) -> bool {
        *self == Self::ByRule
    }

    /// As it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ByRule => "by_rule",
            Self::Always => "always",
            Self::Never => "never",
        }
    }
}

impl From<RecordingTerm> for RecordingPolicy {
    fn from(term: RecordingTerm) -> Self {
        match term {
            RecordingTerm::ByRule => Self::ByRule,
            RecordingTerm::Always => Self::Always,
            RecordingTerm::Never => Self::Never,
        }
    }
}

impl LimitTerms {
    fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

impl LoginTerms {
    fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

impl KeyKind {
    /// Whether tokens are made by it.
    #[must_use]
    pub const fn is_of_tokens(self) -> bool {
        matches!(self, Self::Wt1 | Self::Hs256)
    }

    /// As it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Edge => "edge",
            Self::Customer => "customer",
            Self::Page => "page",
            Self::Wt1 => "wt1",
            Self::Hs256 => "hs256",
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over so")]
fn is_false(value: &bool) -> bool {
    !value
}
