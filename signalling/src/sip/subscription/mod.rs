//! Watching (RFC 6665): users' phones and pages are told who talks, who is there, and whether messages wait.
//!
//! ```text
//!  SUBSCRIBE --> rights, limits --> Subscription ---+
//!  calls, registrations, mailboxes --> Watched -----+--> NOTIFY: what has changed since the last one
//! ```
//!
//! Pure: requests and the time go in, responses and notifications come out. What is kept is bounded by the numbers of
//! users and of subscriptions, which is limited.

mod config;
mod dialog_info;
mod notifier;
mod package;
mod presence;
mod summary;
#[cfg(test)]
mod tests;
mod usage;
mod watched;
mod xml;

pub use config::{SubscriptionConfig, WatchRights, Watchers};
pub use notifier::{Notification, Notifier, SubscriptionId};
pub use package::Package;
pub use summary::Mailbox;
pub use watched::{Direction, Stage, WatchedDialog, WatchedId};
