//! A whole SIP adapter on loopback ports, with the gateway played by the test.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::time::timeout;
use webtrunk_engine::LegId;
use webtrunk_engine::sdp::SessionDescription;
use webtrunk_signalling::adapter::{Adapter, Command, Dial, Event, Incoming, Party, Passage, Target};
use webtrunk_signalling::auth::digest::{Algorithm, Credentials, Ha1};
use webtrunk_signalling::locations::{ContactInfo, Locations};
use webtrunk_signalling::sip::adapter::SipAdapter;
use webtrunk_signalling::sip::config::SipConfig;
use webtrunk_signalling::sip::flow::{ListenerId, TransportKind};
use webtrunk_signalling::sip::transport::{GuardConfig, TransportLayer, TransportLimits};

use super::{PATIENCE, listener};

pub(crate) const REALM: &str = "webtrunk.test";
pub(crate) const PASSWORD: &str = "wonderland";

/// A description of a plain RTP peer; nobody reads it here.
pub(crate) const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
                              m=audio 40000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n";

/// The adapter, and what it reports.
pub(crate) struct Gateway {
    pub(crate) commands: Sender<Command>,
    pub(crate) transport: TransportLayer,
    pub(crate) locations: Locations,
    events: Receiver<Event>,
    /// Dropped, it would listen no more.
    _adapter: SipAdapter,
}

/// Users `alice` and `bob`, one listener of each kind.
pub(crate) fn config(kinds: &[TransportKind]) -> SipConfig {
    let mut config = SipConfig::new(REALM, Arc::new(Users));
    config.transport.listeners = kinds.iter().map(|kind| listener(*kind)).collect();
    config.transport.guard = GuardConfig::open();
    config.registrar.expires_min = Duration::from_secs(1);
    config
}

struct Users;

impl Credentials for Users {
    fn ha1(&self, user: &str, realm: &str, algorithm: Algorithm) -> Option<Ha1> {
        ["alice", "bob"].contains(&user).then(|| Ha1::new(algorithm, user, realm, PASSWORD))
    }
}

/// A call to this target, by that party.
pub(crate) fn dial(target: Target, caller: Party) -> Box<Dial> {
    Box::new(Dial {
        leg: LegId::next(),
        target,
        caller,
        on_behalf_of: None,
        transferred_by: None,
        offer: Some(description()),
        ring_timeout: Duration::from_secs(30),
        headers: Vec::new(),
        has_successor: false,
        hops: 69,
        passed: Passage::default(),
        span: tracing::Span::none(),
    })
}

impl Gateway {
    pub(crate) fn start(kinds: &[TransportKind], limits: TransportLimits) -> Self {
        let mut config = config(kinds);
        config.transport.limits = limits;
        Self::start_with(config)
    }

    pub(crate) fn start_with(config: SipConfig) -> Self {
        let mut adapter = SipAdapter::new(config);
        let (transport, locations) = (adapter.transport(), adapter.locations());
        let (sender, events) = mpsc::channel(64);
        let commands = adapter.start(sender).expect("loopback ports are free");
        Self { commands, transport, locations, events, _adapter: adapter }
    }

    /// Where the listener at this place of the list is.
    pub(crate) fn address(&self, place: u16) -> SocketAddr {
        self.transport.addresses().listener(ListenerId(place)).expect("it was asked for").bound
    }

    pub(crate) async fn command(&self, command: Command) {
        self.commands.send(command).await.expect("the adapter is alive");
    }

    pub(crate) async fn event(&mut self) -> Event {
        timeout(PATIENCE, self.events.recv()).await.expect("an event").expect("the adapter is alive")
    }

    /// The next event has to be a new call.
    pub(crate) async fn incoming(&mut self) -> Incoming {
        match self.event().await {
            Event::Incoming(call) => *call,
            other => panic!("no call: {other:?}"),
        }
    }

    /// `true` when the adapter has stopped, all events having been taken.
    pub(crate) async fn has_stopped(&mut self) -> bool {
        timeout(PATIENCE, self.events.recv()).await.is_ok_and(|event| event.is_none())
    }

    /// Waits until a user has so many contacts.
    pub(crate) async fn contacts(&self, user: &str, count: usize) -> Vec<ContactInfo> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let contacts = self.locations.contacts(user);
            if contacts.len() == count {
                return contacts;
            }
            assert!(Instant::now() < deadline, "{user} has {contacts:?}, not {count}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Strangers have rung nobody and registered nobody.
    pub(crate) async fn assert_untouched(mut self) {
        let event = timeout(Duration::from_millis(50), self.events.recv()).await;
        assert!(event.is_err(), "{event:?}");
        assert_eq!(self.locations.reachable_users(), 0);
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.transport.stop();
    }
}

/// The description that the gateway offers and answers with.
pub(crate) fn description() -> Box<SessionDescription> {
    Box::new(SessionDescription::parse(SDP).expect("a description"))
}
