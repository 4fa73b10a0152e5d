//! How pages come in: a new session, or one whose connection was lost.

use std::net::IpAddr;
use std::sync::atomic::Ordering;
use std::time::{Instant, SystemTime};

use sha2::{Digest as _, Sha256};
use tracing::info;
use webtrunk_engine::EndCause;

use super::{Core, CoreOutput, ResumeHash, Slot, registration};
use crate::json::door::ANSWER;
use crate::json::protocol::{Connect, Connected, ErrorCode, Fault, Id, Outcome, Resume, Resumed, response};
use crate::json::session::{self, Closing, Flow, Session, SessionKey};
use crate::source_networks::{Approach, ELSEWHERE};

/// Longest display name, in characters: that of tokens.
const NAME_MAX: usize = 128;

impl Core {
    pub(super) fn connect(&mut self, flow: Flow, id: &Id, connect: Connect, wall: SystemTime, now: Instant) {
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
                self.tell_refused(remote, &reason.to_string(), now);
                return self.refuse(flow, Some(id), &not_accepted(), now);
            }
        };
        if self.is_elsewhere(&identity.user, remote, now) {
            return self.refuse(flow, Some(id), &elsewhere().at("proof"), now);
        }
        if identity.shown.display_name.is_empty() {
            identity.shown.display_name = named.to_owned();
        }
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
                self.tell_refused(remote, &reason.to_string(), now);
                return self.refuse(flow, Some(id), &not_accepted(), now);
            }
        };
        if let Some(granted) = &identity.grant {
            self.ledger.hold(granted);
        }
        if identity.is_forgeable() {
            self.forgeable_logins.fetch_add(1, Ordering::Relaxed);
        }
        let session = Session::new(session::new_name(), identity, flow, remote, now);
        info!(session = session.name, user, %remote, "session began");
        let name = session.name.clone();
        self.sessions.insert(key, Slot { session, resume: Vec::new(), due: None });
        let outcome = Outcome::Connected(Connected {
            session: name,
            user: user.clone(),
            resume_token: self.new_resume_token(key, None),
            resume_s: self.config.resume.as_secs(),
            ice_servers: self.door.ice_servers(&user, wall),
        });
        self.users.entry(user.clone()).or_default().push(key);
        self.attach(flow, key);
        self.send(flow, response(id, &outcome));
        self.publish(&user);
        if let Some(session) = self.session(key) {
            session.tell(&registration(standing));
        }
        self.settle(key);
    }

    pub(super) fn resume(
        &mut self,
        flow: Flow,
        id: &Id,
        Resume { token, last_seen }: &Resume,
        wall: SystemTime,
        now: Instant,
    ) {
        let opened_by = hash(token.expose());
        let key = self.resume.get(&opened_by).copied();
        let entry = self.flows.get(&flow).map(|connection| &connection.entry);
        let remote = entry.map(|entry| entry.remote.ip().to_canonical());
        let slot = key.and_then(|key| self.sessions.get(&key));
        let may_come =
            slot.zip(entry).is_some_and(|(slot, entry)| self.door.may_come_by(&slot.session.identity, entry));
        let (Some(key), Some(remote), true) = (key, remote, may_come) else {
            let problem = "the session is over, or the resume token was used: connect anew";
            return self.refuse(flow, Some(id), &Fault::new(ErrorCode::Gone, problem).at("token"), now);
        };
        let user = self.sessions.get(&key).map(|slot| slot.session.user().to_owned()).unwrap_or_default();
        if self.is_elsewhere(&user, remote, now) {
            return self.refuse(flow, Some(id), &elsewhere().at("token"), now);
        }
        let (resume_token, resume_s) =
            (self.new_resume_token(key, Some(opened_by)), self.config.resume.as_secs());
        self.at_work.session = Some(key);
        let Some(Slot { session, .. }) = self.sessions.get_mut(&key) else { return };
        let old = session.flow();
        let (name, user) = (session.name.clone(), session.user().to_owned());
        let ice_servers = self.door.ice_servers(&user, wall);
        session.resume(flow, remote, *last_seen, now, |events_lost, calls| {
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
        let presence = self.commons.presence.clone();
        if let Some(session) = self.session(key) {
            for user in session.watched().clone() {
                session.tell_activity(&user, presence.activity(&user));
            }
        }
        self.attach(flow, key);
        self.publish(&user);
        self.settle(key);
    }

    /// Whether a user's page comes from outside of its customer's networks; that is told and counted.
    fn is_elsewhere(&mut self, user: &str, remote: IpAddr, now: Instant) -> bool {
        let is_elsewhere = !self.commons.networks.admit(user, remote);
        if is_elsewhere {
            self.commons.networks.count(Approach::Page);
            self.tell_refused(remote, ELSEWHERE, now);
        }
        is_elsewhere
    }

    /// A user's page comes in: where it has as many sessions as it may, one makes room: one without calls, one whose
    /// page is away, the oldest.
    fn make_room(&mut self, user: &str) {
        while let Some(keys) = self.users.get(user)
            && keys.len() >= self.config.sessions_per_user
        {
            let worth = |key: &&SessionKey| {
                let session = self.sessions.get(*key).map(|slot| &slot.session);
                session.map(|session| (session.has_calls(), session.flow().is_some(), session.since()))
            };
            let Some(key) = keys.iter().min_by_key(worth).copied() else { return };
            if let Some(Slot { session, .. }) = self.sessions.get_mut(&key) {
                session.end(EndCause::SignallingLost, Some(Closing::Replaced), &mut self.ledger);
            }
            self.settle(key);
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
        let token = format!("{:032x}{:032x}", rand::random::<u128>(), rand::random::<u128>());
        let Some(slot) = self.sessions.get_mut(&key) else { return token };
        let new = hash(&token);
        for old in std::mem::replace(&mut slot.resume, kept.into_iter().chain([new]).collect()) {
            if Some(old) != kept {
                self.resume.remove(&old);
            }
        }
        self.resume.insert(new, key);
        token
    }
}

/// It is told plainly: it has proven who it is.
fn elsewhere() -> Fault {
    Fault::new(ErrorCode::Forbidden, "users of this customer come from its networks alone")
}

/// The same, whatever is wrong.
fn not_accepted() -> Fault {
    Fault::new(ErrorCode::NotAccepted, ANSWER).at("proof")
}

fn hash(token: &str) -> ResumeHash {
    Sha256::digest(token).into()
}
