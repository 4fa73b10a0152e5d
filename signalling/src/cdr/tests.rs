//! Calls as a clerk sees them, step by step and by chance.

mod beside;
mod ends;

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant, UNIX_EPOCH};

use proptest::prelude::*;
use webtrunk_codecs::CodecId;
use webtrunk_engine::call::CallEvent;
use webtrunk_engine::sdp::{Direction, SessionDescription};
use webtrunk_engine::{CallId, EndCause, LegId};

use super::*;
use crate::adapter::{
    self, Command, Dial, EndCodes, Event, HOPS_MAX, Incoming, MediaProfile, Origin, Passage, RecordingPolicy,
    Target, TransferProgress, leg_span,
};
use crate::b2bua::{Effect, Input};
use crate::moment::Moment;
use crate::origination::Origination;

const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A call of alice's, and the time.
struct Desk {
    clerk: Clerk,
    begin: Moment,
    ms: u64,
    alice: LegId,
}

impl Desk {
    fn new() -> Self {
        let begin = Moment { now: Instant::now(), wall: UNIX_EPOCH + Duration::from_secs(1_764_320_400) };
        let alice = LegId::next();
        let mut clerk = Clerk::begin(&incoming(alice, None), RecordId::new(begin.wall, [7; 10]), begin);
        clerk.admit(CallId::next(), "people");
        Self { clerk, begin, ms: 0, alice }
    }

    fn at(&self) -> Moment {
        let passed = Duration::from_millis(self.ms);
        Moment { now: self.begin.now + passed, wall: self.begin.wall + passed }
    }

    fn pass(&mut self, ms: u64) {
        self.ms += ms;
    }

    fn told(&mut self, event: Event) {
        self.clerk.see_input(&Input::Signal(event), self.at());
    }

    fn heard(&mut self, event: CallEvent) {
        self.clerk.see_input(&Input::Media(event), self.at());
    }

    fn wants(&mut self, command: Command) {
        self.clerk.see_effect(&Effect::Signal { adapter: "sip", command }, self.at());
    }

    fn dial(&mut self, user: &str) -> LegId {
        let leg = LegId::next();
        self.wants(Command::Dial(Box::new(dial(leg, user))));
        leg
    }

    fn agree(&mut self, leg: LegId, direction: Direction) {
        self.heard(CallEvent::Agreed { leg, codec: CodecId::Pcmu, direction, takes_digits: true });
    }

    /// Bob is called, rings and lifts.
    fn talk(&mut self) -> LegId {
        let bob = self.dial("bob");
        self.pass(100);
        self.told(ringing(bob));
        self.wants(Command::Ring { leg: self.alice, description: None });
        self.pass(900);
        self.told(Event::Answered { leg: bob, description: None, signalled_from: ADDRESS });
        self.wants(Command::Answer { leg: self.alice, description: description() });
        bob
    }

    fn close(self) -> Box<CallRecord> {
        let at = self.at();
        self.clerk.close(at)
    }
}

fn incoming(leg: LegId, replaces: Option<LegId>) -> Incoming {
    Incoming {
        leg,
        origin: Origin::User("alice".to_owned()),
        caller: adapter::Party { user: "alice".to_owned(), display_name: "Alice".to_owned() },
        destination: "bob".to_owned(),
        device: None,
        profile: MediaProfile::Rtp,
        offer: None,
        signalled_from: ADDRESS,
        listener: "udp".into(),
        headers: Vec::new(),
        recording: RecordingPolicy::ByRule,
        hops: HOPS_MAX,
        passed: Passage::default(),
        replaces,
        span: leg_span(leg),
    }
}

fn dial(leg: LegId, user: &str) -> Dial {
    Dial {
        leg,
        target: Target::Contact { user: user.to_owned(), binding: 1 },
        caller: adapter::Party::default(),
        on_behalf_of: None,
        transferred_by: None,
        offer: None,
        headers: Vec::new(),
        ring_timeout: Duration::from_secs(30),
        has_successor: false,
        hops: HOPS_MAX,
        passed: Passage::default(),
        span: leg_span(leg),
    }
}

fn description() -> Box<SessionDescription> {
    let text = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n";
    Box::new(SessionDescription::parse(text).expect("without media"))
}

fn ringing(leg: LegId) -> Event {
    Event::Progress { leg, is_ringing: true, description: None, signalled_from: ADDRESS }
}

fn stretches(timeline: &Timeline) -> Vec<(Stage, u64)> {
    timeline.segments.iter().map(|it| (it.stage, it.duration_ms.expect("it is over"))).collect()
}

#[test]
fn a_call_is_told_from_its_first_message_to_its_last() {
    let mut desk = Desk::new();
    desk.pass(5);
    let bob = desk.talk();
    desk.agree(bob, Direction::SendRecv);
    desk.pass(60_000);
    desk.agree(bob, Direction::RecvOnly);
    desk.pass(10_000);
    desk.agree(bob, Direction::SendRecv);
    desk.pass(20_000);
    desk.told(Event::Ended { leg: bob, cause: EndCause::Hangup });
    desk.wants(Command::Hangup { leg: desk.alice, cause: EndCause::Hangup });
    desk.pass(30);
    desk.told(Event::Ended { leg: desk.alice, cause: EndCause::Hangup });
    let record = desk.close();

    assert_eq!((record.duration_ms, record.talked_ms), (91_035, 90_000));
    assert_eq!(record.rule.as_deref(), Some("people"));
    assert_eq!(String::from(record.began_at), "2025-11-28T09:00:00.000Z");
    assert_eq!(record.answered_at.map(String::from).as_deref(), Some("2025-11-28T09:00:01.005Z"));
    assert_eq!(record.ended_at.map(String::from).as_deref(), Some("2025-11-28T09:01:31.035Z"));
    assert_eq!(
        stretches(&record.timeline),
        [
            (Stage::Trying, 105),
            (Stage::Ringing, 900),
            (Stage::Talking, 60_000),
            (Stage::OnHold, 10_000),
            (Stage::Talking, 20_000),
            (Stage::Ending, 30),
        ]
    );
    let [alice, bob] = &record.legs[..] else { panic!("two legs: {record:?}") };
    assert_eq!((alice.way, bob.way, bob.number.as_str()), (Way::In, Way::Out, "bob"));
    assert_eq!((alice.duration_ms, bob.duration_ms), (91_035, 91_000));
    assert_eq!(
        stretches(&bob.timeline),
        [
            (Stage::Trying, 100),
            (Stage::Ringing, 900),
            (Stage::Talking, 60_000),
            (Stage::OnHold, 10_000),
            (Stage::Talking, 20_000),
        ]
    );
    let end = record.end.as_ref().expect("it is over");
    assert_eq!(
        (end.cause.as_str(), end.by, end.sip_status, end.q850),
        ("hangup", By::Callee, None, Some(16))
    );
    assert!(!record.clock_step);
}

#[test]
fn a_transfer_stands_beside_the_leg_that_asked_for_it() {
    let mut desk = Desk::new();
    desk.talk();
    desk.pass(100);
    desk.told(Event::TransferAsked { leg: desk.alice, destination: "carol".into(), replaces: None });
    desk.pass(50);
    let failed = TransferProgress::Failed(EndCause::Busy);
    desk.wants(Command::TransferProgress { leg: desk.alice, progress: failed });
    let record = desk.close();
    let json = serde_json::to_value(&record.legs[0].timeline.notes).expect("plain");
    let expected = serde_json::json!([
        {"at_ms": 1100, "event": "transfer_asked", "destination": "carol"},
        {"at_ms": 1150, "event": "transfer_failed", "cause": "busy"},
    ]);
    assert_eq!(json, expected);
}

#[test]
fn a_call_that_is_refused_at_the_door_has_a_record_too() {
    let desk = Desk::new();
    let at = desk.at();
    let record = desk.clerk.refuse(EndCause::Overloaded, Some("people"), at);
    assert_eq!((record.duration_ms, record.legs.len(), record.answered_at), (0, 1, None));
    let end = record.end.expect("it is over");
    assert_eq!((end.cause.as_str(), end.by, end.sip_status), ("overloaded", By::Gateway, Some(503)));
}

#[test]
fn a_clock_that_is_set_changes_no_length_and_is_told() {
    let mut desk = Desk::new();
    let bob = desk.talk();
    desk.pass(5000);
    let hour = Duration::from_secs(3600);
    let at = Moment { wall: desk.at().wall - hour, ..desk.at() };
    desk.clerk.see_input(&Input::Signal(Event::Ended { leg: bob, cause: EndCause::Hangup }), at);
    // It is set right again before the end.
    desk.wants(Command::Hangup { leg: desk.alice, cause: EndCause::Hangup });
    let record = desk.close();
    assert!(record.clock_step);
    assert_eq!((record.duration_ms, record.talked_ms), (6000, 5000));
}

#[test]
fn what_was_open_when_the_process_was_killed_ends_where_it_lived_last() {
    let mut desk = Desk::new();
    let bob = desk.talk();
    desk.agree(bob, Direction::SendRecv);
    let open = desk.clerk.settle().expect("much has happened");
    assert!(desk.clerk.settle().is_none(), "nothing since");
    assert_eq!((open.end.as_ref(), open.ended_at), (None, None));
    let kept: CallRecord = serde_json::from_str(&serde_json::to_string(&open).expect("plain")).expect("ours");
    assert_eq!(kept, *open);

    let last = |at: Stamp, after_ms| LastSign { at, after_ms };
    let record = kept.clone().after_crash(last(open.began_at.plus_ms(31_000), None));
    assert_eq!((record.duration_ms, record.talked_ms), (31_000, 30_000));
    assert_eq!(record.ended_at, Some(open.began_at.plus_ms(31_000)));
    let end = record.end.as_ref().expect("it is over");
    assert_eq!((end.cause.as_str(), end.by, end.sip_status), ("crash", By::Crash, None));
    assert!(record.legs.iter().all(|leg| leg.timeline.stage().is_none() && leg.end.is_some()));
    assert_eq!((record.legs[0].duration_ms, record.legs[1].duration_ms), (31_000, 31_000));

    let behind = kept.clone().after_crash(last(Stamp::from_ms(0), None));
    assert_eq!((behind.duration_ms, behind.talked_ms), (1000, 0), "no shorter than what is known of it");

    let same = kept.clone().after_crash(last(open.began_at.plus_ms(31_000), Some(30_600)));
    assert_eq!((same.duration_ms, same.clock_step), (31_000, false), "read a little later");
    let hour = 3_600_000;
    for at in [open.began_at.plus_ms(31_000 + hour), Stamp::from_ms(open.began_at.ms() - 1000)] {
        let set = kept.clone().after_crash(last(at, Some(30_600)));
        assert_eq!(
            (set.duration_ms, set.clock_step),
            (30_600, true),
            "a clock that was set makes no call longer"
        );
    }
}

#[test]
fn a_call_whose_record_had_no_room_ends_as_it_did() {
    let mut desk = Desk::new();
    let bob = desk.talk();
    let open = desk.clerk.settle().expect("much has happened");
    desk.pass(5000);
    desk.told(Event::Ended { leg: bob, cause: EndCause::Hangup });
    desk.wants(Command::Hangup { leg: desk.alice, cause: EndCause::Hangup });
    let record = desk.close();
    let unseen = record.unseen().expect("it is over");
    assert_eq!(open.unseen(), None);
    let written = open.ended_unseen(unseen);
    assert_eq!((written.duration_ms, written.end), (record.duration_ms, record.end));
    assert!(written.legs.iter().all(|leg| leg.timeline.stage().is_none() && leg.end.is_some()));
}

#[test]
fn a_group_of_many_fills_no_memory() {
    let mut desk = Desk::new();
    for _ in 0..100 {
        let leg = desk.dial("bob");
        desk.told(Event::Ended { leg, cause: EndCause::Busy });
    }
    desk.wants(Command::Hangup { leg: desk.alice, cause: EndCause::Busy });
    let record = desk.close();
    assert_eq!((record.legs.len(), record.legs_left_out), (64, 37));
    assert_eq!(record.end.expect("it is over").cause, "busy");
}

#[test]
fn a_peer_that_says_much_fills_no_memory() {
    let mut desk = Desk::new();
    desk.talk();
    let long = "ü".repeat(60_000);
    desk.told(Event::TransferAsked { leg: desk.alice, destination: long.clone(), replaces: None });
    desk.told(Event::Redirected { leg: desk.alice, places: vec![long; 500] });
    for number in 0..100 {
        desk.heard(CallEvent::RecordingStarted { file: format!("{number}.wav").into() });
    }
    let record = desk.close();
    let written = serde_json::to_string(&*record).expect("plain").len();
    assert!(written < 20_000, "{written} octets");
    assert_eq!((record.recordings.len(), record.recordings_left_out), (64, 36));
}

proptest! {
    /// Whatever happens to whichever leg, in whatever order: every timeline adds up, and the record survives its file.
    #[test]
    fn every_record_adds_up(steps in prop::collection::vec((0_usize..9, 0_usize..6, 0_u64..5000), 0..120)) {
        let mut desk = Desk::new();
        let mut legs = vec![desk.alice];
        for (what, which, ms) in steps {
            desk.pass(ms);
            let leg = legs[which % legs.len()];
            match what {
                0 if legs.len() < 6 => legs.push(desk.dial("bob")),
                1 => desk.told(ringing(leg)),
                2 => {
                    let description = Some(description());
                    desk.told(Event::Progress { leg, is_ringing: false, description, signalled_from: ADDRESS });
                }
                3 => desk.told(Event::Answered { leg, description: None, signalled_from: ADDRESS }),
                4 => desk.wants(Command::Answer { leg, description: description() }),
                5 => desk.agree(leg, [Direction::SendRecv, Direction::RecvOnly, Direction::Inactive][which % 3]),
                6 => desk.wants(Command::Hangup { leg, cause: EndCause::Hangup }),
                7 => desk.told(Event::Ended { leg, cause: EndCause::Hangup }),
                _ => {
                    let replacing = LegId::next();
                    let incoming = Box::new(incoming(replacing, Some(leg)));
                    desk.clerk.see_input(&Input::Incoming { adapter: "sip", incoming }, desk.at());
                    legs.push(replacing);
                }
            }
        }
        let lasted = desk.ms;
        let record = desk.close();
        let add_up = |timeline: &Timeline| {
            let mut at = timeline.begin_ms();
            for (segment, (_, duration)) in timeline.segments.iter().zip(stretches(timeline)) {
                assert_eq!(segment.begin_ms, at);
                at += duration;
            }
            at - timeline.begin_ms()
        };
        prop_assert_eq!(record.duration_ms, lasted);
        prop_assert_eq!(add_up(&record.timeline), lasted);
        for leg in &record.legs {
            prop_assert_eq!(add_up(&leg.timeline), leg.duration_ms);
            prop_assert!(leg.timeline.begin_ms() + leg.duration_ms <= lasted);
        }
        prop_assert!(record.talked_ms <= record.duration_ms);
        let told: CallRecord = serde_json::from_str(&serde_json::to_string(&*record).expect("plain")).expect("ours");
        prop_assert_eq!(told, *record);
    }
}

#[test]
fn a_call_that_the_gateway_made_has_both_parties_and_who_had_it_made() {
    let begin = Moment { now: Instant::now(), wall: UNIX_EPOCH + Duration::from_secs(1_764_320_400) };
    let party = |user: &str| adapter::Party { user: user.into(), display_name: String::new() };
    let parties = [("bob".to_owned(), party("200")), ("200".to_owned(), party("300"))];
    let asked = Origination::new("crm", Origin::User("alice".into()), parties, begin.wall);
    let clerk = Clerk::originate(&asked, begin);
    let mut desk = Desk { clerk, begin, ms: 0, alice: asked.leg };
    desk.clerk.admit(CallId::next(), "people");
    let bob = desk.dial("bob");
    desk.pass(100);
    desk.told(ringing(bob));
    desk.wants(Command::Ring { leg: asked.leg, description: None });
    desk.pass(900);
    desk.told(Event::Answered { leg: bob, description: None, signalled_from: ADDRESS });
    desk.wants(Command::Hangup { leg: asked.leg, cause: EndCause::Hangup });
    let carol = desk.dial("carol");
    desk.told(Event::Ended { leg: asked.leg, cause: EndCause::Hangup });
    desk.pass(1000);
    desk.told(Event::Answered { leg: carol, description: None, signalled_from: ADDRESS });
    desk.pass(3000);
    desk.told(Event::Ended { leg: carol, cause: EndCause::Hangup });
    desk.wants(Command::Hangup { leg: bob, cause: EndCause::Hangup });
    desk.told(Event::Ended { leg: bob, cause: EndCause::Hangup });
    let at = desk.at();
    let record = desk.clerk.close(at);
    assert_eq!((record.id.clone(), record.originated_by.as_deref()), (asked.id.clone(), Some("crm")));
    assert_eq!((record.caller.as_str(), record.destination.as_str()), ("300", "200"));
    let parties: Vec<_> = record.legs.iter().map(|leg| (leg.way, leg.number.as_str())).collect();
    assert_eq!(parties, [(Way::Out, "bob"), (Way::Out, "carol")]);
    assert_eq!((record.duration_ms, record.talked_ms), (5000, 4000), "it counts from the first answer on");
    let end = record.end.as_ref().expect("it is over");
    assert_eq!((end.cause.as_str(), end.by), ("hangup", By::Callee));

    // The first party is busy.
    let asked = Origination { leg: LegId::next(), ..asked };
    let mut desk = Desk { clerk: Clerk::originate(&asked, begin), begin, ms: 0, alice: asked.leg };
    let bob = desk.dial("bob");
    desk.told(Event::Ended { leg: bob, cause: EndCause::Busy });
    desk.wants(Command::Hangup { leg: asked.leg, cause: EndCause::Busy });
    let at = desk.at();
    let record = desk.clerk.close(at);
    let end = record.end.as_ref().expect("it is over");
    assert_eq!((end.cause.as_str(), end.sip_status, record.answered_at), ("busy", Some(486), None));
}
