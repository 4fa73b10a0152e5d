//! What we owe the trunks between calls, as it is done: names are looked up, requests sent, hops tried one
//! after another. When what is due, and what follows an answer, is said by [`crate::sip::upstream`].

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use tracing::{debug, info, warn};

use super::door::Door;
use super::names::Names;
use super::routes::{Asker, Routes};
use crate::sip::agent::{Agent, Errand, ErrandEnd, ErrandId, ErrandOutcome, LocalNames, Reach};
use crate::sip::flow::{ConnectionId, Flow};
use crate::sip::hop::{Conduct, Hop, HopReport};
use crate::sip::message::{CSeq, HeaderName, Host, Method, NameAddr, Request, SipUri};
use crate::sip::transport::{ResolveError, TransportLayer};
use crate::sip::trunk::{TrunkConfig, Trunks};
use crate::sip::trunk_board::{TrunkBoard, TrunkStanding};
use crate::sip::upstream::{Health, Next, Probe, Registration, Turn, conduct_of};

/// How long a hop may take to answer what is sent to it outside of calls, before the next one is tried or
/// a probe is missed. Chosen by us: as long as calls wait.
const PATIENCE: Duration = Duration::from_secs(4);

/// The same for the removal of a registration: the process is about to end.
const FAREWELL: Duration = Duration::from_secs(2);

/// Our registrations and probes.
#[derive(Debug)]
pub(super) struct Upstream {
    names: Names,
    trunks: Vec<Watched>,
    accounts: Vec<Account>,
    errands: HashMap<ErrandId, Purpose>,
    last_errand: u64,
    board: TrunkBoard,
}

/// A trunk and the probes of its hops.
#[derive(Debug)]
struct Watched {
    config: TrunkConfig,
    /// When its name is looked up and its hops are asked next.
    round: Option<Probe>,
    probes: BTreeMap<Hop, Probe>,
    /// What its name led to last.
    hops: Vec<Hop>,
    /// It is no trunk any more: only its registrations are being removed.
    is_left: bool,
}

/// One registration and the hops that it tries.
#[derive(Debug)]
struct Account {
    trunk: usize,
    registration: Registration,
    /// What the keyring calls it.
    name: String,
    left: VecDeque<Hop>,
    /// The flow that the registrar answered on last.
    flow: Option<Flow>,
}

/// What an errand is for.
#[derive(Debug, Clone)]
enum Purpose {
    Register { account: usize },
    Ask { trunk: usize, hop: Hop },
}

impl Upstream {
    pub(super) fn new(trunks: &Trunks, layer: TransportLayer, board: TrunkBoard, now: Instant) -> Self {
        let mut upstream = Self {
            names: Names::new(layer),
            trunks: Vec::new(),
            accounts: Vec::new(),
            errands: HashMap::new(),
            last_errand: 0,
            board,
        };
        for config in trunks.iter() {
            upstream.begin(config, &Health::default(), now);
        }
        upstream
    }

    /// These are the trunks from now on. What is the same goes on; what is no more is left, and its registrations
    /// are removed.
    pub(super) fn take_up(
        &mut self,
        trunks: &Trunks,
        health: &mut Health,
        agent: &mut Agent<Door>,
        now: Instant,
    ) {
        for index in 0..self.trunks.len() {
            let old = &mut self.trunks[index];
            match trunks.named(&old.config.name) {
                _ if old.is_left => {}
                Some(new) if new.is_kept_up_like(&old.config) => old.config = new.clone(),
                _ => self.leave_trunk(index, trunks, health, agent, now),
            }
        }
        for new in trunks.iter() {
            if !self.trunks.iter().any(|known| !known.is_left && known.config.name == new.name) {
                self.begin(new, health, now);
            }
        }
    }

    /// Bounds the calls of these trunks, and of no others.
    pub(super) fn limit(&self, trunks: &Trunks, agent: &mut Agent<Door>) {
        self.board.limit(trunks, agent.loads_mut());
    }

    fn begin(&mut self, config: &TrunkConfig, health: &Health, now: Instant) {
        let index = self.trunks.len();
        self.trunks.push(Watched {
            config: config.clone(),
            round: config.probe_interval.map(|interval| Probe::new(interval, now)),
            probes: BTreeMap::new(),
            hops: Vec::new(),
            is_left: false,
        });
        self.accounts.extend(config.registrations.iter().map(|registered| Account {
            trunk: index,
            registration: Registration::new(
                registered,
                (&config.name, config.uri_host()),
                rand::random(),
                now,
            ),
            name: config.account(registered),
            left: VecDeque::new(),
            flow: None,
        }));
        self.publish(index, health, now);
    }

    /// A registration that another trunk, or this one by other words, makes anew is not removed: the removal could
    /// come later than that.
    fn leave_trunk(
        &mut self,
        index: usize,
        others: &Trunks,
        health: &mut Health,
        agent: &mut Agent<Door>,
        now: Instant,
    ) {
        let trunk = &mut self.trunks[index];
        if others.named(&trunk.config.name).is_some() {
            info!(trunk = trunk.config.name, "the trunk is configured otherwise: it is registered at anew");
        } else {
            info!(trunk = trunk.config.name, "the trunk is configured no more: it is left");
        }
        trunk.is_left = true;
        trunk.round = None;
        std::mem::take(&mut trunk.probes).keys().for_each(|hop| health.set_down(hop, false));
        self.board.forget(&trunk.config.name);
        let host = trunk.config.uri_host();
        let is_made_anew = |user: &str| {
            let same = others.iter().filter(|other| other.uri_host() == host);
            same.flat_map(|other| &other.registrations).any(|one| one.user == user)
        };
        for account in 0..self.accounts.len() {
            if self.accounts[account].trunk == index {
                let is_made_anew = is_made_anew(self.accounts[account].registration.user());
                self.leave_registration(account, !is_made_anew, agent, now);
            }
        }
    }

    /// Looks up what is due.
    pub(super) fn handle_timeout(&mut self, routes: &Routes, now: Instant) {
        for (index, account) in self.accounts.iter_mut().enumerate() {
            if account.registration.is_due(now) {
                routes.locate(&self.trunks[account.trunk].config, Asker::Registration(index));
            }
        }
        for (index, trunk) in self.trunks.iter_mut().enumerate() {
            if trunk.round.as_mut().is_some_and(|round| round.is_due(now)) {
                routes.locate(&trunk.config, Asker::Probes(index));
            }
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let registrations = self.accounts.iter().filter_map(|account| account.registration.poll_timeout());
        let rounds = self.trunks.iter().filter_map(|trunk| trunk.round.as_ref().map(Probe::at));
        registrations.chain(rounds).min()
    }

    /// The name of a trunk was looked up.
    pub(super) fn located(
        &mut self,
        asker: Asker,
        hops: Result<Vec<Hop>, ResolveError>,
        health: &mut Health,
        agent: &mut Agent<Door>,
        now: Instant,
    ) {
        let hops = hops.unwrap_or_else(|error| {
            warn!(%error, "trunk not found");
            Vec::new()
        });
        match asker {
            Asker::Registration(index) if self.trunks[self.accounts[index].trunk].is_left => {}
            Asker::Registration(index) => {
                let account = &mut self.accounts[index];
                let mut sorted = health.sort(hops.clone(), now);
                // Where the registrar answered last it knows us best.
                if let Some(flow) = account.flow {
                    sorted.sort_by_key(|hop| hop.kind != flow.kind || hop.address != flow.remote);
                }
                account.left = sorted.into();
                let trunk = account.trunk;
                self.trunks[trunk].hops = hops;
                self.register_at_next(index, "no host of the trunk answers", agent, now);
                self.publish(trunk, health, now);
            }
            Asker::Probes(index) => self.ask_all(index, hops, health, agent, now),
            Asker::Call(_) => {}
        }
    }

    /// An errand of ours ended.
    pub(super) fn errand_ended(
        &mut self,
        end: ErrandEnd,
        health: &mut Health,
        agent: &mut Agent<Door>,
        now: Instant,
    ) {
        let conduct = match &end.outcome {
            ErrandOutcome::Answered(response) => conduct_of(response),
            ErrandOutcome::Silent => Conduct::Silent,
            ErrandOutcome::Unreachable => Conduct::Unreachable,
        };
        health.note(&HopReport::of(&end.flow, conduct), now);
        let trunk = match self.errands.remove(&end.id) {
            Some(Purpose::Register { account }) => {
                self.register_ended(account, &end, conduct, agent, now);
                self.accounts[account].trunk
            }
            Some(Purpose::Ask { trunk, hop }) => {
                self.asked(trunk, &hop, conduct, health);
                trunk
            }
            None => return,
        };
        self.publish(trunk, health, now);
    }

    /// A stream closed: registrations that were made over it are made again.
    pub(super) fn connection_closed(&mut self, connection: ConnectionId, now: Instant) {
        for account in &mut self.accounts {
            if account.flow.is_some_and(|flow| flow.connection == Some(connection)) {
                account.registration.handle_lost(now);
            }
        }
    }

    /// Removes our registrations, and asks nothing any more.
    pub(super) fn leave(&mut self, agent: &mut Agent<Door>, now: Instant) {
        for trunk in &mut self.trunks {
            trunk.round = None;
        }
        for index in 0..self.accounts.len() {
            if !self.trunks[self.accounts[index].trunk].is_left {
                self.leave_registration(index, true, agent, now);
            }
        }
    }

    fn leave_registration(&mut self, index: usize, is_removed: bool, agent: &mut Agent<Door>, now: Instant) {
        let account = &mut self.accounts[index];
        account.left.clear();
        if account.registration.leave() {
            match account.flow.filter(|_| is_removed) {
                Some(flow) => self.send_register(index, flow, agent, now),
                None => account.registration.handle_failure("there is nothing to remove", now),
            }
        }
    }

    /// Whether nothing is left to be said to trunks.
    pub(super) fn is_over(&self) -> bool {
        self.accounts.iter().all(|account| account.registration.is_left())
    }

    fn register_ended(
        &mut self,
        index: usize,
        end: &ErrandEnd,
        conduct: Conduct,
        agent: &mut Agent<Door>,
        now: Instant,
    ) {
        let ErrandOutcome::Answered(response) = &end.outcome else {
            return self.register_at_next(index, "no host of the trunk answers", agent, now);
        };
        let account = &mut self.accounts[index];
        if conduct != Conduct::Answered && !account.left.is_empty() {
            return self.register_at_next(index, "no host of the trunk answers", agent, now);
        }
        let contact = self.names.contact(&end.flow);
        if account.registration.handle_response(response, end.cseq, &contact, now) == Next::Registered {
            account.flow = Some(end.flow);
            let trunk = &self.trunks[account.trunk];
            let addresses = trunk.hops.iter().map(|hop| hop.address.ip());
            let sources = addresses.chain([end.flow.remote.ip()]).collect::<Vec<IpAddr>>();
            agent.doorkeeper_mut().registered(&trunk.config.name, sources.into_iter());
        }
    }

    /// Sends a REGISTER to the next hop that there is a way to.
    fn register_at_next(&mut self, index: usize, why: &str, agent: &mut Agent<Door>, now: Instant) {
        let account = &mut self.accounts[index];
        let mut left = std::mem::take(&mut account.left);
        let flow = std::iter::from_fn(|| left.pop_front()).find_map(|hop| self.names.flow_to_hop(&hop));
        account.left = left;
        match flow {
            Some(flow) => self.send_register(index, flow, agent, now),
            None => account.registration.handle_failure(why, now),
        }
    }

    fn send_register(&mut self, index: usize, flow: Flow, agent: &mut Agent<Door>, now: Instant) {
        let contact = self.names.contact(&flow);
        let account = &mut self.accounts[index];
        let request = account.registration.request(&contact);
        let is_farewell = request.headers.expires() == Ok(Some(0));
        let patience = if is_farewell { FAREWELL } else { PATIENCE };
        debug!(trunk = self.trunks[account.trunk].config.name, %flow, "REGISTER sent");
        let name = account.name.clone();
        let id = self.errand(Purpose::Register { account: index });
        let reach = Reach::Target;
        agent.send_errand(Errand { id, account: Some(name), request, flow, reach, patience }, now);
    }

    /// Asks every hop of a trunk whether it lives; those that its name leads to no more are forgotten.
    fn ask_all(
        &mut self,
        index: usize,
        hops: Vec<Hop>,
        health: &mut Health,
        agent: &mut Agent<Door>,
        now: Instant,
    ) {
        let trunk = &mut self.trunks[index];
        let Some(interval) = trunk.config.probe_interval.filter(|_| trunk.round.is_some()) else { return };
        if hops.is_empty() {
            // Nobody told; what was known stays.
            return;
        }
        trunk.probes.retain(|hop, _| {
            let is_kept = hops.contains(hop);
            if !is_kept {
                health.set_down(hop, false);
            }
            is_kept
        });
        for hop in &hops {
            trunk.probes.entry(hop.clone()).or_insert_with(|| Probe::new(interval, now));
        }
        trunk.hops.clone_from(&hops);
        let (host, port) = (trunk.config.uri_host(), trunk.config.port);
        for hop in hops {
            let Some(flow) = self.names.flow_to_hop(&hop) else { continue };
            let (own, _) = self.names.sent_by(&flow);
            let identifiers = [(); 2].map(|()| format!("{:016x}", rand::random::<u64>()));
            let request = options(&host, port, own, identifiers);
            let patience = PATIENCE.min(interval);
            let id = self.errand(Purpose::Ask { trunk: index, hop });
            let reach = Reach::Target;
            agent.send_errand(Errand { id, account: None, request, flow, reach, patience }, now);
        }
        self.publish(index, health, now);
    }

    /// A hop answered a probe, or did not. Whatever it says but that it has no time is an answer.
    fn asked(&mut self, trunk: usize, hop: &Hop, conduct: Conduct, health: &mut Health) {
        let trunk = &mut self.trunks[trunk];
        let Some(probe) = trunk.probes.get_mut(hop) else { return };
        let turn = if conduct == Conduct::Answered { probe.answered() } else { probe.missed() };
        let name = &trunk.config.name;
        match turn {
            Some(Turn::WentDown) => {
                warn!(trunk = name, %hop, "a host of the trunk is down: two probes had no answer");
                health.set_down(hop, true);
            }
            Some(Turn::CameUp) => {
                info!(trunk = name, %hop, "a host of the trunk is up again");
                health.set_down(hop, false);
            }
            None => {}
        }
    }

    fn errand(&mut self, purpose: Purpose) -> ErrandId {
        self.last_errand += 1;
        let id = ErrandId::Upstream(self.last_errand);
        self.errands.insert(id, purpose);
        id
    }

    fn publish(&self, index: usize, health: &Health, now: Instant) {
        let trunk = &self.trunks[index];
        if trunk.is_left {
            return;
        }
        let own = self.accounts.iter().filter(|account| account.trunk == index);
        let registrations: Vec<_> = own
            .map(|account| (account.registration.user().to_owned(), account.registration.state()))
            .collect();
        if registrations.is_empty() && trunk.config.probe_interval.is_none() {
            return;
        }
        let hops = trunk.hops.iter().map(|hop| (hop.kind, hop.address, health.word(hop, now))).collect();
        self.board.publish(&trunk.config.name, TrunkStanding { registrations, hops });
    }
}

/// An OPTIONS to the trunk itself (RFC 3261 11.1).
fn options(host: &Host, port: Option<u16>, own: Host, [tag, call_id]: [String; 2]) -> Request {
    let target = SipUri::new("", host.clone(), port);
    let mut request = Request::new(Method::Options, target.clone());
    let headers = &mut request.headers;
    headers.set(HeaderName::MaxForwards, "70");
    headers.push(HeaderName::From, NameAddr::new(SipUri::new("", own, None)).with_tag(&tag).to_string());
    headers.push(HeaderName::To, NameAddr::new(target).to_string());
    headers.push(HeaderName::CallId, call_id);
    headers.push(HeaderName::CSeq, CSeq { number: 1, method: Method::Options }.to_string());
    headers.push(HeaderName::Accept, "application/sdp");
    request
}
