//! Many calls over links that lose, delay and reorder: whatever happens, each ends once and nothing stays.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use webtrunk_engine::{EndCause, LegId};

use super::description;
use super::pair::{Link, Pair, Side};
use crate::adapter::{Command, Event};
use crate::sip::message::{Message, Method};

#[test]
fn every_call_ends_once_and_every_invite_gets_one_final_response() {
    for seed in 0..150 {
        let mut random = StdRng::seed_from_u64(seed);
        let mut pair = Pair::over(Link {
            loss: random.random_range(0.0..=0.3),
            delay: Duration::from_millis(random.random_range(1..150)),
            jitter: Duration::from_millis(random.random_range(0..300)),
            seed,
        });
        let calls = (0..4).map(|_| Story::pick(&mut random)).collect::<Vec<_>>();
        let mut actors: Vec<_> = calls.into_iter().map(|story| (pair.dial(), story)).collect();
        play(&mut pair, &mut actors, &mut random);
        pair.run_for(Duration::from_secs(600));
        check(&pair, &actors, seed);
    }
}

#[test]
fn at_ten_percent_loss_calls_are_set_up() {
    let mut connected = 0;
    for seed in 0..100 {
        let jitter = Duration::from_millis(20);
        let mut pair = Pair::over(Link { loss: 0.1, jitter, seed, ..Link::GOOD });
        pair.dial();
        pair.run_for(Duration::from_secs(8));
        let Some(callee) = pair.told[1].iter().find_map(incoming_leg) else { continue };
        pair.command(Side::Callee, Command::Answer { leg: callee, description: description(2) });
        pair.run_for(Duration::from_secs(20));
        let is_answered = pair.told[0].iter().any(|event| matches!(event, Event::Answered { .. }));
        let is_acknowledged = pair.told[1].iter().any(|event| matches!(event, Event::Acknowledged { .. }));
        connected += usize::from(is_answered && is_acknowledged);
    }
    assert_eq!(connected, 100);
}

/// What the two sides of one call do, and when.
struct Story {
    caller_gives_up: Option<Duration>,
    callee: Callee,
    callee_waits: Duration,
    talk: Duration,
    reoffers: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Callee {
    Answers,
    Refuses,
    Ignores,
}

impl Story {
    fn pick(random: &mut StdRng) -> Self {
        let up_to = |random: &mut StdRng, millis: u64| Duration::from_millis(random.random_range(0..millis));
        Self {
            caller_gives_up: random.random_bool(0.3).then(|| up_to(random, 6_000)),
            callee: [Callee::Answers, Callee::Answers, Callee::Refuses, Callee::Ignores]
                [random.random_range(0..4)],
            callee_waits: up_to(random, 6_000),
            talk: up_to(random, 20_000),
            reoffers: random.random_bool(0.5),
        }
    }
}

/// Plays all stories at once, in steps of 100 ms.
fn play(pair: &mut Pair, actors: &mut [(LegId, Story)], random: &mut StdRng) {
    let start = pair.now;
    let mut callees: BTreeMap<LegId, usize> = BTreeMap::new();
    for _ in 0..400 {
        pair.run_for(Duration::from_millis(100));
        let elapsed = pair.now - start;
        let news: Vec<_> = pair.told[1].iter().filter_map(incoming_leg).collect();
        for leg in news {
            let number = callees.len();
            callees.entry(leg).or_insert(number);
        }
        for (leg, story) in actors.iter_mut() {
            if story.caller_gives_up.take_if(|after| *after <= elapsed).is_some() {
                pair.hang_up(Side::Caller, *leg, EndCause::Cancelled);
            }
        }
        for (leg, number) in &callees {
            let story = &mut actors[*number].1;
            act(pair, *leg, story, elapsed, random);
        }
        answer_reoffers(pair);
    }
}

fn act(pair: &mut Pair, leg: LegId, story: &mut Story, elapsed: Duration, random: &mut StdRng) {
    if elapsed < story.callee_waits {
        return;
    }
    match story.callee {
        Callee::Answers => {
            pair.command(Side::Callee, Command::Ring { leg, description: None });
            pair.command(Side::Callee, Command::Answer { leg, description: description(2) });
            story.callee = Callee::Ignores;
        }
        Callee::Refuses => {
            pair.hang_up(Side::Callee, leg, EndCause::Busy);
            story.callee = Callee::Ignores;
        }
        Callee::Ignores if story.reoffers && random.random_bool(0.05) => {
            pair.command(Side::Callee, Command::Reoffer { leg, offer: description(5) });
        }
        Callee::Ignores if elapsed > story.callee_waits + story.talk => {
            pair.hang_up(Side::Callee, leg, EndCause::Hangup);
        }
        Callee::Ignores => {}
    }
}

fn answer_reoffers(pair: &mut Pair) {
    let asked = |event: &Event| match event {
        Event::Reoffered { leg, .. } => Some(*leg),
        _ => None,
    };
    for side in [Side::Caller, Side::Callee] {
        let legs: BTreeSet<_> = pair.told[side as usize].iter().filter_map(asked).collect();
        for leg in legs {
            pair.command(side, Command::AnswerReoffer { leg, description: description(6) });
        }
    }
}

fn check(pair: &Pair, actors: &[(LegId, Story)], seed: u64) {
    for (leg, _) in actors {
        assert!(pair.ended(Side::Caller, *leg).is_some(), "seed {seed}: {leg} has no end");
    }
    for leg in pair.told[1].iter().filter_map(incoming_leg) {
        assert!(pair.ended(Side::Callee, leg).is_some(), "seed {seed}: {leg} has no end");
    }
    for told in &pair.told {
        let mut over = BTreeSet::new();
        for event in told {
            assert!(!over.contains(&super::leg_of(event)), "seed {seed}: {event:?} after its leg ended");
            if let Event::Ended { leg, .. } = event {
                over.insert(*leg);
            }
        }
    }
    let mut finals: BTreeMap<String, BTreeSet<u16>> = BTreeMap::new();
    for (_, message) in &pair.wire {
        if let Message::Response(response) = message
            && response.headers.cseq().is_ok_and(|cseq| cseq.method == Method::Invite)
        {
            let via = response.headers.via().expect("a core writes well");
            let of = finals.entry(via.branch().unwrap_or_default().to_owned()).or_default();
            of.extend(response.status.is_final().then_some(response.status.code()));
        }
    }
    for (branch, statuses) in finals {
        assert_eq!(statuses.len(), 1, "seed {seed}: {branch} got {statuses:?}");
    }
    assert!(pair.is_silent(), "seed {seed}: {:?} is left", pair.left());
}

fn incoming_leg(event: &Event) -> Option<LegId> {
    match event {
        Event::Incoming(incoming) => Some(incoming.leg),
        _ => None,
    }
}
