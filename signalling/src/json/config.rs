//! What an operator may set of the JSON API.

use std::time::Duration;

/// The name of the JSON API among listeners, for rules to look at.
pub const LISTENER: &str = "json";

/// The JSON API's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonConfig {
    /// How long a session waits for its page whose connection was lost. A minute is a reload, a train's tunnel, a
    /// change of networks.
    pub resume: Duration,
    /// Sessions that a user may have at one time: pages, tabs and devices. The oldest makes room.
    pub sessions_per_user: usize,
    /// Whether users may log in by their passwords. Off: a page is to know no password of a user.
    pub passwords: bool,
    /// How long an account that a token brought is held when the last page is gone that phoned by it: a page that is
    /// loaded anew finds it registered.
    pub account_grace: Duration,
    /// The realm that users' hashes were made for.
    pub realm: String,
}

impl Default for JsonConfig {
    fn default() -> Self {
        Self {
            resume: Duration::from_secs(60),
            sessions_per_user: 8,
            passwords: false,
            account_grace: Duration::from_secs(30),
            realm: String::new(),
        }
    }
}
