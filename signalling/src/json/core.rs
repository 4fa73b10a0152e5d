//! All sessions and connections of the JSON API, without sockets and clocks: who is let in, which session a message, a
//! command or a lost connection is for, and what comes of it.

mod entry;
mod refusals;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant, SystemTime};

use tracing::{error, info};
use webtrunk_engine::{EndCause, LegId};

use super::accounts::Accounts;
use super::config::JsonConfig;
use super::door::{Door, Entry, Proofs};
use super::protocol::{ErrorCode, Event, Fault, Frame, Registration, RegistrationState, Request};
use super::session::{Closing, Flow, Ledger, Output, Session, SessionKey};
use crate::accounts::{AccountId, AccountStanding, AccountWish};
use crate::adapter::{self, Command, Delivery, MediaProfile, Target};
use crate::auth::token::{TokenKeeper, UsedToken};
use crate::auth::validity::UnixTime;
use crate::commons::Commons;
use crate::deadlines::Deadlines;
use crate::locations::ContactInfo;
use crate::log_lines::LogLines;
use crate::presence::Activity;
use crate::sip::passing::HeaderRange;

/// How often tokens are forgotten that nobody can come by any more. Chosen by us: to look at all of them takes a
/// millisecond.
const FORGETTING: Duration = Duration::from_secs(60);

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
    /// The headers that pages may say, and are told.
    headers: Vec<HeaderRange>,
    sessions: HashMap<SessionKey, Slot>,
    flows: HashMap<Flow, Connection>,
    /// The session of each leg and message.
    legs: HashMap<LegId, SessionKey>,
    /// The sessions of each user, the oldest first.
    users: HashMap<String, Vec<SessionKey>>,
    /// The hashes of each session's resume tokens: of the next one, and of the one that its connection was opened by
    /// while nothing says that the page has the next.
    resume: HashMap<ResumeHash, SessionKey>,
    deadlines: Deadlines<SessionKey>,
    /// The sessions that watch each user.
    watchers: HashMap<String, BTreeSet<SessionKey>>,
    ledger: Ledger,
    accounts: Accounts,
    /// Sessions that began by tokens that anybody may forge who has one.
    forgeable_logins: Arc<AtomicU64>,
    /// What pages do wrong.
    wrongs: LogLines,
    /// Sessions that are over, whose accounts nobody has released yet.
    over: Vec<SessionKey>,
    forgets_at: Instant,
    last_key: SessionKey,
    commons: Commons,
    takes_calls: bool,
    is_drained: bool,
    /// What the turn that is under way is about, for one that panics.
    at_work: AtWork,
    outputs: VecDeque<CoreOutput>,
}

type ResumeHash = [u8; 32];

/// A session, and what is known of it beside.
struct Slot {
    session: Session,
    /// Its resume tokens: the next one, and the one that its connection was opened by.
    resume: Vec<ResumeHash>,
    /// When it is due.
    due: Option<Instant>,
}

/// A connection and a session that something is done with.
#[derive(Debug, Clone, Copy, Default)]
struct AtWork {
    flow: Option<Flow>,
    session: Option<SessionKey>,
}

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
    pub(super) fn new(config: JsonConfig, proofs: Proofs, commons: Commons, now: Instant) -> Self {
        let headers = proofs.headers.clone();
        let door = Door::new(proofs, config.passwords, config.realm.clone());
        Self {
            config,
            door,
            headers,
            sessions: HashMap::new(),
            flows: HashMap::new(),
            legs: HashMap::new(),
            users: HashMap::new(),
            resume: HashMap::new(),
            deadlines: Deadlines::new(),
            watchers: HashMap::new(),
            ledger: Ledger::default(),
            accounts: Accounts::default(),
            forgeable_logins: Arc::default(),
            wrongs: LogLines::default(),
            over: Vec::new(),
            forgets_at: now + FORGETTING,
            last_key: 0,
            commons,
            takes_calls: true,
            is_drained: false,
            at_work: AtWork::default(),
            outputs: VecDeque::new(),
        }
    }

    /// The same, which counts there who comes by a token that anybody may forge who has one.
    pub(super) fn counting_forgeable(mut self, logins: Arc<AtomicU64>) -> Self {
        self.forgeable_logins = logins;
        self
    }

    /// The same, which remembers the tokens that were used before a restart, and has those kept that are used.
    pub(super) fn remembering(mut self, kept: &[UsedToken], keeper: Option<Arc<dyn TokenKeeper>>) -> Self {
        self.door.remember(kept, keeper);
        self
    }

    /// The same, whose accounts get names after this one.
    pub(super) fn naming_accounts_after(self, last: AccountId) -> Self {
        Self { accounts: Accounts::after(last), ..self }
    }

    /// Takes other keys and users; sessions go on, but those of whoever could not come any more as it came, or from there.
    pub(super) fn take_up(&mut self, proofs: Proofs) {
        self.headers.clone_from(&proofs.headers);
        self.door.take_up(proofs);
        let is_unknown = |Slot { session, .. }: &Slot| {
            let is_elsewhere = !self.commons.networks.admit(session.user(), session.remote());
            is_elsewhere || !self.door.still_knows(&session.identity)
        };
        let unknown: Vec<_> =
            self.sessions.iter().filter(|(_, slot)| is_unknown(slot)).map(|(key, _)| *key).collect();
        for key in unknown {
            self.at_work = AtWork { flow: None, session: Some(key) };
            if let Some(Slot { session, .. }) = self.sessions.get_mut(&key) {
                info!(
                    session = session.name,
                    user = session.user(),
                    "its user, key or password is gone, or it may not come from there"
                );
                session.end(EndCause::Forbidden, Some(Closing::Revoked), &mut self.ledger);
            }
            self.settle(key);
        }
    }

    /// A connection is open.
    pub(super) fn handle_open(&mut self, flow: Flow, entry: Entry) {
        self.flows.insert(flow, Connection { entry, session: None, opened_by: None, faults: None });
    }

    /// A connection is gone; its session waits.
    pub(super) fn handle_closed(&mut self, flow: Flow, now: Instant) {
        let resume = self.config.resume;
        let Some(key) = self.flows.remove(&flow).and_then(|connection| connection.session) else { return };
        self.at_work = AtWork { flow: None, session: Some(key) };
        if let Some(session) = self.session(key).filter(|session| session.flow() == Some(flow)) {
            session.handle_flow_lost(resume, now);
        }
        self.settle(key);
    }

    /// A message came.
    pub(super) fn handle_message(&mut self, flow: Flow, message: &[u8], wall: SystemTime, now: Instant) {
        let Some(connection) = self.flows.get_mut(&flow) else { return };
        self.at_work = AtWork { flow: Some(flow), session: connection.session };
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
            let Some(Slot { session, .. }) = self.sessions.get_mut(&key) else { return };
            let commons = self.takes_calls.then_some(&self.commons);
            session.handle_request(id, request, commons, &self.headers, &mut self.ledger, now);
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
    pub(super) fn handle_command(&mut self, command: Command, now: Instant) {
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
        self.at_work = AtWork { flow: None, session: Some(key) };
        if let Some(Slot { session, .. }) = self.sessions.get_mut(&key) {
            session.handle_command(command, &self.headers, &mut self.ledger, now);
        }
        self.settle(key);
    }

    /// A user does something else: whoever watches it is told.
    pub(super) fn handle_activity(&mut self, user: &str, activity: Activity) {
        for key in self.watchers.get(user).into_iter().flatten().copied().collect::<Vec<_>>() {
            if let Some(session) = self.session(key) {
                session.tell_activity(user, activity);
            }
            self.settle(key);
        }
    }

    /// Ends sessions whose pages did not come back.
    pub(super) fn handle_timeout(&mut self, wall: SystemTime, now: Instant) {
        if self.forgets_at <= now {
            self.forgets_at = now + FORGETTING;
            self.ledger.forget(UnixTime::from(wall));
        }
        while let Some(key) = self.deadlines.first_due(now) {
            self.at_work = AtWork { flow: None, session: Some(key) };
            if let Some(Slot { session, .. }) = self.sessions.get_mut(&key) {
                session.handle_timeout(&mut self.ledger, now);
            }
            self.settle(key);
        }
        self.outputs.extend(self.accounts.handle_timeout(now).into_iter().map(CoreOutput::Account));
    }

    /// When something is due.
    pub(super) fn poll_timeout(&self) -> Instant {
        let others = [self.deadlines.next(), self.accounts.poll_timeout()];
        others.into_iter().flatten().fold(self.forgets_at, Instant::min)
    }

    /// An account stands so: its pages are told.
    pub(super) fn handle_standing(&mut self, id: AccountId, standing: AccountStanding) {
        for key in self.accounts.stands(id, standing) {
            self.at_work = AtWork { flow: None, session: Some(key) };
            if let Some(session) = self.session(key) {
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

    /// Gives up the session, or the connection alone, that a turn was about which has panicked: all else goes on.
    pub(super) fn give_up_broken(&mut self) {
        let AtWork { flow, session: key } = std::mem::take(&mut self.at_work);
        let slot = key.and_then(|key| Some((key, self.forget(key)?)));
        let of_session = slot.as_ref().and_then(|(_, slot)| slot.session.flow());
        if let Some((key, Slot { session, .. })) = &slot {
            error!(session = session.name, user = session.user(), "a fault of ours ends the session");
            let legs: Vec<_> = self.legs.iter().filter(|(_, own)| *own == key).map(|(leg, _)| *leg).collect();
            for leg in legs {
                self.legs.remove(&leg);
                let ended = adapter::Event::Ended { leg, cause: EndCause::InternalError };
                self.outputs.push_back(CoreOutput::Session(Output::Event(ended)));
            }
            session.give_back(&mut self.ledger);
        }
        for flow in [flow, of_session.filter(|own| Some(*own) != flow)].into_iter().flatten() {
            self.flows.remove(&flow);
            self.outputs.push_back(CoreOutput::Session(Output::Close { flow, why: Closing::Broken }));
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

    fn drain(&mut self) {
        self.takes_calls = false;
        for key in self.sessions.keys().copied().collect::<Vec<_>>() {
            if let Some(Slot { session, .. }) = self.sessions.get_mut(&key) {
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
                self.sessions.get(binding).filter(|slot| slot.session.user() == user).map(|_| *binding)
            }
            Target::Trunk { .. } | Target::Party { .. } => None,
        }
    }

    fn publish(&mut self, user: &str) {
        let keys = self.users.get(user).map(Vec::as_slice).unwrap_or_default();
        let contact = |key: &SessionKey| {
            self.sessions.get(key).map(|slot| ContactInfo {
                binding: *key,
                adapter: super::adapter::NAME,
                profile: MediaProfile::Webrtc,
                address: slot.session.remote(),
            })
        };
        let contacts = keys.iter().filter_map(contact).collect();
        self.outputs.push_back(CoreOutput::Located { user: user.to_owned(), contacts });
    }

    fn send(&mut self, flow: Flow, text: String) {
        self.outputs.push_back(CoreOutput::Session(Output::Send { flow, text }));
    }

    /// Takes out of a session what it wants done, and forgets it where it is over.
    fn settle(&mut self, key: SessionKey) {
        let Some(Slot { session, due, .. }) = self.sessions.get_mut(&key) else { return };
        while let Some(output) = session.poll_output() {
            match &output {
                Output::Event(adapter::Event::Incoming(incoming)) => {
                    self.legs.insert(incoming.leg, key);
                }
                Output::Event(adapter::Event::Supervising(asked)) => {
                    self.legs.insert(asked.incoming.leg, key);
                }
                Output::Watches { before } => {
                    unwatch(&mut self.watchers, before, key);
                    for user in session.watched() {
                        self.watchers.entry(user.clone()).or_default().insert(key);
                    }
                    continue;
                }
                Output::Event(adapter::Event::Texted(text)) => {
                    self.legs.insert(text.leg, key);
                }
                Output::Event(adapter::Event::Ended { leg, .. }) => {
                    self.legs.remove(leg);
                }
                Output::Close { flow, .. } => {
                    if let Some(connection) = self.flows.get_mut(flow) {
                        (connection.session, connection.opened_by) = (None, None);
                    }
                }
                Output::Event(_) | Output::Send { .. } => {}
            }
            self.outputs.push_back(CoreOutput::Session(output));
        }
        let next = session.poll_timeout();
        self.deadlines.reschedule(key, std::mem::replace(due, next), next);
        if session.is_over()
            && let Some(Slot { session, .. }) = self.forget(key)
        {
            info!(session = session.name, user = session.user(), "session is over");
            for leg in session.texts() {
                self.legs.remove(&leg);
            }
            if let Some(granted) = session.granted() {
                self.ledger.release(granted);
            }
        }
    }

    /// Takes a session out, so that nobody is called by it and nobody comes back to it.
    fn forget(&mut self, key: SessionKey) -> Option<Slot> {
        let slot = self.sessions.remove(&key)?;
        self.over.push(key);
        self.deadlines.reschedule(key, slot.due, None);
        for hash in &slot.resume {
            self.resume.remove(hash);
        }
        unwatch(&mut self.watchers, slot.session.watched(), key);
        let user = slot.session.user().to_owned();
        if let Some(keys) = self.users.get_mut(&user) {
            keys.retain(|own| *own != key);
            if keys.is_empty() {
                self.users.remove(&user);
            }
        }
        self.publish(&user);
        Some(slot)
    }

    fn session(&mut self, key: SessionKey) -> Option<&mut Session> {
        self.sessions.get_mut(&key).map(|slot| &mut slot.session)
    }
}

/// The page can be called, and by its account as that stands.
fn registration(account: Option<AccountStanding>) -> Event {
    let account = account.map(Into::into);
    Event::Registration(Registration { state: RegistrationState::Registered, account })
}

/// A session watches these users no more.
fn unwatch(watchers: &mut HashMap<String, BTreeSet<SessionKey>>, users: &BTreeSet<String>, key: SessionKey) {
    for user in users {
        let Some(keys) = watchers.get_mut(user) else { continue };
        keys.remove(&key);
        if keys.is_empty() {
            watchers.remove(user);
        }
    }
}
