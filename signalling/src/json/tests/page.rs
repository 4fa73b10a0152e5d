//! A core with pages at it, stepped by hand.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};
use webtrunk_engine::sdp::SessionDescription;
use webtrunk_engine::{EndCause, LegId};

use crate::accounts::{AccountId, AccountStanding, AccountTrunk, AccountTrunks, AccountWish};
use crate::adapter::{
    self, Command, Dial, Diversion, DiversionReason, HOPS_MAX, Header, HeaderChange, Party, Passage, Target,
    leg_span,
};
use crate::auth::digest::{Algorithm, Credentials, Ha1};
use crate::auth::ephemeral::{EphemeralHash, EphemeralKey, EphemeralKeys};
use crate::auth::ice_servers::{IceSource, IceSources};
use crate::auth::secret::{SecretOctets, SecretText};
use crate::auth::token::sealed::SealingKey;
use crate::auth::token::{Claims, KeyKind, Keyring, Terms, TokenKey};
use crate::auth::validity::{UnixTime, Validity};
use crate::commons::Commons;
use crate::json::core::{Core, CoreOutput};
use crate::json::door::{Entry, Proofs};
use crate::json::session::{Flow, Output};
use crate::json::{AccountPassword, JsonConfig, Owned};
use crate::presence::Activity;
use crate::room::Room;
use crate::sip::agent::TextConfig;
use crate::text_rates::TextRates;

/// A browser's description.
pub(super) const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
    m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=ice-ufrag:abcd\r\n\
    a=ice-pwd:0123456789abcdefghijkl\r\na=fingerprint:sha-256 \
    00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF\r\n\
    a=setup:actpass\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\na=sendrecv\r\n";

/// A fragment with its candidates.
pub(super) const FRAGMENT: &str = "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdefghijkl\r\n\
    m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\na=candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host\r\n";

/// When it is by calendars.
pub(super) const WALL: u64 = 1_764_288_000;

/// The users' realm.
const REALM: &str = "webtrunk";

struct Users;

impl Credentials for Users {
    fn ha1(&self, user: &str, realm: &str, algorithm: Algorithm) -> Option<Ha1> {
        ["alice", "bob"]
            .contains(&user)
            .then(|| Ha1::new(algorithm, user, realm, &format!("password-of-{user}")))
    }
}

/// A core and what came of it.
pub(super) struct Bench {
    pub(super) core: Core,
    pub(super) now: Instant,
    pub(super) wall: u64,
    pub(super) sent: BTreeMap<u64, Vec<Value>>,
    pub(super) closed: BTreeMap<u64, String>,
    pub(super) events: Vec<adapter::Event>,
    pub(super) located: BTreeMap<String, Vec<u64>>,
    /// What is wanted of accounts.
    pub(super) wishes: Vec<AccountWish>,
    last_flow: u64,
    last_id: u64,
}

impl Bench {
    pub(super) fn new() -> Self {
        Self::with(JsonConfig { passwords: true, ..JsonConfig::default() })
    }

    pub(super) fn with(config: JsonConfig) -> Self {
        Self::with_room(config, Room::new(None, None, Arc::default()))
    }

    pub(super) fn with_room(config: JsonConfig, room: Room) -> Self {
        let texts = TextRates::new(TextConfig::default());
        Self::with_commons(config, Commons::new(room, texts))
    }

    pub(super) fn with_texts(texts: TextConfig) -> Self {
        let config = JsonConfig { passwords: true, ..JsonConfig::default() };
        let room = Room::new(None, None, Arc::default());
        let texts = TextRates::new(texts);
        Self::with_commons(config, Commons::new(room, texts))
    }

    pub(super) fn with_commons(config: JsonConfig, commons: Commons) -> Self {
        let now = Instant::now();
        Self {
            core: Core::new(JsonConfig { realm: REALM.to_owned(), ..config }, proofs(), commons, now),
            now,
            wall: WALL,
            sent: BTreeMap::new(),
            closed: BTreeMap::new(),
            events: Vec::new(),
            located: BTreeMap::new(),
            wishes: Vec::new(),
            last_flow: 0,
            last_id: 0,
        }
    }

    /// A page opens a connection.
    pub(super) fn open(&mut self) -> u64 {
        self.open_by(true)
    }

    /// The same by TLS, or without.
    pub(super) fn open_by(&mut self, is_encrypted: bool) -> u64 {
        self.last_flow += 1;
        let remote = "192.0.2.1:5000".parse().expect("an address");
        let entry = Entry { remote, is_encrypted, origin: Some("https://crm.example".to_owned()) };
        self.core.handle_open(Flow(self.last_flow), entry);
        self.last_flow
    }

    /// A page of a user is connected; what it was told is forgotten but the answer.
    pub(super) fn page(&mut self, user: &str) -> (u64, Value) {
        let flow = self.open();
        let password = format!("password-of-{user}");
        let proof = json!({ "kind": "password", "user": user, "password": password });
        let answer = self.ask(flow, "connect", json!({ "proof": proof }));
        assert!(answer.get("result").is_some(), "{answer}");
        self.sent.clear();
        (flow, answer["result"].clone())
    }

    /// Sends a request; its answer, where it comes at once.
    pub(super) fn ask(&mut self, flow: u64, method: &str, params: Value) -> Value {
        self.last_id += 1;
        let id = self.last_id;
        let text = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }).to_string();
        self.say(flow, &text);
        self.answer(flow, id).unwrap_or(Value::Null)
    }

    /// The answer to a request, where there is one.
    pub(super) fn answer(&self, flow: u64, id: u64) -> Option<Value> {
        self.sent.get(&flow)?.iter().find(|message| message["id"] == id).cloned()
    }

    /// The name of the request that was sent last.
    pub(super) const fn last_id(&self) -> u64 {
        self.last_id
    }

    pub(super) fn say(&mut self, flow: u64, text: &str) {
        let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(self.wall);
        self.core.handle_message(Flow(flow), text.as_bytes(), wall, self.now);
        self.drain();
    }

    pub(super) fn command(&mut self, command: Command) {
        self.core.handle_command(command, self.now);
        self.drain();
    }

    /// Other keys and users.
    pub(super) fn take_up(&mut self, proofs: Proofs) {
        self.core.take_up(proofs);
        self.drain();
    }

    /// A user does something else.
    pub(super) fn activity(&mut self, user: &str, activity: Activity) {
        self.core.handle_activity(user, activity);
        self.drain();
    }

    /// The turn before has panicked.
    pub(super) fn give_up_broken(&mut self) {
        self.core.give_up_broken();
        self.drain();
    }

    pub(super) fn lose(&mut self, flow: u64) {
        self.core.handle_closed(Flow(flow), self.now);
        self.drain();
    }

    pub(super) fn wait(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        self.wall += seconds;
        let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(self.wall);
        self.core.handle_timeout(wall, self.now);
        self.drain();
    }

    /// A page calls; the call's name and leg.
    pub(super) fn call(&mut self, flow: u64, to: &str) -> (String, LegId) {
        let answer = self.ask(flow, "call", json!({ "to": to, "sdp": SDP }));
        let call_id = answer["result"]["callId"].as_str().expect("a call").to_owned();
        (call_id, self.last_incoming())
    }

    /// The leg of the call that came in last.
    pub(super) fn last_incoming(&self) -> LegId {
        let incoming = |event: &adapter::Event| match event {
            adapter::Event::Incoming(incoming) => Some(incoming.leg),
            _ => None,
        };
        self.events.iter().rev().find_map(incoming).expect("a call")
    }

    /// Somebody calls a session; the leg.
    pub(super) fn dial(&mut self, user: &str, binding: u64) -> LegId {
        let headers = vec![HeaderChange { name: "X-Card".to_owned(), value: Some("7".to_owned()) }];
        let reason = DiversionReason::NoAnswer;
        let passed = Passage {
            headers: vec![Header { name: "X-Theirs".to_owned(), value: "1".to_owned() }],
            diversions: vec![Diversion { user: "200".to_owned(), reason, counter: 1 }],
        };
        self.dial_with((user, binding), headers, passed)
    }

    /// The same with what the dial plan says, and what goes along.
    pub(super) fn dial_with(
        &mut self,
        (user, binding): (&str, u64),
        headers: Vec<HeaderChange>,
        passed: Passage,
    ) -> LegId {
        let leg = LegId::next();
        self.command(Command::Dial(Box::new(Dial {
            leg,
            target: Target::Contact { user: user.to_owned(), binding },
            caller: Party { user: "100".to_owned(), display_name: "Carol".to_owned() },
            on_behalf_of: None,
            transferred_by: None,
            offer: Some(description()),
            headers,
            ring_timeout: Duration::from_secs(30),
            has_successor: false,
            hops: HOPS_MAX,
            passed,
            span: leg_span(leg),
        })));
        leg
    }

    /// The names of the events that a page was told, in their order.
    pub(super) fn told(&self, flow: u64) -> Vec<&str> {
        self.sent.get(&flow).into_iter().flatten().filter_map(|message| message["method"].as_str()).collect()
    }

    /// The parameters of the last event of this name.
    pub(super) fn event(&self, flow: u64, name: &str) -> Value {
        let mut events = self.sent.get(&flow).into_iter().flatten();
        let last = events.rfind(|message| message["method"] == name);
        last.map(|message| message["params"].clone()).unwrap_or_default()
    }

    /// How each leg ended, in the order of their ends.
    pub(super) fn ends(&self) -> Vec<(LegId, EndCause)> {
        let end = |event: &adapter::Event| match event {
            adapter::Event::Ended { leg, cause } => Some((*leg, *cause)),
            _ => None,
        };
        self.events.iter().filter_map(end).collect()
    }

    /// An account stands so.
    pub(super) fn stand(&mut self, id: AccountId, standing: AccountStanding) {
        self.core.handle_standing(id, standing);
        self.drain();
    }

    fn drain(&mut self) {
        self.core.release_accounts(self.now);
        while let Some(output) = self.core.poll_output() {
            match output {
                CoreOutput::Session(Output::Send { flow, text }) => {
                    let message = serde_json::from_str(&text).expect("we send JSON");
                    self.sent.entry(flow.0).or_default().push(message);
                }
                CoreOutput::Session(Output::Close { flow, why }) => {
                    self.closed.insert(flow.0, format!("{why:?}"));
                }
                CoreOutput::Session(Output::Event(event)) => self.events.push(event),
                CoreOutput::Account(wish) => self.wishes.push(wish),
                CoreOutput::Known(_) | CoreOutput::Session(Output::Watches { .. }) => {}
                CoreOutput::Located { user, contacts } => {
                    self.located.insert(user, contacts.iter().map(|contact| contact.binding).collect());
                }
            }
        }
    }
}

/// What pages are known by.
pub(super) fn proofs() -> Proofs {
    let keys = |id: &str, secret: &str| {
        let secret = SecretOctets::new(secret.as_bytes().to_vec());
        let key = EphemeralKey::new(id.to_owned(), secret, EphemeralHash::Sha256, Validity::default());
        EphemeralKeys::new(vec![key.expect("a key")])
    };
    Proofs {
        tokens: Keyring::new(vec![token_key()]),
        ephemeral: keys("k1", "north wind and sun"),
        edge: keys("e1", "hare and tortoise!"),
        users: Arc::new(Users),
        trunks: account_trunks(),
        passwords: HashMap::from([("kept".to_owned(), kept_password())]),
        customers: HashMap::from([
            ("bolt".to_owned(), Owned { numbers: vec!["+49301".to_owned()], trunks: Vec::new() }),
            ("acme".to_owned(), Owned::default()),
        ]),
        has_customers: true,
        ice: turn(),
        has_recordings: false,
        headers: Vec::new(),
    }
}

/// The same as the gateway writes it.
pub(super) fn sdp() -> String {
    description().to_string()
}

pub(super) fn description() -> Box<SessionDescription> {
    Box::new(SessionDescription::parse(SDP).expect("a description"))
}

/// The provider at which tokens may have accounts, and the name of its trunk.
pub(super) const PROVIDER: &str = "sip.provider.example";
pub(super) const TRUNK: &str = "provider";

fn account_trunks() -> AccountTrunks {
    let host = || PROVIDER.parse().expect("a host");
    AccountTrunks(vec![AccountTrunk { name: TRUNK.to_owned(), host: host(), port: 5060, domain: host() }])
}

fn turn() -> IceSources {
    let secret = Some(SecretOctets::new(b"north wind and sun".to_vec()));
    let urls = vec!["turn:turn.example".to_owned()];
    IceSources(vec![IceSource { urls, secret, lifetime: Duration::from_secs(3600) }])
}

/// The password that tokens of a customer may name.
fn kept_password() -> AccountPassword {
    AccountPassword { customer: Some("bolt".to_owned()), password: SecretText::new("kept".to_owned()) }
}

pub(super) fn token_key() -> TokenKey {
    let sealing = SealingKey::new(SecretOctets::new((0..32).collect())).expect("32 octets");
    let hosts = [PROVIDER, "127.0.0.1"].map(|host| host.parse().expect("a host")).to_vec();
    let terms = Terms { audience: Some("phone.example".to_owned()), hosts, ..Terms::default() };
    TokenKey::new("crm".to_owned(), KeyKind::Sealed(sealing), Validity::default(), terms).expect("a key")
}

/// A token of these claims besides those that every token has.
pub(super) fn token(more: Value) -> String {
    let mut claims = json!({ "aud": "phone.example", "iat": WALL, "exp": WALL + 300, "sub": "alice" });
    for (name, value) in more.as_object().expect("claims") {
        claims[name] = value.clone();
    }
    if claims["sub"].is_null() {
        claims.as_object_mut().expect("claims").remove("sub");
    }
    let claims = Claims::from_json(&claims.to_string()).expect("claims");
    token_key().make(&claims, rand::random(), UnixTime(WALL)).expect("a token")
}
