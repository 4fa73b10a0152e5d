//! The gateway, played: it tells the adapter what to do, hears what it tells, and has each event judged.

use std::time::Duration;

use tokio::sync::mpsc::{Receiver, Sender};
use tokio::time::timeout;
use tracing::Span;
use webtrunk_engine::sdp::SessionDescription;
use webtrunk_engine::{EndCause, LegId};
use webtrunk_signalling::adapter::{Command, Dial, Event, HOPS_MAX, Incoming, Party, Passage, Target};

use crate::judge::Judge;

/// How long anything may take. Chosen by us: a machine that does much else at the same time is in time too.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// How long nothing has to happen before we believe that nothing does. Chosen by us: a message of loopback takes a thousandth.
const QUIET: Duration = Duration::from_millis(300);

/// One side of an adapter. What breaks a promise ends the test, by its words.
pub struct Gateway {
    commands: Sender<Command>,
    events: Receiver<Event>,
    judge: Judge,
}

impl Gateway {
    /// Of an adapter that was started.
    #[must_use]
    pub fn new(commands: Sender<Command>, events: Receiver<Event>) -> Self {
        Self { commands, events, judge: Judge::default() }
    }

    /// Tells the adapter something.
    ///
    /// # Panics
    /// Where it takes no command in time.
    pub async fn tell(&mut self, command: Command) {
        self.judge.note(&command);
        let sent = timeout(PATIENCE, self.commands.send(command)).await;
        sent.expect("the adapter takes no commands").expect("the adapter has ended without being told to");
    }

    /// The next event, but for what may come at any time of an answered call: that it was acknowledged, and codes of its end.
    ///
    /// # Panics
    /// Where none comes in time, or it breaks a promise.
    pub async fn event(&mut self) -> Event {
        loop {
            let event = timeout(PATIENCE, self.events.recv()).await.expect("the adapter tells nothing");
            let event = event.expect("the adapter has ended without being told to");
            self.judged(&event);
            if !is_aside(&event) {
                return event;
            }
        }
    }

    /// The next event has to be a new call.
    ///
    /// # Panics
    /// Where it is not.
    pub async fn incoming(&mut self) -> Incoming {
        match self.event().await {
            Event::Incoming(call) => *call,
            other => panic!("a new call was expected: {other:?}"),
        }
    }

    /// The leg has to end next, by one of these causes.
    ///
    /// # Panics
    /// Where it does not.
    pub async fn ended(&mut self, leg: LegId, causes: &[EndCause]) {
        match self.event().await {
            Event::Ended { leg: of, cause } if of == leg => {
                assert!(causes.contains(&cause), "a leg ended by {cause:?}, and not by one of {causes:?}");
            }
            other => panic!("the end of a leg was expected: {other:?}"),
        }
    }

    /// The leg has to end, whatever is told of it before.
    ///
    /// # Panics
    /// Where it does not.
    pub async fn ended_at_last(&mut self, leg: LegId) {
        loop {
            if let Event::Ended { leg: of, .. } = self.event().await
                && of == leg
            {
                return;
            }
        }
    }

    /// Nothing more is told.
    ///
    /// # Panics
    /// Where something is.
    pub async fn quiet(&mut self) {
        while let Ok(event) = timeout(QUIET, self.events.recv()).await {
            let event = event.expect("the adapter has ended without being told to");
            self.judged(&event);
            assert!(is_aside(&event), "nothing was expected any more: {event:?}");
        }
    }

    /// How many new offers of ours wait for the answer of this leg.
    #[must_use]
    pub fn offers(&self, leg: LegId) -> usize {
        self.judge.offers(leg)
    }

    /// Says `Drain`, and hears all that is told until the adapter has stopped: every leg ends, and what was asked is answered.
    ///
    /// # Panics
    /// Where it does not stop, or owes something then.
    pub async fn drain(mut self) {
        self.tell(Command::Drain).await;
        while let Some(event) =
            timeout(PATIENCE, self.events.recv()).await.expect("the adapter does not stop")
        {
            self.judged(&event);
        }
        let closed = timeout(PATIENCE, self.commands.closed()).await;
        closed.expect("the adapter takes commands after its end");
        self.judge.finish().unwrap_or_else(|breach| panic!("a promise is broken: {breach}"));
    }

    fn judged(&mut self, event: &Event) {
        self.judge.hear(event).unwrap_or_else(|breach| panic!("a promise is broken: {breach}"));
    }
}

fn is_aside(event: &Event) -> bool {
    matches!(event, Event::Acknowledged { .. } | Event::EndTold { .. } | Event::AwayTold { .. })
}

/// A call to be placed, with an offer.
#[must_use]
pub fn dial(target: Target) -> Box<Dial> {
    Box::new(Dial {
        leg: LegId::next(),
        target,
        caller: Party { user: "07010002000".into(), display_name: String::new() },
        on_behalf_of: None,
        transferred_by: None,
        offer: Some(description(DIALLED)),
        headers: Vec::new(),
        ring_timeout: PATIENCE,
        has_successor: false,
        hops: HOPS_MAX - 1,
        passed: Passage::default(),
        span: Span::none(),
    })
}

/// Somebody who is not there, whatever the adapter.
pub(crate) fn nobody() -> Target {
    Target::Contact { user: "nobody".into(), binding: u64::MAX }
}

/// The ports by which descriptions are known again: of the far side's offer, ..
pub(crate) const OFFERED: u16 = 41_000;
/// .. of our answer to it, ..
pub(crate) const ANSWERED: u16 = 41_002;
/// .. of our offer to whom we dial, ..
pub(crate) const DIALLED: u16 = 41_004;
/// .. of the answer to it, ..
pub(crate) const LIFTED: u16 = 41_006;
/// .. and of what either side offers anew.
pub(crate) const AGAIN: u16 = 41_008;

/// A browser's description of media at this port, which every protocol may carry.
pub(crate) fn description(port: u16) -> Box<SessionDescription> {
    let text = format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
         m=audio {port} UDP/TLS/RTP/SAVPF 0\r\nc=IN IP4 127.0.0.1\r\na=mid:0\r\na=ice-ufrag:abcd\r\n\
         a=ice-pwd:0123456789abcdefghijkl\r\na=fingerprint:sha-256 \
         00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF\r\n\
         a=setup:actpass\r\na=rtcp-mux\r\na=rtpmap:0 PCMU/8000\r\na=sendrecv\r\n"
    );
    Box::new(SessionDescription::parse(&text).expect("a description"))
}

/// Whether a description is the one of this port.
pub(crate) fn is_of(port: u16, description: &str) -> bool {
    description.contains(&format!("m=audio {port} "))
}
