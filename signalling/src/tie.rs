//! The tie: two calls become one, as who talks in the one takes somebody's place in the other.
//!
//! ```text
//!      call that asks                tie                  call that is joined
//!  party --- leg <-- Answered, Ended --+-- Answer, Hangup --> leg --- party
//!              `--- Dial, Hangup ------+---- Incoming --------^
//!              `<=============== RTP on loopback ============>'
//! ```
//!
//! Each call gets a leg, and to each the tie is an adapter like others: what the one commands the other is told. So
//! each goes on to record, to hold and to end as it did before, wherever its media is.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};

use tracing::info;
use webtrunk_codecs::CodecId;
use webtrunk_engine::{EndCause, LegId};

use crate::adapter::{
    Command, ContentId, Delivery, Dial, Event, Incoming, MediaProfile, News, Passage, RecordingPolicy,
    Target, leg_span,
};

/// Its name among the adapters.
pub(crate) const NAME: &str = "tie";

/// Where the legs send their media.
pub(crate) const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// What the legs may speak, best first: whatever the parties have, so that nothing is transcoded on the way.
pub(crate) const CODECS: [CodecId; 4] = [CodecId::Opus, CodecId::G722, CodecId::Pcmu, CodecId::Pcma];

/// The legs that are tied, each by the other's name.
#[derive(Debug, Default)]
pub(crate) struct Tie {
    ends: HashMap<LegId, LegId>,
    /// Ends that are the two parties of one call, each by the other's name: what comes to the one goes on by the other.
    joined: HashMap<LegId, LegId>,
    /// What one end was told and has not answered, and what the other calls it.
    told: HashMap<ContentId, ContentId>,
    last: u32,
}

impl Tie {
    /// Obeys what a call commands; what calls are told of it.
    pub(crate) fn handle_command(&mut self, command: Command) -> Vec<Event> {
        match command {
            Command::Dial(dial) => vec![self.dial(*dial)],
            Command::Ring { leg, description } => self.tell(leg, |leg| Event::Progress {
                leg,
                is_ringing: description.is_none(),
                description,
                signalled_from: ADDRESS,
            }),
            Command::Answer { leg, description } => self.tell(leg, |leg| Event::Answered {
                leg,
                description: Some(description),
                signalled_from: ADDRESS,
            }),
            Command::SendDigit { leg, digit, duration } => {
                self.tell(leg, |leg| Event::DigitPressed { leg, digit, duration })
            }
            Command::Reoffer { leg, .. } => {
                vec![Event::ReofferRefused { leg, cause: EndCause::NotAcceptable }]
            }
            Command::PassContent { leg, id, content } => {
                let Some(leg) = self.ends.get(&leg).copied() else { return Vec::new() };
                self.last = self.last.wrapping_add(1);
                let own = ContentId { leg, number: self.last };
                self.told.insert(own, id);
                vec![Event::ContentTold { leg, id: own, content }]
            }
            Command::AnswerContent { leg, id, delivery } => {
                let Some(id) = self.told.remove(&id) else { return Vec::new() };
                self.tell(leg, |leg| Event::ContentAnswered { leg, id, delivery })
            }
            // Who waits there waits for somebody else than that.
            Command::Redirect { leg, .. } => self.end(leg, EndCause::Unavailable),
            Command::Hangup { leg, cause } => self.end(leg, cause),
            Command::SendText(text) => {
                let delivery = Delivery::Failed(EndCause::Unavailable);
                vec![Event::TextSent { leg: text.leg, delivery }]
            }
            Command::Tell { leg, news: News::Recording(policy) } => {
                self.tell(leg, |leg| Event::RecordingBound { leg, policy })
            }
            // An end asks for nothing that these answer; and nothing is left to say once the calls are over.
            Command::AnswerReoffer { .. }
            | Command::RefuseReoffer { .. }
            | Command::AnswerCandidates { .. }
            | Command::AnswerRecord { .. }
            | Command::TransferProgress { .. }
            | Command::Tell { .. }
            | Command::AnswerText { .. }
            | Command::RefuseCalls
            | Command::Drain => Vec::new(),
        }
    }

    /// Two ends are the two parties of one call from now on. Where calls are joined in a ring, nobody is in any of
    /// them, and all of them end.
    pub(crate) fn join(&mut self, [one, other]: [LegId; 2]) -> Vec<Event> {
        // A call may go on without an end that has ended here.
        if ![one, other].iter().all(|leg| self.ends.contains_key(leg)) {
            return Vec::new();
        }
        self.joined.insert(one, other);
        self.joined.insert(other, one);
        let mut ring = Vec::new();
        let mut leg = one;
        loop {
            ring.push(leg);
            let Some(next) = self.ends.get(&leg).and_then(|far| self.joined.get(far)) else {
                return Vec::new();
            };
            if *next == one {
                break;
            }
            if ring.contains(next) {
                return Vec::new();
            }
            leg = *next;
        }
        info!(calls = ring.len(), "nobody is left in calls that are joined");
        ring.into_iter().flat_map(|leg| self.end(leg, EndCause::Hangup)).collect()
    }

    /// The far end is a call that comes in, whose party's place it wants.
    fn dial(&mut self, dial: Dial) -> Event {
        let Target::Party { leg: replaces, origin, user } = dial.target else {
            return Event::Ended { leg: dial.leg, cause: EndCause::Unavailable };
        };
        let leg = LegId::next();
        self.ends.insert(dial.leg, leg);
        self.ends.insert(leg, dial.leg);
        Event::Incoming(Box::new(Incoming {
            leg,
            origin,
            caller: dial.caller,
            destination: user,
            device: None,
            profile: MediaProfile::Rtp,
            offer: dial.offer,
            signalled_from: ADDRESS,
            listener: NAME.into(),
            headers: Vec::new(),
            recording: RecordingPolicy::ByRule,
            hops: dial.hops,
            passed: Passage::default(),
            replaces: Some(replaces),
            span: leg_span(leg),
        }))
    }

    /// One end goes, and the other with it.
    fn end(&mut self, leg: LegId, cause: EndCause) -> Vec<Event> {
        let Some(other) = self.ends.remove(&leg) else { return Vec::new() };
        self.ends.remove(&other);
        for gone in [leg, other] {
            if let Some(opposite) = self.joined.remove(&gone)
                && self.joined.get(&opposite) == Some(&gone)
            {
                self.joined.remove(&opposite);
            }
        }
        self.told.retain(|id, _| id.leg != leg && id.leg != other);
        [leg, other].map(|leg| Event::Ended { leg, cause }).into()
    }

    fn tell(&self, leg: LegId, event: impl FnOnce(LegId) -> Event) -> Vec<Event> {
        self.ends.get(&leg).map(|other| event(*other)).into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tracing::Span;
    use webtrunk_engine::sdp::SessionDescription;

    use super::*;
    use crate::adapter::{Content, ContentKind, Origin, Party};

    fn description() -> Box<SessionDescription> {
        let text = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";
        Box::new(SessionDescription::parse(text).expect("a good description"))
    }

    fn dial(target: Target) -> Dial {
        Dial {
            leg: LegId::next(),
            target,
            caller: Party { user: "ann".into(), display_name: String::new() },
            on_behalf_of: None,
            transferred_by: None,
            offer: Some(description()),
            ring_timeout: Duration::MAX,
            headers: Vec::new(),
            has_successor: false,
            hops: 7,
            passed: Passage::default(),
            span: Span::none(),
        }
    }

    /// Two ends: of the call that asks, and of the one that is joined.
    fn tied(tie: &mut Tie) -> (LegId, LegId) {
        let target =
            Target::Party { leg: LegId::next(), origin: Origin::User("bob".into()), user: "eve".into() };
        let dial = dial(target);
        let near = dial.leg;
        let told = tie.handle_command(Command::Dial(Box::new(dial)));
        let [Event::Incoming(incoming)] = &told[..] else { panic!("{told:?}") };
        (near, incoming.leg)
    }

    #[test]
    fn a_dial_comes_in_at_the_other_call_by_the_rights_of_who_asked() {
        let mut tie = Tie::default();
        let leg = LegId::next();
        let target = Target::Party { leg, origin: Origin::User("bob".into()), user: "eve".into() };
        let told = tie.handle_command(Command::Dial(Box::new(dial(target))));
        let [Event::Incoming(incoming)] = &told[..] else { panic!("{told:?}") };
        assert_eq!((incoming.replaces, incoming.hops), (Some(leg), 7));
        assert_eq!((&incoming.origin, &*incoming.caller.user), (&Origin::User("bob".into()), "ann"));
    }

    #[test]
    fn what_one_end_is_commanded_the_other_is_told() {
        let mut tie = Tie::default();
        let (near, far) = tied(&mut tie);
        let told = tie.handle_command(Command::Ring { leg: far, description: None });
        assert!(matches!(told[..], [Event::Progress { leg, is_ringing: true, .. }] if leg == near));
        let told = tie.handle_command(Command::Ring { leg: far, description: Some(description()) });
        assert!(matches!(told[..], [Event::Progress { is_ringing: false, description: Some(_), .. }]));
        let told = tie.handle_command(Command::Answer { leg: far, description: description() });
        assert!(matches!(told[..], [Event::Answered { leg, description: Some(_), .. }] if leg == near));
        for (from, to) in [(near, far), (far, near)] {
            let duration = Duration::from_millis(100);
            let told = tie.handle_command(Command::SendDigit { leg: from, digit: '5', duration });
            assert!(matches!(told[..], [Event::DigitPressed { leg, digit: '5', .. }] if leg == to));
        }
        for (from, to) in [(near, far), (far, near)] {
            let id = ContentId { leg: LegId::next(), number: 9 };
            let content =
                Content { kind: ContentKind::Message, media_type: "text/plain".into(), body: "hi".into() };
            let told = tie.handle_command(Command::PassContent {
                leg: from,
                id,
                content: Box::new(content.clone()),
            });
            let [Event::ContentTold { leg, id: own, content: passed }] = &told[..] else {
                panic!("{told:?}")
            };
            assert_eq!((*leg, own.leg, &**passed), (to, to, &content));
            let answer = Command::AnswerContent { leg: to, id: *own, delivery: Delivery::Done };
            let told = tie.handle_command(answer);
            assert!(
                matches!(told[..], [Event::ContentAnswered { leg, id: of, delivery: Delivery::Done }] if (leg, of) == (from, id))
            );
        }
        assert!(tie.told.is_empty());
        for (from, to) in [(near, far), (far, near)] {
            let news = News::Recording(RecordingPolicy::Never);
            let told = tie.handle_command(Command::Tell { leg: from, news });
            assert!(
                matches!(told[..], [Event::RecordingBound { leg, policy: RecordingPolicy::Never }] if leg == to)
            );
            let held = Command::Tell { leg: from, news: News::Held(true) };
            assert!(tie.handle_command(held).is_empty());
        }
        let told = tie.handle_command(Command::Reoffer { leg: near, offer: description() });
        assert!(matches!(told[..], [Event::ReofferRefused { leg, .. }] if leg == near));
    }

    #[test]
    fn calls_that_are_joined_in_a_ring_end_and_a_row_of_calls_does_not() {
        for count in 1..5 {
            let mut tie = Tie::default();
            let ties: Vec<_> = (0..count).map(|_| tied(&mut tie)).collect();
            for pair in ties.windows(2) {
                let [(_, from), (to, _)] = *pair else { continue };
                assert!(tie.join([from, to]).is_empty(), "who is at either end talks to the other");
                // It may be told again, when who stays is held, say.
                assert!(tie.join([to, from]).is_empty());
            }
            let ended = tie.join([ties[count - 1].1, ties[0].0]);
            assert_eq!(ended.len(), 2 * count);
            assert!(ended.iter().all(|event| matches!(event, Event::Ended { .. })));
            assert!(tie.ends.is_empty() && tie.joined.is_empty());
        }
    }

    #[test]
    fn a_call_that_somebody_came_back_to_is_joined_no_more() {
        let mut tie = Tie::default();
        let [(a, b), (c, d)] = [(); 2].map(|()| tied(&mut tie));
        assert!(tie.join([b, c]).is_empty());
        // Somebody takes the place of the one end, and the other talks to that one.
        tie.handle_command(Command::Hangup { leg: a, cause: EndCause::Hangup });
        assert!(tie.joined.is_empty());
        let (e, f) = tied(&mut tie);
        assert!(tie.join([d, e]).is_empty() && tie.join([f, b]).is_empty(), "that end is gone");
        assert!(!tie.join([f, c]).is_empty());
    }

    #[test]
    fn both_ends_end_once() {
        for is_near in [true, false] {
            let mut tie = Tie::default();
            let (near, far) = tied(&mut tie);
            let [leg, other] = if is_near { [near, far] } else { [far, near] };
            let told = tie.handle_command(Command::Hangup { leg, cause: EndCause::Busy });
            let ended = told.iter().map(|event| match event {
                Event::Ended { leg, cause: EndCause::Busy } => *leg,
                event => panic!("{event:?}"),
            });
            assert_eq!(ended.collect::<Vec<_>>(), [leg, other]);
            assert!(tie.handle_command(Command::Hangup { leg: other, cause: EndCause::Hangup }).is_empty());
            assert!(tie.handle_command(Command::Answer { leg: far, description: description() }).is_empty());
            assert!(tie.ends.is_empty());
        }
        let target = Target::Trunk { trunk: "pstn".into(), number: "100".into() };
        let told = Tie::default().handle_command(Command::Dial(Box::new(dial(target))));
        assert!(matches!(told[..], [Event::Ended { cause: EndCause::Unavailable, .. }]));
    }
}
