//! What parties are told of their call while they talk, in words, by an adapter that has them: who speaks, and who is not
//! heard. That one is on hold has another way too ([`told_hold`](super::told_hold)).

use webtrunk_engine::LegId;

use super::call::B2bua;
use crate::adapter::{Command, News};

impl B2bua {
    /// Who speaks is told to a party of its conference.
    pub(super) fn tell_speaker(&mut self, leg: LegId, name: Option<&str>, is_self: bool) {
        self.tell(leg, News::Speaker { name: name.map(str::to_owned), is_self });
    }

    /// That a party is not heard is told to the two: either may be able to mend it.
    pub(super) fn tell_one_way(&mut self, unheard: LegId) {
        for leg in std::iter::once(unheard).chain(self.opposite(unheard).map(|other| other.leg)) {
            self.tell(leg, News::OneWay { is_self_unheard: leg == unheard });
        }
    }

    /// Tells a party that talks; others are told nothing.
    fn tell(&mut self, leg: LegId, news: News) {
        if let Some(party) = self.party(leg).filter(|party| party.is_talking()) {
            let told = party.signal(Command::Tell { leg, news });
            self.effect(told);
        }
    }
}
