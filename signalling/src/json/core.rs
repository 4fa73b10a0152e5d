//! All sessions and connections of the JSON API, without sockets and clocks: who is let in, which session a message, a
//! command or a lost connection is for, and what comes of it.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant, SystemTime};

use sha2::{Digest as _, Sha256};
use tracing::{info, warn};
use webtrunk_engine::{EndCause, LegId};

use super::accounts::Accounts;
use super::config::JsonConfig;
use super::door::{ANSWER, Door, Entry, Proofs, TokenId};
use super::protocol::{
    Connect, Connected, ErrorCode, Event, Fault, Frame, Id, Outcome, Registration, RegistrationState,
    Request, Resume, Resumed, refusal, response,
};
use super::session::{Closing, Flow, Ledger, Output, Session, SessionKey};
use crate::accounts::{AccountId, AccountStanding, AccountWish};
use crate::adapter::{self, Command, Delivery, MediaProfile, Target};
use crate::auth::validity::UnixTime;
use crate::sip::locations::ContactInfo;

/// Refusals of one connection in this time, past which it is closed. Chosen by us: a program under development makes one
/// or two.
const FAULTS_MAX: u32 = 10;
const FAULTS_WITHIN: Duration = Duration::from_secs(10);

/// Longest display name, in characters: that of tokens.
const NAME_MAX: usize = 128;

/// What is to be done, besides what sessions want.
#[derive(Debug)]
pub(super) enum CoreOutput {
    /// By a connection, or the gateway.
    Session(Output),
    /// By whoever registers accounts.
    Account(AccountWish),
    /// Whoever opened the connection has proven who it is.
    Known(Flow),
    /// Where a user can be reached now.
    Located {
        /// Who.
        user: String,
        /// Its sessions, the oldest first.
        contacts: Vec<ContactInfo>,
    },
}

/// Everything that the adapter knows.
pub(super) struct Core {
    config: JsonConfig,
    door: Door,
    sessions: HashMap<SessionKey, Session>,
    flows: HashMap<Flow, Connection>,
    /// The session of each leg and message.
    legs: HashMap<LegId, SessionKey>,
    /// The sessions of each user, the oldest first.
    users: HashMap<String, Vec<SessionKey>>,
    /// The hashes of each session's resume tokens: of the next one, and of the one that its connection was opened by
    /// while nothing says that the page has the next.
    resume: HashMap<ResumeHash, SessionKey>,
    ledger: Ledger,
    accounts: Accounts,
    /// Sessions that are over, whose accounts nobody has released yet.
    over: Vec<SessionKey>,
    last_key: SessionKey,
    takes_calls: bool,
    is_drained: bool,
    outputs: VecDeque<CoreOutput>,
}

type ResumeHash = [u8; 32];

/// A connection.
struct Connection {
    entry: Entry,
    session: Option<SessionKey>,
    /// The resume token that it was opened by, which is good until the page's first request: the answer may be lost.
    opened_by: Option<ResumeHash>,
    /// How much was refused, and since when.
    faults: Option<(Instant, u32)>,
}

impl Core {
    pub(super) fn new(config: JsonConfig, proofs: Proofs) -> Self {
        let door = Door::new(proofs, config.passwords, config.realm.clone());
        Self {
            config,
            door,
            sessions: HashMap::new(),
            flows: HashMap::new(),
            legs: HashMap::new(),
            users: HashMap::new(),
            resume: HashMap::new(),
            ledger: Ledger::default(),
            accounts: Accounts::default(),
            over: Vec::new(),
            last_key: 0,
            takes_calls: true,
            is_drained: false,
            outputs: VecDeque::new(),
        }
    }

    /// Takes other keys and users; sessions that there are go on.
    pub(super) fn take_up(&mut self, proofs: Proofs) {
        self.door.take_up(proofs);
    }

    /// A connection is open.
    pub(super) fn handle_open(&mut self, flow: Flow, entry: Entry) {
        self.flows.insert(flow, Connection { entry, session: None, opened_by: None, faults: None });
    }

    /// A connection is gone; its session waits.
    pub(super) fn handle_closed(&mut self, flow: Flow, now: Instant) {
        let Some(key) = self.flows.remove(&flow).and_then(|connection| connection.session) else { return };
        if let Some(session) = self.sessions.get_mut(&key).filter(|session| session.flow() == Some(flow)) {
            session.handle_flow_lost(self.config.resume, now);
        }
        self.settle(key);
    }

    /// A message came.
    pub(super) fn handle_message(&mut self, flow: Flow, message: &[u8], wall: SystemTime, now: Instant) {
        let Some(connection) = self.flows.get_mut(&flow) else { return };
        let read = match std::str::from_utf8(message) {
            Ok(text) => Frame::read(text),
            Err(_) => Err((None, Fault::new(ErrorCode::Parse, "the message is no UTF-8"))),
        };
        let Frame { id, request } = match read {
            Ok(frame) => frame,
            Err((id, fault)) => return self.refuse(flow, id.as_ref(), &fault, now),
        };
        if let Some(key) = connection.session {
            if let Some(used) = connection.opened_by.take() {
                self.resume.remove(&used);
            }
            let Some(session) = self.sessions.get_mut(&key) else { return };
            session.handle_request(id, request, self.takes_calls, &mut self.ledger, now);
            return self.settle(key);
        }
        match request {
            Request::Connect(connect) => self.connect(flow, &id, connect, wall, now),
            Request::Resume(resume) => self.resume(flow, &id, &resume, wall, now),
            _ => {
                let fault = Fault::new(ErrorCode::NotConnected, "connect or resume must come first");
                self.refuse(flow, Some(&id), &fault, now);
            }
        }
    }

    /// Obeys the gateway. What is for a leg that is over goes nowhere.
    pub(super) fn handle_command(&mut self, command: Command) {
        let key = match &command {
            Command::RefuseCalls => {
                self.takes_calls = false;
                return;
            }
            Command::Drain => return self.drain(),
            Command::Dial(dial) => match self.called(&dial.target) {
                Some(key) => {
                    self.legs.insert(dial.leg, key);
                    key
                }
                None => {
                    let ended = adapter::Event::Ended { leg: dial.leg, cause: EndCause::Unavailable };
                    return self.outputs.push_back(CoreOutput::Session(Output::Event(ended)));
                }
            },
            Command::SendText(text) => match self.called(&text.target) {
                Some(key) => key,
                None => {
                    let delivery = Delivery::Failed(EndCause::Unavailable);
                    let sent = adapter::Event::TextSent { leg: text.leg, delivery };
                    return self.outputs.push_back(CoreOutput::Session(Output::Event(sent)));
                }
            },
            Command::AnswerText { leg, .. } => match self.legs.remove(leg) {
                Some(key) => key,
                None => return,
            },
            Command::Ring { leg, .. }
            | Command::Answer { leg, .. }
            | Command::Reoffer { leg, .. }
            | Command::AnswerReoffer { leg, .. }
            | Command::RefuseReoffer { leg, .. }
            | Command::SendDigit { leg, .. }
            | Command::AnswerCandidates { leg, .. }
            | Command::AnswerRecord { leg, .. }
            | Command::TransferProgress { leg, .. }
            | Command::Tell { leg, .. }
            | Command::PassContent { leg, .. }
            | Command::AnswerContent { leg, .. }
            | Command::Hangup { leg, .. }
            | Command::Redirect { leg, .. } => match self.legs.get(leg) {
                Some(key) => *key,
                None => return,
            },
        };
        if let Some(session) = self.sessions.get_mut(&key) {
            session.handle_command(command, &mut self.ledger);
        }
        self.settle(key);
    }

    /// Ends sessions whose pages did not come back.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        let is_due = |session: &Session| session.poll_timeout().is_some_and(|at| at <= now);
        let due: Vec<_> = self.sessions.iter().filter(|(_, it)| is_due(it)).map(|(key, _)| *key).collect();
        for key in due {
            if let Some(session) = self.sessions.get_mut(&key) {
                session.handle_timeout(&mut self.ledger, now);
            }
            self.settle(key);
        }
        self.outputs.extend(self.accounts.handle_timeout(now).into_iter().map(CoreOutput::Account));
    }

    /// When one is due.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let sessions = self.sessions.values().filter_map(Session::poll_timeout);
        sessions.chain(self.accounts.poll_timeout()).min()
    }

    /// An account stands so: its pages are told.
    pub(super) fn handle_standing(&mut self, id: AccountId, standing: AccountStanding) {
        for key in self.accounts.stands(id, standing) {
            if let Some(session) = self.sessions.get_mut(&key) {
                session.tell(&registration(Some(standing)));
            }
            self.settle(key);
        }
    }

    /// The accounts of sessions that are over are held for the grace from now on.
    pub(super) fn release_accounts(&mut self, now: Instant) {
        for key in self.over.drain(..) {
            self.accounts.release(key, now + self.config.account_grace);
        }
    }

    /// What is to be done; call until `None`.
    pub(super) fn poll_output(&mut self) -> Option<CoreOutput> {
        self.outputs.pop_front()
    }

    /// Whether all is over that was told to end.
    pub(super) const fn is_drained(&self) -> bool {
        self.is_drained
    }

    fn connect(&mut self, flow: Flow, id: &Id, connect: Connect, wall: SystemTime, now: Instant) {
        let Some(connection) = self.flows.get(&flow) else { return };
        let remote = connection.entry.remote.ip().to_canonical();
        let named = connect.display_name.as_deref().unwrap_or_default();
        if named.chars().count() > NAME_MAX || named.contains(char::is_control) {
            let fault =
                Fault::of_field("displayName", "params.displayName: must be one line of 128 characters");
            return self.refuse(flow, Some(id), &fault, now);
        }
        if !self.takes_calls {
            let fault = Fault::new(ErrorCode::Overloaded, "the gateway goes down, and takes no new sessions");
            return self.refuse(flow, Some(id), &fault, now);
        }
        let mut identity = match self.door.admit(&connect.proof, &connection.entry, wall, now) {
            Ok(identity) => identity,
            Err(reason) => {
                warn!(%remote, %reason, "page is not let in");
                return self.refuse(flow, Some(id), &Fault::new(ErrorCode::NotAccepted, ANSWER), now);
            }
        };
        if identity.shown.display_name.is_empty() {
            identity.shown.display_name = named.to_owned();
        }
        let held: HashSet<TokenId> =
            self.sessions.values().filter_map(Session::granted).map(|granted| granted.token).collect();
        self.ledger.forget(UnixTime::from(wall), |token| held.contains(token));
        let user = identity.user.clone();
        self.make_room(&user);
        self.release_accounts(now);
        self.last_key += 1;
        let key = self.last_key;
        let standing = match identity.account.as_deref().map(|account| self.accounts.take(key, account)) {
            None => None,
            Some(Ok((wishes, standing))) => {
                self.outputs.extend(wishes.into_iter().map(CoreOutput::Account));
                Some(standing)
            }
            Some(Err(reason)) => {
                warn!(%remote, %reason, "page is not let in");
                return self.refuse(flow, Some(id), &Fault::new(ErrorCode::NotAccepted, ANSWER), now);
            }
        };
        let session = Session::new(super::session::new_name(), identity, flow, remote, now);
        info!(session = session.name, user, %remote, "session began");
        let outcome = Outcome::Connected(Connected {
            session: session.name.clone(),
            user: user.clone(),
            resume_token: self.new_resume_token(key, None),
            resume_s: self.config.resume.as_secs(),
            ice_servers: self.door.ice_servers(&user, wall),
        });
        self.sessions.insert(key, session);
        self.users.entry(user.clone()).or_default().push(key);
        self.attach(flow, key);
        self.send(flow, response(id, &outcome));
        self.publish(&user);
        if let Some(session) = self.sessions.get_mut(&key) {
            session.tell(&registration(standing));
        }
        self.settle(key);
    }

    fn resume(
        &mut self,
        flow: Flow,
        id: &Id,
        Resume { token, last_seen }: &Resume,
        wall: SystemTime,
        now: Instant,
    ) {
        let opened_by = hash(token.expose());
        let key = self.resume.get(&opened_by).copied();
        let remote = self.flows.get(&flow).map(|connection| connection.entry.remote.ip().to_canonical());
        let (Some(key), Some(remote)) = (key, remote) else {
            let fault = Fault::new(
                ErrorCode::Gone,
                "the session is over, or the resume token was used: connect anew",
            );
            return self.refuse(flow, Some(id), &fault, now);
        };
        let (resume_token, resume_s) =
            (self.new_resume_token(key, Some(opened_by)), self.config.resume.as_secs());
        let Some(session) = self.sessions.get_mut(&key) else { return };
        let old = session.flow();
        let (name, user) = (session.name.clone(), session.user().to_owned());
        let ice_servers = self.door.ice_servers(&user, wall);
        session.resume(flow, remote, *last_seen, |events_lost, calls| {
            let resumed =
                Resumed { session: name, user, resume_token, resume_s, events_lost, ice_servers, calls };
            response(id, &Outcome::Resumed(resumed))
        });
        if let Some(connection) = old.and_then(|old| self.flows.get_mut(&old)) {
            (connection.session, connection.opened_by) = (None, None);
        }
        if let Some(connection) = self.flows.get_mut(&flow) {
            connection.opened_by = Some(opened_by);
        }
        let user = session.user().to_owned();
        self.attach(flow, key);
        self.publish(&user);
        self.settle(key);
    }

    /// A user's page comes in: where it has as many sessions as it may, the one that waits longest makes room, or the
    /// oldest.
    fn make_room(&mut self, user: &str) {
        while let Some(keys) = self.users.get(user)
            && keys.len() >= self.config.sessions_per_user
        {
            let is_waiting =
                |key: &&SessionKey| self.sessions.get(*key).is_some_and(|it| it.flow().is_none());
            let Some(key) = keys.iter().find(is_waiting).or(keys.first()).copied() else { return };
            if let Some(session) = self.sessions.get_mut(&key) {
                session.end(EndCause::SignallingLost, Some(Closing::Replaced), &mut self.ledger);
            }
            self.settle(key);
        }
    }

    fn drain(&mut self) {
        self.takes_calls = false;
        for key in self.sessions.keys().copied().collect::<Vec<_>>() {
            if let Some(session) = self.sessions.get_mut(&key) {
                session.end(EndCause::ShuttingDown, Some(Closing::GoesDown), &mut self.ledger);
            }
            self.settle(key);
        }
        for flow in std::mem::take(&mut self.flows).into_keys() {
            let close = Output::Close { flow, why: Closing::GoesDown };
            self.outputs.push_back(CoreOutput::Session(close));
        }
        self.is_drained = true;
    }

    fn called(&self, target: &Target) -> Option<SessionKey> {
        match target {
            Target::Contact { user, binding } => {
                self.sessions.get(binding).filter(|session| session.user() == user).map(|_| *binding)
            }
            Target::Trunk { .. } | Target::Party { .. } => None,
        }
    }

    fn attach(&mut self, flow: Flow, key: SessionKey) {
        if let Some(connection) = self.flows.get_mut(&flow) {
            connection.session = Some(key);
        }
        self.outputs.push_back(CoreOutput::Known(flow));
    }

    /// A token of 256 random bits, of which the hash alone is kept; of those before it `kept` alone is good.
    fn new_resume_token(&mut self, key: SessionKey, kept: Option<ResumeHash>) -> String {
        self.resume.retain(|hash, own| *own != key || Some(*hash) == kept);
        let token = format!("{:032x}{:032x}", rand::random::<u128>(), rand::random::<u128>());
        self.resume.insert(hash(&token), key);
        token
    }

    fn publish(&mut self, user: &str) {
        let keys = self.users.get(user).map(Vec::as_slice).unwrap_or_default();
        let contact = |key: &SessionKey| {
            self.sessions.get(key).map(|session| ContactInfo {
                binding: *key,
                adapter: super::adapter::NAME,
                profile: MediaProfile::Webrtc,
                address: session.remote(),
            })
        };
        let contacts = keys.iter().filter_map(contact).collect();
        self.outputs.push_back(CoreOutput::Located { user: user.to_owned(), contacts });
    }

    fn send(&mut self, flow: Flow, text: String) {
        self.outputs.push_back(CoreOutput::Session(Output::Send { flow, text }));
    }

    /// Refuses what a connection sent; one of which too much is refused is closed.
    fn refuse(&mut self, flow: Flow, id: Option<&Id>, fault: &Fault, now: Instant) {
        self.send(flow, refusal(id, fault));
        let Some(connection) = self.flows.get_mut(&flow) else { return };
        let (since, count) = connection.faults.get_or_insert((now, 0));
        if now.duration_since(*since) >= FAULTS_WITHIN {
            (*since, *count) = (now, 0);
        }
        *count += 1;
        if *count >= FAULTS_MAX {
            info!(remote = %connection.entry.remote, "connection is closed: too much of what it sends is wrong");
            let close = Output::Close { flow, why: Closing::Misbehaves };
            self.outputs.push_back(CoreOutput::Session(close));
        }
    }

    /// Takes out of a session what it wants done, and forgets it where it is over.
    fn settle(&mut self, key: SessionKey) {
        let Some(session) = self.sessions.get_mut(&key) else { return };
        while let Some(output) = session.poll_output() {
            match &output {
                Output::Event(adapter::Event::Incoming(incoming)) => {
                    self.legs.insert(incoming.leg, key);
                }
                Output::Event(adapter::Event::Texted(text)) => {
                    self.legs.insert(text.leg, key);
                }
                Output::Event(adapter::Event::Ended { leg, .. }) => {
                    self.legs.remove(leg);
                }
                Output::Event(_) | Output::Send { .. } | Output::Close { .. } => {}
            }
            self.outputs.push_back(CoreOutput::Session(output));
        }
        if session.is_over() {
            let user = session.user().to_owned();
            info!(session = session.name, user, "session is over");
            self.sessions.remove(&key);
            self.over.push(key);
            self.resume.retain(|_, own| *own != key);
            self.legs.retain(|_, own| *own != key);
            self.flows.values_mut().filter(|it| it.session == Some(key)).for_each(|it| it.session = None);
            if let Some(keys) = self.users.get_mut(&user) {
                keys.retain(|own| *own != key);
                if keys.is_empty() {
                    self.users.remove(&user);
                }
            }
            self.publish(&user);
        }
    }
}

/// The page can be called, and by its account as that stands.
fn registration(account: Option<AccountStanding>) -> Event {
    let account = account.map(Into::into);
    Event::Registration(Registration { state: RegistrationState::Registered, account })
}

fn hash(token: &str) -> ResumeHash {
    Sha256::digest(token).into()
}
