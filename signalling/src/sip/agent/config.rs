//! The core's knobs.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::emergency::EmergencyNumbers;
use crate::sip::media_types::MediaRange;
use crate::sip::passing::PassingConfig;
use crate::sip::subscription::SubscriptionConfig;
use crate::sip::transaction::TransactionConfig;

/// Limits and waits of the SIP core.
#[derive(Debug, Clone)]
pub struct AgentConfig {
    /// Of the transaction layer.
    pub transactions: TransactionConfig,
    /// How many legs may be open before new calls get 503.
    pub calls_max: usize,
    /// How many calls may begin in a second before new ones get 503; `None`, as many as come.
    pub max_cps: Option<NonZeroU32>,
    /// Calls to whom begin all the same.
    pub emergency_numbers: EmergencyNumbers,
    /// How long an incoming call may wait for its answer before it gets 480. Proxies give up after
    /// 3 minutes without news (timer C); ours is longer, since we send them news.
    pub unanswered_max: Duration,
    /// How often the caller of a waiting call gets news: RFC 3261 13.3.1.1 says each minute.
    pub progress_interval: Duration,
    /// How long a peer may take to answer our re-INVITE: a phone may ask its user.
    pub reoffer_timeout: Duration,
    /// How long a hop may say nothing to an INVITE while there is another one, or another party to call: not even 100, which
    /// RFC 3261 17.2.1 wants within 200 ms.
    pub silence_max: Duration,
    /// How long answered calls go without a refresh.
    pub session_timer: SessionTimerConfig,
    /// What parties may write to each other.
    pub texts: TextConfig,
    /// What of a call's headers goes along, to users and from them.
    pub user_passing: PassingConfig,
    /// Who may watch whom.
    pub subscriptions: SubscriptionConfig,
    /// Whether answered calls are kept for the case that the process is killed.
    pub keeps_calls: bool,
    /// What we call ourselves in User-Agent and Server; `None` says nothing.
    pub software: Option<String>,
}

/// Session timers (RFC 4028), in whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionTimerConfig {
    /// The interval that we ask for; zero asks for none, and keeps the peers'.
    pub expires: Duration,
    /// The shortest interval that we take.
    pub expires_min: Duration,
}

/// Messages (RFC 3428), and other contents of signalling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextConfig {
    /// Types of messages.
    pub types: Vec<MediaRange>,
    /// Types of INFO bodies that are passed from one end of a call to the other.
    pub info_types: Vec<MediaRange>,
    /// The longest one.
    pub octets_max: usize,
    /// How many messages out of calls each user and each trunk may send in a second.
    pub per_second: u32,
}

/// Knobs that may change while the core works. What is under way goes on by what it began with.
#[derive(Debug, Clone)]
pub struct AgentChange {
    /// See [`AgentConfig::texts`].
    pub texts: TextConfig,
    /// See [`AgentConfig::calls_max`].
    pub calls_max: usize,
    /// See [`AgentConfig::max_cps`].
    pub max_cps: Option<NonZeroU32>,
    /// See [`AgentConfig::emergency_numbers`].
    pub emergency_numbers: EmergencyNumbers,
    /// See [`AgentConfig::user_passing`].
    pub user_passing: PassingConfig,
    /// See [`AgentConfig::subscriptions`]; subscriptions of those who are still users stay until they end.
    pub subscriptions: SubscriptionConfig,
}

impl Default for TextConfig {
    fn default() -> Self {
        let types = ["text/plain", "text/html", "message/cpim", "application/im-iscomposing+xml"];
        Self {
            types: types.iter().filter_map(|name| name.parse().ok()).collect(),
            info_types: Vec::new(),
            // Chosen by us: pages of text, and well below what a WebSocket takes.
            octets_max: 16_384,
            // Chosen by us: more than anybody types.
            per_second: 10,
        }
    }
}

impl Default for SessionTimerConfig {
    fn default() -> Self {
        // RFC 4028 4 recommends half an hour, 5 wants no less than 90 s.
        Self { expires: Duration::from_secs(1800), expires_min: Duration::from_secs(90) }
    }
}

impl Default for AgentConfig {
    fn default() -> Self {
        Self {
            transactions: TransactionConfig::default(),
            calls_max: 10_000,
            max_cps: None,
            emergency_numbers: EmergencyNumbers::default(),
            unanswered_max: Duration::from_secs(300),
            progress_interval: Duration::from_secs(60),
            reoffer_timeout: Duration::from_secs(32),
            // Chosen by us: three sendings of the INVITE over UDP, and half a second for the last one.
            silence_max: Duration::from_secs(2),
            session_timer: SessionTimerConfig::default(),
            texts: TextConfig::default(),
            user_passing: PassingConfig::default(),
            subscriptions: SubscriptionConfig::default(),
            keeps_calls: false,
            software: Some(concat!("Webtrunk/", env!("CARGO_PKG_VERSION")).to_owned()),
        }
    }
}
