//! Answers to one INVITE that nobody waits for: of other forks, and late ones. Each is acknowledged and hung up on, as far as one
//! may be made to do that.

use super::layer::TransactionLayer;
use super::machine::Machine;
use super::outcome::TransactionKey;

/// Forks of one INVITE that are hung up on. Chosen by us: a user has a handful of phones, and who answers as ever more of them
/// would have us send two requests for each.
const FORKS_MAX: usize = 16;

/// The forks of an INVITE that were hung up on, by their tags.
#[derive(Debug, Default)]
pub(super) struct Strays(Vec<String>);

/// What is to be done about an answer that nobody waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stray {
    /// It makes a dialog that is to be ended.
    New,
    /// The dialog is being ended; the ACK was lost.
    Again,
    /// There were too many.
    Ignored,
}

impl<O: Copy> TransactionLayer<O> {
    /// Notes an answer to an INVITE of ours, by its fork's tag, that nobody waits for. One too many is counted.
    pub fn note_stray(&mut self, key: TransactionKey, tag: &str) -> Stray {
        let Some(Machine::InviteClient { strays: Strays(tags), .. }) =
            self.transactions.get_mut(&key).map(|transaction| &mut transaction.machine)
        else {
            return Stray::Ignored;
        };
        if tags.iter().any(|known| known == tag) {
            return Stray::Again;
        }
        if tags.len() == FORKS_MAX {
            self.strays_ignored += 1;
            return Stray::Ignored;
        }
        tags.push(tag.to_owned());
        Stray::New
    }

    /// How many answers were ignored since the last time that this was asked.
    pub const fn take_strays_ignored(&mut self) -> u64 {
        std::mem::replace(&mut self.strays_ignored, 0)
    }
}
