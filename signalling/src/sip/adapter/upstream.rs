//! What we owe the trunks between calls, as it is done: names are looked up, requests sent, hops tried one
//! after another. When what is due, and what follows an answer, is said by [`crate::sip::upstream`].

mod changed;
mod flows;
mod held;
mod probes;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use tracing::{debug, info, warn};

use self::held::HeldBy;
use super::door::Door;
use super::names::Names;
use super::routes::{Asker, Routes};
use crate::accounts::AccountDesk;
use crate::sip::agent::{Agent, Errand, ErrandEnd, ErrandId, ErrandOutcome, LocalNames, Reach};
use crate::sip::flow::{ConnectionId, Flow};
use crate::sip::hop::{Conduct, Hop, HopReport};
use crate::sip::transport::{ResolveError, TransportLayer};
use crate::sip::trunk::{TrunkConfig, Trunks};
use crate::sip::trunk_board::{TrunkBoard, TrunkStanding};
use crate::sip::upstream::{Health, KeepAlive, Next, Probe, Registration, RegistrationConfig, conduct_of};

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
    accounts: BTreeMap<usize, Account>,
    last_account: usize,
    /// Those that registrars keep for us.
    flows: HashMap<Flow, KeepAlive>,
    errands: HashMap<ErrandId, Purpose>,
    last_errand: u64,
    board: TrunkBoard,
    /// Where is told how accounts of pages stand.
    desk: AccountDesk,
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
    /// For which pages it is, where it is for pages.
    held: Option<HeldBy>,
}

/// What an errand is for.
#[derive(Debug, Clone)]
enum Purpose {
    Register { account: usize },
    Ask { trunk: usize, hop: Hop },
}

impl Upstream {
    pub(super) fn new(
        trunks: &Trunks,
        layer: TransportLayer,
        board: TrunkBoard,
        desk: AccountDesk,
        now: Instant,
    ) -> Self {
        let mut upstream = Self {
            names: Names::new(layer),
            trunks: Vec::new(),
            accounts: BTreeMap::new(),
            last_account: 0,
            flows: HashMap::new(),
            errands: HashMap::new(),
            last_errand: 0,
            board,
            desk,
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
                Some(new) if new.is_found_like(&old.config) => {
                    self.change_accounts(index, new, trunks, health, agent, now);
                }
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
        for registered in &config.registrations {
            self.add_account(index, registered, config, None, now);
        }
        self.publish(index, health, now);
    }

    /// Registers an account from then on.
    fn add_account(
        &mut self,
        trunk: usize,
        registered: &RegistrationConfig,
        config: &TrunkConfig,
        held: Option<HeldBy>,
        from: Instant,
    ) {
        let of_trunk = (config.name.as_str(), config.uri_host());
        let registration = Registration::new(registered, of_trunk, rand::random(), from);
        let name = config.account(registered);
        let account = Account { trunk, registration, name, left: VecDeque::new(), flow: None, held };
        self.last_account += 1;
        self.accounts.insert(self.last_account, account);
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
        let own = self.accounts.iter().filter(|(_, account)| account.trunk == index);
        let own = own.map(|(key, account)| (*key, others.registers(account.registration.user(), &host)));
        for (account, is_made_anew) in own.collect::<Vec<_>>() {
            self.leave_registration(account, !is_made_anew, agent, now);
        }
    }

    /// Looks up what is due.
    pub(super) fn handle_timeout(&mut self, routes: &Routes, now: Instant) {
        self.keep_flows(now);
        for (index, account) in &mut self.accounts {
            if account.registration.is_due(now) {
                routes.locate(&self.trunks[account.trunk].config, Asker::Registration(*index));
            }
            held::tell(account, &self.desk);
        }
        for (index, trunk) in self.trunks.iter_mut().enumerate() {
            if trunk.round.as_mut().is_some_and(|round| round.is_due(now)) {
                routes.locate(&trunk.config, Asker::Probes(index));
            }
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let registrations = self.accounts.values().filter_map(|account| account.registration.poll_timeout());
        let rounds = self.trunks.iter().filter_map(|trunk| trunk.round.as_ref().map(Probe::at));
        let flows = self.flows.values().filter_map(KeepAlive::poll_timeout);
        registrations.chain(rounds).chain(flows).min()
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
            Asker::Registration(index) => {
                let Some(account) = self.accounts.get_mut(&index) else { return };
                if account.registration.is_left() || self.trunks[account.trunk].is_left {
                    return;
                }
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
            Asker::Call(_) | Asker::Peers(_) => {}
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
                let Some(known) = self.accounts.get_mut(&account) else { return };
                held::tell(known, &self.desk);
                let trunk = known.trunk;
                self.forget_left(account, agent);
                trunk
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
        self.forget_flow(connection);
        for account in self.accounts.values_mut() {
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
        let there = self.accounts.iter().filter(|(_, account)| !self.trunks[account.trunk].is_left);
        for index in there.map(|(index, _)| *index).collect::<Vec<_>>() {
            self.leave_registration(index, true, agent, now);
        }
    }

    fn leave_registration(&mut self, index: usize, is_removed: bool, agent: &mut Agent<Door>, now: Instant) {
        let Some(account) = self.accounts.get_mut(&index) else { return };
        account.left.clear();
        if !account.registration.is_leaving() && account.registration.leave() {
            match account.flow.filter(|_| is_removed) {
                Some(flow) => {
                    // Its stream may have closed.
                    let flow = self.names.flow_again(&flow).unwrap_or(flow);
                    self.send_register(index, flow, agent, now);
                }
                None => account.registration.handle_failure("there is nothing to remove", now),
            }
        }
        self.forget_left(index, agent);
    }

    /// Whether nothing is left to be said to trunks.
    pub(super) fn is_over(&self) -> bool {
        self.accounts.values().all(|account| account.registration.is_left())
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
        let Some(account) = self.accounts.get_mut(&index) else { return };
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
            self.keep_flow(response, end.flow, now);
        }
    }

    /// Sends a REGISTER to the next hop that there is a way to.
    fn register_at_next(&mut self, index: usize, why: &str, agent: &mut Agent<Door>, now: Instant) {
        let Some(account) = self.accounts.get_mut(&index) else { return };
        let mut left = std::mem::take(&mut account.left);
        let flow = std::iter::from_fn(|| left.pop_front()).find_map(|hop| self.names.flow_to_hop(&hop));
        account.left = left;
        match flow {
            Some(flow) => self.send_register(index, flow, agent, now),
            None => {
                account.registration.handle_failure(why, now);
                held::tell(account, &self.desk);
            }
        }
    }

    fn send_register(&mut self, index: usize, flow: Flow, agent: &mut Agent<Door>, now: Instant) {
        let contact = self.names.contact(&flow);
        let Some(account) = self.accounts.get_mut(&index) else { return };
        let request = account.registration.request(&contact);
        let is_farewell = request.headers.expires() == Ok(Some(0));
        let patience = if is_farewell { FAREWELL } else { PATIENCE };
        debug!(trunk = self.trunks[account.trunk].config.name, %flow, "REGISTER sent");
        let name = account.name.clone();
        let id = self.errand(Purpose::Register { account: index });
        let reach = Reach::Target;
        agent.send_errand(Errand { id, account: Some(name), request, flow, reach, patience }, now);
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
        let is_own = |account: &&Account| {
            account.trunk == index && account.held.is_none() && !account.registration.is_leaving()
        };
        let own = self.accounts.values().filter(is_own);
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
