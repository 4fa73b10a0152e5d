//! What is told of a call: one value, for text and JSON alike.

use std::net::IpAddr;
use std::time::{Instant, SystemTime};

use serde::Serialize;
use webtrunk_engine::EndCause;
use webtrunk_engine::call::Rehearsal;
use webtrunk_engine::sdp::{MediaKind, SessionDescription};
use webtrunk_signalling::adapter::{Dial, Header, HeaderChange, Incoming, MediaProfile, Origin, Target};
use webtrunk_signalling::b2bua::{Directory, Settings};
use webtrunk_signalling::rehearsal::{Dialled, Rehearsed, rehearse};
use webtrunk_signalling::routing::{Decision, Plan, Query, Step};
use webtrunk_signalling::sip::identity;
use webtrunk_signalling::sip::message::{HeaderName, Headers};
use webtrunk_signalling::sip::passing;
use webtrunk_signalling::sip::status_of;
use webtrunk_signalling::switchboard::route;

use super::asked::{self, Asked};
use super::offers::{self, Answering};
use super::reasons;
use super::terms::{self, LegTerms};
use super::world::{self, ELSEWHERE, Presumed};
use super::{ExplainArguments, Failure};
use crate::config::Config;

/// Everything that is told.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// The configuration.
    pub(super) file: String,
    pub(super) call: CallTold,
    /// The rules that were looked at, in their order.
    pub(super) looked_at: Vec<Tried>,
    pub(super) decision: Decided,
    /// Who would be called if each failed, in that order.
    pub(super) destinations: Vec<Destination>,
    /// Both ends of the call.
    pub(super) legs: Vec<LegTerms>,
    /// Whether voice is decoded and encoded on its way between the two.
    pub(super) is_transcoded: bool,
}

/// The call as the rules see it, or as it comes to the door where that lets it not in.
#[derive(Debug, Serialize)]
pub(super) struct CallTold {
    /// A user or a trunk; `None` where the door lets it not in.
    pub(super) origin: Option<String>,
    /// The number that rules see as the caller's.
    pub(super) caller: String,
    /// What rules see as dialled.
    pub(super) destination: String,
    pub(super) listener: String,
    /// Whether it was said that it comes to this one.
    pub(super) is_listener_said: bool,
    /// From where, as far as that was said.
    pub(super) source: Option<String>,
    pub(super) at: String,
}

/// A rule that was looked at.
#[derive(Debug, Serialize)]
pub(super) struct Tried {
    pub(super) rule: String,
    pub(super) line: usize,
    pub(super) matches: bool,
    pub(super) reason: String,
}

/// What becomes of the call.
#[derive(Debug, Serialize)]
pub(super) struct Decided {
    /// The rule that decides.
    pub(super) rule: Option<String>,
    pub(super) line: Option<usize>,
    /// The status by which the caller is refused, and why.
    pub(super) status: Option<u16>,
    pub(super) reason: Option<String>,
    /// What is done, in order.
    pub(super) steps: Vec<String>,
}

/// One who is called.
#[derive(Debug, Serialize)]
pub(super) struct Destination {
    pub(super) user: Option<String>,
    pub(super) trunk: Option<String>,
    /// What is dialled at the trunk, as it writes numbers.
    pub(super) number: Option<String>,
    pub(super) request_uri: Option<String>,
    /// From, and what else tells who calls.
    pub(super) from: String,
    pub(super) identity: Vec<String>,
    /// What the rule has said besides.
    pub(super) headers: Vec<String>,
    pub(super) ring_timeout_s: u64,
    /// The codecs that it is offered, best first.
    pub(super) codecs: Vec<String>,
}

impl Report {
    /// Has the call come, asks the rules, and rehearses what they say.
    pub(super) fn new(
        arguments: &ExplainArguments,
        config: &Config,
        file: &str,
        at: SystemTime,
        now: Instant,
    ) -> Result<Self, Failure> {
        let offer = arguments.sdp.as_deref().map(offers::read).transpose()?;
        let addresses = world::addresses(config);
        let asked = asked::ask(arguments, config, &addresses, offer, now)?;
        let mut report = Self {
            file: file.to_owned(),
            call: CallTold::new(arguments, &asked, at),
            looked_at: Vec::new(),
            decision: Decided { rule: None, line: None, status: None, reason: None, steps: Vec::new() },
            destinations: Vec::new(),
            legs: Vec::new(),
            is_transcoded: false,
        };
        let mut incoming = match asked {
            Asked::Admitted(incoming) => *incoming,
            Asked::Refused { status, reason, .. } => {
                report.refuse(status, reason);
                return Ok(report);
            }
        };
        let directory = Presumed::new(config, &addresses, arguments.contact);
        if incoming.offer.is_none() {
            let srtp = directory.caller_srtp(&incoming.origin);
            let is_browser = incoming.profile == MediaProfile::Webrtc;
            incoming.offer = Some(Box::new(offers::usual(is_browser, srtp)?));
        }
        let source = said_source(arguments, incoming.signalled_from);
        let query = Query { source, ..Query::of(&incoming, at, rand::random()) };
        report.look(config, &query);
        let by_rule = config.rules.route(&query);
        match route(&config.rules, &directory, &query) {
            Decision::Refuse { cause, reason } => {
                report.refuse(status_of(cause).code(), reason.to_string());
            }
            Decision::Run(plan) => {
                report.decide(config, &plan);
                if by_rule != Decision::Run(plan.clone()) {
                    report.decision.steps.push(reasons::own_trunks(query.origin));
                }
                let rehearsal = || Ok::<_, Failure>(Rehearsal::new(world::supplies(config, now, at)?));
                let run = |callees: &Answering<'_>, media| {
                    let (incoming, settings) = (incoming.clone(), Settings::default());
                    rehearse(incoming, plan.clone(), settings, &directory, callees, media, now)
                };
                let failure = failure_after(&plan);
                let all = run(&Answering { failing: None, failure }, rehearsal()?);
                let of = |dialled: &Dialled| Destination::new(&dialled.dial, config, &directory);
                report.destinations = all.dialled.iter().map(of).collect();
                report.tell_recording(&incoming.origin, &all.dialled, &directory);
                let failing = Some(arguments.failing.as_slice());
                let done = run(&Answering { failing, failure }, rehearsal()?);
                report.tell_legs(&incoming, &done, config, &directory);
            }
        }
        Ok(report)
    }

    fn look(&mut self, config: &Config, query: &Query<'_>) {
        let trials = config.rules.explain(query).into_iter();
        let places = config.rules.specs().zip(&config.rule_lines);
        self.looked_at = trials
            .zip(places)
            .map(|(trial, (spec, line))| Tried {
                rule: trial.rule.to_string(),
                line: *line,
                matches: trial.mismatch.is_none(),
                reason: reasons::of(trial.mismatch.as_ref(), spec, query),
            })
            .collect();
    }

    fn decide(&mut self, config: &Config, plan: &Plan) {
        let index = config.rules.names().position(|name| *name == *plan.rule);
        self.decision.rule = Some(plan.rule.to_string());
        self.decision.line = index.and_then(|index| config.rule_lines.get(index).copied());
        let spec = index.and_then(|index| config.rules.specs().nth(index));
        self.decision.steps = reasons::steps(&plan.steps, spec);
    }

    fn tell_recording(&mut self, caller: &Origin, dialled: &[Dialled], directory: &Presumed) {
        let user = |one: &Dialled| match &one.dial.target {
            Target::Contact { user, .. } => Some(Origin::User(user.clone())),
            Target::Trunk { .. } | Target::Party { .. } => None,
        };
        for party in std::iter::once(caller.clone()).chain(dialled.iter().filter_map(user)) {
            let told = reasons::recording(&party, directory.recording(&party));
            let told = told.filter(|told| !self.decision.steps.contains(told));
            self.decision.steps.extend(told);
        }
    }

    fn refuse(&mut self, status: u16, reason: String) {
        (self.decision.status, self.decision.reason) = (Some(status), Some(reason));
    }

    fn tell_legs(&mut self, incoming: &Incoming, done: &Rehearsed, config: &Config, directory: &Presumed) {
        let callee = done.partner.and_then(|leg| done.dialled.iter().find(|dialled| dialled.dial.leg == leg));
        if done.answer.is_some() || !done.dialled.is_empty() || !done.refused.is_empty() {
            self.legs.push(terms::of_caller(incoming, done, config, directory));
        }
        // Of several who fail the last is shown: its answer may be why.
        if let Some(dialled) = callee.or(done.dialled.last()) {
            self.legs.push(terms::of_callee(dialled, done, config, directory));
        }
        self.is_transcoded =
            done.media.leg(incoming.leg).is_some_and(|leg| callee.is_some() && leg.stats().is_transcoded);
        // Who is answered is not refused, whatever ends the plan.
        if let (Some(cause), None) = (done.end, &done.answer) {
            let told = done.refused.last().map(|(_, why)| why.clone());
            self.refuse(status_of(cause).code(), told.unwrap_or_else(|| reasons::cause(cause).to_owned()));
        }
    }
}

impl CallTold {
    fn new(arguments: &ExplainArguments, asked: &Asked, at: SystemTime) -> Self {
        let whole = |at: jiff::Timestamp| jiff::Timestamp::from_second(at.as_second());
        let at = jiff::Timestamp::try_from(at).and_then(whole).map(|at| at.to_string()).unwrap_or_default();
        let is_listener_said = arguments.listener.is_some();
        let said = |source| said_source(arguments, source).map(|ip| ip.to_string());
        match asked {
            Asked::Admitted(incoming) => Self {
                origin: Some(reasons::party(&incoming.origin)),
                caller: incoming.caller.user.clone(),
                destination: incoming.destination.clone(),
                listener: incoming.listener.to_string(),
                is_listener_said,
                source: said(incoming.signalled_from),
                at,
            },
            Asked::Refused { listener, source, .. } => Self {
                origin: None,
                caller: arguments.from.clone(),
                destination: arguments.to.clone(),
                listener: listener.clone(),
                is_listener_said,
                source: said(*source),
                at,
            },
        }
    }
}

/// Where the call comes from, as far as that is said: a trunk's calls come from where it is.
fn said_source(arguments: &ExplainArguments, source: IpAddr) -> Option<IpAddr> {
    (arguments.source.is_some() || arguments.trunk.is_some()).then_some(source)
}

impl Destination {
    /// As the adapter would call it.
    fn new(dial: &Dial, config: &Config, directory: &Presumed) -> Self {
        let ours = directory.media_address(Some(ELSEWHERE)).into();
        let mut headers = Headers::new();
        let (user, trunk, uri, from, allowed) = match &dial.target {
            Target::Trunk { trunk, number } => {
                let known = config.trunks.iter().find(|known| known.sip.name == *trunk);
                let shown = known.map(|known| {
                    let (uri, caller) =
                        identity::written_for(&known.sip, number, &dial.caller, dial.on_behalf_of.as_deref());
                    let host = if known.sip.registrations.is_empty() { ours } else { known.sip.uri_host() };
                    (uri, identity::present(&caller, &host, known.sip.caller_id, &mut headers))
                });
                let (uri, from) = shown.unzip();
                let allowed = known.map(|known| known.sip.passing.headers.as_slice());
                (None, Some(trunk.clone()), uri, from, allowed.unwrap_or_default())
            }
            Target::Contact { user, .. } | Target::Party { user, .. } => {
                let caller_id = identity::CallerId::From;
                let from = identity::present(&dial.caller, &ours, caller_id, &mut headers);
                (Some(user.clone()), None, None, Some(from), directory.headers_allowed(config))
            }
        };
        let goes_along = |header: &&Header| passing::allows(allowed, &header.name);
        let told = |name: HeaderName| headers.get(&name).map(|value| format!("{name}: {value}"));
        Self {
            user,
            trunk,
            number: uri.as_ref().and_then(|uri| uri.user_unescaped()).map(|user| user.into_owned()),
            request_uri: uri.map(|uri| uri.to_string()),
            from: from.map(|from| from.to_string()).unwrap_or_default(),
            identity: [HeaderName::PAssertedIdentity, HeaderName::Privacy]
                .into_iter()
                .filter_map(told)
                .collect(),
            headers: changes(&dial.headers, dial.passed.headers.iter().filter(goes_along)),
            ring_timeout_s: dial.ring_timeout.as_secs(),
            codecs: dial.offer.as_deref().map(offered).unwrap_or_default(),
        }
    }
}

/// What the INVITE says besides, by the rule and by the lists of what goes along.
fn changes<'h>(changes: &[HeaderChange], passed: impl Iterator<Item = &'h Header>) -> Vec<String> {
    let by_rule = changes.iter().map(|change| match &change.value {
        Some(value) => format!("{}: {value}", change.name),
        None => format!("without {}", change.name),
    });
    let along = passed.map(|header| format!("{}: {} (goes along)", header.name, header.value));
    by_rule.chain(along).collect()
}

/// The names of what a description offers, best first.
pub(super) fn offered(description: &SessionDescription) -> Vec<String> {
    let audio = description.media.iter().find(|media| media.kind == MediaKind::Audio);
    let names = audio.iter().flat_map(|audio| {
        audio.payload_types().filter_map(|number| match audio.rtpmap(number) {
            Some(map) if map.encoding_name.eq_ignore_ascii_case("telephone-event") => None,
            Some(map) if map.encoding_name.eq_ignore_ascii_case("CN") => None,
            Some(map) if map.encoding_name.eq_ignore_ascii_case("L16") => {
                Some(format!("{}/{}", map.encoding_name, map.clock_rate.hz()))
            }
            Some(map) => Some(map.encoding_name.clone()),
            None => match number.number() {
                0 => Some("PCMU".to_owned()),
                8 => Some("PCMA".to_owned()),
                9 => Some("G722".to_owned()),
                13 => None,
                other => Some(format!("payload type {other}")),
            },
        })
    });
    names.collect()
}

/// A failure after which the next one is called, where the plan has such.
fn failure_after(plan: &Plan) -> EndCause {
    let after = plan.steps.iter().find_map(|step| match step {
        Step::Bridge(bridge) => bridge.only_after.as_ref()?.first().copied(),
        _ => None,
    });
    after.unwrap_or(EndCause::GatewayFailure)
}
