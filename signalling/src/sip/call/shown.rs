//! A user's call as those see it who watch the user.

use super::stage::Call;
use crate::adapter::Origin;
use crate::sip::message::NameAddr;
use crate::sip::subscription::{Direction, Stage, WatchedDialog, WatchedId};

impl Call {
    /// How far it is; `None` for a trunk's, and for one that is over.
    pub(in crate::sip) fn shown(&self) -> Option<(Direction, Stage)> {
        self.user()?;
        Some(match self {
            Self::Outgoing(call) if call.forks.is_empty() => (Direction::Recipient, Stage::Trying),
            Self::Outgoing(_) => (Direction::Recipient, Stage::Early),
            Self::Incoming(call) if call.progress.is_none() => (Direction::Initiator, Stage::Trying),
            Self::Incoming(_) => (Direction::Initiator, Stage::Early),
            Self::Session(call) if call.is_ours => (Direction::Recipient, Stage::Confirmed),
            Self::Session(_) => (Direction::Initiator, Stage::Confirmed),
            Self::Leaving(_) => return None,
        })
    }

    /// Whose it is, and what is told of it.
    pub(in crate::sip) fn shown_in_full(&self) -> Option<(String, WatchedDialog)> {
        let (direction, stage) = self.shown()?;
        let name = |address: &NameAddr| address.uri.user_unescaped().unwrap_or_default().into_owned();
        let remote = match self {
            Self::Outgoing(call) => call.invite.request.headers.from().as_ref().map(name).unwrap_or_default(),
            Self::Incoming(call) => name(call.dialog.local()),
            Self::Session(call) => name(call.dialog.local()),
            Self::Leaving(_) => return None,
        };
        Some((self.user()?.to_owned(), WatchedDialog { direction, stage, remote, id: self.ringing_id() }))
    }

    /// What names it while it rings, as the phone has it that rings; of several the first.
    fn ringing_id(&self) -> Option<WatchedId> {
        let Self::Outgoing(call) = self else { return None };
        let id = call.forks.first()?.id();
        Some(WatchedId {
            call_id: id.call_id.clone(),
            local_tag: id.remote_tag.clone(),
            remote_tag: id.local_tag.clone(),
        })
    }

    fn user(&self) -> Option<&str> {
        let peer = match self {
            Self::Outgoing(call) => &call.peer,
            Self::Incoming(call) => &call.origin,
            Self::Session(call) => &call.peer,
            Self::Leaving(_) => return None,
        };
        match peer {
            Origin::User(user) => Some(user),
            Origin::Trunk(_) => None,
        }
    }
}
