//! What parties tell each other in signalling while they talk: it goes to the other end, and its answer back.

use webtrunk_engine::{EndCause, LegId};

use super::call::B2bua;
use super::effect::Directory;
use super::party::Party;
use crate::adapter::{Command, Content, ContentId, ContentKind, Delivery};

impl B2bua {
    /// A party told something.
    pub(super) fn on_content_told(
        &mut self,
        leg: LegId,
        id: ContentId,
        content: Box<Content>,
        directory: &dyn Directory,
    ) {
        let is_text = content.kind == ContentKind::Message;
        let may = |party: &Party| !is_text || directory.may_text(&party.origin);
        let ends = self.party(leg).zip(self.opposite(leg));
        let cause = match ends.filter(|(teller, other)| teller.is_talking() && other.is_talking()) {
            Some((teller, other)) if may(teller) && may(other) => {
                let passed = other.signal(Command::PassContent { leg: other.leg, id, content });
                return self.effect(passed);
            }
            Some(_) => EndCause::Forbidden,
            // Who hears the gateway itself is alone with it.
            None => EndCause::NotAcceptable,
        };
        self.on_content_answered(id, Delivery::Failed(cause));
    }

    /// The other end answered.
    pub(super) fn on_content_answered(&mut self, id: ContentId, delivery: Delivery) {
        let command = Command::AnswerContent { leg: id.leg, id, delivery };
        let answer = self.party(id.leg).map(|party| party.signal(command));
        answer.into_iter().for_each(|answer| self.effect(answer));
    }
}
