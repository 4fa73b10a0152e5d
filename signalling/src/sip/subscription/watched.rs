//! What is known of a user that others may watch.

use std::collections::BTreeMap;

use webtrunk_engine::LegId;

use super::summary::Mailbox;

/// A user.
#[derive(Debug, Default)]
pub(super) struct Watched {
    /// Its calls, by their legs.
    pub(super) dialogs: BTreeMap<LegId, WatchedDialog>,
    pub(super) is_registered: bool,
    pub(super) mailbox: Mailbox,
}

/// One call of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchedDialog {
    /// Who called.
    pub direction: Direction,
    /// How far it is.
    pub stage: Stage,
    /// The other party's number or name.
    pub remote: String,
    /// By what it is picked up, while it rings, where that is allowed.
    pub id: Option<WatchedId>,
}

/// What names a call that rings at a user, as the user's phone has it (RFC 4235 4.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchedId {
    /// Call-ID.
    pub call_id: String,
    /// The tag of the user's phone.
    pub local_tag: String,
    /// The other one, which is ours.
    pub remote_tag: String,
}

/// Who called whom, from the user's side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The user called.
    Initiator,
    /// The user is called.
    Recipient,
}

/// How far a call is (RFC 4235 3.7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Nothing is heard of it.
    Trying,
    /// It rings.
    Early,
    /// They talk.
    Confirmed,
}

impl Watched {
    /// Whether there is nothing to be kept.
    pub(super) fn is_idle(&self) -> bool {
        self.dialogs.is_empty() && !self.is_registered && self.mailbox == Mailbox::default()
    }

    pub(super) fn is_on_the_phone(&self) -> bool {
        self.dialogs.values().any(|dialog| dialog.stage == Stage::Confirmed)
    }
}
