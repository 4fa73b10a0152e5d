//! What a page is told of its calls while it talks: who holds it, who speaks, who is not heard, and how good it is.

use webtrunk_engine::LegId;
use webtrunk_engine::leg::LegStats;

use super::call::Waiting;
use super::state::Session;
use crate::adapter::News;
use crate::json::protocol::{
    CallEvent, Candidates, ErrorCode, Event, Fault, OneWay, Outcome, Quality, Speaker, Statistics,
};

impl Session {
    /// There is news of a call.
    pub(super) fn on_news(&mut self, leg: LegId, news: News) {
        match news {
            News::Held(is_held) => self.on_held(leg, is_held),
            News::Speaker { name, is_self } => self.on_speaker(leg, name, is_self),
            News::OneWay { is_self_unheard } => self.on_one_way(leg, is_self_unheard),
            News::Candidates(fragment) => {
                if let Some((call_id, _)) = self.own(leg) {
                    self.tell(&Event::Candidates(Candidates { call_id, fragment: fragment.to_string() }));
                }
            }
            News::Figures(figures) => self.on_figures(leg, figures.as_deref()),
            // It is for the tie alone.
            News::Recording(_) => {}
        }
    }

    fn on_held(&mut self, leg: LegId, is_held: bool) {
        let Some((call_id, _)) = self.own(leg) else { return };
        let event = CallEvent { call_id };
        self.tell(&if is_held { Event::Held(event) } else { Event::Resumed(event) });
    }

    /// Another speaks in the call's conference.
    fn on_speaker(&mut self, leg: LegId, name: Option<String>, is_self: bool) {
        let Some((call_id, _)) = self.own(leg) else { return };
        self.tell_now(&Event::Speaker(Speaker { call_id, name, is_self }));
    }

    /// One of the call's two is not heard.
    fn on_one_way(&mut self, leg: LegId, is_self_unheard: bool) {
        let Some((call_id, _)) = self.own(leg) else { return };
        self.tell_now(&Event::OneWay(OneWay { call_id, is_self_unheard }));
    }

    fn on_figures(&mut self, leg: LegId, figures: Option<&LegStats>) {
        let Some((call_id, call)) = self.own(leg) else { return };
        let Some(Waiting(id)) = call.figures.pop_front() else { return };
        if let Some(figures) = figures {
            call.measured = Some(Box::new(figures.into()));
        }
        if let (None, Some(figures)) = (&id, figures) {
            let figures = Statistics::from(figures);
            return self.tell_now(&Event::Quality(Quality {
                call_id,
                mos_received: figures.mos_received,
                mos_sent: figures.mos_sent,
                lost: figures.lost,
                lost_sent_percent: figures.lost_sent_percent,
                jitter_ms: figures.jitter_ms,
                round_trip_ms: figures.round_trip_ms,
                speech_dbm0: figures.speech_dbm0,
            }));
        }
        match figures {
            Some(figures) => self.respond(id, &Outcome::Statistics(Box::new(figures.into()))),
            None => self.refuse(id, &Fault::new(ErrorCode::WrongState, "nothing is measured yet")),
        }
    }
}
