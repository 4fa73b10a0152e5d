//! Watches one call and writes its record.
//!
//! ```text
//!  begin --- see_input, see_effect, in the order in which they are handled ---> close     the call is over
//!    |                                                                    `--> break_off  our own fault ended it
//!    `--- refuse: it never became a call
//! ```
//!
//! Who ended a call is told by what came first: what we hang up as the next thing after a party has hung up, that party
//! has ended.

use webtrunk_engine::call::CallEvent;
use webtrunk_engine::sdp::Direction;
use webtrunk_engine::{CallId, EndCause, LegId};

use super::{
    By, CallRecord, EndRecord, Happening, LegEnd, LegRecord, OriginRecord, RecordId, Stage, Timeline, Way,
    name_of,
};
use crate::adapter::{
    Command, Dial, EndCodes, Event, Incoming, Origin, Party, RefusedCall, Target, TransferProgress,
};
use crate::b2bua::{Control, Effect, Input, Wish};
use crate::moment::Moment;
use crate::origination::{LISTENER, Origination};

/// Legs that a record tells of. Chosen by us: a group of fifty that is rung in turn.
const LEGS_MAX: usize = 64;

/// Recordings that a record tells of. Chosen by us: a party may begin and end them by a key.
const RECORDINGS_MAX: usize = 64;

/// Places of a redirection that are told.
const PLACES_MAX: usize = 8;

/// Characters that are told of what a peer says. Chosen by us: no number and hardly a name is longer, and a peer that says
/// more is not to fill our memory.
const WORDS_MAX: usize = 256;

/// Who writes the record of one call.
#[derive(Debug)]
pub struct Clerk {
    begin: Moment,
    record: CallRecord,
    /// What is known of the record's legs besides, in their order.
    legs: Vec<Known>,
    /// Whose party ended it by the input that is being handled.
    ended_by: Option<By>,
    /// The end of a leg that was decided last: why, and by whom.
    decided: Option<(EndCause, By)>,
    has_changed: bool,
}

/// What is known of a leg that its record does not tell.
#[derive(Debug)]
struct Known {
    leg: LegId,
    /// What we may send to it and receive from it.
    direction: Direction,
    /// Whether somebody outside has it hold the other.
    is_holding_from_outside: bool,
    /// What its party says of its end.
    codes: EndCodes,
}

impl Clerk {
    /// Begins the record of a call that came in.
    #[must_use]
    pub fn begin(incoming: &Incoming, id: RecordId, at: Moment) -> Self {
        let Incoming { leg, origin, caller, destination, listener, .. } = incoming;
        Self::new((origin, caller, destination), listener, (id, at)).with_caller(*leg, origin, caller)
    }

    /// Begins the record of a call that the gateway makes: its parties are those that are called.
    #[must_use]
    pub fn originate(origination: &Origination, at: Moment) -> Self {
        let Origination { id, origin, second, shown_to_second, .. } = origination;
        let mut clerk = Self::new((origin, shown_to_second, second), LISTENER, (id.clone(), at));
        clerk.record.originated_by = Some(words(&origination.asked_by));
        clerk
    }

    /// The record of a call for which there was no room.
    #[must_use]
    pub fn without_room(call: &RefusedCall, id: RecordId, at: Moment) -> Box<CallRecord> {
        let RefusedCall { leg, origin, caller, destination, listener, cause } = call;
        let clerk = Self::new((origin, caller, destination), listener, (id, at));
        clerk.with_caller(*leg, origin, caller).refuse(*cause, None, at)
    }

    fn new(
        (origin, caller, destination): (&Origin, &Party, &str),
        listener: &str,
        (id, at): (RecordId, Moment),
    ) -> Self {
        let record = CallRecord {
            id,
            call: None,
            origin: origin.into(),
            originated_by: None,
            caller: words(&caller.user),
            caller_name: words(&caller.display_name),
            destination: words(destination),
            listener: listener.to_owned(),
            rule: None,
            began_at: at.wall.into(),
            answered_at: None,
            ended_at: None,
            duration_ms: 0,
            talked_ms: 0,
            clock_step: false,
            timeline: Timeline::begin(Stage::Trying, 0),
            legs: Vec::new(),
            legs_left_out: 0,
            recordings: Vec::new(),
            recordings_left_out: 0,
            end: None,
        };
        Self { begin: at, record, legs: Vec::new(), ended_by: None, decided: None, has_changed: true }
    }

    fn with_caller(mut self, leg: LegId, origin: &Origin, caller: &Party) -> Self {
        self.add_incoming(leg, (origin, caller), 0);
        self
    }

    /// The call has a name and a plan.
    pub fn admit(&mut self, call: CallId, rule: &str) {
        self.record.call = Some(call.to_string());
        self.record.rule = Some(rule.to_owned());
        self.has_changed = true;
    }

    /// Watches what the call is told.
    pub fn see_input(&mut self, input: &Input, at: Moment) {
        let ms = self.notice(at);
        self.ended_by = None;
        match input {
            Input::Signal(event) => self.see_event(event, at, ms),
            Input::Media(event) => self.see_media(event, ms),
            Input::Incoming { incoming, .. } => {
                let of = incoming.replaces.map(|leg| leg.to_string()).unwrap_or_default();
                let who = (&incoming.origin, &incoming.caller);
                if let Some(index) = self.add_incoming(incoming.leg, who, ms) {
                    self.note(index, Happening::TookPlace { of }, ms);
                }
            }
            Input::Supervisor { asked, of, .. } => {
                let who = (&asked.incoming.origin, &asked.incoming.caller);
                if let Some(index) = self.add_incoming(asked.incoming.leg, who, ms) {
                    self.note(index, Happening::Supervises { of: of.to_string() }, ms);
                }
            }
            Input::Control(control) => self.see_control(control, ms),
            Input::Routed(_) => {}
        }
        self.follow_legs(ms);
    }

    fn see_control(&mut self, Control { leg, wish }: &Control, ms: u64) {
        match wish {
            Wish::Transfer(destination) => {
                let destination = words(destination);
                self.note_of(*leg, Happening::TransferAsked { destination }, ms);
            }
            Wish::Hold(is_holding) => {
                let Some(index) = self.index_of(*leg) else { return };
                self.legs[index].is_holding_from_outside = *is_holding;
                self.hold_or_talk(index, ms);
            }
            Wish::Mute(_) => {}
        }
    }

    /// Watches what the call wants done.
    pub fn see_effect(&mut self, effect: &Effect, at: Moment) {
        let ms = self.notice(at);
        match effect {
            Effect::Signal { command, .. } => self.see_command(command, at, ms),
            // Nothing more is told of it.
            Effect::Refuse { leg, cause, .. } => {
                self.hang_up(*leg, *cause, ms);
                self.end_timeline(*leg, ms);
            }
            Effect::TransferTold { leg, progress } => self.see_transfer(*leg, *progress, ms),
            Effect::Media(_) | Effect::Joined { .. } | Effect::Route { .. } => {}
        }
        self.follow_legs(ms);
    }

    /// All that follows from the last input was seen. Gives the record as far as it is, where it has changed since this was
    /// last asked.
    pub fn settle(&mut self) -> Option<Box<CallRecord>> {
        self.ended_by = None;
        std::mem::take(&mut self.has_changed).then(|| Box::new(self.record.clone()))
    }

    /// The record of a call that is over.
    #[must_use]
    pub fn close(self, at: Moment) -> Box<CallRecord> {
        let (cause, by) = self.decided.unwrap_or((EndCause::InternalError, By::Gateway));
        self.end(cause, by, at)
    }

    /// The record of a call that a fault of ours ended.
    #[must_use]
    pub fn break_off(self, at: Moment) -> Box<CallRecord> {
        self.end(EndCause::InternalError, By::Gateway, at)
    }

    /// The record of a call that is refused at the door; `rule` decided so, or let it in, where one did.
    #[must_use]
    pub fn refuse(mut self, cause: EndCause, rule: Option<&str>, at: Moment) -> Box<CallRecord> {
        self.record.rule = rule.map(str::to_owned);
        self.end(cause, By::Gateway, at)
    }

    fn end(mut self, cause: EndCause, by: By, at: Moment) -> Box<CallRecord> {
        let ms = self.notice(at);
        for leg in &mut self.record.legs {
            leg.timeline.end(ms);
            leg.duration_ms = leg.timeline.duration_ms();
            leg.end.get_or_insert_with(|| LegEnd::new(name_of(cause), by));
        }
        self.record.timeline.end(ms);
        self.record.sum_up();
        self.record.end = Some(EndRecord::new(cause, by, self.record.answered_at.is_some()));
        Box::new(self.record)
    }

    fn see_event(&mut self, event: &Event, at: Moment, ms: u64) {
        match event {
            Event::Progress { leg, is_ringing, description, .. } => {
                self.ring(*leg, *is_ringing, description.is_some(), ms);
            }
            Event::Answered { leg, .. } => {
                self.answer(*leg, ms);
                if self.record.originated_by.is_some() {
                    self.record.answered_at.get_or_insert_with(|| at.wall.into());
                }
            }
            Event::TransferAsked { leg, destination, .. } => {
                let destination = words(destination);
                self.note_of(*leg, Happening::TransferAsked { destination }, ms);
            }
            Event::Redirected { leg, places } => {
                let places = places.iter().take(PLACES_MAX).map(|place| words(place)).collect();
                self.note_of(*leg, Happening::Redirected { places }, ms);
            }
            Event::EndTold { leg, codes } => {
                if let Some(index) = self.index_of(*leg) {
                    self.legs[index].codes = *codes;
                }
            }
            Event::Ended { leg, cause } => self.party_ended(*leg, *cause, ms),
            _ => {}
        }
    }

    fn see_media(&mut self, event: &CallEvent, ms: u64) {
        match event {
            CallEvent::Agreed { leg, direction, .. } => {
                let Some(index) = self.index_of(*leg) else { return };
                self.legs[index].direction = *direction;
                self.hold_or_talk(index, ms);
            }
            CallEvent::LegEnded { stats } => {
                let Some(index) = self.index_of(stats.leg) else { return };
                self.record.legs[index].quality = Some(Box::new(stats.as_ref().into()));
                self.has_changed = true;
            }
            CallEvent::RecordingStarted { file } => {
                if self.record.recordings.len() < RECORDINGS_MAX {
                    self.record.recordings.push(file.display().to_string());
                } else {
                    self.record.recordings_left_out += 1;
                }
                self.has_changed = true;
            }
            _ => {}
        }
    }

    fn see_command(&mut self, command: &Command, at: Moment, ms: u64) {
        match command {
            Command::Dial(dial) => self.add_dialled(dial, ms),
            Command::Ring { leg, description } => self.ring(*leg, true, description.is_some(), ms),
            Command::Answer { leg, .. } => {
                let is_caller =
                    self.index_of(*leg).is_some_and(|index| self.record.legs[index].way == Way::In);
                if is_caller {
                    self.answer(*leg, ms);
                    self.record.answered_at.get_or_insert_with(|| at.wall.into());
                }
            }
            Command::Hangup { leg, cause } => self.hang_up(*leg, *cause, ms),
            Command::Redirect { leg, .. } => self.hang_up(*leg, EndCause::Unavailable, ms),
            Command::TransferProgress { leg, progress } => self.see_transfer(*leg, *progress, ms),
            _ => {}
        }
    }

    fn see_transfer(&mut self, leg: LegId, progress: TransferProgress, ms: u64) {
        match progress {
            TransferProgress::Done => self.note_of(leg, Happening::Transferred, ms),
            TransferProgress::Failed(cause) => {
                let cause = name_of(cause).to_owned();
                self.note_of(leg, Happening::TransferFailed { cause }, ms);
            }
            TransferProgress::Began | TransferProgress::Ringing => {}
        }
    }

    /// A leg that was answered talks, or holds the other.
    fn hold_or_talk(&mut self, index: usize, ms: u64) {
        if matches!(self.record.legs[index].timeline.stage(), Some(Stage::Talking | Stage::OnHold)) {
            self.enter(index, self.legs[index].talking_stage(), ms);
        }
    }

    fn add_incoming(&mut self, leg: LegId, (origin, caller): (&Origin, &Party), ms: u64) -> Option<usize> {
        self.add(leg, (Way::In, Some(origin.into()), words(&caller.user)), ms)
    }

    fn add_dialled(&mut self, dial: &Dial, ms: u64) {
        let (party, number) = match &dial.target {
            Target::Contact { user, .. } => (Some(OriginRecord::User(user.clone())), user.clone()),
            Target::Trunk { trunk, number } => (Some(OriginRecord::Trunk(trunk.clone())), words(number)),
            Target::Party { user, .. } => (None, words(user)),
        };
        self.add(dial.leg, (Way::Out, party, number), ms);
    }

    fn add(&mut self, leg: LegId, who: (Way, Option<OriginRecord>, String), ms: u64) -> Option<usize> {
        self.has_changed = true;
        if self.legs.len() >= LEGS_MAX {
            self.record.legs_left_out += 1;
            return None;
        }
        let (way, party, number) = who;
        self.legs.push(Known {
            leg,
            direction: Direction::SendRecv,
            is_holding_from_outside: false,
            codes: EndCodes::default(),
        });
        // Nearly always there are two.
        if self.record.legs.is_empty() {
            self.record.legs.reserve_exact(2);
        }
        self.record.legs.push(LegRecord {
            leg: leg.to_string(),
            way,
            party,
            number,
            timeline: Timeline::begin(Stage::Trying, ms),
            duration_ms: 0,
            end: None,
            quality: None,
        });
        Some(self.legs.len() - 1)
    }

    fn ring(&mut self, leg: LegId, is_ringing: bool, is_heard: bool, ms: u64) {
        let Some(index) = self.index_of(leg) else { return };
        match self.record.legs[index].timeline.stage() {
            Some(Stage::Trying | Stage::Ringing) if is_heard => self.enter(index, Stage::Early, ms),
            Some(Stage::Trying) if is_ringing => self.enter(index, Stage::Ringing, ms),
            _ => {}
        }
    }

    fn answer(&mut self, leg: LegId, ms: u64) {
        let Some(index) = self.index_of(leg) else { return };
        if matches!(
            self.record.legs[index].timeline.stage(),
            Some(Stage::Trying | Stage::Ringing | Stage::Early)
        ) {
            self.enter(index, self.legs[index].talking_stage(), ms);
        }
    }

    /// We hang a leg up.
    fn hang_up(&mut self, leg: LegId, cause: EndCause, ms: u64) {
        let by = self.ended_by.unwrap_or(By::Gateway);
        self.decide(leg, cause, by);
        if let Some(index) = self.index_of(leg) {
            self.enter(index, Stage::Ending, ms);
        }
    }

    /// A leg has ended: by its party, unless we had hung it up.
    fn party_ended(&mut self, leg: LegId, cause: EndCause, ms: u64) {
        let index = self.index_of(leg);
        let is_news = index.is_none_or(|index| self.record.legs[index].end.is_none());
        if is_news {
            let side = index.map_or(By::Callee, |index| self.record.legs[index].way.side());
            let by = match cause {
                // Nobody did anything, until we waited no longer; or a fault of ours did.
                EndCause::NoAnswer | EndCause::SignallingLost | EndCause::InternalError => By::Gateway,
                _ => side,
            };
            self.ended_by = Some(by);
            self.decide(leg, cause, by);
        }
        self.end_timeline(leg, ms);
    }

    fn end_timeline(&mut self, leg: LegId, ms: u64) {
        let Some(index) = self.index_of(leg) else { return };
        let record = &mut self.record.legs[index];
        record.timeline.end(ms);
        record.duration_ms = record.timeline.duration_ms();
        self.has_changed = true;
    }

    /// What ends a leg first is what ended it.
    fn decide(&mut self, leg: LegId, cause: EndCause, by: By) {
        let Some(index) = self.index_of(leg) else {
            // What stands for who asked for the call is no party of it.
            self.decided.get_or_insert((cause, by));
            return;
        };
        let end = &mut self.record.legs[index].end;
        if end.is_none() {
            let EndCodes { sip_status, q850 } = self.legs[index].codes;
            *end = Some(LegEnd { sip_status, q850, ..LegEnd::new(name_of(cause), by) });
            self.decided = Some((cause, by));
            self.has_changed = true;
        }
    }

    /// The call is where its legs are.
    fn follow_legs(&mut self, ms: u64) {
        let mut here =
            self.record.legs.iter().filter(|leg| leg.end.is_none()).map(|leg| leg.timeline.stage());
        let caller = here.clone().next().flatten();
        let stage = match caller {
            // The first party is not called yet.
            None if self.record.legs.is_empty() => Stage::Trying,
            None => Stage::Ending,
            _ if here.any(|stage| stage == Some(Stage::OnHold)) => Stage::OnHold,
            _ if self.record.answered_at.is_some() => Stage::Talking,
            // The caller hears what it is told, whoever rings.
            Some(stage) => stage,
        };
        self.has_changed |= self.record.timeline.enter(stage, ms);
    }

    fn enter(&mut self, index: usize, stage: Stage, ms: u64) {
        self.has_changed |= self.record.legs[index].timeline.enter(stage, ms);
    }

    fn note(&mut self, index: usize, what: Happening, ms: u64) {
        self.record.legs[index].timeline.note(what, ms);
        self.has_changed = true;
    }

    fn note_of(&mut self, leg: LegId, what: Happening, ms: u64) {
        if let Some(index) = self.index_of(leg) {
            self.note(index, what, ms);
        }
    }

    fn index_of(&self, leg: LegId) -> Option<usize> {
        self.legs.iter().position(|known| known.leg == leg)
    }

    /// Milliseconds since the begin. That the wall clock was set is remembered, even if it is set back.
    fn notice(&mut self, at: Moment) -> u64 {
        self.record.clock_step |= at.has_stepped_since(self.begin);
        u64::try_from(at.now.saturating_duration_since(self.begin.now).as_millis()).unwrap_or(u64::MAX)
    }
}

impl Known {
    /// Who sends music or nothing, and listens to nobody, has put the call on hold; so has somebody outside for it.
    const fn talking_stage(&self) -> Stage {
        match self.direction {
            _ if self.is_holding_from_outside => Stage::OnHold,
            Direction::RecvOnly | Direction::Inactive => Stage::OnHold,
            Direction::SendRecv | Direction::SendOnly => Stage::Talking,
        }
    }
}

/// What a peer says, cut where it says too much.
fn words(text: &str) -> String {
    text.chars().take(WORDS_MAX).collect()
}
