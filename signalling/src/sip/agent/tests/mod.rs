//! The core against itself over a link, and against peers written by hand.

mod authentication;
mod calls;
mod chaos;
mod dialled;
mod door;
mod errands;
mod faults;
mod forks;
mod hops;
mod in_dialog;
mod lossy;
mod orphans;
mod other_flows;
mod overload;
mod pair;
mod peer;
mod refer;
mod reliable;
mod reoffers;
mod replaces;
mod room;
mod session_timers;
mod stages;
mod streams;
mod texts;
mod told_candidates;
mod waiting;
mod watching;

use std::time::Duration;

use webtrunk_engine::LegId;
use webtrunk_engine::sdp::SessionDescription;

use crate::adapter::{Dial, Event, Party, Passage, Target};

/// A description that differs from others by its number.
fn description(number: u64) -> Box<SessionDescription> {
    let text = format!(
        "v=0\r\no=- {number} 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
         m=audio 40000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
    );
    Box::new(SessionDescription::parse(text).expect("the test writes it well"))
}

/// A call of Ann's to Bob by a trunk, without an offer.
fn dial_to(trunk: &str) -> Dial {
    Dial {
        leg: LegId::next(),
        target: Target::Trunk { trunk: trunk.to_owned(), number: "bob".to_owned() },
        caller: Party { user: "ann".to_owned(), display_name: String::new() },
        on_behalf_of: None,
        transferred_by: None,
        offer: None,
        ring_timeout: Duration::from_secs(120),
        headers: Vec::new(),
        has_successor: false,
        hops: 4,
        passed: Passage::default(),
        span: tracing::Span::none(),
    }
}

fn leg_of(event: &Event) -> LegId {
    event.leg()
}
